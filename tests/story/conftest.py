"""The G60 drill, loaded and played once for all who look at it."""

from __future__ import annotations

import pytest
from story_stage import Story, play

from aboard.hub_setup import load_region_roads
from aboard.reporting import ground_run
from routing.roads import Roadmap
from scenarios.format import Scenario, find_scenario, load_scenario
from scenarios.report import door_s
from scenarios.vocabulary import all_asks


@pytest.fixture(scope="session")
def g60() -> Scenario:
    return load_scenario(find_scenario("g60_fengjing"), all_asks())


@pytest.fixture(scope="session")
def roads(g60: Scenario) -> Roadmap:
    return load_region_roads(g60.region)


@pytest.fixture(scope="session")
def drill(g60: Scenario, roads: Roadmap) -> Story:
    """The whole drill with its monitors: the slowest thing here, so it is played once."""
    return play(g60, roads, with_monitors=True)


@pytest.fixture(scope="session")
def ground(g60: Scenario, roads: Roadmap) -> dict[bool, float | None]:
    """Seconds to the door by road, with the works and without."""
    return {works: door_s(ground_run(g60, roads, works=works).entries, "A") for works in (True, False)}
