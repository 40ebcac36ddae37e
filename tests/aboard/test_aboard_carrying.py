"""A hub with a long book begins with the picture that it kept, and checks behind what its start did not read."""

from __future__ import annotations

import asyncio
import logging
import shutil
import sqlite3
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from aboard import carrying, hub_setup
from aboard.carrying import FILE, Behind, Carrying
from aboard.health.judging import Concern
from aboard.hub_setup import open_hub
from aboard.opening import open_book
from casebook import events as e
from casebook.clock import JumpClock
from casebook.ledger_now import LedgerNow
from casebook.log import By, ChainBroken
from casebook.place import Place
from casebook.sqlite_log import SqliteLog
from casebook.store import carried as kept_pictures
from casebook.store.carried import BLANK
from casebook.store.restoring import fold_all, hash_of
from casebook.store.seals import KEY, TRUSTED, WITNESS, seal_of
from media.sealed_file import DiskSeal, is_sealed

NOON = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
DESK, CREW, HERE = By("desk", "test"), By("paramedic", "A01"), Place(31.0, 121.2)
OPENING: tuple[e.Event, ...] = (
    e.UnitEnrolled("A01", "ambulance", "车", "car", "d", HERE),
    e.IncidentOpened("I1", HERE, "traffic", 1, "120", "two cars"),
    e.CasualtyFound("I1-A", "I1", "A"),
)
DISK = DiskSeal(b"k" * 32)


class Life:
    """One life of a hub's book, as aboard/hub_setup.py opens it; `read`: how many entries it folded at its start."""

    def __init__(self, folder: Path, *, disk: DiskSeal | None = None, every: int = 10, at_end: int = 5) -> None:
        seal = seal_of(folder)
        self.log = SqliteLog(folder / "book.sqlite", sign=seal.sign)
        self.ledger = LedgerNow()
        self.carrying = Carrying(folder / FILE, seal, disk or DiskSeal(), self.ledger, every=every, at_end=at_end)
        self.carried = self.carrying.find(self.log)
        self.read = 0
        try:
            self.book, self.told = open_book(
                self.log, JumpClock(NOON), seal, drill=False, hear=self._hear, carried=self.carried
            )
        except BaseException:
            self.log.close()
            raise

    def _hear(self, entries) -> None:
        self.read += len(entries)
        self.carrying.hear(entries)

    async def goes_on(self, samples: int) -> Life:
        if not self.book.picture.seq:
            await self.book.write(lambda picture: OPENING, DESK)
        self.read = 0
        for _ in range(samples):
            at = NOON + timedelta(seconds=self.book.picture.seq)
            await self.book.write(lambda picture: [e.VitalsRecorded("I1-A", "A01", {"hr_bpm": 80})], CREW, at)
        return self

    def ends(self) -> tuple[str, object]:
        """What it knew."""
        entries = list(self.log.read())
        self.log.close()
        assert hash_of(self.book.picture) == hash_of(fold_all(entries))
        return hash_of(self.book.picture), self.ledger.find("I1-A")


async def kept(folder: Path, *, before: int = 20, after: int = 7, disk: DiskSeal | None = None) -> tuple[str, object]:
    """A hub that kept its picture, wrote on, and was killed."""
    life = await Life(folder, disk=disk).goes_on(before)
    await life.carrying.keep(life.book)
    await life.goes_on(after)
    return life.ends()


def started(folder: Path, **settings) -> tuple[int, tuple[str, object]]:
    """(how many entries a start read, what it knows then)"""
    life = Life(folder, **settings)
    return life.read, life.ends()


async def test_a_start_reads_only_what_came_after_and_knows_the_same(tmp_path: Path):
    knew = await kept(tmp_path)
    assert started(tmp_path) == (7, knew)
    (tmp_path / FILE).unlink()
    assert started(tmp_path) == (30, knew), "it may be deleted at any time"


async def test_a_second_life_keeps_on_from_the_first(tmp_path: Path):
    await kept(tmp_path)
    life = await Life(tmp_path).goes_on(5)
    await life.carrying.keep(life.book)
    assert started(tmp_path)[0] == 0 and life.carrying.kept == 35
    life.ends()


async def test_a_start_with_nothing_after_it_has_nothing_new_to_keep(tmp_path: Path):
    await kept(tmp_path, after=0)
    before = (tmp_path / FILE).stat().st_ino
    life = Life(tmp_path)
    await life.carrying.keep(life.book)
    assert life.read == 0 and (tmp_path / FILE).stat().st_ino == before
    life.ends()


async def test_with_a_disk_key_nobody_reads_it_and_another_key_takes_none(tmp_path: Path, caplog):
    knew = await kept(tmp_path, disk=DISK)
    assert is_sealed(tmp_path / FILE) and (tmp_path / FILE).stat().st_mode & 0o777 == 0o600
    assert started(tmp_path, disk=DISK) == (7, knew)
    for other in (DiskSeal(b"o" * 32), DiskSeal()):
        assert started(tmp_path, disk=other) == (30, knew)
    assert caplog.messages == [f"{FILE} is not taken (SealedElsewhere): the whole log is read"] * 2


def cut(folder: Path) -> None:
    (folder / FILE).write_bytes((folder / FILE).read_bytes()[:-1])


def flip(folder: Path) -> None:
    raw = bytearray((folder / FILE).read_bytes())
    raw[-9] ^= 1
    (folder / FILE).write_bytes(raw)


def empty(folder: Path) -> None:
    (folder / FILE).write_bytes(b"")


def new_key(folder: Path) -> None:
    (folder / KEY).unlink()


def folder_in_its_place(folder: Path) -> None:
    (folder / FILE).unlink()
    (folder / FILE).mkdir()


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (cut, "cut"),
        (flip, "altered"),
        (empty, "unreadable"),
        (new_key, "signer"),
        (folder_in_its_place, "IsADirectoryError"),
    ],
)
async def test_what_cannot_be_taken_is_told_in_one_line_and_the_whole_log_is_read(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, wrong: Callable[[Path], None], why: str
):
    knew = await kept(tmp_path)
    wrong(tmp_path)
    assert started(tmp_path) == (30, knew)
    assert [one.getMessage() for one in caplog.records if one.levelno >= logging.WARNING] == [
        f"{FILE} is not taken ({why}): the whole log is read"
    ]


async def test_another_program_reads_the_whole_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    knew = await kept(tmp_path)
    monkeypatch.setattr(kept_pictures, "fold_version", lambda: "another")
    assert started(tmp_path) == (30, knew)


def by_hand(folder: Path, *statements: str) -> None:
    with sqlite3.connect(folder / "book.sqlite") as db:
        for statement in statements:
            db.execute(statement)
    db.close()


async def test_a_log_whose_end_is_gone_is_told_as_ever(tmp_path: Path):
    await kept(tmp_path)
    by_hand(tmp_path, "DELETE FROM entry WHERE seq > 12", "DELETE FROM checkpoint")
    with pytest.raises(ChainBroken) as caught:
        Life(tmp_path)
    assert (caught.value.facts["why"], caught.value.facts["seq"]) == ("cut_since_told", 13)
    (tmp_path / WITNESS).rename(tmp_path / "kept-elsewhere")  # on purpose: an older backup
    assert started(tmp_path)[0] == 12


@pytest.mark.parametrize("after", ["DELETE FROM entry WHERE seq = 26", "UPDATE entry SET who = 'x' WHERE seq = 26"])
async def test_what_follows_is_checked_at_the_start(tmp_path: Path, after: str):
    await kept(tmp_path)
    by_hand(tmp_path, after)
    with pytest.raises(ChainBroken) as caught:
        Life(tmp_path)
    assert caught.value.facts["seq"] == 26


# --- what lies before


async def behind(folder: Path) -> tuple[int, list[Concern]]:
    """(entries left unchecked, what was found)"""
    found: list[Concern] = []
    life = Life(folder)
    try:
        one = Behind(life.carried, lambda: life.log, found.append)
        assert one.left == 23
        await one.check(life.log)
        return one.left, found
    finally:
        life.log.close()


async def test_what_lies_before_is_checked_behind_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    await kept(tmp_path)
    for at_once in (4, 23, 1000):
        monkeypatch.setattr(carrying, "CHECKED_AT_ONCE", at_once)
        assert await behind(tmp_path) == (0, [])


@pytest.mark.parametrize("seq", [1, 2, 11, 22])
@pytest.mark.parametrize("edit", ["UPDATE entry SET who = 'x' WHERE seq = {}", "DELETE FROM entry WHERE seq = {}"])
async def test_somebody_who_edits_what_lies_before_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seq: int, edit: str
):
    monkeypatch.setattr(carrying, "CHECKED_AT_ONCE", 10)
    await kept(tmp_path)
    by_hand(tmp_path, edit.format(seq))
    assert await behind(tmp_path) == (0, [Concern("log_altered", "stop", {"seq": seq})])


# --- in a hub


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(carrying, "LOOK_S", 0.001)
    monkeypatch.setattr(hub_setup, "Carrying", partial(Carrying, every=10, at_end=5))


async def until(so: Callable[[], object]) -> None:
    async with asyncio.timeout(60):
        while not so():  # noqa: ASYNC110 - what a thread does tells no loop
            await asyncio.sleep(0.005)


async def in_hub(folder: Path, act: Callable[..., Awaitable[None]]) -> str:
    """What a hub that ended in order knew."""
    hub, _ = await open_hub(folder, "yangtze_delta", JumpClock(NOON))
    async with hub.running():
        await act(hub)
    return hash_of(hub.book.picture)


async def test_a_hub_keeps_its_picture_while_it_runs_and_when_it_ends(quick: None, tmp_path: Path, caplog):
    caplog.set_level(logging.INFO, "aboard.carrying")

    async def first(hub) -> None:
        await until(lambda: hub.carrying.kept >= 10)
        assert hub.behind.left == 0
        for number in range(6):
            fact = e.IncidentOpened(f"I{number}", HERE, "traffic", 1, "120", "")
            await hub.book.write(lambda picture, fact=fact: [fact], DESK)
        assert f"aboard_entry_carried {hub.carrying.kept}.0" in hub.health._metrics.text().decode()

    async def second(hub) -> None:
        assert hub.carrying.kept == hub.book.picture.seq
        await until(lambda: hub.behind.left == 0)
        assert hub.health.standing == []

    knew = await in_hub(tmp_path, first)
    assert await in_hub(tmp_path, second) == knew
    taken, checked = [one for one in caplog.messages if FILE in one or "hold" in one]
    assert taken.startswith(f"{FILE} is taken") and checked.endswith("began with hold")


async def test_a_hub_that_finds_an_edit_behind_says_so_and_starts_no_more(quick: None, tmp_path: Path):
    async def keeps(hub) -> None:
        await until(lambda: hub.carrying.kept)

    async def tells(hub) -> None:
        await until(lambda: hub.health.standing)
        assert [one.key for one in hub.health.standing] == ["log_altered"] and not (tmp_path / FILE).exists()
        for number in range(12):
            fact = e.IncidentOpened(f"I{number}", HERE, "traffic", 1, "120", "")
            await hub.book.write(lambda picture, fact=fact: [fact], DESK)

    await in_hub(tmp_path, keeps)
    by_hand(tmp_path, "UPDATE entry SET who = 'somebody' WHERE seq = 3")
    await in_hub(tmp_path, tells)
    assert not (tmp_path / FILE).exists(), "nor does it keep another"
    with pytest.raises(ChainBroken):
        await open_hub(tmp_path, "yangtze_delta", JumpClock(NOON))


async def test_a_disk_that_takes_nothing_leaves_the_older_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    await kept(tmp_path)
    before = (tmp_path / FILE).read_bytes()
    monkeypatch.setattr(carrying, "LOOK_S", 0.001)
    life = await Life(tmp_path).goes_on(20)

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(carrying.os, "fsync", full)
    running = asyncio.create_task(life.carrying.run(life.book))
    await until(lambda: caplog.messages)
    running.cancel()
    await asyncio.wait([running])
    monkeypatch.undo()
    assert (tmp_path / FILE).read_bytes() == before and "older one stays" in caplog.messages[0]
    assert started(tmp_path)[0] == 27
    life.ends()


async def test_a_copy_of_the_folder_starts_as_the_folder_does(tmp_path: Path):
    """A backup of all of it, or a new machine."""
    knew = await kept(tmp_path / "old")
    shutil.copytree(tmp_path / "old", tmp_path / "new")
    assert started(tmp_path / "new") == (7, knew)
    (tmp_path / "third").mkdir()
    for name in ("book.sqlite", FILE, TRUSTED, WITNESS):
        shutil.copy(tmp_path / "new" / name, tmp_path / "third")
    assert started(tmp_path / "third") == (30, knew), "another hub's word is not taken"


def test_a_short_book_is_read_whole(tmp_path: Path):
    life = Life(tmp_path, every=carrying.EVERY)
    assert life.carried is BLANK and not life.carrying._is_due(life.book, 0)
    life.log.close()
