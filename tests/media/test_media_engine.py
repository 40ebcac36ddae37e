"""One contract, two engines: the hub's own forwarder and a real Janus are held to the same sentences."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
from aiortc import RTCConfiguration, RTCPeerConnection
from chromium_pages import RTC, launched
from janus_server import JanusServer, own_address
from media_stage import Hub, Running, eventually, wall_ms

from casebook.errors import CoordinationError, FeedLost, RefusedInput
from media.aiortc_private import listen_on
from media.camera import Camera, open_camera
from media.forwarder import MediaPlane
from media.janus import JanusEngine
from media.receiver import VideoViewer, WaveViewer
from media.sender import VideoPublisher, WavePublisher

pytestmark = pytest.mark.sockets


@pytest.fixture(scope="module")
def janus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JanusServer]:
    server = JanusServer(tmp_path_factory.mktemp("janus"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(params=["forwarder", "janus"])
def janus_url(request: pytest.FixtureRequest) -> str | None:
    return request.getfixturevalue("janus").url if request.param == "janus" else None


@pytest.fixture
async def hub(janus_url: str | None) -> AsyncIterator[Hub]:
    listen_on(["127.0.0.1"] if janus_url is None else [own_address()])
    serving = hub_on(janus_url)
    await serving.start()
    yield serving
    await serving.stop()
    listen_on(None)


def hub_on(janus_url: str | None) -> Hub:
    serving = Hub()
    if janus_url is not None:
        told = {
            "on_started": lambda stream: serving.told.append(("started", stream)),
            "on_stopped": lambda stream: serving.told.append(("stopped", stream)),
        }
        serving.plane = JanusEngine(janus_url, MediaPlane(**told), **told)  # type: ignore[assignment]
    return serving


@pytest.fixture
def camera() -> Camera:
    return open_camera("scene", wall_ms)


async def test_every_viewer_sees_the_stamped_pictures_and_start_and_stop_are_told_once(
    hub: Hub, vehicle, board, running: Running, camera
) -> None:
    viewers = [VideoViewer(board, "A01", wall_ms) for _ in range(2)]
    running(VideoPublisher(vehicle, "A01", camera), *viewers)
    await eventually(lambda: all(viewer.frames_shown >= 15 for viewer in viewers), "15 pictures at each viewer")
    assert all(viewer.unstamped == 0 for viewer in viewers)
    assert hub.plane.streams() == ["A01"] and hub.plane.stats("A01")["live"]
    assert len(hub.plane.stats("A01")["viewers"]) == 2
    await running.stop(0)
    await eventually(lambda: hub.told == [("started", "A01"), ("stopped", "A01")], "start and stop")
    assert hub.plane.streams() == [] and not hub.plane.stats("A01")["live"]


async def test_a_viewer_may_come_first_and_stays_when_the_publisher_goes_and_another_comes(
    hub: Hub, vehicle, board, running: Running, camera
) -> None:
    viewer = VideoViewer(board, "A01", wall_ms)
    running(viewer)
    await eventually(viewer.link.connected.is_set, "the viewer to be connected")
    running(VideoPublisher(vehicle, "A01", camera))
    await eventually(lambda: viewer.frames_shown >= 5, "the first pictures")
    await running.stop(1)
    await eventually(lambda: ("stopped", "A01") in hub.told, "the stream to stop")
    shown = viewer.frames_shown
    running(VideoPublisher(vehicle, "A01", camera))
    await eventually(lambda: viewer.frames_shown >= shown + 5, "pictures of the second publisher")
    assert viewer.link.connections == 1 and viewer.unstamped == 0


async def test_a_second_publisher_takes_over_without_a_stop(hub: Hub, vehicle, board, running, camera) -> None:
    viewer, first = VideoViewer(board, "A01", wall_ms), VideoPublisher(vehicle, "A01", camera)
    running(viewer, first)
    await eventually(lambda: viewer.frames_shown >= 5, "the first pictures")
    second = VideoPublisher(vehicle, "A01", camera)
    running(second)
    await eventually(lambda: not first.link.connected.is_set(), "the first publisher to be ended")
    shown = viewer.frames_shown
    await eventually(lambda: viewer.frames_shown >= shown + 5, "pictures of the second publisher")
    assert hub.told == [("started", "A01")]


async def test_a_late_viewer_sees_a_picture_without_the_others_losing_one(
    hub: Hub, vehicle, board, running: Running, camera
) -> None:
    early, late = VideoViewer(board, "A01", wall_ms), VideoViewer(board, "A01", wall_ms)
    running(VideoPublisher(vehicle, "A01", camera), early)
    await eventually(lambda: early.frames_shown >= 25, "more than a second at the first viewer")
    running(late)
    await eventually(lambda: late.frames_shown >= 5, "pictures at the late viewer")
    assert late.unstamped == early.unstamped == 0 and early.link.connections == 1


async def test_a_viewer_that_leaves_is_forgotten_and_the_others_go_on(
    hub: Hub, vehicle, board, running: Running, camera
) -> None:
    stays, leaves = VideoViewer(board, "A01", wall_ms), VideoViewer(board, "A01", wall_ms)
    running(VideoPublisher(vehicle, "A01", camera), stays, leaves)
    await eventually(lambda: min(stays.frames_shown, leaves.frames_shown) >= 5, "pictures at both")
    await running.stop(2)
    await eventually(lambda: len(hub.plane.stats("A01")["viewers"]) == 1, "the viewer to be forgotten")
    shown = stays.frames_shown
    await eventually(lambda: stays.frames_shown >= shown + 5, "pictures at the other")


async def test_a_key_frame_that_is_asked_for_is_made_by_the_vehicle(
    hub: Hub, vehicle, board, running: Running, camera
) -> None:
    viewer, publisher = VideoViewer(board, "A01", wall_ms), VideoPublisher(vehicle, "A01", camera)
    running(viewer, publisher)
    await eventually(lambda: viewer.frames_shown >= 20, "the first pictures")
    assert publisher.sending is not None
    made, counted = publisher.sending.key_frames_sent, hub.plane.stats("A01")["key_frame_requests"]
    await hub.plane.want_key_frame("A01")
    await eventually(lambda: publisher.sending and publisher.sending.key_frames_sent > made, "a key frame")
    assert hub.plane.stats("A01")["key_frame_requests"] > counted
    await hub.plane.want_key_frame("A02")


async def test_waves_and_numbers_go_beside_the_pictures(hub: Hub, vehicle, board, running: Running) -> None:
    viewer, publisher = WaveViewer(board, "A01"), WavePublisher(vehicle, "A01")
    running(viewer, publisher)
    await eventually(lambda: viewer.link.pc and publisher.link.pc, "both to be connected")
    from test_media_forwarder import send_waves

    await send_waves(publisher, lambda: viewer.packets_received >= 5)
    assert hub.plane.streams() == ["A01.waves"]


async def test_what_is_refused_leaves_nothing_and_an_unknown_session_is_over(hub: Hub) -> None:
    with pytest.raises(RefusedInput):
        await hub.plane.publish("A01", b"rubbish")
    with pytest.raises(RefusedInput) as refused:
        await hub.plane.complete("nobody", b"")
    assert refused.value.key == "media_no_counter_offer"
    await hub.plane.end("nobody")
    assert hub.plane.find("nobody") is None and hub.plane.streams() == [] and hub.plane._sessions == {}


@pytest.fixture
def own_janus(tmp_path: Path) -> Iterator[JanusServer]:
    """A Janus that a test may stop."""
    server = JanusServer(tmp_path)
    server.start()
    yield server
    server.stop()


async def test_a_janus_that_goes_and_returns_is_found_again(own_janus: JanusServer, camera) -> None:
    janus, running = own_janus, Running()
    listen_on([own_address()])
    serving = hub_on(janus.url)
    await serving.start()
    async with serving.client("vehicle") as vehicle, serving.client("board") as board:
        viewer = VideoViewer(board, "A01", wall_ms)
        running(VideoPublisher(vehicle, "A01", camera), viewer)
        await eventually(lambda: viewer.frames_shown >= 5, "the first pictures")
        janus.stop()
        await eventually(lambda: ("stopped", "A01") in serving.told, "the hub to notice")
        with pytest.raises(CoordinationError) as silent:
            await serving.plane.view("A02", await video_offer())
        assert isinstance(silent.value, FeedLost) and silent.value.key == "media_engine_silent"
        shown = viewer.frames_shown
        janus.start()
        await eventually(lambda: viewer.frames_shown >= shown + 5, "pictures through the new Janus")
        await running.stop()
    await serving.stop()
    listen_on(None)


async def video_offer() -> bytes:
    pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    pc.addTransceiver("video", direction="recvonly")
    await pc.setLocalDescription(await pc.createOffer())
    offer = pc.localDescription.sdp.encode()
    await pc.close()
    return offer


async def test_what_a_hub_left_at_janus_is_cleared_by_the_next_one_of_its_name(janus: JanusServer) -> None:
    listen_on([own_address()])
    offer = await video_offer()
    crashed, other = JanusEngine(janus.url, MediaPlane()), JanusEngine(janus.url, MediaPlane(), owner="second")
    await crashed.view("A01", offer)
    await other.view("A01", offer)
    assert await numbers_at(janus) == {crashed._rooms.find("A01").id, other._rooms.find("A01").id}
    again = JanusEngine(janus.url, MediaPlane())
    await again.view("A09", offer)
    assert await numbers_at(janus) == {again._rooms.find("A09").id, other._rooms.find("A01").id}
    await asyncio.gather(crashed.close(), other.close(), again.close())
    assert await numbers_at(janus) == set()
    listen_on(None)


async def numbers_at(janus: JanusServer) -> set[int]:
    """The rooms that Janus has; each has a mountpoint of the same number."""
    async with httpx.AsyncClient(trust_env=False) as client:

        async def ask(url: str, **message: object) -> dict:
            return (await client.post(url, json={"transaction": "t", **message})).json()

        session = f"{janus.url}/{(await ask(janus.url, janus='create'))['data']['id']}"
        found = []
        for plugin, name in (("videoroom", "room"), ("streaming", "id")):
            handle = (await ask(session, janus="attach", plugin=f"janus.plugin.{plugin}"))["data"]["id"]
            told = await ask(f"{session}/{handle}", janus="message", body={"request": "list"})
            found.append({one[name] for one in told["plugindata"]["data"]["list"]} - {1234, 5678})
        await ask(session, janus="destroy")
    assert found[0] == found[1]
    return found[0]


@pytest.mark.browser
async def test_the_screens_own_tile_shows_what_comes_through_janus(
    janus: JanusServer, running: Running, camera
) -> None:
    from test_media_browser import shown, start

    listen_on([own_address()])
    serving = hub_on(janus.url)
    await serving.start()
    async with serving.client("vehicle") as vehicle, launched(*RTC) as browser:
        running(VideoPublisher(vehicle, "A01", camera))
        page = await browser.new_page()
        await page.goto(serving.url)
        await start(page)
        await shown(page, "tile.framesShown >= 20 && tile.latencyMs.length >= 20 && tile.state === 'live'")
        assert await page.evaluate("tile.link.connections") == 1
        await page.close()
        await running.stop()
    await serving.stop()
    listen_on(None)
