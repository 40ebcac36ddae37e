"""Time every way from one casualty to every hospital, as it is and as it would be if one thing were different.

Reads the picture, asks routing; seconds count from the decision. The driving times are dispatch/drives.py's, which way
is taken is dispatch/destination.py's.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from casebook.events import Reason
from casebook.hoist_place import is_clear
from casebook.picture import CasualtyState, HospitalState, Picture, UnitState
from casebook.place import Place, distance_m
from casebook.steps import Duty
from dispatch.area import Area
from dispatch.case_ways import CaseWays, Ranges, able_hospitals, between
from dispatch.drives import Drives, RoadTimes, onward_between
from dispatch.flown import terms_s
from dispatch.journeys import helicopters
from dispatch.judging import Way
from dispatch.policy import Policy
from dispatch.ranking import Ranged, as_told
from dispatch.whereabouts import HELICOPTER, TAKES_OVER, is_aboard, where_is, where_is_unit
from routing.air import Aircraft, LandingSite, daylight_left_s, is_night, leg_terms, term, to_the_door, total_s
from routing.rendezvous import Question
from routing.roads import Roadmap

# A landing site this near the scene is reached on foot with the stretcher; assumption, no published figure found.
WALK_M = 200.0
WALK_LAT = 0.01  # degrees: further north or south is never so near
KEPT_READY = 64  # aircraft waiting at their bases
ACTIVE = (Duty.ASSIGNED, Duty.ACKNOWLEDGED, Duty.EN_ROUTE, *TAKES_OVER)


@dataclass(frozen=True, slots=True)
class Timed:
    """Every way from one casualty, and what a decision wants to know beyond them: see dispatch/ranking.py's World."""

    ways: tuple[Way, ...]
    what_ifs: tuple[tuple[Reason, tuple[Way, ...]], ...] = ()
    onward_s: Mapping[tuple[str, str], float] = field(default_factory=dict)
    ranged: Ranged = field(default=as_told, compare=False)
    unflown: tuple[Reason, ...] = ()


def ways_for(
    roadmap: Roadmap, area: Area, picture: Picture, casualty_id: str, now: datetime, policy: Policy, *,
    daylight: bool | None = None,
) -> Timed:  # fmt: skip
    """Every hospital by road, and, where aircraft are known, from the scene by air and by rendezvous; the same with
    each closure lifted, with a scene clear for a hoist, by day, in flying weather, and with each busy aircraft free.

    `daylight` None: as it is; else as if by day or by night. Takes milliseconds on a city's roads, tens of them after a
    change of the roads: run it in a thread. Raises NotFound for an unknown casualty.
    """
    return ways_for_all(roadmap, area, picture, [casualty_id], now, policy, daylight=daylight)[casualty_id]


def ways_for_all(
    roadmap: Roadmap, area: Area, picture: Picture, ids: Sequence[str], now: datetime, policy: Policy, *,
    daylight: bool | None = None,
) -> dict[str, Timed]:  # fmt: skip
    """The same for many casualties, whose drives are asked for together: by id."""
    hospitals = [picture.hospitals[id] for id in sorted(picture.hospitals)]
    told: dict[str, Timed] = {}
    driven: dict[bool, list[tuple[CasualtyState, Place]]] = {}
    for casualty in map(picture.get_casualty, ids):
        scene, left = where_is(picture, casualty, now)
        if _flies(picture, casualty):
            told[casualty.id] = _on_board(area, picture, hospitals, casualty, scene)
        else:
            driven.setdefault(left, []).append((casualty, scene))
    for left, some in driven.items():
        on_scene_s = 0.0 if left else float(policy.before_leaving_s.seconds)
        leaves_at = now + timedelta(seconds=on_scene_s)
        times = RoadTimes(roadmap, area, picture, hospitals, [scene for _, scene in some], leaves_at)
        onward_s = onward_between(roadmap, area, hospitals, times.traffic, leaves_at)
        for row, (casualty, scene) in enumerate(some):
            asked = _question(area, picture, casualty, scene, now, on_scene_s, left=left, daylight=daylight)
            case = CaseWays(area, picture, hospitals, asked, Drives(times, row))
            ranges, able = Ranges(case), able_hospitals(hospitals, casualty, policy, now)
            ranges.ask([way for way in case.ways if way.hospital in able])
            told[casualty.id] = Timed(case.ways, case.what_ifs(roadmap), onward_s, ranges, case.unflown)
    return told


def _question(
    area: Area, picture: Picture, casualty: CasualtyState, scene: Place, now: datetime, on_scene_s: float, *,
    left: bool, daylight: bool | None,
) -> Question:  # fmt: skip
    """What is asked of every flight: see Flights."""
    aircraft = [_aircraft_now(area, picture, unit, casualty, now) for unit in helicopters(picture)]
    known = [one for one in aircraft if one is not None]
    night, left_s = is_night(now, scene), daylight_left_s(now, scene) if known else None
    if daylight is not None:
        night, left_s = not daylight, None
    at_scene = None if left else first_site_near(area.sites, scene)
    # Nobody is lifted out of a vehicle, and where no machine has a hoist none is asked for.
    lifted_from = scene if any(one.hoist for one in known) and not is_aboard(picture, casualty) else None
    return Question(
        "", None, sites=area.sites, on_scene_s=on_scene_s, times=area.air_times, night=night, weather=area.weather,
        aircraft=known, daylight_left_s=left_s, scene_landing=at_scene, scene=lifted_from,
        scene_clear=is_clear(picture.get_incident(casualty.incident)),
    )  # fmt: skip


def first_site_near(sites: Sequence[LandingSite], scene: Place) -> LandingSite | None:
    """The first of these that is reached on foot; looked for once per casualty among all sites of an area."""
    south, north = scene.lat - WALK_LAT, scene.lat + WALK_LAT
    near = [site for site in sites if south < site.place.lat < north]
    return next((site for site in near if distance_m(site.place, scene) <= WALK_M), None)


def _flies(picture: Picture, casualty: CasualtyState) -> bool:
    return is_aboard(picture, casualty) and picture.units[casualty.unit or ""].kind == HELICOPTER


def _on_board(
    area: Area, picture: Picture, hospitals: Sequence[HospitalState], casualty: CasualtyState, scene: Place
) -> Timed:
    """The ways of a casualty on board an aircraft."""
    carrier = picture.units[casualty.unit or ""]
    return Timed(tuple(_onward(area, hospital, carrier, scene) for hospital in hospitals))


def _aircraft_now(
    area: Area, picture: Picture, unit: UnitState, casualty: CasualtyState, now: datetime
) -> Aircraft | None:
    """The machine in its present state; unavailable when it serves somebody else. None: nothing is known of it."""
    machine = area.aircraft.get(unit.id)
    if machine is None:
        return None
    if unit.duty is Duty.AVAILABLE:
        return _at_base(machine, unit)
    return _named(machine, unit, **_state_now(picture, unit, casualty, now))


def _named(machine: Aircraft, unit: UnitState, **state: Any) -> Aircraft:
    return replace(machine, id=unit.id, base=unit.base, name_zh=unit.name_zh, name_en=unit.name_en, **state)


_ready: OrderedDict[str, tuple[Aircraft, Aircraft]] = OrderedDict()  # unit -> the machine, and it as it waits there


def _at_base(machine: Aircraft, unit: UnitState) -> Aircraft:
    """The same object while nothing of it changes: what was looked at of it is kept (routing/rendezvous)."""
    known, one = _ready.get(unit.id, (None, machine))
    if known is machine and one.base == unit.base and (one.name_zh, one.name_en) == (unit.name_zh, unit.name_en):
        return one
    one = _named(machine, unit, status="at_base")
    _ready[unit.id] = machine, one
    while len(_ready) > KEPT_READY:
        _ready.popitem(last=False)
    return one


def _state_now(picture: Picture, unit: UnitState, casualty: CasualtyState, now: datetime) -> dict[str, Any]:
    """Of a machine that is not free at its base."""
    ours = serves_only(picture, unit, casualty)
    if unit.duty is Duty.STANDBY and ours:
        return {"status": "standby"}
    if not ours or unit.duty not in ACTIVE:
        return {"status": "unavailable"}
    if unit.duty is Duty.EN_ROUTE or unit.duty in TAKES_OVER:
        return {"status": "airborne", "at": where_is_unit(unit, now)}
    alarmed_s = (now - unit.times.get("unit_assigned", now)).total_seconds()
    return {"status": "standby", "alarmed_s_ago": max(0.0, alarmed_s)}


def serves_only(picture: Picture, unit: UnitState, casualty: CasualtyState) -> bool:
    """Whether a unit is there for this casualty's incident and nobody else is to have it."""
    options = (one.option for one in picture.casualties.values() if one.id != casualty.id and one.arrived_at is None)
    another = any(option is not None and option.aircraft == unit.id for option in options)
    return unit.incident == casualty.incident and not unit.aboard and not another


def _onward(area: Area, hospital: HospitalState, unit: UnitState, here: Place) -> Way:
    """From an aircraft with the patient on board: only where it can land."""
    pad, machine = area.find_pad(hospital), area.aircraft.get(unit.id)
    if pad is None or machine is None:
        return Way(hospital.id, "air", barred=(Reason("air_no_pad"),))
    flight = leg_terms(here, pad.place, machine.cruise_kmh, area.air_times, climbs=unit.duty in TAKES_OVER)
    whole = (*flight, term("unloading", area.air_times.spread("unloading")), to_the_door(pad, area.air_times))
    terms = terms_s(whole)
    way = Way(hospital.id, "air", round(sum(terms.values(), 0.0), 1), terms, aircraft=unit.id, decides="flight")
    return between(way, total_s(whole, "p10"), total_s(whole, "p90"))
