"""`aboard bench outbox`: a few rows stand for the day; a real outbox, real bare stores, a process that is killed."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from redis import Redis
from typer.testing import CliRunner

from aboard.bench import outbox, outbox_day, outbox_puts
from aboard.bench.faults import lines, valkeys
from aboard.bench.faults.finding import Finding, NotRun, Outcome
from aboard.bench.figures import Case, Result
from aboard.bench.outbox import Away, Extent, Measured, away_of, bench_outbox, cases_of
from aboard.bench.outbox_day import Day, marks_in, measure_day, promised_until_killed, rows_gone, write_day
from aboard.bench.outbox_puts import Put, durable_valkey, measure_puts, open_bare, texts_of, valkey_us
from aboard.bench.outbox_records import commits, without_hub
from aboard.bench.play import BenchFailed
from aboard.bench.table import as_table
from aboard.front.bench import app
from ambulance_unit.offline import day_bytes
from ambulance_unit.outbox import Outbox
from casebook import events as e
from casebook.errors import RefusedInput
from casebook.vitals import Vitals
from casebook.words import LANGUAGES, Language, say

KEY = b"k" * 32
DAY = Day(103_680, 41.0, 0.1, 9.0, 0)
GOOD = Measured(
    {"ten_hz": Put([100.0, 200.0], {"bare_sqlite": [50.0, 400.0]})}, {False: DAY, True: replace(DAY, mb=59.0)}, 0,
    Away(0.5, 8.0, 0),
)  # fmt: skip


def told(measured: Measured) -> Mapping[str, Case]:
    return {case.name: case for case in cases_of(measured)}


def met(measured: Measured) -> dict[str, bool | None]:
    return {name: case.met(loaded=False) for name, case in told(measured).items() if case.goal}


def read(file: Path, query: str) -> list[tuple]:
    with closing(sqlite3.connect(file)) as database:
        return database.execute(query).fetchall()


# --- rows


def test_the_rows_are_a_full_set_of_vitals_and_positions_of_a_drive_as_a_vehicle_makes_them():
    day = [record for batch in without_hub(1200) for record in batch]
    vitals = [e.decode(record.kind, record.body) for record in day if record.kind == e.VitalsRecorded.name]
    positions = [record for record in day if record.kind == e.PositionReported.name]
    assert (len(vitals), len(positions)) == (1200, 240) and len({record.at for record in positions}) == 240
    assert all(record.sample and record.spare for record in day)
    for fact in vitals:
        assert isinstance(fact, e.VitalsRecorded) and Vitals.from_dict(fact.vitals).gcs == 13
    assert len({msgspec.json.encode(record.body) for record in positions}) == 240, "a drive goes on"


def test_ten_rows_a_second_are_two_in_each_fifth_of_a_second():
    per_commit, every_s = outbox.PACES["ten_hz"]
    made = list(commits(5, per_commit, every_s))
    assert [len(commit) for commit in made] == [2, 2, 1]
    assert (made[1][0].at - made[0][0].at).total_seconds() == pytest.approx(0.2)


# --- put durably, and the peers


@pytest.mark.parametrize("key", [b"", KEY])
def test_the_bare_stores_get_the_very_texts_in_the_very_commits(
    tmp_path: Path, key: bytes, monkeypatch: pytest.MonkeyPatch
):
    valkeys.need_valkey()
    kept: list[int] = []
    told_us = outbox_puts.valkey_us

    def counted(server: valkeys.Server, texts: list) -> list[float]:
        us = told_us(server, texts)
        with closing(Redis(host=server.host, port=server.port)) as client:
            kept.append(client.xlen(outbox_puts.STREAM))  # type: ignore[arg-type]
        return us

    monkeypatch.setattr(outbox_puts, "valkey_us", counted)
    put = measure_puts(tmp_path / "run", list(commits(7, 2, 0.1)), key)
    assert set(put.peers_us) == {"bare_sqlite", "bare_valkey"}
    assert [len(put.ours_us), *map(len, put.peers_us.values())] == [4, 4, 4], "four commits of seven rows"
    assert min(*put.ours_us, *put.peers_us["bare_sqlite"], *put.peers_us["bare_valkey"]) > 0

    query = "SELECT seq, at, kind, body, who, origin, checksum FROM row ORDER BY seq"
    ours, bare = (read(tmp_path / "run" / f"{name}.sqlite", query) for name in ("outbox", "bare"))
    assert ours == bare and len(bare) == 7 and kept == [7]
    assert ("hr_bpm" in ours[0][3]) is not bool(key), "what is sealed cannot be read"


def test_the_bare_file_flushes_as_the_outbox_does(tmp_path: Path):
    with closing(Outbox(tmp_path / "outbox.sqlite")) as box, closing(open_bare(tmp_path / "bare.sqlite")) as bare:
        for setting in ("journal_mode", "synchronous", "wal_autocheckpoint", "page_size"):
            asked = f"PRAGMA {setting}"
            assert bare.execute(asked).fetchone() == box._db.execute(asked).fetchone(), setting


def test_the_bare_valkey_still_has_every_row_when_it_was_killed(tmp_path: Path):
    valkeys.need_valkey()
    outbox_puts.outbox_us(tmp_path / "outbox.sqlite", list(commits(10, 2, 0.1)), b"")
    with durable_valkey(tmp_path / "valkey") as server:
        valkey_us(server, texts_of(tmp_path / "outbox.sqlite", [2] * 5))
        server.kill()
        server.start()
        asyncio.run(server.answers())
        with closing(Redis(host=server.host, port=server.port)) as client:
            assert client.xlen(outbox_puts.STREAM) == 10


def test_a_machine_without_valkey_says_so_and_goes_on_without(monkeypatch: pytest.MonkeyPatch):
    def none() -> None:
        raise NotRun(why="no such program")

    monkeypatch.setattr(outbox, "need_valkey", none)
    left: list[tuple[str, str]] = []
    assert not outbox._has_valkey(lambda part, why: left.append((part, why)))
    assert left == [("bare_valkey", "no such program")]


# --- a day


@pytest.mark.parametrize("key", [b"", KEY])
def test_a_day_is_written_opened_again_and_read_out_to_the_last_row(tmp_path: Path, key: bytes):
    file = tmp_path / "outbox.sqlite"
    day = measure_day(file, 1200, key)
    assert (day.rows, day.gone) == (1440, 0)
    assert min(day.opened_s, day.read_out_s) > 0
    assert read(file, "SELECT count(*) FROM row") == [(0,)], "all of it was acknowledged"


def test_what_a_day_takes_is_told_with_the_log_beside_the_file(tmp_path: Path):
    file = tmp_path / "outbox.sqlite"
    rows, mb = write_day(file, 600, b"")
    assert rows == 720
    alone_mb = file.stat().st_size / 1e6
    assert alone_mb > 720 * 150 / 1e6 and mb - alone_mb > 720 * 150 / 1e6, (
        "every row stood in the log and then in the file"
    )
    assert 1e6 * mb < day_bytes(sealed=False)


def test_a_row_that_the_disk_has_damaged_counts_as_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    write = outbox_day.write_day

    def damaged(file: Path, seconds: int, key: bytes) -> tuple[int, float]:
        told = write(file, seconds, key)
        with closing(sqlite3.connect(file)) as database:
            database.execute("UPDATE row SET body = replace(body, '126', '127') WHERE seq = 3")
            database.execute("DELETE FROM row WHERE seq = 5")
            database.commit()
        return told

    monkeypatch.setattr(outbox_day, "write_day", damaged)
    assert measure_day(tmp_path / "outbox.sqlite", 60).gone == 2


# --- killed


def test_what_a_killed_process_had_put_is_there_although_nobody_closed_the_file(tmp_path: Path):
    file = tmp_path / "outbox.sqlite"
    promised = promised_until_killed(file, 40)
    assert len(promised) >= 40 and file.with_name("outbox.sqlite-wal").stat().st_size > 0
    assert not promised - marks_in(file)


def test_rows_that_a_file_no_longer_has_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The log that was not in the file yet is taken away: with it goes what stood there alone."""

    def forgetful(file: Path, rows: int) -> set[outbox_day.Mark]:
        promised = promised_until_killed(file, rows)
        file.with_name(f"{file.name}-wal").unlink()
        return promised

    monkeypatch.setattr(outbox_day, "promised_until_killed", forgetful)
    assert rows_gone(tmp_path / "outbox.sqlite", 40) >= 40


def test_a_process_that_cannot_put_fails_the_run_in_its_own_words(tmp_path: Path):
    file = tmp_path / "outbox.sqlite"
    file.write_bytes(b"no database" * 1000)
    with pytest.raises(BenchFailed) as caught:
        promised_until_killed(file, 1)
    assert "file is not a database" in str(caught.value.facts["why"])


# --- away


def test_a_short_backlog_comes_over_a_thin_line_and_is_told(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(lines, "BACKLOG_S", 20)
    left: list[str] = []
    away = outbox.measure_away(lambda part, why: left.append(why))
    if away is None:
        pytest.skip(left[0])
    assert away.newest_s is not None and away.complete_s is not None and away.lost == 0
    assert 0 < away.newest_s <= away.complete_s


def test_a_line_that_cannot_be_had_is_left_out_and_said(monkeypatch: pytest.MonkeyPatch):
    async def refused(work: object) -> list[Finding]:
        raise NotRun(why="needs root")

    monkeypatch.setattr(lines, "in_own_network", refused)
    left: list[tuple[str, str]] = []
    assert outbox.measure_away(lambda part, why: left.append((part, why))) is None
    assert left == [("away", "needs root")]
    assert not [name for name in told(replace(GOOD, away=None)) if name.startswith("away")]


def test_what_the_fault_could_not_measure_meets_no_goal():
    findings = [Finding("newest", "s", None), Finding("complete", "s", 7.8), Finding("lost", "facts", 0)]
    away = away_of(Outcome("long_away", findings))
    assert away == Away(None, 7.8, 0)
    assert met(replace(GOOD, away=away))["away_newest"] is False


# --- goals


def test_goals_are_met_or_missed_by_the_figures_alone():
    assert set(met(GOOD).values()) == {True}
    large = {sealed: replace(day, mb=65.0, gone=1) for sealed, day in GOOD.days.items()}
    assert met(Measured(GOOD.puts, large, 0, Away(2.1, 60.1, 1))) == {
        "day_mb": False, "day_mb_sealed": False, "rows_gone": False,
        "away_newest": False, "away_complete": False, "away_lost": False,
    }  # fmt: skip
    assert met(replace(GOOD, days={False: replace(DAY, mb=43.0)}))["day_mb"] is False, "a plain day has its own bound"
    assert met(replace(GOOD, gone=1))["rows_gone"] is False


def test_a_row_put_is_told_beside_its_peers_percentile_by_percentile_and_held_to_no_goal():
    case = told(GOOD)["put_ten_hz"]
    assert case.ratios == {"bare_sqlite_p50": 2.0, "bare_sqlite_p99": 0.5}
    assert case.met(loaded=False) is None
    assert told(GOOD)["day_opened"].met(loaded=False) is told(GOOD)["day_read_out"].met(loaded=False) is None


def test_a_busy_machine_is_refused_before_anything_starts(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(outbox, "load_now", lambda: 3.0)
    said: list[str] = []
    with pytest.raises(RefusedInput) as caught:
        bench_outbox(said=said.append, left_out=lambda part, why: said.append(part))
    assert caught.value.key == "bench_busy" and said == []


def test_one_command_measures_all_of_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(lines, "BACKLOG_S", 20)
    monkeypatch.setattr(outbox, "bench_outbox", lambda **how: bench_outbox(Extent(20, 20, 60), **how))
    done = CliRunner().invoke(app, ["outbox", "--busy", "--json"])
    cases = {case["name"]: case for case in json.loads(done.stdout)["cases"]}
    puts = {f"put_{pace}{seal}" for pace in ("ten_hz", "one_hz") for seal in ("", "_sealed")}
    days = {f"day_{what}{seal}" for what in ("mb", "opened", "read_out") for seal in ("", "_sealed")}
    assert set(cases) - {"away_newest", "away_complete", "away_lost"} == puts | days | {"rows_gone"}
    assert cases["rows_gone"]["ours"] == {"p50": 0, "p99": 0}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_case_and_every_peer_has_its_words(language: Language):
    puts = {f"{pace}{seal}": Put([1.0], {"bare_sqlite": [1.0], "bare_valkey": [1.0]})
            for pace in outbox.PACES for seal in ("", "_sealed")}  # fmt: skip
    result = Result("outbox", 0, {"load_before": 0.0}, cases_of(replace(GOOD, puts=puts)))
    assert as_table(result, language).row_count == 14
    for part in ("bare_valkey", "away"):
        assert say("bench.outbox.left_out", language, part=say(f"bench.outbox.{part}", language), why="-")
