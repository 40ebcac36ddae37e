"""What a closure would mean before anybody records it: the roads it meets, how far, and who is on them.

Also the other way round: the stretch of road under a click, between two junctions. Reads only. Closing is
dispatch/closures.py's, what follows dispatch/rerouting.py's.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from itertools import pairwise
from math import cos, radians
from typing import Annotated, Any

import msgspec
import numpy as np
from numpy.typing import NDArray
from shapely import LineString, Polygon
from shapely.affinity import scale
from shapely.ops import substring

from casebook.asking import Command
from casebook.errors import NoAnswer
from casebook.picture import Picture
from casebook.place import Datum, Place, distance_m
from dispatch.closures import Bearing, Point, probe_of
from dispatch.datum import to_wgs84
from dispatch.journeys import stretch_of
from dispatch.leg_on_roads import shut_strokes, strokes_of
from dispatch.rerouting import may_change
from dispatch.whereabouts import along, departed_at
from routing.roads import Roadmap

ROADS_TOLD = 12  # names in one answer, the longest stretches first
DRAWN = 4000  # arcs drawn in one answer; an area that meets more is still told whole
STRETCH_M = 60_000.0  # a road without junctions is not followed farther than about this
HALF_WIDTH_M = 2.0  # of the area drawn round a stretch: narrower than the gap between two carriageways
CLEAR_M = 3.0  # the area ends this far from the junction, so that crossing streets stay open
NEAR_M = 250.0  # a click farther than this from any road means none
DEGREE_M = 111_195.0


class PreviewClosure(Command, frozen=True):
    """What would this closure meet? The fields of CloseRoad that say where. Records nothing."""

    ref: str = ""
    polygon: tuple[Point, ...] = ()
    bearing_deg: Bearing | None = None
    datum: Datum = "wgs84"
    km: tuple[float, float] | None = None
    edges: tuple[tuple[int, int, int], ...] = ()


class FindStretch(Command, frozen=True):
    """Which road is here, from junction to junction? Records nothing."""

    lat: Annotated[float, msgspec.Meta(ge=-90, le=90)]
    lon: Annotated[float, msgspec.Meta(ge=-180, le=180)]
    datum: Datum = "wgs84"


def preview_closure(command: PreviewClosure, picture: Picture, at: datetime, roadmap: Roadmap) -> dict[str, Any]:
    """{roads, more, length_m, lines, units}: roads, longest first; lines for a map; units whose way it cuts.

    Raises RefusedInput as `close_road` does; a closure that meets no road is an answer here, with nothing in it.
    """
    probe = probe_of(command, at)
    arcs = stretch_of(probe).arcs(roadmap)
    mask = np.zeros(roadmap.network.arcs, np.bool_)
    mask[arcs] = True
    roads = _roads_of(roadmap, arcs)
    return {
        "roads": roads[:ROADS_TOLD], "more": max(0, len(roads) - ROADS_TOLD),
        "length_m": round(float(roadmap.network.length_m[arcs].sum())), "lines": _lines(roadmap, arcs[:DRAWN]),
        "units": [id for id in sorted(picture.units) if _is_cut(roadmap, picture, id, at, mask)],
    }  # fmt: skip


def _roads_of(roadmap: Roadmap, arcs: NDArray[np.intp]) -> list[dict[str, Any]]:
    """The roads met, by number and name; metres count each direction by itself."""
    net, metres = roadmap.network, defaultdict[tuple[str, ...], float](float)
    for arc in arcs.tolist():
        name = net.tag("name", arc)
        zh, en = net.tag("name:zh", arc) or name, net.tag("name:en", arc) or name
        metres[(net.tag("ref", arc), zh, en)] += float(net.length_m[arc])
    ordered = sorted(metres.items(), key=lambda item: (-item[1], item[0]))
    names = ("ref", "name_zh", "name_en")
    return [dict(zip(names, road, strict=True)) | {"length_m": round(length)} for road, length in ordered]


def _lines(roadmap: Roadmap, arcs: NDArray[np.intp]) -> list[list[list[float]]]:
    net = roadmap.network
    ends = ((int(net.tail[arc]), int(net.head[arc])) for arc in arcs.tolist())
    return [[[round(float(net.lon[n]), 6), round(float(net.lat[n]), 6)] for n in pair] for pair in ends]


def _is_cut(roadmap: Roadmap, picture: Picture, id: str, at: datetime, mask: NDArray[np.bool_]) -> bool:
    """Whether what this unit has yet to drive crosses it."""
    unit = picture.units[id]
    if not may_change(unit) or unit.leg is None:
        return False
    departed = departed_at(unit)
    passed_s = (at - departed).total_seconds() if departed else 0.0
    here = along(unit.leg, passed_s)
    line = ((here.lon, here.lat, passed_s), *(vertex for vertex in unit.leg.line if vertex[2] > passed_s))
    return any(shut_strokes(strokes_of(roadmap, line), mask))


# --- the stretch under a click


def find_stretch(command: FindStretch, roadmap: Roadmap) -> dict[str, Any]:
    """{ref, name_zh, name_en, highway, length_m, bearing_deg, oneway, polygon, lines} from junction to junction.

    `polygon` and `ref` are what `close_road` takes for it; `bearing_deg` closes one direction only. Raises NoAnswer
    `off_the_map` where no road is near.
    """
    lat, lon = to_wgs84(command.lat, command.lon, command.datum)
    snaps = roadmap.snap(Place(lat, lon), roadmap.usable_by_car)
    if not snaps or snaps[0].distance_m > NEAR_M:
        raise NoAnswer("off_the_map", place=f"{lat:.5f}, {lon:.5f}", roads=roadmap.name)
    net, arc = roadmap.network, snaps[0].arc
    nodes = _between_junctions(roadmap, arc)
    points = [(float(net.lon[node]), float(net.lat[node])) for node in nodes]
    name = net.tag("name", arc)
    length_m = sum(distance_m(Place(a[1], a[0]), Place(b[1], b[0])) for a, b in pairwise(points))
    return {
        "ref": net.tag("ref", arc).split(";")[0], "name_zh": net.tag("name:zh", arc) or name,
        "name_en": net.tag("name:en", arc) or name, "highway": net.tag("highway", arc), "length_m": round(length_m),
        "bearing_deg": round(float(net.bearing_deg()[arc])), "oneway": _twin(roadmap, arc) is None,
        "polygon": _area_round(points, length_m), "lines": [[[round(x, 6), round(y, 6)] for x, y in points]],
    }  # fmt: skip


def _twin(roadmap: Roadmap, arc: int) -> int | None:
    """The arc that a car may drive back on, between the same two nodes."""
    net = roadmap.network
    back = (net.tail == net.head[arc]) & (net.head == net.tail[arc]) & roadmap.usable_by_car
    found = np.flatnonzero(back)
    return int(found[0]) if len(found) else None


def _between_junctions(roadmap: Roadmap, arc: int) -> list[int]:
    """The nodes of the road through `arc`, both ways to where something joins or leaves it, or it becomes another."""
    net = roadmap.network
    nodes, length_m = [int(net.tail[arc]), int(net.head[arc])], float(net.length_m[arc])
    for _ in range(2):  # first onward, then, turned round, back
        while length_m < STRETCH_M and (next_arc := _only_onward(roadmap, nodes[-1], nodes[-2], arc)) is not None:
            onward = int(net.head[next_arc] if net.tail[next_arc] == nodes[-1] else net.tail[next_arc])
            if onward in nodes:
                break
            length_m += float(net.length_m[next_arc])
            nodes.append(onward)
        nodes.reverse()
    return nodes


def _only_onward(roadmap: Roadmap, node: int, before: int, like: int) -> int | None:
    """An arc to the one other node that this one is joined to for cars, of the same number and class; else None."""
    net, usable = roadmap.network, roadmap.usable_by_car
    out, into = np.flatnonzero((net.tail == node) & usable), np.flatnonzero((net.head == node) & usable)
    others = {int(net.head[a]): a for a in out.tolist()} | {int(net.tail[a]): a for a in into.tolist()}
    others.pop(before, None)
    if len(others) != 1:
        return None
    (arc,) = others.values()
    same = all(net.tag(tag, arc) == net.tag(tag, like) for tag in ("ref", "highway"))
    return arc if same else None


def _area_round(points: list[tuple[float, float]], length_m: float) -> list[list[float]]:
    """A narrow area along the line, clear of its ends."""
    squeeze = cos(radians(points[0][1]))
    line = scale(LineString(points), xfact=squeeze, yfact=1.0, origin=(0, 0))
    clear = min(CLEAR_M, length_m / 4) / length_m * line.length
    trimmed = substring(line, clear, line.length - clear)
    area = trimmed.buffer(HALF_WIDTH_M / DEGREE_M, cap_style="flat", join_style="mitre")
    ring = scale(Polygon(area.exterior), xfact=1 / squeeze, yfact=1.0, origin=(0, 0)).exterior.coords
    return [[round(x, 7), round(y, 7)] for x, y in ring]
