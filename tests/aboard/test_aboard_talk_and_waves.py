"""A whole hub: who may talk about whose patient, who spoke is in the book, and the waves of a vehicle are recorded."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path

import httpx
import msgspec
import numpy as np
import pytest
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack
from av import AudioFrame

from aboard.hub import Hub
from aboard.hub_setup import open_hub
from ambulance_unit.wave_backfill import BackFill
from ambulance_unit.wave_ring import WaveRing
from casebook import events as e
from casebook.clock import RateClock
from casebook.desks import DESK
from casebook.place import Place
from media.aiortc_private import listen_on
from media.voice_offer import LINES
from media.waveforms import ChannelWave, WaveKind, WavePacket, encode

pytestmark = pytest.mark.sockets

UNIT = "SJ-5G-01"
SCENE = Place(30.89, 121.03)
AT = datetime(2021, 4, 18, 1, 35, tzinfo=UTC)
PATIENCE_S = 40.0  # a bound for a busy machine, not an expectation


async def eventually(true: Callable[[], object], what: str) -> None:
    end_s = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < end_s, f"never happened: {what}"
        await asyncio.sleep(0.05)


@pytest.fixture
async def opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[Hub, dict[str, str]]]:
    """A running hub whose ward expects the patient of one vehicle."""
    monkeypatch.setenv("ABOARD_CACHE", str(tmp_path / "cache"))
    listen_on(["127.0.0.1"])
    clock = RateClock(AT, 1.0)
    unit = e.UnitEnrolled(UNIT, "ambulance_5g", "松江5G01", "Songjiang 5G 01", "songjiang", SCENE)
    first = [unit, e.IncidentOpened("I1", SCENE, "traffic", 1, "120", "G60"), e.CasualtyFound("I1-A", "I1", "A")]
    facts = tmp_path / "facts.json"
    facts.write_bytes(msgspec.json.encode([[one.name, e.encode(one)] for one in first]))
    hub, links = await open_hub(tmp_path / "hub", "yangtze_delta", clock, facts=facts, drill=True)
    wards = [name.removeprefix("hospital:") for name in links if name.startswith("hospital:")]
    chosen = e.Option(wards[0], "road", 1200.0, {"road": 1200.0})
    steps = [e.UnitAssigned(UNIT, "I1"), e.UnitEnRoute(UNIT), e.UnitOnScene(UNIT), e.UnitAtPatient(UNIT, "I1-A")]
    await hub.book.write(lambda picture: [*steps, e.DestinationChosen("I1-A", chosen)], DESK)
    await hub.book.write(lambda picture: [e.CasualtyBoarded("I1-A", UNIT)], DESK)
    async with hub.running():
        yield hub, links
    listen_on(None)


def client(hub: Hub, token: str) -> httpx.AsyncClient:
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.AsyncClient(transport=httpx.ASGITransport(hub.app), base_url="http://hub", headers=headers)


class Speech(AudioStreamTrack):
    """A sine of 440 Hz."""

    async def recv(self) -> AudioFrame:
        frame = await super().recv()
        assert isinstance(frame, AudioFrame)
        t = (frame.pts or 0) + np.arange(frame.samples)
        frame.planes[0].update((8000 * np.sin(2 * np.pi * 440 * t / frame.sample_rate)).astype("<i2").tobytes())
        return frame


async def join(asker: httpx.AsyncClient) -> tuple[RTCPeerConnection, httpx.Response]:
    pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    pc.addTransceiver(Speech(), direction="sendonly")
    for _ in range(LINES):
        pc.addTransceiver("audio", direction="recvonly")
    pc.createDataChannel("voice", ordered=False, maxRetransmits=0, negotiated=True, id=0)
    await pc.setLocalDescription(await pc.createOffer())
    sdp = {"Content-Type": "application/sdp"}
    answer = await asker.post(f"/api/v1/voice/{UNIT}", content=pc.localDescription.sdp, headers=sdp)
    if answer.status_code == 201:
        await pc.setRemoteDescription(RTCSessionDescription(answer.text, "answer"))
    return pc, answer


async def test_those_concerned_talk_and_the_book_says_who_spoke(opened: tuple[Hub, dict[str, str]]) -> None:
    hub, links = opened
    wards = [name for name in links if name.startswith("hospital:")]
    crew, ward, other, dispatch, engineer = (
        client(hub, links[name]) for name in (f"unit:{UNIT}", wards[0], wards[1], "dispatcher", "engineer")
    )
    for outsider in (other, engineer):
        pc, answer = await join(outsider)
        assert answer.status_code == 403
        await pc.close()
    joined = [await join(one) for one in (crew, ward, dispatch)]
    assert [answer.status_code for _, answer in joined] == [201] * 3
    await eventually(lambda: len(hub.voice.roster(UNIT)) == 3, "all three are on")
    told = (await ward.get(f"/api/v1/voice/{UNIT}")).json()["parties"]
    assert {(one["role"], one["who"]) for one in told} == {
        ("paramedic", UNIT), ("ed", wards[0].removeprefix("hospital:")), ("dispatcher", "dispatcher"),
    }  # fmt: skip
    await eventually(lambda: all(one.get("talking") for one in hub.voice.roster(UNIT)), "each is heard by the hub")
    assert (await crew.delete(joined[0][1].headers["Location"])).status_code == 204

    def written(kind: str) -> list[str]:
        return [str(entry.by) for entry in hub.book.log.read() if entry.kind == kind]

    await eventually(lambda: written("voice_left"), "it is written that the crew left")
    assert sorted(written("voice_joined")) == sorted(
        [f"paramedic:{UNIT}", f"ed:{wards[0].removeprefix('hospital:')}", "dispatcher:dispatcher"]
    )
    assert written("voice_spoke") == written("voice_left") == [f"paramedic:{UNIT}"]
    await asyncio.gather(*(pc.close() for pc, _ in joined), *(one.aclose() for one in (crew, ward, other, dispatch)))


async def test_a_ward_whose_patient_is_taken_elsewhere_is_out_of_the_talk(opened: tuple[Hub, dict[str, str]]) -> None:
    hub, links = opened
    wards = [name for name in links if name.startswith("hospital:")]
    ward = client(hub, links[wards[0]])
    pc, answer = await join(ward)
    assert answer.status_code == 201
    await eventually(lambda: len(hub.voice.roster(UNIT)) == 1, "the ward is on")
    elsewhere = e.Option(wards[1].removeprefix("hospital:"), "road", 900.0, {"road": 900.0})
    await hub.book.write(lambda picture: [e.DestinationChosen("I1-A", elsewhere)], DESK)
    await eventually(lambda: hub.voice.roster(UNIT) == [], "the ward is out")
    await eventually(
        lambda: (
            [entry.body["reason"] for entry in hub.book.log.read() if entry.kind == "voice_left"] == ["not_allowed"]
        ),
        "it is written why",
    )
    assert (await ward.get(f"/api/v1/voice/{UNIT}")).status_code == 403
    await pc.close()


async def test_what_a_vehicle_sends_of_its_waves_is_recorded_and_told(
    opened: tuple[Hub, dict[str, str]], tmp_path: Path
) -> None:
    hub, links = opened
    ring = WaveRing(tmp_path / "ring")
    for n in range(60):
        wave = ChannelWave(WaveKind.ECG_II, 500, n * 20, np.sin(np.arange(20) / 7))
        ring.add(encode(WavePacket(n, 40 * n, (wave,), 0xBEEF)))
    vehicle, dispatch = client(hub, links[f"unit:{UNIT}"]), client(hub, links["dispatcher"])
    back_fill = BackFill(vehicle, UNIT, ring)
    assert not await back_fill.once() and await back_fill.once()
    (ledger,) = (await dispatch.get(f"/api/v1/waves/{UNIT}")).json()
    assert (ledger["run"], ledger["back_filled"], ledger["missing"]) == ("0000beef", 10, 0)
    assert (await vehicle.post("/api/v1/waves/A99/0000beef", content=b"")).status_code == 403
    await eventually(
        lambda: (
            [entry.body for entry in hub.book.log.read() if entry.kind == "wave_record_begun"]
            == [{"unit": UNIT, "record": "0000beef"}]
        ),
        "that a record began is a fact",
    )
