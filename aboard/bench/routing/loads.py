"""Case F: from the cache to the first answer, and the first reading of a map, beside osmnx in a process of its own.

osmnx reads no PBF, so the same map is written out as XML for it, which is not timed: once whole, as a user has it, and
once with only the ways that ours keeps, which is kinder. It stops at graph_from_xml, unsimplified, with no speeds yet.
"""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path
from typing import Any

from aboard.bench.routing.job import PROFILE, Job
from aboard.bench.routing.questions import AT, fixes_drawn
from aboard.bench.routing.stopwatch import once_ms
from casebook.place import Place
from routing.ground import table
from routing.roads import Roadmap, load_roads

OSM = (".osm", ".osm.gz", ".osm.bz2", ".osm.pbf")


def start_from_cache(job: Job) -> dict[str, Any]:
    """Milliseconds of opening the roads and of the first row of times; both caches (roads, order) are filled.

    `answered_at_s` is when that stood, on the clock that all processes of the machine share.
    """
    told: dict[str, Any] = {}
    began_s = time.perf_counter()
    roadmap = job.roads()
    told["load_ms"] = 1000 * (time.perf_counter() - began_s)
    ends = spread_out(roadmap)
    table(roadmap, ends[:1], ends, profile=PROFILE, at=AT)
    told["answered_ms"] = 1000 * (time.perf_counter() - began_s)
    return told | {"answered_at_s": time.monotonic()}


def first_load(job: Job) -> dict[str, Any]:
    """Read the file as if for the first time: the cache is an empty folder."""
    with tempfile.TemporaryDirectory(dir=job.folder) as empty:
        os.environ["ABOARD_CACHE"] = empty
        return {"ms": once_ms(lambda: load_roads(job.graph))}


def order_once(job: Job) -> dict[str, Any]:
    """What a map costs once in its life, and again when its roads change: the search graph and its contraction order,
    up to the first answer, with an empty cache."""
    roadmap = job.roads()
    ends = spread_out(roadmap)
    with tempfile.TemporaryDirectory(dir=job.folder) as empty:
        os.environ["ABOARD_CACHE"] = empty
        return {"ms": once_ms(lambda: table(roadmap, ends[:1], ends, profile=PROFILE, at=AT))}


def spread_out(roadmap: Roadmap) -> list[Place]:
    """Forty places along the map's diagonal."""
    west, south, east, north = roadmap.bounds
    return [Place(south + (north - south) * i / 41, west + (east - west) * i / 41) for i in range(1, 41)]


def write_for_osmnx(job: Job) -> dict[str, Any]:
    """The map as XML, whole and with our ways only; {} where the file is no OpenStreetMap file."""
    if not job.graph.endswith(OSM):
        return {}
    kept = set(job.roads().network.way_id.tolist())
    return {
        "whole": str(_written(job, job.place / "whole.osm", None)),
        "our_ways": str(_written(job, job.place / "our_ways.osm", kept)),
    }


def _written(job: Job, file: Path, ways: set[int] | None) -> Path:
    import osmium
    from osmium.osm import NODE, WAY

    needed: set[int] = set()
    way: Any  # the processor gives whatever it was asked for, and its type says only that it is something
    for way in osmium.FileProcessor(job.graph, WAY):
        if ways is None or way.id in ways:
            needed.update(node.ref for node in way.nodes)
    entity: Any
    with osmium.SimpleWriter(str(file)) as writer:
        for entity in osmium.FileProcessor(job.graph, NODE | WAY):
            if entity.id in needed if entity.is_node() else ways is None or entity.id in ways:
                writer.add(entity)
    return file


def osmnx_load(job: Job, which: str) -> dict[str, Any]:
    """Milliseconds of osmnx.graph_from_xml, and what it made of it. {"refused": why} where it cannot read the file."""
    import osmnx

    file, told = job.place / f"{which}.osm", dict[str, Any]()

    def read() -> None:
        graph = osmnx.graph_from_xml(file, simplify=False)
        told["nodes"], told["edges"] = len(graph), graph.number_of_edges()

    try:
        return {"ms": once_ms(read)} | told
    except Exception as refused:  # noqa: BLE001 - whatever it is, it is osmnx's, and is reported as its
        return {"refused": repr(refused)[:200]}


def osmnx_snap(job: Job, fixes: int = 5) -> dict[str, Any]:
    """Milliseconds per osmnx.nearest_edges call on the same network, as networkx has it, unprojected."""
    import osmnx

    roadmap = job.roads()
    free, _ = job.questions(roadmap)
    graph = roadmap.graph
    places = fixes_drawn(roadmap, free.usable, job.seed, fixes)
    told: list[float] = []
    end_s = time.perf_counter() + 5 * job.budget_s
    for place in places:
        told.append(once_ms(lambda place=place: osmnx.nearest_edges(graph, place.lon, place.lat)))
        if time.perf_counter() > end_s:
            break
    return {"G": told}
