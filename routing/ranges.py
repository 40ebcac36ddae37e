"""The quick and the slow end of the drives from one place to many, each on its likely way.

Exactly `route`'s range: the same ways and the same whole milliseconds. What may be asked is said in routing/ground.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from casebook.errors import NoAnswer
from casebook.place import Place
from routing.costs import Costs
from routing.portals import Sums, sums_ms
from routing.roads.snapping import Snap
from routing.stops import AT_THE_NODE, ON_THE_ROAD_M, Stops, off_road_ms, part_ms
from routing.way import SAME_LAT, Way, find_way, same_place

Range = tuple[float, float]


class _Simple(NamedTuple):
    """The way to one row, by its only door: arcs driven whole, their ms at either end, and at most one in part where
    it begins and where it ends."""

    row: int
    whole_ms: Sums
    leave: Snap


def way_range_s(way: Way, costs: Costs) -> Range:
    """p10 and p90 of one way in seconds."""
    low_ms = way.total_ms(costs.low_ms, costs.off_road_kph.high)
    return low_ms / 1000, way.total_ms(costs.high_ms, costs.off_road_kph.low) / 1000


def ranges_s(costs: Costs, starts: Stops, start: int, ends: Stops, rows: Sequence[int]) -> list[Range | None]:
    """p10 and p90 in seconds of the way from one place to each of these rows of `ends`; None where there is none, or
    no road near."""
    joins, leaves = starts.joins(costs), ends.leaves(costs)
    place, asked = starts.places[start], list(dict.fromkeys(rows))
    simple = _simple_rows(costs, starts, start, ends, asked) if joins.only[start] >= 0 else []
    found: dict[int, Range | None] = {}
    if simple:
        out, to = int(joins.only[start]), leaves.only[simple].tolist()
        whole_ms = sums_ms(costs, int(joins.nodes[out]), leaves.nodes[to].tolist())
        found = dict.fromkeys(simple) | _driven(
            costs,
            joins.snaps[out],
            [
                _Simple(row, its_ms, leaves.snaps[door])
                for row, its_ms, door in zip(simple, whole_ms, to, strict=True)
                if its_ms is not None
            ],
        )
    rest = [row for row in asked if row not in found]
    if rest:
        here = Stops(starts.roadmap, [place])
        found |= {row: _alone(costs, here, ends.places[row]) for row in rest}
    return [found[row] for row in rows]


def _simple_rows(costs: Costs, starts: Stops, start: int, ends: Stops, rows: Sequence[int]) -> list[int]:
    """Those of `rows` to which a way passes a node, by the only door there is: nothing is to be chosen."""
    leaves, place = ends.leaves(costs), starts.places[start]
    joined = {snap.arc for snap in starts.snaps(costs)[start]}
    single = [row for row, door in zip(rows, leaves.only[rows].tolist(), strict=True) if door >= 0]
    if not joined.isdisjoint(leaves.arcs):
        snaps = ends.snaps(costs)
        single = [row for row in single if joined.isdisjoint([snap.arc for snap in snaps[row]])]
    if not (np.abs(ends.lat - place.lat) < SAME_LAT).any():
        return single
    return [row for row in single if not same_place(place, ends.places[row])]


def _alone(costs: Costs, start: Stops, end: Place) -> Range | None:
    """With a choice of doors, or within one arc: as `route` looks at it."""
    try:
        way = find_way(costs, start, Stops(start.roadmap, [end]))
    except NoAnswer:
        return None
    return None if way is None else way_range_s(way, costs)


def _driven(costs: Costs, join: Snap, ways: Sequence[_Simple]) -> dict[int, Range]:
    """By row the range of its way."""
    low, high = (costs.low_ms, costs.off_road_kph.high), (costs.high_ms, costs.off_road_kph.low)
    begin_low_ms, begin_high_ms = (
        off_road_ms(join, kph) + _in_part_ms(ms, join, 1 - join.fraction) for ms, kph in (low, high)
    )
    found: dict[int, Range] = {}
    for row, (low_ms, high_ms), leave in ways:
        low_ms, high_ms = begin_low_ms + low_ms, begin_high_ms + high_ms
        if AT_THE_NODE < leave.fraction < 1 - AT_THE_NODE:
            low_ms += part_ms(costs.low_ms, leave.arc, leave.fraction)
            high_ms += part_ms(costs.high_ms, leave.arc, leave.fraction)
        if leave.distance_m > ON_THE_ROAD_M:
            low_ms += off_road_ms(leave, costs.off_road_kph.high)
            high_ms += off_road_ms(leave, costs.off_road_kph.low)
        found[row] = low_ms / 1000, high_ms / 1000
    return found


def _in_part_ms(weights_ms: NDArray[np.int64], snap: Snap, share: float) -> int:
    """The arc on which a place lies, as far as it is driven; nothing where it lies at a node."""
    return part_ms(weights_ms, snap.arc, share) if AT_THE_NODE < snap.fraction < 1 - AT_THE_NODE else 0
