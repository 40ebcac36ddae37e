"""A consult at a real hub with a filming vehicle, and a browser to look at both sides of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from chromium_pages import chromium
from guidance_stage import Consultation, consultation
from open_screens import browsing
from playwright.async_api import Browser

from media.aiortc_private import listen_on


@pytest.fixture
async def staged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Consultation]:
    chromium()
    listen_on(["127.0.0.1"])
    try:
        async with consultation(tmp_path, monkeypatch) as staged:
            yield staged
    finally:
        listen_on(None)


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with browsing() as browser:
        yield browser
