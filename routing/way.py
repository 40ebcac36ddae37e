"""Solve a way on given costs: where the road is joined and left, and the arcs between.

Exact in whole milliseconds, also when start and end lie within one arc. How it is told is left to ground.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from casebook.errors import NoAnswer
from casebook.place import Place, distance_m
from routing.costs import Costs
from routing.engine import UNREACHED
from routing.roads.roadmap import Roadmap
from routing.roads.snapping import Snap

ON_THE_ROAD_M = 0.5  # a place this near the road's line stands on it; below any map's accuracy


@dataclass(frozen=True, slots=True)
class Piece:
    """Part of an arc that is driven, from fraction `begin` to `finish`."""

    arc: int
    begin: float
    finish: float

    def ms(self, weights_ms: NDArray[np.int64]) -> int:
        return part_ms(weights_ms, self.arc, self.finish - self.begin)


@dataclass(frozen=True, slots=True)
class Way:
    """Solved, not yet told: where the road is joined and left, and the pieces driven between."""

    join: Snap
    leave: Snap
    pieces: tuple[Piece, ...]

    @property
    def arcs(self) -> set[int]:
        return {piece.arc for piece in self.pieces}


def part_ms(weights_ms: NDArray[np.int64], arc: int, share: float) -> int:
    return round(int(weights_ms[arc]) * share)


def off_road_ms(snap: Snap, kph: float) -> int:
    """Between a place and its point on the road, in a straight line."""
    return round(snap.distance_m * 3600 / kph) if snap.distance_m > ON_THE_ROAD_M else 0


def spoken(place: Place) -> str:
    """A place for an error's sentence: its names, else its coordinates."""
    return " / ".join(name for name in (place.name_zh, place.name_en) if name) or f"{place.lat:.5f},{place.lon:.5f}"


class Driving:
    """One vehicle's driving on one set of costs; asks the engine from node to node and adds the ends."""

    def __init__(self, roadmap: Roadmap, costs: Costs) -> None:
        self._roadmap, self._costs = roadmap, costs
        self._head, self._tail = roadmap.network.head, roadmap.network.tail

    def find_way(self, start: Place, end: Place, heading_deg: float | None = None) -> Way | None:
        """The fastest way, the first on a tie; None when the two are not connected. NoAnswer `off_the_map`."""
        joins, leaves = self._on_road(start, heading_deg), self._on_road(end)
        if same_place(start, end):
            here = replace(joins[0], lon=start.lon, lat=start.lat, distance_m=0.0)
            return Way(here, here, ())
        through = self._costs.engine.times_ms(self._heads(joins), self._tails(leaves))
        times = [
            (ms, i, j)
            for i, join in enumerate(joins)
            for j, leave in enumerate(leaves)
            if (ms := self._ms(join, leave, int(through[i, j]))) is not None
        ]
        if not times:
            return None
        _, i, j = min(times)
        return Way(joins[i], leaves[j], self._pieces(joins[i], leaves[j]))

    def table_s(self, starts: Sequence[Place], ends: Sequence[Place]) -> list[list[float | None]]:
        """Seconds of `find_way` from each start to each end; None where there is no way or no road."""
        joins = [self._roadmap.snap(place, self._costs.usable) for place in starts]
        leaves = [self._roadmap.snap(place, self._costs.usable) for place in ends]
        sources = sorted({node for snaps in joins for node in self._heads(snaps)})
        targets = sorted({node for snaps in leaves for node in self._tails(snaps)})
        through = self._costs.engine.times_ms(sources, targets)
        row, column = {n: i for i, n in enumerate(sources)}, {n: j for j, n in enumerate(targets)}

        def cell(i: int, j: int) -> float | None:
            if joins[i] and leaves[j] and same_place(starts[i], ends[j]):
                return 0.0
            times = [
                self._ms(join, leave, int(through[row[int(self._head[join.arc])], column[int(self._tail[leave.arc])]]))
                for join in joins[i]
                for leave in leaves[j]
            ]
            least = min((ms for ms in times if ms is not None), default=None)
            return None if least is None else least / 1000

        return [[cell(i, j) for j in range(len(ends))] for i in range(len(starts))]

    def _on_road(self, place: Place, heading_deg: float | None = None) -> tuple[Snap, ...]:
        snaps = self._roadmap.snap(place, self._costs.usable, heading_deg)
        if not snaps:
            raise NoAnswer("off_the_map", place=spoken(place), roads=self._roadmap.name)
        return snaps

    def _heads(self, snaps: Sequence[Snap]) -> list[int]:
        return [int(self._head[snap.arc]) for snap in snaps]

    def _tails(self, snaps: Sequence[Snap]) -> list[int]:
        return [int(self._tail[snap.arc]) for snap in snaps]

    def _ms(self, join: Snap, leave: Snap, through_ms: int) -> int | None:
        """From place to place over these two road points; `through_ms` between the arc's head and the other's tail."""
        weights, kph = self._costs.likely_ms, self._costs.off_road_kph.likely
        ends_ms = off_road_ms(join, kph) + off_road_ms(leave, kph)
        if runs_on(join, leave):
            return ends_ms + part_ms(weights, join.arc, leave.fraction - join.fraction)
        if through_ms == UNREACHED:
            return None
        driven_ms = part_ms(weights, join.arc, 1 - join.fraction) + part_ms(weights, leave.arc, leave.fraction)
        return ends_ms + driven_ms + through_ms

    def _pieces(self, join: Snap, leave: Snap) -> tuple[Piece, ...]:
        if runs_on(join, leave):
            whole = [Piece(join.arc, join.fraction, leave.fraction)]
        else:
            arcs = self._costs.engine.path(int(self._head[join.arc]), int(self._tail[leave.arc]))
            assert arcs is not None, "an engine that knows the time knows the way"
            whole = [Piece(join.arc, join.fraction, 1.0), *(Piece(arc, 0.0, 1.0) for arc in arcs)]
            whole.append(Piece(leave.arc, 0.0, leave.fraction))
        driven = tuple(piece for piece in whole if piece.finish > piece.begin)
        assert all(self._costs.usable[piece.arc] for piece in driven), "the engine drove over an absent arc"
        return driven


def runs_on(join: Snap, leave: Snap) -> bool:
    """Whether the end lies ahead on the arc of the start, so that no node is passed."""
    return join.arc == leave.arc and join.fraction <= leave.fraction


def same_place(start: Place, end: Place) -> bool:
    return distance_m(start, end) <= ON_THE_ROAD_M
