"""RoutingKit's customizable contraction hierarchy (pyroutingkit): the default wherever its wheel is installed.

The order is the search graph's, computed once (hierarchy.py); weights are laid over it in milliseconds (metrics.py).
All-node times, which the hierarchy does not give, come from scipy over the same weights.
"""

from __future__ import annotations

import threading
from functools import cached_property
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from routing.engine.asking import NEVER_MS, SearchEngine
from routing.engine.hierarchy import order_of
from routing.engine.metrics import Metrics, Wish
from routing.engine.scipy_engine import ScipyEngine
from routing.topology import ABSENT_MS, Topology

_kept: WeakKeyDictionary[Topology, Metrics] = WeakKeyDictionary()
_lock = threading.Lock()


def _metrics_of(topology: Topology) -> Metrics:
    """The metrics of a search graph; its order is computed or read at the first question."""
    with _lock:
        if topology not in _kept:
            _kept[topology] = Metrics(order_of(topology), len(topology.pair_tail))
        return _kept[topology]


class CchEngine(SearchEngine):
    """One set of weights; a native metric is brought to it when it is asked."""

    def __init__(
        self,
        topology: Topology,
        weights_ms: NDArray[np.int64],
        bound: NDArray[np.bool_] | None = None,
        lightest: NDArray[np.uint32] | None = None,
    ) -> None:
        super().__init__(topology, weights_ms, bound)
        self._metrics = _metrics_of(topology)
        self._wish = Wish(topology.pair_weights(weights_ms, bound) if lightest is None else lightest)

    def changed(self, arcs: NDArray[np.intp], weights_ms: NDArray[np.int64]) -> CchEngine:
        lightest = self.topology.changed_weights(self._wish.weights, arcs, weights_ms, self.bound)
        return CchEngine(self.topology, weights_ms, self.bound, lightest)

    def search_ms(self, sources: NDArray[np.uint32], targets: NDArray[np.uint32]) -> NDArray[np.int64]:
        times = self._metrics.times(self._wish, sources, targets).astype(np.int64)
        times[times >= ABSENT_MS] = NEVER_MS
        return times

    def search_path(self, source: int, target: int) -> NDArray[np.intp] | None:
        ms, pairs = self._metrics.path(self._wish, source, target)
        if ms >= ABSENT_MS:
            return None
        arcs = self.topology.lightest_arcs(np.array(pairs, np.intp), self.weights_ms, self.bound)
        assert (self.weights_ms[arcs] < ABSENT_MS).all(), "the hierarchy drove over an absent arc"
        return arcs

    @cached_property
    def _scipy(self) -> ScipyEngine:
        return ScipyEngine(self.topology, self.weights_ms, self.bound)

    def search_reach_ms(self, node: int, *, limit_ms: int) -> NDArray[np.int64]:
        return self._scipy.search_reach_ms(node, limit_ms=limit_ms)

    def search_back_ms(self, nodes: NDArray[np.uint32], *, limit_ms: int) -> NDArray[np.int64]:
        return self._scipy.search_back_ms(nodes, limit_ms=limit_ms)
