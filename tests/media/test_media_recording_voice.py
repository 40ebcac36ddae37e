"""What was said is in the record, each person by themselves, and at the moment of the picture at which it was said."""

from __future__ import annotations

import itertools
import json
import random
import time
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path

import av
import numpy as np
import pytest
from aiortc.rtp import RtpPacket
from hypothesis import given
from hypothesis import strategies as st
from recording_stage import packets, pictures

from media.recording import WAITING_MAX, Recording
from media.recording_clock import FRAME_TICKS, JUMP_MS, TICKS_PER_MS, WINDOW_MS, VoiceClock
from media.recording_file import SILENCE, opus_ticks

OFF_MS = 40  # what is heard may stand so far from what is seen
RATE, FRAME_MS, LOOK_MS = 48_000, 20, 5
PITCH_HZ = {"p1": 440, "p2": 1310}


@cache
def speech(pitch_hz: int, turns: tuple[tuple[int, int], ...], lasts_ms: int) -> tuple[bytes, ...]:
    """Opus packets of 20 ms, by libopus, of somebody who says one tone in these spans (ms) and is silent elsewhere."""
    t_ms = np.arange(lasts_ms * RATE // 1000) * 1000 / RATE
    said = np.any([(t_ms >= begins) & (t_ms < ends) for begins, ends in turns], axis=0)
    wave = np.where(said, 9000 * np.sin(2 * np.pi * pitch_hz * t_ms / 1000), 0).astype("<i2")
    encoder = av.AudioCodecContext.create("libopus", "w")
    encoder.format, encoder.layout, encoder.sample_rate = "s16", "mono", RATE
    encoder.bit_rate, encoder.time_base = 24_000, Fraction(1, RATE)
    encoder.options = {"application": "voip", "frame_duration": str(FRAME_MS)}
    made = []
    for place in range(0, len(wave), FRAME_TICKS):
        frame = av.AudioFrame.from_ndarray(wave[None, place : place + FRAME_TICKS], format="s16", layout="mono")
        frame.sample_rate, frame.pts = RATE, place
        made += [bytes(packet) for packet in encoder.encode(frame)]
    return tuple(made)


@dataclass(frozen=True)
class Sent:
    """Something on its way: said at `said_ms` of the story, here at `came_ms`."""

    came_ms: float
    said_ms: float
    what: object
    party: str = ""


def spoken(party: str, turns: tuple[tuple[int, int], ...], lasts_ms: int, way: random.Random, first: int) -> list[Sent]:
    """The packets of a speaker whose RTP clock begins at `first`; each takes 20 ms to say and 30 to 60 to come."""
    sent, came_ms = [], 0.0
    for n, opus in enumerate(speech(PITCH_HZ[party], turns, lasts_ms)):
        packet = RtpPacket(111, 0, n, (first + n * FRAME_TICKS) % 2**32, 7, opus)
        came_ms = max(came_ms, (n + 1) * FRAME_MS + 30 + way.random() * 30)
        sent.append(Sent(came_ms, n * FRAME_MS, packet, party))
    return sent


def filmed(count: int, begins_ms: float, way: random.Random, jam_ms: float) -> list[Sent]:
    """Pictures of which the first, a key frame, takes `jam_ms` and holds up those behind it."""
    sent, free_ms = [], 0.0
    for number, placed in itertools.groupby(packets(pictures(count)), lambda one: one.timestamp):
        made_ms = begins_ms + (number - 77_000) / 90
        free_ms = max(free_ms, made_ms + 30 + way.random() * 20 + (jam_ms if number == 77_000 else 0.0))
        sent += [Sent(free_ms, made_ms, one) for one in placed]
    return sent


def heard_at(file: Path, pitch_hz: int) -> list[float]:
    """ms at which this tone begins in a file: by the energy at its pitch against all, in steps of 5 ms."""
    step = RATE * LOOK_MS // 1000
    with av.open(str(file)) as opened:
        sound = np.zeros(0, dtype=np.float32)
        for frame in opened.decode(audio=0):
            at = round((frame.time or 0.0) * RATE)
            part = frame.to_ndarray()[0]
            sound = np.pad(sound, (0, max(0, at + len(part) - len(sound))))
            keep = part[max(0, -at) :]
            sound[max(0, at) : max(0, at) + len(keep)] = keep
    whole = sound[: len(sound) // step * step].reshape(-1, step)
    carrier = np.exp(-2j * np.pi * pitch_hz * np.arange(step) / RATE)
    loud = np.abs(whole @ carrier) / step > 0.03
    return [n * LOOK_MS for n in range(4, len(loud)) if loud[n] and not loud[n - 4 : n].any()]


@pytest.mark.parametrize("jam_ms", [0.0, 700.0, 1600.0])
def test_two_people_are_heard_each_in_their_file_at_the_moment_of_the_picture(tmp_path: Path, jam_ms: float):
    """The story is 9 s long and its pictures begin at 2 s; a first key frame that is late must not shift the words."""
    begins_ms, lasts_ms, way = 2000.0, 9000, random.Random(5)
    turns = {"p1": ((400, 900), (5500, 6100), (7600, 8000)), "p2": ((5900, 6500), (8300, 8800))}
    sent = filmed(105, begins_ms, way, jam_ms)
    sent += spoken("p1", turns["p1"], lasts_ms, way, 2**32 - 90_000) + spoken("p2", turns["p2"], lasts_ms, way, 12_345)
    now_ms = [0.0]
    recording = Recording(tmp_path / "A01-1", now_s=lambda: 50 + now_ms[0] / 1000)
    for one in sorted(sent, key=lambda one: one.came_ms):
        now_ms[0] = one.came_ms
        while recording._works.qsize() > WAITING_MAX // 2:
            time.sleep(0.001)  # nine seconds are played in one
        if isinstance(one.what, RtpPacket):
            recording.hear(one.party, one.what, {"p1": "Dr Li", "p2": "medic Chen"}[one.party])
        else:
            recording.take(one.what)  # pyright: ignore[reportArgumentType]
    kept = {one.file: one for one in recording.close()}
    assert set(kept) == {"1.webm", "1.jsonl", "1.p1.webm", "1.p2.webm"} and kept["1.webm"].frames == 105
    for party, pitch_hz in PITCH_HZ.items():
        heard = heard_at(tmp_path / "A01-1" / f"1.{party}.webm", pitch_hz)
        said = [begins - begins_ms for begins, _ in turns[party] if begins > begins_ms + 2 * WINDOW_MS]
        heard = [at for at in heard if at > 2 * WINDOW_MS]
        assert len(heard) == len(said), (heard, said)
        assert max(abs(at - was) for at, was in zip(heard, said, strict=True)) <= OFF_MS, (heard, said)
        other = PITCH_HZ["p2" if party == "p1" else "p1"]
        assert heard_at(tmp_path / "A01-1" / f"1.{party}.webm", other) == [], "nobody else is in their file"
    lines = [json.loads(line) for line in (tmp_path / "A01-1" / "1.jsonl").read_text().splitlines()]
    voices = {line["party"]: (line["who"], line["file"]) for line in lines if line["is"] == "voice"}
    assert voices == {"p1": ("Dr Li", "1.p1.webm"), "p2": ("medic Chen", "1.p2.webm")}


def test_a_speaker_whose_clock_begins_anew_stays_on_the_clock_of_the_pictures():
    clock = VoiceClock()
    before = [clock.place(1000 + n * FRAME_TICKS, 500 + 20 * n) for n in range(100)]
    after = [clock.place(4_000_000_000 + n * FRAME_TICKS, 9000 + 20 * n) for n in range(100)]
    assert before[-1] == (500 + 20 * 99) * TICKS_PER_MS and after[0] == 9000 * TICKS_PER_MS
    assert [b - a for a, b in itertools.pairwise(after)] == [FRAME_TICKS] * 99


@given(st.integers(0, 2**32 - 1), st.floats(0, JUMP_MS * 0.9), st.integers(0, 99), st.integers(-2000, 2000))
def test_a_slow_first_packet_jitter_and_a_clock_that_drifts_never_shift_speech_for_long(first, late_ms, seed, ppm):
    """Whatever the first packet met, two windows later no word stands more than a frame and its jitter off."""
    clock, way, last = VoiceClock(), random.Random(seed), -1
    for n in range(400):
        said_ms = 20 * n
        came_ms = said_ms + 10 * way.random() + (late_ms if n < 3 else 0.0)
        ticks = clock.place((first + round(n * FRAME_TICKS * (1 + ppm / 1e6))) % 2**32, came_ms)
        assert ticks > last, "time never goes back"
        last = ticks
        if said_ms > 3 * WINDOW_MS + late_ms:
            assert abs(ticks / TICKS_PER_MS - said_ms) <= 35


@pytest.mark.parametrize(
    ("packet", "ticks"),
    [(SILENCE, 960), (b"", 0), (b"\x08", 960), (b"\x18", 2880), (b"\x09ab", 1920), (b"\x0b\x03", 2880), (b"\x80", 120)],
)
def test_how_long_a_packet_lasts_stands_in_its_first_bytes(packet: bytes, ticks: int):
    assert opus_ticks(packet) == ticks
