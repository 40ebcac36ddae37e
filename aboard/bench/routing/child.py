"""One part of the routing benchmark in a process of its own: a job as JSON on the input, what it took on the output.

A process each, because memory is counted by process, a native crash must not take the rest along, and no peer shall
find another's caches warm. The last line of the output is the answer.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from aboard.bench.play import BenchFailed
from aboard.bench.routing.job import PROFILES, Job

BOUND_S = 1800.0  # a part that takes longer is a failure


def _gate(job: Job) -> dict[str, Any]:
    from aboard.bench.routing.gate import check
    from routing.engine import ENGINES

    engines = [name for name in ENGINES if name != "networkx"]
    return check(job.roads(), PROFILES, job.seed, engines).as_view()


def _ours(job: Job) -> dict[str, Any]:
    from aboard.bench.routing.ours import measure_ours

    return measure_ours(job)


def _peer(name: str) -> Callable[[Job], dict[str, Any]]:
    def measure(job: Job) -> dict[str, Any]:
        from aboard.bench.routing import peers
        from aboard.bench.routing.paper import Paper

        return getattr(peers, f"measure_{name}")(Paper.read(job.place), job.budget_s)

    return measure


def _osrm(job: Job) -> dict[str, Any]:
    from aboard.bench.routing.paper import Paper
    from aboard.bench.routing.peer_osrm import measure_osrm

    assert job.osrm_dir is not None
    scratch = job.place / "osrm"
    scratch.mkdir()
    return measure_osrm(Paper.read(job.place), Path(job.osrm_dir), scratch, job.budget_s)


def _valhalla(job: Job) -> dict[str, Any]:
    from aboard.bench.routing.paper import Paper
    from aboard.bench.routing.peer_valhalla import measure_valhalla

    assert job.valhalla_dir is not None
    scratch = job.place / "valhalla"
    scratch.mkdir()
    return measure_valhalla(Paper.read(job.place), Path(job.valhalla_dir), scratch, job.budget_s)


def _loads(word: str, *more: str) -> Callable[[Job], dict[str, Any]]:
    def measure(job: Job) -> dict[str, Any]:
        from aboard.bench.routing import loads

        return getattr(loads, word)(job, *more)

    return measure


def _meetings(job: Job) -> dict[str, Any]:
    from aboard.bench.routing.meetings import measure_brute

    return measure_brute(job)


def _turmoil(job: Job) -> dict[str, Any]:
    from aboard.bench.routing.turmoil import measure_turmoil

    return measure_turmoil(job)


WORK: Mapping[str, Callable[[Job], dict[str, Any]]] = {
    "gate": _gate,
    "ours": _ours,
    "networkx": _peer("networkx"),
    "scipy": _peer("scipy"),
    "igraph": _peer("igraph"),
    "osrm": _osrm,
    "valhalla": _valhalla,
    "start_from_cache": _loads("start_from_cache"),
    "first_load": _loads("first_load"),
    "order_once": _loads("order_once"),
    "write_for_osmnx": _loads("write_for_osmnx"),
    "osmnx_whole": _loads("osmnx_load", "whole"),
    "osmnx_our_ways": _loads("osmnx_load", "our_ways"),
    "osmnx_snap": _loads("osmnx_snap"),
    "meetings": _meetings,
    "turmoil": _turmoil,
}


def in_a_child(word: str, job: Job) -> dict[str, Any]:
    """Do it in a process of its own. Adds `resident_mb`, its peak, and `began_s`, when it was started.

    Raises BenchFailed with the last that it said when it does not end well; a signal has a negative code.
    """
    began_s = time.monotonic()
    try:
        done = subprocess.run(
            [sys.executable, "-m", "aboard.bench.routing.child", word], input=json.dumps(job.as_facts()),
            capture_output=True, text=True, errors="replace", check=False, timeout=BOUND_S,
        )  # fmt: skip
    except subprocess.TimeoutExpired as late:
        raise BenchFailed(what=word, why=f"> {BOUND_S:g} s") from late
    if done.returncode != 0:
        raise BenchFailed(what=word, why=f"{done.returncode}: {(done.stderr + done.stdout).strip()[-600:]}")
    return json.loads(done.stdout.strip().splitlines()[-1]) | {"began_s": began_s}


def resident_mb() -> float:
    """This process's peak; Linux counts in KiB, macOS in bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1e6 if sys.platform == "darwin" else 1e6 / 1024)


if __name__ == "__main__":
    answer = WORK[sys.argv[1]](Job.read(json.load(sys.stdin)))
    sys.stdout.write(json.dumps(answer | {"resident_mb": round(resident_mb(), 1)}, allow_nan=False) + "\n")
