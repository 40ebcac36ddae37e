"""`aboard bench decision`: a small town stands for the city; the last bay goes to one, and every loser has a plan."""

from __future__ import annotations

import gc
import gzip
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from aboard.bench.decision import bench_decision, collector_as_in_the_hub
from aboard.bench.decision_distribution import cases_of, drawn, share_out
from aboard.bench.decision_holds import Round, Rounds, measure_holds, refuse_other_stories, together
from aboard.bench.decision_hubs import Answered
from aboard.bench.decision_world import City, city_of
from aboard.bench.play import BenchFailed
from routing.roads import Roadmap, load_roads

SIDE, STEP_DEG = 20, 0.01  # streets each way, a kilometre apart


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A chessboard of streets as the DIMACS challenge writes road maps."""
    folder = tmp_path_factory.mktemp("town")
    nodes = [(row, column) for row in range(SIDE) for column in range(SIDE)]
    number = {node: n for n, node in enumerate(nodes, start=1)}
    arcs = [
        (number[a], number[b])
        for a in nodes
        for b in ((a[0], a[1] + 1), (a[0] + 1, a[1]), (a[0], a[1] - 1), (a[0] - 1, a[1]))
        if b in number
    ]
    places = [
        f"v {number[row, column]} {round((-74 + column * STEP_DEG) * 1e6)} {round((40.7 + row * STEP_DEG) * 1e6)}"
        for row, column in nodes
    ]
    with gzip.open(folder / "town.co.gz", "wt") as file:
        file.write("\n".join([f"p aux sp co {len(nodes)}", *places, ""]))
    lines = [f"a {tail} {head} {900 + (7 * tail + 13 * head) % 500}" for tail, head in arcs]
    with gzip.open(folder / "town.traveltime.gr.gz", "wt") as file:
        file.write("\n".join([f"p sp {len(nodes)} {len(arcs)}", *lines, ""]))
    return folder / "town.traveltime.gr.gz"


@pytest.fixture(scope="module")
def roads(graph: Path) -> Roadmap:
    return load_roads(graph, cache=graph.parent)


@pytest.fixture(scope="module")
def city(roads: Roadmap) -> City:
    return city_of(roads, 7, 60)


def test_the_same_map_and_seed_give_the_same_decisions(roads: Roadmap, city: City):
    again = city_of(roads, 7, 60)
    assert [city.decide(id) for id in city.cases[:3]] == [again.decide(id) for id in again.cases[:3]]
    assert city_of(roads, 8, 60).decide("case0") != city.decide("case0")


def test_every_hospital_is_asked_by_road_and_by_rendezvous(city: City):
    ways = city.ways("case0").ways
    assert len({way.hospital for way in ways}) == 60
    assert sum(way.mode == "rendezvous" and way.eta_s is not None for way in ways) == 60


def test_the_road_engine_alone_is_asked_for_what_a_decision_tells(city: City):
    decided = {case: city.decide(case) for case in city.cases[:3]}
    took_s = city.native_s(decided)
    assert len(took_s) == 3 and all(span_s > 0 for span_s in took_s)


def test_the_collector_is_as_before_when_the_measuring_is_over():
    before = gc.get_threshold()
    with collector_as_in_the_hub():
        assert gc.get_threshold() != before and gc.get_freeze_count()
    assert gc.get_threshold() == before and not gc.get_freeze_count()


def test_a_closure_changes_the_roads_that_a_decision_stands_on(city: City):
    assert city.closed(0).decide("case0").traffic_version != city.decide("case0").traffic_version


@pytest.mark.sockets
def test_the_last_bay_goes_to_one_of_two_hubs_and_every_loser_has_a_plan_in_the_answer(tmp_path: Path):
    told = measure_holds(f"sqlite:///{tmp_path / 'holds.sqlite'}", 4, cases=8)
    assert (told.twice, told.without_plan, len(told.round_ms)) == (0, 0, 4)


@pytest.mark.sockets
def test_the_same_on_postgresql(postgres_url: str):
    told = measure_holds(postgres_url, 4, cases=8)
    assert (told.twice, told.without_plan, len(told.round_ms)) == (0, 0, 4)


def won(hospital: str = "city") -> Answered:
    return 200, {"option": {"hospital": hospital}}


def lost(next_hospital: str | None = "mill", error: str = "already_held") -> Answered:
    following = {"hospital": next_hospital, "eta_s": 600.0} if next_hospital else None
    return 409, {"error": error, "facts": {"hospital": "city"}, "next": following}


def a_round(*answers: Answered, holders: tuple[str, ...] = ("north/a",), took_ms: float = 1.0) -> Round:
    return Round("city", took_ms, {("north", str(n)): answer for n, answer in enumerate(answers)}, holders)


def test_two_holders_of_one_bay_and_a_loser_left_alone_are_counted():
    rounds = [
        a_round(won(), lost(), took_ms=1500.0),
        a_round(won(), won(), lost(), took_ms=500.0),  # two were told yes
        a_round(won(), lost(), holders=("north/a", "south/b"), took_ms=2.0),  # the store has two
        a_round(won(), lost(None), lost("city"), took_ms=3.0),  # no plan; what was lost as the plan
    ]
    assert together(rounds) == Rounds([1500.0, 500.0, 2.0, 3.0], twice=2, without_plan=2)


@pytest.mark.parametrize(
    "answers", [(lost(), lost()), (won("mill"), lost()), (won(), lost(error="override_needs_reason"))]
)
def test_a_round_that_was_about_something_else_counts_for_nothing(answers: tuple[Answered, ...]):
    with pytest.raises(BenchFailed):
        refuse_other_stories(a_round(*answers))


def test_a_case_of_many_casualties_is_shared_out_near_the_best_and_below_every_simple_rule():
    shared = share_out(drawn(7, casualties=20, hospitals=8, ambulances=6), 7)
    assert shared.first.totals.casualties == shared.whole.totals.casualties == 20
    assert shared.whole.outcome.loss <= shared.first.outcome.loss and shared.whole.proof.gap <= 0.01
    assert set(shared.shares) == {"nearest", "round_robin", "red_first"}
    assert max(shared.shares.values()) <= 1.0
    again = share_out(drawn(7, casualties=20, hospitals=8, ambulances=6), 7)
    assert again.whole == shared.whole and drawn(8) != drawn(7)
    assert [len(drawn(7)[what]) for what in ("casualties", "hospitals", "vehicles")] == [100, 40, 30]


def test_the_figures_of_many_cases_tell_the_least_the_middle_and_the_worst():
    one = share_out(drawn(7, casualties=12, hospitals=5, ambulances=4), 7)
    cut = msgspec.structs.replace(one.whole, proof=msgspec.structs.replace(one.whole.proof, gap=0.02, hurried=True))
    told = {case.name: case for case in cases_of([replace(one, whole_s=3.0), replace(one, whole_s=9.0, whole=cut)])}
    assert told["distribution_whole_least"].ours.p50 == 3.0 and told["distribution_whole"].ours.p99 == 9.0
    assert told["distribution_gap"].ours.p99 == 2.0 and told["distribution_gap"].met(loaded=False) is False
    assert told["distribution_hurried"].ours.p50 == 1
    assert told["distribution_loss"].ratios["nearest"] <= 1.0


@pytest.mark.sockets
def test_what_was_not_measured_says_so(graph: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("ABOARD_CACHE", str(tmp_path))
    monkeypatch.setattr("aboard.bench.decision.CASES", 20)
    monkeypatch.setattr("aboard.bench.decision.AGAIN", 3)
    monkeypatch.setattr("aboard.bench.decision.QUICK_SHARED", 1)
    monkeypatch.setattr("aboard.bench.decision_holds.find_postgres", lambda: None)
    cases = {case.name: case for case in bench_decision(graph, 7, quick=True, rounds=1)}
    assert cases["one_decision"].goal == {"p50": 5.0, "p99": 20.0} and cases["one_decision"].ours.n == 20
    assert cases["last_bay_postgres"].ours.p50 is None and not cases["last_bay_postgres"].goal
    assert cases["held_twice_sqlite"].ours.p50 == 0
    assert cases["distribution_gap"].ours.n == 1
