"""Days of traffic for the benchmark, as dispatchers and feeds would enter them: closures, slow roads, all changed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aboard.bench.routing.questions import AT, numbers
from routing.costs import Costs
from routing.roads.roadmap import EdgeKey, Roadmap
from routing.traffic import FREE_FLOW, Closure, Observed, Slowdown, Stretch, Traffic


def some_closed(traffic: Traffic, roadmap: Roadmap, arcs: NDArray[np.intp]) -> Traffic:
    """One closure for each of these arcs and its parallels: a road is closed, not one of its strands."""
    edges = edges_between(roadmap, arcs)
    added = (Closure(f"closed-{n}", Stretch(edges=one), "works", "bench", AT) for n, one in enumerate(edges))
    return _later(traffic, closures=(*traffic.closures, *added))


def some_slow(traffic: Traffic, roadmap: Roadmap, arcs: NDArray[np.intp], kph: float) -> Traffic:
    """One stretch of works for each of these arcs and its parallels."""
    edges = edges_between(roadmap, arcs)
    added = (
        Slowdown(f"slow-{n}", Stretch(edges=one), "works", "bench", AT, speed_kph=kph, source="works")
        for n, one in enumerate(edges)
    )
    return _later(traffic, slowdowns=(*traffic.slowdowns, *added))


def all_changed(roadmap: Roadmap, free: Costs, seed: int, number: int) -> Traffic:
    """A feed has seen every arc that may be driven, each between 0.4 and 1.05 of its free speed; another `number`,
    other speeds everywhere."""
    return FREE_FLOW.with_observed(Observed.of(roadmap.digest, *speeds_seen(roadmap, free, seed, number)))


def speeds_seen(roadmap: Roadmap, free: Costs, seed: int, number: int) -> tuple[NDArray[Any], ...]:
    """The columns of a feed as Observed.of takes them, seen just now and sure to a tenth either way; locked, since
    nobody writes to them again."""
    network, arcs = roadmap.network, np.flatnonzero(free.usable)
    share = numbers(seed, f"seen {number}").uniform(0.4, 1.05, len(arcs))
    kph = np.maximum(1.0, share * network.length_m[arcs] * 3600 / free.likely_ms[arcs])
    columns = arcs.copy(), 0.9 * kph, kph, 1.1 * kph, np.full(len(arcs), AT.timestamp())
    for column in columns:
        column.flags.writeable = False
    return columns


def edges_between(roadmap: Roadmap, arcs: NDArray[np.intp]) -> list[frozenset[EdgeKey]]:
    """For each arc, it and all parallel to it as edges of the graph."""
    network = roadmap.network
    order = np.lexsort((network.head, network.tail))
    pair = network.tail[order].astype(np.int64) * network.nodes + network.head[order]
    asked = network.tail[arcs].astype(np.int64) * network.nodes + network.head[arcs]
    first, last = np.searchsorted(pair, asked, "left"), np.searchsorted(pair, asked, "right")
    return [frozenset(map(roadmap.edge_of, order[a:b].tolist())) for a, b in zip(first, last, strict=True)]


def _later(traffic: Traffic, **changes: Any) -> Traffic:
    return replace(traffic, version=traffic.version + 1, **changes)
