"""Open a ward's wall in a real headless Chromium and read from its <video-tile> how old each picture was when shown."""

from __future__ import annotations

import importlib.util
import os
import shutil
from dataclasses import dataclass, field
from typing import Any

FLAGS = (
    "--headless", "--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--allow-loopback-in-peer-connection",
    "--disable-features=WebRtcHideLocalIpsWithMdns",
)  # fmt: skip
PATIENCE_MS = 20_000
LATENCIES = "[...document.querySelectorAll('video-tile')].flatMap((tile) => tile.latencyMs ?? [])"


def find_chromium() -> str | None:
    """Chromium's path (`ABOARD_CHROMIUM` names another), or None, also where playwright is not installed."""
    if importlib.util.find_spec("playwright") is None:
        return None
    named = os.environ.get("ABOARD_CHROMIUM")
    return named or shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@dataclass(slots=True)
class Wall:
    """One open wall board. `latency_ms`: stamp to screen, as its tiles told when they were last read."""

    chromium: str
    url: str
    latency_ms: list[float] = field(default_factory=list)
    _page: Any = None
    _open: list[Any] = field(default_factory=list)

    async def open(self) -> None:
        """Start Chromium and open the board; pictures come when a casualty is bound for the ward."""
        from playwright.async_api import async_playwright

        playwright = await async_playwright().start()
        self._open.append(playwright.stop)
        browser = await playwright.chromium.launch(executable_path=self.chromium, args=list(FLAGS))
        self._open.append(browser.close)
        self._page = await browser.new_page(viewport={"width": 1920, "height": 1080})
        await self._page.goto(self.url, timeout=PATIENCE_MS)

    async def read(self) -> None:
        """What the tiles have counted so far."""
        self.latency_ms = [float(ms) for ms in await self._page.evaluate(LATENCIES)]

    async def close(self) -> None:
        for end in reversed(self._open):
            await end()
        self._open.clear()
