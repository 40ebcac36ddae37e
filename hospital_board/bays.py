"""Give a casualty a resuscitation bay of this hospital, and keep the bay's slot held for it. Pure.

Bays are named R1 .. Rn, n being the total that the ward stated; bay Rn and slot n of `resus_bay` are the same thing, so
that the store, which lets only one case hold a slot, decides about bays too.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from casebook import events as e
from casebook.asking import Command
from casebook.capacity import Hold
from casebook.casualty import OVER, Stage
from casebook.errors import AlreadyHeld, IllegalStep, RefusedInput
from casebook.picture import CasualtyState, HospitalState, Picture
from hospital_board.capacity_desk import recounted
from hospital_board.cases import get_own_case, list_own_cases

RESUS_BAY = "resus_bay"
RESUSCITATION = "resuscitation"  # counts the patients in the bays
HOLD_AFTER_ETA = timedelta(minutes=30)  # twice the usual 15 min goal for handing over at the door


class AssignBay(Command, frozen=True, kw_only=True):
    """This casualty comes into this bay."""

    hospital: str
    casualty: str
    bay: str


class ClearBay(Command, frozen=True, kw_only=True):
    """The patient has left the bay and it is ready again."""

    hospital: str
    casualty: str


def list_bays(hospital: HospitalState) -> tuple[str, ...]:
    """R1 .. Rn by the total last stated; none while no total was ever stated."""
    figure = hospital.figures.get(RESUS_BAY)
    return tuple(f"R{slot}" for slot in range(1, (figure.total or 0) + 1)) if figure else ()


def occupants(picture: Picture, hospital: str) -> dict[str, CasualtyState]:
    """Bay -> the casualty that was given it and has not left it."""
    cases = list_own_cases(picture, hospital)
    return {state.bay: state for state in cases if state.bay and state.stage is not Stage.CLOSED}


def bays_view(picture: Picture, hospital_id: str, now: datetime) -> dict[str, Any]:
    """{bay: {state: free | held | assigned | in_use, casualty}}. Free means free of our cases, not that it is empty."""
    hospital = picture.get_hospital(hospital_id)
    given = occupants(picture, hospital_id)
    held = {f"R{hold.slot}": hold.casualty for hold in picture.list_holds(hospital_id, RESUS_BAY, now)}
    seen: dict[str, Any] = {}
    for bay in list_bays(hospital):
        if bay in given:
            state = "in_use" if given[bay].stage is Stage.HANDED_OVER else "assigned"
            seen[bay] = {"state": state, "casualty": given[bay].id}
        else:
            seen[bay] = {"state": "held", "casualty": held[bay]} if bay in held else {"state": "free"}
    return seen


def assign_bay(picture: Picture, command: AssignBay, now: datetime) -> list[e.Event]:
    """The bay as a fact, with the holds that move for it; nothing when it is this casualty's already.

    A bay that is only kept for a case without a bay of its own is exchanged: that case gets this one's slot or the
    first free one. Raises RefusedInput (`bays_never_stated`, `no_such_bay`), AlreadyHeld (`bay_taken`), IllegalStep.
    """
    state = get_own_case(picture, command.casualty, command.hospital)
    if state.stage in OVER:
        raise IllegalStep(what=e.BayAssigned.name, entity="casualty", id=state.id, stage=str(state.stage))
    bays = list_bays(picture.get_hospital(command.hospital))
    if not bays:
        raise RefusedInput("bays_never_stated", hospital=command.hospital)
    if command.bay not in bays:
        raise RefusedInput("no_such_bay", bay=command.bay, known=", ".join(bays))
    occupant = occupants(picture, command.hospital).get(command.bay)
    if occupant is not None and occupant.id != state.id:
        raise AlreadyHeld("bay_taken", bay=command.bay, holder=occupant.label)
    if state.bay == command.bay:
        return []
    moves = _moved_holds(picture, state, command, bays, now)
    return [*moves, e.BayAssigned(state.id, command.hospital, command.bay)]


def clear_bay(picture: Picture, command: ClearBay, now: datetime) -> list[e.Event]:
    """The bay free again, counted where the count is known. Raises IllegalStep before the handover is done."""
    state = get_own_case(picture, command.casualty, command.hospital)
    if state.bay is None or state.stage is not Stage.HANDED_OVER:
        raise IllegalStep(what=e.BayCleared.name, entity="casualty", id=state.id, stage=str(state.stage))
    hospital = picture.get_hospital(command.hospital)
    counted = [fact for what in (RESUS_BAY, RESUSCITATION) for fact in recounted(hospital, what, -1, now)]
    return [e.BayCleared(state.id, hospital.id, state.bay), *counted]


def holds_of(picture: Picture, casualty: str, hospital: str) -> list[Hold]:
    """Whatever is kept here for this casualty (a bay, a bed), in force or run out."""
    return [hold for _, hold in sorted(picture.holds.items()) if (hold.casualty, hold.hospital) == (casualty, hospital)]


def find_bay_hold(picture: Picture, casualty: str, hospital: str) -> Hold | None:
    """The bay's slot that is kept for this casualty, in force or run out."""
    return next((hold for hold in holds_of(picture, casualty, hospital) if hold.resource == RESUS_BAY), None)


def _moved_holds(
    picture: Picture, state: CasualtyState, command: AssignBay, bays: tuple[str, ...], now: datetime
) -> list[e.Event]:
    """Give back what is in the way, then place both holds anew."""
    hospital, slot = command.hospital, _slot(command.bay)
    mine = find_bay_hold(picture, state.id, hospital)
    if mine is not None and mine.slot == slot and mine.until > now:
        return []
    until = max(mine.until if mine else now, (state.prealert_eta_at or now) + HOLD_AFTER_ETA, now + HOLD_AFTER_ETA)
    theirs = next((one for one in picture.list_holds(hospital, RESUS_BAY, now) if one.slot == slot), None)
    theirs = None if theirs is not None and theirs.casualty == state.id else theirs
    beds = [hold for hold in holds_of(picture, state.id, hospital) if hold.resource != RESUS_BAY]
    given_back = [
        e.HoldReleased(one.casualty, hospital, one.resource, one.slot, "bay_assigned")
        for one in (mine, theirs, *beds)
        if one
    ]
    placed: list[e.Event] = [e.HoldPlaced(state.id, hospital, RESUS_BAY, slot, until)]
    if theirs is not None:
        other = mine.slot if mine else _first_free_slot(picture, hospital, bays, now)
        if other is None:
            holder = picture.get_casualty(theirs.casualty).label
            raise AlreadyHeld("bay_taken", bay=command.bay, holder=holder)
        placed.append(e.HoldPlaced(theirs.casualty, hospital, RESUS_BAY, other, theirs.until))
    return [*given_back, *placed]


def _first_free_slot(picture: Picture, hospital: str, bays: tuple[str, ...], now: datetime) -> int | None:
    taken = {hold.slot for hold in picture.list_holds(hospital, RESUS_BAY, now)}
    taken |= {_slot(bay) for bay in occupants(picture, hospital)}
    return next((_slot(bay) for bay in bays if _slot(bay) not in taken), None)


def _slot(bay: str) -> int:
    return int(bay.removeprefix("R"))
