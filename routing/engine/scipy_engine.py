"""scipy's Dijkstra over a sparse matrix: equal times on every machine, and all-node times for every back end."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from routing.engine.asking import NEVER_MS, SearchEngine
from routing.topology import ABSENT_MS, Topology

ROWS_AT_ONCE = 32  # scipy returns a full row of distances per source: 32 rows of a million nodes are 256 MB
LONGEST_MS = ABSENT_MS - 1


class ScipyEngine(SearchEngine):
    """The matrix holds the lightest of parallel arcs (scipy itself would add them) and no absent ones."""

    def __init__(
        self, topology: Topology, weights_ms: NDArray[np.int64], bound: NDArray[np.bool_] | None = None
    ) -> None:
        from scipy.sparse import csr_matrix  # scipy costs about a second to import; the hierarchy does without

        super().__init__(topology, weights_ms, bound)
        lightest = topology.pair_weights(weights_ms, bound)
        self._pairs = np.flatnonzero(lightest < ABSENT_MS)
        self._start = np.searchsorted(topology.pair_tail[self._pairs], np.arange(topology.nodes + 1))
        heads = topology.pair_head[self._pairs]
        size = (topology.nodes, topology.nodes)
        self._matrix = csr_matrix((lightest[self._pairs].astype(np.float64), heads, self._start), size)
        self._reversed = self._matrix.T.tocsr()

    def search_ms(self, sources: NDArray[np.uint32], targets: NDArray[np.uint32]) -> NDArray[np.int64]:
        if len(targets) < len(sources):
            return self._times(self._reversed, targets, sources).T
        return self._times(self._matrix, sources, targets)

    def _times(self, matrix: Any, sources: NDArray[np.uint32], targets: NDArray[np.uint32]) -> NDArray[np.int64]:
        from scipy.sparse.csgraph import dijkstra

        times = np.empty((len(sources), len(targets)), np.int64)
        for row in range(0, len(sources), ROWS_AT_ONCE):
            some = sources[row : row + ROWS_AT_ONCE].astype(np.intp)
            times[row : row + len(some)] = _whole(dijkstra(matrix, indices=some, limit=LONGEST_MS)[:, targets])
        return times

    def search_reach_ms(self, node: int, *, limit_ms: int) -> NDArray[np.int64]:
        from scipy.sparse.csgraph import dijkstra

        return _whole(dijkstra(self._matrix, indices=node, limit=min(limit_ms, LONGEST_MS)))

    def search_back_ms(self, nodes: NDArray[np.uint32], *, limit_ms: int) -> NDArray[np.int64]:
        from scipy.sparse.csgraph import dijkstra

        indices, limit = nodes.astype(np.intp), min(limit_ms, LONGEST_MS)
        return _whole(dijkstra(self._reversed, indices=indices, limit=limit, min_only=True))

    def search_path(self, source: int, target: int) -> NDArray[np.intp] | None:
        from scipy.sparse.csgraph import dijkstra

        _, before = dijkstra(self._matrix, indices=source, limit=LONGEST_MS, return_predecessors=True)
        pairs: list[int] = []
        node = target
        while node != source:
            tail = int(before[node])
            if tail < 0:
                return None
            pairs.append(self._pair(tail, node))
            node = tail
        return self.topology.lightest_arcs(np.array(pairs[::-1], np.intp), self.weights_ms, self.bound)

    def _pair(self, tail: int, head: int) -> int:
        start, end = self._start[tail], self._start[tail + 1]
        heads = self.topology.pair_head[self._pairs[start:end]]
        return int(self._pairs[start + np.searchsorted(heads, head)])


def _whole(times: NDArray[np.float64]) -> NDArray[np.int64]:
    """Whole ms; NEVER_MS instead of infinity."""
    found = np.full(times.shape, NEVER_MS, np.int64)
    reached = np.isfinite(times)
    found[reached] = times[reached].astype(np.int64)
    return found
