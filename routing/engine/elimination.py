"""Contract a graph on paper: what stands above each node, and which nodes below a separator had better go first.

Nodes are ranks of a given order here, 0 the first to be contracted. A subtree of the elimination tree leaves the same
arcs among what stands above it in whatever order its own nodes go, so each may be put in a better one by itself.
Where the separators lie is routing/engine/ordering.py's.
"""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

#: What one node more on the climb weighs against one arc more per neighbour. Tried on three cities: with nothing 1 to
#: 5 % fewer triangles, but climbs of up to 800 nodes instead of a hundred; with half of it, nothing gained.
STEP = 0.02


def climbs(rank_u: NDArray[np.intp], rank_v: NDArray[np.intp], nodes: int) -> tuple[list[int], list[int]]:
    """By rank: the first neighbour above each node when it is contracted (-1: none), and how many there are.

    Liu's elimination tree: from each neighbour below a node the climb leads through all whose contraction joins them.
    """
    low, high = np.minimum(rank_u, rank_v), np.maximum(rank_u, rank_v)
    below = low[np.argsort(high, kind="stable")].tolist()
    start = np.concatenate(([0], np.cumsum(np.bincount(high, minlength=nodes)))).tolist()
    parent, above, seen_by = [-1] * nodes, [0] * nodes, [-1] * nodes
    for node in range(nodes):
        seen_by[node] = node
        for lower in below[start[node] : start[node + 1]]:
            while seen_by[lower] != node:
                if parent[lower] < 0:
                    parent[lower] = node
                above[lower] += 1
                seen_by[lower] = node
                lower = parent[lower]
    return parent, above


def thriftier(rank_u: NDArray[np.intp], rank_v: NDArray[np.intp], nodes: int, largest: int) -> NDArray[np.intp]:
    """The ranks in a new order: each greatest subtree of at most `largest` nodes in the one its nodes are contracted in
    by thrift, where that makes fewer triangles; what stands above them all stays where it was."""
    parent, above = climbs(rank_u, rank_v, nodes)
    cell = _cells(parent, largest)
    inside = np.flatnonzero(cell >= 0)
    inside = inside[np.argsort(cell[inside], kind="stable")]
    bounds = np.flatnonzero(np.diff(cell[inside], prepend=-1, append=-1)).tolist()
    key, place = np.where(cell < 0, np.arange(nodes), cell), np.arange(nodes)
    graph = _Paper(rank_u, rank_v, nodes)
    for start, end in pairwise(bounds):
        members = inside[start:end].tolist()
        order = graph.contract(members, below=sum(above[node] * (above[node] - 1) // 2 for node in members))
        if order is not None:
            place[order] = members  # ascending
    return np.lexsort((place, key))


def in_one_piece(parent: list[int]) -> NDArray[np.intp]:
    """The ranks in a new order of the same arcs: all that lies below a node just before it, so that what is worked on
    together lies together in memory; of what lies side by side the smaller first."""
    nodes, size = len(parent), np.array(_sizes(parent), np.intp)
    over = np.array(parent, np.intp)
    siblings = np.lexsort((size, over))
    before = np.cumsum(size[siblings]) - size[siblings]
    firsts = np.flatnonzero(np.diff(over[siblings], prepend=-2))
    before -= np.repeat(before[firsts], np.diff(np.append(firsts, nodes)))
    start = np.empty(nodes, np.intp)
    start[siblings] = before
    starts = start.tolist()
    for node in range(nodes - 1, -1, -1):
        if parent[node] >= 0:
            starts[node] += starts[parent[node]]
    return np.argsort(np.array(starts, np.intp) + size)


def _sizes(parent: list[int]) -> list[int]:
    """By rank, how many nodes the subtree below each has, itself included."""
    size = [1] * len(parent)
    for node, over in enumerate(parent):
        if over >= 0:
            size[over] += size[node]
    return size


def _cells(parent: list[int], largest: int) -> NDArray[np.intp]:
    """By rank, the highest node of the greatest subtree of at most so many nodes that it lies in; -1 above them all."""
    size, cell = _sizes(parent), [-1] * len(parent)
    for node in range(len(parent) - 1, -1, -1):
        if size[node] <= largest:
            over = parent[node]
            cell[node] = cell[over] if over >= 0 and cell[over] >= 0 else node
    return np.array(cell, np.intp)


class _Paper:
    """A graph from which nodes are contracted: their neighbours are joined, then they are gone."""

    def __init__(self, u: NDArray[np.intp], v: NDArray[np.intp], nodes: int) -> None:
        self._beside: list[set[int]] = [set() for _ in range(nodes)]
        for one, other in zip(u.tolist(), v.tolist(), strict=True):
            self._beside[one].add(other)
            self._beside[other].add(one)
        self._open = [0] * nodes  # of the nodes at work: pairs of neighbours that no arc joins

    def contract(self, members: list[int], below: int) -> list[int] | None:
        """Contract these nodes, the one of the least score each time, the lower of two alike. Their order; None where
        it makes no fewer triangles (pairs above a node) than `below`: then looking on is a waste."""
        left, beside = set(members), self._beside
        for node in members:
            self._open[node] = self._apart(node)
        height = dict.fromkeys(members, 0)
        score = {node: self._score(node, 0) for node in members}
        waiting = [(its, node) for node, its in score.items()]
        heapify(waiting)
        order = list[int]()
        while left and below > 0:
            its, node = heappop(waiting)
            if node not in left or its != score[node]:
                continue  # said before something near it changed
            left.remove(node)
            order.append(node)
            near = beside[node]
            below -= len(near) * (len(near) - 1) // 2
            for one in near & left:
                height[one] = max(height[one], height[node] + 1)
            for one in self._contract(node) & left:
                changed = self._score(one, height[one])
                if changed != score[one]:
                    score[one] = changed
                    heappush(waiting, (changed, one))
        for node in left:
            self._join(node)
        return order if below > 0 else None

    def _apart(self, node: int) -> int:
        """How many pairs of its neighbours no arc joins."""
        near = self._beside[node]
        joined = sum(len(self._beside[one] & near) for one in near)
        return (len(near) * (len(near) - 1) - joined) // 2

    def _join(self, node: int) -> None:
        """Contract a node and count nothing."""
        near = self._beside[node]
        self._beside[node] = set()
        for one in near:
            its = self._beside[one]
            its |= near
            its.discard(node)
            its.discard(one)

    def _score(self, node: int, height: int) -> float:
        """How many pairs of neighbours are joined anew for each neighbour, and a little for what is below already."""
        return (self._open[node] + 1) / (len(self._beside[node]) + 1) + STEP * height

    def _contract(self, node: int) -> set[int]:
        """Join the neighbours of a node and take it away. All whose open pairs or neighbours have changed by that."""
        beside, open_ = self._beside, self._open
        near = beside[node]
        beside[node] = set()
        missing: list[tuple[int, int]] = []
        for one in near:
            its = beside[one]
            its.remove(node)
            apart = near - its
            open_[one] -= len(its) - len(near) + len(apart)  # its others, which the node was no neighbour of
            missing += [(one, other) for other in apart if other > one]
        changed = set(near)
        for one, other in missing:
            its, others = beside[one], beside[other]
            both = its & others
            open_[one] += len(its) - len(both)
            open_[other] += len(others) - len(both)
            for between in both:
                open_[between] -= 1
            changed |= both
            its.add(other)
            others.add(one)
        return changed
