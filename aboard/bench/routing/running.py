"""Run every part of the routing benchmark, one process after the other, and gather what they measured.

The gate goes first: where one answer differs from networkx's, no time is told. Peers beyond networkx and scipy are
the user's to install; the product never imports them.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from aboard.bench.figures import LOAD_MAX, is_loaded
from aboard.bench.machine import load_now, look
from aboard.bench.play import BenchFailed
from aboard.bench.routing import peer_osrm, peer_valhalla
from aboard.bench.routing.child import in_a_child
from aboard.bench.routing.goals import agreed, races_of
from aboard.bench.routing.job import QUICK_S, TURMOIL_QUICK_S, Job
from aboard.bench.routing.races import Meeting
from casebook.errors import RefusedInput

ALWAYS = ("networkx", "scipy")
KNOWN = (*ALWAYS, "igraph", "osrm", "valhalla")
OPTIONAL = ("igraph", "osrm", "valhalla", "osmnx_whole", "osmnx_our_ways", "osmnx_snap")  # not ours to mend
STARTS = 3
WHEELS = {"osrm": "osrm_bindings", "valhalla": "pyvalhalla"}
PACKAGES = ("numpy", "networkx", "scipy", "pyroutingkit", "osmnx", "igraph")


class GateFailed(BenchFailed):
    """The router's answers differ from the truth: nothing was timed. `wrong` says the first that do."""

    key = "bench_gate"


def bench_routing(
    graph: Path,
    peers: Sequence[str] = KNOWN,
    seed: int = 7,
    *,
    busy: bool = False,
    quick: bool = False,
    osrm_dir: Path | None = None,
    valhalla_dir: Path | None = None,
    told: Callable[[str], None] = lambda part: None,
) -> Meeting:
    """Measure all cases on one map; `told` hears which part begins.

    Raises RefusedInput `bench_busy` on a machine that others use (`busy` measures all the same and claims nothing),
    `bench_peer` for an unknown peer, or what `load_roads` raises; GateFailed; BenchFailed when a process dies.
    """
    machine = look()
    if is_loaded(machine["load_before"]) and not busy:
        load = "?" if machine["load_before"] is None else f"{machine['load_before']:.2f}"
        raise RefusedInput("bench_busy", load=load, most=f"{LOAD_MAX:g}")
    unpacked = {"osrm": osrm_dir, "valhalla": valhalla_dir}
    wanted, missing = sorted_out(peers, unpacked)
    with tempfile.TemporaryDirectory(prefix="aboard-bench-") as folder:
        job = Job(str(graph.resolve()), folder, seed, _resolved(osrm_dir), _resolved(valhalla_dir))
        job = replace(job, budget_s=QUICK_S, turmoil_s=TURMOIL_QUICK_S) if quick else job
        roads = _roads(job)
        parts, broken = _measured(job, wanted, told)
    gate = parts.pop("gate")
    return Meeting(
        roads=roads,
        seed=seed,
        machine=machine | {"load_after": load_now()},
        versions=versions({peer: place for peer, place in unpacked.items() if peer in wanted}),
        gate=gate,
        races=races_of(parts, roads["nodes"]),
        missing=missing,
        broken=broken,
        resident_mb={name: part["resident_mb"] for name, part in parts.items() if "resident_mb" in part},
        agreed=agreed(parts),
    )


def _resolved(folder: Path | None) -> str | None:
    return None if folder is None else str(folder.resolve())


def sorted_out(peers: Sequence[str], unpacked: Mapping[str, Path | None]) -> tuple[list[str], list[str]]:
    """Which peers take part, and which of those asked for are not there. Raises RefusedInput for an unknown one."""
    unknown = [peer for peer in peers if peer not in KNOWN]
    if unknown:
        raise RefusedInput("bench_peer", peer=", ".join(unknown), known=", ".join(KNOWN))
    there = {
        "igraph": importlib.util.find_spec("igraph") is not None,
        "osrm": (osrm := unpacked.get("osrm")) is not None and peer_osrm.find_tools(osrm) is not None,
        "valhalla": (place := unpacked.get("valhalla")) is not None and peer_valhalla.find_tools(place) is not None,
    }
    asked = [peer for peer in KNOWN if peer in peers or peer in ALWAYS]
    return [peer for peer in asked if there.get(peer, True)], [peer for peer in asked if not there.get(peer, True)]


def _roads(job: Job) -> dict[str, Any]:
    """Opens the map, so that the cache is filled, and says which it is."""
    roadmap = job.roads()
    turns = len(roadmap.network.turn_start) - 1
    facts = {"name": roadmap.name, "digest": roadmap.digest, "nodes": roadmap.network.nodes}
    return facts | {"arcs": roadmap.network.arcs, "forbidden_turns": turns, "attribution": roadmap.attribution}


def _measured(
    job: Job, peers: Sequence[str], told: Callable[[str], None]
) -> tuple[dict[str, dict[str, Any]], dict[str, str]]:
    """What each part measured, and why a peer that is not ours to mend measured nothing."""
    parts: dict[str, dict[str, Any]] = {}
    broken: dict[str, str] = {}

    def run(word: str) -> None:
        told(word)
        try:
            parts[word] = in_a_child(word, job)
        except BenchFailed as failed:
            if word not in OPTIONAL:
                raise
            broken[word] = failed.said("en")

    run("gate")
    if parts["gate"]["mismatches"]:
        raise GateFailed(count=parts["gate"]["mismatches"], pairs=parts["gate"]["pairs"], wrong=parts["gate"]["wrong"])
    for word in ("ours", *peers, "meetings", "osmnx_snap", "turmoil"):
        run(word)
    told("start_from_cache")
    parts["start_from_cache"] = {"runs": [in_a_child("start_from_cache", job) for _ in range(STARTS)]}
    run("first_load")
    run("order_once")
    if len(in_a_child("write_for_osmnx", job)) > 2:  # a road file that osmnx can read when written as XML
        run("osmnx_whole")
        run("osmnx_our_ways")
    return parts, broken


def versions(unpacked: Mapping[str, Path | None]) -> dict[str, str]:
    """Of every package that took part and is installed; of OSRM and Valhalla from where their wheels were unpacked."""
    found: dict[str, str] = {}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    for peer, folder in unpacked.items():
        for told in sorted(folder.glob(f"{WHEELS[peer]}-*.dist-info")) if folder else ():
            found[peer] = told.name.removeprefix(f"{WHEELS[peer]}-").removesuffix(".dist-info")
    return found
