"""Measure the stretch from junction to junction that each arc lies on: how far one drives before one can turn off.

Pure topology: a junction is a node where not exactly two roads meet. What a stretch may be used for is the profile's.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from routing.roads.network import Network


def stretch_m(network: Network) -> NDArray[np.float64]:
    """For each arc, the metres of its whole stretch, the same for both directions of a road.

    Parallel arcs of different lengths are roads of their own; a ring without junctions is one stretch.
    """
    if network.arcs == 0:
        return np.empty(0)
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    road, first = _roads(network)
    ends = np.concatenate((network.tail[first], network.head[first]))
    owner = np.tile(np.arange(len(first)), 2)
    order = np.argsort(ends, kind="stable")
    ends, owner = ends[order], owner[order]
    meeting = np.bincount(ends, minlength=network.nodes)
    here = np.flatnonzero((meeting[ends[:-1]] == 2) & (ends[:-1] == ends[1:]))
    joined = coo_matrix((np.ones(len(here), np.int8), (owner[here], owner[here + 1])), (len(first), len(first)))
    _, part = connected_components(joined, directed=False)
    whole_m = np.bincount(part, network.length_m[first]).astype(np.float64)
    return whole_m[part][road]


def _roads(network: Network) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The road that each arc is a direction of, and the first arc of each road."""
    low, high = np.minimum(network.tail, network.head), np.maximum(network.tail, network.head)
    pair = low.astype(np.int64) * network.nodes + high
    length_mm = np.rint(network.length_m * 1000).astype(np.int64)
    order = np.lexsort((length_mm, pair))
    new = np.ones(len(order), np.bool_)
    new[1:] = (np.diff(pair[order]) != 0) | (np.diff(length_mm[order]) != 0)
    road = np.empty(len(order), np.intp)
    road[order] = np.cumsum(new) - 1
    return road, order[new]
