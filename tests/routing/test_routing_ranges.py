"""The ranges of many drives at once are the ranges of each drive alone."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from paper_towns import AT
from random_streets import random_streets
from shapely import box

from casebook.errors import NoAnswer
from casebook.place import Place
from routing.engine import ENGINES
from routing.ground import Stops, intervals, route
from routing.profiles import AMBULANCE_SIREN
from routing.roads import Roadmap
from routing.traffic import FREE_FLOW, Closure, Slowdown, Stretch, Traffic


def one_by_one(roads: Roadmap, start: Place, ends: list[Place], traffic: Traffic, engine: str):
    """What `route` says of each."""
    for end in ends:
        try:
            way = route(roads, start, end, profile=AMBULANCE_SIREN, traffic=traffic, at=AT, engine=engine)
        except NoAnswer:
            yield None
        else:
            yield way.eta_low_s, way.eta_high_s


def places_on(roads: Roadmap, seed: int, count: int) -> list[Place]:
    """Within the map and a little beyond it, some of them twice."""
    random = np.random.default_rng(seed)
    lat, lon = roads.network.lat, roads.network.lon
    lats = random.uniform(lat.min() - 0.001, lat.max() + 0.001, count)
    lons = random.uniform(lon.min() - 0.001, lon.max() + 0.001, count)
    drawn = [Place(float(a), float(b)) for a, b in zip(lats, lons, strict=True)]
    nodes = [Place(float(lat[n]), float(lon[n])) for n in random.integers(0, len(lat), count // 2)]
    return [*drawn, *nodes, drawn[0], Place(float(lat.max()) + 5, float(lon.max()))]


def traffic_on(roads: Roadmap, since_s: int) -> Traffic:
    """A square closed from an instant on, and another slowed."""
    lat, lon = float(np.median(roads.network.lat)), float(np.median(roads.network.lon))
    closed = Stretch(box(lon - 0.002, lat - 0.002, lon + 0.0005, lat + 0.0005))
    slowed = Stretch(box(lon, lat, lon + 0.01, lat + 0.01))
    since = AT + timedelta(seconds=since_s)
    closure = Closure("works", closed, "works", "desk", since, None)
    slow = Slowdown("slow", slowed, "rain", "desk", AT, None, speed_kph=9.0, source="weather")
    return FREE_FLOW.with_closure(closure).with_slowdown(slow)


@pytest.mark.parametrize("engine", [name for name in ENGINES if name != "networkx"])
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), since_s=st.sampled_from([-60, 0, 45, 3600]))
def test_many_ranges_at_once_are_those_of_each_way_alone(engine: str, seed: int, since_s: int):
    roads = random_streets(seed)
    places, traffic = places_on(roads, seed, 8), traffic_on(roads, since_s)
    starts = Stops(roads, places)
    for start in (0, 9, len(places) - 1):
        rows = [3, 0, *range(len(places)), 3]
        found = intervals(
            roads, starts, start, Stops(roads, places), rows, profile=AMBULANCE_SIREN, traffic=traffic, at=AT,
            engine=engine,
        )  # fmt: skip
        assert found == list(one_by_one(roads, places[start], [places[row] for row in rows], traffic, engine))


def test_the_ranges_of_a_real_citys_drives(auckland: Roadmap):
    places, traffic = places_on(auckland, 3, 40)[:42], traffic_on(auckland, 0)
    ends = Stops(auckland, places)
    for start in range(3):
        found = intervals(
            auckland, Stops(auckland, places[start : start + 1]), 0, ends, range(42), profile=AMBULANCE_SIREN,
            traffic=traffic, at=AT,
        )  # fmt: skip
        assert found == list(one_by_one(auckland, places[start], places, traffic, "cch"))


def test_nobody_is_asked_and_nothing_is_said(auckland: Roadmap):
    here = Stops(auckland, places_on(auckland, 1, 2)[:1])
    assert intervals(auckland, here, 0, here, [], profile=AMBULANCE_SIREN, at=AT) == []
