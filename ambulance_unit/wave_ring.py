"""Keep the waves that were made on the vehicle's own disk, the newest hours, so that what an outage took comes later.

Files of a minute each (media/wave_file.py): FOLDER/RUN-FIRST.awr, RUN in 8 hexadecimal digits, FIRST the number of its
first packet. The oldest go when there are too many, and when the disk runs low: the outbox needs it more. Sending is
`wave_backfill`'s.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from casebook.errors import RefusedInput
from media.held import Range
from media.wave_file import How, Kept, WaveFile, read_kept
from media.waveforms import peek

log = logging.getLogger(__name__)

SEGMENT_PACKETS = 1500  # one minute
RING_BYTES = 512 << 20  # six hours of 12 leads at 500 Hz with pleth, CO2 and pressures
FREE_BYTES = 128 << 20  # less room on the disk, and the oldest waves go; at last no new ones are kept


class WaveRing:
    """`add` takes encoded packets of one run; packets of earlier runs are still there until they are forgotten."""

    def __init__(
        self,
        folder: Path,
        *,
        size_bytes: int = RING_BYTES,
        segment_packets: int = SEGMENT_PACKETS,
        free_bytes: Callable[[Path], int] = lambda folder: shutil.disk_usage(folder).free,
    ) -> None:
        self._folder, self._size_bytes, self._segment_packets = folder, size_bytes, segment_packets
        self._free_bytes = free_bytes
        self._file: WaveFile | None = None
        self._in_file = 0
        self.unkept = 0
        self._made: dict[int, int] = {}
        self._place: dict[int, int] = {}  # which run was first
        folder.mkdir(parents=True, exist_ok=True)
        self._look()

    def _look(self) -> None:
        """What an earlier start has left: each run, the oldest first, and how far it went."""
        last: dict[int, tuple[int, Path]] = {}
        for run, first, file in self._segments():
            last[run] = first, file
        for run, (first, file) in sorted(last.items(), key=lambda one: one[1][1].stat().st_mtime):
            self._place[run] = len(self._place)
            self._made[run] = max((one.sequence + 1 for one in read_kept(file)), default=first)

    def add(self, message: bytes) -> None:
        """Keep a packet; when the disk refuses, live goes on without a copy, which is counted."""
        sequence, run = peek(message)
        self._made[run] = sequence + 1
        self._place.setdefault(run, len(self._place))
        try:
            self._file_for(run, sequence).add(message, How.LIVE)
            self._in_file += 1
        except (OSError, RefusedInput) as why:
            self._drop_file()
            self.unkept += 1
            if self.unkept == 1:
                log.warning("waves cannot be kept for later: %s", why)

    def runs(self) -> dict[int, tuple[int, int]]:
        """Each run with (first number still there, how many were made), the present one last."""
        told: dict[int, tuple[int, int]] = {}
        for run, first, _ in self._segments():
            told.setdefault(run, (first, self._made.get(run, first)))
        for run, made in list(self._made.items()):
            told.setdefault(run, (made, made))
        return told

    def read(self, run: int, ranges: Sequence[Range]) -> Iterator[Kept]:
        """The packets of these ranges that are there, in order."""
        if self._file is not None:
            self._file.flush()
        mine = [(first, file) for of, first, file in self._segments() if of == run]
        ends = [first for first, _ in mine[1:]] + [1 << 32]
        for (begins, file), ends_before in zip(mine, ends, strict=False):
            wanted = [(first, end) for first, end in ranges if first < ends_before and end > begins]
            if wanted:
                yield from (one for one in read_kept(file) if any(first <= one.sequence < end for first, end in wanted))

    def forget(self, run: int) -> None:
        """The hub has all of an earlier run."""
        for of, _, file in self._segments():
            if of == run:
                file.unlink(missing_ok=True)
        self._made.pop(run, None)

    def close(self) -> None:
        self._drop_file()

    def _segments(self) -> list[tuple[int, int, Path]]:
        """(run, first, file), runs in the order in which they began."""
        found = [(int(file.stem[:8], 16), int(file.stem[9:]), file) for file in self._folder.glob("????????-*.awr")]
        return sorted(found, key=lambda one: (self._place.get(one[0], len(self._place)), one[1]))

    def _file_for(self, run: int, sequence: int) -> WaveFile:
        if self._file is None or self._file.run != run or self._in_file >= self._segment_packets:
            self._drop_file()
            self._make_room()
            self._file = WaveFile(self._folder / f"{run:08x}-{sequence:010d}.awr", run)
        return self._file

    def _make_room(self) -> None:
        """Drop the oldest segments until there is room. Raises OSError when there is none without the newest."""
        files = [file for _, _, file in self._segments()]
        kept_bytes = sum(file.stat().st_size for file in files)
        while files and (kept_bytes > self._size_bytes or self._free_bytes(self._folder) < FREE_BYTES):
            oldest = files.pop(0)
            kept_bytes -= oldest.stat().st_size
            oldest.unlink()
        if self._free_bytes(self._folder) < FREE_BYTES:
            raise OSError("no room on the disk")

    def _drop_file(self) -> None:
        if self._file is not None:
            self._file.close()
        self._file, self._in_file = None, 0
