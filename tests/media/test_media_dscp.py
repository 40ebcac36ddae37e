"""Packets bear the marks by which a network keeps the ladder's order; read off real packets on loopback."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterator

import pytest
from aiortc import RTCConfiguration, RTCIceTransport, RTCPeerConnection
from media_stage import Hub, Running, eventually, wall_ms
from test_media_voice import Headless
from voice_stage import VoiceHub

from media import dscp
from media.aiortc_private import listen_on, sockets_of
from media.camera import open_camera
from media.dscp import Mark
from media.sender import VideoPublisher, WavePublisher

pytestmark = pytest.mark.sockets
ECN_BITS = 0b11


@pytest.fixture(autouse=True)
def marking() -> Iterator[None]:
    yield
    dscp.switch(on=True)


async def marks_that_arrive(pc: RTCPeerConnection, count: int = 5) -> set[int]:
    """Takes a connection's socket away from it and reads the marks of the packets that its peer sends."""
    (bound,) = sockets_of(pc)
    asyncio.get_running_loop()._remove_reader(bound.fileno())  # type: ignore[attr-defined]  # the public one will not
    with socket.socket(fileno=os.dup(bound.fileno())) as own:
        own.setsockopt(socket.IPPROTO_IP, socket.IP_RECVTOS, 1)
        found: list[int] = []

        def look() -> bool:
            try:
                _, about, _, _ = own.recvmsg(2000, socket.CMSG_SPACE(4))
            except BlockingIOError:
                return False
            found.extend(raw[0] for level, kind, raw in about if (level, kind) == (socket.IPPROTO_IP, socket.IP_TOS))
            return len(found) >= count

        await eventually(look, "packets of the peer")
    return {tos >> 2 for tos in found}


async def test_picture_and_waves_arrive_with_their_marks_and_the_hub_marks_its_own(
    hub: Hub, vehicle, board, running: Running
) -> None:
    publishers = {
        "A01": VideoPublisher(vehicle, "A01", open_camera("scene", wall_ms)),
        "A01.waves": WavePublisher(vehicle, "A01"),
    }
    running(*publishers.values())
    for stream, mark in (("A01", Mark.PICTURE), ("A01.waves", Mark.WAVES)):
        link = publishers[stream].link
        await eventually(link.connected.is_set, "the vehicle is connected")
        assert link.pc is not None
        (session,) = [one for one in hub.plane._sessions.values() if one.stream == stream]
        assert await marks_that_arrive(session.pc) == {mark}, "from the vehicle"
        (bound,) = sockets_of(session.pc)
        assert bound.getsockopt(socket.IPPROTO_IP, socket.IP_TOS) == mark << 2, "towards the vehicle"


async def test_voice_goes_to_a_party_as_expedited_as_it_can_be() -> None:
    listen_on(["127.0.0.1"])
    talk = VoiceHub()
    await talk.start()
    crew = Headless(talk.client("crew"))
    assert await crew.join() == 201
    await eventually(lambda: crew.pc.connectionState == "connected", "the crew is on")
    assert await marks_that_arrive(crew.pc) == {Mark.VOICE}
    await crew.close()
    await talk.stop()
    listen_on(None)


async def test_switched_off_nothing_is_marked(hub: Hub, vehicle, running: Running) -> None:
    dscp.switch(on=False)
    publisher = WavePublisher(vehicle, "A01")
    running(publisher)
    await eventually(publisher.link.connected.is_set, "the vehicle is connected")
    (session,) = hub.plane._sessions.values()
    assert await marks_that_arrive(session.pc) == {0}


async def test_where_marked_packets_do_not_get_through_the_next_try_goes_without(
    hub: Hub, vehicle, running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RFC 8835 section 4.2. The network that drops them is played where a vehicle's connection starts its checks."""
    start = RTCIceTransport.start

    async def start_or_not(self: RTCIceTransport, remote) -> None:
        bound = self._connection._protocols[0].transport.get_extra_info("socket")
        vehicles = self.role == "controlling"
        if vehicles and bound.getsockopt(socket.IPPROTO_IP, socket.IP_TOS) & ~ECN_BITS:
            await self.stop()
        else:
            await start(self, remote)

    monkeypatch.setattr(RTCIceTransport, "start", start_or_not)
    publisher = WavePublisher(vehicle, "A01")
    running(publisher)
    await eventually(publisher.link.connected.is_set, "connected without marks")
    assert publisher.link.pc is not None
    (bound,) = sockets_of(publisher.link.pc)
    assert bound.getsockopt(socket.IPPROTO_IP, socket.IP_TOS) & ~ECN_BITS == 0


async def test_a_connection_without_addresses_has_nothing_to_mark() -> None:
    pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    dscp.mark(pc, Mark.VOICE)
    pc.addTransceiver("audio")
    assert sockets_of(pc) == []
    await pc.close()
