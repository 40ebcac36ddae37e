"""The truth: networkx's Dijkstra over the search graph. Absent arcs are hidden from the search, never merely dear."""

from __future__ import annotations

from itertools import pairwise
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from routing.engine.asking import NEVER_MS, SearchEngine
from routing.topology import ABSENT_MS, Topology

_graphs: WeakKeyDictionary[Topology, Any] = WeakKeyDictionary()


class NetworkxEngine(SearchEngine):
    """About twenty times slower than scipy and thousands of times slower than the hierarchy."""

    def __init__(
        self, topology: Topology, weights_ms: NDArray[np.int64], bound: NDArray[np.bool_] | None = None
    ) -> None:
        super().__init__(topology, weights_ms, bound)
        if topology not in _graphs:
            _graphs[topology] = topology.graph()
        self._graph = _graphs[topology]
        self._names = list(self._graph.nodes)
        self._rows_ms: list[int] = self.topology.row_weights(weights_ms, bound).tolist()
        self._weight: Any = self._lightest  # Any: networkx-stubs type the edge dict of simple graphs only

    def _lightest(self, u: Any, v: Any, edges: dict[int, dict[str, Any]]) -> int | None:
        """The lightest of the parallel edges, None (hidden) when all are absent."""
        weight = min(self._rows_ms[edge["row"]] for edge in edges.values())
        return None if weight >= ABSENT_MS else weight

    def search_ms(self, sources: NDArray[np.uint32], targets: NDArray[np.uint32]) -> NDArray[np.int64]:
        return np.array([self.search_reach_ms(int(source), limit_ms=NEVER_MS)[targets] for source in sources])

    def search_reach_ms(self, node: int, *, limit_ms: int) -> NDArray[np.int64]:
        return self._reach(self._graph, [node], limit_ms)

    def search_back_ms(self, nodes: NDArray[np.uint32], *, limit_ms: int) -> NDArray[np.int64]:
        return self._reach(self._graph.reverse(copy=False), nodes.tolist(), limit_ms)

    def _reach(self, graph: Any, nodes: list[int], limit_ms: int) -> NDArray[np.int64]:
        import networkx as nx

        cutoff = min(limit_ms, ABSENT_MS - 1)
        starts = [self._names[node] for node in nodes]
        reached = nx.multi_source_dijkstra_path_length(graph, set(starts), cutoff=cutoff, weight=self._weight)
        return np.array([reached.get(name, NEVER_MS) for name in self._names], np.int64)

    def search_path(self, source: int, target: int) -> NDArray[np.intp] | None:
        import networkx as nx

        try:
            nodes = nx.dijkstra_path(self._graph, self._names[source], self._names[target], weight=self._weight)
        except nx.NetworkXNoPath:
            return None
        rows = [self._row(u, v) for u, v in pairwise(nodes)]
        if sum(self._rows_ms[row] for row in rows) >= ABSENT_MS:
            return None
        return self.topology.arc_of[rows].astype(np.intp)

    def _row(self, u: Any, v: Any) -> int:
        return min((self._rows_ms[edge["row"]], edge["row"]) for edge in self._graph[u][v].values())[1]
