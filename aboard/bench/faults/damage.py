"""F8: bits flip and writes tear in copies of a log and of an outbox. F21: somebody edits the log.

What was damaged must be named, or must not matter: never may something else be served as if it had been recorded.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import shutil
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from aboard.bench.faults.crews import load
from aboard.bench.faults.finding import Finding
from aboard.bench.faults.stage import Stage, hub, read_whole
from aboard.bench.faults.world import World
from aboard.children import ChildFailed
from ambulance_unit.outbox import CORRUPT, Outbox, Record, open_or_set_aside
from casebook import events as e
from casebook.clock import WallClock
from casebook.errors import CoordinationError, RefusedInput
from casebook.log import ChainBroken, Entry

CREWS = 3
WORK_S = 2.0
SECTOR = 512  # bytes that a disk writes whole or not
ROWS = 300
KEEP_FILES = ("book.sqlite", "book.sqlite-wal")
Damage = Callable[[Path, random.Random], None]


def flip_bit(file: Path, rng: random.Random) -> None:
    raw = bytearray(file.read_bytes())
    raw[rng.randrange(len(raw))] ^= 1 << rng.randrange(8)
    file.write_bytes(raw)


def tear_sector(file: Path, rng: random.Random) -> None:
    """A sector that was never written: zeros."""
    raw = bytearray(file.read_bytes())
    start = SECTOR * rng.randrange(max(1, len(raw) // SECTOR))
    raw[start : start + SECTOR] = bytes(min(SECTOR, len(raw) - start))
    file.write_bytes(raw)


def cut_tail(file: Path, rng: random.Random) -> None:
    """The end of the file never reached the disk."""
    raw = file.read_bytes()
    file.write_bytes(raw[: rng.randrange(len(raw))])


DAMAGES: tuple[Damage, ...] = (flip_bit, tear_sector, cut_tail)


async def log_damaged(world: World) -> list[Finding]:
    """`served_wrong`: copies that were opened and gave anything but a beginning of the true log; `named`: refused, and
    the place told; `shorter`: a whole beginning of the log, its end not yet under a seal; `no_matter`: all there."""
    rng, copies = random.Random(world.seed), world.times(12, 600)
    hub_folder = world.folder / "hub"
    async with hub(hub_folder, CREWS) as stage:
        async with load(stage, world.folder, seed=world.seed) as at_work:
            await asyncio.sleep(WORK_S)
            await stage.end()  # what stands so far is sealed and in the file itself
            await stage.start()
            await at_work.all_back()
            await asyncio.sleep(WORK_S)
            await stage.kill()  # the rest is in the write-ahead log, under no seal
        true = [entry.hash for entry in _copied_whole(hub_folder, world.folder / "true")]
        told: Counter[str] = Counter()
        for number in range(copies):
            told[_opened_damaged(hub_folder, world.folder / "copy", true, rng, DAMAGES[number % len(DAMAGES)])] += 1
    return [
        Finding("copies", "times", copies), Finding("entries", "facts", len(true), least=1),
        Finding("served_wrong", "times", told["served_wrong"], most=0), Finding("named", "times", told["named"]),
        Finding("shorter", "times", told["shorter"]), Finding("no_matter", "times", told["no_matter"]),
    ]  # fmt: skip


def _copied_whole(hub_folder: Path, folder: Path) -> list[Entry]:
    shutil.copytree(hub_folder, folder)
    return read_whole(folder)


def _opened_damaged(hub_folder: Path, folder: Path, true: list[str], rng: random.Random, damage: Damage) -> str:
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(hub_folder, folder)
    files = [folder / name for name in KEEP_FILES if (folder / name).exists() and (folder / name).stat().st_size]
    damage(rng.choice(files), rng)
    (folder / "book.sqlite-shm").unlink(missing_ok=True)
    try:
        there = [entry.hash for entry in read_whole(folder)]
    except CoordinationError:
        return "named"
    if there != true[: len(there)]:
        return "served_wrong"
    return "no_matter" if len(there) == len(true) else "shorter"


async def outbox_damaged(world: World) -> list[Finding]:
    """As for the log; `named` is also a row that is handed on as damaged, or a file that was set aside."""
    rng, copies = random.Random(world.seed), world.times(60, 1500)
    folder = world.folder / "vehicle"
    box = Outbox(folder / "outbox.sqlite")
    rows = [_record(number) for number in range(ROWS)]
    for start in range(0, ROWS, 10):
        box.put(rows[start : start + 10])
        if start == ROWS // 2:  # so much is in the file itself, the rest in the write-ahead log
            box.close()
            box = Outbox(folder / "outbox.sqlite")
    true = {row.seq: str(row) for row in box.unacknowledged(0, ROWS, max_bytes=1 << 30)}
    told: Counter[str] = Counter()
    for number in range(copies):
        told[_outbox_opened(folder, world.folder / "copy", true, rng, DAMAGES[number % len(DAMAGES)])] += 1
    box.close()
    return [
        Finding("copies", "times", copies), Finding("served_wrong", "times", told["served_wrong"], most=0),
        Finding("named", "times", told["named"]), Finding("shorter", "times", told["shorter"]),
        Finding("no_matter", "times", told["no_matter"]),
    ]  # fmt: skip


def _record(number: int) -> Record:
    fact = e.VitalsRecorded("crash-V1", "V1", {"hr_bpm": 60 + number % 100})
    return Record(WallClock().now(), fact.name, e.encode(fact), "V1", "monitor", sample=True)


def _outbox_opened(source: Path, folder: Path, true: dict[int, str], rng: random.Random, damage: Damage) -> str:
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(source, folder)
    files = [file for file in folder.iterdir() if file.suffix in (".sqlite", ".sqlite-wal") and file.stat().st_size]
    damage(rng.choice(sorted(files)), rng)
    (folder / "outbox.sqlite-shm").unlink(missing_ok=True)
    try:
        box, aside = open_or_set_aside(folder / "outbox.sqlite")
    except RefusedInput:
        return "named"
    with contextlib.closing(box):
        if aside is not None:
            return "named"
        try:
            there = box.unacknowledged(0, ROWS, max_bytes=1 << 30)
        except CoordinationError:
            return "named"
    sound = [row for row in there if row.kind != CORRUPT]
    if any(true.get(row.seq) != str(row) for row in sound):
        return "served_wrong"
    if len(sound) < len(there):
        return "named"
    return "no_matter" if len(there) == len(true) else "shorter"


# --- somebody edits the log

EDITS = {  # what somebody with the file could do; each begins at the entry `seq`
    "body": ("UPDATE entry SET body = replace(body, '112', '113') WHERE seq = :seq",),
    "who": ("UPDATE entry SET who = 'somebody' WHERE seq = :seq",),
    "gone": ("DELETE FROM entry WHERE seq = :seq",),
    "swapped": (
        "UPDATE entry SET seq = -1 WHERE seq = :seq", "UPDATE entry SET seq = :seq WHERE seq = :seq + 1",
        "UPDATE entry SET seq = :seq + 1 WHERE seq = -1",
    ),
    "cut": ("DELETE FROM entry WHERE seq >= :seq",),
}  # fmt: skip


async def log_edited(world: World) -> list[Finding]:
    """`misnamed`: edits of which not the first wrong entry was named, by the check or by `aboard log verify`;
    `started`: hubs that opened their doors on such a log."""
    folder, copy, rng = world.folder / "hub", world.folder / "copy", random.Random(world.seed)
    async with hub(folder, CREWS) as stage:
        async with load(stage, world.folder, seed=world.seed):
            await asyncio.sleep(WORK_S)
        await stage.end()  # a seal is signed at the end
        entries = stage.entries()
        vitals = [entry.seq for entry in entries if entry.kind == e.VitalsRecorded.name]
        misnamed = started = 0
        each = world.times(4, 20)
        for number, name in enumerate(EDITS):
            wrong = 0
            for wrong in rng.choices(vitals[1:-1], k=each):
                _edit(folder, copy, name, wrong)
                misnamed += _named(copy) != wrong
            if world.full or number == 0:
                misnamed += not _verify_names(copy, wrong)
                started += await _hub_starts(stage, copy)
    return [
        Finding("edits", "times", each * len(EDITS)), Finding("entries", "facts", len(entries), least=1),
        Finding("misnamed", "times", misnamed, most=0), Finding("started", "times", started, most=0),
    ]  # fmt: skip


def _edit(source: Path, folder: Path, name: str, seq: int) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(source, folder)
    with contextlib.closing(sqlite3.connect(folder / "book.sqlite", isolation_level=None)) as db:
        for statement in EDITS[name]:
            db.execute(statement, {"seq": seq})


def _named(folder: Path) -> int | None:
    try:
        read_whole(folder)
    except ChainBroken as told:
        return told.facts["seq"]
    return None


def _verify_names(folder: Path, seq: int) -> bool:
    """Whether the command says no, and the number of the first entry that is wrong."""
    words = [sys.executable, "-m", "aboard", "--lang", "en", "log", "verify", str(folder)]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)
    return done.returncode == 1 and str(seq) in done.stderr.replace(",", " ").split()


async def _hub_starts(stage: Stage, folder: Path) -> bool:
    other = Stage(folder, stage.units)
    try:
        await other.start()
    except ChildFailed:
        return False
    await other.end()
    return True
