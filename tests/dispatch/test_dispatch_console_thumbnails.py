"""What the console says of a vehicle's media, in a real Chromium: small pictures and ages, keys, the uplink."""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import AsyncIterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from chromium_pages import FLAT, page_of
from console_stage import PATIENCE_S, ConsoleStage, eventually
from fastapi import FastAPI
from playwright.async_api import Page
from valley import casualty, crash, enrolled, reported
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from aboard.thumbnails import add_thumbnails
from ambulance_unit.thumbnails import ThumbnailSender
from casebook import events as e
from casebook.access import Badge, Role
from media.camera import Camera, open_camera
from media.thumbnails import BYTES_MAX, Look, Thumbnails
from routing.roads import Roadmap

pytestmark = [pytest.mark.browser, pytest.mark.sockets]
ON = [e.VideoStarted("A1", "A1")]
TILE = "document.querySelector('live-thumbnail')"


class Stage(ConsoleStage):
    """A desk with the doors of the small pictures, and vehicles that can be started and stopped."""

    thumbnails: Thumbnails

    def _app(self) -> FastAPI:
        app = super()._app()
        self.thumbnails = add_thumbnails(app, self.gate)
        return app

    def vehicle(self, camera: Camera) -> ThumbnailSender:
        self.fits = True
        token = self.gate.issue(Badge(Role.PARAMEDIC, "A1", unit="A1"))
        return ThumbnailSender(camera, "A1", lambda: self.url, token, fits=lambda: self.fits, rng=random.Random(1))


@pytest.fixture
async def stage(valley: Roadmap) -> AsyncIterator[Stage]:
    stage = Stage(valley, *enrolled(), *reported(), *crash(), *casualty(), *ON)
    await stage.start()
    await stage.tell()
    yield stage
    await stage.stop()


@pytest.fixture
async def page(stage: Stage) -> AsyncIterator[Page]:
    async with page_of(1600, 900, FLAT) as opened:
        yield opened


async def until(page: Page, true: str) -> None:
    await page.wait_for_function(true, timeout=PATIENCE_S * 1000)


async def keep_shot(page: Page, name: str) -> None:
    if folder := os.environ.get("ABOARD_SCREENSHOTS"):
        await page.screenshot(path=str(Path(folder) / name))


async def test_a_vehicle_that_films_has_a_small_picture_with_its_age_and_an_old_one_is_never_shown_as_now(
    stage: Stage, page: Page
) -> None:
    sender = stage.vehicle(open_camera("scene", lambda: 0.0))
    running = asyncio.create_task(sender.run())
    await page.goto(stage.page("en"))
    await until(page, f"{TILE}?.state === 'live' && {TILE}.image.naturalHeight === 90")
    await until(page, f"/^\\d+ s$/.test({TILE}.words.textContent)")
    first = await page.evaluate(f"{TILE}.image.src")
    await until(page, f"{TILE}.image.src !== '{first}' && {TILE}.state === 'live'")
    await keep_shot(page, "console-thumbnail-live.png")

    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await until(page, f"{TILE}.state === 'stale' && /^⚠ \\d+ s old$/.test({TILE}.words.textContent)")
    assert await page.evaluate(f"getComputedStyle({TILE}.image).filter") != "none"
    assert await page.evaluate(f"{TILE}.ageMs > 3000")
    await keep_shot(page, "console-thumbnail-stale.png")

    again = asyncio.create_task(stage.vehicle(open_camera("scene", lambda: 0.0)).run())
    await until(page, f"{TILE}.state === 'live'")
    stage.fits = False
    await until(page, f"{TILE}.state === 'stale' && {TILE}.words.textContent.endsWith('link too thin')")
    again.cancel()
    await asyncio.gather(again, return_exceptions=True)


async def test_a_vehicle_with_another_key_is_taken_on_the_dispatchers_word_and_its_uplink_is_said(
    stage: Stage, page: Page
) -> None:
    own, other = ":".join(["AB"] * 32), ":".join(["CD"] * 32)
    uplink = e.UplinkChanged("A1", "granted", "", "s-1")
    await stage.tell(e.MediaKeyPinned("A1", own), e.MediaKeyRefused("A1", other), uplink)
    await page.goto(stage.page("en"))
    row = page.locator("article.unit", has_text="West 1")
    await row.get_by_text("▲ uplink guaranteed").wait_for(timeout=PATIENCE_S * 1000)
    await row.get_by_role("button", name="New machine?").click()
    assert await row.locator("code").text_content() == other[:23], "what crew and dispatcher compare over the radio"
    await keep_shot(page, "console-media-key.png")
    await row.get_by_role("button", name="It is the vehicle's own").click()
    await until(page, "!document.querySelector('.key-refused')")
    assert stage.book.picture.units["A1"].media_key == other
    await stage.tell(e.UplinkChanged("A1", "refused", "silent"))
    await row.get_by_text("✕ uplink not guaranteed (network does not answer)").wait_for(timeout=PATIENCE_S * 1000)


async def test_two_consoles_cost_the_vehicle_one_picture_and_without_any_it_makes_none(stage: Stage) -> None:
    camera = open_camera("scene", lambda: 0.0)
    sender = stage.vehicle(camera)
    running = asyncio.create_task(sender.run())
    await eventually(lambda: "A1" in stage.thumbnails._seats, "the vehicle is there")
    assert sender.sent == 0 and camera.frames_made == 0
    first, second = Looker(stage), Looker(stage)
    await eventually(lambda: first.look() and second.look(), "both have a picture")
    assert first.jpeg == second.jpeg and len(first.jpeg) <= BYTES_MAX and sender.sent == 1
    decoded = cv2.imdecode(np.frombuffer(first.jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert decoded is not None and decoded.shape == (90, 160, 3)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert camera.listeners == []


@pytest.mark.parametrize(
    ("path", "badge"),
    [
        ("/api/v1/thumbnails/A1", Badge(Role.DISPATCHER, "desk 1")),
        ("/api/v1/thumbnails/A1", Badge(Role.PARAMEDIC, "A2", unit="A2")),
        ("/api/v1/live/thumbnails", Badge(Role.PARAMEDIC, "A1", unit="A1")),
        ("/api/v1/live/thumbnails", Badge(Role.ED, "city", hospital="city")),
    ],
)
async def test_only_the_vehicle_itself_gives_pictures_and_only_dispatch_looks_at_all_of_them(
    stage: Stage, path: str, badge: Badge
) -> None:
    token = {"Authorization": f"Bearer {stage.gate.issue(badge)}"}
    async with connect(stage.url.replace("http", "ws") + path, additional_headers=token, proxy=None) as socket:
        with pytest.raises(ConnectionClosed):
            await socket.recv()
        assert socket.close_code == 4403


@pytest.mark.parametrize("word", ["no look", b"\xff\xd8\xff"])
async def test_a_console_that_talks_nonsense_is_let_go(stage: Stage, word: str | bytes) -> None:
    token = {"Authorization": f"Bearer {stage.token}"}
    url = stage.url.replace("http", "ws") + "/api/v1/live/thumbnails"
    async with connect(url, additional_headers=token, proxy=None) as socket:
        await socket.send(word)
        with pytest.raises(ConnectionClosed):
            await socket.recv()
        assert socket.close_code == 4400


class Looker:
    """A console that looks once for each call until it has a picture."""

    def __init__(self, stage: Stage) -> None:
        self.stage, self.jpeg, self.n = stage, b"", 0

    def look(self) -> bool:
        if not self.jpeg:
            self.n += 1
            told = self.stage.thumbnails.look(Look(self.n, {"A1": 0}))
            self.jpeg = told[4 + int.from_bytes(told[:4], "big") :]
        return bool(self.jpeg)
