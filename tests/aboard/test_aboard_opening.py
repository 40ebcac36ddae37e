"""A hub starts on its book only while that is what it wrote down of it beside it."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest

from aboard.opening import open_book
from casebook import events as e
from casebook.book import Book
from casebook.clock import JumpClock
from casebook.errors import RefusedInput
from casebook.log import By, ChainBroken
from casebook.place import Place
from casebook.sqlite_log import SqliteLog
from casebook.store.migrations import NEWEST
from casebook.store.restoring import hash_of
from casebook.store.seals import KEY, TRUSTED, WITNESS, last_told, seal_of

NOON = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
DESK, HERE = By("desk", "test"), Place(31.0, 121.2)


@pytest.fixture
async def hub(tmp_path: Path) -> Path:
    """The folder of a hub that ended in order with six entries, the last one sealed."""
    await write_on(tmp_path, 6)
    return tmp_path


async def write_on(folder: Path, count: int) -> str:
    log = SqliteLog(folder / "book.sqlite", sign=seal_of(folder).sign)
    book = Book.open(log, JumpClock(NOON))
    for number in range(book.picture.seq, book.picture.seq + count):
        fact = e.IncidentOpened(f"I{number}", HERE, "traffic", 1, "120", "two cars")
        await book.write(lambda picture, fact=fact: [fact], DESK)
    log.close()
    return hash_of(book.picture)


def by_hand(folder: Path, *statements: str) -> None:
    with sqlite3.connect(folder / "book.sqlite") as db:
        for statement in statements:
            db.execute(statement)
    db.close()


def started(folder: Path, *, drill: bool = False) -> tuple[int, list[str]]:
    """(entries in the picture, what is told on the console)"""
    log = SqliteLog(folder / "book.sqlite")
    try:
        book, told = open_book(log, JumpClock(NOON), seal_of(folder), drill=drill)
        return book.picture.seq, [one.id for one in told]
    finally:
        log.close()


def refused(folder: Path) -> tuple[str, int]:
    """(why, the first entry that is not as told)"""
    with pytest.raises(ChainBroken) as caught:
        started(folder)
    assert "?" not in caught.value.said("zh") and caught.value.said("en")
    return caught.value.facts["why"], caught.value.facts["seq"]


CUT = ("DELETE FROM entry WHERE seq > 4", "DELETE FROM checkpoint")


async def test_a_book_that_is_as_it_was_told_starts_and_nothing_is_said(hub: Path):
    assert started(hub) == (6, [])
    await write_on(hub, 3)
    assert started(hub) == (9, [])


async def test_a_new_hub_has_told_nothing_yet(tmp_path: Path):
    assert started(tmp_path) == (0, [])


async def test_a_cut_off_end_is_refused_though_its_checkpoints_are_gone_too(hub: Path):
    by_hand(hub, *CUT)
    assert refused(hub) == ("cut_since_told", 5)


async def test_a_book_that_is_gone_while_its_witness_is_there_is_no_new_book(hub: Path):
    (hub / "book.sqlite").unlink()
    assert refused(hub) == ("cut_since_told", 1)


async def test_an_older_backup_starts_once_its_witness_was_put_away(hub: Path):
    by_hand(hub, *CUT)
    (hub / WITNESS).rename(hub / "kept-elsewhere")
    assert started(hub) == (4, [])
    await write_on(hub, 1)
    assert started(hub) == (5, [])


async def test_a_witness_that_is_gone_while_the_book_knows_of_it_is_told_on_the_console(hub: Path):
    (hub / WITNESS).unlink()
    assert started(hub) == (6, ["unwitnessed"])
    await write_on(hub, 1)
    assert started(hub) == (7, [])


async def test_a_book_written_anew_with_a_right_chain_is_refused(hub: Path, tmp_path: Path):
    other = tmp_path / "other"
    log = SqliteLog(other / "book.sqlite")
    book = Book.open(log, JumpClock(NOON))
    facts = [e.IncidentOpened(f"I{number}", HERE, "traffic", 1, "120", "one car") for number in range(8)]
    await book.write(lambda picture: facts, DESK)
    log.close()
    (other / "book.sqlite").replace(hub / "book.sqlite")
    assert refused(hub) == ("rewritten", 1)


@pytest.mark.parametrize(
    ("statement", "why", "seq"),
    [
        ("UPDATE entry SET body = '{}' WHERE seq = 3", "altered", 3),
        ("DELETE FROM entry WHERE seq = 4", "missing", 4),
        ("DELETE FROM entry WHERE seq > 4", "cut", 5),
        ("UPDATE checkpoint SET signature = '00'", "unsigned", 6),
    ],
)
async def test_a_chain_that_does_not_hold_is_refused_with_the_first_bad_entry(
    hub: Path, statement: str, why: str, seq: int
):
    by_hand(hub, statement)
    assert refused(hub) == (why, seq)


async def test_a_checkpoint_that_nobody_vouched_for_is_no_witness(hub: Path, tmp_path: Path):
    """Somebody with the folder cuts the end, and signs what is left with a key of his own."""
    by_hand(hub, *CUT)
    (hub / WITNESS).unlink()
    forger = seal_of(tmp_path / "forger")
    log = SqliteLog(hub / "book.sqlite")
    forger.sign(list(log.read())[-1])
    log.close()
    forger.witness.rename(hub / WITNESS)
    assert refused(hub) == ("unsigned", 4)


async def test_a_new_key_goes_on_where_the_old_one_is_still_vouched_for(hub: Path):
    (hub / KEY).unlink()
    assert started(hub) == (6, [])
    assert len((hub / TRUSTED).read_text().split()) == 2


async def test_a_drill_goes_on_without_a_lost_end_and_says_so(hub: Path):
    by_hand(hub, *CUT)
    assert started(hub, drill=True) == (4, ["log_differs"])


@pytest.mark.parametrize("torn", [b'{"seq":9,"ha', b"\xff"])
async def test_a_line_that_a_full_disk_left_half_written_spoils_no_later_one(hub: Path, torn: bytes):
    with (hub / WITNESS).open("ab") as file:
        file.write(torn)
    assert started(hub) == (6, [])
    await write_on(hub, 1)
    newest = last_told(hub / WITNESS)
    assert newest is not None and newest.seq == 7
    assert started(hub) == (7, [])


async def test_a_witness_that_is_no_witness_is_refused_by_its_name(hub: Path):
    (hub / WITNESS).write_bytes(b"shopping list\n")
    with pytest.raises(RefusedInput) as caught:
        started(hub)
    assert caught.value.key == "seal_unusable" and WITNESS in caught.value.said("en")


async def test_a_book_of_a_newer_program_is_refused_and_left_as_it_is(hub: Path):
    by_hand(hub, f"PRAGMA user_version = {NEWEST + 1}")
    before = (hub / "book.sqlite").read_bytes()
    with pytest.raises(RefusedInput) as caught:
        started(hub)
    assert caught.value.key == "log_too_new" and (hub / "book.sqlite").read_bytes() == before


def test_what_a_start_costs_does_not_grow_with_what_was_signed(hub: Path, monkeypatch: pytest.MonkeyPatch):
    """One entry is read beside the fold, and two signatures are checked, however many there are."""
    from casebook.store import seals

    checked: list[int] = []
    true = seals._must_be_signed
    monkeypatch.setattr(seals, "_must_be_signed", lambda mark, trusted: (checked.append(mark.seq), true(mark, trusted)))
    seal, log = seal_of(hub), SqliteLog(hub / "book.sqlite")
    for entry in log.read():
        seal.sign(entry)
    log.close()
    assert started(hub) == (6, []) and checked == [6, 6]


async def test_who_listens_hears_what_is_there_and_what_comes(hub: Path):
    heard: list[int] = []
    log = SqliteLog(hub / "book.sqlite")
    try:
        book, _ = open_book(
            log,
            JumpClock(NOON),
            seal_of(hub),
            drill=False,
            hear=lambda entries: heard.extend(one.seq for one in entries),
        )
        await book.write(lambda picture: [e.IncidentOpened("I9", HERE, "traffic", 1, "120", "x")], DESK)
    finally:
        log.close()
    assert heard == [1, 2, 3, 4, 5, 6, 7]
