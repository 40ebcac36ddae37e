"""Time every way from one casualty to every hospital, and draw the leg a vehicle will follow.

Reads the picture, asks routing; seconds count from the decision. Which way is taken is dispatch/destination.py's.
Whatever can change these answers is named by `standing`, so that the desk sees when an answer has gone stale.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import msgspec
from shapely import Polygon

from casebook import events as e
from casebook.errors import NoAnswer
from casebook.events import Reason
from casebook.picture import CasualtyState, HospitalState, Picture, RoadState, UnitState
from casebook.place import Place, distance_m
from casebook.steps import Duty
from dispatch.area import Area
from dispatch.destination import Way, canonical
from dispatch.observed import observed_of
from dispatch.policy import Policy
from dispatch.reasons import seconds
from dispatch.whereabouts import HELICOPTER, where_is, where_is_unit
from routing.air import (
    QUANTILES,
    Aircraft,
    AirTimes,
    Term,
    daylight_left_s,
    is_night,
    leg_terms,
    term,
    to_the_door,
    total_s,
)
from routing.ground import route, table
from routing.profiles import AMBULANCE_SIREN
from routing.rendezvous import Comparison, Plan, Question, Refusal, compare
from routing.roads import Roadmap
from routing.traffic import Closure, Slowdown, SlowSource, Stretch, Traffic
from routing.traffic.ageing import HALVING

MODE_OF_PLAN = {"ground": "road", "air": "air", "rendezvous": "rendezvous"}
# A landing site this near the scene is reached on foot with the stretcher; assumption, no published figure found.
WALK_M = 200.0
LEAST_DETOUR_S = 30  # a closure that costs less is not worth a word
REASONS_TOLD = 3  # of the refusals of many landing sites
# What a crew has judged by itself once it stands by.
OPEN_WEATHER = (
    "air_ceiling_unknown", "air_visibility_unknown", "air_wind_unknown", "air_night_unknown", "air_dusk_unknown",
)  # fmt: skip
ACTIVE = (Duty.ASSIGNED, Duty.ACKNOWLEDGED, Duty.EN_ROUTE, Duty.AT_LANDING_SITE)


# --- what is different on the roads


def stretch_of(road: RoadState) -> Stretch:
    """Where a closure lies. Raises RefusedInput `stretch_empty` or `stretch_area`."""
    area = Polygon(road.polygon) if len(road.polygon) >= 3 else None
    return Stretch(area, frozenset(road.edges), road.ref or None, road.bearing_deg, road.km)


def traffic_of(picture: Picture) -> Traffic:
    """The closures and slow stretches of the picture, in order of their ids, and the speeds that feeds told.

    Its version is the number of the entry that changed it last. Equal pictures give equal traffic.
    """
    roads = [picture.roads[id] for id in sorted(picture.roads)]
    said = {r.id: (r.id, stretch_of(r), r.reason, r.by, r.since or r.at, r.until) for r in roads}
    closures = [Closure(*said[r.id]) for r in roads if r.speed_kmh is None]
    slow = [Slowdown(*said[r.id], speed_kph=r.speed_kmh, source=_why_slow(r)) for r in roads if r.speed_kmh is not None]
    return Traffic(picture.roads_seq, tuple(closures), tuple(slow), observed_of(picture.observed))


def _why_slow(road: RoadState) -> SlowSource:
    """The reason where it is one of the known words, else works: then a siren gains nothing, which errs late."""
    return "congestion" if road.reason == "congestion" else "weather" if road.reason == "weather" else "works"


def traffic_version(picture: Picture, now: datetime) -> str:
    """A name for the state of the roads at `now`: the same closures in force and the same speeds told, the same name;
    "free" when nothing is known that differs. A speed grows old under one name."""
    roads = {id: road for id, road in picture.roads.items() if road.until is None or road.until > now}
    in_force = {id: _named(road, now) for id, road in roads.items()}
    seen = [one.seq for one in picture.observed if (now - one.at).total_seconds() <= HALVING.oldest_s]
    in_force |= {":observed": {"seq": seen[-1]}} if seen else {}
    return hashlib.sha256(canonical(in_force)).hexdigest()[:12] if in_force else "free"


def _named(road: RoadState, now: datetime) -> dict[str, Any]:
    """What of a closure makes its name: all that is given, and for works to come whether they have begun."""
    given = msgspec.to_builtins(road)
    later = {name: given.pop(name) for name in ("km", "edges", "since")}
    told = {name: value for name, value in later.items() if value}
    return given | told | ({"begun": road.since <= now} if road.since is not None else {})


def standing(picture: Picture, casualty_id: str, now: datetime) -> str:
    """A name for everything in the picture that the ways of this casualty depend on."""
    casualty = picture.get_casualty(casualty_id)
    place, left = where_is(picture, casualty, now)
    aircraft = {u.id: (u.duty, u.incident, u.leg, u.aboard, u.duty_at) for u in _helicopters(picture)}
    hospitals = {one.id: (one.place, one.pad) for one in picture.hospitals.values()}
    taken = {c.id: c.option.aircraft for c in picture.casualties.values() if c.option and c.option.aircraft}
    looked_at = [place, left, casualty.unit, aircraft, hospitals, taken, traffic_version(picture, now)]
    return hashlib.sha256(canonical(looked_at)).hexdigest()


# --- the ways


def ways_for(
    roadmap: Roadmap, area: Area, picture: Picture, casualty_id: str, now: datetime, policy: Policy
) -> list[Way]:
    """Every hospital by road, and, where aircraft are known, from the scene by air and by rendezvous.

    Takes tens of milliseconds on a city's roads: run it in a thread. Raises NotFound for an unknown casualty.
    """
    casualty = picture.get_casualty(casualty_id)
    carrier = picture.units.get(casualty.unit or "")
    hospitals = [picture.hospitals[id] for id in sorted(picture.hospitals)]
    scene, left = where_is(picture, casualty, now)
    if carrier is not None and carrier.kind == HELICOPTER and casualty.id in carrier.aboard:
        return [_onward(area, hospital, carrier, scene) for hospital in hospitals]
    on_scene_s = 0.0 if left else float(policy.before_leaving_s.seconds)
    drives = _Drives(roadmap, area, picture, hospitals, scene, now + timedelta(seconds=on_scene_s))
    aircraft = [_aircraft_now(area, picture, unit, casualty, now) for unit in _helicopters(picture)]
    base = Question("", None, sites=area.sites, on_scene_s=on_scene_s, times=area.air_times)
    base = replace(base, night=is_night(now, scene), weather=area.weather, aircraft=[a for a in aircraft if a])
    base = replace(base, daylight_left_s=daylight_left_s(now, scene) if base.aircraft else None)
    at_scene = next((s for s in area.sites if not left and distance_m(s.place, scene) <= WALK_M), None)
    ways: list[Way] = []
    for hospital in hospitals:
        asked = replace(base, hospital=hospital.id, drive_to_door_s=drives.to_door(hospital.id))
        asked = replace(asked, drive_to_site_s=drives.to_sites, pad=area.find_pad(hospital), scene_landing=at_scene)
        ways += _ways_to(compare(asked), hospital, drives, picture, at_scene is not None)
    return ways


class _Drives:
    """Driving times from the scene to doors and landing sites, with what each closure costs each door."""

    def __init__(
        self, roadmap: Roadmap, area: Area, picture: Picture, hospitals: Sequence[HospitalState], scene: Place,
        at: datetime,
    ) -> None:  # fmt: skip
        self._ask = (roadmap, [scene], [*(h.place for h in hospitals), *(site.place for site in area.sites)], at)
        self._doors = {hospital.id: column for column, hospital in enumerate(hospitals)}
        self._traffic = traffic_of(picture)
        self._roads = picture.roads
        self._times = self._row(self._traffic)
        in_force = [closure for closure in self._traffic.closures if closure.holds_at(at)]
        self._without = {closure.id: self._row(self._traffic.without(closure.id)) for closure in in_force}
        self._open = self._row(replace(self._traffic, closures=())) if len(in_force) > 1 else None
        sites = zip(area.sites, self._times[len(hospitals) :], strict=True)
        self.to_sites = {site.id: seconds for site, seconds in sites}
        self._ranges: dict[Place, tuple[float, float] | None] = {}

    def _row(self, traffic: Traffic) -> list[float | None]:
        roadmap, starts, ends, at = self._ask
        return table(roadmap, starts, ends, profile=AMBULANCE_SIREN, traffic=traffic, at=at)[0] if ends else []

    def range_s(self, end: Place) -> tuple[float, float] | None:
        """p10 and p90 of the drive from the scene, by the siren's interval on its way; None where there is no way."""
        if end not in self._ranges:
            roadmap, (scene,), _, at = self._ask
            self._ranges[end] = None
            with suppress(NoAnswer):
                way = route(roadmap, scene, end, profile=AMBULANCE_SIREN, traffic=self._traffic, at=at)
                self._ranges[end] = way.eta_low_s, way.eta_high_s
        return self._ranges[end]

    def to_door(self, hospital: str) -> float | None:
        return self._times[self._doors[hospital]]

    def detours(self, hospital: str) -> tuple[Reason, ...]:
        """The closures that make this way longer or impossible; all of them when only together they do."""
        column = self._doors[hospital]
        now_s = self._times[column]
        costs = {id: _saved_s(now_s, row[column]) for id, row in self._without.items()}
        told = {id: cost_s for id, cost_s in costs.items() if cost_s >= LEAST_DETOUR_S}
        if not told and self._open is not None:
            jointly_s = _saved_s(now_s, self._open[column])
            told = dict.fromkeys(costs, jointly_s) if jointly_s >= LEAST_DETOUR_S else {}
        return tuple(self._reason(id, cost_s) for id, cost_s in sorted(told.items()))

    def _reason(self, id: str, cost_s: float) -> Reason:
        road = self._roads[id]
        facts = {"closure": id, "road": road.ref or id, "reason": road.reason}
        if cost_s == float("inf"):
            return Reason("closure_blocks", facts)
        return Reason("closure", facts | seconds("cost", cost_s))


def _saved_s(now_s: float | None, open_s: float | None) -> float:
    if open_s is None:
        return 0.0
    return float("inf") if now_s is None else now_s - open_s


def _ways_to(
    comparison: Comparison, hospital: HospitalState, drives: _Drives, picture: Picture, landing_at_scene: bool
) -> list[Way]:
    detours = drives.detours(hospital.id)
    ground = comparison.best_of("ground")
    barred = (Reason("ground_no_road"),)
    ways = [Way(hospital.id, "road", barred=barred, detours=detours)]
    if ground:
        ways = [_ranged(_way(ground, picture, detours), ground, drives.range_s(hospital.place))]
    flights = any(one.mode != "ground" for one in (*comparison.plans, *comparison.refused))
    if not flights:
        return ways
    for mode in ("air", "rendezvous"):
        plans = [plan for plan in comparison.plans if plan.mode == mode]
        if plans:
            timed = [(_way(plan, picture, ()), plan) for plan in plans]
            way, plan = min(timed, key=lambda one: _settled_then_soonest(one[0]))
            ways.append(_ranged(way, plan, drives.range_s(plan.site.place) if plan.site and mode != "air" else None))
        elif mode == "air" and not landing_at_scene:
            ways.append(Way(hospital.id, mode, barred=(Reason("no_landing_site"),)))
        else:
            ways.append(Way(hospital.id, mode, barred=_why_not(comparison.refused)))
    return ways


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


def _why_not(refused: Sequence[Refusal]) -> tuple[Reason, ...]:
    """The distinct reasons of all refusals, few enough to read."""
    found: list[Reason] = []
    for reason in (reason for refusal in refused for reason in refusal.reasons):
        if reason.code != "ground_no_road" and reason not in found:
            found.append(reason)
    return tuple(found[:REASONS_TOLD]) or (Reason("no_landing_site"),)


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
        unsettled=_still_open(plan, picture),
    )


def _still_open(plan: Plan, picture: Picture) -> tuple[Reason, ...]:
    """A crew that stands by or already flies has judged the weather; nobody else has."""
    unit = picture.units.get(plan.aircraft.id) if plan.aircraft else None
    judged = unit is not None and unit.duty is not Duty.AVAILABLE
    return tuple(reason for reason in plan.unknown if not (judged and reason.code in OPEN_WEATHER))


def terms_s(terms: Sequence[Term]) -> dict[str, float]:
    """Seconds by cause to 0.1, in order; terms of the same name are added up, empty ones left out."""
    told: dict[str, float] = {}
    for one in terms:
        told[one.name] = round(told.get(one.name, 0.0) + one.seconds, 1)
    return {name: span_s for name, span_s in told.items() if span_s > 0}


def _helicopters(picture: Picture) -> list[UnitState]:
    return [picture.units[id] for id in sorted(picture.units) if picture.units[id].kind == HELICOPTER]


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
    ours = unit.incident == casualty.incident and not unit.aboard and not _serves_another(picture, unit, casualty)
    if unit.duty is Duty.STANDBY and ours:
        return replace(machine, status="standby")
    if not ours or unit.duty not in ACTIVE:
        return replace(machine, status="unavailable")
    if unit.duty in (Duty.EN_ROUTE, Duty.AT_LANDING_SITE):
        return replace(machine, status="airborne", at=where_is_unit(unit, now))
    alarmed_s = (now - unit.times.get("unit_assigned", now)).total_seconds()
    return replace(machine, status="standby", alarmed_s_ago=max(0.0, alarmed_s))


def _serves_another(picture: Picture, unit: UnitState, casualty: CasualtyState) -> bool:
    options = (one.option for one in picture.casualties.values() if one.id != casualty.id and one.arrived_at is None)
    return any(option is not None and option.aircraft == unit.id for option in options)


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


# --- the leg a vehicle follows


def road_leg(
    roadmap: Roadmap, start: Place, end: Place, picture: Picture, now: datetime, heading_deg: float | None = None
) -> e.Leg:
    """The drive with siren; `heading_deg`: a moving vehicle's course. Raises NoAnswer `no_route` or `off_the_map`."""
    traffic = traffic_of(picture)
    way = route(roadmap, start, end, profile=AMBULANCE_SIREN, traffic=traffic, at=now, heading_deg=heading_deg)
    line = tuple(
        (round(lon, 6), round(lat, 6), round(at_s, 1)) for (lon, lat), at_s in zip(way.geometry, way.at_s, strict=True)
    )
    return e.Leg(
        to=end, line=line, length_m=round(way.length_m, 1), eta_s=round(way.eta_s, 1),
        eta_low_s=round(way.eta_low_s, 1), eta_high_s=round(way.eta_high_s, 1), mode="road",
        traffic_version=traffic_version(picture, now), avoids=tuple(avoided.closure for avoided in way.avoids),
    )  # fmt: skip


def flight_leg(start: Place, end: Place, machine: Aircraft, times: AirTimes) -> e.Leg:
    """The flight in a straight line from lift-off to touch-down; getting ready before it is not part of it."""
    terms = leg_terms(start, end, machine.cruise_kmh, times)
    low_s, eta_s, high_s = (round(total_s(terms, quantile), 1) for quantile in QUANTILES)
    line = ((round(start.lon, 6), round(start.lat, 6), 0.0), (round(end.lon, 6), round(end.lat, 6), eta_s))
    return e.Leg(
        to=end, line=line, length_m=round(distance_m(start, end), 1), eta_s=eta_s, eta_low_s=low_s, eta_high_s=high_s,
        mode="air",
    )  # fmt: skip
