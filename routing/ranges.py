"""The quick and the slow end of the drives from one place to many, each on its likely way, summed in one pass.

Exactly `route`'s range: the same ways and the same whole milliseconds. What may be asked is said in routing/ground.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from casebook.errors import NoAnswer
from casebook.place import Place
from routing.costs import Costs
from routing.roads.snapping import Snap
from routing.stops import AT_THE_NODE, Doors, Stops, off_road_ms, part_ms
from routing.way import Way, find_way, same_place

Range = tuple[float, float]


def way_range_s(way: Way, costs: Costs) -> Range:
    """p10 and p90 of one way in seconds."""
    low_ms = way.total_ms(costs.low_ms, costs.off_road_kph.high)
    return low_ms / 1000, way.total_ms(costs.high_ms, costs.off_road_kph.low) / 1000


def ranges_s(costs: Costs, starts: Stops, start: int, ends: Stops, rows: Sequence[int]) -> list[Range | None]:
    """p10 and p90 in seconds of the way from one place to each of these rows of `ends`; None where there is none, or
    no road near."""
    joins, leaves = starts.joins(costs), ends.leaves(costs)
    out, joined = _only_door(joins, start), {snap.arc for snap in starts.snaps(costs)[start]}
    place, found = starts.places[start], dict[int, Range | None]()
    simple = None if out is None else _Simple(costs, joins.snaps[out])
    for row in dict.fromkeys(rows):
        door, end = _only_door(leaves, row), ends.places[row]
        on_one_arc = any(snap.arc in joined for snap in ends.snaps(costs)[row])
        arcs = None
        if out is not None and door is not None and not on_one_arc and not same_place(place, end):
            arcs = costs.engine.search_path(int(joins.nodes[out]), int(leaves.nodes[door]))
        if simple is None or door is None or arcs is None:
            found[row] = _alone(costs, Stops(starts.roadmap, [place]), end)
        else:
            simple.add(row, arcs, leaves.snaps[door])
    if simple is not None:
        found |= dict(zip(simple.rows, simple.ranges_s(), strict=True))
    return [found[row] for row in rows]


def _alone(costs: Costs, start: Stops, end: Place) -> Range | None:
    """With a choice of doors, or within one arc: as `route` looks at it."""
    try:
        way = find_way(costs, start, Stops(start.roadmap, [end]))
    except NoAnswer:
        return None
    return None if way is None else way_range_s(way, costs)


def _only_door(doors: Doors, row: int) -> int | None:
    """The row of the door of this place where it has exactly one: then there is nothing to choose from."""
    at = int(np.searchsorted(doors.owners, row))
    if at == len(doors.owners) or doors.owners[at] != row:
        return None
    first = int(doors.start[at])
    last = int(doors.start[at + 1]) if at + 1 < len(doors.start) else len(doors.nodes)
    return first if last - first == 1 else None


@dataclass
class _Simple:
    """Ways from one door to one door each: arcs driven whole, and at most one in part at either end."""

    costs: Costs
    join: Snap
    rows: list[int] = field(default_factory=list)
    _arcs: list[NDArray[np.intp]] = field(default_factory=list)
    _leaves: list[Snap] = field(default_factory=list)

    def add(self, row: int, arcs: NDArray[np.intp], leave: Snap) -> None:
        self.rows.append(row)
        self._arcs.append(arcs)
        self._leaves.append(leave)

    def ranges_s(self) -> Iterator[Range]:
        kph = self.costs.off_road_kph
        low_ms = self._sums_ms(self.costs.low_ms, kph.high)
        return (
            (low / 1000, high / 1000)
            for low, high in zip(low_ms, self._sums_ms(self.costs.high_ms, kph.low), strict=True)
        )

    def _sums_ms(self, weights_ms: NDArray[np.int64], off_road_kph: float) -> list[int]:
        if not self.rows:
            return []
        begin_ms = off_road_ms(self.join, off_road_kph) + _in_part_ms(weights_ms, self.join, 1 - self.join.fraction)
        whole_ms = self._whole_ms(weights_ms)
        return [
            begin_ms + ms + _in_part_ms(weights_ms, leave, leave.fraction) + off_road_ms(leave, off_road_kph)
            for ms, leave in zip(whole_ms, self._leaves, strict=True)
        ]

    def _whole_ms(self, weights_ms: NDArray[np.int64]) -> list[int]:
        """Of each way the sum over its arcs; a way that passes no arc whole has none."""
        ends = np.cumsum([len(arcs) for arcs in self._arcs])
        summed = np.concatenate(([0], np.cumsum(weights_ms[np.concatenate(self._arcs)])))
        return np.diff(summed[np.concatenate(([0], ends))]).tolist()


def _in_part_ms(weights_ms: NDArray[np.int64], snap: Snap, share: float) -> int:
    """The arc on which a place lies, as far as it is driven; nothing where it lies at a node."""
    return part_ms(weights_ms, snap.arc, share) if AT_THE_NODE < snap.fraction < 1 - AT_THE_NODE else 0
