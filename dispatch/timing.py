"""Time every way from one casualty to every hospital, as it is and as it would be if one thing were different.

Reads the picture, asks routing; seconds count from the decision. The driving times are dispatch/drives.py's, which way
is taken is dispatch/destination.py's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from casebook.events import Reason
from casebook.picture import CasualtyState, HospitalState, Picture, UnitState
from casebook.place import Place, distance_m
from casebook.steps import Duty
from dispatch.area import Area
from dispatch.closure_named import name_of
from dispatch.drives import Drives, End, onward_between
from dispatch.flights import Flights, prepared_for
from dispatch.journeys import helicopters
from dispatch.judging import Way
from dispatch.needs import case_of, needs_of, rows_for
from dispatch.policy import Policy
from dispatch.ranking import Ranged, as_told
from dispatch.whereabouts import HELICOPTER, where_is, where_is_unit
from routing.air import (
    Aircraft,
    Term,
    Weather,
    check_weather,
    daylight_left_s,
    is_night,
    leg_terms,
    term,
    to_the_door,
    total_s,
)  # fmt: skip
from routing.rendezvous import Plan, Question
from routing.rendezvous.comparing import driven
from routing.rendezvous.question import given
from routing.roads import Roadmap

MODE_OF_PLAN = {"ground": "road", "air": "air", "rendezvous": "rendezvous"}
# A landing site this near the scene is reached on foot with the stretcher; assumption, no published figure found.
WALK_M = 200.0
REASONS_TOLD = 3  # of the refusals of many landing sites
# What a crew has judged by itself once it stands by.
OPEN_WEATHER = (
    "air_ceiling_unknown", "air_visibility_unknown", "air_wind_unknown", "air_night_unknown", "air_dusk_unknown",
)  # fmt: skip
ACTIVE = (Duty.ASSIGNED, Duty.ACKNOWLEDGED, Duty.EN_ROUTE, Duty.AT_LANDING_SITE)
CLEAR = Weather(ceiling_ft=10_000.0, visibility_m=10_000.0, wind_kt=0.0)  # refuses nobody


@dataclass(frozen=True, slots=True)
class Timed:
    """Every way from one casualty, and what a decision wants to know beyond them: see dispatch/ranking.py's World."""

    ways: tuple[Way, ...]
    what_ifs: tuple[tuple[Reason, tuple[Way, ...]], ...] = ()
    onward_s: Mapping[tuple[str, str], float] = field(default_factory=dict)
    ranged: Ranged = field(default=as_told, compare=False)


def ways_for(
    roadmap: Roadmap, area: Area, picture: Picture, casualty_id: str, now: datetime, policy: Policy, *,
    daylight: bool | None = None,
) -> Timed:  # fmt: skip
    """Every hospital by road, and, where aircraft are known, from the scene by air and by rendezvous; the same with
    each closure lifted, by day, in flying weather, and with each busy aircraft free.

    `daylight` None: as it is; else as if by day or by night. Takes tens of milliseconds on a city's roads: run it in a
    thread. Raises NotFound for an unknown casualty.
    """
    casualty = picture.get_casualty(casualty_id)
    carrier = picture.units.get(casualty.unit or "")
    hospitals = [picture.hospitals[id] for id in sorted(picture.hospitals)]
    scene, left = where_is(picture, casualty, now)
    if carrier is not None and carrier.kind == HELICOPTER and casualty.id in carrier.aboard:
        return Timed(tuple(_onward(area, hospital, carrier, scene) for hospital in hospitals))
    on_scene_s = 0.0 if left else float(policy.before_leaving_s.seconds)
    leaves_at = now + timedelta(seconds=on_scene_s)
    drives = Drives(roadmap, area, picture, hospitals, scene, leaves_at)
    aircraft = [_aircraft_now(area, picture, unit, casualty, now) for unit in helicopters(picture)]
    base = Question("", None, sites=area.sites, on_scene_s=on_scene_s, times=area.air_times)
    base = replace(base, night=is_night(now, scene), weather=area.weather, aircraft=[a for a in aircraft if a])
    base = replace(base, daylight_left_s=daylight_left_s(now, scene) if base.aircraft else None)
    if daylight is not None:
        base = replace(base, night=not daylight, daylight_left_s=None)
    at_scene = next((s for s in area.sites if not left and distance_m(s.place, scene) <= WALK_M), None)
    asked = replace(base, scene_landing=at_scene)
    now_flown = _flights(asked, area, hospitals, drives, picture)
    plans: dict[tuple[str, str], Plan] = {}
    ways = _ways(asked, now_flown, hospitals, drives, picture, plans)
    ranges, able = _Ranges(drives, plans), _able(hospitals, casualty, policy, now)
    ranges.ask([way for way in ways if way.hospital in able])
    what_ifs: list[tuple[Reason, tuple[Way, ...]]] = []
    for id in drives.closed:
        opened = drives.with_open(id)
        flown = _flights(asked, area, hospitals, opened, picture)
        what_ifs.append((_opened(roadmap, picture, id), _ways(asked, flown, hospitals, opened, picture, {})))
    for change, then in _skies(asked, meets_dusk=now_flown.meets_dusk):
        flown = _flights(then, area, hospitals, drives, picture)
        what_ifs.append((change, _ways(then, flown, hospitals, drives, picture, {})))
    return Timed(ways, tuple(what_ifs), onward_between(roadmap, picture, leaves_at), ranges)


def _able(hospitals: Sequence[HospitalState], casualty: CasualtyState, policy: Policy, now: datetime) -> set[str]:
    """The hospitals that have what is surely demanded: likely those that could be taken."""
    case = case_of(casualty)
    must = needs_of(case, policy, rows_for(case, policy, now), ()).must
    return {one.id for one in hospitals if all(word in one.capabilities for word in must)}


class _Ranges:
    """p10 and p90 of ways, by their plans; each drive is asked for once, those asked for together in one pass."""

    def __init__(self, drives: Drives, plans: Mapping[tuple[str, str], Plan]) -> None:
        self._drives, self._plans = drives, plans
        self._known: dict[tuple[str, str], Way] = {}

    def ask(self, ways: Sequence[Way]) -> None:
        new = [way for way in ways if way.eta_s is not None and (way.hospital, way.mode) not in self._known]
        plans = [self._plans[way.hospital, way.mode] for way in new]
        ends = [End(plan.hospital, plan.site.id if plan.site else None) for plan in plans if plan.mode != "air"]
        drives_s = iter(self._drives.ranges_s(ends))
        for way, plan in zip(new, plans, strict=True):
            drive_s = None if plan.mode == "air" else next(drives_s)
            self._known[way.hospital, way.mode] = _ranged(way, plan, drive_s)

    def __call__(self, ways: Sequence[Way]) -> Sequence[Way]:
        self.ask(ways)
        return [self._known.get((way.hospital, way.mode), way) for way in ways]


def _opened(roadmap: Roadmap, picture: Picture, id: str) -> Reason:
    return Reason("change.road_reopened", {"closure": id, "road": name_of(roadmap, picture.roads[id])})


def _skies(asked: Question, *, meets_dusk: bool) -> Iterator[tuple[Reason, Question]]:
    """The same question by day, in weather that nobody is refused by, with each aircraft that is busy free.

    Only what could make a difference: not the day while night is far, not the weather while it is fine for all.
    """
    if asked.aircraft and (asked.night or meets_dusk):
        yield Reason("change.daylight"), replace(asked, night=False, daylight_left_s=None)
    fine = all(check_weather(asked.weather, one, night=asked.night).allowed for one in asked.aircraft)
    if asked.aircraft and (meets_dusk or not fine):
        yield Reason("change.weather"), replace(asked, weather=CLEAR)
    for busy in asked.aircraft:
        if busy.status == "unavailable":
            free = [replace(one, status="at_base") if one is busy else one for one in asked.aircraft]
            yield Reason("change.aircraft_freed", {"aircraft": busy.id}), replace(asked, aircraft=free)


def _flights(
    base: Question, area: Area, hospitals: Sequence[HospitalState], drives: Drives, picture: Picture
) -> Flights:
    def still_open(aircraft: str, reasons: Sequence[Reason]) -> tuple[Reason, ...]:
        return _yet_to_settle(picture, aircraft, reasons)

    return Flights(prepared_for(area, hospitals), base, drives.row_to_sites, still_open)


def _ways(
    base: Question, flights: Flights, hospitals: Sequence[HospitalState], drives: Drives, picture: Picture,
    plans: dict[tuple[str, str], Plan],
) -> tuple[Way, ...]:  # fmt: skip
    """Every hospital's ways, road first, then the best flight of each mode or why there is none; without ranges.

    The plan of each way is noted in `plans`, by hospital and mode.
    """
    ways: list[Way] = []
    for hospital in hospitals:
        ways.append(_by_road(base, hospital, drives, picture, plans))
        if flights.told(hospital.id):
            ways += [_by_air(mode, flights, hospital, picture, plans) for mode in ("air", "rendezvous")]
    return tuple(ways)


def _by_road(
    base: Question, hospital: HospitalState, drives: Drives, picture: Picture, plans: dict[tuple[str, str], Plan]
) -> Way:
    detours, drive_s = drives.detours(hospital.id), drives.to_door(hospital.id)
    if drive_s is None:
        return Way(hospital.id, "road", barred=(Reason("ground_no_road"),), detours=detours)
    plan = plans[hospital.id, "road"] = driven(hospital.id, base.on_scene_term(), given("drive", drive_s, None))
    return _way(plan, picture, detours)


def _by_air(
    mode: str, flights: Flights, hospital: HospitalState, picture: Picture, plans: dict[tuple[str, str], Plan]
) -> Way:
    timed = [(_way(plan, picture, ()), plan) for plan in flights.plans(hospital.id, mode)]
    if timed:
        way, plans[hospital.id, mode] = min(timed, key=lambda one: _settled_then_soonest(one[0]))
        return way
    if mode == "air" and not flights.from_scene:
        return Way(hospital.id, mode, barred=(Reason("no_landing_site"),))
    return Way(hospital.id, mode, barred=_why_not(flights.barred(hospital.id)))


def _ranged(way: Way, plan: Plan, drive_s: tuple[float, float] | None) -> Way:
    """With p10 and p90 of the time to the door, all its terms moving together (routing/air/spread.py)."""
    low_s, high_s = drive_s or (None, None)
    drive = [replace(one, low_s=low_s, high_s=high_s) if one.name == "drive" else one for one in plan.ground_arm]
    plan = replace(plan, ground_arm=tuple(drive))
    return _between(way, plan.door_at("p10"), plan.door_at("p90"))


def _between(way: Way, low_s: float, high_s: float) -> Way:
    """Rounding never puts the likely time outside its range."""
    assert way.eta_s is not None
    return replace(way, eta_low_s=min(round(low_s, 1), way.eta_s), eta_high_s=max(round(high_s, 1), way.eta_s))


def _settled_then_soonest(way: Way) -> tuple[Any, ...]:
    return bool(way.unsettled), way.eta_s, way.rendezvous or "", way.aircraft or ""


def _why_not(reasons: Iterable[Reason]) -> tuple[Reason, ...]:
    """The first distinct reasons, few enough to read."""
    found: list[Reason] = []
    for reason in reasons:
        if reason not in found:
            found.append(reason)
        if len(found) == REASONS_TOLD:
            break
    return tuple(found) or (Reason("no_landing_site"),)


def _way(plan: Plan, picture: Picture, detours: tuple[Reason, ...]) -> Way:
    """A plan as the patient lives it: to the meeting, the wait for the aircraft, then on to the door."""
    wait = (Term("wait_for_aircraft", plan.wait_s),) if plan.wait_s > 0 else ()
    terms = terms_s(plan.ground_arm + wait + plan.after)
    return Way(
        hospital=plan.hospital,
        mode=MODE_OF_PLAN[plan.mode],
        eta_s=round(sum(terms.values()), 1),
        terms_s=terms,
        rendezvous=plan.site.id if plan.site else None,
        aircraft=plan.aircraft.id if plan.aircraft else None,
        decides=plan.decides,
        detours=detours,
        unsettled=_yet_to_settle(picture, plan.aircraft.id if plan.aircraft else "", plan.unknown),
    )


def _yet_to_settle(picture: Picture, aircraft: str, reasons: Sequence[Reason]) -> tuple[Reason, ...]:
    """A crew that stands by or already flies has judged the weather; nobody else has."""
    unit = picture.units.get(aircraft)
    judged = unit is not None and unit.duty is not Duty.AVAILABLE
    return tuple(reason for reason in reasons if not (judged and reason.code in OPEN_WEATHER))


def terms_s(terms: Sequence[Term]) -> dict[str, float]:
    """Seconds by cause to 0.1, in order; terms of the same name are added up, empty ones left out."""
    told: dict[str, float] = {}
    for one in terms:
        told[one.name] = round(told.get(one.name, 0.0) + one.seconds, 1)
    return {name: span_s for name, span_s in told.items() if span_s > 0}


def _aircraft_now(
    area: Area, picture: Picture, unit: UnitState, casualty: CasualtyState, now: datetime
) -> Aircraft | None:
    """The machine in its present state; unavailable when it serves somebody else. None: nothing is known of it."""
    machine = area.aircraft.get(unit.id)
    if machine is None:
        return None
    machine = replace(machine, id=unit.id, base=unit.base, name_zh=unit.name_zh, name_en=unit.name_en)
    if unit.duty is Duty.AVAILABLE:
        return replace(machine, status="at_base")
    ours = serves_only(picture, unit, casualty)
    if unit.duty is Duty.STANDBY and ours:
        return replace(machine, status="standby")
    if not ours or unit.duty not in ACTIVE:
        return replace(machine, status="unavailable")
    if unit.duty in (Duty.EN_ROUTE, Duty.AT_LANDING_SITE):
        return replace(machine, status="airborne", at=where_is_unit(unit, now))
    alarmed_s = (now - unit.times.get("unit_assigned", now)).total_seconds()
    return replace(machine, status="standby", alarmed_s_ago=max(0.0, alarmed_s))


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
    flight = leg_terms(here, pad.place, machine.cruise_kmh, area.air_times, climbs=unit.duty is Duty.AT_LANDING_SITE)
    whole = (*flight, term("unloading", area.air_times.spread("unloading")), to_the_door(pad, area.air_times))
    terms = terms_s(whole)
    way = Way(hospital.id, "air", round(sum(terms.values()), 1), terms, aircraft=unit.id, decides="flight")
    return _between(way, total_s(whole, "p10"), total_s(whole, "p90"))
