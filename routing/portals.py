"""The quick and the slow end of the ways from one node to many, put together at portals that many quickest ways pass.

A quickest way that passes a portal is a quickest way to it and one from it on. What lies beyond a portal is the same
for whoever comes from there, and kept while the costs stay: of most ways only the part up to the portal is asked for,
once for all that go on from it. Which ways are asked for is left to routing/ranges.py.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from itertools import accumulate, pairwise
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from routing.costs import Costs, costs_for
from routing.engine import ENGINES, NEVER_MS
from routing.engine.asking import SearchEngine
from routing.free_flow import FreeFlow

# From so many places all over the map to so many others. On New York 48 portals so chosen put four of five ways from a
# scene to its hospitals together (32: 76 %, 64: 80 %), and every portal is a column of each table; choosing them takes
# 0.4 s, once for a map and vehicle.
DRAWN, PORTALS = (128, 18), 48
LARGE = 50_000  # nodes; on a smaller map a way is asked for as quickly as a portal
MANY = 8  # ways; fewer are asked for one by one
LEAST_ARCS = 40  # a shorter way needs no portal
KEPT_ROWS = 64  # sources of which the times to portals and targets are kept until their ways are asked for

Sums = tuple[int, int]  # ms at `low_ms` and at `high_ms`


def sums_ms(costs: Costs, source: int, targets: Sequence[int]) -> list[Sums | None]:
    """Of one quickest way from a search node to each of these: its ms when all arcs are as quick, and as slow, as a
    tenth of runs; None where there is no way."""
    if len(targets) < MANY or not _has_portals(costs):
        return _summed(costs, source, targets)
    return _beyond_of(costs).sums_ms(costs, source, targets)


def search_ms(costs: Costs, sources: NDArray[np.uint32], targets: NDArray[np.uint32]) -> NDArray[np.int64]:
    """What the engine's `search_ms` tells; the times to the portals are asked for in the same pass and kept, for
    `sums_ms` from these sources to any of these targets."""
    if not len(sources) or len(targets) < MANY or not _has_portals(costs):
        return costs.engine.search_ms(sources, targets)
    return _beyond_of(costs).search_ms(costs.engine, sources, targets)


def _has_portals(costs: Costs) -> bool:
    return costs.free.network.nodes >= LARGE and type(costs.engine) is ENGINES.get("cch")


def _beyond_of(costs: Costs) -> _Beyond:
    beyond = _beyond.get(costs)
    return _beyond.setdefault(costs, _Beyond(_portals_of(costs.free))) if beyond is None else beyond


def _summed(costs: Costs, source: int, targets: Sequence[int]) -> list[Sums | None]:
    """Each way asked for as a whole."""
    ways = costs.engine.search_paths(source, targets)
    arcs = np.concatenate([np.empty(0, np.intp), *(way for way in ways if way is not None)])
    ends = list(accumulate((0 if way is None else len(way) for way in ways), initial=0))
    low, high = (_parts(ms[arcs], ends) for ms in (costs.low_ms, costs.high_ms))
    return [None if way is None else (a, b) for way, a, b in zip(ways, low, high, strict=True)]


def _parts(ms: NDArray[np.int64], ends: Sequence[int]) -> list[int]:
    """The sums between each of these ends and the next."""
    until = np.zeros(len(ms) + 1, np.int64)
    np.cumsum(ms, out=until[1:])
    return [end_ms - begin_ms for begin_ms, end_ms in pairwise(until[ends].tolist())]


class _Columns:
    """Where each of some search nodes stands among them."""

    def __init__(self, targets: NDArray[np.uint32]) -> None:
        self.targets = targets
        self._column = {node: column for column, node in enumerate(targets.tolist())}

    def of(self, nodes: Sequence[int]) -> list[int] | None:
        """None where one of them is not among them."""
        found = [self._column.get(node, -1) for node in nodes]
        return None if -1 in found else found


class _Beyond:
    """What lies beyond the portals of a map at one set of costs, as far as it was asked for."""

    def __init__(self, portals: NDArray[np.uint32]) -> None:
        self._portals = portals
        self._to_ms: dict[int, NDArray[np.int64]] = {}  # target -> from each portal
        self._sums: dict[tuple[int, int], Sums] = {}  # portal's row, target
        # source -> which targets, and the times to the portals and to them
        self._rows: OrderedDict[int, tuple[_Columns, NDArray[np.int64]]] = OrderedDict()
        self._columns = _Columns(np.empty(0, np.uint32))

    def search_ms(
        self, engine: SearchEngine, sources: NDArray[np.uint32], targets: NDArray[np.uint32]
    ) -> NDArray[np.int64]:
        found_ms, columns = engine.search_ms(sources, np.concatenate((self._portals, targets))), self._columns
        if columns.targets is not targets:  # the same doors are asked about again and again
            columns = self._columns = _Columns(targets)
        self._rows |= zip(sources.tolist(), ((columns, row) for row in found_ms), strict=True)
        while len(self._rows) > max(KEPT_ROWS, len(sources)):
            self._rows.popitem(last=False)
        return found_ms[:, len(self._portals) :].copy()

    def sums_ms(self, costs: Costs, source: int, targets: Sequence[int]) -> list[Sums | None]:
        by, direct = self._portals_for(costs.engine, source, targets)
        rows = list(dict.fromkeys(by.values()))
        summed = _summed(costs, source, [*direct, *self._portals[rows].tolist()])
        found, before = dict(zip(direct, summed, strict=False)), dict(zip(rows, summed[len(direct) :], strict=True))
        self._look_beyond(costs, by)
        for target, row in by.items():
            first, then = before[row], self._sums[row, target]
            assert first is not None, "an engine that knows the time knows the way"
            found[target] = first[0] + then[0], first[1] + then[1]
        return [found[target] for target in targets]

    def _portals_for(
        self, engine: SearchEngine, source: int, targets: Sequence[int]
    ) -> tuple[dict[int, int], list[int]]:
        """Target -> row of the first portal on a quickest way to it; and the targets that none leads to."""
        asked = list(dict.fromkeys(targets))
        to_portal_ms, whole_ms = self._from_ms(engine, source, asked)
        on_way = (to_portal_ms + self._beyond_ms(engine, asked)) == whole_ms[:, None]
        first = np.where(on_way, to_portal_ms, NEVER_MS).argmin(1)
        passed = on_way.any(1) & (whole_ms < NEVER_MS)
        told = list(zip(asked, first.tolist(), passed.tolist(), strict=True))
        return {target: row for target, row, on in told if on}, [target for target, _, on in told if not on]

    def _beyond_ms(self, engine: SearchEngine, targets: Sequence[int]) -> NDArray[np.int64]:
        """Targets x portals: the times from there."""
        new = [target for target in targets if target not in self._to_ms]
        if new:
            columns = engine.search_ms(self._portals, np.array(new, np.uint32))
            self._to_ms |= zip(new, columns.T.copy(), strict=True)
        return np.array([self._to_ms[target] for target in targets])

    def _from_ms(
        self, engine: SearchEngine, source: int, targets: Sequence[int]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Times to the portals and to these targets."""
        columns, row = self._rows.get(source, (None, None))
        known = None if columns is None else columns.of(targets)
        if row is None or known is None:
            ends = np.concatenate((self._portals, np.array(targets, np.uint32)))
            row, known = engine.search_ms(np.array([source], np.uint32), ends)[0], range(len(targets))
        return row[: len(self._portals)], row[len(self._portals) :][known]

    def _look_beyond(self, costs: Costs, by: dict[int, int]) -> None:
        unknown = [(row, target) for target, row in by.items() if (row, target) not in self._sums]
        for row in dict.fromkeys(row for row, _ in unknown):
            new = [target for its, target in unknown if its == row]
            for target, sums in zip(new, _summed(costs, int(self._portals[row]), new), strict=True):
                assert sums is not None, "an engine that knows the time knows the way"
                self._sums[row, target] = sums


_portals: WeakKeyDictionary[FreeFlow, NDArray[np.uint32]] = WeakKeyDictionary()
_beyond: WeakKeyDictionary[Costs, _Beyond] = WeakKeyDictionary()
_lock = threading.Lock()


def _portals_of(free: FreeFlow) -> NDArray[np.uint32]:
    """Chosen on empty roads, so that the same map has the same portals whatever the day brings."""
    with _lock:
        if free not in _portals:
            _portals[free] = _chosen(costs_for(free.roadmap, profile=free.profile))
        return _portals[free]


def _chosen(costs: Costs) -> NDArray[np.uint32]:
    """The nodes by which most of the ways between places all over the map is what lies beyond, one after the other.

    Only nodes at which no turn is forbidden: what may be driven on from there does not depend on whence one came.
    """
    network, topology = costs.free.network, costs.engine.topology
    starts, ends = (np.linspace(0, network.nodes - 1, drawn).astype(np.intp).tolist() for drawn in DRAWN)
    ways = [way for place in starts for way in costs.engine.search_paths(place, ends) if way is not None]
    ways = [way for way in ways if len(way) >= LEAST_ARCS]
    if not ways:
        return np.empty(0, np.uint32)
    nodes = np.concatenate([network.tail[way] for way in ways])
    left_ms = np.concatenate([np.cumsum(costs.likely_ms[way][::-1])[::-1] for way in ways])
    left_ms = np.where(np.isin(nodes, topology.nodes_from), 0, left_ms)
    way_of, beyond_ms, found = np.repeat(np.arange(len(ways)), list(map(len, ways))), np.zeros(len(ways)), list[int]()
    for _ in range(PORTALS):
        gained_ms = np.bincount(nodes, np.maximum(0, left_ms - beyond_ms[way_of]))
        best = int(gained_ms.argmax())
        if gained_ms[best] <= 0:
            break
        here = nodes == best
        np.maximum.at(beyond_ms, way_of[here], left_ms[here])
        found.append(best)
    return np.array(found, np.uint32)
