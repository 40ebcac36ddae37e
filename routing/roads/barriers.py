"""Shut the arcs at barriers that stand on a road: gates, bollards, blocks.

Which barrier lets whom pass is rules.py's; here the arcs that touch it lose or change their access.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from routing.roads.network import BUS, EMERGENCY, GATE, Network, replaced
from routing.roads.rules import CAR_CLASSES, OPEN, THROUGH, UNSAID

#: A barrier drawn on a junction shuts the least of the roads that meet there: the gate of a yard is on its drive,
#: never on the street in front of it. Rule of ours; the drawing does not say.
RANK = {word: rank for rank, word in enumerate(CAR_CLASSES)}
LAST_THROUGH = max(RANK[word] for word in THROUGH)


def with_barriers(network: Network, barriers: Mapping[int, int]) -> tuple[Network, dict[str, int]]:
    """The network after its barriers, given as node id -> access bits that pass (rules.passage).

    Also how many stand on its roads: open, gate (open to some) or closed.
    """
    there = np.flatnonzero(np.isin(network.node_id, np.array(list(barriers), np.int64)))
    passed = [barriers[id] for id in network.node_id[there].tolist()]
    counts = Counter("open" if bits == OPEN else "gate" if bits else "closed" for bits in passed)
    return _shut(network, there.tolist(), passed), dict(sorted(counts.items()))


def _shut(network: Network, rows: Sequence[int], passages: Sequence[int]) -> Network:
    if not rows:
        return network
    access = network.access.copy()
    order = np.argsort(np.concatenate((network.tail, network.head)), kind="stable")
    ends = np.concatenate((network.tail, network.head))[order]
    arcs = order % network.arcs
    highway = network.columns["highway"]
    rank = np.array([RANK.get(word, len(RANK)) for word in highway.words])[highway.code[network.way]]
    for row, passed in zip(rows, passages, strict=True):
        begin, end = np.searchsorted(ends, (row, row + 1))
        touching = _own(network, np.unique(arcs[begin:end]), rank)
        if passed & UNSAID:
            touching = touching[rank[touching] > LAST_THROUGH]
        access[touching] = [_left(int(bits), passed) for bits in access[touching]]
    return replaced(network, access=access)


def _own(network: Network, touching: NDArray[np.intp], rank: NDArray[np.intp]) -> NDArray[np.intp]:
    ends = np.unique(np.concatenate((network.tail[touching], network.head[touching])))
    if len(ends) <= 3:  # the barrier's node and two neighbours: it stands within a road or at its end
        return touching
    return touching[rank[touching] == rank[touching].max()]


def _left(bits: int, passage: int) -> int:
    """The access bits of an arc at the barrier. A contraflow through a gate is nobody's."""
    if passage == OPEN:
        return bits
    return (bits & passage & BUS) | (passage & GATE if bits & EMERGENCY else 0)
