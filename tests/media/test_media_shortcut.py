"""What comes off the socket and what goes on the wire is what aiortc itself would read and write, and in that order."""

from __future__ import annotations

import inspect
import struct
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aioice import Candidate, ice
from aiortc import RTCConfiguration, RTCPeerConnection, RTCRtpReceiver
from aiortc.codecs import vpx
from aiortc.rtcdtlstransport import RTCDtlsTransport, State
from aiortc.rtcrtpparameters import RTCRtpCodecParameters, RTCRtpHeaderExtensionParameters, RTCRtpParameters
from aiortc.rtcrtpreceiver import StreamStatistics
from aiortc.rtp import HeaderExtensionsMap, RtpPacket, is_rtcp
from hypothesis import given
from hypothesis import strategies as st
from pylibsrtp import Policy, Session

from media.aiortc_private import IncomingPacket, OutgoingPacket, PacketSender, listen_on, starts_key_frame
from media.aiortc_private.connection import hear_only_the_peer
from media.aiortc_private.names import read
from media.aiortc_private.receiving import TappedBuffer
from media.aiortc_private.shortcut import Shortcut, parse
from media.aiortc_private.vp8 import descriptor_bytes
from media.aiortc_private.wire import SEND_TIME_HZ, Form

MID, TIME, NUMBER = 1, 2, 3
URIS = {
    MID: "urn:ietf:params:rtp-hdrext:sdes:mid",
    TIME: "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
    NUMBER: "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
}
KEY_FRAME = b"\x10\x00" + bytes(40)
KEY = bytes(range(46))
VP8, RTX, SSRC = 97, 98, 7


def agreed(*extensions: int, beyond: int = 0) -> HeaderExtensionsMap:
    """The map of a peer that agreed to these extensions; `beyond` 14 their ids need two bytes."""
    ids = [RTCRtpHeaderExtensionParameters(id=number + beyond, uri=URIS[number]) for number in extensions]
    made = HeaderExtensionsMap()
    made.configure(RTCRtpParameters(headerExtensions=ids))
    return made


packets = st.builds(
    RtpPacket,
    payload_type=st.integers(96, 127), marker=st.integers(0, 1), sequence_number=st.integers(0, 0xFFFF),
    timestamp=st.integers(0, 0xFFFFFFFF), ssrc=st.integers(0, 0xFFFFFFFF), payload=st.binary(max_size=40),
)  # fmt: skip


@given(
    packets, st.lists(st.integers(0, 9), max_size=3), st.integers(0, 9), st.sampled_from(["0", "video"]),
    st.none() | st.integers(0, 0xFFFFFF), st.none() | st.integers(0, 0xFFFF), st.sampled_from([0, 20]),
)  # fmt: skip
def test_a_packet_is_read_as_aiortc_reads_it(
    packet: RtpPacket, csrc: list[int], padding: int, mid: str, time: int | None, number: int | None, beyond: int
) -> None:
    packet.csrc, packet.padding_size = csrc, padding
    packet.extensions.mid, packet.extensions.abs_send_time = mid, time
    packet.extensions.transport_sequence_number = number
    wire = packet.serialize(agreed(MID, TIME, NUMBER, beyond=beyond))
    same = IncomingPacket(
        packet.payload_type, packet.marker, packet.sequence_number, packet.timestamp, packet.ssrc, packet.payload
    )
    assert parse(wire, TIME + beyond, NUMBER + beyond) == (same, time, number)


@given(
    st.binary(min_size=12, max_size=60), st.sampled_from([0x80, 0x90, 0xB1, 0x40]), st.sampled_from([0xBEDE, 0x1000])
)
def test_rubbish_is_read_as_nothing_or_as_aiortc_reads_it(noise: bytes, first: int, profile: int) -> None:
    wire = bytes([first]) + noise[1:12] + struct.pack("!HH", profile, len(noise) % 5) + noise[12:]
    try:
        packet, _, _ = parse(wire, 0, 0)
    except (ValueError, struct.error):
        with pytest.raises(ValueError):
            RtpPacket.parse(wire)
    else:
        assert RtpPacket.parse(wire).payload == packet.payload


@given(packets, st.sampled_from([(MID, TIME), (TIME,), (MID,), ()]), st.floats(0, 1e6), st.sampled_from([0, 20]))
def test_a_packet_is_written_as_aiortc_writes_it(
    packet: RtpPacket, extensions: tuple[int, ...], at_s: float, beyond: int
) -> None:
    peer = agreed(*extensions, beyond=beyond)
    form = Form(packet.ssrc, "0", peer)
    packet.extensions.mid = "0"
    packet.extensions.abs_send_time = int(at_s * SEND_TIME_HZ) & 0xFFFFFF
    wire = form.packet(
        packet.payload_type, packet.marker, packet.sequence_number, packet.timestamp, packet.payload, at_s
    )
    assert wire == packet.serialize(peer)


@given(st.binary(max_size=8))
def test_a_vp8_payload_is_taken_apart_as_aiortc_does_it(payload: bytes) -> None:
    try:
        descriptor, frame = vpx.VpxPayloadDescriptor.parse(payload)
    except ValueError:
        assert descriptor_bytes(payload) is None and not starts_key_frame(RtpPacket(payload=payload))
        return
    assert descriptor_bytes(payload) == len(payload) - len(frame)
    begins = descriptor.partition_start == 1 and descriptor.partition_id == 0 and bool(frame) and not frame[0] & 1
    assert starts_key_frame(RtpPacket(payload=payload)) == begins


# --- the shortcut on a transport of aiortc's own


class Stage:
    """A receiver whose transport has keys, as if it were connected; what it takes, and what goes aiortc's way."""

    def __init__(self, receiver: RTCRtpReceiver) -> None:
        transport: Any = receiver.transport
        for side, kind in (("_rx_srtp", Policy.SSRC_ANY_INBOUND), ("_tx_srtp", Policy.SSRC_ANY_OUTBOUND)):
            setattr(transport, side, Session(Policy(KEY[:30], kind)))
        transport._state = State.CONNECTED
        self.peer = Session(Policy(KEY[:30], Policy.SSRC_ANY_OUTBOUND))
        self.connection = transport.transport._connection
        self.waiting = self.connection._queue
        read(receiver, "codecs").update(
            {VP8: RTCRtpCodecParameters("video/VP8", 90_000), RTX: RTCRtpCodecParameters("video/rtx", 90_000)}
        )
        self.statistics = StreamStatistics(90_000)
        read(receiver, "remote_streams")[SSRC] = self.statistics
        self.taken: list[int] = []
        self.shortcut = Shortcut(receiver, lambda packet, codec: self.taken.append(packet.sequence_number))

    def come(self, seq: int, payload_type: int = VP8, ssrc: int = SSRC, payload: bytes = KEY_FRAME) -> None:
        packet = RtpPacket(payload_type, 1, seq, 1000, ssrc, payload)
        self.connection.data_received(self.peer.protect(packet.serialize()), 1)


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    listen_on(["127.0.0.1"])
    pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    receiver = pc.addTransceiver("video", direction="recvonly").receiver
    yield Stage(receiver)
    receiver.transport._state = State.NEW  # type: ignore[attr-defined]
    await pc.close()
    listen_on(None)


async def test_plain_media_comes_straight_and_all_else_goes_aiortcs_way(stage: Stage) -> None:
    stage.come(1)
    assert stage.taken == [1] and stage.waiting.empty() and stage.statistics.packets_received == 1
    for other in (lambda: stage.come(2, RTX), lambda: stage.come(3, ssrc=8), lambda: stage.come(4, 111)):
        other()
        assert stage.waiting.qsize() == 1
        stage.waiting.get_nowait()
    report = struct.pack("!BBHI", 0x80, 201, 1, SSRC)
    stage.connection.data_received(stage.peer.protect_rtcp(report), 1)
    stage.connection.data_received(b"\x16\xfe\xfd" + bytes(30), 1)
    assert stage.waiting.qsize() == 2 and stage.taken == [1] and is_rtcp(report)


async def test_no_packet_overtakes_one_that_waits(stage: Stage) -> None:
    stage.come(1, RTX)
    stage.come(2)
    assert stage.taken == [] and stage.waiting.qsize() == 2
    for _ in range(2):
        stage.waiting.get_nowait()
    stage.come(3)
    assert stage.taken == [3]


async def test_what_the_peer_did_not_seal_and_what_carries_nothing_is_left_out(stage: Stage) -> None:
    forged = bytearray(stage.peer.protect(RtpPacket(VP8, 1, 1, 0, SSRC, KEY_FRAME).serialize()))
    forged[-1] ^= 1
    stage.connection.data_received(bytes(forged), 1)
    stage.come(2, payload=b"\x90\x80")  # a picture id is announced, and none is there
    stage.come(3, payload=b"")
    assert stage.taken == [] and stage.waiting.empty()
    stage.come(4)
    assert stage.taken == [4]


async def test_what_was_lost_before_a_key_frame_that_has_come_needs_no_other() -> None:
    pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    receiver = pc.addTransceiver("video", direction="recvonly").receiver
    asked: list[int] = []
    buffer = TappedBuffer(receiver, lambda packet, codec: None, lambda: asked.append(1))
    for at_s, seq, payload in ((0.0, 1, b"\x10\x01"), (0.1, 3, KEY_FRAME), (0.2, 4, b"\x10\x01")):
        buffer._pass(IncomingPacket(VP8, 1, seq, seq, SSRC, payload), "VP8", at_s)
    assert buffer.look(0.5) is None and buffer.losses.lost == 1 and asked == []
    buffer._pass(IncomingPacket(VP8, 1, 6, 6, SSRC, b"\x10\x01"), "VP8", 0.6)
    buffer.look(1.0)
    assert asked == [1]
    await pc.close()


async def test_an_empty_datagram_does_not_reach_aiortc_which_it_would_end() -> None:
    hear_only_the_peer()
    connection = ice.Connection(ice_controlling=False)
    protocol, address = ice.StunProtocol(connection), ("192.0.2.1", 9)
    protocol.local_candidate = Candidate("1", 1, "udp", 1, "127.0.0.1", 9, "host")
    peer = Candidate("1", 1, "udp", 1, address[0], address[1], "host")
    peer._network_host = address[0]
    connection._nominated[1] = ice.CandidatePair(protocol, peer)
    for data in (b"", b"\x80\x61"):
        protocol.datagram_received(data, address)
    assert connection._queue.get_nowait() == (b"\x80\x61", 1) and connection._queue.empty()


# --- sending


class Outlet:
    """In place of a sender's outlet: notes what is sent, full or gone as told."""

    def __init__(self) -> None:
        self.sent: list[int] = []
        self.is_full = self.gone = False

    def send(self, packet: OutgoingPacket, payload_type: int) -> None:
        if self.gone:
            raise ConnectionError
        self.sent.append(packet.seq)


async def test_what_is_offered_without_a_connection_is_left_out_and_a_full_network_is_said() -> None:
    pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    sender = PacketSender(pc.addTransceiver("video", direction="sendonly").sender, lambda: None, lambda: None)
    outlet = Outlet()
    sender.outlet = outlet  # type: ignore[assignment]
    said = [sender.offer(OutgoingPacket(1, 0, 1, b"x"))]
    sender._negotiated = VP8
    for outlet.is_full, outlet.gone, seq in ((False, False, 2), (True, False, 3), (False, True, 4), (False, False, 5)):
        said.append(sender.offer(OutgoingPacket(seq, 0, 1, b"x")))
    assert said == [True, True, False, True, True] and outlet.sent == [2]
    await pc.close()


# --- what the shortcut leaves out or does itself is still all that aiortc does


def test_aiortc_still_does_with_a_packet_what_the_shortcut_does() -> None:
    assert "self._queue.put_nowait((data, component))" in inspect.getsource(ice.Connection.data_received)
    coming = inspect.getsource(RTCDtlsTransport._recv_next)
    assert "self.__rx_bytes += len(data)" in coming and "self._rx_srtp.unprotect(data)" in coming
    handling = inspect.getsource(RTCRtpReceiver._handle_rtp_packet)
    assert "self.__remote_bitrate_estimator.add(" in handling and "self.__remote_streams[packet.ssrc].add(" in handling
    sending = inspect.getsource(RTCDtlsTransport._send_rtp)
    assert "self._tx_srtp.protect(data)" in sending and "self.__tx_bytes += len(data)" in sending
    assert "active_pair.protocol.send_data(data, active_pair.remote_addr)" in inspect.getsource(ice.Connection.sendto)
    assert "self.transport.sendto(data, addr)" in inspect.getsource(ice.StunProtocol.send_data)
