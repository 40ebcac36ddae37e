"""Find the part of a road network where every place reaches every other, and drop the islands.

What cars and ambulances may use by right decides; a contraflow, a bus lane or a gate never makes an island a part of
the network for them, but what lies behind a gate or a bus lane is kept for the vehicles that may pass.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from routing.roads.network import BUS, CAR, CONTRAFLOW, EMERGENCY, GATE, LoadReport, Network, replaced, subset


def strong_part(network: Network, bits: int, around: int | None = None) -> NDArray[np.bool_]:
    """Which nodes lie in one part where every node reaches every other over arcs with one of these access bits.

    The part around the node row `around`, else the largest.
    """
    from scipy.sparse import coo_matrix  # scipy costs about a second to import; a cached network never needs it
    from scipy.sparse.csgraph import connected_components

    usable = (network.access & bits) > 0
    ends = (network.tail[usable], network.head[usable])
    matrix = coo_matrix((np.ones(len(ends[0]), np.int8), ends), (network.nodes, network.nodes))
    _, part = connected_components(matrix, directed=True, connection="strong")
    return part == (np.bincount(part).argmax() if around is None else part[around])


def keep_strong_part(network: Network) -> tuple[Network, int, int]:
    """The part where an ambulance reaches everything, and how many nodes and lawful arcs were dropped.

    Arcs that lead out of a part for a kind of vehicle lose its bit, so that nobody is sent into a dead end. What only
    a gate or a bus lane joins to the part is kept under that bit alone.
    """
    if network.nodes == 0:
        return network, 0, 0
    main = strong_part(network, EMERGENCY)
    inside = main[network.tail] & main[network.head]
    access = np.where(inside, network.access, 0).astype(np.uint8)
    for bit in (GATE, BUS):
        access[_behind(network, bit, main) & ~inside] |= np.uint8(bit)
    cars = strong_part(replaced(network, access=access), CAR)
    access[~(cars[network.tail] & cars[network.head])] &= np.uint8(0xFF ^ CAR)
    arcs = access > 0
    nodes = np.zeros(network.nodes, np.bool_)
    nodes[network.tail[arcs]] = nodes[network.head[arcs]] = True
    kept = subset(replaced(network, access=access), nodes, arcs)
    return kept, int((~nodes).sum()), int((~arcs & (network.access != CONTRAFLOW)).sum())


def _behind(network: Network, bit: int, main: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The arcs by which a vehicle with this bit too reaches the main part and comes back."""
    if not (network.access & bit).any():
        return np.zeros(network.arcs, np.bool_)
    part = strong_part(network, EMERGENCY | bit, around=int(main.argmax()))
    return part[network.tail] & part[network.head] & ((network.access & (EMERGENCY | bit)) > 0)


def report_on(
    network: Network, dropped: Counter[str], *, ways_read: int, ways_kept: int, **counts: Any
) -> tuple[Network, LoadReport]:
    """Keep the strong part of a freshly read network and write down what was dropped."""
    kept, nodes_islands, arcs_islands = keep_strong_part(network)
    report = LoadReport(
        ways_read=ways_read,
        ways_kept=ways_kept,
        ways_dropped=dict(sorted(dropped.items())),
        nodes=kept.nodes,
        arcs=kept.arcs,
        arcs_car=int(((kept.access & CAR) > 0).sum()),
        nodes_islands=nodes_islands,
        arcs_islands=arcs_islands,
        **counts,
    )
    return kept, report
