"""OSRM's words: coordinates and options as its URLs write them, lines and steps as its answers do.

Pure text and numbers; what is asked of the roads with them is left to routing/osrm_api.py.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from shapely import LineString

from casebook.errors import RefusedInput
from casebook.place import Place
from routing.turn_by_turn import Step

Line = Sequence[tuple[float, float]]  # (lon, lat)
PER_DEGREE = {"polyline": 1e5, "polyline6": 1e6}
PAIR = re.compile(r"\s*([-+]?[\d.]+(?:[eE][-+]?\d+)?),([-+]?[\d.]+(?:[eE][-+]?\d+)?)\s*")
#: What each service knows, and what it hears without doing anything about it: then the answer says so.
GENERAL = {"bearings", "radiuses"}
KNOWN = {
    "route": GENERAL | {"steps", "geometries", "overview"},
    "table": GENERAL | {"sources", "destinations", "annotations"},
}
UNHEARD = {
    "route": {"annotations", "alternatives", "continue_straight"},
    "table": {"fallback_speed", "fallback_coordinate"},
}
HARMLESS = {"generate_hints", "hints", "approaches", "snapping", "skip_waypoints", "format"}
REFUSED = {"exclude", "scale_factor"}  # without them the numbers would be others than those asked for
SIMPLER = 1 / 512  # of the line's extent: about a pixel where the whole line fills a map
MANEUVERS = {
    "depart": "depart", "continue": "new name", "turn": "turn", "keep": "fork", "ramp": "on ramp", "exit": "off ramp",
    "merge": "merge", "roundabout": "roundabout", "uturn": "continue", "arrive": "arrive",
}  # fmt: skip


class BadQuery(Exception):
    """A question that OSRM would refuse, with its code and a sentence."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


@dataclass(frozen=True, slots=True)
class Options:
    """The options of one question; lists have one element per coordinate or are empty."""

    steps: bool = False
    geometries: str = "polyline"
    overview: str = "simplified"
    annotations: tuple[str, ...] = ("duration",)
    bearings: tuple[str, ...] = ()
    radiuses: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    destinations: tuple[str, ...] = ()
    notes: list[str] = field(default_factory=list)

    def check_counts(self, places: int) -> None:
        for name in ("bearings", "radiuses"):
            if (given := len(getattr(self, name))) not in (0, places):
                raise BadQuery("InvalidOptions", f"{given} {name} for {places} coordinates.")

    def bearing(self, row: int) -> float | None:
        """The direction asked for at a coordinate; None where none is. Its range is taken as 90 degrees."""
        text = self.bearings[row] if self.bearings else ""
        if not text:
            return None
        value, _, span = text.partition(",")
        if not (value.isdigit() and span.isdigit() and int(value) <= 360 and int(span) <= 180):
            raise BadQuery("InvalidValue", f"Bearing {text}: give value,range within 0..360,0..180.")
        return float(value)

    def radius_m(self, row: int) -> float:
        text = self.radiuses[row] if self.radiuses else ""
        if text in ("", "unlimited"):
            return math.inf
        try:
            radius_m = float(text)
        except ValueError:
            radius_m = math.nan
        if not 0 <= radius_m < math.inf:
            raise BadQuery("InvalidValue", f"Radius {text}: give metres or unlimited.")
        return radius_m

    def rows(self, name: str, places: int) -> list[int]:
        """Which coordinates are sources or destinations."""
        given = getattr(self, name)
        if not given or given == ("all",):
            return list(range(places))
        if not all(text.isdigit() for text in given):
            raise BadQuery("InvalidQuery", f"{name}: give numbers of coordinates, separated by ;")
        rows = [int(text) for text in given]
        if max(rows) >= places:
            raise BadQuery("InvalidOptions", f"{name}: there is no coordinate {max(rows)}.")
        return rows


def coordinates(text: str) -> list[Place]:
    """`lon,lat;lon,lat`, `polyline(...)` or `polyline6(...)`, with `.json` behind it or not."""
    text = text.removesuffix(".json")
    encoded = re.fullmatch(r"(polyline6?)\((.*)\)", text, re.DOTALL)
    try:
        pairs = decoded(encoded[2], encoded[1]) if encoded else [_pair(piece) for piece in text.split(";")]
        return [Place(lat, lon) for lon, lat in pairs]
    except RefusedInput as wrong:
        raise BadQuery("InvalidValue", f"Invalid coordinate value: {wrong.said('en')}") from wrong


def _pair(piece: str) -> tuple[float, float]:
    found = PAIR.fullmatch(piece)
    try:
        return float(found[1]), float(found[2])  # type: ignore[index]
    except (TypeError, ValueError) as broken:
        told = f"Query string malformed close to {piece!r}: coordinates are longitude,latitude separated by ;"
        raise BadQuery("InvalidQuery", told) from broken


def read_options(service: str, query: Sequence[tuple[str, str]]) -> Options:
    """The options of a query; one that would change the answer and is not offered here is refused."""
    told: dict[str, Any] = {}
    notes: list[str] = []
    for name, value in query:
        if name in KNOWN[service]:
            told[name] = _option(service, name, value)
        elif name in UNHEARD[service] and value not in ("false", "default"):
            notes.append(f"{name} is not offered here and was ignored")
        elif name in REFUSED:
            raise BadQuery("InvalidValue", f"{name} is not supported.")
        elif name not in HARMLESS | UNHEARD[service]:
            raise BadQuery("InvalidQuery", f"Query string malformed: there is no option {name}.")
    return Options(**told, notes=notes)


def _option(service: str, name: str, value: str) -> Any:
    choices = {"steps": ("true", "false"), "overview": ("simplified", "full", "false")}
    choices["geometries"] = (*PER_DEGREE, "geojson")
    if name in choices:
        if value not in choices[name]:
            raise BadQuery("InvalidQuery", f"{name}={value}: give one of {', '.join(choices[name])}.")
        return value == "true" if name == "steps" else value
    parts = tuple(value.split("," if name == "annotations" else ";"))
    if name == "annotations" and not set(parts) <= {"duration", "distance"}:
        raise BadQuery("InvalidQuery", f"annotations={value}: give duration, distance or both.")
    return parts


# --- lines


def drawn(line: Line, geometries: str) -> Any:
    """A line as GeoJSON or encoded."""
    if geometries == "geojson":
        return {"type": "LineString", "coordinates": [[round(lon, 6), round(lat, 6)] for lon, lat in line]}
    return encoded(line, geometries)


def simplified(line: Line) -> Line:
    """As a map shows it that the whole line fills."""
    if len(line) < 3:
        return line
    lons, lats = zip(*line, strict=True)
    extent = max(max(lons) - min(lons), max(lats) - min(lats))
    return [(lon, lat) for lon, lat in LineString(line).simplify(extent * SIMPLER).coords]


def encoded(line: Line, kind: str = "polyline") -> str:
    """Google's encoded polyline, latitude first, with 5 or (polyline6) 6 decimals."""
    text: list[str] = []
    before = (0, 0)
    for lon, lat in line:
        here = (round(lat * PER_DEGREE[kind]), round(lon * PER_DEGREE[kind]))
        for value in (here[0] - before[0], here[1] - before[1]):
            rest = ~(value << 1) if value < 0 else value << 1
            while rest >= 0x20:
                text.append(chr((0x20 | (rest & 0x1F)) + 63))
                rest >>= 5
            text.append(chr(rest + 63))
        before = here
    return "".join(text)


def decoded(text: str, kind: str = "polyline") -> list[tuple[float, float]]:
    """The (lon, lat) of an encoded polyline. Raises BadQuery InvalidQuery for anything else."""
    numbers: list[int] = []
    value = shift = 0
    for letter in text:
        bits = ord(letter) - 63
        if not 0 <= bits < 0x40 or shift > 60:
            raise BadQuery("InvalidQuery", "Query string malformed: not an encoded polyline.")
        value |= (bits & 0x1F) << shift
        shift += 5
        if bits < 0x20:
            numbers.append(~(value >> 1) if value & 1 else value >> 1)
            value = shift = 0
    if shift or len(numbers) % 2 or not numbers:
        raise BadQuery("InvalidQuery", "Query string malformed: not an encoded polyline.")
    lats, lons = (_running(numbers[start::2], PER_DEGREE[kind]) for start in (0, 1))
    return list(zip(lons, lats, strict=True))


def _running(steps: Sequence[int], per_degree: float) -> list[float]:
    total, sums = 0, []
    for step in steps:
        total += step
        sums.append(total / per_degree)
    return sums


# --- steps


def step_of(step: Step, geometry: Line, geometries: str, driving_side: str) -> dict[str, Any]:
    """A step as OSRM's RouteStep. Its intersections are only where it begins, with the two roads driven there."""
    line = list(geometry[step.first : step.last + 1])
    line = line if len(line) > 1 else line * 2
    duration = round(step.seconds, 1)
    told = {
        "distance": round(step.length_m, 1),
        "duration": duration,
        "weight": duration,
        "geometry": drawn(line, geometries),
        "name": step.name_en or step.name_zh,
        "mode": "driving",
        "driving_side": driving_side,
        "maneuver": _maneuver(step),
        "intersections": [_intersection(step)],
    }
    return told | ({"ref": step.ref} if step.ref else {})


def _maneuver(step: Step) -> dict[str, Any]:
    told: dict[str, Any] = {
        "type": MANEUVERS[step.kind],
        "location": [round(step.lon, 6), round(step.lat, 6)],
        "bearing_before": _whole(step.before_deg),
        "bearing_after": _whole(step.after_deg),
    }
    slight = step.kind in ("keep", "exit", "merge") and step.side in ("left", "right")
    modifier = f"slight {step.side}" if slight else step.side.replace("_", " ")
    modifier = modifier or {"uturn": "uturn", "continue": "straight", "merge": "straight"}.get(step.kind, "")
    told |= {"modifier": modifier} if modifier else {}
    return told | ({"exit": step.exit} if step.exit is not None else {})


def _intersection(step: Step) -> dict[str, Any]:
    back = None if step.before_deg is None else _whole(step.before_deg + 180)
    on = None if step.after_deg is None else _whole(step.after_deg)
    bearings = [bearing for bearing in (back, on) if bearing is not None]
    told: dict[str, Any] = {"location": [round(step.lon, 6), round(step.lat, 6)], "bearings": bearings}
    told["entry"] = [bearing == on or back is None or on is None for bearing in bearings]
    if back is not None:
        told["in"] = 0
    if on is not None:
        told["out"] = len(bearings) - 1
    return told


def _whole(bearing: float | None) -> int:
    return 0 if bearing is None else round(bearing) % 360
