"""The outbox's disk: sealed with a key, nearly full, full, an older file, and how long it lasts without a hub."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ambulance_unit import offline
from ambulance_unit.monitor import Course, CourseMonitor
from ambulance_unit.offline import POSITION_BYTES, VITALS_BYTES, day_bytes, room_h
from ambulance_unit.outbox import CORRUPT, Outbox, Record, open_or_set_aside
from ambulance_unit.outbox_rows import checksum
from ambulance_unit.scribe import Scribe
from casebook import events as e
from casebook.errors import FeedLost, RefusedInput

START = datetime(2021, 4, 18, 1, 35, tzinfo=UTC)
KEY, OTHER_KEY = b"k" * 32, b"o" * 32
FULL_SET = {
    "at": 0, "hr_bpm": 126, "spo2_pct": 84, "sbp_mmhg": 86, "dbp_mmhg": 54, "rr_bpm": 30, "etco2_mmhg": 34,
    "temp_c": 36.2, "glucose_mmol_l": 8.4, "gcs_eye": 3, "gcs_verbal": 4, "gcs_motor": 6,
}  # fmt: skip
MONITOR = CourseMonitor(Course([FULL_SET, {"at": 90_000, "hr_bpm": 100}]), START)


def vitals(second: int, *, spare: bool = True) -> Record:
    at = START + timedelta(seconds=second)
    fact = e.VitalsRecorded("I1-A", "SJ-5G-01", MONITOR.numerics(at).as_dict())
    return Record(at, fact.name, e.encode(fact), "SJ-5G-01", "monitor", sample=True, spare=spare)


def position(second: int) -> Record:
    fact = e.PositionReported("SJ-5G-01", 31.123456, 121.234567, 62.5, 123.4)
    at = START + timedelta(seconds=second)
    return Record(at, fact.name, e.encode(fact), "SJ-5G-01", "position", sample=True, spare=True)


def tap(text: str = "李护士", who: str = "张急救") -> Record:
    return Record(START, "message_sent", {"message": "m", "text": text}, who, "button")


# --- sealed


def on_disk(file: Path) -> bytes:
    return b"".join(part.read_bytes() for part in file.parent.glob(f"{file.name}*"))


def test_with_a_key_neither_words_nor_names_stand_on_the_disk(tmp_path: Path):
    file = tmp_path / "outbox.db"
    box = Outbox(file, key=KEY)
    box.put([tap("肇事司机王某", who="张急救")])
    (row,) = box.unacknowledged()
    assert (row.body["text"], row.who, row.kind) == ("肇事司机王某", "张急救", "message_sent")
    box.close()
    assert "肇事司机".encode() not in on_disk(file) and "张急救".encode() not in on_disk(file)
    assert b"message_sent" in on_disk(file)


def test_a_file_written_without_a_key_is_sealed_when_it_is_opened_with_one(tmp_path: Path):
    file = tmp_path / "outbox.db"
    box = Outbox(file)
    epoch = box.epoch
    box.put([tap("王某"), tap("李某")])
    box.close()
    assert "王某".encode() in on_disk(file)
    box = Outbox(file, key=KEY)
    assert [row.body["text"] for row in box.unacknowledged()] == ["王某", "李某"]
    assert (box.epoch, [row.seq for row in box.unacknowledged()]) == (epoch, [1, 2])
    box.renew()
    assert [(row.body["text"], row.who) for row in box.unacknowledged()] == [("王某", "张急救"), ("李某", "张急救")]
    box.close()
    assert "王某".encode() not in on_disk(file)


@pytest.mark.parametrize("key", [b"", OTHER_KEY])
def test_another_key_or_none_is_refused_and_the_file_left_as_it_is(tmp_path: Path, key: bytes):
    file = tmp_path / "outbox.db"
    Outbox(file, key=KEY).close()
    with pytest.raises(RefusedInput) as caught:
        open_or_set_aside(file, key=key)
    assert caught.value.key == "outbox_key_wrong"
    box = Outbox(file, key=KEY)
    assert box.put([tap()]) == [1]
    box.close()


def test_a_sealed_row_put_in_the_place_of_another_is_found(tmp_path: Path):
    file = tmp_path / "outbox.db"
    box = Outbox(file, key=KEY)
    box.put([tap("first"), tap("second")])
    box.close()
    with sqlite3.connect(file) as db:
        row = list(db.execute("SELECT seq, at, kind, body, who, origin FROM row WHERE seq = 1").fetchone())
        row[0] = 2
        db.execute("UPDATE row SET body = ?, checksum = ? WHERE seq = 2", (row[3], checksum(*row)))
    db.close()
    box = Outbox(file, key=KEY)
    assert [one.kind for one in box.unacknowledged()] == ["message_sent", CORRUPT]
    box.close()


# --- an older file


def test_a_file_of_the_first_version_keeps_its_epoch_numbers_and_keys(tmp_path: Path):
    file = tmp_path / "outbox.db"
    texts = (7, "2021-04-18T01:35:00.000000+00:00", "message_read", '{"message":"m"}', "李护士", "button")
    with sqlite3.connect(file) as db:
        db.executescript(
            """
            CREATE TABLE row (seq INTEGER PRIMARY KEY, at TEXT NOT NULL, kind TEXT NOT NULL, body TEXT NOT NULL,
                who TEXT NOT NULL, origin TEXT NOT NULL, checksum INTEGER NOT NULL) STRICT;
            CREATE TABLE mark (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
            CREATE TABLE asked (seq INTEGER NOT NULL, key TEXT NOT NULL, PRIMARY KEY (key, seq)) STRICT;
            CREATE TABLE tally (kind TEXT PRIMARY KEY, stored INTEGER NOT NULL) STRICT;
            INSERT INTO mark VALUES ('epoch', 'e1'), ('stored', '7'), ('acked', '6'), ('own.monitor_on', 'I1-A');
            INSERT INTO asked VALUES (7, 'tap-1');
            INSERT INTO tally VALUES ('message_read', 7);
            PRAGMA user_version = 1;
            """
        )
        db.execute("INSERT INTO row VALUES (?,?,?,?,?,?,?)", (*texts, checksum(*texts)))
    db.close()
    box = Outbox(file)
    assert (box.epoch, box.counts.stored, box.counts.acked, box.counts.corrupt) == ("e1", 7, 6, 0)
    (row,) = box.unacknowledged(6)
    assert (row.seq, row.kind, row.body, row.who) == (7, "message_read", {"message": "m"}, "李护士")
    assert (box.find_asked("tap-1"), box.recall("monitor_on"), box.stored_of("message_read")) == ([7], "I1-A", 7)
    assert box.put([tap()]) == [8]
    box.close()


# --- full


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 3 MB. Needs the right to mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = shutil.which("mount")
    made = mount and subprocess.run(
        [mount, "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if not made or made.returncode:
        pytest.skip("a small file system cannot be mounted here (needs root)")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(disk: Path) -> Path:
    """Somebody else's file takes all that is left."""
    hog = disk / "hog"
    with hog.open("wb", buffering=0) as file, pytest.raises(OSError):
        while True:
            file.write(b"\0" * 4096)
    return hog


async def test_on_a_full_disk_taps_and_alarms_are_stored_and_samples_are_refused_until_there_is_room(small_disk: Path):
    scribe = Scribe(Outbox(small_disk / "outbox.db", reserve_bytes=512 << 10))
    box = scribe.outbox
    await scribe.put([vitals(0)])
    hog = fill(small_disk)
    second = refused = 0
    while not refused:  # until what SQLite itself had left is used up
        second += 1
        try:
            await scribe.put([vitals(second)])
        except FeedLost as wrong:
            assert wrong.key == "outbox_unwritable"
            refused += 1
    for number in range(100):
        await scribe.put([tap(f"{number}")])
        await scribe.put([vitals(10_000 + number, spare=False)])
    with pytest.raises(FeedLost) as caught:
        await scribe.put([vitals(20_000)])
    assert caught.value.key == "outbox_kept_for_urgent"
    waiting = box.counts.waiting
    assert waiting == 1 + (second - 1) + 200
    assert box.acknowledge(box.epoch, waiting - 10) == waiting - 10  # a hub takes them: that needs no room
    hog.unlink()
    await scribe.put([vitals(30_000)])
    assert (small_disk / "outbox.db.reserve").stat().st_size == 512 << 10
    assert [row.kind for row in box.unacknowledged(waiting)] == ["vitals_recorded"]
    assert box.counts.corrupt == 0
    await scribe.close()


async def test_a_tap_that_was_flushed_with_a_sample_is_stored_though_the_sample_is_not(small_disk: Path):
    scribe = Scribe(Outbox(small_disk / "outbox.db", reserve_bytes=512 << 10), gather_s=3600)
    await scribe.put([vitals(0)])
    fill(small_disk)
    big = replace(vitals(1), body={"note": "x" * 60_000})
    samples = [asyncio.ensure_future(scribe.put([big])) for _ in range(40)]
    await asyncio.sleep(0)
    assert await scribe.put([tap("now")])
    answers = await asyncio.gather(*samples, return_exceptions=True)
    assert all(isinstance(answer, FeedLost) for answer in answers)
    assert [row.body.get("text") for row in scribe.outbox.unacknowledged()][-1] == "now"
    await scribe.close()


def test_a_full_disk_survives_being_opened_again(small_disk: Path):
    box = Outbox(small_disk / "outbox.db", reserve_bytes=512 << 10)
    box.put([tap("before")])
    fill(small_disk)
    box.put([tap("x" * 60_000) for _ in range(2)])
    box.close()
    box = Outbox(small_disk / "outbox.db", reserve_bytes=512 << 10)
    assert box.counts.waiting == 3
    assert box.put([tap("after")]) == [4]
    box.close()


# --- flushes


class CountingOutbox(Outbox):
    def __init__(self, file: Path) -> None:
        super().__init__(file)
        self.flushes: list[list[bool]] = []

    def put(self, records):
        self.flushes.append([record.spare for record in records])
        return super().put(records)


async def test_the_first_sample_is_flushed_at_once_the_next_wait_for_company_and_a_tap_takes_them_along(tmp_path: Path):
    box = CountingOutbox(tmp_path / "outbox.db")
    scribe = Scribe(box, gather_s=3600)
    await scribe.put([vitals(0)])
    waiting = [asyncio.ensure_future(scribe.put([vitals(second)])) for second in (1, 2, 3)]
    await asyncio.sleep(0)
    assert await scribe.put([tap()]) == [5]
    assert [await one for one in waiting] == [[2], [3], [4]]
    assert box.flushes == [[True], [True, True, True, False]]
    alarm = await scribe.put([vitals(4, spare=False)])
    assert alarm == [6]
    await scribe.close()


async def test_what_waits_for_company_is_written_when_the_scribe_ends(tmp_path: Path):
    scribe = Scribe(Outbox(tmp_path / "outbox.db"), gather_s=3600)
    await scribe.put([vitals(0)])
    last = asyncio.ensure_future(scribe.put([vitals(1)]))
    await asyncio.sleep(0)
    await scribe.close()
    assert await last == [2]


# --- a day without a hub


@pytest.mark.parametrize("key", [b"", KEY])
def test_a_day_without_a_hub_takes_what_is_said(tmp_path: Path, key: bytes):
    sealed, seconds = bool(key), 4000
    box = Outbox(tmp_path / "outbox.db", key=key)
    box.begin_live({})
    for first in range(0, seconds, 100):
        rows = [(vitals(second), position(second)) for second in range(first, first + 100)]
        box.put([one for number, both in enumerate(rows) for one in both[: 1 if number % 5 else 2]])
    box.close()
    said = seconds * VITALS_BYTES[sealed] + seconds // 5 * POSITION_BYTES[sealed]
    file_bytes = 64 << 10  # the tables themselves, and pages that are not full yet: nothing beside a day
    assert 0.93 * said < (tmp_path / "outbox.db").stat().st_size < said + file_bytes
    assert day_bytes(sealed=sealed) / 1e6 == pytest.approx(64 if sealed else 42, abs=0.5)


def test_the_room_on_the_disk_is_told_in_hours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    class Disk:
        f_frsize = 4096
        f_bavail = (day_bytes(sealed=False) + (4 << 20)) // 2 // 4096

    monkeypatch.setattr(offline.os, "statvfs", lambda folder: Disk)
    assert room_h(tmp_path, sealed=False) in (11, 12)
    Disk.f_bavail = 0
    assert room_h(tmp_path, sealed=False) == 0
    Disk.f_bavail = 1 << 40
    assert room_h(tmp_path, sealed=False) == offline.ROOM_H_MAX
    assert room_h(tmp_path / "absent", sealed=False) is not None
    monkeypatch.undo()
    assert room_h(tmp_path / "absent", sealed=False) is None
