"""The report in a real Chromium with scripts forbidden: the switch works, nothing is asked for, axe finds nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from chromium_pages import launched
from playwright.async_api import Browser, expect
from report_case import played, reported, roads

from casebook.screens import browser_libraries
from scenarios.report_page import report_html

pytestmark = pytest.mark.browser
PATIENCE_S = 30.0  # a bound for a busy machine, not an expectation
AXE = "async () => (await axe.run()).violations.map((v) => [v.id, v.nodes.map((n) => n.html)])"
# Texts of a drawing that reach beyond it, or lie upon each other, where both are shown.
BEYOND = """() => { const out = [];
  for (const svg of document.querySelectorAll('.page:not([hidden]) svg[role=img]')) {
    const frame = svg.getBoundingClientRect();
    if (!frame.width) continue;
    for (const text of svg.querySelectorAll('text')) {
      const box = text.getBoundingClientRect();
      if (box.width && (box.right > frame.right + 3 || box.left < frame.left - 3))
        out.push(`${svg.getAttribute('class')}: ${text.textContent}`);
    }
  } return out; }"""
WIDER = "() => document.documentElement.scrollWidth - innerWidth"


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with launched() as opened:
        yield opened


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    entries = played()
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(report_html(reported(entries), entries, roads(), "zh"), encoding="utf-8")
    return path


async def test_without_script_the_languages_switch_and_nothing_is_asked_for(browser: Browser, file: Path) -> None:
    page = await browser.new_page(java_script_enabled=False)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    await page.goto(file.as_uri())
    chinese, english = page.locator(".page.zh"), page.locator(".page.en")
    await expect(chinese).to_be_visible(timeout=PATIENCE_S * 1000)
    await expect(english).to_be_hidden()
    await page.locator(".page.zh .topbar label").click()
    await expect(english).to_be_visible()
    await expect(chinese).to_be_hidden()
    await page.keyboard.press("ArrowLeft")  # the switch is a pair of radio buttons, worked by keyboard as well
    await expect(chinese).to_be_visible()
    assert asked == [file.as_uri()]


async def test_axe_finds_nothing_wrong_and_no_text_leaves_its_drawing(browser: Browser, file: Path) -> None:
    axe = browser_libraries() / "axe-core" / "axe.min.js"
    if not axe.exists():
        pytest.skip("axe-core is not installed")
    page = await browser.new_page(viewport={"width": 1440, "height": 900})
    await page.goto(file.as_uri())
    for shown in ("zh", "en"):
        await expect(page.locator(f".page.{shown}")).to_be_visible()
        await page.evaluate(axe.read_text(encoding="utf-8"))
        assert await page.evaluate(AXE) == []
        assert await page.evaluate(BEYOND) == []
        assert await page.evaluate(WIDER) <= 0
        await page.locator(f".page.{shown} .topbar label").click()
    await page.set_viewport_size({"width": 420, "height": 900})
    assert await page.evaluate(WIDER) <= 0


async def test_it_prints_on_paper_in_the_language_that_is_shown(browser: Browser, file: Path) -> None:
    page = await browser.new_page()
    await page.goto(file.as_uri())
    paper = await page.pdf(prefer_css_page_size=True, print_background=True)
    assert paper.startswith(b"%PDF") and len(paper) > 20_000
    await page.emulate_media(media="print")
    await expect(page.locator(".page.zh .topbar label")).to_be_hidden()
    await expect(page.locator(".page.en")).to_be_hidden()
