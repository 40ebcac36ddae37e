"""Fails loudly when a new aiortc or aioice no longer has the private parts that this room stands on."""

from __future__ import annotations

import asyncio
import inspect
import threading

import pylibsrtp
import pytest
from aioice import ice
from aiortc import (
    RTCConfiguration,
    RTCIceTransport,
    RTCPeerConnection,
    RTCRtpReceiver,
    RTCRtpSender,
    RTCRtpTransceiver,
    rtcrtpreceiver,
)
from aiortc.codecs import h264, vpx
from aiortc.mediastreams import MediaStreamError
from aiortc.rtcdtlstransport import RTCDtlsTransport
from aiortc.rtcrtpparameters import RTCRtpCodecParameters
from aiortc.rtp import RtpPacket

from media.aiortc_private import (
    PRIVATE_NAMES,
    keep_newest,
    listen_on,
    packetize_vp8,
    packets_received,
    receive_live,
    starts_key_frame,
)
from media.aiortc_private.names import read, replace
from media.aiortc_private.receiving import DECODER_BEHIND_FRAMES


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
        h264.H264Encoder: h264.H264Encoder(),
        RTCPeerConnection: connection,
        RTCIceTransport: transceiver.receiver.transport.transport,
        RTCRtpTransceiver: transceiver,
        pylibsrtp.Session: pylibsrtp.Session(),
        ice.Connection: ice.Connection(ice_controlling=False),
        ice.StunProtocol: ice.StunProtocol(ice.Connection(ice_controlling=False)),
        rtcrtpreceiver.RemoteStreamTrack: transceiver.receiver.track or rtcrtpreceiver.RemoteStreamTrack("video"),
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
    routing = inspect.getsource(RTCDtlsTransport._handle_rtcp_data)
    assert "await recipient._handle_rtcp_packet(packet)" in routing


async def test_loopback_is_offered_when_asked_for_and_only_then(connection: RTCPeerConnection) -> None:
    connection.createDataChannel("x")
    await connection.setLocalDescription(await connection.createOffer())
    hosts = {line.split()[4] for line in connection.localDescription.sdp.splitlines() if "candidate:" in line}
    assert hosts == {"127.0.0.1"}
    listen_on(None)
    assert "127.0.0.1" not in ice.get_host_addresses(True, True)


def test_the_receiver_still_decodes_in_a_thread_fed_by_two_queues() -> None:
    source = inspect.getsource(RTCRtpReceiver.receive)
    assert "self.__decoder_queue" in source and "self._track._queue" in source
    assert "(codec, encoded_frame)" in inspect.getsource(RTCRtpReceiver._handle_rtp_packet)
    worker = inspect.getsource(rtcrtpreceiver.decoder_worker)
    assert "codec, encoded_frame = task" in worker and "output_q.put(frame)" in worker
    assert "None" in inspect.getsource(rtcrtpreceiver.RemoteStreamTrack.recv)


async def test_a_slow_reader_gets_the_newest_pictures_and_still_the_end() -> None:
    track = rtcrtpreceiver.RemoteStreamTrack("video")
    keep_newest(track)
    for picture in (1, 2, 3, 4):
        await track._queue.put(picture)
    assert [await track.recv() for _ in range(2)] == [3, 4]
    for picture in (5, 6, None):
        await track._queue.put(picture)
    assert await track.recv() == 6
    with pytest.raises(MediaStreamError):
        await track.recv()


async def test_a_decoder_that_falls_behind_begins_again_with_a_key_frame_and_nothing_old_waits(connection) -> None:
    receiver = connection.addTransceiver("video", direction="recvonly").receiver
    buffer = receive_live(receiver)
    waiting = read(receiver, "decoder_queue")
    read(receiver, "codecs")[97] = RTCRtpCodecParameters("video/VP8", 90_000, payloadType=97)
    replace(receiver, "decoder_thread", threading.Thread())  # one that never takes a frame
    for seq in range(DECODER_BEHIND_FRAMES + 1):
        coded = packetize_vp8(b"\x00" if seq == 0 else b"\x01", seq)[0]
        packet = RtpPacket(97, 1, seq, seq * 6000, 1, coded)
        packet._data = coded  # type: ignore[attr-defined]
        read(receiver, "jitter_buffer").add(packet)
        assert waiting.qsize() == (seq + 1) % (DECODER_BEHIND_FRAMES + 1)
    assert buffer.waits_for_key_frame and buffer.skips == 1
    replace(receiver, "decoder_thread", None)


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
