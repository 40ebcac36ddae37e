"""The console in a real Chromium asks beside the ways whether a scene is clear for a hoist; a key answers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from chromium_pages import FLAT, page_of
from console_stage import PATIENCE_S, ConsoleStage, eventually
from playwright.async_api import Page, expect
from valley import G1_EAST, casualty, crash, enrolled, reported, valley_area

from casebook import events as e
from casebook.casualty import Category
from casebook.log import By
from casebook.screens import browser_libraries
from casebook.words import LANGUAGES, Language, say
from dispatch.area import Area
from routing.roads import Roadmap

pytestmark = [pytest.mark.browser, pytest.mark.sockets]
ID = "20210418-001"
A = f"{ID}-A"
PLAIN = valley_area()
LIFTING = replace(PLAIN, sites=(), aircraft={"H1": replace(PLAIN.aircraft["H1"], hoist=True)})
SLOW = (G1_EAST, e.RoadSlowed("slow", "works", 60.0, ref="X1"))  # in time by road, sooner by air
AXE = "async () => (await axe.run()).violations.map((v) => [v.id, v.nodes.map((n) => n.html)])"
SIDEWAYS = """[...document.querySelectorAll('.decision, .hoist-place')]
  .filter((one) => one.scrollWidth > one.clientWidth).map((one) => one.className)"""


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    async with page_of(1280, 720, FLAT) as opened:
        yield opened


async def shown(
    stages: list[ConsoleStage], roads: Roadmap, page: Page, area: Area, language: Language = "en", *more: e.Event
) -> ConsoleStage:
    """The console on a desk that a crew has asked where to."""
    base = [*enrolled(), *reported(), *crash(), *casualty(), *more]
    stage = ConsoleStage(roads, *base, *SLOW, e.DestinationRequested(A, "A1"), area=area)
    stages.append(stage)
    await stage.start()
    await stage.tell()
    await page.goto(stage.page(language))
    await expect(page.locator(".take")).to_be_visible(timeout=PATIENCE_S * 1000)
    return stage


@pytest.mark.parametrize("language", LANGUAGES)
async def test_beside_an_open_hoist_the_console_asks_and_a_key_answers_for_the_crew(
    valley: Roadmap, page: Page, stages, language: Language
):
    stage = await shown(stages, valley, page, LIFTING, language, *casualty("B", Category.YELLOW))
    asked = page.locator(".hoist-place")
    await expect(asked).to_contain_text(say("dispatch.hoist_place.unknown", language))
    await expect(page.locator(".clock.first")).to_contain_text(say("dispatch.mode.road", language))
    await asked.get_by_role("button", name=say("dispatch.hoist_place.clear", language), exact=True).focus()
    stage.pass_s(5)
    await page.keyboard.press("Enter")
    await eventually(lambda: stage.book.picture.get_incident(ID).hoist_place is not None, "it is in the book")
    await stage.tell()
    await expect(page.locator(".clock.first")).to_contain_text(say("dispatch.mode.air", language))
    await expect(asked).to_contain_text("desk 1")
    await expect(asked.locator("[aria-pressed=true]")).to_have_text(say("dispatch.hoist_place.clear", language))
    await expect(page.locator(".log")).to_contain_text(say("event.hoist_place_judged", language))
    assert await page.evaluate(SIDEWAYS) == []
    await page.add_script_tag(path=browser_libraries() / "axe-core" / "axe.min.js")
    assert await page.evaluate(AXE) == []


async def test_what_the_crew_says_stands_there_with_the_reason_that_follows(valley: Roadmap, page: Page, stages):
    stage = await shown(stages, valley, page, LIFTING)
    stage.pass_s(5)
    await stage.happen(e.HoistPlaceJudged(ID, False), by=By("paramedic", "Chen", "crew"))
    await stage.tell()
    asked = page.locator(".hoist-place")
    await expect(asked.locator("[aria-pressed=true]")).to_have_text(say("dispatch.hoist_place.not_clear", "en"))
    await expect(asked).to_contain_text("Chen")
    await page.locator(".decision button", has_text="more").click()
    lost = page.locator(".others .barred", has_text="City Hospital").filter(has_text=say("dispatch.mode.air", "en"))
    await expect(lost).to_contain_text(say("reason.air_hoist_obstacles", "en"))
    await expect(page.locator(".log")).to_contain_text(say("event.hoist_place_judged.not", "en"))


async def test_once_the_casualty_is_taken_in_nobody_asks_about_the_place(valley: Roadmap, page: Page, stages):
    stage = await shown(stages, valley, page, LIFTING)
    await expect(page.locator(".hoist-place")).to_be_visible()
    await stage.tell(e.CasualtyBoarded(A, "A1"), e.HoistPlaceJudged(ID, True))
    await expect(page.locator(".hoist-place")).to_have_count(0)


async def test_where_no_machine_has_a_hoist_nobody_is_asked(valley: Roadmap, page: Page, stages):
    await shown(stages, valley, page, PLAIN)
    await expect(page.locator(".hoist-place")).to_have_count(0)
