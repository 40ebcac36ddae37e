"""What the picture says of the roads, and the leg a vehicle will follow on them.

Whatever can change how long a casualty's ways take is named by `standing`, so that the desk sees when an answer has
gone stale. Timing all ways to all hospitals is dispatch/timing.py's.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any

import msgspec
from shapely import Polygon

from casebook import events as e
from casebook.hoist_place import is_clear
from casebook.picture import Picture, RoadState, UnitState
from casebook.place import Place, distance_m
from dispatch.destination import canonical
from dispatch.observed import observed_of
from dispatch.whereabouts import HELICOPTER, is_aboard, where_is
from routing.air import (
    QUANTILES,
    Aircraft,
    AirTimes,
    leg_terms,
    total_s,
)
from routing.ground import route
from routing.profiles import AMBULANCE_SIREN
from routing.roads import Roadmap
from routing.traffic import Closure, Slowdown, SlowSource, Stretch, Traffic
from routing.traffic.ageing import HALVING

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
    aircraft = {u.id: (u.duty, u.incident, u.leg, u.aboard, u.duty_at) for u in helicopters(picture)}
    hospitals = {one.id: (one.place, one.pad) for one in picture.hospitals.values()}
    taken = {c.id: c.option.aircraft for c in picture.casualties.values() if c.option and c.option.aircraft}
    clear = is_clear(picture.get_incident(casualty.incident))
    where = [place, left, casualty.unit, is_aboard(picture, casualty), clear]
    looked_at = [*where, aircraft, hospitals, taken, traffic_version(picture, now)]
    return hashlib.sha256(canonical(looked_at)).hexdigest()


def helicopters(picture: Picture) -> list[UnitState]:
    return sorted((one for one in picture.units.values() if one.kind == HELICOPTER), key=lambda one: one.id)


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


def flight_leg(start: Place, end: Place, machine: Aircraft, times: AirTimes, *, lands: bool = True) -> e.Leg:
    """The flight in a straight line from lift-off to touch-down, or until it hovers there; getting ready before it is
    not part of it."""
    terms = leg_terms(start, end, machine.cruise_kmh, times, lands=lands)
    low_s, eta_s, high_s = (round(total_s(terms, quantile), 1) for quantile in QUANTILES)
    line = ((round(start.lon, 6), round(start.lat, 6), 0.0), (round(end.lon, 6), round(end.lat, 6), eta_s))
    return e.Leg(
        to=end, line=line, length_m=round(distance_m(start, end), 1), eta_s=eta_s, eta_low_s=low_s, eta_high_s=high_s,
        mode="air",
    )  # fmt: skip
