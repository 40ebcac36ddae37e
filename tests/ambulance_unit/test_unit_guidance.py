"""The vehicle follows what the hub's physicians draw, tells them where it is now, and shows the crew; hub or no hub."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import cv2
import numpy as np
import pytest
from fastapi import WebSocket
from unit_stage import serving
from websockets.asyncio.client import ClientConnection, connect

from aboard.bench.media.moving_scene import HEIGHT, WIDTH, drawn_world
from ambulance_unit.crew import ASKS
from ambulance_unit.crew_commands import TieTag
from ambulance_unit.guidance import Guide, jpeg_of, marks_in
from ambulance_unit.overlay import OwnFact, overlay
from casebook import events as e
from casebook.access import Badge, Role
from casebook.asking import Asker, read_command
from casebook.door import make_app
from casebook.errors import NotAllowed, NotFound, RefusedInput
from media.camera import Camera
from media.guidance.anchor import carried
from media.guidance.door import serve_guidance
from media.guidance.relay import GuidanceRelay
from media.guidance.tags import TAGS

pytestmark = pytest.mark.sockets
PATIENCE_S = 20.0  # a bound for a busy machine, not an expectation
STEP_PX = 3  # the scene moves so far to the left with each frame


class PassingScene:
    """A camera's pictures: a drawn world that moves by `STEP_PX` a picture, or nothing when it is covered."""

    def __init__(self) -> None:
        self.world = drawn_world(width=4000)
        self.covered, self.made = False, 0

    def picture(self, t_s: float) -> np.ndarray:
        left, self.made = STEP_PX * self.made, self.made + 1
        grey = self.world[200 : 200 + HEIGHT, left : left + WIDTH]
        if self.covered:
            grey = np.full_like(grey, 6)
        return cv2.cvtColor(cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR), cv2.COLOR_BGR2YUV_I420)

    def close(self) -> None:
        return


class Ride:
    """A vehicle with a guide, its view, and its camera, whose pictures are made when the test says so."""

    def __init__(self, **how: Any) -> None:
        self.scene = PassingScene()
        self.camera = Camera(lambda: self.scene, lambda: time.time() * 1000)
        self.view: dict[str, Any] = {"casualties": {"I1-A": {}}}
        self.guide = Guide(self.camera, lambda: self.view, **how)

    async def picture(self) -> int:
        """Make the next picture; gives its number, once it has been followed."""
        number = self.camera.frames_made
        self.camera.make()
        await eventually(lambda: self.guide._newest is not None and self.guide._newest[0].frame == number)
        return number

    def draw(self, frame: int, wall_ms: int, at: tuple[float, float], id: str = "m1") -> None:
        mark = {"frame": frame, "frame_wall_ms": wall_ms, "points": [list(at)]}
        self.view = {"casualties": {"I1-A": {"marks": {id: mark}}}}
        self.guide.look_at_marks()

    @property
    def newest(self):
        assert self.guide._newest is not None
        return self.guide._newest[0]

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Ride]:
        task = asyncio.create_task(self.guide.run())
        await eventually(lambda: bool(self.camera.listeners))
        try:
            yield self
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def eventually(true: Callable[[], object]) -> None:
    end_s = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < end_s, "never happened"
        await asyncio.sleep(0.005)


async def within(wait: Awaitable[Any]) -> Any:
    async with asyncio.timeout(PATIENCE_S):
        return await wait


def place(matrix: list[float], at: tuple[float, float]) -> np.ndarray:
    return carried(np.array(matrix).reshape(3, 3), np.array([at]))[0]


async def test_the_crew_sees_picture_and_place_of_the_same_frame_without_any_hub() -> None:
    async with Ride().running() as ride:
        for _ in range(6):
            await ride.picture()
        drawn = ride.newest
        ride.draw(drawn.frame, drawn.wall_ms, (0.6, 0.5))
        pictures = ride.guide.own_pictures()
        for _ in range(4):
            await ride.picture()
            message = await within(anext(pictures))
        length = int.from_bytes(message[:4], "big")
        told, picture = json.loads(message[4 : 4 + length]), message[4 + length :]
        assert told["frame"] == drawn.frame + 4
        x, y = place(told["marks"]["m1"], (0.6, 0.5))
        assert (x, y) == (pytest.approx(0.6 - 4 * STEP_PX / WIDTH, abs=0.005), pytest.approx(0.5, abs=0.005))
        seen = cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_GRAYSCALE)
        assert seen.shape == (HEIGHT, WIDTH)
        left = STEP_PX * told["frame"]
        true = ride.scene.world[200 : 200 + HEIGHT, left : left + WIDTH]
        assert np.abs(seen[30:].astype(int) - true[30:]).mean() < 6


async def test_a_covered_camera_says_lost_with_its_next_picture_and_finds_the_place_again() -> None:
    async with Ride().running() as ride:
        for _ in range(4):
            await ride.picture()
        drawn = ride.newest
        ride.draw(drawn.frame, drawn.wall_ms, (0.6, 0.5))
        await ride.picture()
        assert isinstance(ride.newest.marks["m1"], list)
        ride.scene.covered = True
        await ride.picture()
        assert ride.newest.marks["m1"] == "dark"
        ride.scene.covered = False
        for _ in range(25):
            frame = await ride.picture()
        moved = (frame - drawn.frame) * STEP_PX / WIDTH
        assert place(ride.newest.marks["m1"], (0.6, 0.5))[0] == pytest.approx(0.6 - moved, abs=0.02)


async def test_without_a_link_for_video_the_crews_view_takes_its_own_pictures_only_while_somebody_looks() -> None:
    async with Ride().running() as ride:
        await asyncio.sleep(0)
        assert ride.camera.frames_made == 0
        with ride.guide.watched():
            await within(anext(ride.guide.own_pictures()))
            assert ride.camera.frames_made >= 1


async def test_after_a_fault_of_the_following_the_marks_are_said_to_be_lost_and_new_ones_are_followed() -> None:
    def fail(tracker: object) -> None:
        raise cv2.error("a picture that OpenCV does not take")

    async with Ride().running() as ride:
        await ride.picture()
        ride.draw(ride.newest.frame, ride.newest.wall_ms, (0.6, 0.5))
        assert ride.guide._follower is not None
        ride.guide._follower.wish(fail)
        await ride.picture()
        assert ride.newest.marks == {"m1": "too_old"}
        ride.draw(ride.newest.frame, ride.newest.wall_ms, (0.6, 0.5), id="m2")
        await ride.picture()
        assert isinstance(ride.newest.marks["m2"], list)


def test_marks_of_all_casualties_in_the_view_are_followed() -> None:
    mark = {"frame": 3, "frame_wall_ms": 4, "points": [[0.1, 0.2]], "kind": "text"}
    view = {"casualties": {"A": {"marks": {"m1": mark}}, "B": {"marks": {"m2": mark}}, "C": {}}}
    assert set(marks_in(view)) == {"m1", "m2"} and marks_in({}) == {}


def test_a_large_picture_is_shown_to_the_crew_at_the_size_of_their_view() -> None:
    seen = cv2.imdecode(np.frombuffer(jpeg_of(np.full((1080, 1280), 128, np.uint8)), np.uint8), cv2.IMREAD_COLOR)
    assert seen.shape == (360, 640, 3)


# --- with a hub


@contextlib.asynccontextmanager
async def hub(barred: set[str] | None = None) -> AsyncIterator[tuple[int, GuidanceRelay]]:
    """Whoever comes into `barred` may not be there."""
    app, relay = make_app("hub"), GuidanceRelay(time.monotonic)

    def check(who: str) -> None:
        if barred is not None and who in barred:
            raise NotAllowed(what="guidance", needs="a case")

    @app.websocket("/api/v1/guidance/{unit}")
    async def guidance(socket: WebSocket, unit: str) -> None:
        await socket.accept()
        who = socket.headers.get("authorization", "").removeprefix("Bearer ")
        await serve_guidance(socket, relay, unit, who, is_vehicle=who == unit, check=lambda: check(who))

    async with serving(app) as port:
        yield port, relay


def viewer(port: int, who: str) -> connect:
    headers = {"Authorization": f"Bearer {who}"}
    return connect(f"ws://127.0.0.1:{port}/api/v1/guidance/A01", additional_headers=headers, proxy=None)


async def hears(socket: ClientConnection, true: Callable[[dict], bool]) -> dict:
    async with asyncio.timeout(PATIENCE_S):
        while True:
            word = json.loads(await socket.recv())
            if true(word):
                return word


async def test_a_viewer_points_at_what_was_seen_and_everybody_sees_it_where_it_is_now() -> None:
    async with hub() as (port, _):
        ride = Ride(hub=f"ws://127.0.0.1:{port}/api/v1/guidance/A01", token="A01")
        async with ride.running(), viewer(port, "DrWang") as socket:
            await hears(socket, lambda word: word["t"] == "viewers" and word["vehicle"])
            await eventually(lambda: ride.guide.viewers == ("DrWang",))
            await ride.picture()
            seen = await hears(socket, lambda word: word["t"] == "places")
            for _ in range(3):
                await ride.picture()
            point = {"t": "point", "frame": seen["frame"], "wall_ms": seen["wall_ms"], "x": 0.7, "y": 0.4}
            await socket.send(json.dumps(point))

            async def pointed() -> dict:
                while True:
                    await ride.picture()
                    word = await hears(socket, lambda word: word["t"] == "places")
                    if word["pointers"]:
                        return word

            word = await within(pointed())
            moved = (word["frame"] - seen["frame"]) * STEP_PX / WIDTH
            x, y = word["pointers"]["DrWang"]
            assert (x, y) == (pytest.approx(0.7 - moved, abs=0.01), pytest.approx(0.4, abs=0.01))


async def test_a_vehicle_tells_no_places_while_nobody_looks_and_comes_back_after_its_hub() -> None:
    ride = Ride(hub="", token="A01")
    async with hub() as (port, relay):
        ride.guide._hub = f"ws://127.0.0.1:{port}/api/v1/guidance/A01"
        async with ride.running():
            await eventually(lambda: ride.guide.connected)
            sent = len(relay._seats["A01"])
            for _ in range(3):
                await ride.picture()
            assert sent == 1 and ride.guide.viewers == ()
            relay._seats["A01"][0].tell(b"no word of ours")
            await eventually(lambda: not ride.guide.connected)
            await eventually(lambda: ride.guide.connected)


async def test_a_ward_whose_patient_goes_elsewhere_is_out_and_does_not_get_in_again() -> None:
    barred: set[str] = set()
    async with hub(barred) as (port, relay):
        async with viewer(port, "DrWang") as socket:
            await hears(socket, lambda word: word["names"] == ["DrWang"])
            barred.add("DrWang")
            await within(socket.wait_closed())
            assert socket.close_code == 4403
        async with viewer(port, "DrWang") as socket:
            await within(socket.wait_closed())
            assert socket.close_code == 4403 and relay.viewers("A01") == []


async def test_a_viewer_who_says_what_is_no_word_is_shown_out_and_nobody_else_notices() -> None:
    async with hub() as (port, relay), viewer(port, "DrLi") as quiet:
        async with viewer(port, "DrWang") as rude:
            await hears(quiet, lambda word: "DrWang" in word["names"])
            await rude.send("draw me a sheep")
            await within(rude.wait_closed())
            assert rude.close_code == 4400
        await hears(quiet, lambda word: word["names"] == ["DrLi"])
        assert relay.viewers("A01") == ["DrLi"]


# --- tags


def test_the_crew_says_on_whom_a_tag_hangs_and_it_is_so_at_once_on_their_own_screen() -> None:
    view = {"unit": {"id": "A01"}, "incident": {"id": "I1"}, "casualties": {"I1-A": {"tag": 7}, "I1-B": {}}}
    decide = {name: decide for name, _, decide in ASKS}["tie_tag"]
    asker = Asker(Badge(Role.PARAMEDIC, "medic Chen", unit="A01"))
    (fact,) = decide(view, TieTag(casualty="I1-B", tag=7), asker)
    assert fact == e.TagTied("I1-B", 7, "medic Chen")
    seen = overlay(view, [OwnFact(1, datetime(2021, 4, 18, tzinfo=UTC), fact)])
    assert (seen["casualties"]["I1-A"].get("tag"), seen["casualties"]["I1-B"]["tag"]) == (None, 7)
    assert decide(seen, TieTag(casualty="I1-B", tag=7), asker) == []
    with pytest.raises(NotFound):
        decide(view, TieTag(casualty="I1-Z", tag=7), asker)
    for tag in (-1, TAGS):
        with pytest.raises(RefusedInput):
            read_command(json.dumps({"casualty": "I1-A", "tag": tag}).encode(), TieTag, "tie_tag")
