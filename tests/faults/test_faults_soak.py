"""The soak's plan can be gone on with, its memory is judged by thirds, and its part of the page is its own."""

from __future__ import annotations

from collections import Counter

from aboard.bench.faults.finding import Finding, Outcome
from aboard.bench.faults.page import kept_soak, page, put_soak
from aboard.bench.soak import FAULTS, NAME, grown_mb, plan_of

MACHINE = {
    "day": "2026-11-23", "system": "Linux", "processor": "x", "cores": 2, "memory_mb": 8000, "python": "3.11",
    "sqlite": "3.40", "seed": 1,
}  # fmt: skip


def test_every_fault_comes_before_any_comes_again_and_a_seed_has_one_plan():
    plan = plan_of(1, 60)
    assert len(plan) == 60 and set(plan[: len(FAULTS)]) == set(FAULTS)
    assert max(Counter(plan).values()) - min(Counter(plan).values()) <= 1
    assert plan == plan_of(1, 60) != plan_of(2, 60)


def test_a_run_that_was_ended_goes_on_at_its_next_minute():
    assert plan_of(7, 60, 23) == plan_of(7, 60)[23:] and plan_of(7, 23) == plan_of(7, 60)[:23]


def test_memory_that_has_grown_and_stays_is_flat_and_memory_that_goes_on_growing_is_not():
    assert grown_mb([100, 150, 180, 180, 180, 181]) == 1
    assert grown_mb([100, 120, 140, 160, 180, 200]) == 40
    assert grown_mb([100, 100]) is None


def test_the_soak_and_the_faults_keep_each_others_part_of_the_page():
    first = Outcome(NAME, [Finding("probes_answered", "pct", 99.5, least=99.99)], "", 9, (0.1, 0.2))
    better = Outcome(NAME, [Finding("probes_answered", "pct", 100.0, least=99.99)], "", 9, (0.1, 0.2))
    faults = page([], MACHINE)
    text = put_soak(put_soak(faults, first, MACHINE), better, MACHINE)
    assert text.startswith(faults.rstrip()) and text.count("## Soak") == 1
    assert "| questions answered (%) | 100 | ≥ 99.99 | yes |" in text and "| NO |" not in text
    assert page([], MACHINE) + kept_soak(text) == text and kept_soak(faults) == ""
