"""The wall's hub is gone: the board goes to another hub of the book with its link, and stays where none takes it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from chromium_pages import RTC, launched
from fastapi import FastAPI
from playwright.async_api import Page
from wall_stage import PATIENCE_S, WallStage, eventually
from ward_story import after, expected

from casebook import events as e
from casebook.access import Badge
from casebook.errors import NotAllowed

pytestmark = [pytest.mark.browser]
LIVE = "() => document.querySelector('.card') && document.body.dataset.screen === 'wall'"


class OneOfSeveral(WallStage):
    """A hub that knows of others, and says so as a hub does."""

    def __init__(self, *others: str) -> None:
        super().__init__(after(expected(), 405, e.DrillStarted("test", 1, 1.0, "delta")))
        self.others = list(others)
        self.asked = 0

    def _app(self) -> FastAPI:
        app = super()._app()

        @app.get("/api/v1/hubs")
        async def hubs() -> list[str]:
            self.asked += 1
            return [self.url, *self.others]

        return app


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    async with launched(*RTC) as browser:
        yield await (await browser.new_context(bypass_csp=True)).new_page()


@pytest.fixture
async def pair() -> AsyncIterator[tuple[OneOfSeveral, OneOfSeveral]]:
    other = OneOfSeveral()
    await other.start()
    one = OneOfSeveral("http://127.0.0.1:9", other.url)  # the first of the others is gone as well
    await one.start()
    other.gate.issue(one.badge, one.token)
    yield one, other
    for stage in (one, other):
        await stage.stop()


async def test_a_board_whose_hub_dies_is_live_again_at_the_next_hub_that_takes_it(
    pair: tuple[OneOfSeveral, OneOfSeveral], page: Page
):
    one, other = pair
    await page.goto(one.page("en"))
    await page.wait_for_function(LIVE, timeout=PATIENCE_S * 1000)
    await eventually(lambda: one.asked, "the board has asked who else is there")
    await one.stop()
    await page.wait_for_url(f"{other.url}/wall**", timeout=PATIENCE_S * 1000)
    await page.wait_for_function(LIVE, timeout=PATIENCE_S * 1000)
    assert await page.evaluate("document.documentElement.lang") == "en"
    assert one.token not in page.url, "the link stays out of the address"


async def test_a_board_that_no_other_hub_takes_waits_for_its_own(
    pair: tuple[OneOfSeveral, OneOfSeveral], page: Page, monkeypatch: pytest.MonkeyPatch
):
    one, other = pair
    refused: list[str | None] = []

    def refuse(token: str | None) -> Badge:
        refused.append(token)
        raise NotAllowed("unknown_token")

    monkeypatch.setattr(other.gate, "admit", refuse)
    await page.goto(one.page())
    await page.wait_for_function(LIVE, timeout=PATIENCE_S * 1000)
    await eventually(lambda: one.asked, "the board has asked who else is there")
    await one.stop()
    await eventually(lambda: len(refused) > 1, "the other hub was tried more than once")
    asked = one.asked
    await one.start()
    await page.wait_for_function("() => document.querySelector('.link.live, .card')", timeout=PATIENCE_S * 1000)
    assert page.url.startswith(one.url) and one.asked == asked
