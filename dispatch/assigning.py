"""Send, stand by, stand down units: the commands, and what a ranking stands on.

The ranking is dispatch/assignment.py's, given the driving times that this module asks of routing.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Annotated

import msgspec

from casebook import events as e
from casebook.asking import Command
from casebook.errors import NoAnswer, NotFound, RefusedInput
from casebook.events import Reason
from casebook.picture import Picture
from casebook.steps import Duty
from dispatch.area import Area
from dispatch.assignment import Ranked, rank_units
from dispatch.destination import canonical
from dispatch.journeys import flight_leg, road_leg, traffic_of, traffic_version
from dispatch.policy import AssignmentRules, TaskRules
from dispatch.reasons import seconds
from dispatch.tasks import settled_by
from dispatch.whereabouts import HELICOPTER, where_is_unit
from routing.ground import table
from routing.profiles import AMBULANCE_SIREN
from routing.roads import Roadmap


class RankUnits(Command, frozen=True):
    """Who could go to this incident, best first. Records nothing."""

    incident: str


class AssignUnit(Command, frozen=True):
    """Send a unit to the scene. `unit` empty: the first of the ranking."""

    incident: str
    unit: str = ""
    purpose: Annotated[str, msgspec.Meta(max_length=100)] = "transport"


class OrderStandby(Command, frozen=True):
    """Crew to the machine, ready to go at once."""

    incident: str
    unit: str


class StandDown(Command, frozen=True):
    """The unit is not needed (any more)."""

    unit: str
    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


def rank_for(roadmap: Roadmap, picture: Picture, incident: str, at: datetime, rules: AssignmentRules) -> list[Ranked]:
    """Every unit for this incident, by road time from where it is now. Raises NotFound for an unknown incident."""
    scene = picture.get_incident(incident)
    units = [picture.units[id] for id in sorted(picture.units)]
    drivers = [unit for unit in units if unit.kind != HELICOPTER and unit.duty is Duty.AVAILABLE]
    starts = [where_is_unit(unit, at) for unit in drivers]
    rows = (
        table(roadmap, starts, [scene.place], profile=AMBULANCE_SIREN, traffic=traffic_of(picture), at=at)
        if starts
        else []
    )
    times_s = {unit.id: row[0] for unit, row in zip(drivers, rows, strict=True)}
    return rank_units(units, times_s, scene.priority, rules)


def assign(
    roadmap: Roadmap, area: Area, picture: Picture, command: AssignUnit, at: datetime, rules: AssignmentRules
) -> e.UnitAssigned:
    """The assignment with its leg and why this unit. Raises NoAnswer `no_unit_free`, or `no_route` from routing."""
    ranked = rank_for(roadmap, picture, command.incident, at, rules)
    first = ranked[0] if ranked and ranked[0].fit else None
    id = command.unit or (first.unit if first else "")
    if not id:
        raise NoAnswer("no_unit_free", incident=command.incident)
    unit = picture.get_unit(id)
    scene, here = picture.get_incident(command.incident).place, where_is_unit(unit, at)
    if unit.kind == HELICOPTER:
        machine = area.aircraft.get(id)
        if machine is None:
            raise NotFound(what="aircraft", id=id)
        return e.UnitAssigned(id, command.incident, command.purpose, flight_leg(here, scene, machine, area.air_times))
    leg = road_leg(roadmap, here, scene, picture, at)
    return e.UnitAssigned(id, command.incident, command.purpose, leg, why_this(ranked, id))


def why_this(ranked: list[Ranked], id: str) -> tuple[Reason, ...]:
    """The reasons recorded with an assignment: the winner's own, or that a person chose another than the first."""
    mine = next((one for one in ranked if one.unit == id), None)
    first = ranked[0]
    if mine is None or mine is first or not first.fit:
        return mine.reasons if mine else ()
    slower_s = max(0.0, (mine.eta_s or 0.0) - (first.eta_s or 0.0))
    return (Reason("unit_chosen_by_hand", {"unit": first.unit} | seconds("slower", slower_s)), *mine.reasons)


def order_standby(picture: Picture, command: OrderStandby, tasks: TaskRules) -> list[e.Event]:
    """A helicopter stands by; whoever was asked to see to it is done. Raises RefusedInput `only_helicopters`."""
    incident, unit = picture.get_incident(command.incident), picture.get_unit(command.unit)
    if unit.kind != HELICOPTER:
        raise RefusedInput("only_helicopters", unit=unit.id)
    return [e.UnitOnStandby(unit.id, incident.id), *settled_by(picture, incident.id, e.UnitOnStandby.name, tasks)]


def standing_units(picture: Picture, at: datetime) -> str:
    """A name for everything in the picture that a ranking depends on."""
    units = {u.id: (u.kind, u.duty, where_is_unit(u, at)) for u in picture.units.values()}
    scenes = {one.id: (one.place, one.priority) for one in picture.incidents.values()}
    free = {id: told for id, told in units.items() if told[1] is Duty.AVAILABLE}
    duties = {id: (kind, duty) for id, (kind, duty, _) in units.items()}
    return hashlib.sha256(canonical([free, duties, scenes, traffic_version(picture, at)])).hexdigest()
