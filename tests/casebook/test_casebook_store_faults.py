"""The store goes away while facts wait: no acknowledgement without a commit, nothing lost, nothing written twice."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from casebook_tales import START, draft
from log_keepers import on_server
from log_keepers import opened as opened
from log_keepers import postgres_store as postgres_store
from log_keepers import store as store

from casebook.book import Book
from casebook.clock import JumpClock
from casebook.errors import AlreadyHeld, CoordinationError, FeedLost
from casebook.log import GENESIS, ChainBroken, Claim, LogMovedOn, RowTwice, Source, Written, verify
from casebook.store import postgres_log, postgres_pen
from casebook.store.postgres_statements import MANY
from casebook.store.rows import entry_of

Open = Callable[..., Any]
END_OTHERS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND query <> ''"


def test_a_connection_that_is_cut_is_made_again_and_the_batch_stands_once(postgres_store: str, opened: Open):
    log = opened(postgres_store, shared=True)
    log.append([draft()])
    for number in range(1, 4):
        on_server(postgres_store, END_OTHERS)
        assert log.head()[0] == number, "readers come back, too"
        assert log.append([draft()])[0].seq == number + 1
    assert verify(log.read())[0] == 4


@pytest.mark.parametrize("committed", [True, False])
def test_when_the_answer_to_a_commit_is_lost_the_store_is_asked_whether_it_was_done(
    postgres_store: str, opened: Open, committed: bool
):
    log, real, lost = opened(postgres_store, shared=True), postgres_log.PostgresLog._writing, []

    @asynccontextmanager
    async def losing(self: Any) -> AsyncIterator[Any]:
        async with real(self) as pen:
            yield pen
            if not lost and not committed:
                lost.append(pen)
                raise asyncpg.ConnectionDoesNotExistError("cut before the commit")
        if not lost:
            lost.append(pen)
            pen.terminate()
            raise asyncpg.ConnectionDoesNotExistError("cut after the commit")

    log._writing = losing.__get__(log)
    (entry,) = log.append([draft(source=Source("A01", "e", 1), asked="k")])
    assert len(lost) == 1 and entry.seq == 1
    assert log.append([draft()])[0].seq == 2
    assert verify(log.read())[0] == 2 and log.find_asked("k") == [1]


def test_a_store_that_stays_away_is_told_and_nothing_was_acknowledged(
    postgres_store: str, opened: Open, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(postgres_log, "PATIENCE_S", 0.0)
    log, real = opened(postgres_store), log_url(opened(postgres_store))
    log._url = "postgresql://aboard@/postgres?host=/nowhere"
    on_server(postgres_store, END_OTHERS)
    with pytest.raises(FeedLost):
        log.append([draft()])
    log._url = real
    assert log.append([draft()])[0].seq == 1, "it goes on by itself when the store is there again"


def log_url(log: Any) -> str:
    return log._url


def test_who_lost_the_pen_writes_nothing_that_rests_on_an_old_picture(postgres_store: str, opened: Open):
    log, other = opened(postgres_store, shared=True), opened(postgres_store, shared=True)
    assert log.take_pen(0) == []
    log._pen.terminate()  # its machine hangs, and the server takes the pen away
    other.append([draft()])
    with pytest.raises(LogMovedOn):
        log.append([draft()])
    assert [entry.seq for entry in log.take_pen(0)] == [1] and log.append([draft()])[0].seq == 2


def test_the_server_takes_the_pen_from_a_hub_that_keeps_it_and_says_nothing(
    postgres_store: str, opened: Open, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(postgres_pen.WATCHED, "idle_in_transaction_session_timeout", "200ms")
    stalled, other = opened(postgres_store, shared=True), opened(postgres_store, shared=True)
    stalled.take_pen(0)
    assert other.append([draft()])[0].seq == 1, "it waited no longer than the server lets anybody wait"
    with pytest.raises(LogMovedOn):
        stalled.append([draft()])


def test_without_the_pen_only_who_knows_the_last_entry_writes(postgres_store: str, opened: Open):
    log, other = opened(postgres_store, shared=True), opened(postgres_store, shared=True)
    first = log.append_on((0, GENESIS), [draft()])[0]
    second = other.append_on((1, first.hash), [draft(source=Source("A01", "e", 1))])[0]
    for top in ((0, GENESIS), (1, first.hash), (2, first.hash), (3, second.hash)):
        with pytest.raises(LogMovedOn):
            log.append_on(top, [draft()])
    with pytest.raises(RowTwice):
        log.append_on((2, second.hash), [draft(source=Source("A01", "e", 1))])
    wanted = Claim("bay:s", "I1-A", START + timedelta(hours=1))
    third = log.append_on((2, second.hash), [draft(claims=(wanted,))])[0]
    with pytest.raises(AlreadyHeld):
        other.append_on((3, third.hash), [draft(claims=(Claim(wanted.key, "I2-A", wanted.until),))])
    assert verify(log.read()) == (3, third.hash)


def test_many_rows_at_once_stand_only_behind_the_last_entry_and_are_refused_whole(postgres_store: str, opened: Open):
    log, other = opened(postgres_store, shared=True), opened(postgres_store, shared=True)
    wave = [draft(seconds=n, source=Source("A01", "e", n)) for n in range(1, MANY + 1)]
    last = log.append_on((0, GENESIS), wave)[-1]
    more = [draft(seconds=n, source=Source("A02", "e", n)) for n in range(1, MANY + 1)]
    for top in ((0, GENESIS), (last.seq, GENESIS), (last.seq - 1, last.prev), (last.seq + 1, last.hash)):
        with pytest.raises(LogMovedOn):
            other.append_on(top, more)
    with pytest.raises(RowTwice):
        other.append_on((last.seq, last.hash), [*more[1:], wave[0]])
    first, behind = other.submit_on((last.seq, last.hash), more), None
    behind = other.submit_on((0, GENESIS), [draft()], after=first)
    assert [entry.seq for entry in (*first.result()[:1], *behind.result())] == [MANY + 1, 2 * MANY + 1]
    assert verify(log.read()) == log.head() and log.head()[0] == 2 * MANY + 1
    assert [entry.source.seq for entry in log.read() if entry.source] == 2 * list(range(1, MANY + 1))


@pytest.mark.parametrize("rows", [1, MANY])
@pytest.mark.parametrize("many", [1, 4])
@pytest.mark.parametrize("writes", [True, False])
def test_who_writes_without_the_pen_waits_for_who_has_it_and_if_that_one_wrote_nothing_is_written_nor_what_is_behind(
    postgres_store: str, opened: Open, writes: bool, many: int, rows: int
):
    log, other = opened(postgres_store, shared=True), opened(postgres_store, shared=True)
    other.take_pen(0)
    row: list[Written] = []
    for number in range(many):
        some = [draft(source=Source(f"A{number}", "e", n + 1)) for n in range(rows)]
        row.append(log.submit_on((0, GENESIS), some, row[-1] if row else None))
    while not on_server(postgres_store, "SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"):
        assert not any(one.done() for one in row)
    if writes:
        other.append([draft()])
        for one in row:
            with pytest.raises(LogMovedOn):
                one.result()
    else:
        other.lay_down_pen()
        assert [entry.seq for one in row for entry in one.result()] == list(range(1, many * rows + 1))
    assert verify(log.read())[0] == (1 if writes else many * rows)
    last = log.head()
    assert log.append_on(last, [draft()])[0].seq == last[0] + 1, "and the next is taken as ever"


def cut_once(log: Any, *, committed: bool) -> None:
    """The connection breaks at the next commit, after or before the server has done it."""
    real = log._write_on

    async def losing(ahead: Any, doubt: Any) -> Any:
        log._write_on = real
        if committed:
            await real(ahead, doubt)
        else:
            doubt[:] = [ahead.laid]
        log._pen.terminate()
        raise asyncpg.ConnectionDoesNotExistError("cut")

    log._write_on = losing


def test_behind_a_commit_that_is_told_as_lost_nothing_is_written_even_where_it_stands(
    postgres_store: str, opened: Open, monkeypatch: pytest.MonkeyPatch
):
    log = opened(postgres_store, shared=True)
    monkeypatch.setattr(postgres_log, "PATIENCE_S", 0.0)
    cut_once(log, committed=True)
    first = log.submit_on((0, GENESIS), [draft()])
    behind = log.submit_on((0, GENESIS), [draft()], first)
    with pytest.raises(FeedLost):
        first.result()
    with pytest.raises(LogMovedOn):
        behind.result()
    assert log.head()[0] == 1


def test_a_writer_that_is_closed_has_answered_all_that_was_on_its_way(postgres_store: str, opened: Open):
    log = opened(postgres_store, shared=True)
    first = log.submit_on((0, GENESIS), [draft(seconds=n) for n in range(MANY)])
    behind = log.submit_on((0, GENESIS), [draft()], first)
    log.close()
    assert first.done() and behind.done() and behind.result()[0].seq == MANY + 1


def chained_by(log: Any, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The threads that chain, in order."""
    real, names = postgres_log.lay, []

    def told(*given: Any) -> Any:
        names.append(threading.current_thread().name)
        return real(*given)

    monkeypatch.setattr(postgres_log, "lay", told)
    return names


def test_a_batch_is_chained_by_who_hands_it_over_while_the_writer_rests_else_by_the_writer(
    postgres_store: str, opened: Open, monkeypatch: pytest.MonkeyPatch
):
    log, here = opened(postgres_store, shared=True), threading.current_thread().name
    last = log.append([draft()])[-1]
    while log._writer._busy.locked():
        pass
    names = chained_by(log, monkeypatch)
    first = log.submit_on((last.seq, last.hash), [draft(seconds=1)])
    behind = log.submit_on((0, GENESIS), [draft(seconds=2)], first)
    with log._writer._busy:
        third = log.submit_on((0, GENESIS), [draft(seconds=3)], behind)
        fourth = log.submit_on((0, GENESIS), [draft(seconds=4)], third)
    assert [one.result(30)[0].seq for one in (first, behind, third, fourth)] == [2, 3, 4, 5]
    assert names[:2] == [here, here] and here not in names[2:] and len(names) == 4
    assert verify(log.read()) == log.head()


def test_who_hands_over_never_waits_for_what_is_on_its_way(postgres_store: str, opened: Open):
    log, other = opened(postgres_store, shared=True), opened(postgres_store, shared=True)
    last = log.append([draft()])[-1]
    top = (last.seq, last.hash)
    while log._writer._busy.locked():
        pass
    other.take_pen(1)
    first = log.submit_on(top, [draft(seconds=1)])
    apart = log.submit_on(top, [draft(seconds=2)])
    behind = log.submit_on(top, [draft(seconds=3)], apart)
    after_all = log.submit([draft(seconds=4)])
    assert not any(one.done() for one in (first, apart, behind, after_all)), "handed over, and nobody has written"
    other.lay_down_pen()
    assert [one.result(30)[0].seq for one in (first, after_all)] == [2, 3]
    for one in (apart, behind):
        with pytest.raises(LogMovedOn):
            one.result(30)


@pytest.mark.parametrize("rows", [1, MANY])
@pytest.mark.parametrize("committed", [True, False])
def test_what_was_written_without_the_pen_stands_once_however_the_connection_is_cut(
    postgres_store: str, opened: Open, committed: bool, rows: int
):
    log, top = opened(postgres_store, shared=True), (0, GENESIS)
    cut_once(log, committed=committed)
    first = log.submit_on(top, [draft(source=Source("A01", "e", n + 1)) for n in range(rows)])
    behind = log.submit_on(top, [draft(source=Source("A02", "e", n + 1)) for n in range(rows)], first)
    last = (*first.result(), *behind.result())[-1]
    on_server(postgres_store, END_OTHERS)
    more = log.append_on((last.seq, last.hash), [draft(seconds=n) for n in range(rows)])
    assert [more[0].seq, verify(log.read())[0]] == [2 * rows + 1, 3 * rows]


def test_a_full_disk_refuses_the_batch_in_words_and_takes_the_next_when_there_is_room(tmp_path: Path, opened: Open):
    log = opened(str(tmp_path / "log.db"))
    log.append([draft()])
    pages = log._db.execute("PRAGMA page_count").fetchone()[0]
    log._db.execute(f"PRAGMA max_page_count = {pages + 2}")
    with pytest.raises(FeedLost) as caught:
        log.append([draft(body={"unit": "x" * 100_000})])
    assert caught.value.key == "log_silent" and "full" in str(caught.value)
    log._db.execute("PRAGMA max_page_count = 1000000")
    assert log.append([draft(body={"unit": "x" * 100_000})])[0].seq == 2
    assert verify(log.read())[0] == 2


WRITER = """
import sys
sys.path[:0] = sys.argv[2:]
from casebook_tales import draft
from casebook.log import Source
from casebook.store.opening import open_log
log = open_log(sys.argv[1])
for number in range(1, 100_000):
    log.append([draft(source=Source("A01", "e", number))])
    print(number, flush=True)
"""


@pytest.mark.parametrize("after", [1, 20, 57])
def test_what_was_acknowledged_is_there_after_the_writer_was_killed(store: str, opened: Open, after: int):
    here = Path(__file__).resolve()
    opened(store)
    command = [sys.executable, "-c", WRITER, store, str(here.parent), str(here.parents[2])]
    writer = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ)
    assert writer.stdout is not None
    told = [writer.stdout.readline() for _ in range(after)]
    os.kill(writer.pid, signal.SIGKILL)
    with writer:  # by the same reader, which has read ahead
        acknowledged = int([*told, *writer.stdout.read().split()][-1])
    log = opened(store)
    assert acknowledged <= log.through("A01", "e") <= acknowledged + 1
    assert verify(log.read())[0] == log.through("A01", "e")


def test_a_hub_does_not_start_on_a_record_that_was_altered(tmp_path: Path, opened: Open):
    log = opened(str(tmp_path / "log.db"))
    log.append([draft("unit_enrolled", body={"unit": "A01"}), draft()])
    log.close()
    with sqlite3.connect(tmp_path / "log.db") as db:
        db.execute("UPDATE entry SET who = 'somebody else' WHERE seq = 1")
    db.close()
    with pytest.raises(ChainBroken) as caught:
        Book.open(opened(str(tmp_path / "log.db")), JumpClock(START))
    assert caught.value.facts["seq"] == 1


def test_a_damaged_page_is_told_in_words_and_so_is_a_row_of_which_nothing_can_be_read(tmp_path: Path, opened: Open):
    file = tmp_path / "log.db"
    log = opened(str(file))
    log.append([draft(seconds=second) for second in range(300)])
    log.close()
    raw = bytearray(file.read_bytes())
    raw[len(raw) // 2 : len(raw) // 2 + 8192] = bytes(8192)
    file.write_bytes(raw)
    with pytest.raises(CoordinationError):
        verify(opened(str(file), make=False).read())
    entry = entry_of((1, "unit_enrolled", 1, None, None, None, "desk", "hub", "", None, None, None, "", GENESIS, ""))
    with pytest.raises(ChainBroken):
        verify(iter([entry]))


def held_up(log: Any) -> tuple[list[int], threading.Event]:
    """(how many batches each transaction takes, what lets the writer go on with the first)"""
    groups, gate, real = list[int](), threading.Event(), log._writer._commit

    def slowly(batches: Any, top: Any) -> Any:
        groups.append(len(batches))
        gate.wait(30)
        return real(batches, top)

    log._writer._commit = slowly
    return groups, gate


def test_batches_that_queue_during_a_flush_share_the_next_one(store: str, opened: Open):
    """Held up once, the writer takes all that waited in one transaction."""
    log = opened(store)
    groups, gate = held_up(log)
    answers = [log.submit([draft(seconds=n)]) for n in range(50)]
    gate.set()
    assert [answer.result(30)[0].seq for answer in answers] == list(range(1, 51))
    assert len(groups) <= 2 and sum(groups) == 50


def test_what_rests_on_a_batch_is_written_after_it_and_not_with_it(store: str, opened: Open):
    log = opened(store)
    groups, gate = held_up(log)
    log.submit([draft()])
    first = log.submit([draft(seconds=1)])
    second = log.submit([draft(seconds=2)], after=first)
    third = log.submit([draft(seconds=3)])
    gate.set()
    assert [one.result(30)[0].seq for one in (first, second, third)] == [2, 3, 4]
    assert groups[-1] == 2 and sum(groups) == 4
    assert verify(log.read()) == log.head()


def test_what_rests_on_a_batch_that_was_refused_is_not_written(store: str, opened: Open):
    log = opened(store)
    taken, told = draft(source=Source("A01", "e1", 1)), draft(seconds=1, source=Source("A01", "e1", 2))
    log.append([taken])
    again = log.submit([taken])
    behind = log.submit([told], after=again)
    further = log.submit([draft(seconds=2)], after=behind)
    with pytest.raises(RowTwice):
        again.result(30)
    for one in (behind, further):
        with pytest.raises(LogMovedOn):
            one.result(30)
    assert log.head()[0] == 1
    assert log.submit([told]).result(30)[0].seq == 2, "and the writer goes on"
