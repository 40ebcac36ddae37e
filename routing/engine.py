"""Shortest times between nodes over whole-millisecond weights, behind one interface.

networkx's Dijkstra is the truth; scipy's gives equal times about twenty times faster and is the default. A further
back end (a customisable contraction hierarchy) joins by writing the same two methods. Places, snapping, closures and
siren are turned into weights before they get here (routing/costs.py).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from casebook.errors import RefusedInput
from routing.roads.roadmap import Roadmap

ABSENT_MS = 2**31 - 1  # weight of an arc that may not be driven; also the infinity of the hierarchies' 32-bit weights
UNREACHED = -1
ROWS_AT_ONCE = 32  # scipy returns a full row of distances per source: 32 rows of a million nodes are 256 MB


class Engine(Protocol):
    """Answers on one set of weights. Nodes and arcs are rows of the Network; safe to ask from several threads."""

    def times_ms(self, sources: Sequence[int], targets: Sequence[int]) -> NDArray[np.int64]:
        """Matrix sources x targets of shortest times in ms, UNREACHED where there is no way."""
        ...

    def path(self, source: int, target: int) -> list[int] | None:
        """The arcs of one shortest way in driving order; [] when source is target; None when there is no way."""
        ...


class NetworkxEngine:
    """The truth: networkx over Roadmap.full_graph. Absent arcs are hidden from the search, never merely dear."""

    def __init__(self, roadmap: Roadmap, weights_ms: NDArray[np.int64]) -> None:
        self._graph = roadmap.full_graph
        self._ids: list[int] = roadmap.network.node_id.tolist()
        self._weights: list[int] = weights_ms.tolist()
        self._weight: Any = self._lightest  # Any: networkx-stubs type the edge dict of simple graphs only

    def _lightest(self, u: int, v: int, edges: dict[int, dict[str, Any]]) -> int | None:
        """The lightest of the parallel edges, None (hidden) when all are absent."""
        weight = min(self._weights[edge["arc"]] for edge in edges.values())
        return None if weight >= ABSENT_MS else weight

    def times_ms(self, sources: Sequence[int], targets: Sequence[int]) -> NDArray[np.int64]:
        import networkx as nx

        times = np.full((len(sources), len(targets)), UNREACHED, np.int64)
        for row, source in enumerate(sources):
            reached = nx.single_source_dijkstra_path_length(self._graph, self._ids[source], weight=self._weight)
            times[row] = [reached.get(self._ids[target], UNREACHED) for target in targets]
        return times

    def path(self, source: int, target: int) -> list[int] | None:
        import networkx as nx

        try:
            nodes = nx.dijkstra_path(self._graph, self._ids[source], self._ids[target], weight=self._weight)
        except nx.NetworkXNoPath:
            return None
        return [self._arc(u, v) for u, v in pairwise(nodes)]

    def _arc(self, u: int, v: int) -> int:
        return min((self._weights[edge["arc"]], edge["arc"]) for edge in self._graph[u][v].values())[1]


class ScipyEngine:
    """scipy's Dijkstra over a sparse matrix that holds the lightest of parallel arcs (scipy itself would add them)."""

    def __init__(self, roadmap: Roadmap, weights_ms: NDArray[np.int64]) -> None:
        from scipy.sparse import csr_matrix

        network = roadmap.network
        there = np.flatnonzero(weights_ms < ABSENT_MS)
        tail, head, weight = network.tail[there], network.head[there], weights_ms[there]
        order = np.lexsort((there, weight, head, tail))
        first = np.ones(len(order), np.bool_)
        first[1:] = (tail[order][1:] != tail[order][:-1]) | (head[order][1:] != head[order][:-1])
        kept = order[first]
        size = (network.nodes, network.nodes)
        self._matrix = csr_matrix((weight[kept].astype(np.float64), (tail[kept], head[kept])), size)
        self._reversed = self._matrix.T.tocsr()
        self._arc_rows, self._arc_heads = there[kept], head[kept]
        self._first_arc = np.searchsorted(tail[kept], np.arange(network.nodes + 1))

    def times_ms(self, sources: Sequence[int], targets: Sequence[int]) -> NDArray[np.int64]:
        if len(targets) < len(sources):
            return self._times(self._reversed, targets, sources).T
        return self._times(self._matrix, sources, targets)

    def _times(self, matrix: Any, sources: Sequence[int], targets: Sequence[int]) -> NDArray[np.int64]:
        from scipy.sparse.csgraph import dijkstra

        times = np.full((len(sources), len(targets)), UNREACHED, np.int64)
        for row in range(0, len(sources), ROWS_AT_ONCE):
            some = np.asarray(sources[row : row + ROWS_AT_ONCE], np.intp)
            found = dijkstra(matrix, indices=some)[:, np.asarray(targets, np.intp)]
            reached = np.isfinite(found)
            times[row : row + len(some)][reached] = found[reached].astype(np.int64)
        return times

    def path(self, source: int, target: int) -> list[int] | None:
        from scipy.sparse.csgraph import dijkstra

        _, before = dijkstra(self._matrix, indices=source, return_predecessors=True)
        arcs: list[int] = []
        node = target
        while node != source:
            tail = int(before[node])
            if tail < 0:
                return None
            arcs.append(self._arc(tail, node))
            node = tail
        return arcs[::-1]

    def _arc(self, tail: int, head: int) -> int:
        start, end = self._first_arc[tail], self._first_arc[tail + 1]
        return int(self._arc_rows[start + np.searchsorted(self._arc_heads[start:end], head)])


ENGINES: dict[str, Callable[[Roadmap, NDArray[np.int64]], Engine]] = {"scipy": ScipyEngine, "networkx": NetworkxEngine}
DEFAULT_ENGINE = "scipy"


def open_engine(roadmap: Roadmap, weights_ms: NDArray[np.int64], name: str = DEFAULT_ENGINE) -> Engine:
    """An engine of this name over these weights (ms per arc, ABSENT_MS = may not be driven)."""
    if name not in ENGINES:
        raise RefusedInput("bad_field", where="routing", field="engine", why=f"{name}: {', '.join(ENGINES)}")
    return ENGINES[name](roadmap, weights_ms)
