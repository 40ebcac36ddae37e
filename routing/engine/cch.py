"""RoutingKit's customizable contraction hierarchy (pyroutingkit): the default wherever its wheel is installed.

The order is the road map's, computed once (hierarchy.py); weights are laid over it in milliseconds (metrics.py).
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
from routing.engine.metrics import Metrics
from routing.engine.scipy_engine import ScipyEngine
from routing.roads.roadmap import Roadmap
from routing.topology import ABSENT_MS, Topology, topology_of

_kept: WeakKeyDictionary[Roadmap, Metrics] = WeakKeyDictionary()
_lock = threading.Lock()


class CchEngine(SearchEngine):
    """One set of weights; the native metric is brought to it when it is asked."""

    def __init__(
        self, topology: Topology, metrics: Metrics, weights_ms: NDArray[np.int64], bound: NDArray[np.bool_] | None
    ) -> None:
        super().__init__(topology, weights_ms, bound)
        self._metrics = metrics
        self._weights = topology.pair_weights(weights_ms, bound)

    def search_ms(self, sources: NDArray[np.uint32], targets: NDArray[np.uint32]) -> NDArray[np.int64]:
        with self._metrics.showing(self._weights) as metric:
            found = metric.distances_many_to_many(sources, targets)
        times = found.astype(np.int64)
        times[times >= ABSENT_MS] = NEVER_MS
        return times

    def search_path(self, source: int, target: int) -> NDArray[np.intp] | None:
        with self._metrics.showing(self._weights) as metric:
            ms, _, pairs = metric.query(source, target)
        if ms >= ABSENT_MS:
            return None
        arcs = self.topology.lightest_arcs(np.asarray(pairs, np.intp), self.weights_ms, self.bound)
        assert (self.weights_ms[arcs] < ABSENT_MS).all(), "the hierarchy drove over an absent arc"
        return arcs

    @cached_property
    def _scipy(self) -> ScipyEngine:
        return ScipyEngine(self.topology, self.weights_ms, self.bound)

    def search_reach_ms(self, node: int, *, limit_ms: int) -> NDArray[np.int64]:
        return self._scipy.search_reach_ms(node, limit_ms=limit_ms)

    def search_back_ms(self, nodes: NDArray[np.uint32], *, limit_ms: int) -> NDArray[np.int64]:
        return self._scipy.search_back_ms(nodes, limit_ms=limit_ms)


def open_cch(roadmap: Roadmap, weights_ms: NDArray[np.int64], bound: NDArray[np.bool_] | None) -> CchEngine:
    """An engine over these weights; the road map's order and metrics are made at the first one."""
    topology = topology_of(roadmap)
    with _lock:
        if roadmap not in _kept:
            _kept[roadmap] = Metrics(order_of(topology), len(topology.pair_tail))
        metrics = _kept[roadmap]
    return CchEngine(topology, metrics, weights_ms, bound)
