"""A hub's media side, and clients with a vehicle's and a board's token."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
from media_stage import Hub, Running

from media.aiortc_private import listen_on


@pytest.fixture
async def hub() -> AsyncIterator[Hub]:
    listen_on(["127.0.0.1"])
    serving = Hub()
    await serving.start()
    yield serving
    await serving.stop()
    listen_on(None)


@pytest.fixture
async def vehicle(hub: Hub) -> AsyncIterator[httpx.AsyncClient]:
    async with hub.client("vehicle") as client:
        yield client


@pytest.fixture
async def board(hub: Hub) -> AsyncIterator[httpx.AsyncClient]:
    async with hub.client("board") as client:
        yield client


@pytest.fixture
async def running(hub: Hub) -> AsyncIterator[Running]:
    works = Running()
    yield works
    await works.stop()
