"""Tell a route step by step, as one says it to a driver: where to turn, onto what, how far, in zh and en.

A step begins only where a driver has a choice, or where the road's name changes: a bend is no turn, nor is a kink where
two ways meet. What counts as a choice is left to routing/junctions.py; which way is taken to routing/ground.py.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

from casebook.place import Place, bearing_deg, distance_m
from casebook.words import Language, say
from routing.ground import Route
from routing.junctions import SLIGHT_DEG, Junctions, Move, junctions_of, side_of, turned_deg
from routing.roads.network import Network
from routing.roads.roadmap import Roadmap

Kind = Literal["depart", "continue", "turn", "keep", "ramp", "exit", "merge", "roundabout", "uturn", "arrive"]
#: Two turns nearer to each other than this are one to a driver: the carriageways of one crossing. Assumption: the
#: width of an urban main road with its median, CJJ 37-2012 has 40 m and more between the kerbs at six lanes.
ONE_CROSSING_M = 40.0
SLIP_LANE_M = 150.0  # a slip lane round a corner is one turn with its end; assumption, from real maps
LOOK_M = 25.0  # the direction before and after a node is taken over this length; assumption: longer than a map's kinks
LEAST_LOOK_M = 8.0  # at least this much is looked at, though the next junction comes sooner
BESIDE_M = 5.0  # a place nearer to the road than this lies on neither side
DIRECTIONS = ("north", "northeast", "east", "southeast", "south", "southwest", "west", "northwest")
JOINED = ("turn", "keep", "continue", "uturn")


@dataclass(frozen=True, slots=True)
class Step:
    """One instruction and the drive until the next. `first` and `last` are rows of the route's geometry.

    `side` is one of left, right, slight_left ... straight, or "" where none is meant. `exit` counts a roundabout's
    exits from 1, None elsewhere. Bearings in degrees from north; None where the route has no direction (no length).
    """

    kind: Kind
    side: str
    exit: int | None
    name_zh: str
    name_en: str
    ref: str
    highway: str
    first: int
    last: int
    length_m: float
    seconds: float
    lon: float
    lat: float
    before_deg: float | None
    after_deg: float | None

    def said(self, language: Language) -> str:
        """The instruction alone: "Turn left onto Huting Road (S32)"."""
        road, facts = self.road(language), {"exit": self.exit}
        if self.kind == "depart":
            direction = compass(self.after_deg, language)
            return _say("depart_on" if road else "depart", language, direction=direction, road=road)
        if self.kind == "continue" and road:
            return _say("continue_onto", language, road=road)
        action = _say(f"{self.kind}.{self.side}" if self.side else self.kind, language, **facts)
        return action if not road or self.kind == "arrive" else _say("onto", language, action=action, road=road)

    def spoken(self, ahead_m: float, language: Language) -> str:
        """As said `ahead_m` before the place: "In 350 m, turn left ..."; the instruction alone where it is now."""
        away = said_distance(ahead_m, language)
        return _say("ahead", language, away=away, said=_lowered(self.said(language))) if away else self.said(language)

    def road(self, language: Language) -> str:
        """The road driven after it, as one calls it: name and number; "" when it has neither."""
        name = self.name_zh if language == "zh" else self.name_en
        ref = "/".join(part.strip() for part in self.ref.split(";") if part.strip())
        return _say("named", language, name=name, ref=ref) if name and ref and ref not in name else name or ref

    def as_facts(self) -> dict[str, Any]:
        """Plain JSON with the instruction in both languages; metres and seconds to 0.1."""
        told: dict[str, Any] = {name: getattr(self, name) for name in ("kind", "side", "exit", "first", "last")}
        told |= {name: getattr(self, name) for name in ("name_zh", "name_en", "ref", "highway")}
        told |= {"length_m": round(self.length_m, 1), "seconds": round(self.seconds, 1)}
        told |= {"lon": round(self.lon, 6), "lat": round(self.lat, 6), "zh": self.said("zh"), "en": self.said("en")}
        return {name: value for name, value in told.items() if value not in (None, "")}


def turn_by_turn(roadmap: Roadmap, route: Route) -> tuple[Step, ...]:
    """The steps of a route that was found on this road map, the first to depart, the last to arrive.

    Lengths and seconds of all steps add up to the route's.
    """
    return _Telling(roadmap, route).steps()


def said_distance(metres: float, language: Language) -> str:
    """As people say it: tens of metres, from 100 m fifties, from 1 km tenths, from 10 km whole; "" below 10 m."""
    step = 10 if metres < 100 else 50
    rounded = int(metres / step + 0.5) * step
    if rounded < 10:
        return ""
    if rounded < 1000:
        return _say("metres", language, metres=rounded)
    km = f"{metres / 1000:.1f}".removesuffix(".0") if metres < 9_950 else f"{metres / 1000:.0f}"
    return _say("kilometres", language, km=km)


def compass(bearing: float | None, language: Language) -> str:
    """One of eight directions; "" for None."""
    return "" if bearing is None else _say(f"direction.{DIRECTIONS[round(bearing / 45) % 8]}", language)


def _say(key: str, language: Language, **facts: Any) -> str:
    return say(f"routing.turn.{key}", language, **facts)


def _lowered(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]


@dataclass(frozen=True, slots=True)
class _Turn:
    """An instruction at point `at` of the geometry, before its drive is known; `onto`: the row it leads onto."""

    kind: Kind
    side: str
    at: int
    onto: int
    angle_deg: float = 0.0
    exit: int | None = None


class _Telling:
    def __init__(self, roadmap: Roadmap, route: Route) -> None:
        self._route, self._net = route, roadmap.network
        self._junctions: Junctions = junctions_of(roadmap)
        self._points = [Place(lat, lon) for lon, lat in route.geometry]
        driven = [row for row, arc in enumerate(route.arcs) if arc is not None]
        self._begin, self._end = (driven[0], driven[-1] + 1) if driven else (0, 0)
        self._length_m = [self._segment_m(row) for row in range(len(route.arcs))]

    def steps(self) -> tuple[Step, ...]:
        turns = [_Turn("depart", "", 0, self._begin), *self._joined(self._turns())]
        ends = [*(turn.at for turn in turns[1:]), self._last]
        told = [self._step(turn, end) for turn, end in zip(turns, ends, strict=True)]
        arrive = self._step(_Turn("arrive", self._beside(), self._last, self._last), self._last)
        return *told, replace(arrive, name_zh="", name_en="", ref="")

    @property
    def _last(self) -> int:
        return len(self._route.geometry) - 1

    # --- where the turns are

    def _turns(self) -> list[_Turn]:
        found: list[_Turn] = []
        row, named = self._begin, self._road(self._begin)
        while row + 1 < self._end:
            here, on = self._arc(row), self._arc(row + 1)
            ring = self._junctions.ring
            if ring[on] and not ring[here]:
                turn, row = self._round(row + 1)
            else:
                turn, row = self._turn(row, here, on, named), row + 1
            if turn is not None:
                found.append(turn)
            named = self._road(row) if any(self._road(row)) else named
        return found

    def _turn(self, row: int, here: int, on: int, named: tuple[str, str, str]) -> _Turn | None:
        at = row + 1
        before, after = self._before_deg(at), self._after_deg(at)
        move = Move(here, on, turned_deg(before, after), self._others(here, on, before))
        kind = self._junctions.kind_of(move)
        if kind is None:
            renamed = any(self._road(at)) and not same_road(named, self._road(at))
            return _Turn("continue", "", at, at, move.angle_deg) if renamed else None
        return _Turn(kind, self._junctions.side_at(move, kind), at, at, move.angle_deg)

    def _round(self, first: int) -> tuple[_Turn | None, int]:
        """Entering a roundabout at point `first`: its exits counted until the way leaves it, and the row after."""
        row, exits = first, 0
        while row < self._end and self._junctions.ring[self._arc(row)]:
            exits += self._junctions.leaves_ring(int(self._net.head[self._arc(row)]))
            row += 1
        if row == self._end:  # the place lies on the roundabout
            return _Turn("continue", "", first, first), row
        return _Turn("roundabout", "", first, row, 0.0, max(1, exits)), row

    def _joined(self, turns: list[_Turn]) -> list[_Turn]:
        """Turns over the carriageways of one crossing, or over a slip lane, told as one."""
        joined: list[_Turn] = []
        for turn in turns:
            last = joined[-1] if joined else None
            if last and self._is_one(last, turn):
                angle = turned_deg(self._before_deg(last.at), self._after_deg(turn.at))
                at = turn.at if last.kind == "continue" else last.at
                side = side_of(angle)
                kind: Kind = "uturn" if side == "uturn" else "continue" if side == "straight" else "turn"
                joined[-1] = _Turn(kind, side if kind == "turn" else "", at, turn.onto, angle)
            else:
                joined.append(turn)
        return [turn for turn in joined if turn.kind != "continue" or self._is_news(turn)]

    def _is_one(self, a: _Turn, b: _Turn) -> bool:
        """Whether a driver takes both for one turn. Left and then right is two, however near."""
        weave = a.angle_deg * b.angle_deg < 0 and min(abs(a.angle_deg), abs(b.angle_deg)) > SLIGHT_DEG
        weave = weave and "uturn" not in (a.kind, b.kind)
        return a.kind in JOINED and b.kind in JOINED and not weave and self._near(a, b)

    def _is_news(self, turn: _Turn) -> bool:
        return any(self._road(turn.onto)) and not same_road(self._road(turn.at - 1), self._road(turn.onto))

    def _near(self, a: _Turn, b: _Turn) -> bool:
        apart_m = sum(self._length_m[a.at : b.at])
        slip = all(self._junctions.slip[self._arc(row)] for row in range(a.at, b.at))
        return apart_m <= (SLIP_LANE_M if slip else ONE_CROSSING_M)

    # --- the line

    def _arc(self, row: int) -> int:
        arc = self._route.arcs[row]
        assert arc is not None, "off the road there is no turn"
        return arc

    def _segment_m(self, row: int) -> float:
        chord_m = distance_m(*self._points[row : row + 2])
        arc, net = self._route.arcs[row], self._net
        if arc is None:
            return chord_m
        ends = [Place(float(net.lat[node]), float(net.lon[node])) for node in (net.tail[arc], net.head[arc])]
        whole_m = distance_m(*ends)
        return float(net.length_m[arc]) * (min(1.0, chord_m / whole_m) if whole_m else 1.0)

    def _before_deg(self, at: int) -> float:
        """The direction of arriving at a point of the drive."""
        row, seen_m = at - 1, self._length_m[at - 1]
        while row > self._begin and seen_m < LOOK_M and not self._stops(row, seen_m):
            row -= 1
            seen_m += self._length_m[row]
        return self._course(row, at, at - 1)

    def _after_deg(self, at: int) -> float:
        row, seen_m = at + 1, self._length_m[at]
        while row < self._end and seen_m < LOOK_M and not self._stops(row, seen_m):
            seen_m += self._length_m[row]
            row += 1
        return self._course(at, row, at)

    def _stops(self, point: int, seen_m: float) -> bool:
        """Whether enough is seen when the line comes to a node with a choice."""
        node = int(self._net.tail[self._arc(point)])
        return seen_m >= LEAST_LOOK_M and self._junctions.is_choice(node)

    def _course(self, a: int, b: int, straight: int) -> float:
        """From point a to b; the direction of the arc itself where the two are one place (a small loop)."""
        if self._points[a] == self._points[b]:
            return float(self._junctions.bearing_deg[self._arc(straight)])
        return bearing_deg(self._points[a], self._points[b])

    def _others(self, here: int, on: int, before: float) -> tuple[tuple[int, float], ...]:
        """The other roads that a driver sees ahead of the node, and how far each turns."""
        seen = [arc for arc in self._junctions.ahead(here) if arc != on and self._net.head[arc] != self._net.head[on]]
        return tuple((arc, turned_deg(before, self._junctions.leaving_deg(arc, LOOK_M))) for arc in seen)

    # --- the words of a step

    def _road(self, row: int) -> tuple[str, str, str]:
        arc = self._route.arcs[row] if row < len(self._route.arcs) else None
        return ("", "", "") if arc is None else names_of(self._net, arc)

    def _step(self, turn: _Turn, until: int) -> Step:
        named = self._named_row(turn, until)
        names = self._road(named)
        arc = self._route.arcs[named] if named < len(self._route.arcs) else None
        point = self._points[turn.at]
        inside = self._begin < turn.at < self._end
        before = self._before_deg(turn.at) if self._begin < turn.at <= self._end else None
        after = self._after_deg(turn.at) if inside else self._leaving(turn)
        return Step(
            turn.kind, turn.side, turn.exit, *names, self._net.tag("highway", arc) if arc is not None else "",
            turn.at, until, sum(self._length_m[turn.at : until]), self._route.at_s[until] - self._route.at_s[turn.at],
            point.lon, point.lat, before, after,
        )  # fmt: skip

    def _leaving(self, turn: _Turn) -> float | None:
        """The direction of setting off: along the road, for nobody drives the metres from the door."""
        if turn.kind != "depart" or self._begin == self._end:
            return None
        return self._after_deg(self._begin)

    def _named_row(self, turn: _Turn, until: int) -> int:
        """The row of the road that a step is called by: where it leads; for a ramp or slip lane, what comes after."""
        row, leads_on = turn.onto, turn.kind in ("ramp", "exit")
        while turn.kind not in ("depart", "continue") and row < self._end and not any(self._road(row)):
            if not (leads_on and self._junctions.link[self._arc(row)]) and row + 1 >= until:
                break
            row += 1
        return min(row, self._end - 1) if self._end else row

    def _beside(self) -> str:
        """On which side of the road the place lies: left, right, or ""."""
        if self._end == 0 or self._end == self._last + 1 or self._route.arcs[-1] is not None:
            return ""
        road, place = self._points[self._end], self._points[-1]
        if distance_m(road, place) < BESIDE_M:
            return ""
        angle = turned_deg(self._before_deg(self._end), bearing_deg(road, place))
        return ("right" if angle > 0 else "left") if 20 < abs(angle) < 160 else ""


def names_of(network: Network, arc: int) -> tuple[str, str, str]:
    """(zh, en, ref) of the arc's way; a name without language counts for both."""
    name = network.tag("name", arc)
    return network.tag("name:zh", arc) or name, network.tag("name:en", arc) or name, network.tag("ref", arc)


def same_road(a: tuple[str, str, str], b: tuple[str, str, str]) -> bool:
    """Whether a driver takes the two for one road: one name, or one number, or neither has any."""
    if not any(a) and not any(b):
        return True
    refs = [{part.strip() for part in names[2].split(";") if part.strip()} for names in (a, b)]
    return bool((a[0] and a[0] == b[0]) or (a[1] and a[1] == b[1]) or refs[0] & refs[1])
