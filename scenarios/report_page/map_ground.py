"""The ground of the map: which part of the world, the road lines in it, and what was closed or slowed on them.

Roads come as GeoJSON lines (WGS-84) and are clipped to the frame. Nothing here depends on the language, so it is worked
out once and drawn once.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import shapely

from casebook.log import Entry
from casebook.place import Place, distance_m
from scenarios.report_page.markup import Html, points, tag
from scenarios.report_page.story import Story

WIDTH, HEIGHT = 1200.0, 660.0
FRAME_SHARE = 0.09  # of the larger side, kept free around what happened
LEAST_SPAN_DEG = 0.03  # about 3 km, so that a drill at one corner still shows where it is
CLASSES = ("motorway", "trunk", "primary", "secondary", "other")
LEAST_PART_PX = 1.5
Point = tuple[float, float]
Road = tuple[list[Point], Mapping[str, Any]]


@dataclass(frozen=True)
class Frame:
    """What part of the world is shown: equirectangular about the middle latitude, true to scale there."""

    west: float
    south: float
    east: float
    north: float

    @property
    def deg_per_px(self) -> float:
        return (self.north - self.south) / HEIGHT

    @property
    def m_per_px(self) -> float:
        middle = (self.south + self.north) / 2
        return distance_m(Place(middle, self.west), Place(middle, self.east)) / WIDTH

    def at(self, lon: float, lat: float) -> Point:
        return (lon - self.west) / (self.east - self.west) * WIDTH, (self.north - lat) / self.deg_per_px

    def shows(self, lon: float, lat: float) -> bool:
        return self.west <= lon <= self.east and self.south <= lat <= self.north


@dataclass(frozen=True)
class Ground:
    """The frame, the roads in it, and every closure with the pieces of road that it shut."""

    frame: Frame
    roads: Sequence[Road]
    shut: Sequence[tuple[Entry, list[list[Point]]]]


def ground_of(story: Story, roads: Mapping[str, Any] | None) -> Ground | None:
    """None when nothing happened anywhere."""
    frame = framed(_places(story))
    if frame is None:
        return None
    lines = list(_in_frame(roads, frame))
    closures = (entry for entry in story.entries if entry.kind in ("road_closed", "road_slowed"))
    return Ground(frame, lines, [(fact, list(_pieces(fact, lines))) for fact in closures])


def framed(places: Sequence[Point]) -> Frame | None:
    """The frame around (lon, lat) places, with room, in the shape of the drawing. None without places."""
    if not places:
        return None
    lons, lats = [lon for lon, _ in places], [lat for _, lat in places]
    middle_lon, middle_lat = (min(lons) + max(lons)) / 2, (min(lats) + max(lats)) / 2
    shrink = math.cos(math.radians(middle_lat))  # a degree of longitude is this much shorter
    wide = max((max(lons) - min(lons)) * shrink, LEAST_SPAN_DEG)
    high = max(max(lats) - min(lats), LEAST_SPAN_DEG)
    room = 2 * FRAME_SHARE * max(wide, high)
    high = max(high + room, (wide + room) * HEIGHT / WIDTH)
    wide = high * WIDTH / HEIGHT / shrink
    return Frame(middle_lon - wide / 2, middle_lat - high / 2, middle_lon + wide / 2, middle_lat + high / 2)


def _places(story: Story) -> list[Point]:
    """The scene, all tracks, the meeting points and every hospital that somebody was taken to."""
    places: list[Point] = [(one.place.lon, one.place.lat) for one in story.picture.incidents.values()]
    places += [(lon, lat) for runs in story.tracks.values() for run in runs for _, lat, lon in run]
    places += [(site.lon, site.lat) for site in story.sites.values()]
    taken = {one.hospital for one in story.picture.casualties.values()}
    return places + [(h.place.lon, h.place.lat) for h in story.picture.hospitals.values() if h.id in taken]


def class_of(properties: Mapping[str, Any]) -> str:
    """The road's class, slip roads with their road; everything lesser is "other"."""
    kind = str(properties.get("highway", "")).removesuffix("_link")
    return kind if kind in CLASSES else "other"


def _in_frame(roads: Mapping[str, Any] | None, frame: Frame) -> Iterable[Road]:
    """(line, properties) of every piece of road inside the frame, no finer than can be seen."""
    for feature in (roads or {}).get("features", ()):
        geometry = feature["geometry"]
        parts = {"LineString": [geometry["coordinates"]], "MultiLineString": geometry["coordinates"]}
        for part in parts.get(geometry["type"], ()):
            line = shapely.LineString([point[:2] for point in part]) if len(part) > 1 else shapely.LineString()
            inside = shapely.clip_by_rect(line, frame.west, frame.south, frame.east, frame.north)
            for piece in shapely.get_parts(inside):
                if piece.length > LEAST_PART_PX * frame.deg_per_px:
                    thin = shapely.simplify(piece, 0.3 * frame.deg_per_px)
                    yield [(lon, lat) for lon, lat in thin.coords], feature.get("properties", {})


# --- closures


def area_of(fact: Entry) -> Any:
    """The polygon of a closure, None when it has none."""
    corners = fact.body.get("polygon", ())
    return shapely.Polygon(corners) if len(corners) >= 3 else None


def _pieces(fact: Entry, roads: Sequence[Road]) -> Iterable[list[Point]]:
    """The pieces of road that the closure is about: of its number, in its area, in its direction, as far as stated."""
    body, area = fact.body, area_of(fact)
    ref = body.get("ref")
    if not ref and area is None:
        return
    for line, properties in roads:
        if not ref or ref in str(properties.get("ref", "")).split(";"):
            yield from _hit(line, area, body.get("bearing_deg") if properties.get("oneway") else None)


def _hit(line: Sequence[Point], area: Any, bearing_deg: float | None) -> Iterable[list[Point]]:
    """The parts of a line that lie in the area (None: anywhere) and run the closed way (None: either)."""
    pairs = (pair for pair in itertools.pairwise(line) if bearing_deg is not None and _along(*pair, bearing_deg))
    pieces = [line] if bearing_deg is None else pairs
    for piece in pieces:
        found = shapely.LineString(piece)
        for part in shapely.get_parts(found if area is None else shapely.intersection(found, area)):
            if part.geom_type == "LineString" and len(part.coords) > 1:
                yield [(lon, lat) for lon, lat in part.coords]


def _along(start: Point, end: Point, bearing_deg: float) -> bool:
    """Does it run within 90 degrees of the bearing?"""
    east = (end[0] - start[0]) * math.cos(math.radians(start[1]))
    return math.cos(math.atan2(east, end[1] - start[1]) - math.radians(bearing_deg)) > 0


# --- drawn once for both languages


def ground_drawn(ground: Ground) -> Html:
    """The road lines by class, the lesser below; on them what was slowed, then what was closed."""
    frame = ground.frame
    by_class: dict[str, list[str]] = {name: [] for name in CLASSES}
    for line, properties in ground.roads:
        by_class[class_of(properties)].append(points(frame.at(*point) for point in line))
    paths = [tag("path", d="".join(by_class[name]), class_=f"road {name}") for name in reversed(CLASSES)]
    order = sorted(ground.shut, key=lambda one: (one[0].kind != "road_slowed", one[0].seq))
    return tag("g", paths, [_shut(fact, pieces, frame) for fact, pieces in order], id="roads")


def _shut(fact: Entry, pieces: Sequence[Sequence[Point]], frame: Frame) -> Html | None:
    """The carriageway where there are roads to show it on, else the area."""
    kind = "closed" if fact.kind == "road_closed" else "slowed"
    area = area_of(fact)
    if pieces:
        line = "".join(points(frame.at(*point) for point in piece) for piece in pieces)
        under = tag("path", d=line, class_="shut under") if kind == "closed" else None
        return tag("g", under, tag("path", d=line, class_=f"shut {kind}"))
    if area is None:
        return None
    outline = points(frame.at(*point) for point in area.exterior.coords)
    return tag("path", d=f"{outline}z" if outline else "", class_=f"area {kind}")
