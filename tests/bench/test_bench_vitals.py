"""`aboard bench vitals`: a few vehicles stand for the thousand; real links, a real hub, a real disk."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from aboard.bench import vitals
from aboard.bench.figures import Case
from aboard.bench.play import BenchFailed
from aboard.bench.vitals import Echo, Measured, OnServer, bench_vitals, cases_of
from aboard.bench.vitals_echo import echoed
from aboard.bench.vitals_fleet import fleet
from aboard.bench.vitals_stores import RECORDED_AT, made, postgres_us, sqlite_us, valkey_us
from casebook.errors import RefusedInput
from casebook.store.rows import COLUMNS

GOOD = Measured([1.0, 5.0], [2.0, 9.0], 150.0, 0, 0)
SERVER = OnServer(160.0, 40.0, 0, 100.0)


def met(measured: Measured, raw_us: float = 100.0) -> dict[str, bool | None]:
    cases = cases_of(measured, {"raw_sqlite": raw_us}, [10])
    return {case.name: case.met(loaded=False) for case in cases if case.goal}


def test_every_row_of_a_few_vehicles_is_answered_and_on_the_disk_and_the_bare_stores_write_these_very_commits(
    tmp_path: Path,
):
    said: list[str] = []
    measured = asyncio.run(vitals._measure(tmp_path, 3, 1.0, said.append))
    assert said == ["one_hz", "ten_hz", "pressed"]
    assert len(measured.one_hz_ms) == 3 and len(measured.ten_hz_ms) in range(3 * 5, 3 * 6 + 1)
    assert min(*measured.one_hz_ms, *measured.ten_hz_ms, measured.row_us) > 0
    assert (measured.unanswered, measured.lost) == (0, 0)
    assert set(measured.hub_us) == {"ten_hz", "pressed"} and min(measured.hub_us.values()) > 0

    part = measured.pressed
    assert part is not None
    before, commits = rows_of(part.earlier), list(part.commits())
    assert [row for batch in part.before() for row in batch] == before and len(before) == part.after
    instants = [{row[RECORDED_AT] for row in commit} for commit in commits]
    assert all(len(one) == 1 for one in instants) and len(set.union(*instants)) == len(commits)
    assert sqlite_us(part.earlier, commits) > 0
    assert before != rows_of(part.earlier) == rows_of(part.book)
    assert postgres_us(part.before(), commits) != 0
    assert valkey_us(tmp_path, commits) != 0


def rows_of(file: Path) -> list[tuple]:
    with closing(sqlite3.connect(file)) as database:
        return database.execute(f"SELECT {COLUMNS} FROM entry ORDER BY seq").fetchall()


async def test_a_hub_that_is_not_there_fails_the_run_in_words():
    with pytest.raises(BenchFailed):
        async with fleet("http://127.0.0.1:9", {"unit:V1": "token"}, {"V1": "C1"}):
            raise AssertionError("nobody is connected")


async def test_a_bare_server_sends_every_message_back_to_whom_it_came_from():
    async with echoed({"V1": "C1", "V2": ""}) as links:
        one_ms, left = await vitals.paced(links, 2, 0.1, 0.3)
        assert len(one_ms) == sum(len(vehicle.took_ms) for vehicle in links) in range(2 * 3, 2 * 4 + 1)
        assert left == 0 and min(one_ms) > 0
        assert await vitals.pressed(links, 0.2) > 0
        assert all(vehicle.acked == vehicle.sent > 8 for vehicle in links)


def test_a_bare_server_stands_beside_the_hub_and_changes_no_goal():
    beside = replace(GOOD, echo=Echo([0.5, 2.0], [1.0, 4.0], 50.0))
    told, alone = ({case.name: case for case in cases_of(one, {"raw_sqlite": 100.0}, [10])} for one in (beside, GOOD))
    assert told["ack_one_hz"].ratios == {"bare_echo_p50": 2.0, "bare_echo_p99": 2.5}
    assert told["row_pressed"].ratios == {"raw_sqlite": 1.5, "bare_echo": 3.0}
    assert {name: case.goal for name, case in told.items()} == {name: case.goal for name, case in alone.items()}


def test_goals_are_met_or_missed_by_the_figures_alone():
    assert set(met(GOOD).values()) == {True}
    assert met(Measured([21.0], [51.0], 150.0, 1, 1)) == {
        "ack_one_hz": False, "ack_ten_hz": False, "row_pressed": True, "unanswered": False, "acknowledged_lost": False,
    }  # fmt: skip
    assert met(GOOD, raw_us=89.0)["row_pressed"] is False, "150 us beside 89 is less than 0.6 of the rate"


def test_a_run_that_measured_nothing_claims_nothing():
    assert met(Measured([], [], 150.0, 0, 0))["ack_one_hz"] is False


def test_a_busy_machine_is_refused_before_anything_starts(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(vitals, "load_now", lambda: 3.0)
    said: list[str] = []
    with pytest.raises(RefusedInput) as caught:
        bench_vitals(1, 1.0, said=said.append)
    assert caught.value.key == "bench_busy" and said == []


def test_a_bare_store_can_begin_empty():
    batches = list(made(25, 10))
    assert [len(batch) for batch in batches] == [10, 10, 5]
    assert [row[0] for batch in batches for row in batch] == list(range(1, 26))


def test_what_the_hub_used_is_told_and_held_to_no_goal():
    told = {case.name: case for case in cases_of(replace(GOOD, hub_us={"pressed": 40.0}), {"raw_sqlite": 100.0}, [10])}
    assert (told["hub_pressed"].ours.p50, told["hub_pressed"].met(loaded=False)) == (40.0, None)


def test_every_row_of_a_hub_on_a_server_is_in_its_log_and_the_bare_server_writes_the_same_commits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(vitals, "WARM_UP_S", 0.1)
    said: list[str] = []
    on_server = vitals._measure_on_server(tmp_path / "server", 2, 0.3, said.append)
    if on_server is None:
        pytest.skip("no PostgreSQL is installed")
    assert said == ["pressed_postgres", "same_postgres"] and on_server.lost == 0
    assert min(on_server.row_us, on_server.hub_us, on_server.peer_us) > 0


def test_a_hub_on_a_server_is_held_to_that_server_and_left_out_where_there_is_none():
    slow = replace(SERVER, row_us=170.0, lost=1)
    for on_server, expected in ((SERVER, True), (slow, False), (None, None)):
        told = {case.name: case for case in cases_of(GOOD, {"raw_sqlite": 100.0}, [10], on_server)}
        assert told["acknowledged_lost"].met(loaded=False) is (expected is not False)
        case = told.get("row_pressed_postgres")
        assert (case.met(loaded=False) if case else None) is expected


def test_the_ratio_is_told_beside_the_peer():
    case: Case = next(case for case in cases_of(GOOD, {"raw_sqlite": 100.0}, [10]) if case.name == "row_pressed")
    assert case.ratios == {"raw_sqlite": 1.5}
