"""Simulated drives: a way over the network at a steady pace, and the noisy fixes that a vehicle reports on it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from routing.costs import costs_for
from routing.profiles import AMBULANCE
from routing.roads import Roadmap
from routing.traffic.matching import METRES_PER_DEGREE, Fix


def some_drive(roads: Roadmap, rng: np.random.Generator, least_m: float, most_m: float) -> list[int]:
    """The arcs of a fastest way between two random junctions."""
    engine, length_m = costs_for(roads, profile=AMBULANCE, engine="scipy").engine, roads.network.length_m
    while True:
        start, end = (int(node) for node in rng.integers(0, roads.network.nodes, 2))
        arcs = engine.path(start, end) or []
        ends_m = np.cumsum(length_m[arcs])
        if len(arcs) and ends_m[-1] >= least_m:
            return list(arcs)[: int(np.searchsorted(ends_m, most_m)) + 1]


def fixes_on(
    roads: Roadmap, arcs: Sequence[int], rng: np.random.Generator, *, every_s: float, sigma_m: float, mps: float = 14.0
) -> tuple[list[Fix], list[int]]:
    """Fixes along the drive, and the arcs of it that were entered by the last one."""
    net, rows = roads.network, np.array(arcs)
    ends_m = np.cumsum(net.length_m[rows])
    at_s = np.arange(0.0, ends_m[-1] / mps, every_s)
    along_m = at_s * mps
    on = np.minimum(np.searchsorted(ends_m, along_m, side="right"), len(rows) - 1)
    share = 1 - (ends_m[on] - along_m) / np.maximum(net.length_m[rows[on]], 1e-9)
    tail, head = net.tail[rows[on]], net.head[rows[on]]
    lon, lat = net.lon[tail] * (1 - share) + net.lon[head] * share, net.lat[tail] * (1 - share) + net.lat[head] * share
    east_m, north_m = rng.normal(0, sigma_m, (2, len(at_s)))
    lat_seen = lat + north_m / METRES_PER_DEGREE
    lon_seen = lon + east_m / METRES_PER_DEGREE / np.cos(np.radians(lat))
    seen = zip(at_s.tolist(), lat_seen.tolist(), lon_seen.tolist(), strict=True)
    return [Fix(*one) for one in seen], list(arcs)[: int(on[-1]) + 1]
