"""`aboard bench decision`: how fast the destination is decided, decided again when the roads change, and held.

one_decision     60 hospitals by road and by 200 landing sites x 5 aircraft, from the scene to the recorded answer with
                 every reason and counterfactual; another scene each time. Goal: p50 <= 5 ms, p99 <= 20 ms.
                 Beside it what of it is timing the ways, and what is deciding on them.
redecided        100 cases after a closure, from the fact to the last answer, in seconds. Goal: <= 1 s.
last_bay_*       rounds in which 50 cases, of two processes, ask for the last bay at one moment: until every loser has
                 its next plan. Goal: <= 2 s; no bay held twice; no loser without a plan.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from aboard.bench.decision_holds import measure_holds
from aboard.bench.decision_world import City, city_of
from aboard.bench.figures import Case, once, ours_of
from routing.roads import load_roads

CASES, AGAIN, CHANGES = 200, 100, 3
ROUNDS, QUICK_ROUNDS = 1000, 20


def bench_decision(
    graph: Path, seed: int, *, postgres: str = "", quick: bool = False, said: Callable[[str], None] = lambda part: None
) -> list[Case]:
    """All cases. `postgres`: URL of a server to hold bays in; without it that case says that it was not measured."""
    said("city")
    city = city_of(load_roads(graph), seed, CASES)
    some = city.cases[: 20 if quick else CASES]
    said("one_decision")
    cases = _decided(city, some)
    said("redecided")
    cases.append(Case("redecided", "s", ours_of(_again(city, 1 if quick else CHANGES)), goal={"p99": 1.0}))
    rounds = QUICK_ROUNDS if quick else ROUNDS
    with tempfile.TemporaryDirectory(prefix="aboard-bench-") as folder:
        stores = {"sqlite": f"sqlite:///{Path(folder) / 'holds.sqlite'}", "postgres": postgres}
        for name, url in stores.items():
            said(f"last_bay_{name}")
            cases += _held(name, city, url, rounds)
    return cases


def _decided(city: City, ids: Sequence[str]) -> list[Case]:
    """The first decision of a city prepares doors and roads and is not counted."""
    city.decide(city.cases[-1])
    whole_ms, ways_ms, deciding_ms = [], [], []
    for id in ids:
        began_s = time.perf_counter()
        timed = city.ways(id)
        between_s = time.perf_counter()
        city.decide(id, timed)
        end_s = time.perf_counter()
        ways_ms.append(1000 * (between_s - began_s))
        deciding_ms.append(1000 * (end_s - between_s))
        whole_ms.append(1000 * (end_s - began_s))
    return [
        Case("one_decision", "ms", ours_of(whole_ms), goal={"p50": 5.0, "p99": 20.0}),
        Case("timing_ways", "ms", ours_of(ways_ms)),
        Case("deciding", "ms", ours_of(deciding_ms)),
    ]


def _again(city: City, changes: int) -> list[float]:
    """Seconds for 100 cases after each of some closures, one upon the other replaced."""
    told: list[float] = []
    for number in range(changes):
        began_s = time.perf_counter()
        changed = city.closed(number)
        for id in city.cases[:AGAIN]:
            changed.decide(id)
        told.append(time.perf_counter() - began_s)
    return told


def _held(name: str, city: City, url: str, rounds: int) -> list[Case]:
    names = (f"last_bay_{name}", f"held_twice_{name}", f"losers_without_plan_{name}")
    if not url:
        return [Case(names[0], "ms", ours_of([]))]
    told = measure_holds(city, url, rounds)
    return [
        Case(names[0], "ms", ours_of(told.round_ms), goal={"p99": 2000.0}),
        Case(names[1], "holds", once(told.twice), goal={"p99": 0.0}),
        Case(names[2], "cases", once(told.without_plan), goal={"p99": 0.0}),
    ]
