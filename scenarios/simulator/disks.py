"""Disks in memory: what was flushed survives a crash, what was not may be torn anywhere.

The hub's log is a file of frames behind the keeper's interface (casebook/log.py). The vehicle's outbox is the real
SQLite file in a folder of memory; a crash takes a copy of its files as they lie there.
"""

from __future__ import annotations

import shutil
import sqlite3
import struct
import tempfile
import zlib
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from random import Random

import msgspec
from msgspec.structs import replace

from ambulance_unit.outbox_rows import Texts, is_whole
from casebook.errors import CoordinationError, FeedLost
from casebook.log import Draft, Entry, Ground, MemoryLog, lay, storable
from casebook.store.restoring import claims_after

HEAD = struct.Struct(">II")  # length and CRC-32 of a frame
MEMORY = Path("/dev/shm")  # where a file is in memory already


def memory_folder() -> tempfile.TemporaryDirectory[str]:
    """A folder that is gone afterwards; in memory where the system has such a place, else wherever it keeps such."""
    return tempfile.TemporaryDirectory(prefix="aboard-simulate-", dir=MEMORY if MEMORY.is_dir() else None)


class Platter:
    """One file of a machine that may stop at any moment. `full`: it takes nothing more."""

    def __init__(self) -> None:
        self.data, self.flushed, self.full = bytearray(), 0, False

    def write(self, more: bytes) -> None:
        if self.full:
            raise OSError("no space left on device")
        self.data += more

    def flush(self) -> None:
        self.flushed = len(self.data)

    def lose_power(self, rng: Random) -> None:
        """What was not flushed is there up to anywhere."""
        kept = rng.randint(self.flushed, len(self.data))
        del self.data[kept:]
        self.flushed = kept


class FrameLog(MemoryLog):
    """A book on a platter: a frame for each batch, flushed before it is acknowledged. A torn last frame is cut off."""

    blocking = True

    def __init__(self, platter: Platter) -> None:
        super().__init__()
        self._platter = platter
        self.committed: Callable[[int, int], None] = lambda first, last: None  # told of each batch that is flushed
        frames, whole = read_frames(platter.data)
        del platter.data[whole:]
        platter.flush()
        self._entries = [entry for frame in frames for entry in frame]
        self._rows = {entry.source for entry in self._entries if entry.source is not None}
        self._claims = {claim.key: claim for claim in claims_after(self._entries)}

    def append(self, drafts: Sequence[Draft]) -> list[Entry]:
        storable(drafts)
        ground = Ground(*self.head(), self._claims, set(self._rows))
        (laid,) = lay(ground, [drafts])
        if isinstance(laid, CoordinationError):
            raise laid
        self.keep(laid)
        self._entries, self._claims, self._rows = [*self._entries, *laid], ground.claims, ground.rows
        return laid

    def keep(self, entries: list[Entry]) -> None:
        """On the platter when it returns. Raises FeedLost, as the keepers on real disks do."""
        payload = msgspec.json.encode(entries)
        try:
            self._platter.write(HEAD.pack(len(payload), zlib.crc32(payload)) + payload)
        except OSError as wrong:
            raise FeedLost("log_silent", where="platter", why=str(wrong)) from wrong
        self._platter.flush()
        if entries:
            self.committed(entries[0].seq, entries[-1].seq)


def read_frames(data: bytes | bytearray) -> tuple[list[list[Entry]], int]:
    """The batches of a log file and the bytes that they take; what follows the last whole one is left out."""
    frames, at = [], 0
    while at + HEAD.size <= len(data):
        length, checksum = HEAD.unpack_from(data, at)
        payload = bytes(data[at + HEAD.size : at + HEAD.size + length])
        if len(payload) < length or zlib.crc32(payload) != checksum:
            break
        frames.append(msgspec.json.decode(payload, type=list[Entry]))
        at += HEAD.size + length
    return frames, at


def altered(data: bytes | bytearray, rng: Random) -> tuple[bytes, int]:
    """A copy in which one instant of one entry is another (so that its frame is well-formed), and which entry it is."""
    frames, _ = read_frames(data)
    entries = [entry for frame in frames for entry in frame]
    chosen = rng.choice(entries)
    out = b""
    for frame in frames:
        changed = [replace(one, at=one.at + timedelta(seconds=1)) if one is chosen else one for one in frame]
        payload = msgspec.json.encode(changed)
        out += HEAD.pack(len(payload), zlib.crc32(payload)) + payload
    return out, chosen.seq


# --- the vehicle's disk

OUTBOX, LOG = "outbox.sqlite", "outbox.sqlite-wal"


def copy_of(folder: Path, to: Path) -> None:
    """The files as they lie there, as after a kill or, since every transaction is flushed, after a power cut."""
    shutil.copytree(folder, to)


def tear(folder: Path, before: int, rng: Random) -> None:
    """Of what was written to the write-ahead log beyond `before` bytes keep a part, as a disk without power does."""
    log = folder / LOG
    if log.exists() and (size := log.stat().st_size) > before:
        with log.open("r+b") as file:
            file.truncate(rng.randint(before, size))


def log_bytes(folder: Path) -> int:
    return log.stat().st_size if (log := folder / LOG).exists() else 0


def flip_a_bit(folder: Path, rng: Random) -> tuple[str, str, str] | None:
    """Damage one waiting row's text. (at, kind, body) as they were; None where nothing waits."""
    db = sqlite3.connect(folder / OUTBOX, isolation_level=None)
    try:
        query = "SELECT lane, seq, at, kind, body, who, origin, checksum FROM row ORDER BY lane, seq"
        rows = [row for row in db.execute(query) if is_whole(Texts(*row[1:]))]
        if not rows:
            return None
        lane, seq, at, kind, body, *_ = rng.choice(rows)
        place = rng.randrange(len(body))
        damaged = body[:place] + chr(ord(body[place]) ^ 1) + body[place + 1 :]
        db.execute("UPDATE row SET body = ? WHERE lane = ? AND seq = ?", (damaged, lane, seq))
        return at, kind, body
    finally:
        db.close()


def fill(db: sqlite3.Connection, full: bool) -> None:
    """Let the file grow no more, or again: SQLite itself then says that the disk is full."""
    pages = db.execute("PRAGMA page_count").fetchone()[0] if full else 1 << 30
    db.execute(f"PRAGMA max_page_count = {pages}")
