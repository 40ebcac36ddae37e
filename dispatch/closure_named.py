"""Say a closure as people do, by the road that it mostly lies on, and draw what no polygon shows. Pure, and kept."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from casebook.picture import RoadState
from dispatch.journeys import stretch_of
from routing.roads import Roadmap

KEPT = 256
SHARE = 0.25  # of an area's roads that a name has to stand for: the drive of a hospital is not what is slow around it
Line = tuple[tuple[float, float], ...]


@lru_cache(maxsize=KEPT)
def name_of(roadmap: Roadmap, road: RoadState) -> str:
    """Its road number; of an area the number, else the name, of the longest road in it; else its id.

    What is a small part of the area names nothing: "the hospital is closed" must not be said of a road beside it.
    """
    if road.ref:
        return road.ref
    net, arcs = roadmap.network, stretch_of(road).arcs(roadmap)
    for tag in ("ref", "name"):
        column = net.columns[tag]
        metres = np.bincount(column.code[net.way[arcs]], net.length_m[arcs], len(column.words))
        metres[0] = 0.0  # no word
        if metres.max(initial=0.0) > SHARE * net.length_m[arcs].sum():
            return column.words[int(metres.argmax())].split(";")[0]
    return road.id


@lru_cache(maxsize=KEPT)
def lines_of(roadmap: Roadmap, road: RoadState) -> tuple[Line, ...] | None:
    """The stretches of a closure by kilometre posts or edges; None where number and polygon say it all."""
    if road.km is None and not road.edges:
        return None
    net, arcs = roadmap.network, stretch_of(road).arcs(roadmap)
    ends = ((int(net.tail[arc]), int(net.head[arc])) for arc in arcs.tolist())
    return tuple(tuple((round(float(net.lon[n]), 5), round(float(net.lat[n]), 5)) for n in pair) for pair in ends)
