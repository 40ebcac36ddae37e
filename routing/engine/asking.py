"""What may be asked of an engine, and how a question about road nodes becomes one about search nodes.

A road node is asked for by its row in the Network. Where turns are forbidden it has copies (routing/topology.py): a way
starts at the plain one, for nothing has been driven yet, and ends at any.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from routing.topology import Topology

UNREACHED = -1
NEVER_MS = 2**62  # how search_ms says that there is no way: larger than any sum, so that a minimum passes it over
Rows = Sequence[int] | NDArray[np.integer]


class Engine(Protocol):
    """Answers on one set of weights. Nodes and arcs are rows of the Network; safe to ask from several threads."""

    def times_ms(self, sources: Rows, targets: Rows) -> NDArray[np.int64]:
        """Matrix sources x targets of shortest times in ms, UNREACHED where there is no way."""
        ...

    def path(self, source: int, target: int) -> list[int] | None:
        """The arcs of one shortest way in driving order; [] when source is target; None when there is no way."""
        ...

    def reach_ms(self, node: int, *, backward: bool = False, limit_ms: int | None = None) -> NDArray[np.int64]:
        """Shortest times from one node to every road node (`backward`: from every one to it), UNREACHED where there is
        no way or it takes longer than `limit_ms`."""
        ...


class SearchEngine(ABC):
    """An Engine over the search graph: a back end writes three methods that speak of search nodes."""

    def __init__(
        self, topology: Topology, weights_ms: NDArray[np.int64], bound: NDArray[np.bool_] | None = None
    ) -> None:
        self.topology, self.weights_ms, self.bound = topology, weights_ms, bound

    def changed(self, arcs: NDArray[np.intp], weights_ms: NDArray[np.int64]) -> SearchEngine:
        """An engine over weights that differ from these on these network arcs only."""
        return type(self)(self.topology, weights_ms, self.bound)

    @abstractmethod
    def search_ms(self, sources: NDArray[np.uint32], targets: NDArray[np.uint32]) -> NDArray[np.int64]:
        """As times_ms, between rows of search nodes that are known to exist; NEVER_MS where there is no way."""

    @abstractmethod
    def search_path(self, source: int, target: int) -> NDArray[np.intp] | None:
        """As path, between search nodes."""

    def search_paths(self, source: int, targets: Sequence[int]) -> list[NDArray[np.intp] | None]:
        """search_path to each of these."""
        return [self.search_path(source, target) for target in targets]

    @abstractmethod
    def search_reach_ms(self, node: int, *, limit_ms: int) -> NDArray[np.int64]:
        """Times from a search node to all search nodes, NEVER_MS beyond the limit."""

    @abstractmethod
    def search_back_ms(self, nodes: NDArray[np.uint32], *, limit_ms: int) -> NDArray[np.int64]:
        """Times from every search node to the nearest of these."""

    def times_ms(self, sources: Rows, targets: Rows) -> NDArray[np.int64]:
        wanted_from, wanted_to = self._rows(sources), self._rows(targets)
        if not (len(wanted_from) and len(wanted_to)):
            return np.empty((len(wanted_from), len(wanted_to)), np.int64)
        if self.topology.has_copies:
            copies = [self.topology.copies_of(int(node)) for node in wanted_to]
            found = self.search_ms(wanted_from, np.concatenate(copies).astype(np.uint32))
            start = np.cumsum([0, *(len(some) for some in copies[:-1])])
            found = np.minimum.reduceat(found, start, axis=1)
        else:
            found = self.search_ms(wanted_from, wanted_to)
        return np.where(found >= NEVER_MS, UNREACHED, found)

    def path(self, source: int, target: int) -> list[int] | None:
        from_, to = self._rows((source, target)).tolist()
        ends = self.topology.copies_of(to).astype(np.uint32)
        nearest = self.search_ms(np.array([from_], np.uint32), ends)[0].argmin() if len(ends) > 1 else 0
        arcs = self.search_path(from_, int(ends[nearest]))
        return None if arcs is None else arcs.tolist()

    def reach_ms(self, node: int, *, backward: bool = False, limit_ms: int | None = None) -> NDArray[np.int64]:
        (row,) = self._rows((node,)).tolist()
        limit_ms = NEVER_MS if limit_ms is None else limit_ms
        roads = self.topology.network.nodes
        if backward:
            found = self.search_back_ms(self.topology.copies_of(row).astype(np.uint32), limit_ms=limit_ms)[:roads]
        else:
            all_ms = self.search_reach_ms(row, limit_ms=limit_ms)
            found = all_ms[:roads].copy()
            np.minimum.at(found, self.topology.road_node[roads:], all_ms[roads:])
        return np.where(found >= NEVER_MS, UNREACHED, found)

    def _rows(self, nodes: Rows) -> NDArray[np.uint32]:
        """The nodes as the bindings want them; a row that does not exist would end the process there."""
        rows = np.asarray(nodes, np.int64)
        if len(rows) and (rows.min() < 0 or rows.max() >= self.topology.network.nodes):
            raise IndexError(f"a node outside 0..{self.topology.network.nodes - 1}")
        return rows.astype(np.uint32)
