"""A real Chromium for tests: where it is, how it is started, and a page that fails its test when it complained."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, Page, async_playwright

FLAGS = (
    "--headless", "--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
FLAT = "--disable-3d-apis"  # no map, which software draws slowly
RTC = ("--allow-loopback-in-peer-connection", "--disable-features=WebRtcHideLocalIpsWithMdns")  # for pictures of a peer


def chromium() -> str:
    found = os.environ.get("ABOARD_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if found is None:
        if os.environ.get("ABOARD_REQUIRE_BROWSER") == "1":
            pytest.fail("Chromium is required here and is not installed")
        pytest.skip("Chromium is not installed")
    return found


def is_local(url: str) -> bool:
    return url.startswith(("http://127.0.0.1:", "ws://127.0.0.1:", "data:", "blob:", "file:"))


@contextlib.asynccontextmanager
async def launched(*more: str) -> AsyncIterator[Browser]:
    """A browser while the block runs. `more`: flags besides FLAGS."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium(), args=[*FLAGS, *more])
        try:
            yield browser
        finally:
            await browser.close()


@contextlib.asynccontextmanager
async def page_of(width: int, height: int, *more: str) -> AsyncIterator[Page]:
    """A page of its own browser. After the block: no error of its script, no missing word, nothing asked of others."""
    async with launched(*more) as browser:
        context = await browser.new_context(viewport={"width": width, "height": height}, bypass_csp=True)
        page, wrong = await context.new_page(), list[str]()
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda said: wrong.append(said.text) if "no word for" in said.text else None)
        page.on("request", lambda asked: None if is_local(asked.url) else wrong.append(asked.url))
        yield page
    assert wrong == []
