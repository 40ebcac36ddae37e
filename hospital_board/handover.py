"""Take the patient over: the ward's signature, what follows when both sides have signed, and who saw what when. Pure.

The crew signs on its tablet; that fact comes by the vehicle's outbox. When the second signature is in the book,
whichever it is, the handover is complete, the held bay is given back and counted as in use.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from casebook import events as e
from casebook.asking import Command
from casebook.atmist import ITEMS
from casebook.casualty import Stage
from casebook.desks import Due
from casebook.errors import IllegalStep
from casebook.picture import CasualtyState, Picture
from hospital_board.bays import RESUS_BAY, RESUSCITATION, holds_of
from hospital_board.capacity_desk import recounted
from hospital_board.cases import get_own_case

SIDES = ("crew", "hospital")


class SignHandover(Command, frozen=True, kw_only=True):
    """The ward takes the patient over. `signer` absent: the board's own name."""

    hospital: str
    casualty: str
    signer: str = ""


def sign_handover(picture: Picture, command: SignHandover, who: str, now: datetime) -> list[e.Event]:
    """The ward's signature, and all that follows when the crew has signed before.

    Starts the handover when the crew has not said so yet. Raises IllegalStep before the patient has arrived and when
    the ward has signed already.
    """
    state = get_own_case(picture, command.casualty, command.hospital)
    if "hospital" in state.signatures:
        raise IllegalStep(what=e.HandoverSigned.name, entity="casualty", id=state.id, stage="signed_hospital")
    if state.stage not in (Stage.ARRIVED, Stage.HANDING_OVER):
        raise IllegalStep(what=e.HandoverSigned.name, entity="casualty", id=state.id, stage=str(state.stage))
    started = [e.HandoverStarted(state.id, command.hospital)] if state.stage is Stage.ARRIVED else []
    signed = e.HandoverSigned(state.id, "hospital", command.signer.strip() or who)
    follows = completed(picture, state, command.hospital, now) if "crew" in state.signatures else []
    return [*started, signed, *follows]


def completed(picture: Picture, state: CasualtyState, hospital_id: str, now: datetime) -> list[e.Event]:
    """Both sides have signed: the handover is complete, what was held is given back and counts as in use.

    A severe casualty holds a resuscitation bay, the others a bed; who was given a bay is in it, whatever was held.
    """
    held = holds_of(picture, state.id, hospital_id)
    released = [e.HoldReleased(state.id, hospital_id, one.resource, one.slot, "handover") for one in held]
    taken = [RESUS_BAY] if state.bay is not None else [one.resource for one in held]
    hospital = picture.get_hospital(hospital_id)
    counted = [fact for resource in taken for fact in recounted(hospital, resource, 1, now)]
    treated = recounted(hospital, RESUSCITATION, 1, now) if RESUS_BAY in taken else []
    return [e.HandoverCompleted(state.id, hospital_id), *released, *counted, *treated]


def signed_by_both(picture: Picture) -> list[Due]:
    """What follows for every casualty whose second signature came from the crew."""
    dues: list[Due] = []
    for state in picture.casualties.values():
        hospital = state.prealert_hospital or state.hospital
        if state.stage is Stage.HANDING_OVER and set(state.signatures) == set(SIDES) and hospital is not None:
            at = max(at for _, at in state.signatures.values())
            dues.append(Due(at, tuple(completed(picture, state, hospital, at))))
    return dues


def handover_view(state: CasualtyState) -> dict[str, Any]:
    """{state, arrived_at, started_at, completed_at, signed: {side: {by, at}}}

    `state`: expected, arrived, started, completed.
    """
    words = {Stage.ARRIVED: "arrived", Stage.HANDING_OVER: "started", Stage.HANDED_OVER: "completed"}
    return {
        "state": words.get(state.stage, "expected"),
        "arrived_at": state.arrived_at,
        "started_at": state.times.get("handover_started"),
        "completed_at": state.times.get("handover_completed"),
        "signed": {side: {"by": by, "at": at} for side, (by, at) in state.signatures.items()},
    }


# Item of the pre-alert -> fields of Findings that tell it; the rest is known from the beginning. Vitals stream, and are
# acknowledged by nobody.
_TOLD_BY: dict[str, tuple[str, ...]] = {
    "concern": ("concern",),
    "ask": ("ask",),
    "mechanism": ("mechanism",),
    "injuries": ("injuries",),
    "signs": ("signs",),
    "treatment": ("treatments",),
    "requirements": ("needs", "wants"),
}


def read_back_matrix(state: CasualtyState, unknown: Collection[str]) -> dict[str, dict[str, Any]]:
    """For each known item of the pre-alert who saw it when: {item: {told_at, shown_at, acknowledged_at,
    acknowledged_by, changed, signed_at, signed_by}}; what has not happened is absent.

    `unknown`: the items nobody stated (casebook/atmist.py). `told_at`: when the crew last changed it. `shown_at`: when
    it stood on the ward's board, not before the pre-alert. An acknowledgement counts only for what was told before
    it; `changed` marks what came after.
    """
    if state.prealert_at is None:
        return {}
    signed_by, signed_at = state.signatures.get("hospital", (None, None))
    matrix: dict[str, dict[str, Any]] = {}
    for item in (item for item in ITEMS if item not in unknown):
        told_at = _told_at(state, item)
        row = {"told_at": told_at, "shown_at": max(told_at, state.prealert_at)}
        if state.acknowledged_at is not None and state.acknowledged_at >= told_at:
            row |= {"acknowledged_at": state.acknowledged_at, "acknowledged_by": state.acknowledged_by}
        elif state.acknowledged_at is not None:
            row |= {"changed": True}
        if signed_at is not None and signed_at >= told_at:
            row |= {"signed_at": signed_at, "signed_by": signed_by}
        matrix[item] = row
    return matrix


def _told_at(state: CasualtyState, item: str) -> datetime:
    found_at = state.times[e.CasualtyFound.name]
    told = [state.findings_told[name] for name in _TOLD_BY.get(item, ()) if name in state.findings_told]
    if told:
        return max(told)
    if item == "eta":
        return state.prealert_at or found_at
    return found_at
