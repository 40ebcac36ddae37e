"""Ways put together at portals have the ranges of the ways asked for as a whole."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from paper_towns import AT
from random_streets import random_streets
from test_routing_ranges import places_on, traffic_on

from routing import portals
from routing.costs import Costs, costs_for
from routing.engine import ENGINES
from routing.ground import Stops, intervals
from routing.profiles import AMBULANCE_SIREN
from routing.roads import Roadmap

pytestmark = pytest.mark.skipif("cch" not in ENGINES, reason="the hierarchy's wheel is not there for this machine")


@pytest.fixture
def everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Portals also on a small map, and for short ways."""
    for name in ("LARGE", "MANY", "LEAST_ARCS"):
        monkeypatch.setattr(portals, name, 1)


def costs_on(roads: Roadmap, since_s: int | None) -> Costs:
    if since_s is None:
        return costs_for(roads, profile=AMBULANCE_SIREN)
    return costs_for(roads, profile=AMBULANCE_SIREN, holding=traffic_on(roads, since_s).holding(AT))


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), since_s=st.sampled_from([None, -60]))
def test_the_sums_by_portals_are_those_of_the_whole_ways(seed: int, since_s: int | None):
    roads = random_streets(seed)
    costs, random = costs_on(roads, since_s), np.random.default_rng(seed)
    nodes = random.integers(0, roads.network.nodes, 12).tolist()
    beyond = portals._Beyond(random.choice(roads.network.nodes, 9, replace=False).astype(np.uint32))
    if costs.engine.topology.has_copies:
        beyond = portals._Beyond(portals._portals_of(costs.free))
    for source in nodes[:4]:
        assert beyond.sums_ms(costs, source, nodes) == portals._summed(costs, source, nodes)
        assert beyond.sums_ms(costs, source, nodes[::-1]) == portals._summed(costs, source, nodes[::-1]), "and again"


@pytest.mark.usefixtures("everywhere")
def test_the_ranges_of_a_real_citys_drives_do_not_depend_on_portals(auckland: Roadmap, monkeypatch: pytest.MonkeyPatch):
    places, traffic = places_on(auckland, 3, 40)[:42], traffic_on(auckland, 0)
    ends = Stops(auckland, places)

    def asked(start: int) -> object:
        here = Stops(auckland, places[start : start + 1])
        return intervals(auckland, here, 0, ends, range(42), profile=AMBULANCE_SIREN, traffic=traffic, at=AT)

    by_portals = [asked(start) for start in range(6)]
    assert len(portals._portals_of(costs_on(auckland, None).free)) > 10
    monkeypatch.setattr(portals, "LARGE", 10**9)
    assert by_portals == [asked(start) for start in range(6)]


@pytest.mark.usefixtures("everywhere")
@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), since_s=st.sampled_from([None, -60]))
def test_times_asked_for_with_those_to_the_portals_are_the_engines_and_leave_the_sums_as_they_are(
    seed: int, since_s: int | None
):
    roads = random_streets(seed)
    costs, random = costs_on(roads, since_s), np.random.default_rng(seed)
    nodes = random.integers(0, roads.network.nodes, 14).astype(np.uint32)
    sources, targets = nodes[:4], nodes[2:]
    whole = [portals._summed(costs, source, nodes.tolist()) for source in sources.tolist()]
    alone = portals._beyond_of(costs)
    for some in (sources, sources[::-1]):  # kept rows are asked for, and replaced
        assert (portals.search_ms(costs, some, targets) == costs.engine.search_ms(some, targets)).all()
        for source, told in zip(sources.tolist(), whole, strict=True):
            assert alone.sums_ms(costs, source, targets[::2].tolist()) == told[2::2]
            assert alone.sums_ms(costs, source, nodes.tolist()) == told, "also to others than were asked about then"
