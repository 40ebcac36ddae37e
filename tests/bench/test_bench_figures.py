"""The statistics of the benchmarks, the object that they print, and that a busy machine claims nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aboard.bench.figures import LOAD_MAX, Case, Result, is_loaded, once, ours_of, peers_of
from aboard.bench.machine import look
from aboard.bench.play import cases_of
from aboard.bench.setup import CACHES, clean_environment
from aboard.bench.table import HEADS, as_table
from casebook.screens import REPO
from casebook.words import LANGUAGES, Language

QUIET: dict[str, Any] = {"load_before": 0.4, "cores": 2, "processor": "x", "python": "3.11.7"}
BUSY = {**QUIET, "load_before": LOAD_MAX + 0.01}
SLOW = Case("vital_sample_to_board", "ms", ours_of([10, 20, 300]), {"bare_websocket_p50": 2.0}, {"p99": 250})


def test_percentiles_are_values_that_were_measured() -> None:
    told = ours_of([5, 1, 4, 2, 3])
    assert (told.p50, told.p99, told.n) == (3, 5, 5)
    hundred = ours_of(range(1, 101))
    assert (hundred.p50, hundred.p99) == (50, 99)


def test_nothing_measured_is_unknown_and_not_zero() -> None:
    told = ours_of([])
    assert (told.p50, told.p99, told.n) == (None, None, 0)
    assert once(None) == told and once(7).p99 == 7
    assert peers_of("bare", []) == {}


@given(st.lists(st.floats(0, 1e6), min_size=1), st.floats(0, 1e6))
def test_one_more_slow_value_never_makes_the_figures_smaller(values: list[float], more: float) -> None:
    before, after = ours_of(values), ours_of([*values, max(values) + more])
    assert before.p50 is not None and before.p99 is not None and after.p50 is not None and after.p99 is not None
    assert before.p50 <= before.p99 and before.p50 <= after.p50 and before.p99 <= after.p99


def test_what_is_no_number_is_refused() -> None:
    with pytest.raises(AssertionError):
        ours_of([1.0, float("nan")])


def test_a_peer_is_compared_with_the_percentile_that_it_is_named_for() -> None:
    case = Case("x", "ms", ours_of([10, 20, 40]), {"a_p50": 5, "a_p99": 80, "b": 40, "still": 0})
    assert case.ratios == {"a_p50": 4.0, "a_p99": 0.5, "b": 0.5}


def test_a_goal_holds_when_every_bound_holds() -> None:
    assert SLOW.met(loaded=False) is False
    assert Case("x", "ms", ours_of([10, 20]), {}, {"p99": 20}).met(loaded=False) is True
    assert Case("x", "ms", ours_of([10, 20]), {}, {"p50": 9, "p99": 20}).met(loaded=False) is False
    assert Case("x", "ms", ours_of([10]), {}).met(loaded=False) is None


def test_a_figure_that_is_missing_does_not_meet_its_goal() -> None:
    assert Case("x", "ms", ours_of([]), {}, {"p50": 150}).met(loaded=False) is False


def test_a_loaded_machine_claims_nothing_and_says_so() -> None:
    told = Result("live", 1, BUSY, [SLOW]).as_view()
    assert told["machine"]["loaded"] is True and told["machine"]["load_before"] == BUSY["load_before"]
    assert told["cases"][0]["met"] is None and told["cases"][0]["ours"]["p99"] == 300
    assert not Result("live", 1, BUSY, [SLOW]).failed and Result("live", 1, QUIET, [SLOW]).failed


def test_a_machine_that_does_not_tell_its_load_is_not_taken_for_quiet() -> None:
    assert is_loaded(None) and is_loaded(LOAD_MAX + 0.1) and not is_loaded(LOAD_MAX)


def test_the_object_has_the_shape_that_is_promised() -> None:
    told = json.loads(json.dumps(Result("live", 7, QUIET, [SLOW]).as_view(), allow_nan=False))
    assert list(told) == ["what", "seed", "machine", "cases"] and told["seed"] == 7
    assert told["cases"] == [
        {
            "name": "vital_sample_to_board", "unit": "ms", "ours": {"p50": 20, "p99": 300},
            "peers": {"bare_websocket_p50": 2}, "ratios": {"bare_websocket_p50": 10}, "goal": {"p99": 250},
            "met": False,
        }
    ]  # fmt: skip


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("machine", [QUIET, BUSY], ids=["quiet", "busy"])
def test_the_table_has_a_row_for_each_case_in_both_languages(language: Language, machine: dict[str, Any]) -> None:
    table = as_table(Result("live", 1, machine, [SLOW, Case("resident_mb", "MB", once(None))]), language)
    assert table.row_count == 2 and len(table.columns) == len(HEADS)


def test_this_machine_is_described() -> None:
    told = look()
    assert told["cores"] >= 1 and told["python"] and "load_before" in told


def test_a_drills_report_becomes_cases() -> None:
    report = {
        "vitals": {"delay_ms": {"p50": 80.0, "p99": 210.0}, "shown": 900, "lost": 0},
        "video": {"latency_ms": {"p50": None, "p99": None}, "frames_shown": 0}, "resident_mb": 800.5,
    }  # fmt: skip
    cases = {case.name: case for case in cases_of(report, wall_s=59.5, code=0)}
    assert cases["wall_s"].met(loaded=False) and cases["resident_mb"].ours.p99 == 800.5
    assert cases["vital_sample_to_board"].ours.n == 900
    assert cases["video_stamp_to_viewer"].met(loaded=False) is False, "a picture that nobody saw is not fast"
    assert cases["steps_failed"].met(loaded=False) is True


def test_a_fresh_clone_is_set_up_with_nothing_of_ours(tmp_path) -> None:
    ours = {"PATH": f"{REPO}/.venv/bin:/usr/bin", "VIRTUAL_ENV": f"{REPO}/.venv", "LANG": "C"}
    told = clean_environment(ours, tmp_path)
    assert told["PATH"] == "/usr/bin" and "VIRTUAL_ENV" not in told and told["LANG"] == "C"
    assert all(told[name].startswith(str(tmp_path)) for name in CACHES)
