"""In which order the hierarchy contracts the nodes of a search graph: the fewer arcs it adds, the sooner new weights
are laid over it. Keeping an order is left to hierarchy.py.

First go the dead ends, and what is a dead end then: contracting them adds nothing. What is left, the core, is dissected
along small separators: by METIS (pymetis) where its wheel is installed, else by the inertial flow of pyroutingkit. What
lies between the great separators is then contracted by thrift (elimination.py), the nodes of each separator are put in
line, and what lies below a node is put just before it. The times are the same in any order. What it gains:
docs/routing_speed.md.
"""

from __future__ import annotations

import importlib.util
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pyroutingkit import CCHTopology

from routing.engine.elimination import climbs, in_one_piece, thriftier

#: How the core is dissected here. It stands in the name of a kept order: raise the number when anything below changes
#: what comes out.
WAY = "metis-5" if importlib.util.find_spec("pymetis") else "flow-5"
#: Tried on three cities with four to eight seeds: of ten separators METIS keeps the smallest; one side may have up to
#: 1.5 times its half. Twice as many take twice as long for 1 % less work; other balances do 1 to 2 % worse.
SEPARATORS, UNEVEN, SEED = 10, 500, 7
#: The dissection counts between parts of more nodes than this; within a part, thrift does. It makes fewer triangles the
#: larger the parts are, but a search climbs higher: at 25,600 nodes by a tenth on New York, at 5,000 by nothing.
PART = 5000
FEW = 500  # a round that thins less than one in so many nodes is the last


def contraction_order(
    tail: NDArray[np.uint32], head: NDArray[np.uint32], lat: NDArray[np.float32], lon: NDArray[np.float32]
) -> NDArray[np.uint32]:
    """All nodes, the first to be contracted first. The same arcs give the same order on the same machine."""
    thinned = _thin(len(lat), tail, head)
    core, u, v = thinned.core, *thinned.edges
    if len(core) < 2:
        return thinned.with_core(core)
    dissect = _by_metis if WAY.startswith("metis") else _by_flow
    order = dissect(u, v, lat[core], lon[core])
    rank = _rank(order)
    order = order[thriftier(rank[u], rank[v], len(core), PART)]
    order = _in_line(order, u, v, lat[core], lon[core])
    rank = _rank(order)
    order = order[in_one_piece(climbs(rank[u], rank[v], len(core))[0])]
    return thinned.with_core(core[order])


def _rank(order: NDArray[np.intp]) -> NDArray[np.intp]:
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return rank


@dataclass(frozen=True, slots=True, eq=False)
class _Thinned:
    """What is left of a graph: `core` nodes, and `edges` as two columns of places in it. `round_of` says in which round
    a node went; `rounds`, which went in each and what each hung on, as two columns."""

    core: NDArray[np.intp]
    edges: tuple[NDArray[np.intp], NDArray[np.intp]]
    round_of: NDArray[np.intp]
    rounds: list[tuple[NDArray[np.intp], NDArray[np.intp]]]

    def with_core(self, ranked: NDArray[np.intp]) -> NDArray[np.uint32]:
        """The whole order: each dead end just before the node of the core that it hangs on. Equal to contracting all of
        them first, but what is near on the map stays near in memory."""
        before = np.full(len(self.round_of), len(ranked), np.intp)
        before[ranked] = np.arange(len(ranked))
        for node, neighbour in reversed(self.rounds):
            before[node] = before[neighbour]
        return np.lexsort((self.round_of, before)).astype(np.uint32)


def _thin(nodes: int, tail: NDArray[np.uint32], head: NDArray[np.uint32]) -> _Thinned:
    """Take dead ends away, round after round."""
    u, v = _edges(nodes, tail, head)
    round_of = np.full(nodes, nodes, np.intp)  # later than any round
    rounds: list[tuple[NDArray[np.intp], NDArray[np.intp]]] = []
    while True:
        left = round_of == nodes
        ends = (np.bincount(u, minlength=nodes) + np.bincount(v, minlength=nodes) <= 1) & left
        ends[v[ends[u] & ends[v]]] = False  # a road with two dead ends: one after the other
        if np.count_nonzero(ends) * FEW <= np.count_nonzero(left):
            break
        round_of[ends] = len(rounds)
        at_u, at_v = ends[u], ends[v]
        rounds.append((np.concatenate((u[at_u], v[at_v])), np.concatenate((v[at_u], u[at_v]))))
        stays = ~(at_u | at_v)
        u, v = u[stays], v[stays]
    core = np.flatnonzero(left)
    place = np.zeros(nodes, np.intp)
    place[core] = np.arange(len(core))
    return _Thinned(core, (place[u], place[v]), round_of, rounds)


def _edges(nodes: int, one: NDArray[np.integer], other: NDArray[np.integer]) -> tuple[NDArray[np.intp], ...]:
    """Each pair of different neighbours once, the lower first, ascending."""
    lower, higher = np.minimum(one, other).astype(np.intp), np.maximum(one, other).astype(np.intp)
    return np.divmod(np.unique((lower * nodes + higher)[lower != higher]), nodes)


def _by_metis(
    u: NDArray[np.intp], v: NDArray[np.intp], lat: NDArray[np.float32], lon: NDArray[np.float32]
) -> NDArray[np.intp]:
    """Nested dissection with separators of nodes: places in the core, the first to be contracted first."""
    import pymetis

    tail, head = np.concatenate((u, v)), np.concatenate((v, u))
    kind = pymetis.zero_copy_dtype()
    starts = np.concatenate(([0], np.cumsum(np.bincount(tail, minlength=len(lat))))).astype(kind)
    beside = pymetis.CSRAdjacency(starts, head[np.argsort(tail, kind="stable")].astype(kind))
    options = pymetis.Options(nseps=SEPARATORS, ufactor=UNEVEN, seed=SEED)
    order, _ = pymetis.nested_dissection(beside, options=options)
    return np.asarray(order, np.intp)


def _by_flow(
    u: NDArray[np.intp], v: NDArray[np.intp], lat: NDArray[np.float32], lon: NDArray[np.float32]
) -> NDArray[np.intp]:
    """The same by the router's own inertial flow, which cuts edges along four directions of the map."""
    order = CCHTopology()
    order.build(u.astype(np.uint32), v.astype(np.uint32), lat, lon, len(lat))
    with tempfile.TemporaryDirectory() as place:  # it tells its order to files only
        order.save(place)
        return np.fromfile(Path(place) / "order", np.uint32).astype(np.intp)


def _in_line(
    order: NDArray[np.intp],
    u: NDArray[np.intp],
    v: NDArray[np.intp],
    lat: NDArray[np.float32],
    lon: NDArray[np.float32],
) -> NDArray[np.intp]:
    """Put nodes that have the same neighbours above them, as those of a separator have, along the line they lie on.

    Among such it is all one in which order they go. But what lies below them joins a stretch of that line: in its order
    this is a run of neighbours, which the library walks more quickly than one here and one there.
    """
    rank = _rank(order)
    group = _groups(*climbs(rank[u], rank[v], len(order)))
    many = np.bincount(group, minlength=len(order)).clip(1)
    east, north = lon[order] * np.cos(np.radians(lat.mean())), lat[order]
    east = east - (np.bincount(group, east, len(order)) / many)[group]
    north = north - (np.bincount(group, north, len(order)) / many)[group]
    covariance, wider = np.bincount(group, east * north), np.bincount(group, east**2 - north**2)
    angle = 0.5 * np.arctan2(2 * covariance, wider)[group]  # of the principal axis of each group
    along = east * np.cos(angle) + north * np.sin(angle)
    return order[np.lexsort((along, group))]


def _groups(parent: list[int], above: list[int]) -> NDArray[np.intp]:
    """By rank, the highest of the nodes that share their neighbours above: a chain of one child each, for two children
    of one node may share no road."""
    group, taken = list(range(len(parent))), set[int]()
    for node in range(len(parent) - 1, -1, -1):
        over = parent[node]
        if over >= 0 and above[node] == above[over] + 1 and over not in taken:
            taken.add(over)
            group[node] = group[over]
    return np.array(group, np.intp)
