"""The valley's roads, opened once; and consoles that end with their test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from valley import valley_roads

from routing.roads import Roadmap


@pytest.fixture(scope="session")
def valley(tmp_path_factory: pytest.TempPathFactory) -> Roadmap:
    return valley_roads(tmp_path_factory.mktemp("valley"))


@pytest.fixture
async def stages() -> AsyncIterator[list[Any]]:
    """Desks with a console (console_stage.py) that a test begins; they end with it."""
    begun: list[Any] = []
    yield begun
    for stage in begun:
        await stage.stop()
