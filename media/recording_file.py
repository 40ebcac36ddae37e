"""Write encoded frames into a Matroska file as they came: nothing is decoded or encoded, the times are those of RTP.

VP8 and Opus go into WebM, H264 into Matroska. A cluster is on the disk a second after it began, or at the next key
frame: a process that is killed leaves a file that plays up to there. What is written when is `media.recording`'s.
"""

from __future__ import annotations

import contextlib
import io
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.container import InputContainer, OutputContainer
from av.error import FFmpegError

from casebook.errors import RefusedInput
from media.codec import Codec
from media.sealed_file import PLAIN, DiskSeal, SealedElsewhere

VIDEO_TIMES, VOICE_TIMES = Fraction(1, 90_000), Fraction(1, 48_000)  # RTP clocks: RFC 3551 section 5, RFC 7587 4.1
SUFFIX = {"VP8": ".webm", "H264": ".mkv"}
CLUSTER_MS = 1000
SILENCE, SILENCE_TICKS = b"\xf8\xff\xfe", 960  # 20 ms of nothing, one Opus frame (RFC 6716 section 3.1)
_OPTIONS = {"cluster_time_limit": str(CLUSTER_MS), "flush_packets": "1"}
_FORMAT = {".webm": "webm", ".mkv": "matroska"}
_VP8_START = b"\x9d\x01\x2a"  # RFC 6386 section 9.1, before width and height of a key frame


class PictureFile:
    """One file of moving pictures, begun with a key frame. Raises OSError where the disk refuses."""

    def __init__(self, file: Path, codec: Codec, first: bytes, seal: DiskSeal = PLAIN) -> None:
        """`first`: the key frame that begins it. Raises RefusedInput (`recording_frame`) when it is none."""
        self.file, self.codec = file, codec
        self.frames = self.last = 0
        self._sink = _Sink(file, seal)
        try:
            self._out, self._stream = _begin_video(self._sink, codec, first)
        except BaseException:
            self._sink.close()
            raise

    def add(self, frame: bytes, time: int, *, key: bool) -> None:
        """Append a frame; `time` in ticks of 1/90000 s since the first, never going back."""
        packet = av.Packet(frame)
        packet.pts = packet.dts = time
        packet.time_base, packet.is_keyframe, packet.stream = VIDEO_TIMES, key, self._stream
        with _disk_errors(self._sink):
            self._out.mux_one(packet)
        self.frames, self.last = self.frames + 1, time

    def close(self) -> None:
        """Write the index and the length. What the disk refuses now leaves the file as a killed process would."""
        _close(self._out, self._sink)


class VoiceFile:
    """One person's speech, as its Opus packets came. Where none came stands silence, from the recording's first frame
    on: so every player is at the same moment as with the pictures."""

    def __init__(self, file: Path, seal: DiskSeal = PLAIN) -> None:
        self.file = file
        self.packets, self.last = 0, 0
        self._end = 0  # of what is written
        self._sink = _Sink(file, seal)
        self._out = av.open(self._sink, "w", format="webm", options=_OPTIONS)
        self._stream = self._out.add_stream("libopus", rate=48_000, layout="stereo")  # for its header; it never encodes

    def add(self, packet: bytes, time: int) -> None:
        """Append a packet; `time` in ticks of 1/48000 s since the recording's first frame. One that is late is left
        out, and one from before it."""
        if time < 0 or (self.packets and time <= self.last):
            return
        while time - self._end >= SILENCE_TICKS:
            self._write(SILENCE, self._end)
            self._end += SILENCE_TICKS
        self._write(packet, time)
        self.packets, self.last, self._end = self.packets + 1, time, time + opus_ticks(packet)

    def _write(self, packet: bytes, time: int) -> None:
        voice = av.Packet(packet)
        voice.pts = voice.dts = time
        voice.time_base, voice.stream = VOICE_TIMES, self._stream
        with _disk_errors(self._sink):
            self._out.mux_one(voice)

    def close(self) -> None:
        _close(self._out, self._sink)


def opus_ticks(packet: bytes) -> int:
    """How long an Opus packet lasts, in ticks of 1/48000 s, by its first bytes (RFC 6716 section 3.1, 3.2)."""
    if not packet:
        return 0
    config, code = packet[0] >> 3, packet[0] & 3
    if config < 12:
        frame = (480, 960, 1920, 2880)[config % 4]  # SILK
    elif config < 16:
        frame = (480, 960)[config % 2]  # hybrid
    else:
        frame = (120, 240, 480, 960)[config % 4]  # CELT
    frames = (1, 2, 2, packet[1] & 0x3F if len(packet) > 1 else 0)[code]
    return frame * frames


@dataclass(frozen=True, slots=True)
class Found:
    """What a file holds: pictures or packets, and how long it is."""

    frames: int
    lasted_ms: int


def look_into(file: Path, seal: DiskSeal = PLAIN) -> Found:
    """Read a file's packets, whole or torn, without decoding them. Raises RefusedInput (`recording_damaged`)."""
    frames = last_ms = 0
    try:
        with seal.open(file) as kept, av.open(kept) as opened:
            assert isinstance(opened, InputContainer)
            for packet in opened.demux():
                if packet.size and packet.pts is not None and packet.time_base is not None:
                    frames, last_ms = frames + 1, max(last_ms, round(packet.pts * packet.time_base * 1000))
    except (FFmpegError, OSError, SealedElsewhere) as why:
        if not frames:
            raise RefusedInput("recording_damaged", file=file.name) from why
    return Found(frames, last_ms)


def size_of(frame: bytes) -> tuple[int, int]:
    """Width and height of a VP8 key frame (RFC 6386 section 9.1). Raises RefusedInput when it is none."""
    if len(frame) < 10 or frame[0] & 1 or frame[3:6] != _VP8_START:
        raise RefusedInput("recording_frame")
    width, height = (int.from_bytes(frame[at : at + 2], "little") & 0x3FFF for at in (6, 8))
    return width, height


class _Sink:
    """A file as the muxer wants it; what the disk says is kept, because the muxer forgets it."""

    def __init__(self, file: Path, seal: DiskSeal) -> None:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._out = seal.create(file)
        self.refused: OSError | None = None

    def write(self, content: Any) -> int:
        try:
            rest = memoryview(content)
            while rest:
                rest = rest[self._out.write(rest) or 0 :]
        except OSError as why:
            self.refused = self.refused or why
            raise
        return len(content)

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._out.seek(offset, whence)

    def tell(self) -> int:
        return self._out.tell()

    def close(self) -> None:
        self._out.close()


@contextlib.contextmanager
def _disk_errors(sink: _Sink):
    """Whatever the muxer makes of a full disk, it is an OSError."""
    try:
        yield
    except FFmpegError as why:
        raise sink.refused or OSError(str(why)) from why
    if sink.refused is not None:
        raise sink.refused


def _begin_video(sink: _Sink, codec: Codec, first: bytes) -> tuple[OutputContainer, Any]:
    out = av.open(sink, "w", format=_FORMAT[SUFFIX[codec]], options=_OPTIONS)
    if codec == "VP8":
        width, height = size_of(first)
        return out, out.add_mux_stream("vp8", width=width, height=height, time_base=VIDEO_TIMES)
    try:
        with av.open(io.BytesIO(first), format="h264") as parsed:  # size, parameter sets
            stream = out.add_stream_from_template(parsed.streams.video[0], opaque=True)
            stream.time_base = VIDEO_TIMES
            return out, stream
    except (FFmpegError, IndexError) as why:
        raise RefusedInput("recording_frame") from why


def _close(out: OutputContainer, sink: _Sink) -> None:
    with contextlib.suppress(FFmpegError, OSError):
        out.close()
    sink.close()
