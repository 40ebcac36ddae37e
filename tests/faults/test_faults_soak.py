"""The soak's plan can be gone on with, its questions go from hub to hub, and its part of the page is its own."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import httpx
import pytest

from aboard.bench import soak
from aboard.bench.faults.finding import Finding, Outcome
from aboard.bench.faults.page import kept_soak, page, put_soak
from aboard.bench.faults.stage import until
from aboard.bench.soak import FAULTS, NAME, Probes, grown_mb, plan_of

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


@dataclass
class Hub:
    """A hub as far as a question goes. `answers`: whether it does; else it says no, or nothing."""

    answers: Callable[[int], bool]
    refuses: bool = True
    asked: int = 0

    def client(self, who: str) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=f"http://{who}", transport=httpx.MockTransport(self._hear))

    async def _hear(self, request: httpx.Request) -> httpx.Response:
        self.asked += 1
        if self.answers(self.asked):
            return httpx.Response(200, json={})
        if self.refuses:
            return httpx.Response(503)
        raise httpx.ReadTimeout("silent", request=request)


async def asked_of(*hubs: Hub, enough: Callable[[Probes], bool]) -> Probes:
    probes = Probes(cast("Any", hubs))
    asking = asyncio.create_task(probes.run())
    assert await until(lambda: enough(probes), 30) is not None
    asking.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await asking
    return probes


@pytest.mark.parametrize("refuses", [True, False])
async def test_a_question_that_one_hub_does_not_answer_is_asked_at_the_other(
    refuses: bool, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(soak, "PROBE_EVERY_S", 0.01)
    gone, there = Hub(lambda number: False, refuses), Hub(lambda number: True)
    probes = await asked_of(gone, there, enough=lambda told: told.answered >= 6)
    assert probes.answered == probes.asked and probes.answered_pct == 100 and gone.asked >= 3


async def test_a_question_that_no_hub_answers_in_time_counts_as_not_answered(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(soak, "PROBE_EVERY_S", 0.01)
    monkeypatch.setattr(soak, "PROBE_S", 0.05)
    probes = await asked_of(Hub(lambda number: False), Hub(lambda number: False), enough=lambda told: told.asked >= 5)
    assert probes.answered == 0 and probes.asked >= 5 and probes.answered_pct == 0
