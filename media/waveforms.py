"""The wire format of live waves and live numerics on the data channels of a vehicle.

A wave packet carries about 40 ms of every channel; all numbers are little-endian::

    header      2 magic "AW" | u8 version = 2 | u8 channels | u32 sequence | u64 start_ms | u32 run
    per channel u8 kind | u8 0 | u16 rate_hz | u16 samples | u16 0 | u32 first_index | f32 scale | f32 offset | i16 ...

`start_ms` is the unit's clock at the first sample of each channel, ms since 1970. `run` names the feed since the
vehicle started, so that the numbers of two starts are not taken for one; version 1 had none. `first_index` counts the
channel's samples since it began. A value is ``raw * scale + offset`` in the kind's unit; raw -32768 means "no signal"
(NaN here): the pen lifts, nothing is drawn. Packets are numbered so that a viewer can tell what it lost; none is ever
repeated live. 12 leads at 500 Hz, with pleth, CO2 and three pressures at 125 Hz, make 890 bytes.

Numerics travel as small JSON messages on a second, reliable channel. The durable record of vital signs is the
vehicle's outbox, not this. Drawing is `media/browser/sweep_wave.js`.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import Any

import numpy as np

from casebook.errors import RefusedInput

PACKET_MS = 40
PACKET_BYTES_MAX = 1150  # one SCTP chunk of aiortc holds 1200 bytes: a fragmented wave is lost if any part is
CHANNELS_MAX, SAMPLES_MAX, RATE_HZ_MAX = 20, 512, 2000
NUMERICS_BYTES_MAX = 4096
NO_SIGNAL = -32768
WAVES_LABEL, NUMERICS_LABEL = "waves", "numerics"

_HEADER = struct.Struct("<2sBBIQ")
_CHANNEL = struct.Struct("<BBHHHIff")
_RUN = struct.Struct("<I")
_MAGIC, _VERSION, _WITHOUT_RUN = b"AW", 2, 1


class WaveKind(IntEnum):
    """What a channel shows. The number is on the wire; never reuse one."""

    ECG_I = 1
    ECG_II = 2
    ECG_III = 3
    ECG_AVR = 4
    ECG_AVL = 5
    ECG_AVF = 6
    ECG_V1 = 7
    ECG_V2 = 8
    ECG_V3 = 9
    ECG_V4 = 10
    ECG_V5 = 11
    ECG_V6 = 12
    PLETH = 20
    RESP = 21
    ABP = 22
    CO2 = 23
    CVP = 24
    PAP = 25
    ICP = 26

    @property
    def unit(self) -> str:
        """UCUM unit of the channel's values; ``1`` where the device gives no absolute scale."""
        return "mV" if self <= WaveKind.ECG_V6 else _UNITS[self]

    @property
    def scale(self) -> float:
        """The step between two raw values that keeps the kind's whole range: +-32 mV, +-3.2, +-327 mmHg."""
        return 0.001 if self <= WaveKind.ECG_V6 else 0.0001 if self.unit == "1" else 0.01


_PRESSURES = (WaveKind.ABP, WaveKind.CO2, WaveKind.CVP, WaveKind.PAP, WaveKind.ICP)
_UNITS = {WaveKind.PLETH: "1", WaveKind.RESP: "1"} | dict.fromkeys(_PRESSURES, "mm[Hg]")


@dataclass(frozen=True, slots=True, eq=False)
class ChannelWave:
    """Some samples of one channel: float64 values in the kind's unit, NaN where there was no signal."""

    kind: WaveKind
    rate_hz: int
    first_index: int
    samples: np.ndarray
    scale: float = 0.0  # 0 takes the kind's own
    offset: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class WavePacket:
    sequence: int
    start_ms: int
    channels: tuple[ChannelWave, ...]
    run: int = 0


def encode(packet: WavePacket) -> bytes:
    """`packet` as one message. Values outside the scale's range are held at its ends; NaN becomes "no signal"."""
    assert len(packet.channels) <= CHANNELS_MAX
    parts = [
        _HEADER.pack(_MAGIC, _VERSION, len(packet.channels), packet.sequence & 0xFFFFFFFF, packet.start_ms),
        _RUN.pack(packet.run),
    ]
    for wave in packet.channels:
        scale = wave.scale or wave.kind.scale
        raw = _raw(wave.samples, scale, wave.offset)
        first = wave.first_index & 0xFFFFFFFF
        parts += [_CHANNEL.pack(wave.kind, 0, wave.rate_hz, len(raw), 0, first, scale, wave.offset), raw.tobytes()]
    message = b"".join(parts)
    assert len(message) <= PACKET_BYTES_MAX, "too many samples for one packet: send packets more often"
    return message


def _raw(samples: np.ndarray, scale: float, offset: float) -> np.ndarray:
    steps = (np.asarray(samples, np.float64) - offset) / scale
    held = np.clip(np.nan_to_num(np.rint(steps), nan=0.0), -32767, 32767)
    return np.where(np.isnan(steps), NO_SIGNAL, held).astype("<i2")


def decode(message: bytes) -> WavePacket:
    """The packet in `message`. Raises RefusedInput (`waves_malformed`) saying where it breaks the format."""
    count, sequence, start_ms, run, at = _read_header(message)
    channels = []
    for _ in range(count):
        wave, at = _decode_channel(message, at)
        channels.append(wave)
    if at != len(message):
        raise _malformed("end", at)
    return WavePacket(sequence, start_ms, tuple(channels), run)


def peek(message: bytes) -> tuple[int, int]:
    """Sequence and run of a packet, its channels unread. Raises RefusedInput (`waves_malformed`)."""
    _, sequence, _, run, _ = _read_header(message)
    return sequence, run


def _read_header(message: bytes) -> tuple[int, int, int, int, int]:
    """Channels, sequence, start_ms, run, and where the channels begin."""
    if len(message) > PACKET_BYTES_MAX:
        raise _malformed("length", len(message))
    if len(message) < _HEADER.size:
        raise _malformed("header", len(message))
    magic, version, count, sequence, start_ms = _HEADER.unpack_from(message)
    if magic != _MAGIC or version not in (_VERSION, _WITHOUT_RUN) or count > CHANNELS_MAX:
        raise _malformed("header", f"{magic!r} {version} {count}")
    if version == _WITHOUT_RUN:
        return count, sequence, start_ms, 0, _HEADER.size
    if len(message) < _HEADER.size + _RUN.size:
        raise _malformed("header", len(message))
    return count, sequence, start_ms, _RUN.unpack_from(message, _HEADER.size)[0], _HEADER.size + _RUN.size


def _decode_channel(message: bytes, at: int) -> tuple[ChannelWave, int]:
    if len(message) < at + _CHANNEL.size:
        raise _malformed("channel", at)
    kind, zero, rate_hz, count, zero2, first_index, scale, offset = _CHANNEL.unpack_from(message, at)
    at += _CHANNEL.size
    sane = not (zero or zero2) and 1 <= rate_hz <= RATE_HZ_MAX and count <= SAMPLES_MAX
    if not sane or not (math.isfinite(scale) and scale > 0 and math.isfinite(offset)):
        raise _malformed("channel", at)
    if kind not in WaveKind._value2member_map_:
        raise _malformed("kind", kind)
    if len(message) < at + 2 * count:
        raise _malformed("samples", at)
    raw = np.frombuffer(message, "<i2", count, at)
    values = np.where(raw == NO_SIGNAL, np.nan, raw * float(scale) + float(offset))
    return ChannelWave(WaveKind(kind), rate_hz, first_index, values, scale, offset), at + 2 * count


def _malformed(where: str, found: object) -> RefusedInput:
    return RefusedInput("waves_malformed", where=where, found=found)


@dataclass(frozen=True, slots=True)
class Numerics:
    """The latest numbers of one casualty: field -> value, None = not measured. Fields are the casebook's names."""

    casualty: str
    seq: int
    at: datetime
    values: Mapping[str, float | None]


def encode_numerics(numerics: Numerics) -> str:
    """`numerics` as one JSON message. Raises ValueError on NaN and Infinity: our own sender must not have them."""
    body = {
        "casualty": numerics.casualty,
        "seq": numerics.seq,
        "at": numerics.at.isoformat(),
        "values": {**numerics.values},
    }
    return json.dumps(body, ensure_ascii=False, allow_nan=False)


def decode_numerics(message: str | bytes) -> Numerics:
    """The numbers in `message`. Raises RefusedInput (`numerics_malformed`)."""
    try:
        if len(message) > NUMERICS_BYTES_MAX:
            raise ValueError(len(message))
        body: dict[str, Any] = json.loads(message, parse_constant=_refuse_constant)
        values = {str(name): None if value is None else float(value) for name, value in body["values"].items()}
        at = datetime.fromisoformat(body["at"])
        if at.tzinfo is None or not all(value is None or math.isfinite(value) for value in values.values()):
            raise ValueError(body["at"])
        return Numerics(str(body["casualty"]), int(body["seq"]), at, values)
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError) as why:
        raise RefusedInput("numerics_malformed", found=why) from why


def _refuse_constant(name: str) -> float:
    raise ValueError(name)


class SequenceLedger:
    """Counts what arrived and what is missing of a numbered stream, packets in any order.

    `lost` are numbers between the first seen and the highest seen that did not come; a late one is taken off again.
    A number far behind the highest (a sender that began anew) starts a new count.
    """

    RESTART = 1000  # a step back or ahead larger than this (40 s of packets) is a new sender, not loss

    def __init__(self) -> None:
        self.received = 0
        self.lost = 0
        self._highest: int | None = None
        self._missing: set[int] = set()

    def add(self, sequence: int) -> None:
        if self._highest is None or abs(sequence - self._highest) > self.RESTART:
            self._missing.clear()
        elif sequence > self._highest:
            skipped = range(self._highest + 1, sequence)
            self.lost += len(skipped)
            self._missing.update(skipped)
        elif sequence in self._missing:
            self._missing.discard(sequence)
            self.lost -= 1
            self.received += 1
            return
        else:
            return  # a repeat
        self._highest = sequence
        self.received += 1
        self._missing = {number for number in self._missing if sequence - number <= self.RESTART}
