"""Real WebRTC on loopback: pictures and waves from a vehicle through the hub to its viewers."""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import numpy as np
import pytest
from aiortc import RTCConfiguration, RTCPeerConnection
from aiortc.rtp import is_rtcp
from media_stage import Hub, Running, eventually, wall_ms

from casebook.errors import CoordinationError, FeedLost
from media.aiortc_private.shortcut import Shortcut
from media.camera import Camera, open_camera
from media.camera_source import DrawnSource
from media.forwarder import MediaPlane
from media.link import PAUSE_S_MAX, pause_s
from media.receiver import VideoViewer, Viewer, WaveViewer
from media.sender import VideoPublisher, WavePublisher
from media.waveforms import ChannelWave, Numerics, WaveKind, WavePacket

pytestmark = pytest.mark.sockets


@pytest.fixture
def camera() -> Camera:
    return open_camera("scene", wall_ms)


def wave(sequence: int) -> WavePacket:
    samples = np.sin(np.arange(10) + sequence * 10)
    return WavePacket(sequence, int(wall_ms()), (ChannelWave(WaveKind.ECG_II, 250, sequence * 10, samples),))


async def send_waves(publisher: WavePublisher, until: Callable[[], bool]) -> int:
    """Send a packet every 10 ms until told; returns how many were tried."""
    for sequence in range(2000):
        publisher.send(wave(sequence))
        await asyncio.sleep(0.01)
        if until():
            return sequence + 1
    raise AssertionError("the waves never arrived")


async def test_every_viewer_sees_the_same_stamped_pictures_and_nothing_is_encoded_twice(
    hub: Hub, vehicle, board, running: Running, camera
) -> None:
    viewers = [VideoViewer(board, "A01", wall_ms) for _ in range(3)]
    publisher = VideoPublisher(vehicle, "A01", camera)
    running(publisher, *viewers)
    await eventually(lambda: all(viewer.frames_shown >= 20 for viewer in viewers), "20 frames at each viewer")
    assert all(viewer.unstamped == 0 and len(viewer.latency_ms) == viewer.frames_shown for viewer in viewers)
    assert all(latency >= 0 for viewer in viewers for latency in viewer.latency_ms)
    stats = hub.plane.stats("A01")
    assert stats["live"] and stats["frames_in"] <= publisher.frames_sent
    assert len(stats["viewers"]) == 3 and all(one["frames_out"] >= 20 for one in stats["viewers"])
    (session,) = (one for one in hub.plane._sessions.values() if one.action == "publish")
    connection = session.pc.getTransceivers()[0].receiver.transport.transport._connection
    assert isinstance(connection.data_received.__self__, Shortcut)


async def test_a_viewer_that_comes_late_gets_a_key_frame_by_one_request(
    hub: Hub, vehicle, board, running: Running, camera
) -> None:
    early, late = VideoViewer(board, "A01", wall_ms), VideoViewer(board, "A01", wall_ms)
    running(VideoPublisher(vehicle, "A01", camera), early)
    await eventually(lambda: early.frames_shown >= 30, "two seconds at the first viewer: the key frame is the past")
    asked = hub.plane.stats("A01")["key_frame_requests"]
    running(late)
    await eventually(lambda: late.frames_shown >= 5, "5 frames at the late viewer")
    assert hub.plane.stats("A01")["key_frame_requests"] > asked


async def test_a_viewer_who_waits_for_a_vehicle_sees_it_when_it_comes_and_stays_when_it_comes_again(
    hub: Hub, vehicle, board, running: Running, camera
) -> None:
    viewer = VideoViewer(board, "A01", wall_ms)
    running(viewer)
    await viewer.link.connected.wait()
    running(VideoPublisher(vehicle, "A01", camera))
    await eventually(lambda: viewer.frames_shown >= 5, "the first pictures")
    await running.stop(1)
    await eventually(lambda: ("stopped", "A01") in hub.told, "the stream to stop")
    shown = viewer.frames_shown
    running(VideoPublisher(vehicle, "A01", camera))
    await eventually(lambda: viewer.frames_shown >= shown + 5, "pictures of the second publisher")
    assert viewer.link.connections == 1 and viewer.unstamped == 0
    assert hub.told == [("started", "A01"), ("stopped", "A01"), ("started", "A01")]


async def test_a_second_publisher_of_a_stream_takes_over_without_a_stop(
    hub: Hub, vehicle, board, running: Running, camera
) -> None:
    viewer = VideoViewer(board, "A01", wall_ms)
    first = VideoPublisher(vehicle, "A01", camera)
    running(viewer, first)
    await eventually(lambda: viewer.frames_shown >= 5, "the first pictures")
    source = hub.plane._sources["A01"]
    second = VideoPublisher(vehicle, "A01", camera)
    running(second)
    await eventually(lambda: hub.plane._sources["A01"] is not source, "the second publisher to take over")
    shown = viewer.frames_shown
    await eventually(lambda: viewer.frames_shown >= shown + 5, "pictures of the second publisher")
    assert hub.told == [("started", "A01")]


async def test_lost_packets_are_sent_again_on_both_legs(hub: Hub, vehicle, board, running: Running, camera) -> None:
    viewer, publisher = VideoViewer(board, "A01", wall_ms), VideoPublisher(vehicle, "A01", camera)
    running(publisher, viewer)
    await eventually(lambda: viewer.frames_shown >= 5, "the first pictures")
    sessions = {session.action: session.pc for session in hub.plane._sessions.values()}
    assert publisher.link.pc is not None
    lossy = [LossySocket(pc.getTransceivers()[0].sender.transport) for pc in (publisher.link.pc, sessions["view"])]
    shown = viewer.frames_shown
    await eventually(lambda: viewer.frames_shown >= shown + 45, "three seconds of pictures")
    assert all(leg.dropped >= 5 for leg in lossy)
    assert viewer.unstamped == 0 and len(viewer.latency_ms) == viewer.frames_shown


async def test_a_camera_that_was_unplugged_is_opened_again_and_seen_again(
    hub: Hub, vehicle, board, running: Running
) -> None:
    opened: list[BrokenCable] = []

    def plug() -> BrokenCable:
        opened.append(BrokenCable(pictures=10 if not opened else 10_000))
        return opened[-1]

    viewer = VideoViewer(board, "A01", wall_ms)
    running(viewer, VideoPublisher(vehicle, "A01", Camera(plug, wall_ms)))
    await eventually(
        lambda: viewer.latest is not None and viewer.latest.frame >= 30, "pictures of the camera re-opened"
    )
    assert len(opened) == 2 and opened[0].closed


class BrokenCable(DrawnSource):
    """Gives so many pictures and then none."""

    def __init__(self, pictures: int) -> None:
        super().__init__(640, 360)
        self.left, self.closed = pictures, False

    def picture(self, t_s: float) -> np.ndarray:
        self.left -= 1
        if self.left < 0:
            raise FeedLost("camera_lost", camera="cable", why="unplugged")
        return super().picture(t_s)

    def close(self) -> None:
        self.closed = True


class LossySocket:
    """Loses every twelfth media packet that a connection sends, retransmissions included; reports pass."""

    def __init__(self, transport: Any) -> None:
        protocol = transport.transport._connection._nominated[1].protocol
        self._socket, self._count, self.dropped = protocol.transport, 0, 0
        protocol.transport = self

    def __getattr__(self, name: str) -> Any:
        return getattr(self._socket, name)

    def sendto(self, packet: bytes, addr: tuple[str, int]) -> None:
        is_media = 127 < packet[0] < 192 and not is_rtcp(packet)
        self._count += is_media
        if is_media and self._count % 12 == 0:
            self.dropped += 1
        else:
            self._socket.sendto(packet, addr)


async def test_a_source_that_pauses_stops_and_starts_again_on_the_same_connection(
    hub: Hub, vehicle, board, running: Running
) -> None:
    viewer, publisher = WaveViewer(board, "A01"), WavePublisher(vehicle, "A01")
    running(viewer, publisher)
    await send_waves(publisher, lambda: viewer.packets_received >= 5)
    await eventually(lambda: ("stopped", "A01.waves") in hub.told, "the pause to be noticed")
    received = viewer.packets_received
    await send_waves(publisher, lambda: viewer.packets_received >= received + 5)
    assert [what for what, _ in hub.told] == ["started", "stopped", "started"]
    assert publisher.link.connections == viewer.link.connections == 1


async def test_waves_and_numbers_reach_every_viewer(hub: Hub, vehicle, board, running: Running) -> None:
    got: list[WavePacket] = []
    numbers: list[Numerics] = []
    one = WaveViewer(board, "A01", on_packet=got.append, on_numerics=numbers.append)
    two = WaveViewer(board, "A01")
    publisher = WavePublisher(vehicle, "A01")
    running(one, two, publisher)
    for link in (one.link, two.link, publisher.link):
        await link.connected.wait()
    await send_waves(publisher, lambda: min(one.packets_received, two.packets_received) >= 50)
    said = Numerics("c1", 1, datetime(2021, 4, 18, 1, 35, tzinfo=UTC), {"hr_bpm": 118.0, "spo2_pct": None})
    assert publisher.send_numerics(said)
    await eventually(lambda: numbers == [said] and two.numerics_received == 1, "the numbers at both viewers")
    expected = wave(got[-1].sequence).channels[0]
    assert got[-1].channels[0].first_index == expected.first_index
    np.testing.assert_allclose(got[-1].channels[0].samples, expected.samples, atol=0.001)
    assert one.refused == two.refused == 0


async def test_a_hub_that_goes_and_returns_is_found_again_by_vehicle_and_viewer(
    hub: Hub, vehicle, board, running: Running, camera
) -> None:
    viewer = Viewer(board, "A01", wall_ms)
    video, waves = VideoPublisher(vehicle, "A01", camera), WavePublisher(vehicle, "A01")
    running(viewer, video, waves)
    await eventually(lambda: viewer.video.frames_shown >= 5, "the first pictures")
    await send_waves(waves, lambda: viewer.waves.packets_received >= 10)
    await hub.stop()
    again = Hub(port=hub.port)
    shown, received = viewer.video.frames_shown, viewer.waves.packets_received
    await again.start()
    hub.plane, hub.server, hub.serving = again.plane, again.server, again.serving
    await eventually(lambda: viewer.video.frames_shown >= shown + 5, "pictures through the new hub")
    await send_waves(waves, lambda: viewer.waves.packets_received >= received + 10)


async def test_silence_alone_is_noticed_by_the_hub_and_by_the_vehicle(
    hub: Hub, vehicle, running: Running, camera, monkeypatch
) -> None:
    """Nothing is closed, no packet passes: as in a tunnel."""
    publisher = VideoPublisher(vehicle, "A01", camera)
    running(publisher)
    await eventually(lambda: ("started", "A01") in hub.told, "the stream to start")
    (session,) = hub.plane._sessions.values()
    assert publisher.link.pc is not None
    for pc in (session.pc, publisher.link.pc):
        monkeypatch.setattr(pc.getTransceivers()[0].receiver.transport.transport, "_send", nowhere)
    await eventually(lambda: ("stopped", "A01") in hub.told, "the hub to notice")
    await eventually(lambda: publisher.link.connections == 2, "the vehicle to connect again")


async def nowhere(*packet: object) -> None:
    """A link that swallows everything."""


async def test_a_vehicle_without_the_right_token_is_told_and_keeps_trying_slowly(
    hub: Hub, board, running: Running
) -> None:
    publisher = WavePublisher(board, "A01")
    running(publisher)
    await eventually(lambda: publisher.link.last_error, "the refusal")
    assert publisher.link.last_error is not None and publisher.link.last_error.key == "media_refused"
    assert publisher.send(wave(0)) is False and publisher.dropped == 1


async def test_a_full_plane_refuses_and_says_so(hub: Hub) -> None:
    plane = MediaPlane(sessions_max=1)
    offers = [await wave_offer() for _ in range(2)]
    await plane.view("A01.waves", offers[0])
    with pytest.raises(CoordinationError) as refused:
        await plane.view("A01.waves", offers[1])
    assert refused.value.key == "media_full" and refused.value.http_status == 503
    await plane.close()


async def test_a_closed_plane_leaves_no_task_and_no_session(hub: Hub, vehicle, board, running: Running, camera) -> None:
    viewer = VideoViewer(board, "A01", wall_ms)
    running(VideoPublisher(vehicle, "A01", camera), viewer)
    await eventually(lambda: viewer.frames_shown >= 2, "pictures")
    await running.stop()
    await hub.plane.close()
    assert hub.plane.streams() == [] and hub.plane._sessions == {} and hub.plane._tasks == set()


async def test_a_viewer_cancelled_twice_leaves_no_decoder_thread_that_would_keep_the_process_alive(
    hub: Hub, vehicle, board, running: Running, camera
) -> None:
    viewer = VideoViewer(board, "A01", wall_ms)
    running(VideoPublisher(vehicle, "A01", camera))
    viewing = asyncio.create_task(viewer.run())
    await eventually(lambda: viewer.frames_shown >= 2, "pictures")
    assert decoders() == 1  # the viewer's; the hub decodes nothing
    viewing.cancel()
    await asyncio.sleep(0)
    viewing.cancel()
    await asyncio.gather(viewing, return_exceptions=True)
    await eventually(lambda: decoders() == 0, "the decoder thread to end")


def decoders() -> int:
    return sum(thread.name == "video-decoder" for thread in threading.enumerate())


async def wave_offer() -> bytes:
    pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    pc.createDataChannel("waves", negotiated=True, id=0)
    await pc.setLocalDescription(await pc.createOffer())
    offer = pc.localDescription.sdp.encode()
    await pc.close()
    return offer


def test_pauses_grow_are_capped_and_never_all_alike() -> None:
    rng = random.Random(1)
    pauses = [pause_s(failures, rng) for failures in range(12)]
    assert max(pauses) <= PAUSE_S_MAX and pauses[8] > pauses[0]
    assert len({pause_s(3, rng) for _ in range(20)}) == 20


async def test_a_freeze_is_a_gap_that_stands_out_at_any_frame_rate() -> None:
    def watched(interval_s: float, *gaps_s: float) -> tuple[int, float]:
        viewer = VideoViewer(httpx.AsyncClient(), "A01", wall_ms)
        at_s = 0.0
        for gap_s in [interval_s] * 10 + list(gaps_s):
            viewer._note_gap(at_s)
            at_s += gap_s
        viewer._note_gap(at_s)
        return viewer.freezes, viewer.frozen_s

    assert watched(1 / 15, 0.2) == (0, 0.0)
    assert watched(1 / 15, 0.3) == (1, pytest.approx(0.3))
    assert watched(1 / 8, 0.3) == (0, 0.0) and watched(1 / 8, 0.4, 0.125)[0] == 1
