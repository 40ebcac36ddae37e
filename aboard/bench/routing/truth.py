"""The truth that every answer is held against: networkx Dijkstra over whole milliseconds, built from the arrays alone.

Independent of the router's own search graph: turns are followed by naive states (a node, and what was driven last as
far as a forbidden turn may still begin with it). Absent arcs are not in the graph; parallel arcs are reduced by
minimum. Where a place lies on the road is taken from the road map, and so are the weights.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from routing.engine import ABSENT_MS
from routing.roads.network import Network

Turn = tuple[int, ...]  # arcs that must not be driven one after the other
State = int | Turn  # a node with nothing to remember, or the beginning of a forbidden turn that was just driven
START = "start"


@dataclass(frozen=True, slots=True)
class Point:
    """Where a place lies on the road: so much of the way along an arc, `walk_ms` away from it."""

    arc: int
    fraction: float
    walk_ms: int = 0


class Truth:
    """Times on one set of weights (ms per arc, ABSENT_MS = may not be driven) under these forbidden turns."""

    def __init__(self, network: Network, weights_ms: NDArray[np.int64], turns: Collection[Turn] = ()) -> None:
        self._head: list[int] = network.head.tolist()
        self._tail: list[int] = network.tail.tolist()
        self._weights: list[int] = weights_ms.tolist()
        self._turns = frozenset(turns)
        self._begun = frozenset(turn[:end] for turn in self._turns for end in range(1, len(turn)))
        self._states_at: dict[int, list[State]] = {}
        for begun in self._begun:
            self._states_at.setdefault(self._head[begun[-1]], []).append(begun)
        self._graph: Any = nx.DiGraph()
        self._graph.add_nodes_from(range(network.nodes))
        there = np.flatnonzero(weights_ms < ABSENT_MS)
        heaviest_first = there[np.argsort(-weights_ms[there], kind="stable")]
        self._graph.add_weighted_edges_from(self._steps(heaviest_first.tolist()))

    def times_ms(self, joins: Sequence[Point], ends: Sequence[Sequence[Point]]) -> list[int | None]:
        """From the place that lies on the road at `joins` to each place of `ends`; None where there is no way."""
        weights, graph = self._weights, self._graph
        graph.add_node(START)
        for join in joins:
            if weights[join.arc] < ABSENT_MS:
                state = self._after((), join.arc)
                part = join.walk_ms + round(weights[join.arc] * (1 - join.fraction))
                there = graph.get_edge_data(START, state, {"weight": ABSENT_MS})["weight"]
                graph.add_edge(START, state, weight=min(part, there))
        reached: Any = nx.single_source_dijkstra_path_length(graph, START, weight="weight")
        graph.remove_node(START)
        return [min(self._arrivals(reached, joins, leaves), default=None) for leaves in ends]

    def _arrivals(self, reached: dict[State, int], joins: Sequence[Point], leaves: Sequence[Point]) -> Iterable[int]:
        for leave in leaves:
            weight, tail = self._weights[leave.arc], self._tail[leave.arc]
            if weight >= ABSENT_MS:
                continue
            for state in (tail, *self._states_at.get(tail, ())):
                if state in reached and not self._forbidden(driven(state), leave.arc):
                    yield reached[state] + round(weight * leave.fraction) + leave.walk_ms
            for join in joins:
                if join.arc == leave.arc and join.fraction <= leave.fraction:
                    yield join.walk_ms + round(weight * (leave.fraction - join.fraction)) + leave.walk_ms

    def _steps(self, arcs: Sequence[int]) -> Iterator[tuple[State, State, int]]:
        """What each arc leads from and to; a graph that is not a multigraph keeps the last of parallel ones."""
        tail, head, weights = self._tail, self._head, self._weights
        starts = {begun[0] for begun in self._begun if len(begun) == 1}
        for arc in arcs:
            if arc not in starts and tail[arc] not in self._states_at:
                yield tail[arc], head[arc], weights[arc]
                continue
            for state in (tail[arc], *self._states_at.get(tail[arc], ())):
                if not self._forbidden(driven(state), arc):
                    yield state, self._after(driven(state), arc), weights[arc]

    def _forbidden(self, before: Turn, arc: int) -> bool:
        return any((*before[begin:], arc) in self._turns for begin in range(len(before)))

    def _after(self, before: Turn, arc: int) -> State:
        """What has to be remembered once `arc` was driven: the longest beginning of a forbidden turn."""
        path = (*before, arc)
        kept = (path[begin:] for begin in range(len(path)) if path[begin:] in self._begun)
        return next(kept, self._head[arc])


def driven(state: State) -> Turn:
    return state if isinstance(state, tuple) else ()


def turns_that_bind(network: Network, access: int) -> list[Turn]:
    """The forbidden turns of a map, but for those that exempt a vehicle with these access bits."""
    arcs, start = network.turn_arcs.tolist(), network.turn_start.tolist()
    exempt = network.turn_exempt.tolist()
    return [tuple(arcs[start[t] : start[t + 1]]) for t in range(len(start) - 1) if not exempt[t] & access]
