"""Give a vehicle another way when the roads change, and say why. Pure: recorded facts and one instant, nothing else.

A leg that a closure crosses is always changed; one that could be faster only beyond a threshold (rules/rerouting.yaml).
A vehicle on a stretch that closes under it drives on to the end of that stretch. Where no way is left, that is said.
When this is asked, and the recording, is dispatch/road_watch.py's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import numpy as np

from casebook import events as e
from casebook.errors import NoAnswer
from casebook.events import Reason
from casebook.picture import Picture, RoadState, UnitState
from casebook.place import Place, bearing_deg, between, distance_m
from casebook.steps import Duty
from dispatch.closure_named import name_of
from dispatch.journeys import road_leg, stretch_of, traffic_of, traffic_version
from dispatch.leg_on_roads import Line, length_of, shut_strokes, strokes_of, timed_again
from dispatch.policy import RerouteRules
from dispatch.reasons import seconds
from dispatch.whereabouts import along, departed_at, leg_is_ahead
from routing.costs import costs_for
from routing.profiles import AMBULANCE_SIREN
from routing.roads import Roadmap

BEFORE_LEAVING = (Duty.ASSIGNED, Duty.ACKNOWLEDGED, Duty.ON_SCENE, Duty.AT_PATIENT)
SEEN_M = 1.0  # a nearer point gives no course
FIX_LASTS = timedelta(seconds=30)  # an older fix says nothing about where the vehicle is now


@dataclass(frozen=True, slots=True)
class Ahead:
    """What a vehicle has yet to drive. `line` begins where it is; `heading_deg` None: it stands."""

    line: Line
    eta_s: float
    heading_deg: float | None = None
    lost: str = ""  # why it is not on its leg, a word key: only where it is, is known

    @property
    def here(self) -> Place:
        return Place(self.line[0][1], self.line[0][0])


def may_change(unit: UnitState) -> bool:
    """Whether this unit has a drive before it that could be another."""
    if unit.leg is None or unit.leg.mode != "road" or not unit.leg.line or not leg_is_ahead(unit):
        return False
    return departed_at(unit) is not None or unit.duty in BEFORE_LEAVING


def reroute(
    roadmap: Roadmap, picture: Picture, id: str, at: datetime, rules: RerouteRules
) -> e.LegGiven | e.LegBlocked | None:
    """What the roads as they are at `at` make of this unit's leg; None: nothing that is worth a word.

    Raises NotFound for an unknown unit.
    """
    unit = picture.get_unit(id)
    if not may_change(unit):
        return None
    assert unit.leg is not None
    ahead = ahead_of(unit, at, rules)
    roads = _Roads(roadmap, picture, at)
    crossed = roads.crossed(ahead.line)
    kept = None if ahead.lost or any(crossed) else roads.timed(unit.leg, ahead)
    try:
        new = roads.best(unit.leg.to, ahead, crossed)
    except NoAnswer:
        if unit.halted is not None or kept is not None:
            return None
        return e.LegBlocked(id, unit.leg.to, ahead.here, tuple(sorted(roads.closures)))
    if kept is None:
        why = tuple(roads.why_new(ahead, crossed, new))
        return None if _is_told(unit, ahead, new, why, rules) else e.LegGiven(id, unit.purpose, new, why)
    if kept.eta_s - new.eta_s >= rules.faster_way_s.seconds and kept.eta_s > rules.last_s.seconds:
        return e.LegGiven(id, unit.purpose, new, (Reason("leg_faster", seconds("faster", kept.eta_s - new.eta_s)),))
    change_s = kept.eta_s - ahead.eta_s
    if abs(change_s) < rules.retold_s.seconds:
        return None
    return e.LegGiven(id, unit.purpose, kept, (Reason("leg_retimed", signed(change_s)),))


def _is_told(unit: UnitState, ahead: Ahead, new: e.Leg, why: tuple[Reason, ...], rules: RerouteRules) -> bool:
    """Whether the crew has heard this already: the same way out of the stretch that they are on."""
    same = [vertex[:2] for vertex in new.line] == [vertex[:2] for vertex in ahead.line]
    late_s = abs(new.eta_s - ahead.eta_s)
    return same and late_s < rules.retold_s.seconds and {r.code for r in why} == {r.code for r in unit.leg_why}


def signed(change_s: float) -> dict[str, Any]:
    """A change of time twice: whole seconds, and minutes to 0.1 with their sign for the sentence."""
    return {"change_s": round(change_s), "change_min": f"{change_s / 60:+.1f}"}


# --- where it is on its leg


def ahead_of(unit: UnitState, at: datetime, rules: RerouteRules) -> Ahead:
    """What is left of the leg at `at`: by the leg's own times, as the vehicle reckons; by its last fix when that shows
    that it is elsewhere."""
    leg = unit.leg
    assert leg is not None
    if unit.halted is not None:
        return Ahead(((unit.halted.lon, unit.halted.lat, 0.0),), leg.eta_s, lost="leg_free")
    departed = departed_at(unit)
    if departed is None:
        return Ahead(leg.line, leg.eta_s)
    passed_s = max(0.0, (at - departed).total_seconds())
    fix = _fix_off_leg(unit, departed, at, rules)
    if fix is not None:
        found_s = _nearest_s(leg.line, fix, rules.off_leg_m.metres)
        if found_s is None:
            return Ahead(((fix.lon, fix.lat, 0.0),), leg.eta_s, lost="leg_found")
        passed_s = found_s
    return _rest(leg, passed_s)


def _rest(leg: e.Leg, passed_s: float) -> Ahead:
    here = along(leg, passed_s)
    left = [(lon, lat, round(at_s - passed_s, 1)) for lon, lat, at_s in leg.line if at_s > passed_s]
    line = ((round(here.lon, 6), round(here.lat, 6), 0.0), *left)
    onward = (Place(lat, lon) for lon, lat, _ in left)
    seen = next((place for place in onward if distance_m(here, place) > SEEN_M), None)
    heading = bearing_deg(here, seen) if seen else None
    return Ahead(line, round(max(0.0, leg.eta_s - passed_s), 1), heading)


def _fix_off_leg(unit: UnitState, departed: datetime, at: datetime, rules: RerouteRules) -> Place | None:
    """The unit's last fix where it contradicts the leg's own times; None where it bears them out, or is old."""
    fix, fix_at, leg = unit.position, unit.position_at, unit.leg
    if fix is None or fix_at is None or leg is None or not departed < fix_at <= at or at - fix_at > FIX_LASTS:
        return None
    place = Place(fix.lat, fix.lon)
    expected = along(leg, (fix_at - departed).total_seconds())
    return place if distance_m(place, expected) > rules.off_leg_m.metres else None


def _nearest_s(line: Line, place: Place, within_m: float) -> float | None:
    """The leg's own time at its point nearest to the place; None when the leg does not come near it."""
    best: tuple[float, float] | None = None
    for (lon_a, lat_a, s_a), (lon_b, lat_b, s_b) in pairwise(line):
        a, b = Place(lat_a, lon_a), Place(lat_b, lon_b)
        steps = max(1, int(distance_m(a, b) // 50))
        for step in range(steps + 1):
            off_m = distance_m(between(a, b, step / steps), place)
            if best is None or off_m < best[0]:
                best = (off_m, s_a + (s_b - s_a) * step / steps)
    return best[1] if best is not None and best[0] <= within_m else None


# --- what the roads say


class _Roads:
    """The roads as they are at one instant, for one vehicle with a siren."""

    def __init__(self, roadmap: Roadmap, picture: Picture, at: datetime) -> None:
        self._roadmap, self._picture, self._at = roadmap, picture, at
        shut = {id: road for id, road in picture.roads.items() if road.speed_kmh is None}
        self.closures = {id: road for id, road in shut.items() if road.until is None or road.until > at}
        self._masks = {id: self._mask(road) for id, road in sorted(self.closures.items())}

    def _mask(self, road: RoadState) -> np.ndarray[Any, np.dtype[np.bool_]]:
        mask = np.zeros(self._roadmap.network.arcs, np.bool_)
        mask[stretch_of(road).arcs(self._roadmap)] = True
        return mask

    def crossed(self, line: Line) -> list[tuple[str, ...]]:
        """For each segment of the line the closures that hold there when the vehicle passes."""
        strokes = strokes_of(self._roadmap, line)
        shut = {id: shut_strokes(strokes, mask) for id, mask in self._masks.items()}
        return [
            tuple(id for id in self._masks if shut[id][index] and self._holds(id, vertex[2]))
            for index, vertex in enumerate(line[:-1])
        ]

    def _holds(self, id: str, after_s: float) -> bool:
        road, there = self.closures[id], self._at + timedelta(seconds=after_s)
        return (road.since is None or road.since <= there) and (road.until is None or there < road.until)

    def timed(self, leg: e.Leg, ahead: Ahead) -> e.Leg:
        """What is left of the leg, on today's roads."""
        strokes = strokes_of(self._roadmap, ahead.line)
        holding = traffic_of(self._picture).holding(self._at)
        costs = costs_for(self._roadmap, profile=AMBULANCE_SIREN, holding=holding)
        ends = (costs.likely_ms, costs.low_ms, costs.high_ms)
        likely, low, high = (timed_again(ahead.line, strokes, costs, weights) for weights in ends)
        return replace(
            leg, line=likely, length_m=round(length_of(likely), 1), eta_s=likely[-1][2], eta_low_s=low[-1][2],
            eta_high_s=high[-1][2], traffic_version=traffic_version(self._picture, self._at),
        )  # fmt: skip

    def best(self, to: Place, ahead: Ahead, crossed: list[tuple[str, ...]]) -> e.Leg:
        """The fastest way from where the vehicle is, or from the end of the closed stretch that it is on.

        Raises NoAnswer when there is none.
        """
        out = _out_of_closed(ahead, crossed)
        if out == len(crossed) > 0 and not self._ends_at_junction(ahead.line):
            raise NoAnswer("no_route", start="-", end="-", closures=", ".join(crossed[0]))
        before, (lon, lat, _) = ahead.line[: out + 1], ahead.line[out]
        # At a junction every arm is open, and who comes to the road from beside it may turn either way.
        heading = ahead.heading_deg if out == 0 and self._is_on_road(ahead.line) else None
        return joined(before, road_leg(self._roadmap, Place(lat, lon), to, self._picture, self._at, heading))

    def _is_on_road(self, line: Line) -> bool:
        return len(line) > 1 and bool(strokes_of(self._roadmap, line[:2])[0].arcs)

    def _ends_at_junction(self, line: Line) -> bool:
        """Whether the line's last road is driven to its very end, so that what lies there is beyond the closure."""
        net, end = self._roadmap.network, Place(line[-1][1], line[-1][0])
        heads = [int(net.head[arc]) for arc in strokes_of(self._roadmap, line[-2:])[0].arcs]
        return any(distance_m(end, Place(float(net.lat[n]), float(net.lon[n]))) < SEEN_M for n in heads)

    def why_new(self, ahead: Ahead, crossed: list[tuple[str, ...]], new: e.Leg) -> Iterator[Reason]:
        if ahead.lost:
            yield Reason(ahead.lost)
            return
        change = signed(new.eta_s - ahead.eta_s)
        out = _out_of_closed(ahead, crossed)
        if out:
            yield Reason("leg_out", self._told(crossed[0][0]) | change)
        for id in _each(crossed[out:]):
            yield Reason("leg_avoids", self._told(id) | change)

    def _told(self, id: str) -> dict[str, Any]:
        road = self.closures[id]
        since = (road.since or road.at).isoformat()
        return {"closure": id, "road": name_of(self._roadmap, road), "why": road.reason, "by": road.by, "since": since}


def _each(crossed: Iterable[tuple[str, ...]]) -> list[str]:
    """The closures in the order in which they would be met."""
    return list(dict.fromkeys(id for ids in crossed for id in ids))


def _out_of_closed(ahead: Ahead, crossed: list[tuple[str, ...]]) -> int:
    """The vertex at which the closed stretch ends that the vehicle is on; 0 where it is on an open road, or stands."""
    if ahead.heading_deg is None:
        return 0
    return next((index for index, ids in enumerate(crossed) if not ids), len(crossed))


def joined(before: Line, onward: e.Leg) -> e.Leg:
    """A leg with the piece of line that leads to it in front; that line begins at second 0."""
    ahead_s = before[-1][2]
    if len(before) < 2:
        return onward
    line = (*before, *((lon, lat, round(at_s + ahead_s, 1)) for lon, lat, at_s in onward.line[1:]))
    return replace(
        onward, line=line, length_m=round(length_of(before) + onward.length_m, 1),
        eta_s=round(onward.eta_s + ahead_s, 1),
        eta_low_s=None if onward.eta_low_s is None else round(onward.eta_low_s + ahead_s, 1),
        eta_high_s=None if onward.eta_high_s is None else round(onward.eta_high_s + ahead_s, 1),
    )  # fmt: skip
