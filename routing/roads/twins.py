"""Find the arc that runs the other way on the same road."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from routing.roads.network import Network


def twins(network: Network, among: NDArray[np.bool_]) -> NDArray[np.intp]:
    """For each arc, the row of an arc of `among` (m truth values) with swapped ends on the same OSM way, else -1."""
    wanted = np.flatnonzero(among)
    if len(wanted) == 0:
        return np.full(network.arcs, -1, np.intp)
    way = np.unique(network.way_id, return_inverse=True)[1][network.way].astype(np.int64)
    tail, head = network.tail.astype(np.int64), network.head.astype(np.int64)
    there, back = tail * network.nodes + head, head * network.nodes + tail
    pairs = np.unique(there[wanted])
    ways = int(way.max()) + 1

    def code(pair: NDArray[np.int64], way: NDArray[np.int64]) -> NDArray[np.int64]:
        row = np.minimum(np.searchsorted(pairs, pair), len(pairs) - 1)
        return np.where(pairs[row] == pair, row * ways + way, -1)

    known = code(there[wanted], way[wanted])
    order = np.argsort(known, kind="stable")
    asked = code(back, way)
    row = np.minimum(np.searchsorted(known[order], asked), len(order) - 1)
    return np.where(known[order][row] == asked, wanted[order][row], -1)
