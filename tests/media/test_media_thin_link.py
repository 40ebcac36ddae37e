"""A vehicle behind a bad link, over real sockets: it sends what the link carries, and what is shown is whole."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import httpx
import pytest
from aiortc import RTCConfiguration, RTCPeerConnection
from aiortc.rtp import RTCP_PSFB_APP, RtcpPsfbPacket, pack_remb_fci
from media_stage import Hub, Running, eventually, wall_ms

from aboard.bench.media.thin_link import ThinLink, Way
from media.camera import Camera, open_camera
from media.receiver import VideoViewer
from media.sender import VideoPublisher

pytestmark = pytest.mark.sockets
Behind = Callable[[Way, Way], httpx.AsyncClient]


@pytest.fixture
def camera() -> Camera:
    return open_camera("scene", wall_ms)


@pytest.fixture
async def vehicle_behind(hub: Hub) -> AsyncIterator[Behind]:
    """A vehicle's client whose media pass these two ways: up to the hub, and down."""
    clients: list[httpx.AsyncClient] = []

    def behind(up: Way, down: Way) -> httpx.AsyncClient:
        headers = {"Authorization": "Bearer vehicle"}
        clients.append(httpx.AsyncClient(base_url=hub.url, headers=headers, transport=ThinLink(up, down, whole=True)))
        return clients[-1]

    yield behind
    for client in clients:
        await client.aclose()


async def test_on_a_thin_uplink_the_camera_steps_down_to_what_it_carries_and_no_broken_picture_is_shown(
    hub: Hub, vehicle_behind: Behind, board, running: Running, camera
) -> None:
    up = Way(delay_s=0.03, rate_bps=300_000)
    viewer, publisher = VideoViewer(board, "A01", wall_ms), VideoPublisher(vehicle_behind(up, Way()), "A01", camera)
    running(viewer, publisher)
    await eventually(lambda: target_bps(publisher) <= 300_000, "the target to fit the link")
    settled = viewer.frames_shown + 30
    await eventually(lambda: viewer.frames_shown >= settled, "the queue of the first second to empty")
    offered, passed = up.offered_bytes, up.passed_bytes
    await eventually(lambda: viewer.frames_shown >= settled + 45, "three seconds of pictures")
    assert up.offered_bytes - offered <= 1.2 * (up.passed_bytes - passed)
    assert viewer.unstamped == 0 and publisher.link.connections == 1


async def test_what_a_lossy_uplink_swallows_is_asked_for_and_the_picture_goes_on(
    hub: Hub, vehicle_behind: Behind, board, running: Running, camera
) -> None:
    up, down = Way(seed=3, loss=0.05, delay_s=0.02), Way(seed=4, loss=0.05, delay_s=0.02)
    viewer, publisher = VideoViewer(board, "A01", wall_ms), VideoPublisher(vehicle_behind(up, down), "A01", camera)
    running(viewer, publisher)
    await eventually(lambda: hub.plane.stats("A01").get("recovered", 0) >= 10, "ten lost packets to be recovered")
    await eventually(lambda: viewer.frames_shown >= 60, "four seconds of pictures")
    assert viewer.unstamped == 0 and viewer.buffer is not None and viewer.buffer.losses.recovered > 0
    assert publisher.sending is not None
    assert publisher.sending.outlet.history.granted >= 10 and publisher.sending.rate.target_bps > 150_000


async def test_a_tunnel_of_three_seconds_is_skipped_not_played_late_and_the_connection_stays(
    hub: Hub, vehicle_behind: Behind, board, running: Running, camera
) -> None:
    up, down = Way(delay_s=0.02), Way(delay_s=0.02)
    viewer, publisher = VideoViewer(board, "A01", wall_ms), VideoPublisher(vehicle_behind(up, down), "A01", camera)
    running(viewer, publisher)
    await eventually(lambda: viewer.frames_shown >= 15, "the first pictures")
    camera_at = camera.frames_made
    up.silent = down.silent = True
    await eventually(lambda: camera.frames_made >= camera_at + 45, "three seconds of pictures that nobody gets")
    assert not publisher.link.connected.is_set(), "the crew is told that the link is down"
    silent_through, up.silent, down.silent = camera.frames_made, False, False
    seen_before = viewer.latest
    await eventually(lambda: viewer.latest != seen_before, "a picture after the tunnel")
    assert viewer.latest is not None and viewer.latest.frame >= silent_through - 1
    assert hub.plane.stats("A01")["key_frame_requests"] >= 1
    await eventually(publisher.link.connected.is_set, "the crew is told that the link is back")
    assert publisher.link.connections == 1


async def test_a_link_below_the_floor_stops_the_video_and_a_trial_begins_at_the_floor(
    hub: Hub, vehicle, camera, monkeypatch
) -> None:
    now = [100.0]
    monkeypatch.setattr("media.sender._now_s", lambda: now[0])
    publisher, pc = VideoPublisher(vehicle, "A01", camera), RTCPeerConnection(RTCConfiguration(iceServers=[]))
    publisher._prepare(pc)
    assert publisher.sending is not None and publisher.standing.rung.name == "video_360p15"
    rungs = []
    for _ in range(9):
        now[0] += 1
        if publisher.standing.rung.is_video:
            publisher.sending.rate.estimated(100_000)
        publisher.sending._on_report()
        rungs.append((publisher.standing.rung.name, str(publisher.standing.why)))
    assert rungs[:2] == [("video_360p15", "start"), ("stills", "link_thin")]
    assert rungs[-1] == ("video_360p8", "trial") and publisher.sending.rate.target_bps == 150_000
    await pc.close()


async def test_key_frames_are_made_no_faster_than_the_link_can_take_them(
    hub: Hub, vehicle_behind: Behind, board, running: Running, camera
) -> None:
    viewer, publisher = VideoViewer(board, "A01", wall_ms), VideoPublisher(vehicle_behind(Way(), Way()), "A01", camera)
    running(viewer, publisher)
    await eventually(lambda: viewer.frames_shown >= 5, "the first pictures")
    sending = publisher.sending
    assert sending is not None
    sending._note_key_frame(10_000_000, asyncio.get_running_loop().time())
    made, shown = sending.key_frames_sent, viewer.frames_shown
    sending._want_key_frame()
    await eventually(lambda: viewer.frames_shown >= shown + 15, "a second of pictures")
    assert sending.key_frames_sent == made
    sending._note_key_frame(0, asyncio.get_running_loop().time())
    await eventually(lambda: sending.key_frames_sent >= made + 2, "the key frame that was asked for")


async def test_when_the_link_becomes_thin_at_once_what_is_lost_stays_lost_and_a_key_frame_follows_unasked(
    hub: Hub, vehicle_behind: Behind, board, running: Running, camera
) -> None:
    viewer, publisher = VideoViewer(board, "A01", wall_ms), VideoPublisher(vehicle_behind(Way(), Way()), "A01", camera)
    running(viewer, publisher)
    await eventually(lambda: viewer.frames_shown >= 15, "the first pictures")
    sending = publisher.sending
    assert sending is not None
    made, asked = sending.key_frames_sent, hub.plane.stats("A01")["key_frame_requests"]
    estimate = pack_remb_fci(200_000, [sending.outlet.ssrc])
    await sending._hear(RtcpPsfbPacket(fmt=RTCP_PSFB_APP, ssrc=1, media_ssrc=0, fci=estimate))
    now_s = asyncio.get_running_loop().time()
    assert sending.rate.target_bps == 150_000
    assert [seq for seq in range(1 << 16) if sending.outlet.history.grant(seq, now_s, None)] == []
    await eventually(lambda: sending.key_frames_sent == made + 1, "the key frame")
    shown = viewer.frames_shown
    await eventually(lambda: viewer.frames_shown >= shown + 5, "pictures after it")
    assert hub.plane.stats("A01")["key_frame_requests"] == asked and viewer.unstamped == 0


def target_bps(publisher: VideoPublisher) -> int:
    return publisher.sending.rate.target_bps if publisher.sending else 10**9


def test_the_link_of_the_tests_drops_what_waits_too_long_and_repeats_itself_by_its_seed() -> None:
    one, same = (Way(seed=7, loss=0.2, delay_s=0.01, jitter_s=0.02) for _ in range(2))
    assert [one.deliver_at_s(100, n) for n in range(50)] == [same.deliver_at_s(100, n) for n in range(50)]
    assert one.dropped > 0
    thin = Way(rate_bps=80_000, queue_s=0.25)
    times = [thin.deliver_at_s(1000, 0.0) for _ in range(6)]
    assert times == [pytest.approx(0.1), pytest.approx(0.2), pytest.approx(0.3), None, None, None]
    thin.silent = True
    assert thin.deliver_at_s(10, 5.0) is None
