"""What a recording holds: every frame that came whole, at its time, and beside it what was told; whatever happens."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import av
import pytest
from aiortc.rtp import RtpPacket
from hypothesis import given, settings
from hypothesis import strategies as st
from recording_stage import STEP, packets, pictures

from casebook.errors import NotFound, RefusedInput
from media.aiortc_private import packetize_vp8
from media.codec import Codec
from media.encoder import Vp8Encoder
from media.rate_control import BitRate
from media.recording import WAITING_MAX, Recording, next_part
from media.recording_file import PictureFile, look_into, size_of
from media.recordings import FREE_BYTES, Recordings
from media.sealed_file import MAGIC, PIECE_BYTES, DiskSeal
from media.stamp import find
from media.video_stream import Placed

TIME_MS = 1.0  # Matroska counts in whole milliseconds


class Clock:
    """Monotonic seconds that are set by hand."""

    def __init__(self) -> None:
        self.s = 50.0

    def __call__(self) -> float:
        return self.s


def play(recording: Recording, clock: Clock, placed: list[Placed]) -> None:
    """Give it packets in this order, each when its picture was due."""
    began = placed[0].timestamp
    start_s = clock.s
    for one in placed:
        clock.s = max(clock.s, start_s + (one.timestamp - began) / 90_000)
        recording.take(one)


def lines_of(file: Path) -> list[dict]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def shown(file: Path) -> list[tuple[int, float]]:
    """Number in the stamp and time in ms of every picture that the file shows."""
    with av.open(str(file)) as opened:
        found = []
        for frame in opened.decode(video=0):
            stamp = find(frame.to_ndarray(format="gray"))
            assert stamp is not None and frame.time is not None
            found.append((stamp.frame, frame.time * 1000))
        return found


@pytest.mark.parametrize(("codec", "name"), [("VP8", "1.webm"), ("H264", "1.mkv")])
def test_a_recording_has_every_picture_that_was_sent_at_its_time(tmp_path: Path, codec: Codec, name: str):
    clock, coded = Clock(), pictures(45, codec)
    recording = Recording(tmp_path / "A01-1", now_s=clock)
    play(recording, clock, packets(coded, codec))
    kept = {one.file: one for one in recording.close()}
    assert kept[name].frames == 45 and kept[name].skipped == 0 and not kept[name].torn
    assert kept[name].lasted_ms == round(44 * STEP / 90)
    file = tmp_path / "A01-1" / name
    assert [number for number, _ in shown(file)] == list(range(45))
    assert all(abs(ms - number * STEP / 90) <= TIME_MS for number, ms in shown(file))
    assert look_into(file).frames == 45
    frames = [line for line in lines_of(tmp_path / "A01-1" / "1.jsonl") if line["is"] == "frame"]
    assert [line["t_ms"] for line in frames] == [round(one.time / 90) for one in coded]
    assert [line["key"] for line in frames] == [one.key for one in coded]


def test_the_bytes_in_the_file_are_those_that_the_vehicle_encoded(tmp_path: Path):
    clock, coded = Clock(), pictures(30)
    recording = Recording(tmp_path / "A01-1", now_s=clock)
    play(recording, clock, packets(coded))
    recording.close()
    with av.open(str(tmp_path / "A01-1" / "1.webm")) as opened:
        assert [bytes(packet) for packet in opened.demux(video=0) if packet.size] == [one.body for one in coded]


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_after_losses_and_disorder_the_record_never_shows_a_picture_that_builds_on_a_hole(tmp_path_factory, data):
    coded = pictures(60, gop=15)
    placed = packets(coded)
    lost = data.draw(st.sets(st.integers(1, len(placed) - 1), max_size=4))
    swaps = data.draw(st.lists(st.integers(1, len(placed) - 2), max_size=6))
    for at in swaps:
        placed[at], placed[at + 1] = placed[at + 1], placed[at]
    came = [one for n, one in enumerate(placed) if n not in lost]
    folder, clock, asked = tmp_path_factory.mktemp("r") / "A01-1", Clock(), []
    recording = Recording(folder, now_s=clock, want_key_frame=lambda: asked.append(1))
    play(recording, clock, came)
    kept = recording.close()
    numbers = [number for number, _ in shown(folder / "1.webm")]
    assert numbers == sorted(set(numbers)) and len(numbers) == kept[0].frames
    whole = {n for n in range(60) if not any(placed[at].timestamp == 77_000 + n * STEP for at in lost)}
    assert set(numbers) <= whole
    keys = {one.number for one in coded if one.key}
    for before, number in zip([-1, *numbers], numbers, strict=False):
        assert number == before + 1 or number in keys, "on with a key frame after a hole"
    if not lost:
        assert len(numbers) >= 58, "what came out of order is put in order"


def test_another_publisher_is_recorded_on_from_its_first_key_frame(tmp_path: Path):
    clock, coded = Clock(), pictures(40)
    recording = Recording(tmp_path / "A01-1", now_s=clock)
    first = packets(coded[:20])
    play(recording, clock, first)
    recording.begin_again()
    headless = packets(coded[20:], seq=first[-1].seq + 1)  # no key frame until number 30
    play(recording, clock, headless)
    recording.close()
    assert [n for n, _ in shown(tmp_path / "A01-1" / "1.webm")] == [*range(20), *range(30, 40)]


def test_another_codec_begins_another_file(tmp_path: Path):
    clock = Clock()
    recording = Recording(tmp_path / "A01-1", now_s=clock)
    vp8, h264 = packets(pictures(15)), packets(pictures(15, "H264"), "H264", seq=5000)
    play(recording, clock, vp8)
    recording.begin_again()
    play(recording, clock, h264)
    assert [(one.file, one.frames) for one in recording.close() if one.frames] == [("1.webm", 15), ("2.mkv", 15)]


def test_what_is_told_stands_beside_the_pictures_on_their_clock(tmp_path: Path):
    clock = Clock()
    recording = Recording(tmp_path / "A01-1", now_s=clock, began=lambda: {"unit": "A01"})
    recording.note("fact", {"kind": "too_early"})
    play(recording, clock, packets(pictures(16)))
    recording.note("fact", {"kind": "mark_drawn"})
    clock.s += 0.25
    recording.note("places", {"frame": 15, "marks": {}})
    recording.close()
    lines = lines_of(tmp_path / "A01-1" / "1.jsonl")
    assert lines[0] == {"is": "part", "came_ms": 0, "part": 1, "codec": "VP8", "unit": "A01"}
    told = [(line["is"], line["came_ms"]) for line in lines if line["is"] in ("fact", "places")]
    assert told == [("fact", 1000), ("places", 1250)], "what came before the first picture has none to stand beside"


def test_each_voice_has_a_file_of_its_own_on_the_same_clock(tmp_path: Path):
    clock = Clock()
    recording = Recording(tmp_path / "A01-1", now_s=clock)
    play(recording, clock, packets(pictures(16)))  # one second
    for n in range(50):
        clock.s += 0.02 if n else 0.0
        recording.hear("p1", RtpPacket(111, 0, n, (2**32 - 9600 + 960 * n) % 2**32, 7, b"\xfc\xff\xfe"))
    kept = {one.file: one for one in recording.close()}
    assert kept["1.p1.webm"].frames == 50
    with av.open(str(tmp_path / "A01-1" / "1.p1.webm")) as opened:
        told = [(packet.pts, bytes(packet)) for packet in opened.demux(audio=0) if packet.size]
    spoken = [ms or 0 for ms, opus in told if opus == b"\xfc\xff\xfe"]
    assert len(spoken) == 50 and abs(spoken[0] - 1000) <= 20 and spoken[-1] - spoken[0] == 49 * 20
    assert len(told) == 100 and abs(told[0][0] or 0) <= 7, "and silence before: Opus files begin 6.5 ms early"
    voices = [line for line in lines_of(tmp_path / "A01-1" / "1.jsonl") if line["is"] == "voice"]
    assert [(line["party"], line["came_ms"]) for line in voices] == [("p1", 1000)]


class Small:
    """A disk with room for so many bytes."""

    def __init__(self, room: int) -> None:
        self.room = room

    def write(self, file, content) -> int:
        if self.room < len(content):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self.room -= len(content)
        return file(content)


def test_a_full_disk_ends_the_record_with_a_file_that_plays_and_says_so(tmp_path: Path, monkeypatch):
    coded = pictures(150, gop=15)
    room = sum(len(one.body) for one in coded) // 2
    disk, real = Small(room), Path.open

    def opening(self: Path, mode: str = "r", *args, **kwargs):
        opened = real(self, mode, *args, **kwargs)
        if self.suffix == ".webm" and "w" in mode:
            return Thin(opened, disk)
        return opened

    monkeypatch.setattr(Path, "open", opening)
    clock = Clock()
    recording = Recording(tmp_path / "A01-1", now_s=clock)
    play(recording, clock, packets(coded))
    kept = recording.close()
    assert isinstance(recording.refused, OSError) and recording.refused.errno == errno.ENOSPC
    numbers = [number for number, _ in shown(tmp_path / "A01-1" / "1.webm")]
    assert 0 < len(numbers) < 150 and numbers == list(range(len(numbers)))
    assert kept[0].bytes <= room and kept[0].file == "1.webm"
    size = kept[0].bytes
    recording.take(packets(coded)[0])
    assert (tmp_path / "A01-1" / "1.webm").stat().st_size == size, "nothing more is tried"


class Thin:
    """An open file on a small disk."""

    def __init__(self, opened, disk: Small) -> None:
        self._opened, self._disk = opened, disk

    def write(self, content) -> int:
        return self._disk.write(self._opened.write, content)

    def __getattr__(self, name: str):
        return getattr(self._opened, name)


def test_a_disk_that_is_too_slow_costs_pictures_of_the_record_and_nothing_else(tmp_path: Path, monkeypatch):
    gate, real = threading.Event(), PictureFile.add

    def slow(self, *args, **kwargs):
        gate.wait(30)
        real(self, *args, **kwargs)

    monkeypatch.setattr(PictureFile, "add", slow)
    clock, coded = Clock(), pictures(60, gop=15)
    recording = Recording(tmp_path / "A01-1", now_s=clock)
    many, seq = [], 1000
    for turn in range(12):
        many += packets(coded, seq=seq, timestamp=77_000 + turn * 60 * STEP)
        seq = many[-1].seq + 1
    play(recording, clock, many)  # returns at once, although nothing can be written
    gate.set()
    kept = recording.close()
    assert WAITING_MAX - 60 <= kept[0].frames <= WAITING_MAX + 60
    assert recording.refused is None
    assert len(shown(tmp_path / "A01-1" / "1.webm")) == kept[0].frames, "and what is there can be decoded"


KEY = bytes(range(32))
KILLED = """
import sys, time
sys.path.insert(0, sys.argv[2])
from pathlib import Path
from recording_stage import packets, pictures
from media.recording import Recording
from media.sealed_file import DiskSeal
recording = Recording(Path(sys.argv[1]), now_s=time.monotonic, seal=DiskSeal(bytes.fromhex(sys.argv[3])))
for placed in packets(pictures(150, gop=15)):
    recording.take(placed)
while recording._works.qsize():
    time.sleep(0.01)
print("written", flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize("key", [b"", KEY], ids=["plain", "sealed"])
def test_a_hub_that_is_killed_leaves_a_file_that_plays_up_to_its_last_second(tmp_path: Path, key: bytes):
    folder = tmp_path / "recordings" / "A01-1"
    words = [sys.executable, "-c", KILLED, str(folder), str(Path(__file__).parent), key.hex()]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as dying:
        assert dying.stdout is not None and dying.stdout.readline() == b"written\n"
        dying.send_signal(signal.SIGKILL)
    recordings = Recordings(tmp_path / "recordings", time.monotonic, seal=DiskSeal(key))
    left = {one.file: one for one in recordings.left_over("A01-1", set())}
    opened = tmp_path / "opened.webm"
    opened.write_bytes(recordings.seal.read(folder / "1.webm"))
    numbers = [number for number, _ in shown(opened)]
    assert numbers == list(range(len(numbers))) and len(numbers) >= 150 - 16, "all but the last cluster"
    assert left["1.webm"].torn and left["1.webm"].frames == len(numbers)
    assert left["1.webm"].sha256 == hashlib.sha256(opened.read_bytes()).hexdigest()
    assert set(left) == {"1.webm", "1.jsonl"} and recordings.left_over("A01-1", set(left)) == []
    assert next_part(folder) == 2
    if key:
        whole = (folder / "1.webm").read_bytes()
        assert b"matroska" not in whole and b"webm" not in whole and whole.startswith(MAGIC)
        (folder / "1.webm").write_bytes(whole[:-5])
        torn = recordings.seal.read(folder / "1.webm")
        assert (
            torn == opened.read_bytes()[: len(torn)] and len(torn) == opened.stat().st_size // PIECE_BYTES * PIECE_BYTES
        )


def test_a_frame_that_nobody_can_begin_with_is_refused_by_name(tmp_path: Path):
    clock, recording = Clock(), None
    broken = bytes([0]) + b"no picture at all"
    with pytest.raises(RefusedInput):
        size_of(broken)
    recording = Recording(tmp_path / "A01-1", now_s=clock)
    recording.take(Placed(RtpPacket(97, 1, 1, 1, 1, packetize_vp8(broken, 1)[0]), 1, 1, True))
    recording.close()
    assert isinstance(recording.refused, RefusedInput)


@pytest.mark.parametrize("name", ["", "..", "../x", "a/b", "x" * 81])
def test_no_name_leads_out_of_the_folder(tmp_path: Path, name: str):
    recordings = Recordings(tmp_path / "recordings", time.monotonic)
    with pytest.raises(NotFound):
        recordings.find(name, "1.webm")
    with pytest.raises(NotFound):
        recordings.find("A01-1", "../../book.sqlite")


def test_room_on_the_disk_is_the_books_first(tmp_path: Path):
    room = [FREE_BYTES]
    recordings = Recordings(tmp_path / "recordings", time.monotonic, free_bytes=lambda folder: room[0])
    assert recordings.has_room()
    room[0] -= 1
    assert not recordings.has_room()


def test_writing_costs_a_small_part_of_what_coding_anew_would(tmp_path: Path):
    """CPU of this process in the same run; the figures stand in docs/media.md."""
    clock, coded = Clock(), pictures(45, width=640, height=360)
    placed = packets(coded)
    began = time.process_time()
    recording = Recording(tmp_path / "A01-1", now_s=clock)
    play(recording, clock, placed)
    recording.close()
    recorded_s = time.process_time() - began
    began, encoder = time.process_time(), Vp8Encoder(BitRate(150_000, 300_000, 800_000))
    with av.open(str(tmp_path / "A01-1" / "1.webm")) as opened:
        for frame in opened.decode(video=0):
            encoder.encode(frame, 300_000)
    anew_s = time.process_time() - began
    print(f"recorded {recorded_s * 1000 / 45:.3f} ms a picture, coded anew {anew_s * 1000 / 45:.3f}")
    assert recorded_s < anew_s / 2
