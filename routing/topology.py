"""The graph that is searched: a network in which a forbidden turn is an arc that is not there.

Where a sequence of arcs is forbidden, the nodes along it get copies that remember how much of the sequence has been
driven (the states of Aho and Corasick's automaton over all sequences); the arc that would complete it leads on from
the copy only for vehicles that the turn does not bind. So a change of vehicle changes weights, never the graph, and
with no forbidden turns the graph is the network itself. Weights are routing/costs.py's, searching is routing/engine's.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from routing.roads.network import Network
from routing.roads.roadmap import Roadmap

if TYPE_CHECKING:
    import networkx as nx

ABSENT_MS = 2**31 - 1  # weight of an arc that may not be driven; also the infinity of the hierarchy's 32-bit weights


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Topology:
    """n search nodes, s search arcs, p pairs of search nodes that arcs join.

    The first search nodes are the road nodes themselves, in their order; a copy's road node is `road_node`. The first
    search arcs are the network's, in their order; `arc_of` names the network arc of each. `banned_rows[i]` is a search
    arc that completes the turn `banned_turns[i]`. Parallel arcs share a pair (tails ascending, then heads):
    `pair_rows[pair_start[i]:pair_start[i + 1]]`. Arcs from a search node to itself are in no pair: they save no time.
    """

    network: Network
    road_node: NDArray[np.int32]
    tail: NDArray[np.int32]
    head: NDArray[np.int32]
    arc_of: NDArray[np.int32]
    banned_rows: NDArray[np.intp]
    banned_turns: NDArray[np.intp]
    pair_tail: NDArray[np.int32]
    pair_head: NDArray[np.int32]
    pair_rows: NDArray[np.intp]
    pair_start: NDArray[np.intp]
    lead: NDArray[np.intp]  # the first row of each pair
    is_shared: NDArray[np.bool_]  # for each pair, whether more than one search arc joins it
    shared: NDArray[np.intp]  # the pairs that more than one search arc joins; their rows, one pair after the other
    shared_rows: NDArray[np.intp]
    shared_start: NDArray[np.intp]
    copies_from: NDArray[np.intp]  # rows of the copies, sorted by road node
    rows_from: NDArray[np.intp]  # search arcs that start at a copy, sorted by network arc
    arcs_from: NDArray[np.int32]  # the network arcs of `rows_from`
    nodes_from: NDArray[np.int32]  # the road nodes of `copies_from`
    pair_of: NDArray[np.int32]  # the pair of each search arc, -1 = none

    nodes: int
    has_copies: bool

    def pair_weights(self, weights_ms: NDArray[np.int64], bound: NDArray[np.bool_] | None = None) -> NDArray[np.uint32]:
        """For each pair, the weight of its lightest arc, of `weights_ms` per network arc; ABSENT_MS where all are
        absent. `bound`: for each turn, whether it binds the vehicle; None = all do."""
        return self.laid_out(weights_ms, bound, self.lead, self.shared)

    def laid_out(
        self,
        weights_ms: NDArray[np.int64],
        bound: NDArray[np.bool_] | None,
        lead: NDArray[np.intp],
        shared: NDArray[np.intp],
    ) -> NDArray[np.uint32]:
        """pair_weights in any other arrangement: `lead` as it is there, and where the pairs of `shared` stand in it."""
        rows_ms = self.row_weights(weights_ms, bound)
        lightest = rows_ms.take(lead)
        if len(shared):
            lightest[shared] = np.minimum.reduceat(rows_ms[self.shared_rows], self.shared_start)
        return lightest

    def weights_of(
        self, pairs: NDArray[np.intp], weights_ms: NDArray[np.int64], bound: NDArray[np.bool_] | None = None
    ) -> NDArray[np.uint32]:
        """pair_weights of these few pairs."""
        lead = self.lead[pairs]
        weights = np.minimum(weights_ms[self.arc_of[lead]], ABSENT_MS).astype(np.uint32)
        special = self.is_shared[pairs] | np.isin(lead, self.banned_rows)
        for at in np.flatnonzero(special).tolist():
            rows = self.rows_of(int(pairs[at])).tolist()
            weights[at] = min(self._row_ms(row, weights_ms, bound) for row in rows)
        return weights

    def pairs_of(self, arcs: NDArray[np.intp]) -> NDArray[np.intp]:
        """The pairs that these network arcs drive, each once."""
        rows = np.concatenate((arcs, *map(self._copied_rows, arcs.tolist()))) if self.has_copies else arcs
        pairs = np.unique(self.pair_of[rows])
        return pairs[pairs >= 0].astype(np.intp)

    def lightest_arcs(
        self, pairs: NDArray[np.intp], weights_ms: NDArray[np.int64], bound: NDArray[np.bool_] | None = None
    ) -> NDArray[np.intp]:
        """The network arc that each of these pairs is driven by: the lightest, the first on a tie."""
        shared = np.flatnonzero(self.is_shared[pairs])
        return self.settled(self.lead[pairs], shared, pairs[shared], weights_ms, bound)

    def settled(
        self,
        rows: NDArray[np.intp],
        shared: NDArray[np.intp],
        pairs: NDArray[np.intp],
        weights_ms: NDArray[np.int64],
        bound: NDArray[np.bool_] | None,
    ) -> NDArray[np.intp]:
        """lightest_arcs of pairs whose first `rows` are at hand: in place, the lightest where (`shared`) one of `pairs`
        has several."""
        for at, pair in zip(shared.tolist(), pairs.tolist(), strict=True):
            some = self.rows_of(pair).tolist()
            rows[at] = min((self._row_ms(row, weights_ms, bound), row) for row in some)[1]
        return self.arc_of[rows].astype(np.intp) if self.has_copies else rows  # without copies a row is an arc

    def rows_of(self, pair: int) -> NDArray[np.intp]:
        return self.pair_rows[self.pair_start[pair] : self.pair_start[pair + 1]]

    def copies_of(self, node: int) -> NDArray[np.intp]:
        """All search nodes that are this road node, the plain one first: a way ends at any of them."""
        if not self.has_copies:
            return np.array([node])
        from_, to = np.searchsorted(self.nodes_from, (node, node + 1))
        return np.concatenate(([node], self.copies_from[from_:to]))

    def after(self, arc: int) -> int:
        """The search node where a vehicle stands that has just driven this network arc, and nothing before it."""
        return int(self.head[arc])

    def before(self, arc: int, bound: NDArray[np.bool_] | None = None) -> list[int]:
        """The search nodes from which this network arc may be driven: its tail, and copies that do not forbid it."""
        if not self.has_copies:
            return [int(self.tail[arc])]
        rows = self._copied_rows(arc).tolist()
        return [int(self.tail[arc]), *(int(self.tail[row]) for row in rows if not self._is_banned(row, bound))]

    def _copied_rows(self, arc: int) -> NDArray[np.intp]:
        """The search arcs that drive this network arc from a copy."""
        from_, to = np.searchsorted(self.arcs_from, (arc, arc + 1))
        return self.rows_from[from_:to]

    def _is_banned(self, row: int, bound: NDArray[np.bool_] | None) -> bool:
        from_, to = np.searchsorted(self.banned_rows, (row, row + 1))
        return to > from_ and (bound is None or bool(bound[self.banned_turns[from_:to]].any()))

    def _row_ms(self, row: int, weights_ms: NDArray[np.int64], bound: NDArray[np.bool_] | None) -> int:
        return ABSENT_MS if self._is_banned(row, bound) else int(weights_ms[self.arc_of[row]])

    def row_weights(self, weights_ms: NDArray[np.int64], bound: NDArray[np.bool_] | None) -> NDArray[np.uint32]:
        rows_ms = np.empty(len(weights_ms), np.uint32)
        np.minimum(weights_ms, ABSENT_MS, out=rows_ms, casting="unsafe")
        if self.has_copies:
            rows_ms = rows_ms[self.arc_of]
            binding = slice(None) if bound is None else bound[self.banned_turns]
            rows_ms[self.banned_rows[binding]] = ABSENT_MS
        return rows_ms

    def graph(self) -> nx.MultiDiGraph:
        """The search graph as networkx: plain nodes by their id in the file, copies as (id, number); edges by the
        network's keys, with `arc` the network arc and `row` the search arc. For checking, not for speed."""
        import networkx as nx

        net = self.network
        ids = net.node_id[self.road_node].tolist()
        names = [id if row < net.nodes else (id, row) for row, id in enumerate(ids)]
        graph = nx.MultiDiGraph(crs="epsg:4326")
        graph.add_nodes_from(names)
        for row, (tail, head, arc) in enumerate(
            zip(self.tail.tolist(), self.head.tolist(), self.arc_of.tolist(), strict=True)
        ):
            graph.add_edge(names[tail], names[head], int(net.key[arc]), arc=arc, row=row)
        return graph


_kept: WeakKeyDictionary[Roadmap, Topology] = WeakKeyDictionary()
_lock = threading.Lock()


def topology_of(roadmap: Roadmap) -> Topology:
    """The search graph of a road map, built once."""
    with _lock:
        if roadmap not in _kept:
            _kept[roadmap] = build_topology(roadmap.network)
        return _kept[roadmap]


def build_topology(network: Network) -> Topology:
    """The search graph of a network and its forbidden turns."""
    memory = _Memory(network)
    tail, head, arc_of, banned = memory.arcs()
    banned.sort()
    road_node = np.concatenate((np.arange(network.nodes, dtype=np.int32), memory.copied_nodes()))
    pair_rows, pair_start = _pairs(tail, head, len(road_node))
    count = np.diff(pair_start)
    shared = np.flatnonzero(count > 1)
    copies, started = np.arange(network.nodes, len(road_node)), np.arange(network.arcs, len(tail))
    copies = copies[np.argsort(road_node[copies], kind="stable")]
    started = started[np.argsort(arc_of[started], kind="stable")]
    pair_of = np.full(len(tail), -1, np.int32)
    pair_of[pair_rows] = np.repeat(np.arange(len(count), dtype=np.int32), count)
    return Topology(
        network,
        road_node,
        tail,
        head,
        arc_of,
        np.array([row for row, _ in banned], np.intp),
        np.array([turn for _, turn in banned], np.intp),
        pair_tail=tail[pair_rows[pair_start[:-1]]],
        pair_head=head[pair_rows[pair_start[:-1]]],
        pair_rows=pair_rows,
        pair_start=pair_start,
        lead=pair_rows[pair_start[:-1]],
        is_shared=count > 1,
        shared=shared,
        shared_rows=pair_rows[np.repeat(count > 1, count)],
        shared_start=np.concatenate(([0], np.cumsum(count[shared])[:-1])).astype(np.intp),
        copies_from=copies,
        nodes_from=road_node[copies],
        rows_from=started,
        arcs_from=arc_of[started],
        pair_of=pair_of,
        nodes=len(road_node),
        has_copies=len(road_node) > network.nodes,
    )


def _pairs(tail: NDArray[np.int32], head: NDArray[np.int32], nodes: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Search arcs ordered by their two ends, and where each new pair of ends starts."""
    rows = np.flatnonzero(tail != head)
    ends = tail[rows].astype(np.int64) * nodes + head[rows]
    order = np.argsort(ends, kind="stable")
    ends = ends[order]
    first = np.flatnonzero(np.append(True, ends[1:] != ends[:-1])) if len(ends) else np.empty(0, np.intp)
    return rows[order], np.append(first, len(rows)).astype(np.intp)


class _Memory:
    """Aho and Corasick's automaton over the forbidden sequences: state 0 remembers nothing, every other a part."""

    def __init__(self, network: Network) -> None:
        self._net = network
        self._next: list[dict[int, int]] = [{}]  # state -> arc -> longer state
        self._last: list[int] = [-1]  # the arc that was driven last
        self._shorter = [0]  # the longest other state that ends alike
        self._done: list[list[int]] = [[]]  # turns that are complete here
        for turn in range(network.turns):
            self._learn(turn, network.turn(turn).tolist())
        self._link()
        #: Only what can still grow needs a copy; what is complete is remembered as the longest state that can.
        self._copy_of: dict[int, int] = {0: -1}
        for state in range(1, len(self._next)):
            if self._next[state]:
                self._copy_of[state] = network.nodes + len(self._copy_of) - 1

    def _learn(self, turn: int, arcs: list[int]) -> None:
        state = 0
        for arc in arcs:
            if arc not in self._next[state]:
                self._next[state][arc] = len(self._next)
                self._next.append({})
                self._last.append(arc)
                self._shorter.append(0)
                self._done.append([])
            state = self._next[state][arc]
        self._done[state].append(turn)

    def _link(self) -> None:
        waiting = deque(self._next[0].values())
        while waiting:
            state = waiting.popleft()
            for arc, longer in self._next[state].items():
                self._shorter[longer] = self._drive(self._shorter[state], arc)
                self._done[longer] += self._done[self._shorter[longer]]
                waiting.append(longer)

    def _drive(self, state: int, arc: int) -> int:
        while state and arc not in self._next[state]:
            state = self._shorter[state]
        return self._next[state].get(arc, 0)

    def copied_nodes(self) -> NDArray[np.int32]:
        """The road node of each copy."""
        last = [self._last[state] for state in self._copy_of if state]
        return self._net.head[np.array(last, np.intp)]

    def _node_after(self, state: int, arc: int) -> int:
        while state not in self._copy_of:
            state = self._shorter[state]
        return self._copy_of[state] if state else int(self._net.head[arc])

    def arcs(self) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32], list[tuple[int, int]]]:
        """Tail, head and network arc of every search arc; which of them completes which turn."""
        net = self._net
        head = net.head.copy()
        for arc, state in self._next[0].items():
            head[arc] = self._node_after(state, arc)
        leaving = _Leaving(net) if net.turns else None
        more: list[tuple[int, int, int]] = []
        banned: list[tuple[int, int]] = []
        for state, copy in self._copy_of.items():
            for arc in leaving.of(int(net.head[self._last[state]])) if state and leaving else ():
                after = self._drive(state, arc)
                banned += [(net.arcs + len(more), turn) for turn in self._done[after]]
                more.append((copy, self._node_after(after, arc), arc))
        copied = np.array(more, np.int32).reshape(-1, 3)
        arc_of = np.concatenate((np.arange(net.arcs, dtype=np.int32), copied[:, 2]))
        return np.concatenate((net.tail, copied[:, 0])), np.concatenate((head, copied[:, 1])), arc_of, banned


class _Leaving:
    """Which arcs leave a node."""

    def __init__(self, network: Network) -> None:
        self._order = np.argsort(network.tail, kind="stable")
        self._start = np.searchsorted(network.tail[self._order], np.arange(network.nodes + 1))

    def of(self, node: int) -> list[int]:
        return self._order[self._start[node] : self._start[node + 1]].tolist()
