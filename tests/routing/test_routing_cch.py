"""The hierarchy: its order on disk, its metrics under threads and changes, and the machine that has no wheel for it."""

from __future__ import annotations

import logging
import random
import shutil
import subprocess
import sys
import threading
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from paper_towns import AT, roadmap_of
from paper_turns import walk, with_turns

from routing.costs import costs_for
from routing.engine import ABSENT_MS, ENGINES, UNREACHED, open_engine
from routing.ground import Stops, table
from routing.profiles import AMBULANCE, AMBULANCE_SIREN, CAR
from routing.roads import Roadmap
from routing.roads.roadmap import Roadmap as RoadmapClass
from routing.topology import build_topology, topology_of
from routing.traffic import FREE_FLOW, Closure, Stretch, Traffic

pytestmark = pytest.mark.skipif("cch" not in ENGINES, reason="no wheel of pyroutingkit for this machine")

SIDE = 12
GRID = {n: (31 + 0.01 * (n // SIDE), 121 + 0.01 * (n % SIDE)) for n in range(SIDE * SIDE)}
STREETS = [(n, n + 1) for n in GRID if n % SIDE < SIDE - 1] + [(n, n + SIDE) for n in GRID if n // SIDE < SIDE - 1]


@pytest.fixture
def grid() -> Roadmap:
    return roadmap_of(GRID, [ends for u, v in STREETS for ends in ((u, v, None), (v, u, None))])


def fresh(roads: Roadmap) -> RoadmapClass:
    """The same roads, as if opened again: nothing of the first one's is kept for it."""
    return RoadmapClass(roads.network, roads.report, name=roads.name, digest=roads.digest, attribution="")


def weights_of(roads: Roadmap, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(1, 10_000, roads.network.arcs)


class Counting:
    """A native metric that counts what is asked of it."""

    def __init__(self, order) -> None:
        from pyroutingkit import CCHMetric

        self._native, self.whole, self.partial = CCHMetric(order), 0, 0
        Counting.made.append(self)

    made: list[Counting]

    def customize(self, weights, threads) -> None:
        assert threads == 1  # more spin on a busy machine
        self.whole += 1
        self._native.customize(weights, threads)

    def update_weights(self, rows, weights) -> None:
        self.partial += 1
        self._native.update_weights(rows, weights)

    def __getattr__(self, name: str):
        return getattr(self._native, name)


@pytest.fixture
def native(monkeypatch: pytest.MonkeyPatch) -> list[Counting]:
    Counting.made = []
    monkeypatch.setattr("routing.engine.metrics.CCHMetric", Counting)
    return Counting.made


# The order on disk.


@pytest.fixture
def kept(grid: Roadmap, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Opens the order of the grid through a cache folder of its own."""
    from routing.engine import hierarchy

    monkeypatch.setattr(hierarchy, "SMALL", 0)
    return lambda: order(grid, tmp_path)


def order(roads: Roadmap, folder: Path):
    from routing.engine.hierarchy import BothWays, order_of

    topology = build_topology(roads.network)
    return order_of(topology, BothWays.of(topology), folder).native


def computed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    from routing.engine import hierarchy

    count: list[int] = []
    compute = hierarchy._compute
    monkeypatch.setattr(hierarchy, "_compute", lambda *of: (count.append(1), compute(*of))[1])
    return count


def test_the_order_is_computed_once_and_read_the_next_time(kept, monkeypatch: pytest.MonkeyPatch):
    count = computed(monkeypatch)
    assert kept().node_count == kept().node_count == SIDE * SIDE
    assert len(count) == 1


@pytest.mark.parametrize("damage", ["cut", "gone", "flipped", "no checks", "other checks"])
def test_a_damaged_order_is_computed_anew_and_said(damage: str, kept, tmp_path: Path, monkeypatch, caplog):
    kept()
    (folder,) = (tmp_path / "orders").iterdir()
    file = folder / "order"
    bytes_ = file.read_bytes()
    if damage == "cut":
        file.write_bytes(bytes_[: len(bytes_) // 2])
    elif damage == "gone":
        file.unlink()
    elif damage == "flipped":
        file.write_bytes(bytes([bytes_[0] ^ 0xFF]) + bytes_[1:])
    else:
        checks = folder / "checks.json"
        checks.unlink() if damage == "no checks" else checks.write_text("{}", encoding="utf-8")
    count = computed(monkeypatch)
    with caplog.at_level(logging.WARNING):
        assert kept().node_count == SIDE * SIDE
    assert len(count) == 1
    assert "damaged" in caplog.text
    kept()
    assert len(count) == 1  # the damaged one was replaced


def test_an_order_that_cannot_be_written_serves_all_the_same(kept, tmp_path: Path, caplog):
    (tmp_path / "orders").write_text("a file where the folder should be", encoding="utf-8")
    with caplog.at_level(logging.WARNING):
        assert kept().node_count == SIDE * SIDE
    assert "could not be written" in caplog.text


def test_other_arcs_have_another_order(kept, grid: Roadmap, tmp_path: Path):
    kept()
    fewer = roadmap_of(GRID, [ends for u, v in STREETS[1:] for ends in ((u, v, None), (v, u, None))])
    order(fewer, tmp_path)
    assert len(list((tmp_path / "orders").iterdir())) == 2
    shutil.rmtree(tmp_path / "orders")


# Metrics: few changes in place, many on a spare, and never an answer on other weights.


def test_few_changed_arcs_are_updated_in_place_and_many_are_customised_whole(grid: Roadmap, native: list[Counting]):
    weights = weights_of(grid, 1)
    engine = open_engine(grid, weights, "cch")
    engine.times_ms([0], [5])
    one = weights.copy()
    one[7] = ABSENT_MS
    engine.changed(np.array([7]), one).times_ms([0], [5])
    assert [(metric.whole, metric.partial) for metric in native] == [(1, 1)]
    open_engine(grid, weights_of(grid, 2), "cch").times_ms([0], [5])
    assert [(metric.whole, metric.partial) for metric in native] == [(1, 1), (1, 0)]


def test_what_changed_is_found_wherever_it_lies_and_no_more_than_a_few(
    grid: Roadmap, native: list[Counting], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("routing.engine.metrics.BLOCK", 16)  # so that a small town's arcs fill many blocks
    weights = weights_of(grid, 1)
    few = len(topology_of(grid).pair_tail) // 240
    assert few == 2
    first, last = 0, len(weights) - 1
    changes = [[first], [last], [first, last], [first, len(weights) // 2, last]]
    for number, rows in enumerate(changes, 1):
        engine = open_engine(fresh(grid), weights, "cch")
        engine.times_ms([0], [5])
        other = weights.copy()
        other[rows] += 3
        nodes = list(range(grid.network.nodes))
        truth = open_engine(grid, other, "scipy").times_ms(nodes, nodes)
        assert np.array_equal(engine.changed(np.array(rows), other).times_ms(nodes, nodes), truth), number
    assert [(metric.whole, metric.partial) for metric in native] == [(1, 1), (1, 1), (1, 1), (1, 0), (1, 0)]


def test_what_was_made_from_another_is_not_compared_with_it(
    grid: Roadmap, native: list[Counting], monkeypatch: pytest.MonkeyPatch
):
    weights = weights_of(grid, 1)
    free = open_engine(grid, weights, "cch")
    free.times_ms([0], [5])
    shut = weights.copy()
    shut[[7, 40]] = ABSENT_MS
    closed = free.changed(np.array([7, 40]), shut)
    nodes = list(range(grid.network.nodes))
    truth = [open_engine(grid, some, "scipy").times_ms(nodes, nodes) for some in (shut, weights)]
    with monkeypatch.context() as watched:
        watched.delattr("routing.engine.metrics._changed")
        for _ in range(3):  # closed and opened again and again
            assert np.array_equal(closed.times_ms(nodes, nodes), truth[0])
            assert np.array_equal(free.times_ms(nodes, nodes), truth[1])
    assert [(metric.whole, metric.partial) for metric in native] == [(1, 6)]


def test_two_vehicles_asked_in_turn_are_customised_once_each(grid: Roadmap, native: list[Counting]):
    for _ in range(20):
        for profile in (CAR, AMBULANCE_SIREN):
            costs_for(grid, profile=profile).engine.times_ms([0], [5])
    assert [(metric.whole, metric.partial) for metric in native] == [(1, 0), (1, 0)]


def test_what_if_for_each_closure_in_turn_costs_partial_updates_only(grid: Roadmap, native: list[Counting]):
    places = [grid_place(n) for n in (0, 17, 80, SIDE * SIDE - 1)]
    closures = [closure(grid, arc) for arc in (4, 40, 99, 200, 300)]
    for _ in range(2):
        for left_out in closures:
            traffic = Traffic(1, tuple(one for one in closures if one is not left_out))
            ask = {"profile": CAR, "traffic": traffic, "at": AT}
            assert table(grid, places, places, **ask) == table(grid, places, places, engine="scipy", **ask)
    assert sum(metric.whole for metric in native) == 1


def test_weights_that_always_find_their_metric_taken_get_one_of_their_own(grid: Roadmap, native: list[Counting]):
    weights = weights_of(grid, 1)
    one = weights.copy()
    one[7] = 1
    a = open_engine(grid, weights, "cch")
    b = a.changed(np.array([7]), one)
    for _ in range(30):
        a.times_ms([0], [5])
        b.times_ms([0], [5])
    assert len(native) == 2
    done = [(metric.whole, metric.partial) for metric in native]
    for _ in range(10):
        a.times_ms([0], [5])
        b.times_ms([0], [5])
    assert [(metric.whole, metric.partial) for metric in native] == done


def test_more_sets_of_weights_than_metrics_still_answer_each_on_its_own(grid: Roadmap, native: list[Counting]):
    from routing.engine.metrics import METRICS

    sets = [weights_of(grid, seed) for seed in range(METRICS + 3)]
    engines = [open_engine(grid, weights, "cch") for weights in sets]
    truth = [open_engine(grid, weights, "scipy").times_ms([0, 9], [5, 60]).tolist() for weights in sets]
    for _ in range(2):
        assert [engine.times_ms([0, 9], [5, 60]).tolist() for engine in engines] == truth
    assert len(native) == METRICS


@pytest.mark.parametrize("turns", [False, True])
def test_a_lopsided_table_is_asked_turned_round_and_says_the_same(grid: Roadmap, native: list[Counting], turns: bool):
    chance = random.Random(8)
    oneway = roadmap_of(
        GRID, [(u, v, None) for u, v in STREETS] + [(v, u, None) for u, v in STREETS if chance.random() < 0.8]
    )
    if turns:
        oneway = with_turns(oneway, [(walk(oneway.network, chance, 3), 0) for _ in range(40)])
    weights = weights_of(oneway, 5)
    weights[::9] = ABSENT_MS
    sources, targets = list(range(oneway.network.nodes)) * 20, list(range(9))
    engine, truth = (open_engine(oneway, weights, name) for name in ("cch", "scipy"))
    assert np.array_equal(engine.times_ms(sources, targets), truth.times_ms(sources, targets))
    assert engine.times_ms(sources[:9], targets).tolist() == truth.times_ms(sources[:9], targets).tolist()
    assert len(native) == 2  # one there, one turned round
    weights[1::9] += 7
    rows = np.arange(len(weights))[1::9]
    again, truth = engine.changed(rows, weights.copy()), open_engine(oneway, weights, "scipy")
    assert np.array_equal(again.times_ms(sources, targets), truth.times_ms(sources, targets))


def test_a_change_of_the_callers_array_does_not_reach_the_metric(grid: Roadmap):
    weights = weights_of(grid, 3)
    engine = open_engine(grid, weights, "cch")
    before = engine.times_ms([0], [5, 60]).tolist()
    weights[:] = 1
    assert engine.times_ms([0], [5, 60]).tolist() == before


# Threads: the native library ends the process when two share a metric.


def grid_place(node: int):
    from casebook.place import Place

    return Place(*GRID[node])


def closure(roads: Roadmap, arc: int) -> Closure:
    return Closure(f"c{arc}", Stretch(edges=frozenset({roads.edge_of(arc)})), "works", "dispatcher", AT)


def test_four_threads_ask_while_the_traffic_changes_and_every_answer_is_one_published_version(grid: Roadmap):
    ends = Stops(grid, [grid_place(n) for n in (5, 60, 100, 143)])
    starts = [grid_place(n) for n in (0, 11, 70, 132)]
    chance = np.random.default_rng(4)
    versions = [FREE_FLOW]
    for number in range(1, 12):
        arcs = chance.choice(grid.network.arcs, 12, replace=False)
        versions.append(Traffic(number, tuple(closure(grid, int(arc)) for arc in arcs)))
    profiles = (CAR, AMBULANCE_SIREN)
    truth = {
        (profile.name, traffic.version): table(
            grid, starts, ends, profile=profile, traffic=traffic, at=AT, engine="scipy"
        )
        for profile in profiles
        for traffic in versions
    }
    roads, published, wrong, asked = fresh(grid), [FREE_FLOW], [], [0] * 4
    ends = Stops(roads, ends.places)

    def ask(me: int) -> None:
        for turn in range(150):
            traffic, profile = published[0], profiles[(turn + me) % 2]
            answer = table(roads, starts, ends, profile=profile, traffic=traffic, at=AT)
            if answer != truth[profile.name, traffic.version]:
                wrong.append((me, turn, traffic.version))
            asked[me] += 1

    threads = [threading.Thread(target=ask, args=(me,)) for me in range(4)]
    for thread in threads:
        thread.start()
    for number in range(600):
        published[0] = versions[number % len(versions)]
        costs_for(roads, profile=AMBULANCE, holding=published[0].holding(AT)).engine.times_ms([0], [1])
    for thread in threads:
        thread.join()
    assert wrong == []
    assert asked == [150] * 4


def test_no_metric_is_asked_by_two_at_once(grid: Roadmap, monkeypatch: pytest.MonkeyPatch):
    class Alone(Counting):
        """Notices a second asker while the first is inside."""

        inside: threading.Lock

        def distances_many_to_many(self, sources, targets):
            assert self.lock.acquire(blocking=False), "two threads in one metric"
            try:
                return self._native.distances_many_to_many(sources, targets)
            finally:
                self.lock.release()

        def __init__(self, order) -> None:
            super().__init__(order)
            self.lock = threading.Lock()

    Counting.made = []
    monkeypatch.setattr("routing.engine.metrics.CCHMetric", Alone)
    weights = weights_of(grid, 1)
    engine = open_engine(grid, weights, "cch")
    rows, failed = list(range(grid.network.nodes)), []

    def ask() -> None:
        try:
            for _ in range(20):
                engine.times_ms(rows, rows)
        except AssertionError as two:
            failed.append(two)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []


# The laws on real streets; every engine against the others.


@pytest.mark.parametrize("city", ["auckland", "heidelberg"])
@pytest.mark.parametrize("profile", [CAR, AMBULANCE_SIREN], ids=lambda profile: profile.name)
def test_the_hierarchy_equals_scipy_on_real_streets_before_and_after_closures(
    city: str, profile, request: pytest.FixtureRequest
):
    roads: Roadmap = request.getfixturevalue(city)
    chance = np.random.default_rng(7)
    sources, targets = (chance.integers(0, roads.network.nodes, count) for count in (8, 40))
    traffic, shut = FREE_FLOW, set()
    for _ in range(2):
        asked = {"profile": profile, "holding": traffic.holding(AT + timedelta(seconds=1))}
        quick = costs_for(roads, **asked).engine.times_ms(sources, targets)
        slow = costs_for(roads, engine="scipy", **asked).engine.times_ms(sources, targets)
        assert np.array_equal(quick, slow)
        assert np.any(quick != UNREACHED)
        path = costs_for(roads, **asked).engine.path(int(sources[1]), int(targets[1])) or []
        assert not path or costs_for(roads, **asked).likely_ms[path].sum() == slow[1, 1]
        assert not shut.intersection(path)
        shut = set(path[:: max(1, len(path) // 5)])
        traffic = Traffic(1, tuple(closure(roads, arc) for arc in shut))


def test_forbidden_turns_on_a_real_city_make_some_ways_longer_and_none_shorter(heidelberg: Roadmap):
    chance = random.Random(5)
    starts = costs_for(heidelberg, profile=CAR).engine.path(100, 40_000)
    assert starts  # turns along a way that is driven, and anywhere
    turns = [([a, b], 0) for a, b in zip(starts[::9], starts[1::9], strict=False)]
    turns += [(walk(heidelberg.network, chance, chance.choice((2, 3))), 0) for _ in range(300)]
    roads = with_turns(heidelberg, turns)
    assert topology_of(roads).has_copies
    costs = costs_for(roads, profile=CAR)
    sources, targets = [100, *(chance.randrange(roads.network.nodes) for _ in range(5))], [40_000, 7, 20_000]
    bound = costs.engine.times_ms(sources, targets)
    assert np.array_equal(bound, costs_for(roads, profile=CAR, engine="scipy").engine.times_ms(sources, targets))
    unbound = open_engine(roads, costs.likely_ms, bound=np.zeros(roads.network.turns, np.bool_))
    free = unbound.times_ms(sources, targets)
    assert np.all((bound >= free) | (bound == UNREACHED))
    assert bound[0, 0] > free[0, 0]


# A machine without the wheel.

WITHOUT = """
import sys
sys.modules["pyroutingkit"] = None  # importing it raises ImportError, as on a machine that has no wheel for it
from routing.engine import DEFAULT_ENGINE, ENGINES
assert DEFAULT_ENGINE == "scipy" and list(ENGINES) == ["scipy", "networkx"], ENGINES
from paper_towns import AT, roadmap_of
from casebook.place import Place
from routing.ground import route
from routing.profiles import CAR
roads = roadmap_of({0: (31, 121), 1: (31, 121.01)}, [(0, 1, None), (1, 0, None)])
print(route(roads, Place(31, 121), Place(31, 121.01), profile=CAR, at=AT).eta_s)
"""


def test_without_the_wheel_scipy_answers_by_itself_and_the_same():
    from casebook.place import Place
    from routing.ground import route

    here = Path(__file__).parent
    roads = roadmap_of({0: (31, 121), 1: (31, 121.01)}, [(0, 1, None), (1, 0, None)])
    told = subprocess.run(
        [sys.executable, "-c", WITHOUT], capture_output=True, text=True, cwd=here.parent.parent, check=True,
        env={"PYTHONPATH": f"{here}:{here.parent.parent}"}, timeout=120,
    )  # fmt: skip
    assert float(told.stdout) == route(roads, Place(31, 121), Place(31, 121.01), profile=CAR, at=AT).eta_s
