"""What a sender reads out of our feedback is when its packets came, whatever was lost, late or twice."""

from __future__ import annotations

import asyncio
import struct

import pytest
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.rtcrtpparameters import RTCRtpHeaderExtensionParameters, RTCRtpParameters
from aiortc.rtp import HeaderExtensionsMap, RtpPacket
from hypothesis import given
from hypothesis import strategies as st

from media.aiortc_private import listen_on
from media.arrivals import JUMP_MAX, KEPT_PACKETS, TICK_S, TOLD_MAX, Arrivals, chunks
from media.forwarder import MediaPlane
from media.offers import ARRIVALS_URI, arrivals_wanted, with_arrivals

Read = dict[int, float | None]


def read(body: bytes) -> tuple[int, Read]:
    """Feedback count and, by 16-bit number, the time of arrival or None: written from the draft, not from our code."""
    assert len(body) % 4 == 0
    base, count, word = struct.unpack_from("!HHI", body)
    at, statuses = 8, list[int]()
    while len(statuses) < count:
        (chunk,) = struct.unpack_from("!H", body, at)
        at += 2
        if not chunk & 0x8000:
            statuses += [chunk >> 13 & 3] * (chunk & 0x1FFF)
        elif not chunk & 0x4000:
            statuses += [chunk >> shift & 1 for shift in range(13, -1, -1)]
        else:
            statuses += [chunk >> shift & 3 for shift in range(12, -1, -2)]
    now_s, told = (word >> 8) * 0.064, Read()
    for place, status in enumerate(statuses[:count]):
        delta: int | None = None
        if status == 1:
            delta, at = body[at], at + 1
        elif status == 2:
            (delta,), at = struct.unpack_from("!h", body, at), at + 2
        assert status != 3
        if delta is not None:
            now_s += delta * 0.00025
        told[(base + place) & 0xFFFF] = None if delta is None else now_s
    assert len(body) - at < 4 and not any(body[at:])
    return word & 0xFF, told


def told_by(arrivals: Arrivals) -> Read:
    told = Read()
    for body in arrivals.feedback():
        told |= read(body)[1]
    return told


@given(st.integers(0, 0xFFFF), st.lists(st.tuples(st.integers(0, 30), st.integers(0, 400)), min_size=1, max_size=300))
def test_every_packet_that_came_is_told_with_its_time_and_every_other_as_missing(
    first: int, steps: list[tuple[int, int]]
) -> None:
    """Steps: so many numbers on (0: twice), so many ms later."""
    arrivals, number, at_s, came = Arrivals(), first, 100.0, dict[int, float]()
    for on, later_ms in steps:
        number, at_s = number + on, at_s + later_ms / 1000
        arrivals.arrived(number & 0xFFFF, at_s)
        came.setdefault(number, at_s)
    told = told_by(arrivals)
    for one in range(min(came), max(came) + 1):
        if one in came:
            assert told[one & 0xFFFF] == pytest.approx(came[one], abs=TICK_S), one - first
        else:
            assert told[one & 0xFFFF] is None
    assert arrivals.feedback() == []


@given(st.permutations(range(40)), st.integers(1, 40))
def test_packets_in_any_order_and_told_in_two_parts_are_all_told_in_the_end(order: list[int], cut: int) -> None:
    arrivals, told = Arrivals(), Read()
    for place, number in enumerate(order):
        arrivals.arrived(number, 5 + place / 100)
        if place + 1 == cut:
            told |= told_by(arrivals)
    told |= told_by(arrivals)
    assert {n for n, at_s in told.items() if at_s is not None} == set(range(40))
    assert [told[n] for n in order] == pytest.approx([5 + place / 100 for place in range(40)], abs=TICK_S)


@given(st.lists(st.sampled_from([0, 1, 2]), max_size=120))
def test_no_chunk_says_more_or_less_than_the_statuses(statuses: list[int]) -> None:
    """Nor does it take more chunks than two bits for each."""
    told = list(chunks(statuses))
    assert len(told) <= -(-len(statuses) // 7)
    assert all(0 <= chunk <= 0xFFFF for chunk in told)


def test_a_pause_longer_than_a_step_can_tell_begins_another_packet() -> None:
    arrivals = Arrivals()
    arrivals.arrived(0, 10.0)
    arrivals.arrived(1, 20.0)
    bodies = arrivals.feedback()
    assert [read(body) for body in bodies] == [(0, {0: pytest.approx(10.0)}), (1, {1: pytest.approx(20.0)})]


def test_a_long_silence_is_told_in_packets_of_bounded_size_and_a_stranger_number_begins_anew() -> None:
    arrivals = Arrivals()
    arrivals.arrived(0, 1.0)
    arrivals.arrived(3 * TOLD_MAX, 1.1)
    bodies = arrivals.feedback()
    assert all(len(body) < 100 for body in bodies) and len(bodies) <= 4
    arrivals.arrived((3 * TOLD_MAX + JUMP_MAX + 1) & 0xFFFF, 1.2)
    (body,) = arrivals.feedback()
    assert len(read(body)[1]) == 1


def test_what_comes_after_everybody_has_gone_on_is_not_told() -> None:
    arrivals = Arrivals()
    for number in (1, KEPT_PACKETS + 10):
        arrivals.arrived(number, 1.0)
    arrivals.feedback()
    arrivals.arrived(2, 1.1)
    assert arrivals.feedback() == []


# --- over a real connection


@pytest.mark.sockets
async def test_a_publisher_that_asks_for_it_is_told_how_its_packets_came_and_not_what_we_think_of_the_link() -> None:
    listen_on(["127.0.0.1"])
    plane, pc = MediaPlane(), RTCPeerConnection(RTCConfiguration(iceServers=[]))
    sender = pc.addTransceiver("video", direction="sendonly").sender
    await pc.setLocalDescription(await pc.createOffer())
    session = await plane.publish("A01", asking(pc.localDescription.sdp).encode())
    told, heard = Read(), asyncio.Event()

    async def hear(data: bytes) -> None:
        if data[:2] == b"\x8f\xcd":
            assert struct.unpack_from("!H", data, 2) == (len(data) // 4 - 1,)
            told.update(read(data[12:])[1])
            if len(told) >= 7:
                heard.set()

    sender.transport._handle_rtcp_data = hear  # type: ignore[method-assign]
    await pc.setRemoteDescription(RTCSessionDescription(session.answer, "answer"))
    connected = asyncio.Event()
    pc.on("connectionstatechange", lambda: pc.connectionState == "connected" and connected.set())
    if pc.connectionState != "connected":
        await asyncio.wait_for(connected.wait(), 20)
    numbered = HeaderExtensionsMap()
    numbered.configure(RTCRtpParameters(headerExtensions=[RTCRtpHeaderExtensionParameters(id=9, uri=ARRIVALS_URI)]))
    for number in (65534, 65535, 0, 2, 3, 4):  # 1 is lost
        packet = RtpPacket(payload_type=97, sequence_number=number, ssrc=sender._ssrc, payload=b"\x10\x00")
        packet.extensions.transport_sequence_number = number
        await sender.transport._send_rtp(packet.serialize(numbered))
    await asyncio.wait_for(heard.wait(), 20)
    assert [number for number, at_s in told.items() if at_s is None] == [1]
    assert list(told) == [65534, 65535, 0, 1, 2, 3, 4]
    await pc.close()
    await plane.close()
    listen_on(None)


def asking(offer: str) -> str:
    """The offer of a browser: the number's extension, and feedback for each codec."""
    return offer + f"a=extmap:9 {ARRIVALS_URI}\r\na=rtcp-fb:97 transport-cc\r\n"


def test_the_answer_names_what_was_asked_for_once_for_each_codec_and_no_estimate_of_ours() -> None:
    offer = "a=rtpmap:97 VP8/90000\r\n"
    assert arrivals_wanted(asking(offer)) == 9 and arrivals_wanted(asking(offer).replace(":9 ", ":9/sendonly ")) == 9
    for without in (offer, offer + f"a=extmap:9 {ARRIVALS_URI}\r\n", offer + "a=rtcp-fb:97 transport-cc\r\n"):
        assert arrivals_wanted(without) is None
    for wrong in ("x", "0", "256", "²", "-1"):
        assert arrivals_wanted(asking(offer).replace("extmap:9", f"extmap:{wrong}")) is None
    answer = "a=rtpmap:97 VP8/90000\r\na=rtcp-fb:97 nack\r\na=rtcp-fb:97 goog-remb\r\na=rtpmap:98 rtx/90000\r\n"
    assert with_arrivals(answer, 9).splitlines() == [
        "a=rtpmap:97 VP8/90000", "a=rtcp-fb:97 nack", "a=rtpmap:98 rtx/90000", f"a=extmap:9 {ARRIVALS_URI}",
        "a=rtcp-fb:97 transport-cc",
    ]  # fmt: skip
