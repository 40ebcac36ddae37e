"""What a decision says of a place from which a helicopter would lift somebody by hoist. Pure.

Whether it may lift there is decided by routing and dispatch; here it is only read out of the ways and reasons that the
decision was recorded with, for whoever asks the people there, or tells them what became of their answer.
"""

from __future__ import annotations

from collections.abc import Iterable

from casebook.events import Option, Rejection
from casebook.picture import CasualtyState, IncidentState

HOIST = "hoist"  # a way's term where nobody lands at the scene
UNKNOWN, OBSTACLES = "air_hoist_place_unknown", "air_hoist_obstacles"  # reasons of routing/air/hoist.py
_PLACE = frozenset({UNKNOWN, OBSTACLES})


def is_clear(incident: IncidentState) -> bool | None:
    """Whether somebody said that the place is clear; None: nobody has said anything."""
    return incident.hoist_place.clear if incident.hoist_place else None


def asks_for_place(state: CasualtyState) -> bool:
    """Whether a way by hoist is among those that somebody has yet to choose from, or is the one that was chosen."""
    return any(HOIST in way.terms_s or not _PLACE.isdisjoint(_codes(way)) for way in _open_ways(state))


def _open_ways(state: CasualtyState) -> Iterable[Option | Rejection]:
    chosen_at, proposed_at = state.chosen_at, state.proposed_at
    if state.option is not None and (chosen_at is None or proposed_at is None or chosen_at >= proposed_at):
        return (state.option,)
    told = (*state.proposal.options, *state.proposal.rejected) if state.proposal else ()
    return (*told, *state.stranded)


def place_as_told(ways: Iterable[Option | Rejection]) -> frozenset[str]:
    """What these ways say of the place: that nobody knows it, that it is not clear; nothing where it is clear, or where
    no way is by hoist."""
    return _PLACE & {code for way in ways for code in _codes(way)}


def _codes(way: Option | Rejection) -> set[str]:
    return {reason.code for reason in way.reasons}
