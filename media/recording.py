"""Record one vehicle's live picture as the viewers got it, with whatever was told beside it, on one clock.

A recording is a few files: pictures (`N.webm`, `N.mkv`), what was told meanwhile (`N.jsonl`), and where it was agreed
the speech of each person (`N.PARTY.webm`); a new N after a restart or with another codec. All times are milliseconds
since the first frame of N: of a frame by its RTP time, of speech as `media.recording_clock` says, of everything else by
when the hub heard it (`came_ms`). One thread writes; a disk that is slow costs pictures of the record, never of the
live view. Who may record is decided before; what becomes of the files is `media.recordings`'.
"""

from __future__ import annotations

import contextlib
import io
import logging
import queue
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from aiortc.rtp import RtpPacket

from casebook.errors import RefusedInput
from media.aiortc_private import body_of
from media.codec import Codec
from media.receive_buffer import Part, ReceiveBuffer, WholeFrame
from media.recording_clock import TICKS_PER_MS, Quickest, VoiceClock
from media.recording_file import SUFFIX, PictureFile, VoiceFile
from media.sealed_file import PLAIN, DiskSeal
from media.video_stream import VIDEO_CLOCK_HZ, Placed

log = logging.getLogger(__name__)

WAITING_MAX = 600  # works of the writing thread; 40 s of pictures at 15 frames/s. More, and the disk is too slow
FLUSH_MS = 1000
_H264_PARAMETERS = re.compile(rb"\x00\x00\x01[\x07\x27\x47\x67]")  # a NAL unit of type 7 (RFC 6184 1.3)


@dataclass(frozen=True, slots=True)
class Kept:
    """A complete file."""

    file: str
    sha256: str
    bytes: int
    frames: int = 0
    lasted_ms: int = 0
    skipped: int = 0
    torn: bool = False


class Recording:
    """One recording while it runs. Give it packets and words on the event loop's thread; `close` blocks.

    `began()` gives what was so when the first picture came (marks in force, newest vitals); `want_key_frame` asks the
    vehicle; `now_s` is monotonic. `refused` is set when the disk takes no more: then nothing more is written.
    """

    def __init__(
        self,
        folder: Path,
        *,
        now_s: Callable[[], float],
        began: Callable[[], Mapping[str, Any]] = dict,
        want_key_frame: Callable[[], None] = lambda: None,
        seal: DiskSeal = PLAIN,
    ) -> None:
        self._seal = seal
        self._folder, self._now_s, self._began, self._want_key_frame = folder, now_s, began, want_key_frame
        self._buffer = ReceiveBuffer()
        self._part: _Part | None = None
        self._parts = next_part(folder) - 1
        self._works: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._write, name=f"recording {folder.name}", daemon=True)
        self.kept: list[Kept] = []
        self.refused: Exception | None = None
        self.frames = self.skipped = 0
        self._thread.start()

    # --- what comes

    def take(self, placed: Placed) -> None:
        """A packet of the picture, in the order of arrival."""
        if self._part is not None and placed.codec != self._part.codec:
            self._end_part()
        now_s = self._now_s()
        try:
            body = body_of(placed.packet, placed.codec)
        except ValueError:
            return  # a packet that carries nothing
        part = Part(placed.seq, placed.timestamp, bool(placed.packet.marker), placed.starts_key, body)
        skips = self._buffer.skips
        self._buffer.add(part, now_s)
        turn = self._buffer.turn(now_s)
        self.skipped += self._buffer.skips - skips
        for frame in turn.frames:
            self._take_frame(frame, placed.codec, now_s)
        if turn.key_frame:
            self._want_key_frame()

    def begin_again(self) -> None:
        """Another publisher follows: on with its first key frame."""
        self._buffer = ReceiveBuffer()

    def note(self, what: str, told: Mapping[str, Any]) -> None:
        """Something that was told: on the record with the picture of this moment; before the first one it is not."""
        if (part := self._part) is not None:
            line = {"is": what, "came_ms": part.ms(self._now_s()), **told}
            self._do(lambda: part.tell(line))

    def hear(self, party: str, packet: RtpPacket, who: str = "") -> None:
        """A packet of somebody's speech; `party` names the file, `who` is told beside it."""
        if (part := self._part) is not None:
            came_ms, stamp, opus = part.ms(self._now_s()), packet.timestamp, packet.payload
            self._do(lambda: part.hear(party, who, came_ms, stamp, opus))

    def close(self) -> list[Kept]:
        """Finish the files; what was kept, in order. Blocks until all is written."""
        self._end_part()
        self._works.put(None)
        self._thread.join()
        return self.kept

    # --- frames

    def _take_frame(self, frame: WholeFrame, codec: Codec, now_s: float) -> None:
        key = _is_key(frame.body, codec)
        if self._part is None:
            if not key:
                return
            self._begin_part(frame, codec, now_s)
        part = self._part
        assert part is not None
        if part.behind and not key:
            self._want_key_frame()
            return
        time, came_ms = part.place(frame.timestamp), part.ms(now_s)
        part.behind = not self._do(lambda: part.add(frame.body, time, came_ms, key=key))
        self.skipped += part.behind
        self.frames += not part.behind

    def _begin_part(self, frame: WholeFrame, codec: Codec, now_s: float) -> None:
        self._parts += 1
        part = _Part(self._folder, self._parts, codec, frame.timestamp, now_s, self._seal)
        head = {"is": "part", "came_ms": 0, "part": self._parts, "codec": codec, **self._began()}
        if self._do(lambda: part.open(frame.body, head)):
            self._part = part

    def _end_part(self) -> None:
        part, self._part = self._part, None
        if part is not None:
            skipped, self.skipped = self.skipped, 0
            self._works.put(lambda: self.kept.extend(part.close(skipped)))

    # --- writing

    def _do(self, work: Callable[[], None]) -> bool:
        """Let the thread do it; False when it is too far behind, or the disk refused."""
        if self.refused is not None or self._works.qsize() >= WAITING_MAX:
            return False
        self._works.put(work)
        return True

    def _write(self) -> None:
        while (work := self._works.get()) is not None:
            try:
                work()
            except (OSError, RefusedInput) as why:
                if self.refused is None:
                    log.warning("%s cannot be written on: %s", self._folder.name, why)
                    self.refused = why


class _Part:
    """The files of one N. Made on the event loop; opened, written and closed by the writing thread."""

    def __init__(self, folder: Path, number: int, codec: Codec, timestamp: int, at_s: float, seal: DiskSeal) -> None:
        self.codec: Codec = codec
        self.behind = False  # the thread was: nothing until the next key frame
        self._folder, self._number, self._seal = folder, number, seal
        self._first, self._began_s, self._last = timestamp, at_s, -1
        self._pictures: PictureFile | None = None
        self._told: io.BufferedWriter | None = None
        self._flushed_ms = 0
        self._voices: dict[str, tuple[VoiceFile, VoiceClock]] = {}
        self._quickest, self._way_ms = Quickest(), 0.0  # by how much later pictures come than their clock says

    def _place(self, suffix: str) -> Path:
        return self._folder / f"{self._number}{suffix}"

    def ms(self, now_s: float) -> int:
        return max(0, round((now_s - self._began_s) * 1000))

    def place(self, timestamp: int) -> int:
        """Ticks of a frame since the first; always later than those of the one before."""
        self._last = max(timestamp - self._first, self._last + 1)
        return self._last

    def open(self, first: bytes, head: Mapping[str, Any]) -> None:
        self._pictures = PictureFile(self._place(SUFFIX[self.codec]), self.codec, first, self._seal)
        self._told = io.BufferedWriter(self._seal.create(self._place(".jsonl")))
        self.tell(head)

    def add(self, frame: bytes, time: int, came_ms: int, *, key: bool) -> None:
        if self._pictures is None:
            return
        self._pictures.add(frame, time, key=key)
        t_ms = round(time * 1000 / VIDEO_CLOCK_HZ)
        self._way_ms = self._quickest.add(came_ms, came_ms - t_ms)
        self.tell({"is": "frame", "came_ms": came_ms, "t_ms": t_ms, "bytes": len(frame), "key": key})

    def tell(self, line: Mapping[str, Any]) -> None:
        if self._told is None:
            return
        self._told.write(msgspec.json.encode(line) + b"\n")
        if line["came_ms"] - self._flushed_ms >= FLUSH_MS:
            self._told.flush()
            self._flushed_ms = line["came_ms"]

    def hear(self, party: str, who: str, came_ms: int, timestamp: int, opus: bytes) -> None:
        if self._told is None:
            return
        if party not in self._voices:
            voice = VoiceFile(self._place(f".{party}.webm"), self._seal)
            self._voices[party] = voice, VoiceClock()
            self.tell({"is": "voice", "came_ms": came_ms, "party": party, "who": who, "file": voice.file.name})
        voice, clock = self._voices[party]
        voice.add(opus, clock.place(timestamp, came_ms - self._way_ms))

    def close(self, skipped: int) -> list[Kept]:
        """Finish every file, whatever the disk says to one of them."""
        kept = []
        if self._pictures is not None:
            self._pictures.close()
            ms = round(self._pictures.last * 1000 / VIDEO_CLOCK_HZ)
            kept.append(
                kept_of(self._pictures.file, self._seal, frames=self._pictures.frames, lasted_ms=ms, skipped=skipped)
            )
        if self._told is not None:
            with contextlib.suppress(OSError):
                self._told.close()
            kept.append(kept_of(self._place(".jsonl"), self._seal))
        for voice, _ in self._voices.values():
            voice.close()
            kept.append(
                kept_of(voice.file, self._seal, frames=voice.packets, lasted_ms=round(voice.last / TICKS_PER_MS))
            )
        return kept


def kept_of(file: Path, seal: DiskSeal = PLAIN, **counts: Any) -> Kept:
    """A file with the digest and the size of what is in it. Blocks: it reads the whole file."""
    return Kept(file.name, seal.digest(file), seal.size(file), **counts)


def next_part(folder: Path) -> int:
    """The number of the next files in a recording's folder, from 1."""
    numbers = [int(file.name.split(".")[0]) for file in folder.glob("*.*") if file.name.split(".")[0].isdecimal()]
    return max(numbers, default=0) + 1


def _is_key(frame: bytes, codec: Codec) -> bool:
    """Can one begin to decode here? (VP8: RFC 6386 9.1; H264: a sequence parameter set goes before.)"""
    return bool(_H264_PARAMETERS.search(frame)) if codec == "H264" else bool(frame) and not frame[0] & 1
