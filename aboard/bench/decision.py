"""`aboard bench decision`: how fast the destination is decided, decided again when the roads change, and held.

one_decision     60 hospitals by road and by 200 landing sites x 5 aircraft, from the scene to the answer with every
                 reason and counterfactual, written as the log keeps it; another scene and another second each time.
                 Goal: p50 <= 5 ms, p99 <= 20 ms. Peer: the road engine's own calls, each asked for alone (one table,
                 one path per drive that is told). Beside it what of it is timing the ways, what is deciding on them,
                 what is writing it, and the processor's time, which a busy machine bends less than the clock.
redecided        100 cases after a closure, from the fact to the last answer written, in seconds. Goal: <= 1 s.
distribution_*   100 casualties over 40 hospitals with 30 ambulances, several cases: seconds to the first plan (goal
                 <= 0.5) and to the whole answer (<= 5), how far from the proven best at most (<= 1 %), the loss beside
                 that of nearest, round robin and red first on the same case (never more than any of them).
last_bay_*       rounds in which 50 casualties of two hubs, which are processes of their own and share one store of
                 holds, are sent to the last bay at one moment: until every loser has its next plan in the answer.
                 Goal: <= 2 s; no bay held twice; no loser without a plan.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from aboard.bench.decision_distribution import bench_distribution
from aboard.bench.decision_holds import bench_holds
from aboard.bench.decision_world import City, city_of
from aboard.bench.figures import Case, ours_of
from aboard.rest import begin
from casebook.events import Decision
from routing.roads import load_roads

CASES, AGAIN, CHANGES = 200, 100, 3
ROUNDS, QUICK_ROUNDS = 1000, 20
SHARED, QUICK_SHARED = 7, 2  # cases of many casualties


def bench_decision(
    graph: Path, seed: int, *, postgres: str = "", quick: bool = False, rounds: int = 0,
    said: Callable[[str], None] = lambda part: None,
) -> list[Case]:  # fmt: skip
    """All cases. `postgres` as in bench_holds; `rounds` for the last bay, 0: as many as `quick` says."""
    said("city")
    city = city_of(load_roads(graph), seed, CASES)
    city.decide(city.cases[-1])  # prepares doors and roads and is not counted
    with collector_as_in_the_hub():
        said("one_decision")
        # Also of a quick run all: the first twenty prepare what lies beyond the portals for the rest.
        cases = _decided(city, city.cases)
        said("redecided")
        wall_s, cpu_s = _again(city, 1 if quick else CHANGES)
    cases.append(Case("redecided", "s", ours_of(wall_s), goal={"p99": 1.0}))
    cases.append(Case("redecided_cpu", "s", ours_of(cpu_s)))
    said("distribution")
    cases += bench_distribution(range(seed, seed + (QUICK_SHARED if quick else SHARED)))
    return cases + bench_holds(rounds or (QUICK_ROUNDS if quick else ROUNDS), postgres, said)


@contextmanager
def collector_as_in_the_hub() -> Iterator[None]:
    """Python's memory collector set as a hub sets it; as it was afterwards."""
    before = gc.get_threshold()
    begin()
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


def _decided(city: City, ids: Sequence[str]) -> list[Case]:
    whole_ms, ways_ms, deciding_ms, writing_ms, cpu_ms = [], [], [], [], []
    decided: dict[str, Decision] = {}
    for number, id in enumerate(ids):
        now = city.later(number)
        began_s, cpu_s = time.perf_counter(), time.process_time()
        timed = now.ways(id)
        timed_s = time.perf_counter()
        decided[id] = now.decide(id, timed)
        decided_s = time.perf_counter()
        now.recorded(id, decided[id])
        end_s = time.perf_counter()
        cpu_ms.append(1000 * (time.process_time() - cpu_s))
        ways_ms.append(1000 * (timed_s - began_s))
        deciding_ms.append(1000 * (decided_s - timed_s))
        writing_ms.append(1000 * (end_s - decided_s))
        whole_ms.append(1000 * (end_s - began_s))
    native_ms = median(1000 * span_s for span_s in city.native_s(decided))
    return [
        Case("one_decision", "ms", ours_of(whole_ms), {"native_alone": native_ms}, {"p50": 5.0, "p99": 20.0}),
        Case("one_decision_cpu", "ms", ours_of(cpu_ms)),
        Case("timing_ways", "ms", ours_of(ways_ms)),
        Case("deciding", "ms", ours_of(deciding_ms)),
        Case("writing", "ms", ours_of(writing_ms)),
    ]


def _again(city: City, changes: int) -> tuple[list[float], list[float]]:
    """Seconds for 100 cases after a closure, each in place of the one before; by the clock, and of the processor."""
    wall_s, cpu_s = list[float](), list[float]()
    for number in range(changes):
        began_s, began_cpu_s = time.perf_counter(), time.process_time()
        changed = city.closed(number)
        for case, decision in zip(city.cases, changed.decide_all(city.cases[:AGAIN]), strict=False):
            changed.recorded(case, decision)
        wall_s.append(time.perf_counter() - began_s)
        cpu_s.append(time.process_time() - began_cpu_s)
    return wall_s, cpu_s
