"""The live benchmark for a few seconds: real hub, vehicles and sockets. Only that it counts right, never how fast."""

from __future__ import annotations

import json
import math

import pytest

from aboard.bench.changes import ChangeWatch
from aboard.bench.figures import Case
from aboard.bench.live import bench_live
from aboard.bench.scene import UNITS, WARD, scene
from aboard.cli import run
from scenarios.format import Step
from scenarios.vocabulary import all_asks

SECONDS, CHANGES = 10.0, 5


def view(free: int) -> dict:
    return {"hospitals": {WARD: {"figures": {"ed_bed": {"free": free}}}}}


def test_a_change_is_timed_from_its_request_to_the_first_view_that_has_it() -> None:
    watch = ChangeWatch(WARD, "ed_bed")
    for free in (1, 1, 2):
        watch.look(view(free))
    watch.look({})
    seen = dict(watch.seen_s)
    assert set(seen) == {1, 2}
    asked = {1: seen[1] - 0.25, 2: seen[2] - 1.0, 3: seen[2]}
    assert watch.delays_ms(asked) == [pytest.approx(250), pytest.approx(1000)], "the third was never seen"


def test_every_step_of_the_scene_is_one_that_the_house_knows() -> None:
    asks, played = all_asks(), scene(30, 1)
    assert all(fits(step, asks) for step in played.steps)
    assert {unit.id for unit in played.units if unit.full} == set(UNITS)
    assert [step.number for step in played.steps] == list(range(1, len(played.steps) + 1))


def fits(step: Step, asks) -> bool:
    return step.ask in asks["crew" if step.who.startswith("crew:") else "hub"]


@pytest.mark.sockets
async def test_a_short_run_gives_numbers_for_every_case_and_its_counts_add_up() -> None:
    cases = {case.name: case for case in await bench_live(SECONDS, CHANGES, seed=1, browser=False)}
    assert all(is_number(figure) for case in cases.values() for figure in figures(case)), cases
    assert cases["capacity_to_console"].ours.n == cases["capacity_to_tablet"].ours.n == CHANGES
    assert cases["capacity_unseen"].ours.p99 == 0 and cases["vitals_lost"].ours.p99 == 0
    assert cases["video_stamp_to_viewer"].ours.n > 0 and cases["video_stamp_to_viewer"].peers
    assert set(cases["vital_sample_to_board"].ratios) >= {"bare_websocket_p99", "durable_websocket_p99"}
    assert "video_stamp_to_browser" not in cases, "no browser was asked for"


def figures(case: Case) -> list[float | None]:
    return [case.ours.p50, case.ours.p99, *case.peers.values(), *case.ratios.values()]


def is_number(figure: float | None) -> bool:
    return figure is not None and math.isfinite(figure) and figure >= 0


def test_a_span_too_short_to_measure_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["bench", "live", "--seconds", "1"]) == 2
    assert "--seconds" in capsys.readouterr().err


def test_setting_up_is_told_as_one_object(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("aboard.bench.setup._set_up", lambda clone, environment: 31.0)
    monkeypatch.setattr("aboard.bench.setup._starts", lambda clone, environment: (0.9, 0.7))
    assert run(["bench", "setup", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["what"] == "setup" and next(case["name"] for case in told["cases"]) == "cold_set_up_s"
