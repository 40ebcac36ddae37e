"""What the newest decision for a casualty says of the hospital that the patient or family wish. Pure.

Whether a wish is safe and within its limit is decided by dispatch (dispatch/ranking.py); here it is only read out of
the reasons that the decision was recorded with, for whoever shows it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from casebook.events import Option, Rejection
from casebook.picture import CasualtyState


@dataclass(frozen=True, slots=True)
class WishAnswer:
    """`answer`: "honoured", "declined" (too dear) or "unsafe". `cost_s`: seconds later at a door than the best way;
    None: nobody knows, or no way leads there."""

    hospital: str
    answer: str
    cost_s: float | None


def wish_answer(state: CasualtyState) -> WishAnswer | None:
    """Of what was chosen or proposed last; None while there is no wish, or no decision that looked at it."""
    newer = state.chosen_at is None or (state.proposed_at is not None and state.proposed_at > state.chosen_at)
    if state.proposal is not None and newer:
        return answer_in(state.wish, state.proposal.options, state.proposal.rejected)
    return answer_in(state.wish, (state.option,) if state.option else (), state.rejected)


def answer_in(wish: str | None, options: Sequence[Option], rejected: Sequence[Rejection]) -> WishAnswer | None:
    """What a decision says of a wish; its first option is the one that counts."""
    if wish is None or not options:
        return None
    first = options[0]
    if first.hospital == wish:
        cost_s = next((one.facts["cost_s"] for one in first.reasons if one.code == "wish"), None)
        return WishAnswer(wish, "honoured", cost_s)
    there = [one for one in rejected if one.hospital == wish]
    reasons = [reason for one in there for reason in one.reasons]
    declined = [reason.facts["cost_s"] for reason in reasons if reason.code == "wish_declined"]
    if declined:
        return WishAnswer(wish, "declined", min(declined))
    if all(reason.code != "wish_unsafe" for reason in reasons):
        return None
    eta_s = min((one.eta_s for one in there if one.eta_s is not None), default=None)
    return WishAnswer(wish, "unsafe", None if eta_s is None else max(0.0, eta_s - first.eta_s))
