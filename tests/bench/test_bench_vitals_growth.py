"""`aboard bench vitals --growth`: a city of two vehicles for one of a thousand; real links, real hubs, real disks."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import pytest

from aboard.bench import growth, vitals
from aboard.bench.figures import LOAD_MAX, once, ours_of
from aboard.bench.growth import OVERDUE_MS, TIMES, Grown, Growth, bench_growth, measure, sent
from aboard.bench.growth_table import HEADS, as_table, cells
from aboard.bench.play import BenchFailed
from aboard.bench.vitals_fleet import Vehicle, fleet
from aboard.children import Child
from casebook.errors import RefusedInput
from casebook.words import LANGUAGES, Language

Told = TypeVar("Told")
QUIET: dict[str, Any] = {"load_before": 0.4, "cores": 2, "processor": "x", "python": "3.11.7"}
HELD = Grown(1, 1000, 1.1, ours_of([1.3, 5.9]), ours_of([0.2, 0.9]), 0, 0, 0.4, 0.1, 212.0)


def test_a_size_is_measured_after_all_are_linked_and_every_row_is_answered_and_on_the_disk(tmp_path: Path):
    row = asyncio.run(measure(tmp_path, Grown(2, 4), 1.0))
    assert row.ack.n == row.late.n == 4 and row.ack.p50 is not None and row.late.p50 is not None
    assert row.ack.p50 > row.late.p50 >= 0, "the acknowledgement's time begins when the row was due"
    assert row.linked_s and row.hub_cores and row.hub_mb and row.fleet_cores is not None
    assert (row.unanswered, row.lost, row.why) == (0, 0, "")


def test_every_size_is_told_of_before_it_begins(monkeypatch: pytest.MonkeyPatch):
    async def nothing(folder: Path, row: Grown, seconds: float) -> Grown:
        return row

    monkeypatch.setattr(growth, "measure", nothing)
    said: list[int] = []
    rows = bench_growth(7, 1.0, busy=True, said=said.append)
    assert said == [7, 14, 35, 70] == [row.vehicles for row in rows] and tuple(row.times for row in rows) == TIMES


def test_a_size_whose_vehicles_cannot_be_linked_in_time_says_so_and_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(growth, "LINK_S", 0.0)
    row = asyncio.run(measure(tmp_path, Grown(1, 2), 1.0))
    assert row.verdict == "unlinked" and row.why and (row.ack.n, row.lost) == (0, None)
    assert "--" in cells(row, "en") and "--" in cells(row, "zh")


def test_a_hub_that_stands_still_is_told_as_overloaded_when_patience_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(vitals, "PATIENCE_S", 0.2)
    row = asyncio.run(to_a_hub_that_stands_still(tmp_path, lambda hub, links: sent(Grown(1, 3, 0.1), hub, links, 1.0)))
    assert (row.unanswered, row.ack.n, row.verdict) == (3, 0, "overloaded")
    assert row.late.n == 3, "all went out"


def test_vehicles_that_press_a_hub_which_does_not_get_through_say_how_many_rows_are_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(vitals, "PATIENCE_S", 0.1)
    with pytest.raises(BenchFailed) as caught:
        asyncio.run(to_a_hub_that_stands_still(tmp_path, lambda hub, links: vitals.pressed(links, 0.2)))
    assert f"{3 * vitals.PRESSED_ROWS} rows of 3 vehicles" in str(caught.value)


async def to_a_hub_that_stands_still(folder: Path, say: Callable[[Child, Sequence[Vehicle]], Awaitable[Told]]) -> Told:
    aboard = vitals.aboard_of(3)
    async with vitals.hub_for(folder, aboard) as (hub, url, tokens), fleet(url, tokens, aboard) as links:
        assert hub.pid is not None
        os.kill(hub.pid, signal.SIGSTOP)
        try:
            return await say(hub, links)
        finally:
            os.kill(hub.pid, signal.SIGCONT)


def test_a_size_falls_behind_when_a_row_is_answered_after_the_next_is_due_or_never():
    assert HELD.verdict == "held"
    assert replace(HELD, ack=once(OVERDUE_MS)).verdict == "held"
    assert replace(HELD, ack=once(OVERDUE_MS + 1)).verdict == "overloaded"
    assert replace(HELD, unanswered=1).verdict == "overloaded"
    assert replace(HELD, ack=once(None)).verdict == "overloaded"
    assert replace(HELD, why="3 ended").verdict == "ended"


def test_a_row_of_one_vehicle_is_lost_though_the_file_has_more_of_another_than_it_heard_of():
    links = [Vehicle("V1", "C1", acked=3), Vehicle("V2", "C2", acked=1), Vehicle("V3", "C3", acked=1)]
    assert growth.lost_of(links, {"V1": 2, "V2": 5}) == 2
    assert growth.lost_of(links, {"V1": 3, "V2": 5, "V3": 1}) == 0


def test_only_a_lost_row_fails_the_growth_and_on_a_busy_machine_too():
    busy = {**QUIET, "load_before": LOAD_MAX + 1}
    for machine in (QUIET, busy):
        assert not Growth(machine, [HELD, replace(HELD, ack=once(9000.0)), Grown(10, 10_000)]).failed
        assert Growth(machine, [HELD, replace(HELD, lost=1)]).failed
    assert (Growth(QUIET, []).loaded, Growth(busy, []).loaded) == (False, True)


def test_the_one_object_has_every_figure_and_null_for_what_was_not_measured():
    told = json.loads(json.dumps(Growth(QUIET, [HELD, Grown(10, 10_000)]).as_view(), allow_nan=False))
    first, second = told["rows"]
    assert (first["ack_ms"], first["verdict"], first["hub_mb"]) == ({"p50": 1.3, "p99": 5.9}, "held", 212.0)
    assert (second["linked_s"], second["ack_ms"]["p99"], second["verdict"]) == (None, None, "unlinked")


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_table_has_a_row_for_each_size_in_words(language: Language):
    rows = [HELD, replace(HELD, ack=once(9000.0)), Grown(10, 10_000), replace(HELD, why="V0003")]
    table = as_table(rows, language)
    assert (len(table.columns), table.row_count) == (len(HEADS), len(rows))
    told = [cells(row, language) for row in rows]
    assert len({row[-1] for row in told}) == len(rows) and told[3][-1].endswith("V0003")
    assert told[0][:6] == ("1x", "1000", "1.1", "1.3", "5.9", "0.9")


def test_a_machine_that_is_busy_or_has_too_few_descriptors_is_refused_before_anything_starts(
    monkeypatch: pytest.MonkeyPatch,
):
    said: list[int] = []
    monkeypatch.setattr(growth, "load_now", lambda: LOAD_MAX + 1)
    with pytest.raises(RefusedInput) as busy:
        bench_growth(1, 1.0, said=said.append)
    monkeypatch.setattr(growth, "take_descriptors", lambda: 1024)
    with pytest.raises(RefusedInput) as few:
        bench_growth(1000, 1.0, busy=True, said=said.append)
    assert (busy.value.key, few.value.key, said) == ("bench_busy", "bench_descriptors", [])
    assert "10100" in few.value.said("en")
