"""OWASP ASVS 5.0, chapter V17 (WebRTC), requirement by requirement, against real connections on loopback.

V17.1 (TURN) is in test_media_turn. V17.2.1 (the key's life): each connection makes its own certificate and forgets it.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import Any

import httpx
import pytest
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from media_stage import Hub, Running, eventually, wall_ms
from OpenSSL import SSL
from test_media_signalling import CANDIDATE, VIDEO, offer_of, post

from media.camera import Camera, open_camera
from media.offer_limit import BURST
from media.receiver import VideoViewer
from media.sender import VideoPublisher

pytestmark = pytest.mark.sockets
APPROVED = ("ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305")
NOT_STUN = range(20, 192)  # RFC 7983: DTLS, channel data, RTP


@pytest.fixture
def camera() -> Camera:
    return open_camera("scene", wall_ms)


async def publishing(hub: Hub, vehicle, board, running: Running, camera) -> tuple[VideoPublisher, VideoViewer]:
    publisher, viewer = VideoPublisher(vehicle, "A01", camera), VideoViewer(board, "A01", wall_ms)
    running(publisher, viewer)
    await eventually(lambda: viewer.frames_shown >= 5, "the first pictures")
    return publisher, viewer


def transport_of(pc: RTCPeerConnection) -> Any:
    return pc.getTransceivers()[0].receiver.transport


def port_of(sdp: str) -> int:
    return int(sdp.split(" udp ", 1)[1].split()[2])


def rtp(payload_type: int, ssrc: int, seq: int) -> bytes:
    return struct.pack(">BBHII", 0x80, payload_type, seq, 0, ssrc) + b"\x90\x80\x01" + bytes(200)


async def test_v17_2_2_the_hub_agrees_to_approved_ciphers_and_srtp_profiles_only(
    hub: Hub, vehicle, board, running: Running, camera
) -> None:
    await publishing(hub, vehicle, board, running, camera)
    for session in hub.plane._sessions.values():
        ssl = transport_of(session.pc)._ssl
        assert ssl.get_cipher_name() in APPROVED and ssl.get_protocol_version_name() == "DTLSv1.2"
        assert ssl.get_selected_srtp_profile() in (b"SRTP_AEAD_AES_256_GCM", b"SRTP_AEAD_AES_128_GCM")


async def test_v17_2_3_packets_that_the_peer_did_not_seal_are_not_forwarded(
    hub: Hub, vehicle, board, running: Running, camera
) -> None:
    publisher, viewer = await publishing(hub, vehicle, board, running, camera)
    assert publisher.link.pc is not None and publisher.sending is not None
    forged_ssrc = publisher.sending.outlet.ssrc
    received: list[bytes] = []
    stream = hub.plane._streams["A01"]
    receive = stream.receive

    def noting(source, packet, *how) -> None:
        received.append(packet.payload)
        receive(source, packet, *how)

    stream.receive = noting
    wire = transport_of(publisher.link.pc).transport
    for seq in range(50):
        await wire._send(rtp(97, forged_ssrc, seq))
    forged = rtp(97, forged_ssrc, 0)[12:]
    shown = viewer.frames_shown
    await eventually(lambda: viewer.frames_shown >= shown + 10, "pictures after the forged packets")
    assert received and forged not in received and viewer.unstamped == 0


async def test_v17_2_4_and_5_broken_packets_and_floods_of_them_do_not_stop_the_picture(
    hub: Hub, vehicle, board, running: Running, camera
) -> None:
    publisher, viewer = await publishing(hub, vehicle, board, running, camera)
    assert publisher.link.pc is not None
    wire = transport_of(publisher.link.pc).transport
    for first in NOT_STUN:
        for size in (0, 1, 11, 12, 13, 1400):
            await wire._send(bytes([first]) + bytes(size))
    stranger = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    (session,) = (one for one in hub.plane._sessions.values() if one.action == "publish")
    for number in range(3000):
        stranger.sendto(rtp(97, 1, number & 0xFFFF), ("127.0.0.1", port_of(session.answer)))
    stranger.close()
    shown = viewer.frames_shown
    await eventually(lambda: viewer.frames_shown >= shown + 10, "pictures after the flood")
    assert publisher.link.connections == viewer.link.connections == 1 and viewer.unstamped == 0


async def test_v17_2_6_a_stranger_who_greets_first_is_not_answered_in_the_peers_place(
    hub: Hub, vehicle: httpx.AsyncClient
) -> None:
    pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    pc.addTransceiver("video", direction="sendonly")
    await pc.setLocalDescription(await pc.createOffer())
    made = await post(vehicle, "whip/A01", pc.localDescription.sdp)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.setblocking(False)
        for _ in range(5):
            stranger.sendto(client_hello(), ("127.0.0.1", port_of(made.text)))
        await pc.setRemoteDescription(RTCSessionDescription(made.text, "answer"))
        await eventually(lambda: pc.connectionState == "connected", "the peer to be connected")
        stranger.sendto(client_hello(), ("127.0.0.1", port_of(made.text)))
        await asyncio.sleep(0)
        with pytest.raises(BlockingIOError):
            stranger.recv(2000)
    await pc.close()


def client_hello() -> bytes:
    """A genuine first flight of a DTLS handshake."""
    connection = SSL.Connection(SSL.Context(SSL.DTLS_METHOD), None)
    connection.set_connect_state()
    with pytest.raises(SSL.WantReadError):
        connection.do_handshake()
    return connection.bio_read(2000)


async def test_v17_2_8_a_certificate_that_is_not_the_one_in_the_offer_ends_the_session(
    hub: Hub, vehicle: httpx.AsyncClient
) -> None:
    pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    pc.addTransceiver("video", direction="sendonly")
    await pc.setLocalDescription(await pc.createOffer())
    other = "a=fingerprint:sha-256 " + ":".join(["AB"] * 32)
    lines = [other if "fingerprint:sha-256" in line else line for line in pc.localDescription.sdp.splitlines()]
    made = await post(vehicle, "whip/A01", "\r\n".join(lines) + "\r\n")
    assert made.status_code == 201
    await pc.setRemoteDescription(RTCSessionDescription(made.text, "answer"))
    await eventually(lambda: hub.plane._sessions == {}, "the session to be ended")
    assert hub.plane.streams() == [] and hub.told == []
    await pc.close()


async def test_v17_3_1_who_floods_with_offers_is_held_back_and_others_are_answered(hub: Hub, board, vehicle) -> None:
    flood = [await post(vehicle, "whip/A01", "rubbish") for _ in range(BURST + 20)]
    assert {answer.status_code for answer in flood[:BURST]} == {422}
    assert any(answer.status_code == 429 for answer in flood)
    assert flood[-1].json()["error"] in ("media_too_many_offers", "sdp_malformed")
    assert (await post(board, "whep/A01", await offer_of("video"))).status_code == 201


async def test_v17_3_2_broken_offers_and_twenty_thousand_candidates_are_refused_by_name_and_the_next_is_served(
    hub: Hub, board: httpx.AsyncClient
) -> None:
    many = CANDIDATE * 20_000
    for body, key in (
        (VIDEO + many, "sdp_too_big"),
        (VIDEO + many[: 60_000 - len(VIDEO)], "sdp_too_many_candidates"),
        ("v=0\r\n" * 5000, "sdp_wrong_media"),
        ("m=" * 30_000, "sdp_malformed"),
        ("\x00" * 1000, "sdp_malformed"),
    ):
        answer = await post(board, "whep/A01", body)
        assert (answer.status_code, answer.json()["error"]) == (422, key)
    made = await post(board, "whep/A01", await offer_of("video"))
    kind = {"Content-Type": "application/trickle-ice-sdpfrag", "If-Match": made.headers["etag"]}
    later = await board.patch(made.headers["location"], content=many, headers=kind)
    assert (later.status_code, later.json()["error"]) == (422, "sdp_too_big")
    assert hub.plane.find(made.headers["location"].rsplit("/")[-1]) is not None
