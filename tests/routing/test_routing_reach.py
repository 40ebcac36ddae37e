"""How far one comes: exact on the road, growing with time, never larger for a closure."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from paper_towns import AT, Draw, roadmap_of
from shapely import Point, Polygon

from casebook.errors import NoAnswer, RefusedInput
from casebook.place import EARTH_RADIUS_M, Place
from routing.costs import costs_for
from routing.ground import table
from routing.profiles import AMBULANCE_SIREN, CAR, PROFILES
from routing.reach import MOST_MINUTES, WIDTH_M, Reach, reach, spread_of
from routing.roads import Roadmap
from routing.roads.network import replaced
from routing.traffic import FREE_FLOW, Closure, Stretch

LAT, LON = 31.0, 121.0
EAST_M = math.radians(1) * EARTH_RADIUS_M * math.cos(math.radians(LAT))  # per degree
NODES = {1: (LAT, LON), 2: (LAT, LON + 0.2)}
PRIMARY = {"highway": "primary", "maxspeed": "50"}


def bands(roadmap: Roadmap, lon: float, *minutes: float, **ask) -> Reach:
    return reach(roadmap, Place(LAT, lon), minutes, profile=ask.pop("profile", CAR), at=AT, **ask)


def closed(area: Polygon):
    return FREE_FLOW.with_closure(Closure("C1", Stretch(area=area), "flood", "dispatch", AT))


def test_an_arc_reached_in_part_counts_in_part(draw: Draw):
    """On a straight road nobody comes further than the speed allows: 0.8 of the limit, by routing/speeds.py."""
    town = draw(NODES, [(1, [1, 2], PRIMARY)])
    (band,) = bands(town, LON + 0.1, 3).bands
    driven_m = 3 * 60 * 50 * 0.8 / 3.6
    west, _, east, _ = band.area.bounds
    assert (east - LON - 0.1) * EAST_M == pytest.approx(driven_m + WIDTH_M, abs=2)
    assert (LON + 0.1 - west) * EAST_M == pytest.approx(driven_m + WIDTH_M, abs=2)
    assert band.nodes == 0


def test_a_whole_road_is_reached_up_to_its_end_and_no_further(draw: Draw):
    town = draw(NODES, [(1, [1, 2], PRIMARY)])
    (band,) = bands(town, LON + 0.19, 60).bands
    assert (band.area.bounds[2] - LON - 0.2) * EAST_M == pytest.approx(WIDTH_M, abs=1)
    assert band.nodes == 2
    assert town.network.length_m.sum() / 1000 == pytest.approx(2 * 0.2 * EAST_M / 1000, rel=0.01)


ONE_WAY_RING = {1: (LAT, LON), 2: (LAT, LON + 0.05), 3: (LAT + 0.05, LON + 0.05), 4: (LAT + 0.05, LON)}


def test_who_reaches_me_is_not_whom_i_reach_on_one_way_roads(draw: Draw):
    town = draw(ONE_WAY_RING, [(1, [1, 2, 3, 4, 1], PRIMARY | {"oneway": "yes"})])
    out, back = (bands(town, LON + 0.025, 3, toward=toward).bands[0].area for toward in (False, True))
    east, west = Point(LON + 0.03, LAT), Point(LON + 0.02, LAT)
    assert out.contains(east) and not out.contains(west)
    assert back.contains(west) and not back.contains(east)


def test_a_closure_is_not_driven_round_the_wrong_way(draw: Draw):
    town = draw(NODES, [(1, [1, 2], PRIMARY)])
    bar = Polygon([(LON + 0.15, LAT - 0.01), (LON + 0.16, LAT - 0.01), (LON + 0.16, LAT + 0.01)])
    with pytest.raises(NoAnswer, match="no usable road"):
        bands(town, LON + 0.1, 5, traffic=closed(bar))  # one straight arc: all of it is closed


@settings(max_examples=40)
@given(st.lists(st.floats(0.5, 20), min_size=2, max_size=4, unique=True), st.sampled_from(sorted(PROFILES)))
def test_reach_grows_with_time(minutes: list[float], profile: str):
    town = _lattice()
    found = reach(town, Place(LAT + 0.013, LON + 0.011), minutes, profile=PROFILES[profile], at=AT).bands
    assert [band.minutes for band in found] == sorted(minutes)
    for shorter, longer in pairwise(found):
        assert shorter.road_km <= longer.road_km and shorter.nodes <= longer.nodes
        assert shorter.area.difference(longer.area).area * EAST_M**2 < 100, "but for rounding to 0.1 m, inside"


@settings(max_examples=40)
@given(st.integers(0, 24), st.integers(0, 24), st.floats(1, 15))
def test_a_closure_never_makes_the_reach_larger(row: int, column: int, minutes: float):
    town = _lattice()
    at = LON + column * 0.002, LAT + row * 0.002
    area = Polygon([at, (at[0] + 0.003, at[1]), (at[0] + 0.003, at[1] + 0.003), (at[0], at[1] + 0.003)])
    start = Place(LAT + 0.02, LON + 0.02)
    free = reach(town, start, [minutes], profile=CAR, at=AT).bands[0]
    try:
        shut = reach(town, start, [minutes], profile=CAR, at=AT, traffic=closed(area)).bands[0]
    except NoAnswer:
        return
    if area.buffer(0.002).contains(Point(start.lon, start.lat)):
        return  # it has to set off from another road, which may lie nearer to what it reaches
    assert shut.road_km <= free.road_km + 1e-9 and shut.nodes <= free.nodes


def _lattice() -> Roadmap:
    """Streets every 400 m or so, 13 x 13, some of them one-way."""
    size, step = 13, 0.004
    nodes = {
        row * size + column: (LAT + row * step, LON + column * step) for row in range(size) for column in range(size)
    }
    arcs = []
    for row in range(size):
        for column in range(size):
            here = row * size + column
            for there, inside in ((here + 1, column + 1 < size), (here + size, row + 1 < size)):
                if inside:
                    arcs.append((here, there, None))
                    if (row * 7 + column * 3) % 5:
                        arcs.append((there, here, None))
    return roadmap_of(nodes, arcs)


@pytest.mark.parametrize("toward", [False, True])
def test_times_everywhere_are_the_tables(heidelberg: Roadmap, toward: bool):
    """At nodes of a real city, in ms; a table asks places, and the nodes' places lie on their roads."""
    costs = costs_for(heidelberg, profile=AMBULANCE_SIREN)
    place, net = Place(49.41, 8.69), heidelberg.network
    spread = spread_of(heidelberg, costs, place, toward=toward)
    rng = np.random.default_rng(7)
    rows = rng.choice(net.nodes, 60, replace=False)
    nodes = [Place(float(net.lat[row]), float(net.lon[row])) for row in rows]
    ask = {"profile": AMBULANCE_SIREN, "at": AT}
    asked = table(heidelberg, nodes, [place], **ask) if toward else [table(heidelberg, [place], nodes, **ask)[0]]
    times_s = [time for row in asked for time in row]
    for row, time_s in zip(rows, times_s, strict=True):
        found_s = spread.node_ms[row] / 1000
        assert time_s is None or time_s <= found_s + 0.01, "a node's place may be joined on any road that meets there"
    close = [abs(t - spread.node_ms[r] / 1000) < 0.5 for r, t in zip(rows, times_s, strict=True) if t is not None]
    assert np.mean(close) > 0.9


def test_within_the_minutes_on_a_real_city_means_what_the_table_says(auckland: Roadmap):
    place, rng = Place(-36.860454, 174.769128), np.random.default_rng(11)
    area = reach(auckland, place, [10], profile=CAR, at=AT).bands[0].area
    net = auckland.network
    rows = rng.choice(net.nodes, 300, replace=False)
    nodes = [Place(float(net.lat[row]), float(net.lon[row])) for row in rows]
    times = table(auckland, [place], nodes, profile=CAR, at=AT)[0]
    for node, time_s in zip(nodes, times, strict=True):
        if time_s is not None and time_s <= 600:
            assert area.contains(Point(node.lon, node.lat))
    outside = [
        time_s for node, time_s in zip(nodes, times, strict=True) if not area.contains(Point(node.lon, node.lat))
    ]
    assert outside and all(time_s is None or time_s > 600 for time_s in outside)


@pytest.mark.parametrize("minutes", [[], [0], [-5], [math.nan], [math.inf], [MOST_MINUTES + 1], range(1, 20)])
def test_minutes_that_mean_nothing_are_refused(draw: Draw, minutes):
    town = draw(NODES, [(1, [1, 2], PRIMARY)])
    with pytest.raises(RefusedInput) as refused:
        reach(town, Place(LAT, LON), minutes, profile=CAR, at=AT)
    assert refused.value.key == "bad_minutes"


def test_nothing_is_reached_from_the_sea(auckland: Roadmap):
    with pytest.raises(NoAnswer) as refused:
        reach(auckland, Place(-36.5, 177.0), [10], profile=CAR, at=AT)
    assert refused.value.key == "off_the_map"


def test_a_forbidden_turn_is_not_reached_over(draw: Draw):
    """At the crossing nobody may turn left (north): neither when setting off before it, nor towards a place beyond."""
    nodes = {1: (LAT, LON), 2: (LAT, LON + 0.02), 3: (LAT + 0.02, LON + 0.02), 4: (LAT, LON + 0.04)}
    town = draw(nodes, [(1, [1, 2], PRIMARY), (2, [2, 3], PRIMARY), (3, [2, 4], PRIMARY)])
    arcs = {
        (int(town.network.node_id[tail]), int(town.network.node_id[head])): arc
        for arc, (tail, head) in enumerate(zip(town.network.tail, town.network.head, strict=True))
    }
    turns = [arcs[1, 2], arcs[2, 3], arcs[1, 2], arcs[2, 1]]  # no left turn, no turning back
    forbidden = replaced(
        town.network,
        turn_arcs=np.array(turns, np.int32),
        turn_start=np.array([0, 2, 4], np.int64),
        turn_exempt=np.zeros(2, np.uint8),
    )
    shut = Roadmap(forbidden, town.report, name="shut", digest="1" * 64, attribution="")
    north = Point(LON + 0.02, LAT + 0.005)
    start, beyond = Place(LAT, LON + 0.015), Place(LAT + 0.015, LON + 0.02)
    assert reach(town, start, [3], profile=CAR, at=AT).bands[0].area.contains(north)
    assert not reach(shut, start, [3], profile=CAR, at=AT).bands[0].area.contains(north)
    assert reach(shut, start, [3], profile=AMBULANCE_SIREN, at=AT).bands[0].area.contains(north), "it may turn"
    west = Point(LON + 0.01, LAT)
    assert reach(town, beyond, [4], profile=CAR, at=AT, toward=True).bands[0].area.contains(west)
    assert not reach(shut, beyond, [4], profile=CAR, at=AT, toward=True).bands[0].area.contains(west)
