"""F2: the power of hub and vehicles is cut, all at one instant, while they work.

Their files lie on an ext4 file system in a file of an XFS one. A reflink of that file is an atomic picture of what had
reached the device; what was in memory only is not in it. The picture is repaired, mounted and read as after a restart.
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
import os
import random
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from aboard.bench.faults.crews import load
from aboard.bench.faults.finding import Finding, NotRun, worst
from aboard.bench.faults.ledger import Promises, fact_mark, mark_of, sample_mark
from aboard.bench.faults.stage import hub, read_whole
from aboard.bench.faults.world import World
from ambulance_unit.outbox import Outbox
from casebook import events as e
from casebook.link import OutboxRow

CREWS = 3
XFS_MB, DISK_MB = 400, 96  # XFS refuses to be smaller than 300
FIRST_S, BETWEEN_S = 1.0, 1.5
PROGRAMS = ("mkfs.xfs", "mkfs.ext4", "e2fsck", "mount", "umount")
EVERYTHING = 1 << 30
CARELESS_ROWS = 500


@dataclass(frozen=True, slots=True)
class Rig:
    """What works, works in `live`; `cut` takes a picture of its device and gives that mounted, repaired."""

    folder: Path

    @property
    def live(self) -> Path:
        return self.folder / "live"

    @property
    def _disk(self) -> Path:
        return self.folder / "xfs" / "disk.img"

    @contextlib.contextmanager
    def cut(self) -> Iterator[Path]:
        picture, there = self._disk.with_name("cut.img"), self.folder / "after"
        _must("cp", "--reflink=always", str(self._disk), str(picture))
        there.mkdir(exist_ok=True)
        repaired = subprocess.run(["e2fsck", "-fy", str(picture)], capture_output=True, check=False).returncode
        assert repaired in (0, 1), repaired  # 1: errors were corrected
        _must("mount", "-o", "loop", str(picture), str(there))
        try:
            yield there
        finally:
            _must("umount", str(there))
            picture.unlink()


@contextlib.contextmanager
def rig(folder: Path) -> Iterator[Rig]:
    """Both file systems, mounted while the block runs. Raises NotRun where that cannot be."""
    if missing := [name for name in PROGRAMS if shutil.which(name) is None]:
        raise NotRun(why=f"{', '.join(missing)} is missing (Debian packages xfsprogs, e2fsprogs, mount)")
    if os.geteuid() != 0:
        raise NotRun(why="a file system cannot be mounted (needs root)")
    made = Rig(folder)
    with contextlib.ExitStack() as stack:
        _mounted(stack, folder / "xfs.img", XFS_MB, ["mkfs.xfs", "-q", "-m", "reflink=1"], folder / "xfs")
        _mounted(stack, made._disk, DISK_MB, ["mkfs.ext4", "-q", "-F"], made.live)
        yield made


def _mounted(stack: contextlib.ExitStack, image: Path, size_mb: int, make: list[str], there: Path) -> None:
    with image.open("wb") as file:
        file.truncate(size_mb << 20)
    _must(*make, str(image))
    there.mkdir()
    if subprocess.run(["mount", "-o", "loop", str(image), str(there)], capture_output=True, check=False).returncode:
        raise NotRun(why="no loop device may be mounted here")
    stack.callback(subprocess.run, ["umount", "-l", str(there)], check=True)


def _must(*words: str) -> None:
    subprocess.run(words, capture_output=True, check=True, timeout=120)


async def power_cut(world: World) -> list[Finding]:
    """`lost`: promised before the cut, and neither in the log nor in an outbox after it. `careless_lost`: what a SQLite
    file that is not flushed at each commit lost in the same cuts, so that the rig is seen to cut."""
    rng, cuts = random.Random(world.seed), world.times(2, 30)
    lost = promised = careless = 0
    took_s: list[float] = []
    with rig(world.folder) as made:
        async with hub(made.live / "hub", CREWS) as stage, load(stage, made.live, seed=world.seed):
            await asyncio.sleep(FIRST_S)
            for number in range(cuts):
                await asyncio.sleep(rng.uniform(0.0, BETWEEN_S))
                with _careless(made.live / f"careless{number}.sqlite") as file:
                    before, began_s = copy.deepcopy(stage.promises), time.monotonic()
                    gone, gone_there = await asyncio.to_thread(_cut, made, before, stage.units, file.name)
                    took_s.append(time.monotonic() - began_s)
                lost, careless, promised = lost + gone, careless + gone_there, promised + before.count
                world.said(number + 1, cuts)
    return [
        Finding("cuts", "times", cuts), Finding("promised", "facts", promised, least=1),
        Finding("lost", "facts", lost, most=0), Finding("careless_lost", "facts", careless, least=1),
        worst("read_again", took_s),
    ]  # fmt: skip


def _cut(made: Rig, promises: Promises, units: Sequence[str], careless: str) -> tuple[int, int]:
    """(promised and gone, gone of the careless file)"""
    with made.cut() as after:
        with contextlib.closing(sqlite3.connect(after / careless)) as db:
            kept = db.execute("SELECT count(*) FROM row").fetchone()[0]
        return _missing(promises, after, units), CARELESS_ROWS - kept


@contextlib.contextmanager
def _careless(file: Path) -> Iterator[Path]:
    """A file that has taken rows, each in a transaction of its own, with synchronous=NORMAL; open, as its writer is."""
    with contextlib.closing(sqlite3.connect(file, isolation_level=None)) as db:
        db.execute("CREATE TABLE row (n INTEGER)")
        os.sync()  # the table is there; what is lost is rows
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=NORMAL")
        for number in range(CARELESS_ROWS):
            db.execute("INSERT INTO row VALUES (?)", (number,))
        yield file


def _missing(promises: Promises, after: Path, units: Sequence[str]) -> int:
    """How much of what was promised is in no file of the picture."""
    entries = read_whole(after / "hub")
    kept = {(entry.source.unit, mark_of(entry)) for entry in entries if entry.source is not None}
    for unit in units:
        kept |= {(unit, mark) for mark in _waiting_in(after / unit / "outbox.sqlite")}
    there = {entry.seq for entry in entries}
    rows = sum((unit, mark) not in kept for unit, marks in promises.stored.items() for mark in marks)
    return rows + sum(not there.issuperset(named) for named in promises.answered.values())


def _waiting_in(file: Path) -> list[str]:
    box = Outbox(file)
    try:
        lanes = [lane for lane in (box.main, box.live, *box.history) if lane is not None]
        rows = [
            row for lane in lanes for row in box.unacknowledged(0, EVERYTHING, epoch=lane.epoch, max_bytes=EVERYTHING)
        ]
    finally:
        box.close()
    return [_mark(row) for row in rows]


def _mark(row: OutboxRow) -> str:
    return sample_mark(row.at) if row.kind == e.VitalsRecorded.name else fact_mark(row.kind, row.body)
