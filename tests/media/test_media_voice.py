"""Each party's packets reach all the others unmixed, on lines whose numbers never break; who is on is told."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator

import httpx
import numpy as np
import pytest
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.codecs.opus import OpusEncoder
from aiortc.mediastreams import AudioStreamTrack
from aiortc.rtp import RtpPacket
from av import AudioFrame
from hypothesis import given
from hypothesis import strategies as st
from media_stage import eventually
from voice_stage import BADGES, VoiceHub

from aboard.bench.media.thin_link import ThinLink, Way
from casebook.errors import RefusedInput
from media.aiortc_private import listen_on
from media.aiortc_private.voice import tap_voice
from media.signalling import SDP_TYPE
from media.voice import PARTIES_MAX
from media.voice_numbering import Line
from media.voice_offer import LINES, check_voice_offer, with_opus
from media.voice_party import PACKETS_PER_S_MAX, PAYLOAD_BYTES_MAX, Party
from media.voice_talking import HOLD_S, TALKS_BELOW, TURN_GAP_S, Talking

FRAME = 960  # 20 ms of Opus


# --- numbers


@given(
    st.lists(st.tuples(st.integers(0, 65535), st.integers(0, 2**32 - 1), st.integers(1, 40)), min_size=1, max_size=6)
)
def test_talkers_one_after_another_are_one_stream_without_a_step_back(talkers: list[tuple[int, int, int]]) -> None:
    line, at_s, out = Line(), 1.0, []
    for who, (seq, timestamp, count) in enumerate(talkers):
        line.carry(who)
        for n in range(count):
            at_s += 0.02
            out.append(line.place((seq + n) & 0xFFFF, (timestamp + n * FRAME) & 0xFFFFFFFF, at_s))
    assert [seq for seq, _, _ in out] == [n & 0xFFFF for n in range(len(out))]
    steps = [(after[1] - before[1]) & 0xFFFFFFFF for before, after in itertools.pairwise(out)]
    assert all(0 < step <= FRAME * 50 for step in steps)
    assert [begins for _, _, begins in out].count(True) == len(talkers)


def test_what_a_talker_lost_stays_a_hole_and_an_old_packet_does_not_speak_for_another() -> None:
    line = Line(next_seq=100)
    line.carry("a")
    assert line.place(5, 0, 1.0) == (100, 1, True)
    assert line.place(8, 3 * FRAME, 1.06) == (103, 1 + 3 * FRAME, False)
    assert line.place(7, 2 * FRAME, 1.07) == (102, 1 + 2 * FRAME, False)  # late, in its own place
    line.carry("b")
    assert line.place(500, 9, 1.08)[0] == 104  # type: ignore[index]
    assert line.place(499, 9 - FRAME, 1.09) is None  # from before it was carried here


# --- who talks


def test_talking_is_heard_from_levels_and_unknown_without_any() -> None:
    voice = Talking()
    assert voice.talks(0.0) is None
    voice.hear(None, 0.0)
    assert voice.talks(0.0) is None
    voice.hear(127, 0.1)
    assert voice.talks(0.1) is False
    voice.hear(TALKS_BELOW - 1, 1.0)
    assert voice.talks(1.0 + HOLD_S) and not voice.talks(1.01 + HOLD_S)


def test_a_turn_ends_with_a_long_pause_or_with_whoever_leaves_and_is_told_once() -> None:
    voice = Talking()
    for n in range(100):
        voice.hear(20 if n % 10 else 127, 10 + n * 0.02)
    assert voice.turn_over(12.0) is None
    ended = voice.turn_over(12.0 + TURN_GAP_S)
    assert ended is not None and (ended.began_s, round(ended.lasted_s, 2)) == (10.02, 1.96)
    assert voice.turn_over(99.0) is None
    voice.hear(20, 100.0)
    voice.hear(20, 101.0)
    left = voice.turn_over(101.1, leaves=True)
    assert left is not None and left.lasted_s == pytest.approx(1.0) and voice.spoken_s == pytest.approx(2.96)


# --- what a browser sends


def party() -> Party:
    return Party(id="p1", unit="A01", badge=BADGES["ward"], seat="", pc=None, opened_at_s=0.0)  # type: ignore[arg-type]


def test_the_newest_state_counts_and_nonsense_changes_nothing() -> None:
    one = party()
    one.hear_state(json.dumps({"n": 3, "mic": "open"}), 1.0)
    one.hear_state(json.dumps({"n": 2, "mic": "muted"}), 2.0)  # overtaken on the way
    assert (one.mic, one.heard_at_s) == ("open", 2.0)
    for wrong in (
        "",
        "[]",
        "{}",
        '{"n": 9, "mic": "loud"}',
        '{"n": 1e999, "mic": "open"}',
        "[" * 150,
        b"\xff",
        "x" * 300,
    ):
        one.hear_state(wrong, 3.0)
    assert (one.mic, one.heard_at_s, one.refused) == ("open", 2.0, 8)


def test_a_flood_and_an_impossible_packet_are_not_passed_on() -> None:
    one, packet = party(), RtpPacket(payload=b"x" * 40)
    passed = [one.take(packet, 30, 5.0 + n / 1000) for n in range(PACKETS_PER_S_MAX + 50)]
    assert passed.count(True) == PACKETS_PER_S_MAX and one.refused == 50
    assert one.take(packet, 30, 6.5)
    assert not one.take(RtpPacket(payload=b"x" * (PAYLOAD_BYTES_MAX + 1)), 30, 6.6)


def test_an_offer_of_another_shape_is_refused_and_the_answer_asks_for_loss_proof_speech() -> None:
    for body in (
        b"",
        b"v=0\r\n",
        b"v=0\r\nm=audio 9 x 0\r\n",
        b"\xff" * 100,
        b"v=0\n" + b"m=audio 9 x 0\n" * 20,
        b"x" * 70_000,
    ):
        with pytest.raises(RefusedInput):
            check_voice_offer(body)
    answer = with_opus("a=rtpmap:111 opus/48000/2\r\na=x\r\n")
    assert "a=fmtp:111 " in answer and "useinbandfec=1;usedtx=1" in answer and answer.endswith("a=x\r\n")


# --- a hub and parties without a browser


class Tone(AudioStreamTrack):
    """Speaks for ever: a sine of 440 Hz."""

    async def recv(self) -> AudioFrame:
        frame = await super().recv()
        assert isinstance(frame, AudioFrame)
        t = (frame.pts or 0) + np.arange(frame.samples)
        wave = (8000 * np.sin(2 * np.pi * 440 * t / frame.sample_rate)).astype("<i2")
        frame.planes[0].update(wave.tobytes())
        return frame


class Headless:
    """A party in Python: speaks a tone, counts what it hears on each line, keeps the newest list of who is on."""

    def __init__(self, client: httpx.AsyncClient, unit: str = "A01") -> None:
        self.client, self.unit = client, unit
        self.heard: dict[int, list[int]] = {}
        self.parties: list[dict] = []

    async def join(self, seat: str = "") -> int:
        self.pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.pc.addTransceiver(Tone(), direction="sendonly")
        for n in range(LINES):
            receiver = self.pc.addTransceiver("audio", direction="recvonly").receiver
            tap_voice(receiver, lambda packet, level, n=n: self.heard.setdefault(n, []).append(packet.sequence_number))
        channel = self.pc.createDataChannel("voice", ordered=False, maxRetransmits=0, negotiated=True, id=0)
        channel.on("message", lambda text: setattr(self, "parties", json.loads(text)["parties"]))
        await self.pc.setLocalDescription(await self.pc.createOffer())
        answer = await self.client.post(
            f"/api/v1/voice/{self.unit}?seat={seat}", content=self.pc.localDescription.sdp,
            headers={"Content-Type": SDP_TYPE},
        )  # fmt: skip
        if answer.status_code == 201:
            self.session = answer.headers["Location"]
            await self.pc.setRemoteDescription(RTCSessionDescription(answer.text, "answer"))
        return answer.status_code

    async def close(self) -> None:
        await self.pc.close()
        await self.client.aclose()


@pytest.fixture
async def hub() -> AsyncIterator[VoiceHub]:
    listen_on(["127.0.0.1"])
    serving = VoiceHub()
    await serving.start()
    yield serving
    await serving.stop()
    listen_on(None)


async def test_speech_goes_on_over_a_link_that_carries_no_video(hub: VoiceHub, monkeypatch) -> None:
    """120 kbit/s, 5 % loss, 30 ms and jitter each way, for both: the first rung of the ladder holds."""
    encode = OpusEncoder.__init__

    def as_asked(encoder: OpusEncoder) -> None:  # aiortc does not read the answer's parameters
        encode(encoder)
        encoder.codec.bit_rate = 24_000

    monkeypatch.setattr(OpusEncoder, "__init__", as_asked)
    links = [
        [Way(seed, loss=0.05, delay_s=0.03, jitter_s=0.02, rate_bps=120_000) for seed in pair]
        for pair in ((1, 2), (3, 4))
    ]
    crew, ward = (
        Headless(hub.client(token, ThinLink(*ways))) for token, ways in zip(("crew", "ward"), links, strict=True)
    )
    assert [await crew.join(), await ward.join()] == [201, 201]
    await eventually(lambda: sum(map(len, crew.heard.values())) > 150, "the crew hears three seconds")
    heard = crew.heard[next(iter(crew.heard))]
    share = len(set(heard)) / (max(heard) - min(heard) + 1)
    assert share > 0.5  # two legs of 5 % make 0.9 where the machine is quiet
    assert {one["who"] for one in ward.parties} == {"A01", "songjiang"}
    await eventually(lambda: all(one.get("talking") for one in ward.parties), "the ward sees who talks")
    await asyncio.gather(crew.close(), ward.close())


async def test_six_may_talk_a_seventh_is_told_and_the_same_screen_again_takes_its_own_place(hub: VoiceHub) -> None:
    parties = [Headless(hub.client("dispatch")) for _ in range(PARTIES_MAX + 2)]
    for n, one in enumerate(parties[:PARTIES_MAX]):
        assert await one.join(f"seat {n}") == 201
    assert await parties[-2].join("another") == 503
    assert await parties[-1].join("seat 0") == 201
    await eventually(lambda: len(hub.plane.roster("A01")) == PARTIES_MAX, "all are listed, each once")
    await eventually(lambda: len(parties[-1].heard) == LINES, "one hears all the others, each on a line of its own")
    await eventually(lambda: all(one.get("talking") for one in hub.plane.roster("A01")), "each is heard by the hub")
    await asyncio.gather(*(one.close() for one in parties))


async def test_only_who_joined_may_end_it_and_who_may_not_talk_sees_nobody(hub: VoiceHub) -> None:
    crew, ward = Headless(hub.client("crew")), Headless(hub.client("ward"))
    assert await crew.join() == 201
    assert (await ward.client.delete(crew.session)).status_code == 403
    hub.barred.add("songjiang")
    assert (await ward.client.get("/api/v1/voice/A01")).status_code == 403
    assert await ward.join() == 403
    assert (await crew.client.delete(crew.session)).status_code == 204
    assert (await crew.client.get("/api/v1/voice/A01")).json() == {"parties": []}
    assert (await crew.client.delete(crew.session)).status_code == 404
    await asyncio.gather(crew.close(), ward.close())


async def test_who_falls_silent_has_lost_the_link(hub: VoiceHub) -> None:
    up, down = Way(), Way()
    crew, ward = Headless(hub.client("crew", ThinLink(up, down))), Headless(hub.client("ward"))
    assert [await crew.join(), await ward.join()] == [201, 201]
    await eventually(lambda: {one["who"] for one in ward.parties} == {"A01", "songjiang"}, "both are on")
    up.silent = down.silent = True
    await eventually(lambda: any(one["state"] == "lost" for one in ward.parties), "the ward sees that the crew is lost")
    assert ("left", "A01", "link_lost") in hub.told
    await asyncio.gather(crew.close(), ward.close())
