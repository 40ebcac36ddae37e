"""Keep what came of every vehicle's waves, live or back-filled, byte for byte, and tell what is missing.

One file for each start of a vehicle (`media.wave_file`): FOLDER/UNIT/RUN.awr, RUN in 8 hexadecimal digits. Waves never
take the last room on the disk: what cannot be kept now stays with the vehicle and comes later. Asking is `wave_door`'s.
"""

from __future__ import annotations

import asyncio
import logging
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from casebook.clock import Clock
from casebook.errors import CoordinationError, NotFound, RefusedInput
from media.held import Held, Range
from media.wave_file import How, WaveFile, read_kept
from media.waveforms import WaveKind, decode, peek

log = logging.getLogger(__name__)

KEEP_DAYS = 30
FREE_BYTES = 512 << 20  # less room on the disk, and waves are no longer kept: the book goes first
RANGES_MAX = 64  # told at once
AHEAD_MAX = 25 * 86_400 * 7  # packets: a number further beyond the highest than a week is not of this run
SAMPLES_MAX = 150_000  # read at once: five minutes of one lead at 500 Hz
OPEN_MAX = 256  # records kept open
_LOOK_S, _EXPIRE_S = 1.0, 3600.0
_UNIT = re.compile(r"[A-Za-z0-9_-]{1,64}")


class NoRoom(CoordinationError):
    """The hub's disk is full: the vehicle keeps its waves and tries later."""

    key = "waves_no_room"
    http_status = 507


@dataclass(eq=False)
class Record:
    """One run of one vehicle. `made` and `kept_from` are the vehicle's own words, when it has said them."""

    file: WaveFile
    held: Held = field(default_factory=Held)
    live: int = 0
    back_filled: int = 0
    made: int = 0
    kept_from: int = 0

    def count(self, sequence: int, how: How) -> bool:
        """Whether it is new."""
        if not self.held.add(sequence):
            return False
        self.live += how is How.LIVE
        self.back_filled += how is How.BACK_FILLED
        return True

    @property
    def end(self) -> int:
        """The one after the highest number that is known."""
        return max(self.made, self.held.end)

    def missing(self) -> list[Range]:
        """What the vehicle has and the record has not."""
        return list(self.held.missing(self.kept_from, self.made))

    def ledger(self) -> dict[str, Any]:
        """made = live + back_filled + missing + lost; `lost` are those the vehicle itself has no more."""
        made = self.end
        missing = sum(end - first for first, end in self.held.missing(self.kept_from, made))
        lost = made - self.held.count - missing
        counts = {"made": made, "live": self.live, "back_filled": self.back_filled, "missing": missing, "lost": lost}
        return {"run": f"{self.file.run:08x}", "bytes": self.file.size_bytes} | counts


class WaveRecords:
    """The records of all vehicles of a hub. `began(unit, run)` is told of each new record."""

    def __init__(
        self,
        folder: Path,
        clock: Clock,
        *,
        began: Callable[[str, str], object] = lambda unit, run: None,
        keep_days: int = KEEP_DAYS,
        free_bytes: Callable[[Path], int] = lambda folder: shutil.disk_usage(folder).free,
    ) -> None:
        self._folder, self._clock, self._began, self._keep_days = folder, clock, began, keep_days
        self._free_bytes = free_bytes
        self._open: dict[tuple[str, int], Record] = {}
        self._opening: dict[tuple[str, int], asyncio.Task[Record]] = {}
        self.has_room = True
        self.unkept = 0  # live packets that could not be kept when they came
        folder.mkdir(parents=True, exist_ok=True)
        self.look_for_room()

    def take_live(self, unit: str, message: bytes) -> None:
        """Keep a packet that came live and is sound. What cannot be kept now is back-filled; packets without a run are
        not kept."""
        try:
            _, run = peek(message)
            if record := self._at_hand(unit, run) if run else None:
                self._keep(record, message, How.LIVE)
        except (CoordinationError, OSError) as why:
            self.unkept += 1
            if self.unkept == 1:
                log.warning("waves of %s cannot be kept: %s", unit, why)

    def take(self, record: Record, message: bytes, how: How) -> bool:
        """Keep a packet; False when it is there already. Raises RefusedInput, and NoRoom."""
        decode(message)
        return self._keep(record, message, how)

    def _keep(self, record: Record, message: bytes, how: How) -> bool:
        sequence, run = peek(message)
        if run != record.file.run or sequence > record.end + AHEAD_MAX:
            raise RefusedInput("waves_malformed", where="run", found=f"{run:08x} {sequence}")
        if sequence in record.held:
            return False
        if not self.has_room:
            raise NoRoom(free_mb=FREE_BYTES >> 20)
        try:
            record.file.add(message, how)
        except OSError as why:
            self.has_room = False
            raise NoRoom(free_mb=FREE_BYTES >> 20) from why
        return record.count(sequence, how)

    async def missing(self, unit: str, run: int, kept_from: int, made: int) -> list[Range]:
        """What the vehicle should send, oldest first; it has made `made` packets and still has those from `kept_from`.

        When nothing is missing, all of it is on the disk. Raises RefusedInput for numbers that cannot be.
        """
        record = await self.opened(unit, run)
        if not 0 <= kept_from <= made <= record.end + AHEAD_MAX:
            raise RefusedInput("bad_field", where="waves", field="made", why=f"{kept_from} {made}")
        record.made, record.kept_from = max(record.made, made), max(record.kept_from, kept_from)
        wanted = record.missing()
        if not wanted:
            await asyncio.to_thread(record.file.flush, to_disk=True)
        return wanted[:RANGES_MAX]

    async def ledgers(self, unit: str) -> list[dict[str, Any]]:
        """What became of every packet of a vehicle, run by run."""
        files = sorted((self._folder / _named(unit)).glob("*.awr"), key=lambda file: file.stat().st_mtime)
        return [(await self.opened(unit, int(file.stem, 16))).ledger() for file in files]

    def read(self, unit: str, run: int, kind: WaveKind, first: int, count: int) -> dict[str, Any]:
        """Samples [first, first + count) of a channel, by their index; None where there is none.

        {kind, unit, rate_hz, first_index, samples}. Blocks: it reads the whole record. Raises NotFound, and
        RefusedInput for too many at once.
        """
        if not (first >= 0 and 0 < count <= SAMPLES_MAX):
            raise RefusedInput("bad_field", where="waves", field="count", why=f"1..{SAMPLES_MAX}")
        file = self._folder / _named(unit) / f"{run:08x}.awr"
        if not file.exists():
            raise NotFound(what="waves", id=file.stem)
        if record := self._open.get((unit, run)):
            record.file.flush()
        samples, rate_hz = np.full(count, np.nan), None
        for kept in read_kept(file):
            for wave in decode(kept.message).channels:
                if wave.kind is kind:
                    rate_hz = wave.rate_hz
                    _place(wave.samples, wave.first_index - first, samples)
        values = [None if np.isnan(value) else round(float(value), 5) for value in samples]
        return {"kind": kind.name, "unit": kind.unit, "rate_hz": rate_hz, "first_index": first, "samples": values}

    # --- upkeep

    async def run(self) -> None:
        """Write out what came, watch the room, and forget what is too old; until cancelled."""
        expired_s = float("-inf")
        while True:
            await asyncio.sleep(_LOOK_S)
            self.look_for_room()
            for record in list(self._open.values()):
                record.file.flush()
            if (now_s := asyncio.get_running_loop().time()) - expired_s > _EXPIRE_S:
                expired_s = now_s
                self.expire(self._clock.now())

    def look_for_room(self) -> None:
        self.has_room = self._free_bytes(self._folder) >= FREE_BYTES

    def expire(self, now: datetime) -> list[str]:
        """Delete records to which nothing was added for `keep_days`; their names."""
        gone = []
        for file in self._folder.glob("*/*.awr"):
            if now.timestamp() - file.stat().st_mtime > self._keep_days * 86400:
                if record := self._open.pop((file.parent.name, int(file.stem, 16)), None):
                    record.file.close()
                file.unlink()
                gone.append(f"{file.parent.name}/{file.stem}")
        return gone

    def close(self) -> None:
        for record in self._open.values():
            record.file.close()
        self._open.clear()

    async def opened(self, unit: str, run: int) -> Record:
        """The record, read once where it is not at hand: a long one takes a moment, in a thread. Raises NoRoom."""
        if (record := self._at_hand(unit, run)) is not None:
            return record
        return await asyncio.shield(self._opening[unit, run])

    def _at_hand(self, unit: str, run: int) -> Record | None:
        """The record if it is open or new; one that has to be read is on its way then."""
        key = _named(unit), run
        if record := self._open.get(key):
            return record
        file = self._folder / unit / f"{run:08x}.awr"
        if file.exists():
            if key not in self._opening:
                self._opening[key] = asyncio.create_task(self._read_record(key, file))
            return None
        if not self.has_room:
            raise NoRoom(free_mb=FREE_BYTES >> 20)
        self._began(unit, file.stem)
        return self._note(key, Record(WaveFile(file, run)))

    async def _read_record(self, key: tuple[str, int], file: Path) -> Record:
        try:
            record = await asyncio.to_thread(_record_of, file, key[1])
        finally:
            self._opening.pop(key, None)
        return self._note(key, record)

    def _note(self, key: tuple[str, int], record: Record) -> Record:
        while len(self._open) >= OPEN_MAX:
            self._open.pop(next(iter(self._open))).file.close()
        self._open[key] = record
        return record


def _record_of(file: Path, run: int) -> Record:
    record = Record(WaveFile(file, run))
    for sequence, how in record.file.found:
        record.count(sequence, how)
    record.file.found.clear()
    return record


def _named(unit: str) -> str:
    if not _UNIT.fullmatch(unit):
        raise RefusedInput("stream_name", stream=unit[:80])
    return unit


def _place(samples: np.ndarray, at: int, into: np.ndarray) -> None:
    """Lay `samples` into `into` from place `at` on, as far as they fall into it."""
    first, end = max(0, at), min(len(into), at + len(samples))
    if first < end:
        into[first:end] = samples[first - at : end - at]
