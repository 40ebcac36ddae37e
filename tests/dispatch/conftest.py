"""The valley's roads, opened once."""

from __future__ import annotations

import pytest
from valley import valley_roads

from routing.roads import Roadmap


@pytest.fixture(scope="session")
def valley(tmp_path_factory: pytest.TempPathFactory) -> Roadmap:
    return valley_roads(tmp_path_factory.mktemp("valley"))
