"""A whole hub: a recording begins and ends by a person's act, holds what was seen, and goes in its time."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import av
import httpx
import msgspec
import numpy as np
import pytest
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack

from aboard.hub import Hub
from aboard.hub_setup import open_hub
from aboard.recording_desk import RecordingDesk
from ambulance_unit.told import unit_view
from casebook import events as e
from casebook.book import Row
from casebook.clock import RateClock
from casebook.desks import DESK
from casebook.errors import RefusedInput
from casebook.place import Place
from casebook.recordings import find_recording
from media.aiortc_private import listen_on
from media.camera import open_camera
from media.receiver import VideoViewer
from media.sealed_file import DiskSeal, is_sealed
from media.sender import VideoPublisher
from media.signalling import SDP_TYPE
from media.stamp import find
from media.voice_offer import LINES

pytestmark = pytest.mark.sockets

UNIT = "SJ-5G-01"
SCENE = Place(30.89, 121.03)
AT = datetime(2021, 4, 18, 1, 35, tzinfo=UTC)
PATIENCE_S = 60.0  # a bound for a busy machine, not an expectation


async def eventually(true: Callable[[], Any], what: str) -> None:
    end_s = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < end_s, f"never happened: {what}"
        await asyncio.sleep(0.05)


class Stage:
    """A hub whose ward expects the patient of one vehicle, on a folder that outlives it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.clock = folder, RateClock(AT, 1.0)
        self.works: list[asyncio.Task[None]] = []

    async def open(self) -> Hub:
        facts = self.folder / "facts.json"
        unit = e.UnitEnrolled(UNIT, "ambulance_5g", "松江5G01", "Songjiang 5G 01", "songjiang", SCENE)
        first = [unit, e.IncidentOpened("I1", SCENE, "traffic", 1, "120", "G60"), e.CasualtyFound("I1-A", "I1", "A")]
        facts.write_bytes(msgspec.json.encode([[one.name, e.encode(one)] for one in first]))
        self.hub, self.links = await open_hub(self.folder / "hub", "yangtze_delta", self.clock, facts=facts, drill=True)
        self.wards = [name for name in self.links if name.startswith("hospital:")]
        self.ward = self.wards[0].removeprefix("hospital:")
        if self.hub.book.picture.casualties["I1-A"].unit is None:
            chosen = e.Option(self.ward, "road", 1200.0, {"road": 1200.0})
            steps = [
                e.UnitAssigned(UNIT, "I1"),
                e.UnitEnRoute(UNIT),
                e.UnitOnScene(UNIT),
                e.UnitAtPatient(UNIT, "I1-A"),
            ]
            await self.write(*steps, e.DestinationChosen("I1-A", chosen))
            await self.write(e.CasualtyBoarded("I1-A", UNIT))
        return self.hub

    async def write(self, *facts: e.Event) -> None:
        await self.hub.book.write(lambda picture: list(facts), DESK)

    def client(self, name: str) -> httpx.AsyncClient:
        headers = {"Authorization": f"Bearer {self.links[name]}"}
        transport = httpx.ASGITransport(self.hub.app)
        return httpx.AsyncClient(transport=transport, base_url="http://hub", headers=headers)

    async def ask(self, name: str, by: str = "", **command: Any) -> httpx.Response:
        async with self.client(by or self.wards[0]) as client:
            whose = {"hospital": self.ward, "casualty": "I1-A"}
            return await client.post(f"/api/v1/ask/{name}", json=whose | command)

    async def record(self, **more: Any) -> None:
        answer = await self.ask("start_recording", reason="teaching", consent="given", **more)
        assert answer.status_code == 200, answer.text

    def publish(self) -> VideoPublisher:
        publisher = VideoPublisher(self.client(f"unit:{UNIT}"), UNIT, open_camera("scene", wall_ms))
        self.works.append(asyncio.create_task(publisher.run()))
        return publisher

    def watch(self) -> VideoViewer:
        viewer = VideoViewer(self.client(self.wards[0]), UNIT, wall_ms)
        self.works.append(asyncio.create_task(viewer.run()))
        return viewer

    async def end_works(self) -> None:
        for work in self.works:
            work.cancel()
        await asyncio.gather(*self.works, return_exceptions=True)
        self.works.clear()

    @property
    def desk(self) -> RecordingDesk:
        owners = [getattr(work, "__self__", None) for work in self.hub.works]
        return next(one for one in owners if isinstance(one, RecordingDesk))

    def frames(self) -> int:
        running = list(self.desk._recordings.running.values())
        return running[0].frames if running else 0

    def told(self, kind: str) -> list[dict[str, Any]]:
        return [entry.body for entry in self.hub.book.log.read() if entry.kind == kind]

    def state(self, name: str = f"{UNIT}-1"):
        found = find_recording(self.hub.book.picture, name)
        assert found is not None
        return found[1]


def wall_ms() -> float:
    return time.time() * 1000


@pytest.fixture
async def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    monkeypatch.setenv("ABOARD_CACHE", str(tmp_path / "cache"))
    listen_on(["127.0.0.1"])
    stage = Stage(tmp_path)
    yield stage
    await stage.end_works()
    listen_on(None)


def stamps_in(content: bytes, file: Path) -> list[int]:
    file.write_bytes(content)
    with av.open(str(file)) as opened:
        found = [find(frame.to_ndarray(format="gray")[: frame.height]) for frame in opened.decode(video=0)]
    return [stamp.frame for stamp in found if stamp is not None]


async def test_what_a_ward_records_is_what_it_saw_with_marks_and_numbers_and_the_log_says_who(stage: Stage, tmp_path):
    async with (await stage.open()).running():
        stage.publish()
        viewer = stage.watch()
        await eventually(lambda: viewer.frames_shown > 3, "the ward sees the vehicle")
        assert stage.told("recording_started") == [], "nothing is recorded unless somebody asks"
        await stage.record()
        await eventually(lambda: stage.frames() >= 5, "pictures are recorded")
        again = await stage.ask("start_recording", reason="twice", consent="given")
        assert again.status_code == 409 and again.json()["error"] == "recording_runs"
        await stage.write(e.VitalsRecorded("I1-A", UNIT, {"hr_bpm": 118}))
        drawn = {"unit": UNIT, "kind": "arrow", "frame": 5, "frame_wall_ms": 1, "points": [[0.1, 0.1], [0.5, 0.5]]}
        assert (await stage.ask("draw_mark", **drawn)).status_code == 200
        seat = stage.hub.guidance.sit(UNIT, UNIT, is_vehicle=True)
        places = {"t": "places", "frame": 6, "wall_ms": 2, "marks": {"I1-A/mark/1": [1, 0, 0, 0, 1, 0, 0, 0, 1]}}
        stage.hub.guidance.hear(seat, json.dumps(places))
        before = stage.frames()
        await eventually(lambda: stage.frames() >= before + 10, "pictures after that")
        view = stage.hub.ward.look(stage.ward)(stage.hub.book.picture, stage.clock.now())
        assert view["cases"]["I1-A"]["recording"]["on"] is True
        assert (await stage.ask("stop_recording", reason="enough")).status_code == 200
        await eventually(lambda: len(stage.state().files) == 2, "both files are told")
        view = stage.hub.ward.look(stage.ward)(stage.hub.book.picture, stage.clock.now())
        assert msgspec.to_builtins(view["cases"]["I1-A"]["recording"]) == {
            "name": f"{UNIT}-1", "casualty": "I1-A", "author": stage.ward, "voice": False, "on": False, "why": "asked",
            "by": stage.ward, "reason": "enough", "at": msgspec.to_builtins(stage.state().stopped_at),
        }  # fmt: skip
        kept = {one["file"]: one for one in stage.told("recording_kept")}
        async with stage.client(stage.wards[0]) as ward:
            told = (await ward.get(f"/api/v1/recordings/{UNIT}-1")).json()
            film = await ward.get(f"/api/v1/recordings/{UNIT}-1/1.webm")
            lines = await ward.get(f"/api/v1/recordings/{UNIT}-1/1.jsonl")
        assert told["here"] and {one["file"] for one in told["files"]} == {"1.webm", "1.jsonl"}
        assert (
            film.headers["X-Content-Type-Options"] == "nosniff" and "attachment" in film.headers["Content-Disposition"]
        )
        assert hashlib.sha256(film.content).hexdigest() == kept["1.webm"]["sha256"]
        numbers = stamps_in(film.content, tmp_path / "kept.webm")
        assert len(numbers) == kept["1.webm"]["frames"] >= 15 and numbers == sorted(set(numbers))
        said = [json.loads(line) for line in lines.text.splitlines()]
        assert said[0]["unit"] == UNIT and said[0]["casualties"]["I1-A"]["label"] == "A"
        facts = [one for one in said if one["is"] == "fact"]
        assert [one["kind"] for one in facts if one["kind"] in ("vitals_recorded", "mark_drawn")] == [
            "vitals_recorded", "mark_drawn",
        ]  # fmt: skip
        assert [one["frame"] for one in said if one["is"] == "places"] == [6]
        for outsider in (stage.wards[1], "engineer", f"unit:{UNIT}"):
            async with stage.client(outsider) as other:
                assert (await other.get(f"/api/v1/recordings/{UNIT}-1/1.webm")).status_code == 403
        assert stage.told("recording_watched") == [{"recording": f"{UNIT}-1", "casualty": "I1-A", "file": "1.webm"}], (
            "given once, and only the pictures count"
        )
        await stage.end_works()
        await eventually(lambda: stage.told("picture_closed"), "the ward watches no more")
        opened = [entry for entry in stage.hub.book.log.read() if entry.kind == "picture_opened"]
        assert [str(entry.by) for entry in opened] == [f"ed:{stage.ward}"]


async def test_a_recording_goes_on_after_a_restart_with_a_key_and_both_parts_are_given_alike(stage, monkeypatch):
    """The first part was kept before the hub had a key for its disk, the second is sealed."""
    async with (await stage.open()).running():
        stage.publish()
        await stage.record()
        await eventually(lambda: stage.frames() >= 5, "pictures before")
    await stage.end_works()
    (stage.folder / "disk.key").write_text("7f" * 32 + "\n")
    monkeypatch.setenv("ABOARD_DISK_KEY_FILE", str(stage.folder / "disk.key"))
    async with (await stage.open()).running():
        assert stage.state().stopped is None
        stage.publish()
        await eventually(lambda: stage.frames() >= 5, "pictures after")
        await stage.ask("stop_recording")
        await eventually(lambda: "2.webm" in stage.state().files, "the second part is told")
        files = stage.state().files
        assert not files["1.webm"].torn and files["1.webm"].frames >= 5 and files["2.webm"].frames >= 5
        folder = stage.folder / "hub" / "recordings" / f"{UNIT}-1"
        sealed = {name: is_sealed(folder / name) for name in files}
        assert sealed == {"1.webm": False, "1.jsonl": False, "2.webm": True, "2.jsonl": True}
        async with stage.client(stage.wards[0]) as ward:
            for name, kept in files.items():
                given = await ward.get(f"/api/v1/recordings/{UNIT}-1/{name}")
                assert hashlib.sha256(given.content).hexdigest() == kept.sha256 and len(given.content) == kept.bytes
                middle = await ward.get(f"/api/v1/recordings/{UNIT}-1/{name}", headers={"Range": "bytes=70-90"})
                assert (middle.status_code, middle.content) == (206, given.content[70:91])
        assert (
            len(stamps_in(DiskSeal(b"\x7f" * 32).read(folder / "2.webm"), stage.folder / "out.webm"))
            == files["2.webm"].frames
        )
    (stage.folder / "disk.key").write_text("short")
    with pytest.raises(RefusedInput, match="key"):
        await stage.open()


async def test_a_full_disk_ends_the_recording_by_name_and_live_goes_on(stage: Stage, monkeypatch):
    async with (await stage.open()).running():
        stage.publish()
        viewer = stage.watch()
        await stage.record()
        await eventually(lambda: stage.frames() >= 5, "pictures are recorded")
        monkeypatch.setattr("media.recordings.FREE_BYTES", 1 << 62)
        await eventually(lambda: "1.webm" in stage.state().files, "what there was is kept")
        stopped = stage.state().stopped
        assert stopped is not None and (stopped.why, stopped.author) == ("no_room", "")
        shown = viewer.frames_shown
        await eventually(lambda: viewer.frames_shown >= shown + 5, "the live picture goes on")
        await stage.record()
        await eventually(lambda: stage.state(f"{UNIT}-2").stopped is not None, "nothing is begun without room")
        assert stage.state(f"{UNIT}-2").files == {}


async def test_with_the_case_the_recording_ends_and_what_nobody_holds_goes_in_its_time(stage: Stage):
    (stage.folder / "hub").mkdir()
    rule = {"kept": [{"from": "2020-01-01", "recordings_days": 7}]}
    (stage.folder / "hub" / "retention.json").write_text(json.dumps(rule), encoding="utf-8")
    async with (await stage.open()).running():
        refused = await stage.ask("start_recording", reason=" ", consent="given")
        assert refused.status_code == 422 or refused.json()["error"] == "recording_reason"
        assert (await stage.ask("start_recording", by=stage.wards[1], reason="no", consent="given")).status_code == 403
        stage.publish()
        await stage.record()
        await eventually(lambda: stage.frames() >= 3, "pictures are recorded")
        await stage.write(e.CasualtyArrived("I1-A", stage.ward, UNIT))
        await stage.write(e.HandoverStarted("I1-A", stage.ward))
        await stage.write(e.HandoverSigned("I1-A", "crew", UNIT), e.HandoverSigned("I1-A", "hospital", stage.ward))
        await eventually(lambda: stage.state().files, "ended by itself")
        stopped = stage.state().stopped
        assert stopped is not None and stopped.why == "case_over"
        folder = stage.folder / "hub" / "recordings" / f"{UNIT}-1"
        held = {"recording": f"{UNIT}-1", "reason": "review"}
        assert (await stage.ask("hold_recording", held=True, **held | {"reason": " "})).json()[
            "error"
        ] == "recording_reason"
        assert (await stage.ask("hold_recording", held=True, **held)).status_code == 200
        view = stage.hub.ward.look(stage.ward)(stage.hub.book.picture, stage.clock.now())
        kept = view["cases"]["I1-A"]["recordings"][f"{UNIT}-1"]
        assert kept["held"] and (kept["hold"]["author"], kept["hold"]["reason"]) == (stage.ward, "review")
        stage.clock.now = lambda: AT + timedelta(days=8)  # type: ignore[method-assign]
        assert await stage.desk.expire() == [] and folder.is_dir()
        assert (await stage.ask("hold_recording", held=False, **held)).status_code == 200
        assert await stage.desk.expire() == [f"{UNIT}-1"] and not folder.exists()
        assert stage.told("recording_deleted") == [{"recording": f"{UNIT}-1", "casualty": "I1-A", "days": 7}]
        assert await stage.desk.expire() == []
        async with stage.client(stage.wards[0]) as ward:
            assert (await ward.get(f"/api/v1/recordings/{UNIT}-1/1.webm")).status_code == 404


async def test_pictures_that_go_through_janus_are_not_recorded_and_everybody_is_told(stage: Stage, monkeypatch):
    monkeypatch.setenv("ABOARD_JANUS_URL", "http://127.0.0.1:9/janus")  # nothing answers there: it need not
    async with (await stage.open()).running():
        await stage.record()
        await eventually(lambda: stage.state().stopped is not None, "it is ended by name")
        now = stage.clock.now()
        views = [
            stage.hub.ward.look(stage.ward)(stage.hub.book.picture, now)["cases"]["I1-A"],
            unit_view(stage.hub.book.picture, UNIT, now)["casualties"]["I1-A"],
        ]
        assert [(view["recording"]["on"], view["recording"]["why"]) for view in views] == [(False, "no_engine")] * 2
        assert stage.state().files == {}


async def crew_says(stage: Stage, seq: int, fact: e.Event, unit: str = UNIT) -> None:
    row = Row(seq, stage.clock.now(), fact.name, e.encode(fact), "medic Chen", "crew")
    await stage.hub.book.take_rows(unit, "epoch", [row])


async def test_the_crews_word_ends_a_recording_and_only_consent_given_anew_begins_another(stage: Stage):
    withdrawn = e.RecordingStopped(f"{UNIT}-1", "I1-A", "withdrawn", "medic Chen", "patient says no")
    asked = e.RecordingStopped(f"{UNIT}-1", "I1-A", "asked")
    async with (await stage.open()).running():
        stage.publish()
        await stage.record()
        await eventually(lambda: stage.frames() >= 3, "pictures are recorded")
        await stage.write(e.UnitEnrolled("B02", "ambulance", "二号", "Unit 2", "songjiang", SCENE))
        await crew_says(stage, 1, withdrawn, "B02")
        await crew_says(stage, 1, asked)
        assert [one["error"] for one in stage.told("row_refused")] == ["not_your_unit", "not_a_vehicle_fact"]
        assert stage.state().stopped is None, "no other vehicle's, and for no other reason"
        await crew_says(stage, 2, withdrawn)
        await eventually(lambda: "1.webm" in stage.state().files, "what there was is kept")
        assert stage.frames() == 0 and stage.state().stopped == withdrawn
        view = stage.hub.ward.look(stage.ward)(stage.hub.book.picture, stage.clock.now())
        told = view["cases"]["I1-A"]["recording"]
        assert (told["why"], told["by"], told["reason"]) == ("withdrawn", "medic Chen", "patient says no")
        await crew_says(stage, 3, withdrawn)
        assert len(stage.told("row_refused")) == 2, "said twice, it is still so"
        refused = await stage.ask("start_recording", reason="teaching", consent="unable")
        assert refused.status_code == 409 and refused.json()["error"] == "recording_withdrawn"
        await stage.record()
        assert stage.state(f"{UNIT}-2").stopped is None
        assert (await stage.ask("stop_recording")).status_code == 200
        late = e.RecordingStopped(f"{UNIT}-2", "I1-A", "withdrawn", "medic Chen", "said in a tunnel")
        await crew_says(stage, 4, late)
        assert stage.state(f"{UNIT}-2").stopped == late, "the patient's word is the reason, also when it comes late"


class Tone(AudioStreamTrack):
    """Somebody who says one tone for ever."""

    def __init__(self, pitch_hz: int) -> None:
        super().__init__()
        self._pitch_hz = pitch_hz

    async def recv(self) -> av.AudioFrame:
        frame = await super().recv()
        assert isinstance(frame, av.AudioFrame)
        t_s = ((frame.pts or 0) + np.arange(frame.samples)) / frame.sample_rate
        frame.planes[0].update((8000 * np.sin(2 * np.pi * self._pitch_hz * t_s)).astype("<i2").tobytes())
        return frame


@contextlib.asynccontextmanager
async def talking(stage: Stage, name: str, pitch_hz: int) -> AsyncIterator[None]:
    """A peer in the talk about the vehicle, with a microphone of its own."""
    async with contextlib.AsyncExitStack() as open_:
        client = await open_.enter_async_context(stage.client(name))
        pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        open_.push_async_callback(pc.close)
        pc.addTransceiver(Tone(pitch_hz), direction="sendonly")
        for _ in range(LINES):
            pc.addTransceiver("audio", direction="recvonly")
        pc.createDataChannel("voice", ordered=False, maxRetransmits=0, negotiated=True, id=0)
        await pc.setLocalDescription(await pc.createOffer())
        headers = {"Content-Type": SDP_TYPE}
        answer = await client.post(f"/api/v1/voice/{UNIT}", content=pc.localDescription.sdp, headers=headers)
        assert answer.status_code == 201, answer.text
        await pc.setRemoteDescription(RTCSessionDescription(answer.text, "answer"))
        yield


def share_at(file: Path, pitch_hz: int) -> float:
    """How much of what a file sounds is this tone, of what is not silence."""
    with av.open(str(file)) as opened:
        sound = np.concatenate([frame.to_ndarray()[0] for frame in opened.decode(audio=0)])
    blocks = sound[: len(sound) // 4800 * 4800].reshape(-1, 4800)
    blocks = blocks[np.abs(blocks).max(axis=1) > 0.05]
    power = np.abs(np.fft.rfft(blocks * np.hanning(4800))) ** 2
    near = slice(pitch_hz // 10 - 3, pitch_hz // 10 + 4)
    return float(power[:, near].sum() / power.sum())


async def test_each_voice_of_a_real_talk_is_in_a_file_of_its_own_that_says_whose_it_is(stage: Stage, tmp_path):
    async with (await stage.open()).running():
        stage.publish()
        ward, crew = stage.wards, f"unit:{UNIT}"
        pitches = {stage.ward: 440, UNIT: 1310}
        async with talking(stage, ward[0], 440), talking(stage, crew, 1310):
            await eventually(lambda: len(stage.hub.voice.roster(UNIT)) == 2, "both are on")
            await stage.record(voice=True)
            voices = stage.folder / "hub" / "recordings" / f"{UNIT}-1"
            await eventually(lambda: len(list(voices.glob("1.p*.webm"))) == 2, "both voices are recorded")
            before = stage.frames()
            await eventually(lambda: stage.frames() >= before + 15, "a second of them")
            await stage.ask("stop_recording")
            await eventually(lambda: len(stage.state().files) == 4, "four files are told")
        async with stage.client(ward[0]) as client:
            lines = await client.get(f"/api/v1/recordings/{UNIT}-1/1.jsonl")
            said = [json.loads(line) for line in lines.text.splitlines()]
            whose = {one["who"]: one["file"] for one in said if one["is"] == "voice"}
            assert set(whose) == set(pitches)
            for who, file in whose.items():
                got = await client.get(f"/api/v1/recordings/{UNIT}-1/{file}")
                (tmp_path / file).write_bytes(got.content)
                assert share_at(tmp_path / file, pitches[who]) > 0.9, f"{who} and nobody else"
