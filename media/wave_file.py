"""Keep wave packets in a file as they were made: the form of a vehicle's ring, of its uploads, and of the record.

All numbers are little-endian::

    file    4 magic "AWR1" | u32 run | packets
    packet  u16 length | u8 how (0 live, 1 back-filled) | u32 CRC-32 of the bytes | the bytes (media/waveforms.py)

Packets stand in the order in which they came. A torn end, as a power cut leaves it, is cut off when the file is opened
to write. What is kept how long is decided by whoever keeps it.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator
from enum import IntEnum
from pathlib import Path
from typing import NamedTuple

from casebook.errors import RefusedInput
from media.waveforms import PACKET_BYTES_MAX, peek

_HEAD = struct.Struct("<4sI")
_PACKET = struct.Struct("<HBI")
_MAGIC = b"AWR1"


class How(IntEnum):
    LIVE = 0
    BACK_FILLED = 1


class Kept(NamedTuple):
    """A packet as it stands in a file; `end`: where the next one begins."""

    sequence: int
    how: How
    message: bytes
    end: int


def framed(message: bytes, how: How) -> bytes:
    """A packet as it stands in a file or an upload."""
    return _PACKET.pack(len(message), how, zlib.crc32(message)) + message


def unframed(raw: bytes | bytearray, start: int = 0) -> Iterator[Kept]:
    """The whole packets in `raw` from `start` on; what is left at the end is no whole packet.

    Raises RefusedInput (`wave_file_damaged`) where the bytes are not what was written.
    """
    while len(raw) >= start + _PACKET.size:
        length, how, crc = _PACKET.unpack_from(raw, start)
        body = start + _PACKET.size
        if not 0 < length <= PACKET_BYTES_MAX or how not in How._value2member_map_:
            raise RefusedInput("wave_file_damaged", at=start)
        if len(raw) < body + length:
            return
        message = bytes(raw[body : body + length])
        if zlib.crc32(message) != crc:
            raise RefusedInput("wave_file_damaged", at=start)
        sequence, _ = peek(message)
        start = body + length
        yield Kept(sequence, How(how), message, start)


def read_run(file: Path) -> int:
    """The run of a file. Raises RefusedInput (`wave_file_damaged`)."""
    with file.open("rb") as opened:
        head = opened.read(_HEAD.size)
    if len(head) < _HEAD.size or head[:4] != _MAGIC:
        raise RefusedInput("wave_file_damaged", at=0)
    return _HEAD.unpack(head)[1]


def read_kept(file: Path) -> Iterator[Kept]:
    """The packets of a file up to a torn or damaged end, a piece at a time."""
    with file.open("rb") as opened:
        opened.seek(_HEAD.size)
        rest = b""
        while piece := opened.read(1 << 20):
            rest, end = rest + piece, 0
            try:
                for kept in unframed(rest):
                    yield kept
                    end = kept.end
            except RefusedInput:
                return
            rest = rest[end:]


class WaveFile:
    """A file that packets are added to. `found`: sequence and way of those that were there when it was opened."""

    def __init__(self, file: Path, run: int) -> None:
        """Open or begin it. Raises RefusedInput when it holds something else, OSError when the disk refuses."""
        self.file, self.run = file, run
        self.found: list[tuple[int, How]] = []
        self.size_bytes = _HEAD.size
        file.parent.mkdir(parents=True, exist_ok=True)
        begun = file.exists() and file.stat().st_size >= _HEAD.size
        if begun:
            self._find()
        self._out = file.open("r+b" if begun else "wb")
        if begun:
            self._out.truncate(self.size_bytes)
            self._out.seek(self.size_bytes)
        else:
            self._out.write(_HEAD.pack(_MAGIC, run))

    def _find(self) -> None:
        if read_run(self.file) != self.run:
            raise RefusedInput("wave_file_damaged", at=0)
        for kept in read_kept(self.file):
            self.found.append((kept.sequence, kept.how))
            self.size_bytes += _PACKET.size + len(kept.message)

    def add(self, message: bytes, how: How) -> None:
        """Append a packet. Raises OSError when the disk refuses; a torn one is cut off at the next opening."""
        self._out.write(framed(message, how))
        self.size_bytes += _PACKET.size + len(message)

    def flush(self, *, to_disk: bool = False) -> None:
        self._out.flush()
        if to_disk:
            os.fsync(self._out.fileno())

    def close(self) -> None:
        self._out.close()
