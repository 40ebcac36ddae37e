"""Fails loudly when a new aiortc or aioice no longer has the private parts that this room stands on."""

from __future__ import annotations

import asyncio
import inspect

import pytest
from aioice import ice
from aiortc import RTCConfiguration, RTCPeerConnection, RTCRtpReceiver, RTCRtpSender
from aiortc.codecs import vpx
from aiortc.jitterbuffer import JitterBuffer
from aiortc.rtcdtlstransport import RTCDtlsTransport
from aiortc.rtp import RtpPacket

from media.aiortc_private import (
    PRIVATE_NAMES,
    _MarkerBuffer,
    listen_on,
    packetize_vp8,
    packets_received,
    starts_key_frame,
)


@pytest.fixture
async def connection():
    listen_on(["127.0.0.1"])
    pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    yield pc
    await pc.close()
    listen_on(None)


async def test_every_private_name_is_there(connection: RTCPeerConnection) -> None:
    transceiver = connection.addTransceiver("video")
    owners = {
        RTCRtpReceiver: transceiver.receiver,
        RTCRtpSender: transceiver.sender,
        RTCDtlsTransport: transceiver.receiver.transport,
        vpx.Vp8Encoder: vpx.Vp8Encoder(),
    }
    assert owners.keys() == PRIVATE_NAMES.keys()
    missing = [name for kind, names in PRIVATE_NAMES.items() for name in names if not hasattr(owners[kind], name)]
    assert missing == []
    assert packets_received(connection) == 0


def test_the_receiver_still_gives_every_packet_to_its_jitter_buffer_as_expected() -> None:
    source = inspect.getsource(RTCRtpReceiver._handle_rtp_packet)
    assert "self.__jitter_buffer.add(packet)" in source
    assert source.index("unwrap_rtx") < source.index("__nack_generator.add") < source.index("__jitter_buffer.add")


def test_the_sender_still_runs_its_replaceable_parts() -> None:
    assert "self._run_rtp(parameters.codecs[0])" in inspect.getsource(RTCRtpSender.send)
    handling = inspect.getsource(RTCRtpSender._handle_rtcp_packet)
    assert "self._send_keyframe()" in handling and "self._retransmit(seq)" in handling
    assert "if self.__encoder is None" in inspect.getsource(RTCRtpSender._next_encoded_frame)


async def test_loopback_is_offered_when_asked_for_and_only_then(connection: RTCPeerConnection) -> None:
    connection.createDataChannel("x")
    await connection.setLocalDescription(await connection.createOffer())
    hosts = {line.split()[4] for line in connection.localDescription.sdp.splitlines() if "candidate:" in line}
    assert hosts == {"127.0.0.1"}
    listen_on(None)
    assert "127.0.0.1" not in ice.get_host_addresses(True, True)


def packet(seq: int, timestamp: int, marker: int, part: bytes) -> RtpPacket:
    made = RtpPacket(sequence_number=seq & 0xFFFF, timestamp=timestamp, marker=marker, payload=part)
    made._data = part  # type: ignore[attr-defined]
    return made


def frames(buffer: JitterBuffer, *packets: RtpPacket) -> list[bytes | None]:
    return [frame.data if frame else None for _, frame in (buffer.add(one) for one in packets)]


def test_a_frame_is_released_with_its_last_packet_not_with_the_next_frame() -> None:
    sent = [packet(65_535, 0, 0, b"a"), packet(0, 0, 1, b"b"), packet(1, 9, 1, b"c")]
    assert frames(_MarkerBuffer(capacity=512, is_video=True), *sent) == [None, b"ab", b"c"]
    assert frames(JitterBuffer(capacity=512, is_video=True), *sent) == [None, None, b"ab"]


def test_a_frame_with_a_hole_waits_for_the_missing_packet() -> None:
    one, two, three = packet(1, 0, 0, b"a"), packet(2, 0, 0, b"b"), packet(3, 0, 1, b"c")
    assert frames(_MarkerBuffer(capacity=512, is_video=True), one, three, two) == [None, None, b"abc"]


def test_a_key_frame_is_known_by_its_first_packet() -> None:
    first, rest = packetize_vp8(b"\x00" * 1500, 5)
    delta = packetize_vp8(b"\x01" * 10, 5)[0]
    assert [starts_key_frame(RtpPacket(payload=part)) for part in (first, rest, delta, b"")] == [
        True,
        False,
        False,
        False,
    ]


async def test_a_connection_that_only_forwards_can_be_closed_before_it_ever_connected(connection) -> None:
    from media.aiortc_private import PacketSender

    sender = connection.addTransceiver("video", direction="sendonly").sender
    PacketSender(sender, lambda: None, lambda: None)
    await asyncio.wait_for(connection.close(), 5)
