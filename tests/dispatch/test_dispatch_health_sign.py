"""The console's top bar says what is wrong with the hub itself, and says nothing while all is well."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import pytest
from chromium_pages import FLAT, launched
from console_stage import PATIENCE_S, ConsoleStage
from playwright.async_api import expect
from valley import casualty, crash, enrolled, reported

from casebook.live import Feed
from casebook.picture import Picture
from casebook.words import LANGUAGES, say
from routing.roads import Roadmap

pytestmark = [pytest.mark.browser, pytest.mark.sockets]
SILENT = {"silent_s:A1": {"key": "silent_s", "severity": "warn", "facts": {"unit": "A1", "value": 20}}}
FULL = {"disk_free_mb": {"key": "disk_free_mb", "severity": "stop", "facts": {"value": 120}}}


class WatchedDesk(ConsoleStage):
    """A desk whose hub has something to tell of itself."""

    health: dict[str, Any]

    def look(self, picture: Picture, now: datetime) -> dict[str, Any]:
        return self.room.console_view(picture, now) | {"health": self.health}


@pytest.fixture
async def desk(valley: Roadmap) -> AsyncIterator[WatchedDesk]:
    stage = WatchedDesk(valley, *enrolled(), *reported(), *crash(), *casualty())
    stage.health = {}
    await stage.start()
    stage.feed = Feed(stage.look, stage.clock)
    stage.feed.refresh(stage.book.picture)
    yield stage
    await stage.stop()


async def test_what_is_wrong_with_the_hub_appears_in_the_top_bar_and_goes_again(desk: WatchedDesk):
    async with launched(FLAT) as browser:
        for language in LANGUAGES:
            page = await (await browser.new_context(viewport={"width": 1280, "height": 720})).new_page()
            page.set_default_timeout(PATIENCE_S * 1000)
            desk.health = {}
            desk.feed.refresh(desk.book.picture)
            await page.goto(desk.page(language))
            await page.wait_for_selector(".desk")
            assert await page.locator(".health").count() == 0
            desk.health = FULL | SILENT
            desk.feed.refresh(desk.book.picture)
            sign = page.locator(".health.stop summary")
            await expect(sign).to_have_text(say("health.concerns", language, n=2))
            await sign.click()
            for concern in (*FULL.values(), *SILENT.values()):
                sentence = page.get_by_text(say(f"health.{concern['key']}", language, **concern["facts"]))
                await expect(sentence).to_be_in_viewport(ratio=1)
            desk.health = {}
            desk.feed.refresh(desk.book.picture)
            await expect(page.locator(".health")).to_have_count(0)
            await page.context.close()
        await browser.close()
