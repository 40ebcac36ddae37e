"""RoutingKit's customizable contraction hierarchy (pyroutingkit): the default wherever its wheel is installed.

The order is the search graph's, computed once (hierarchy.py); weights are laid over it in milliseconds (metrics.py).
All-node times, which the hierarchy does not give, come from scipy over the same weights.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import cached_property
from itertools import accumulate, chain
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from routing.engine.asking import NEVER_MS, SearchEngine
from routing.engine.hierarchy import BothWays, order_of
from routing.engine.metrics import Metrics, Wish
from routing.engine.scipy_engine import ScipyEngine
from routing.topology import ABSENT_MS, Topology

#: The library works from source to source, so a table with many more sources than targets is asked from the targets, on
#: the graph turned round: half the time once that metric stands. Measured on New York: 1,000 x 40 in 62 ms, not 118.
LOPSIDED = 4  # sources per target
LARGE = 20_000  # cells; a smaller table is not worth a metric of its own


class _Hierarchy:
    """What all engines of one search graph share. A slot is the library's number of an arc; by slot are its pair, the
    first search arc of that (`lead`), whether it has more, and the slot of its opposite (`twin`)."""

    def __init__(self, topology: Topology) -> None:
        arcs, pairs = BothWays.of(topology), len(topology.pair_tail)
        order = order_of(topology, arcs)
        slot = np.empty_like(order.rows)  # of each row, where it stands among the library's arcs
        slot[order.rows] = np.arange(len(slot))
        self.slot_of, self.twin = slot[:pairs], slot[arcs.twin[order.rows]]
        self.pair_of, self.lead = order.rows, np.append(topology.lead, np.zeros(len(slot) - pairs, np.intp))[order.rows]
        self.shared, self.never_driven = slot[topology.shared], slot[pairs:]
        self.is_shared = np.zeros(len(slot), np.bool_)
        self.is_shared[self.shared] = True
        self.metrics = Metrics(order.native, len(arcs.tail))


_kept: WeakKeyDictionary[Topology, _Hierarchy] = WeakKeyDictionary()
_lock = threading.Lock()


def _hierarchy_of(topology: Topology) -> _Hierarchy:
    """The hierarchy of a search graph; its order is computed or read at the first question."""
    with _lock:
        if topology not in _kept:
            _kept[topology] = _Hierarchy(topology)
        return _kept[topology]


class CchEngine(SearchEngine):
    """One set of weights; a native metric is brought to it when it is asked."""

    def __init__(
        self,
        topology: Topology,
        weights_ms: NDArray[np.int64],
        bound: NDArray[np.bool_] | None = None,
        wish: Wish | None = None,
    ) -> None:
        super().__init__(topology, weights_ms, bound)
        self._hierarchy = _hierarchy_of(topology)
        self._wish = wish or Wish(self._all_weights())

    def _all_weights(self) -> NDArray[np.uint32]:
        known = self._hierarchy
        weights = self.topology.laid_out(self.weights_ms, self.bound, known.lead, known.shared)
        weights[known.never_driven] = ABSENT_MS
        return weights

    def changed(self, arcs: NDArray[np.intp], weights_ms: NDArray[np.int64]) -> CchEngine:
        pairs = self.topology.pairs_of(arcs)
        slots, weights = self._hierarchy.slot_of[pairs], self._wish.weights.copy()
        weights[slots] = self.topology.weights_of(pairs, weights_ms, self.bound)
        return CchEngine(self.topology, weights_ms, self.bound, Wish(weights, (self._wish, slots)))

    @cached_property
    def _turned_round(self) -> Wish:
        return Wish(self._wish.weights[self._hierarchy.twin])

    def search_ms(self, sources: NDArray[np.uint32], targets: NDArray[np.uint32]) -> NDArray[np.int64]:
        metrics = self._hierarchy.metrics
        if len(sources) >= LOPSIDED * len(targets) and len(sources) * len(targets) >= LARGE:
            found = metrics.times(self._turned_round, targets, sources).T
        else:
            found = metrics.times(self._wish, sources, targets)
        times = found.astype(np.int64, order="C")
        times[times >= ABSENT_MS] = NEVER_MS
        return times

    def search_path(self, source: int, target: int) -> NDArray[np.intp] | None:
        return self.search_paths(source, [target])[0]

    def search_paths(self, source: int, targets: Sequence[int]) -> list[NDArray[np.intp] | None]:
        found = self._hierarchy.metrics.paths(self._wish, source, targets)
        slots = [its if ms < ABSENT_MS else [] for ms, its in found]
        ends = list(accumulate(map(len, slots)))
        arcs = self._arcs_of(np.fromiter(chain.from_iterable(slots), np.intp, ends[-1] if ends else 0))
        assert (self.weights_ms[arcs] < ABSENT_MS).all(), "the hierarchy drove over an absent arc"
        return [
            arcs[end - len(some) : end] if ms < ABSENT_MS else None
            for (ms, _), some, end in zip(found, slots, ends, strict=True)
        ]

    def _arcs_of(self, slots: NDArray[np.intp]) -> NDArray[np.intp]:
        """The network arcs that these of the library's arcs are driven by."""
        known = self._hierarchy
        shared = np.flatnonzero(known.is_shared[slots])
        pairs = known.pair_of[slots[shared]]
        return self.topology.settled(known.lead[slots], shared, pairs, self.weights_ms, self.bound)

    @cached_property
    def _scipy(self) -> ScipyEngine:
        return ScipyEngine(self.topology, self.weights_ms, self.bound)

    def search_reach_ms(self, node: int, *, limit_ms: int) -> NDArray[np.int64]:
        return self._scipy.search_reach_ms(node, limit_ms=limit_ms)

    def search_back_ms(self, nodes: NDArray[np.uint32], *, limit_ms: int) -> NDArray[np.int64]:
        return self._scipy.search_back_ms(nodes, limit_ms=limit_ms)
