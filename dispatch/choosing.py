"""What follows when a person says yes to a destination: one batch of facts, all or nothing. Pure.

The destination fixed with its reasons, the old one released, a slot held, the vehicles given their legs, the aircraft
tasked, the hospital told. Which way is best was decided before; the desk computes the legs and records the batch.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Literal

import msgspec

from casebook import events as e
from casebook.asking import Command
from casebook.capacity import Hold, free_now
from casebook.casualty import Stage
from casebook.desks import Due
from casebook.errors import AlreadyHeld, NoAnswer, RefusedInput
from casebook.events import Decision, Option
from casebook.folding.destination import forced_by
from casebook.picture import CasualtyState, Picture, UnitState
from casebook.steps import Duty, Prealert
from dispatch.destination import resource_for
from dispatch.needs import case_of
from dispatch.policy import Policy, TaskRules
from dispatch.tasks import open_task, settled_by
from dispatch.whereabouts import HELICOPTER, TAKES_OVER

TO_HOSPITAL, TO_SITE, TO_MEET = "hospital", "landing_site", "rendezvous"
TOLD_OF_LANDING = "landing_site_police"
TASKED = "air_tasking"


class ChooseDestination(Command, frozen=True):
    """A person's yes. Nothing but the casualty: the proposal's first option; with `plan`, the id of the incident's
    newest joint plan: what that says. Anything else needs a reason."""

    casualty: str
    hospital: str = ""
    mode: Literal["", "road", "air", "rendezvous"] = ""
    override_reason: Annotated[str, msgspec.Meta(max_length=500)] = ""
    plan: Annotated[str, msgspec.Meta(max_length=100)] = ""


class ProposeDestination(Command, frozen=True):
    """Decide again for this casualty, on what is known now."""

    casualty: str


@dataclass(frozen=True, slots=True)
class Legs:
    """What each vehicle is to follow. None: it has nothing to drive or fly for this option."""

    carrier: e.Leg | None = None
    carrier_to: str = ""
    aircraft: e.Leg | None = None


def wanted_of(picture: Picture, command: ChooseDestination, fresh: Decision) -> tuple[str, str]:
    """(hospital, mode) that is asked for. Raises RefusedInput `override_needs_reason`, NoAnswer `no_capable_centre`,
    `plan_outdated`, AlreadyHeld: what was proposed a moment ago went to somebody else: no case for giving a reason."""
    if command.plan:
        return _planned(picture, command)
    seen = picture.get_casualty(command.casualty).proposal or fresh
    first = seen.options[0] if seen.options else None
    if not command.hospital:
        if first is None:
            raise NoAnswer("no_capable_centre", casualty=command.casualty)
        return first.hospital, first.mode
    picture.get_hospital(command.hospital)
    mode = command.mode or next((o.mode for o in fresh.options if o.hospital == command.hospital), "road")
    proposed = first is not None and (first.hospital, first.mode) == (command.hospital, mode)
    if not proposed and not command.override_reason.strip():
        refuse_held((command.hospital, mode), fresh)
        first_id = first.hospital if first else "-"
        raise RefusedInput("override_needs_reason", hospital=command.hospital, proposed=first_id)
    return command.hospital, mode


def _planned(picture: Picture, command: ChooseDestination) -> tuple[str, str]:
    state = picture.plans.get(picture.get_casualty(command.casualty).incident)
    row = state.find_row(command.casualty) if state is not None and state.proposed.id == command.plan else None
    if row is None or command.hospital or command.override_reason:
        raise RefusedInput("plan_outdated", plan=command.plan, newest=state.proposed.id if state else "-")
    return row.hospital, row.mode


def option_for(wanted: tuple[str, str], fresh: Decision, override_reason: str) -> Option:
    """The way asked for, on today's figures. Raises AlreadyHeld or NoAnswer when it cannot be taken any more.

    A barred drive (full, closed, lacking) can be forced with a reason; a barred flight cannot.
    """
    for option in fresh.options:
        if (option.hospital, option.mode) == wanted:
            return option
    hospital, mode = wanted
    barred = e.find_rejection(fresh.rejected, hospital, mode)
    if barred is not None and barred.eta_s is not None and mode == "road" and override_reason.strip():
        return Option(hospital, mode, barred.eta_s, barred.terms_s, reasons=barred.reasons)
    refuse_held(wanted, fresh)
    why = ", ".join(reason.code for reason in barred.reasons) if barred else "no_route"
    raise NoAnswer("option_gone", hospital=hospital, mode=mode, why=why)


def refuse_held(wanted: tuple[str, str], fresh: Decision) -> None:
    """Raises AlreadyHeld when all that is free there is held for others."""
    barred = e.find_rejection(fresh.rejected, *wanted)
    taken = next((r for r in barred.reasons if r.code == "capacity"), None) if barred else None
    if taken is not None and taken.facts["held"]:
        raise AlreadyHeld(resource=taken.facts["resource"], hospital=wanted[0], holder=taken.facts["held"])


def choose(
    picture: Picture, casualty: str, option: Option, decision: Decision, legs: Legs, at: datetime, policy: Policy,
    tasks: TaskRules, override_reason: str = "", plan: str = "",
) -> list[e.Event]:  # fmt: skip
    """Everything that follows from the yes.

    Raises AlreadyHeld when the slot or the aircraft went to somebody else, RefusedInput (`forcing_needs_reason`) when
    the hospital had said no and nobody says why it is sent there all the same.
    """
    state = picture.get_casualty(casualty)
    rejected = tuple(r for r in decision.rejected if (r.hospital, r.mode) != (option.hospital, option.mode))
    chosen = e.DestinationChosen(casualty, option, rejected, override_reason, plan or None)
    if forced_by(picture, chosen, at) and not override_reason:
        raise RefusedInput("forcing_needs_reason", hospital=option.hospital)
    facts: list[e.Event] = [
        *_let_go(picture, state, option, policy),
        chosen,
        *_hold(picture, state, option, at, policy, forced=bool(override_reason)),
        *_carry(picture, state, legs),
        *_fly(picture, state, option, legs, at, tasks),
    ]
    if state.prealert in (Prealert.NONE, Prealert.REFUSED) or state.prealert_hospital != option.hospital:
        facts.append(_prealert(state, option, at, policy))
    return facts


def _let_go(picture: Picture, state: CasualtyState, option: Option, policy: Policy) -> Iterable[e.Event]:
    """What an earlier choice took and this one does not need."""
    if state.option is None:
        return
    moved = state.option.hospital != option.hospital
    hold = picture.find_hold(state.id)
    resource = resource_for(case_of(state).category, policy)
    if hold is not None and (hold.hospital, hold.resource) != (option.hospital, resource):
        yield e.HoldReleased(state.id, hold.hospital, hold.resource, hold.slot, "redirected")
    if moved and state.prealert is not Prealert.NONE and state.prealert_hospital:
        yield e.PrealertWithdrawn(state.id, state.prealert_hospital, "redirected")
    aircraft = picture.units.get(state.option.aircraft or "")
    if aircraft is None or aircraft.id == option.aircraft or aircraft.aboard:
        return
    if aircraft.incident == state.incident and aircraft.duty is not Duty.AVAILABLE:
        yield e.UnitStoodDown(aircraft.id, "redirected")


def _hold(
    picture: Picture, state: CasualtyState, option: Option, at: datetime, policy: Policy, *, forced: bool
) -> Iterable[e.Event]:
    resource = resource_for(case_of(state).category, policy)
    slot = free_slot(picture, option.hospital, resource, state.id, at)
    if slot is None and not forced and not case_of(state).closest_any:
        holders = [hold.casualty for hold in picture.list_holds(option.hospital, resource, at)]
        raise AlreadyHeld(resource=resource, hospital=option.hospital, holder=", ".join(holders) or "-")
    if slot is not None:
        until = at + timedelta(seconds=option.eta_s + policy.hold.beyond_arrival_s)
        yield e.HoldPlaced(state.id, option.hospital, resource, slot, until)


def free_slot(picture: Picture, hospital: str, resource: str, casualty: str, at: datetime) -> int | None:
    """The slot this casualty may hold: its own, else the lowest nobody holds; None when all free ones are held.

    Where the count is not known a slot is still reserved: that the bay is free is not claimed by it.
    """
    holds = picture.list_holds(hospital, resource, at)
    own = next((hold.slot for hold in holds if hold.casualty == casualty), None)
    if own is not None:
        return own
    taken = {hold.slot for hold in holds}
    if free_now(picture.get_hospital(hospital).figures.get(resource), len(taken), resource, at) == 0:
        return None
    return next(slot for slot in range(1, len(taken) + 2) if slot not in taken)


def _carry(picture: Picture, state: CasualtyState, legs: Legs) -> Iterable[e.Event]:
    if legs.carrier is not None and state.unit is not None:
        yield e.LegGiven(picture.get_unit(state.unit).id, legs.carrier_to, legs.carrier)


def _fly(
    picture: Picture, state: CasualtyState, option: Option, legs: Legs, at: datetime, tasks: TaskRules
) -> Iterable[e.Event]:
    """The aircraft tasked to the meeting, with the tasks that go with it; nothing when it is on its way there."""
    if option.aircraft is None or legs.aircraft is None:
        return
    aircraft = picture.get_unit(option.aircraft)
    if aircraft.duty in (Duty.AVAILABLE, Duty.STANDBY):
        yield e.UnitAssigned(aircraft.id, state.incident, TO_MEET, legs.aircraft)
        yield from settled_by(picture, state.incident, "unit_on_standby", tasks)
        note = option.rendezvous or ""
        for ahead, kind in enumerate((TASKED, TOLD_OF_LANDING) if note else (TASKED,)):
            yield open_task(picture, state.incident, kind, at, tasks, note=note, ahead=ahead)
    elif aircraft.incident != state.incident:
        raise AlreadyHeld(resource="unit", hospital=aircraft.id, holder=aircraft.incident or "-")
    elif aircraft.leg is None or aircraft.leg.to != legs.aircraft.to:
        yield e.LegGiven(aircraft.id, TO_MEET, legs.aircraft)


def _prealert(state: CasualtyState, option: Option, at: datetime, policy: Policy) -> e.PrealertSent:
    rule, category = policy.prealert, case_of(state).category
    return e.PrealertSent(
        casualty=state.id,
        hospital=option.hospital,
        due_at=at + timedelta(seconds=rule.acknowledge_within_s),
        eta_at=at + timedelta(seconds=option.eta_s),
        activation_level=rule.level_by_category.get(category),
    )


# --- what the desk does by itself


def holds_due(picture: Picture, now: datetime, policy: Policy) -> Iterable[Due]:
    """Holds of those on the way renewed before they run out, holds of those who will not come released."""
    for hold in (picture.holds[key] for key in sorted(picture.holds)):
        state = picture.casualties.get(hold.casualty)
        if state is None:
            continue
        if state.stage is Stage.CLOSED:
            released = e.HoldReleased(hold.casualty, hold.hospital, hold.resource, hold.slot, "closed")
            yield Due(state.times["casualty_closed"], (released,))
        elif state.stage is not Stage.HANDED_OVER and (at := _renewed_at(hold, policy)) < now:
            longer = timedelta(seconds=policy.hold.beyond_arrival_s)
            until = at + longer if at + longer > now else now + longer
            yield Due(at, (e.HoldPlaced(hold.casualty, hold.hospital, hold.resource, hold.slot, until),))


def _renewed_at(hold: Hold, policy: Policy) -> datetime:
    return hold.until - timedelta(seconds=policy.hold.renew_before_s)


def onward(picture: Picture) -> list[tuple[UnitState, CasualtyState]]:
    """Helicopters that took somebody over, at the meeting or at the scene, and have no leg to the hospital yet."""
    ready = [
        unit
        for unit in (picture.units[id] for id in sorted(picture.units))
        if unit.kind == HELICOPTER and unit.aboard and unit.duty in TAKES_OVER and unit.purpose != TO_HOSPITAL
    ]
    pairs = [(unit, picture.get_casualty(unit.aboard[0])) for unit in ready]
    return [(unit, state) for unit, state in pairs if state.option is not None]
