"""Days of traffic for the benchmark, as dispatchers and feeds would enter them: closures, slow roads, all changed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from aboard.bench.routing.questions import AT, numbers
from routing.roads.roadmap import EdgeKey, Roadmap
from routing.traffic import FREE_FLOW, Closure, Slowdown, Stretch, Traffic

TILES = 4  # along each side of the map: so many times so many speeds
CRAWL_KPH = (3.0, 9.0)  # slower than any road's free speed, so that a crawl changes every arc


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


def all_changed(roadmap: Roadmap, seed: int, number: int) -> Traffic:
    """The whole map crawls, each tile at a speed of its own; another `number`, other speeds everywhere."""
    random = numbers(seed, f"crawl {number}")
    west, south, east, north = roadmap.bounds
    lons, lats = np.linspace(west, east, TILES + 1), np.linspace(south, north, TILES + 1)
    tiles = [
        shapely.box(lons[i], lats[j], lons[i + 1], lats[j + 1]).buffer(1e-9) for i in range(TILES) for j in range(TILES)
    ]
    slow = tuple(
        Slowdown(
            f"crawl-{n}", Stretch(tile), "snow", "bench", AT, speed_kph=float(random.uniform(*CRAWL_KPH)), source="weather"
        )
        for n, tile in enumerate(tiles)
    )
    return _later(FREE_FLOW, slowdowns=slow)


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
