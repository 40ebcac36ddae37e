"""The routing benchmark on a small town: that it counts right and catches a wrong router, never how fast it is."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from aboard.bench.figures import LOAD_MAX, ours_of
from aboard.bench.play import BenchFailed
from aboard.bench.routing import peer_valhalla, running
from aboard.bench.routing.child import WORK, in_a_child
from aboard.bench.routing.days import some_closed
from aboard.bench.routing.gate import asked_in_public, check
from aboard.bench.routing.goals import GREAT, agreed, races_of
from aboard.bench.routing.job import PROFILE, PROFILES, Job
from aboard.bench.routing.paper import lightest
from aboard.bench.routing.questions import draw, fixes_drawn, is_clear, parallels
from aboard.bench.routing.races import Meeting, Race
from aboard.bench.routing.stopwatch import times_ms
from aboard.bench.routing.table import as_table, lines
from aboard.bench.routing.truth import Point, Truth
from aboard.cli import run
from casebook.errors import RefusedInput
from casebook.words import LANGUAGES
from routing.costs import costs_for
from routing.roads import Roadmap, load_roads
from routing.traffic import FREE_FLOW

SIDE = 8
SPACING_DEG = 0.004
#: (from way, via members, to way): row 4 into column 3 at their crossing; row 1 into row 7 along column 1.
TURNS = (
    (4, '<member type="node" ref="27" role="via"/>', 11),
    (1, '<member type="way" ref="9" role="via"/>', 8),
)


def town_xml() -> str:
    """A grid of streets; every third row one way, two blocks doubled by a slower and a quicker street between the same
    crossings, and two turns forbidden, one of them over a street in between."""
    lines = ['<osm version="0.6">']
    for row in range(SIDE):
        for column in range(SIDE):
            lat, lon = 31.0 + row * SPACING_DEG * (1 + 0.01 * column), 121.0 + column * SPACING_DEG * (1 + 0.02 * row)
            lines.append(f'<node id="{1 + row * SIDE + column}" version="1" lat="{lat:.7f}" lon="{lon:.7f}"/>')
    streets = [
        ([1 + row * SIDE + c for c in range(SIDE)], {"oneway": "yes"} if row % 3 == 1 else {}) for row in range(SIDE)
    ]
    streets += [([1 + row * SIDE + c for row in range(SIDE)], {}) for c in range(SIDE)]
    streets += [([1, 2], {"maxspeed": "15"}), ([10, 11], {"maxspeed": "90"})]
    for number, (nodes, more) in enumerate(streets):
        tags = {"highway": ("primary", "residential")[number % 2], "maxspeed": str(30 + 10 * (number % 4))} | more
        lines.append(f'<way id="{number + 1}" version="1">')
        lines += [f'<nd ref="{node}"/>' for node in nodes]
        lines += [f'<tag k="{key}" v="{value}"/>' for key, value in tags.items()]
        lines.append("</way>")
    for number, (from_way, via, to_way) in enumerate(TURNS):
        lines.append(f'<relation id="{number + 1}" version="1"><member type="way" ref="{from_way}" role="from"/>')
        lines.append(f'{via}<member type="way" ref="{to_way}" role="to"/><tag k="type" v="restriction"/>')
        lines.append('<tag k="restriction" v="no_left_turn"/></relation>')
    return "\n".join([*lines, "</osm>"])


@pytest.fixture(scope="module")
def town_file(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("town")
    file = folder / "town.osm"
    file.write_text(town_xml(), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ABOARD_CACHE", str(folder / "cache"))
        yield file


@pytest.fixture(scope="module")
def town(town_file: Path) -> Roadmap:
    return load_roads(town_file)


def test_the_gate_opens_for_both_back_ends_and_has_met_all_that_can_go_wrong(town: Roadmap) -> None:
    told = check(town, PROFILES, 7, ("cch", "scipy"))
    assert told.mismatches == 0 and told.wrong == []
    assert told.pairs > 2000 and told.unreachable > 0 and told.mid_edge > 0
    assert told.parallel_arcs > 0 and told.one_way_arcs > 0 and told.forbidden_turns > 0


def _late_by_one(answers: Any, **asked: Any) -> Any:
    return [[None if ms is None else ms + (ms > 60_000) for ms in row] for row in answers]


def _never_lost(answers: Any, **asked: Any) -> Any:
    return [[10**6 if ms is None else ms for ms in row] for row in answers]


@pytest.mark.parametrize("spoiled", [_late_by_one, _never_lost])
def test_the_gate_catches_a_router_that_is_wrong_now_and_then(town: Roadmap, spoiled: Callable[..., Any]) -> None:
    told = check(town, PROFILES[:1], 7, ("scipy",), lambda *asked: spoiled(asked_in_public(*asked)))
    assert told.mismatches > 0 and 1 <= len(told.wrong) <= 5


def test_the_gate_catches_a_router_that_keeps_yesterdays_closures(town: Roadmap) -> None:
    seen: list[Any] = []

    def stale(roadmap: Roadmap, sources: Any, targets: Any, profile: Any, traffic: Any, engine: str) -> Any:
        seen.append(traffic)
        kept = seen[-2] if len(seen) > 1 else traffic
        return asked_in_public(roadmap, sources, targets, profile, kept, engine)

    assert check(town, PROFILES[:1], 7, ("scipy",), stale).mismatches > 0


def test_the_gate_catches_a_router_that_drives_forbidden_turns(town: Roadmap) -> None:
    def bold(roadmap: Roadmap, sources: Any, targets: Any, profile: Any, traffic: Any, engine: str) -> Any:
        return asked_in_public(roadmap, sources, targets, replace(profile, obeys_turns=False), traffic, engine)

    assert check(town, PROFILES[:1], 7, ("scipy",), bold).mismatches > 0


def test_the_truth_follows_no_forbidden_turn_and_finds_the_way_round(town: Roadmap) -> None:
    weights = costs_for(town, profile=PROFILE, engine="scipy").likely_ms
    net = town.network
    first = int((net.tail == 0).argmax())
    corner = int(net.head[first])
    second = next(a for a in range(net.arcs) if net.tail[a] == corner and net.head[a] != 0)
    start, end = [Point(first, 0.5)], [[Point(second, 0.5)]]
    (straight,) = Truth(net, weights).times_ms(start, end)
    (round_about,) = Truth(net, weights, [(first, second)]).times_ms(start, end)
    assert straight == round(weights[first] * 0.5) + round(weights[second] * 0.5)
    assert round_about is not None and straight is not None and round_about > straight


def test_the_truth_knows_a_turn_over_three_streets_only_when_all_three_are_driven(town: Roadmap) -> None:
    weights = costs_for(town, profile=PROFILE, engine="scipy").likely_ms
    net = town.network

    def onward(arc: int) -> int:
        return next(a for a in range(net.arcs) if net.tail[a] == net.head[arc] and net.head[a] != net.tail[arc])

    first = int((net.tail == 0).argmax())
    second = onward(first)
    third = onward(second)
    turn = [(first, second, third)]
    allowed = Truth(net, weights, turn).times_ms([Point(second, 0.5)], [[Point(third, 0.5)]])
    assert allowed == Truth(net, weights).times_ms([Point(second, 0.5)], [[Point(third, 0.5)]])
    bound = Truth(net, weights, turn).times_ms([Point(first, 0.5)], [[Point(third, 0.5)]])
    free = Truth(net, weights).times_ms([Point(first, 0.5)], [[Point(third, 0.5)]])
    assert bound[0] is not None and free[0] is not None and bound[0] > free[0]


def test_the_same_map_and_seed_ask_the_same_questions_and_another_seed_others(town: Roadmap) -> None:
    usable = costs_for(town, profile=PROFILE, engine="scipy").usable
    asked = draw(town, usable, 7)
    assert asked == draw(town, usable, 7) != draw(town, usable, 8)
    assert not set(asked.hospitals) & set(asked.ambulances)
    assert all(is_clear(town, usable, node) for node in asked.hospitals)
    assert len(fixes_drawn(town, usable, 7, 5)) == 5


def test_a_closed_road_is_closed_on_all_its_strands(town: Roadmap) -> None:
    twins = parallels(town, costs_for(town, profile=PROFILE, engine="scipy").likely_ms)
    traffic = some_closed(FREE_FLOW, town, twins[:1])
    (closure,) = traffic.closures
    arcs = closure.where.arcs(town)
    net = town.network
    assert len(arcs) == 2 and len(set(zip(net.tail[arcs].tolist(), net.head[arcs].tolist(), strict=True))) == 1


def test_the_sheet_has_of_parallel_arcs_the_lightest(town: Roadmap) -> None:
    costs, net = costs_for(town, profile=PROFILE, engine="scipy"), town.network
    rows = lightest(net.tail, net.head, costs.likely_ms, costs.usable)
    best: dict[tuple[int, int], int] = {}
    for arc in range(net.arcs):
        if not costs.usable[arc]:
            continue
        ends = int(net.tail[arc]), int(net.head[arc])
        best[ends] = min(best.get(ends, 10**9), int(costs.likely_ms[arc]))
    pairs = zip(net.tail[rows].tolist(), net.head[rows].tolist(), strict=True)
    assert dict(zip(pairs, costs.likely_ms[rows].tolist(), strict=True)) == best
    assert len(rows) < net.arcs


@pytest.fixture(scope="module")
def parts(town_file: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Every part of the benchmark, in this process, as short as it can be."""
    folder = tmp_path_factory.mktemp("bench")
    job = Job(str(town_file), str(folder), seed=7, budget_s=0.02, turmoil_s=0.6)
    words = (
        "gate",
        "ours",
        "networkx",
        "scipy",
        "meetings",
        "osmnx_snap",
        "turmoil",
        "write_for_osmnx",
        "osmnx_whole",
        "order_once",
    )
    told = {word: WORK[word](job) | {"resident_mb": 1.0} for word in words}
    started = WORK["start_from_cache"](job) | {"began_s": 0.0}
    return told | {"start_from_cache": {"runs": [started]}, "first_load": {"ms": 10.0, "resident_mb": 90.0}}


def test_every_case_has_figures_and_the_peers_agree(parts: dict[str, Any]) -> None:
    races = races_of(parts, nodes=64)
    assert {race.case for race in races} == set("ABCDEFGHIJ")
    assert all(race.ours.p50 is not None for race in races)
    by_name = {race.name: race for race in races}
    assert by_name["one_to_hospitals"].peers.keys() == {"networkx", "scipy"}
    assert by_name["turmoil_wrong"].ours.p99 == 0 and by_name["turmoil_answers"].ours.p50 > 0  # type: ignore[operator]
    assert by_name["first_load"].peers.keys() == {"osmnx_whole"}
    same = agreed(parts)
    assert same.keys() == {"networkx", "scipy", "rendezvous"}
    assert all(count.split(" of ")[0] == count.split(" of ")[1] for count in same.values()), same


def test_the_result_is_one_json_object_and_a_table_in_both_languages(parts: dict[str, Any]) -> None:
    meeting = Meeting(
        roads={"name": "town", "nodes": 64, "arcs": 200, "forbidden_turns": 0, "digest": "0", "attribution": "-"},
        seed=7,
        machine={"load_before": 0.1, "cores": 2, "processor": "x", "python": "3.11"},
        versions={"networkx": "3"},
        gate=parts["gate"],
        races=races_of(parts, 64),
        missing=["igraph", "osrm", "valhalla"],
        agreed=agreed(parts),
    )
    view = json.loads(json.dumps(meeting.as_view(), allow_nan=False))
    assert view["what"] == "routing" and view["seed"] == 7 and view["machine"]["loaded"] is False
    assert view["gate"]["mismatches"] == 0 and view["missing"] == ["igraph", "osrm", "valhalla"]
    fields = {"case", "name", "unit", "ours", "peers", "gains", "parts", "at_most", "at_least", "verdicts", "met"}
    assert all(case.keys() == fields for case in view["cases"])
    for language in LANGUAGES:
        assert as_table(meeting, language).row_count == len(meeting.races)
        assert len(lines(meeting, language)) == 7


RACE = Race("A", "one_to_hospitals", "ms", ours_of([0.1, 0.2, 0.9]), {"scipy": 40.0}, {"p50": 0.25}, {"scipy": 100})


def test_a_goal_is_met_missed_or_not_measured() -> None:
    assert RACE.gains == {"scipy": 200.0} and RACE.verdicts == {"p50": True, "scipy": True}
    dear = Race("A", "x", "ms", ours_of([1.0]), {"scipy": 40.0}, {"p50": 0.25}, {"scipy": 100, "osrm": 80})
    assert dear.verdicts == {"p50": False, "scipy": False, "osrm": None}
    assert dear.met(loaded=False) is False and dear.met(loaded=True) is None and RACE.met(loaded=False) is True


def test_what_was_not_measured_meets_no_goal() -> None:
    alone = Race("A", "x", "ms", ours_of([0.1]), {}, {}, {"osrm": 80})
    assert alone.met(loaded=False) is None
    assert Race("A", "x", "ms", ours_of([]), {"scipy": 1.0}, {"p50": 1.0}).verdicts == {"p50": False}


def test_how_many_times_a_peer_takes_is_judged_on_great_maps_only(parts: dict[str, Any]) -> None:
    small, great = ({r.name: r for r in races_of(parts, nodes)} for nodes in (GREAT - 1, GREAT))
    assert not small["all_to_hospitals"].at_least and great["all_to_hospitals"].at_least["osrm"] == 15


def test_a_peer_that_is_not_there_is_left_out_by_name_and_an_unknown_one_refused(tmp_path: Path) -> None:
    wanted, missing = running.sorted_out(["osrm", "valhalla"], {"osrm": tmp_path, "valhalla": tmp_path})
    assert wanted == ["networkx", "scipy"] and missing == ["osrm", "valhalla"]
    with pytest.raises(RefusedInput) as refused:
        running.sorted_out(["pandana"], {})
    assert refused.value.key == "bench_peer"


def test_a_peers_program_is_told_from_a_script_of_the_same_name(tmp_path: Path) -> None:
    for folder, first in (("bin", b"#!/bin/sh\n"), ("valhalla/bin", b"\x7fELF")):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "valhalla_build_tiles").write_bytes(first)
    assert peer_valhalla.find_tools(tmp_path) == tmp_path / "valhalla" / "bin"
    assert peer_valhalla.find_tools(tmp_path / "bin") is None


def test_a_busy_machine_is_refused_before_anything_is_measured(
    town_file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(running, "look", lambda: {"load_before": LOAD_MAX + 0.1})
    monkeypatch.setattr(running, "in_a_child", lambda *asked: pytest.fail("it measured"))
    assert run(["bench", "routing", "--graph", str(town_file)]) == 2
    assert "--busy" in capsys.readouterr().err


def test_no_time_is_told_when_the_gate_stays_shut(town_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def child(word: str, job: Job) -> dict[str, Any]:
        asked.append(word)
        return {"mismatches": 1, "pairs": 2000, "wrong": ["free, cch: 0 -> 1: 5 != 4"]}

    monkeypatch.setattr(running, "in_a_child", child)
    monkeypatch.setattr(running, "look", lambda: {"load_before": 0.0})
    with pytest.raises(running.GateFailed) as shut:
        running.bench_routing(town_file)
    assert asked == ["gate"] and "5 != 4" in shut.value.said("en")


def test_a_child_that_dies_is_a_failure_and_says_why(town_file: Path, tmp_path: Path) -> None:
    with pytest.raises(BenchFailed) as dead:
        in_a_child("scipy", Job(str(town_file), str(tmp_path), seed=7))
    assert "paper.npz" in dead.value.said("en"), "there is no sheet in an empty folder"


def test_the_stopwatch_keeps_to_its_counts() -> None:
    asked: list[int] = []
    told = times_ms(asked.append, at_most=5, budget_s=60)
    assert asked == [0, 0, 1, 2, 3, 4] and len(told) == 5
    assert len(times_ms(asked.append, at_most=50, budget_s=0.0, at_least=2)) == 2
