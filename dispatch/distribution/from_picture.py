"""Make a case out of the picture: whoever of an incident has not reached a door, and what could take them. Pure.

Travel times are filled in by dispatch/distribution/travel.py; what follows from the answer is a person's business.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import datetime

from casebook.capacity import Closure, Figure
from casebook.casualty import Findings, Stage
from casebook.picture import CasualtyState, HospitalState, IncidentState, Picture, PlanState, UnitState
from casebook.place import Place, distance_m
from casebook.steps import Duty
from dispatch.arrivals import door_at
from dispatch.distribution.ask import Ask, Casualty, Closed, Hospital, Places, Point, Travel, UnderWay, Vehicle
from dispatch.distribution.rules import DistributionRules
from dispatch.needs import field_triage_of
from dispatch.whereabouts import HELICOPTER, where_is_unit

AT_THE_DOOR = (Stage.ARRIVED, Stage.HANDING_OVER, Stage.HANDED_OVER, Stage.CLOSED)
AT_THE_SCENE = (Duty.ON_SCENE, Duty.AT_PATIENT)
ON_THE_ROAD = (Duty.TRANSPORTING, Duty.AT_LANDING_SITE)


def case_of_picture(picture: Picture, incident: str, now: datetime, rules: DistributionRules, seed: int = 0) -> Ask:
    """The case of one incident as it is now. Raises NotFound for an unknown incident.

    Casualties that have reached a door are left out. Who is aboard and has a destination is under way; who has one
    and has not left is planned for it, who has none for what the newest plan says. Where a person did not want a
    hospital for somebody, that counts as its no. Units: those that are available or serve this incident, of kinds that
    the rules know.
    """
    scene = picture.get_incident(incident)
    states = [one for _, one in sorted(picture.casualties.items()) if one.incident == incident]
    open_ = [one for one in states if one.stage not in AT_THE_DOOR]
    rolling = {one.id: one for one in open_ if _carrier(picture, one) is not None and door_at(picture, one) is not None}
    units = [
        unit
        for _, unit in sorted(picture.units.items())
        if unit.id in {one.unit for one in rolling.values()}
        or (unit.kind in rules.vehicles and (unit.incident == incident or unit.duty is Duty.AVAILABLE))
    ]
    ours = frozenset(one.id for one in open_)
    plan = picture.plans.get(incident)
    hospitals = tuple(_hospital(picture, one, now, ours) for _, one in sorted(picture.hospitals.items()))
    return Ask(
        at=now, happened_at=min(scene.happened_at, now), seed=seed,
        casualties=tuple(_casualty(one, incident, plan) for one in open_),
        hospitals=hospitals, vehicles=tuple(_vehicle(unit, now, rules, scene) for unit in units),
        scenes={incident: _point(scene.place)}, travel=_flights(units, scene.place, incident, rules, now),
        under_way=tuple(_under_way(picture, one, now) for one in rolling.values()),
        before={one.id: where for one in open_ if one.id not in rolling and (where := _before(one, plan)) is not None},
    )  # fmt: skip


def _point(place: Place) -> Point:
    return Point(lat=place.lat, lon=place.lon)


def _minutes(until: datetime, now: datetime) -> float:
    return max(0.0, round((until - now).total_seconds() / 60, 2))


def _carrier(picture: Picture, one: CasualtyState) -> UnitState | None:
    """The unit that drives with the casualty aboard to the hospital that was chosen."""
    unit = picture.units.get(one.unit or "")
    carried = unit is not None and one.id in unit.aboard and unit.duty in ON_THE_ROAD
    return unit if carried and one.option is not None else None


def _before(one: CasualtyState, plan: PlanState | None) -> str | None:
    """Where a person has said that it goes, else where the newest plan would have it go."""
    if one.option is not None:
        return one.option.hospital
    row = plan.find_row(one.id) if plan is not None else None
    return row.hospital if row is not None else None


def _casualty(one: CasualtyState, incident: str, plan: PlanState | None) -> Casualty:
    found = one.findings or Findings()
    return Casualty(
        id=one.id, category=one.category, pathway=found.pathway, scene=incident, needs=found.needs, wants=found.wants,
        age_years=_number(one.age_years), scores={name: float(value) for name, value in sorted(found.scores.items())},
        field_triage=field_triage_of(one), pregnancy_weeks=_number(found.pregnancy_weeks),
        airway_unmanageable=found.airway_unmanageable, in_arrest=found.in_arrest,
        refused_by=tuple(sorted({*one.refusals, *(plan.refused.get(one.id, ()) if plan is not None else ())})),
        rpm=_number(found.scores.get("rpm")),
    )  # fmt: skip


def _number(value: float | None) -> float | None:
    """The same number however it was told: 42 and 42.0 give one hash."""
    return None if value is None else float(value)


def _hospital(picture: Picture, one: HospitalState, now: datetime, ours: frozenset[str]) -> Hospital:
    held = [hold for hold in picture.holds.values() if hold.hospital == one.id and hold.until > now]

    def places(resource: str, figure: Figure) -> Places:
        # The slots of those who are planned here anew are free for the plan; all others are held.
        others = sum(hold.resource == resource and (hold.elsewhere or hold.casualty not in ours) for hold in held)
        return Places(free=figure.free, total=figure.total, age_min=round(figure.age_s(now) / 60, 2), held=others)

    return Hospital(
        id=one.id, name_zh=one.name_zh, name_en=one.name_en, capabilities=one.capabilities, place=_point(one.place),
        trauma_level=one.trauma_level,
        places={resource: places(resource, figure) for resource, figure in sorted(one.figures.items())},
        closed=tuple(_closed(one.closures.values(), now)),
    )  # fmt: skip


def _closed(closures: Iterable[Closure], now: datetime) -> Iterable[Closed]:
    for one in sorted(closures, key=lambda one: one.resource):
        if one.in_force(now):
            until = None if one.until is None else _minutes(one.until, now)
            yield Closed(resource=one.resource, reason=one.reason, until_min=until)


def _vehicle(unit: UnitState, now: datetime, rules: DistributionRules, scene: IncidentState) -> Vehicle:
    """A kind that the rules do not know is here only because somebody is aboard: it comes back as an ambulance does.
    Whoever has said that it is on scene is there, whatever its last position was."""
    kind = unit.kind if unit.kind in rules.vehicles else "ambulance"
    there = unit.incident == scene.id and unit.duty in AT_THE_SCENE
    return Vehicle(id=unit.id, kind=kind, place=_point(scene.place if there else where_is_unit(unit, now)))


def _flights(
    units: Iterable[UnitState], scene: Place, incident: str, rules: DistributionRules, now: datetime
) -> Travel:
    """An aircraft comes straight; the roads know nothing of it."""
    to: dict[str, dict[str, float | None]] = {}
    for unit in units:
        if unit.kind == HELICOPTER:
            flown_km = distance_m(where_is_unit(unit, now), scene) / 1000
            to[unit.id] = {incident: math.ceil(rules.flight.overhead_min + flown_km / rules.flight.cruise_kmh * 60)}
    return Travel(to_scene_min=to)


def _under_way(picture: Picture, one: CasualtyState, now: datetime) -> UnderWay:
    there = door_at(picture, one)
    assert there is not None
    assert one.option is not None
    return UnderWay(
        casualty=one.id, vehicle=one.unit or "", hospital=one.option.hospital, arrives_min=_minutes(there, now)
    )
