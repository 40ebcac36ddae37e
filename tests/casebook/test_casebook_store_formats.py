"""Formats of the stores: an older one is brought up to date, a newer one or one that forgets is refused with why."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from casebook_tales import START, draft
from hypothesis import example, given
from hypothesis import strategies as st
from log_keepers import on_server, on_server_meanwhile
from log_keepers import opened as opened
from log_keepers import postgres_store as postgres_store
from log_keepers import store as store

from casebook.errors import FeedLost, RefusedInput
from casebook.log import Checkpoint, MemoryLog, verify
from casebook.store import rows as r
from casebook.store.migrations import NEWEST, POSTGRES, SQLITE, steps_from
from casebook.store.postgres_pen import HERE, PRESENT, find_weakness

Open = Callable[..., Any]
SECONDS = timezone(timedelta(seconds=30))  # an offset that most writers of JSON cannot say


def test_both_stores_have_the_same_numbers_without_a_gap():
    assert list(SQLITE) == list(POSTGRES) == list(range(1, NEWEST + 1))
    assert [number for number, _ in steps_from(1, SQLITE)] == [2] and steps_from(NEWEST, SQLITE) == []


@given(at=st.datetimes(timezones=st.sampled_from([UTC, ZoneInfo("UTC"), ZoneInfo("Asia/Shanghai"), SECONDS])))
@example(at=datetime(2026, 11, 23, 10, 0, tzinfo=UTC))
def test_an_instant_is_written_as_python_writes_it(at: datetime):
    assert r.write_instant(at) == at.isoformat(timespec="microseconds")
    assert datetime.fromisoformat(r.write_instant(at)) == at


def first_format(file: Path, count: int) -> str:
    """A file as the first format had it; gives the head of its chain."""
    entries = MemoryLog().append([draft(seconds=n) for n in range(count)])
    with sqlite3.connect(file) as db:
        db.executescript(SQLITE[1])
        db.executemany(f"INSERT INTO entry VALUES ({','.join('?' * r.WIDTH)})", r.rows_of(entries))
        db.execute("PRAGMA user_version = 1")
    db.close()
    return entries[-1].hash


def test_a_file_of_the_first_format_goes_on_in_the_newest(tmp_path: Path, opened: Open):
    head = first_format(tmp_path / "log.db", 3)
    log = opened(str(tmp_path / "log.db"))
    assert verify(log.read()) == (3, head) and log.checkpoints() == []
    log.append([draft(seconds=9)])
    assert opened(str(tmp_path / "log.db"))._format() == NEWEST and verify(log.read())[0] == 4


def test_who_only_looks_at_an_old_file_changes_nothing_in_it(tmp_path: Path, opened: Open):
    head = first_format(tmp_path / "log.db", 3)
    log = opened(str(tmp_path / "log.db"), make=False)
    assert verify(log.read()) == (3, head) and log.checkpoints() == [] and log._format() == 1


def test_a_server_of_the_first_format_goes_on_in_the_newest(postgres_store: str, opened: Open):
    on_server(postgres_store, *POSTGRES[1].split(";"), "CREATE TABLE log_format AS SELECT 1 AS version")
    assert opened(postgres_store, make=False).checkpoints() == []
    log = opened(postgres_store)
    signed = Checkpoint(1, log.append([draft()])[0].hash, START, "ab", "cd")
    other = opened(postgres_store)
    assert log.checkpoints() == [] and other.head()[0] == 1
    values = ", ".join(f"'{value}'" for value in r.checkpoint_row(signed))
    on_server(postgres_store, f"INSERT INTO checkpoint VALUES ({values})")
    assert log.checkpoints() == [signed]


def test_a_newer_store_is_refused(postgres_store: str, opened: Open):
    opened(postgres_store)
    on_server(postgres_store, "UPDATE log_format SET version = 99")
    with pytest.raises(RefusedInput) as caught:
        opened(postgres_store)
    assert caught.value.key == "log_too_new" and caught.value.facts["version"] == 99


def test_an_empty_store_is_not_made_by_who_only_looks(store: str, opened: Open):
    with pytest.raises(RefusedInput) as caught:
        opened(store, make=False)
    assert caught.value.key == "log_unreadable"


def test_a_server_that_acknowledges_before_it_flushes_is_refused_in_production(postgres_store: str, opened: Open):
    """`synchronous_commit=off` in the URL stands for a role or database that was set so."""
    careless = f"{postgres_store}&synchronous_commit=off"
    with pytest.raises(RefusedInput) as caught:
        opened(careless)
    assert (caught.value.key, caught.value.facts["setting"]) == ("log_forgets", "synchronous_commit")
    assert opened(careless, lasting=False).head()[0] == 0


def test_a_server_that_may_tear_pages_is_refused(postgres_store: str, opened: Open):
    setting, reload = "full_page_writes", "SELECT pg_reload_conf()"
    on_server(postgres_store, f"ALTER SYSTEM SET {setting} = off", reload)
    try:
        while on_server(postgres_store, f"SHOW {setting}")[0][0] == "on":  # the reload reaches backends in a moment
            pass
        with pytest.raises(RefusedInput) as caught:
            opened(postgres_store)
        assert caught.value.key == "log_forgets" and caught.value.facts["setting"] == setting
    finally:
        on_server(postgres_store, f"ALTER SYSTEM RESET {setting}", reload)
        while on_server(postgres_store, f"SHOW {setting}")[0][0] == "off":
            pass


@pytest.mark.parametrize("weak", ["fsync", "full_page_writes", "synchronous_commit"])
def test_each_setting_that_forgets_is_named(weak: str):
    sound = {"fsync": "on", "full_page_writes": "on", "synchronous_commit": "remote_write"}
    assert find_weakness(sound) is None and find_weakness({**sound, weak: "off"}) == weak


def test_hubs_share_a_store_but_not_with_one_of_before_that_writes_alone(postgres_store: str, opened: Open):
    first, second = opened(postgres_store, shared=True), opened(postgres_store, shared=True)
    assert first.append([draft()])[0].seq == 1 and second.append([draft()])[0].seq == 2
    alone = f"SELECT pg_try_advisory_lock({PRESENT}, {HERE})"
    assert on_server(postgres_store, alone)[0][0] is False, "a hub of before would be refused"
    for log in (first, second):
        log.close()
    on_server(postgres_store, alone, f"SELECT pg_advisory_unlock({PRESENT}, {HERE})")
    assert verify(opened(postgres_store, make=False).read())[0] == 2, "reading is for everybody"


def test_a_hub_does_not_start_beside_one_of_before(postgres_store: str, opened: Open):
    opened(postgres_store).close()
    with on_server_meanwhile(postgres_store, f"SELECT pg_try_advisory_lock({PRESENT}, {HERE})"):
        with pytest.raises(RefusedInput) as caught:
            opened(postgres_store, shared=True)
        assert caught.value.key == "log_in_use"


def test_a_server_that_is_not_there_is_told_in_words_and_without_the_password(tmp_path: Path, opened: Open):
    with pytest.raises(FeedLost) as caught:
        opened(f"postgresql://aboard:secret@/postgres?host={tmp_path}")
    assert caught.value.key == "log_silent" and "secret" not in str(caught.value)
