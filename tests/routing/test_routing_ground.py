"""Times by road: exact from any point to any point, and never across a closure."""

from __future__ import annotations

import json
from datetime import timedelta
from itertools import pairwise

import networkx as nx
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from paper_towns import AT, Draw, on_edge, roadmap_of
from shapely import LineString, box

from casebook.errors import NoAnswer
from casebook.place import Place, between, distance_m
from routing.costs import costs_for
from routing.engine import ENGINES
from routing.ground import OFF_ROAD, Route, route, table
from routing.profiles import AMBULANCE_SIREN, CAR, Profile
from routing.roads import Roadmap
from routing.traffic import FREE_FLOW, Closure, Slowdown, Stretch, Traffic

# Six towns in a row of two streets: 1-2-3 in the south, 4-5-6 in the north, rungs between; 2->3 is one-way.
NODES = {
    1: (31.00, 121.00),
    2: (31.00, 121.01),
    3: (31.00, 121.02),
    4: (31.01, 121.00),
    5: (31.01, 121.01),
    6: (31.01, 121.02),
}
STREET = {"highway": "primary", "maxspeed": "60"}
WAYS = [
    (1, [1, 2], STREET | {"name": "南街", "name:en": "South Street", "ref": "X1"}),
    (2, [2, 3], STREET | {"name": "南街", "name:en": "South Street", "ref": "X1", "oneway": "yes"}),
    (3, [4, 5, 6], STREET | {"name": "北街"}),
    (4, [1, 4], STREET),
    (5, [2, 5], STREET),
    (6, [3, 6], STREET),
]
KPH = 60 * 0.8


@pytest.fixture
def roads(draw: Draw) -> Roadmap:
    return draw(NODES, WAYS, country="CN")


def drive(roads: Roadmap, start: Place, end: Place, traffic: Traffic = FREE_FLOW, **asked) -> Route:
    return route(roads, start, end, **({"profile": CAR, "traffic": traffic, "at": AT} | asked))


def seconds(a: Place, b: Place) -> float:
    return distance_m(a, b) * 3.6 / KPH


def closed(area=None, id: str = "works", **where) -> Traffic:
    until = where.pop("until", None)
    since = where.pop("since", AT)
    return FREE_FLOW.with_closure(Closure(id, Stretch(area=area, **where), "大修", "dispatcher", since, until))


def test_along_one_arc_the_time_is_the_part_that_is_driven(roads: Roadmap):
    a, b = on_edge(roads, 1, 2, 0.25), on_edge(roads, 1, 2, 0.75)
    for start, end in ((a, b), (b, a)):
        found = drive(roads, start, end)
        assert found.eta_s == pytest.approx(seconds(a, b), abs=0.002)
        assert found.length_m == pytest.approx(distance_m(a, b), abs=0.1)


def test_against_a_one_way_street_one_drives_round_the_block(roads: Roadmap):
    a, b = on_edge(roads, 2, 3, 0.25), on_edge(roads, 2, 3, 0.75)
    there, back = drive(roads, a, b), drive(roads, b, a)
    assert there.length_m == pytest.approx(distance_m(a, b), abs=0.1)
    ring = sum(
        distance_m(on_edge(roads, u, v, 0), on_edge(roads, u, v, 1)) for u, v in ((2, 3), (3, 6), (6, 5), (5, 2))
    )
    assert back.length_m == pytest.approx(ring - distance_m(a, b), abs=0.5)


def test_a_place_beside_the_road_has_legs_of_its_own(roads: Roadmap):
    house = Place(31.0009, 121.005)  # 100 m north of South Street
    found = drive(roads, house, on_edge(roads, 4, 5, 0.5))
    first, last = found.legs[0], found.legs[-1]
    assert first.highway == OFF_ROAD
    assert first.length_m == pytest.approx(100, abs=0.5)
    assert first.seconds == pytest.approx(100 * 3.6 / 33, abs=0.1)
    assert last.highway == "primary"
    assert found.geometry[0] == (house.lon, house.lat)


def test_legs_join_what_has_one_name_and_add_up(roads: Roadmap):
    found = drive(roads, on_edge(roads, 1, 2, 0.5), on_edge(roads, 3, 6, 0.5))
    assert [(leg.name_zh, leg.name_en, leg.ref) for leg in found.legs] == [("南街", "South Street", "X1"), ("", "", "")]
    assert sum(leg.seconds for leg in found.legs) == pytest.approx(found.eta_s)
    assert sum(leg.length_m for leg in found.legs) == pytest.approx(found.length_m)


def test_a_name_without_translation_stands_in_both_languages(roads: Roadmap):
    (leg,) = drive(roads, on_edge(roads, 4, 5, 0.5), on_edge(roads, 5, 6, 0.5)).legs
    assert (leg.name_zh, leg.name_en) == ("北街", "北街")


def test_going_nowhere_takes_no_time(roads: Roadmap):
    house = Place(31.0009, 121.005)
    found = drive(roads, house, house)
    assert (found.eta_s, found.length_m, found.legs) == (0.0, 0.0, ())
    assert found.position_at(10) == house
    assert found.heading_deg_at(0) is None
    assert table(roads, [house], [house], profile=CAR, at=AT) == [[0.0]]


def test_the_vehicle_moves_along_the_geometry_with_time(roads: Roadmap):
    start, end = on_edge(roads, 1, 2, 0.5), on_edge(roads, 3, 6, 0.5)
    found = drive(roads, start, end)
    assert found.position_at(-1) == start
    assert found.position_at(found.eta_s + 1) == end
    halfway = found.position_at(seconds(start, Place(31.0, 121.01)))
    assert distance_m(halfway, Place(31.0, 121.01)) < 0.1
    assert found.heading_deg_at(1) == pytest.approx(90, abs=0.1)
    assert found.heading_deg_at(found.eta_s) == pytest.approx(0, abs=0.1)


def test_every_time_is_a_range_and_a_siren_is_quicker_even_at_its_slowest_tenth(roads: Roadmap):
    start, end = on_edge(roads, 1, 2, 0.5), on_edge(roads, 3, 6, 0.5)
    plain, siren = drive(roads, start, end), drive(roads, start, end, profile=AMBULANCE_SIREN)
    assert plain.eta_low_s == pytest.approx(plain.eta_s / 1.10, abs=0.01)
    assert plain.eta_high_s == pytest.approx(plain.eta_s / 0.80, abs=0.01)
    assert siren.eta_low_s < siren.eta_s < siren.eta_high_s < plain.eta_s
    assert siren.eta_s == pytest.approx(plain.eta_s / 1.25, abs=0.01)  # primary road, likely factor


def test_an_ambulance_only_way_is_for_ambulances(draw: Draw):
    gate = (9, [1, 6], {"highway": "service", "service": "emergency_access", "maxspeed": "60"})
    roads = draw(NODES, [*WAYS, gate], country="CN")
    start, end = on_edge(roads, 1, 4, 0.0), on_edge(roads, 6, 5, 0.0)
    ambulance, car = drive(roads, start, end, profile=AMBULANCE_SIREN), drive(roads, start, end)
    assert [leg.highway for leg in ambulance.legs] == ["service"]
    assert {leg.highway for leg in car.legs} == {"primary"}


def test_a_route_goes_round_a_closure_and_says_why(roads: Roadmap):
    start, end = on_edge(roads, 1, 2, 0.1), on_edge(roads, 2, 5, 0.0)
    free = drive(roads, start, end)
    traffic = closed(box(121.004, 30.999, 121.006, 31.001))
    found = drive(roads, start, end, traffic)
    assert found.eta_s > free.eta_s
    assert [(a.closure, a.reason, a.author, a.since) for a in found.avoids] == [("works", "大修", "dispatcher", AT)]
    assert found.traffic_version == 1
    assert not LineString(found.geometry[1:]).intersects(traffic.closures[0].where.area)


def test_a_closure_elsewhere_is_not_named(roads: Roadmap):
    traffic = closed(box(121.019, 31.004, 121.021, 31.006))
    assert drive(roads, on_edge(roads, 1, 2, 0.1), on_edge(roads, 1, 2, 0.9), traffic).avoids == ()


def test_closing_one_direction_leaves_the_other(roads: Roadmap):
    a, b = on_edge(roads, 1, 2, 0.25), on_edge(roads, 1, 2, 0.75)
    traffic = closed(ref="X1", bearing_deg=90)
    assert drive(roads, b, a, traffic).eta_s == drive(roads, b, a).eta_s
    assert drive(roads, a, b, traffic).eta_s > drive(roads, a, b).eta_s


def test_closed_in_there_is_no_route_and_the_error_names_both_places_and_the_closure(roads: Roadmap):
    ends = [box(lon - 0.001, 31.004, lon + 0.001, 31.006) for lon in (121.00, 121.01, 121.02)]
    traffic = FREE_FLOW
    for number, area in enumerate(ends):
        traffic = traffic.with_closure(Closure(f"c{number}", Stretch(area=area), "flood", "d", AT))
    south, north = Place(31.0, 121.005, "南", "South"), Place(31.01, 121.005, "北", "North")
    with pytest.raises(NoAnswer) as none:
        drive(roads, south, north, traffic)
    assert none.value.key == "no_route"
    assert all(word in none.value.said("zh") for word in ("南 / South", "北 / North", "c0 (flood)"))
    assert table(roads, [south], [north, south], profile=CAR, traffic=traffic, at=AT) == [[None, 0.0]]


def test_a_place_off_the_map_has_no_route_and_no_infinite_time(roads: Roadmap):
    far = Place(40.0, 116.0, name_en="Beijing")
    with pytest.raises(NoAnswer) as none:
        drive(roads, far, on_edge(roads, 1, 2, 0.5))
    assert none.value.key == "off_the_map"
    assert table(roads, [far], [far], profile=CAR, at=AT) == [[None]]


def test_a_closure_that_begins_on_the_way_counts_if_one_would_meet_it(roads: Roadmap):
    start, end = on_edge(roads, 1, 2, 0.1), on_edge(roads, 2, 3, 0.9)
    free = drive(roads, start, end)
    area = box(121.014, 30.999, 121.016, 31.001)  # on the second half of the way
    meets = closed(area, since=AT + timedelta(seconds=free.eta_s * 0.8))
    late = closed(area, since=AT + timedelta(seconds=free.eta_s + 60))
    over = closed(area, since=AT - timedelta(hours=2), until=AT)
    end_elsewhere = on_edge(roads, 6, 3, 0.5)
    assert drive(roads, start, end_elsewhere, meets).eta_s > drive(roads, start, end_elsewhere).eta_s
    assert drive(roads, start, end, late).eta_s == free.eta_s
    assert drive(roads, start, end, over).eta_s == free.eta_s
    asked = {"profile": CAR, "traffic": meets, "at": AT}
    assert table(roads, [start], [end_elsewhere], **asked)[0][0] == route(roads, start, end_elsewhere, **asked).eta_s


def slow(source: str) -> Traffic:
    where = Stretch(ref="X1")
    return FREE_FLOW.with_slowdown(Slowdown("slow", where, "queue", "d", AT, speed_kph=12, source=source))  # type: ignore[arg-type]


def test_a_slow_stretch_slows_and_the_siren_helps_in_congestion_only(roads: Roadmap):
    a, b = on_edge(roads, 2, 3, 0.4), on_edge(roads, 2, 3, 0.5)
    crawl_s = distance_m(a, b) * 3.6 / 12
    assert drive(roads, a, b, slow("works")).eta_s == pytest.approx(crawl_s, abs=0.002)
    assert drive(roads, a, b, slow("works"), profile=AMBULANCE_SIREN).eta_s == pytest.approx(crawl_s, abs=0.002)
    assert drive(roads, a, b, slow("congestion"), profile=AMBULANCE_SIREN).eta_s == pytest.approx(
        crawl_s / 1.25, abs=0.002
    )


def test_a_slow_stretch_never_makes_anybody_faster(roads: Roadmap):
    fast = Slowdown("fast", Stretch(ref="X1"), "?", "d", AT, speed_kph=150, source="other")
    a, b = on_edge(roads, 1, 2, 0.1), on_edge(roads, 2, 3, 0.9)
    assert drive(roads, a, b, FREE_FLOW.with_slowdown(fast)).eta_s == drive(roads, a, b).eta_s


def test_the_answer_is_plain_json(roads: Roadmap):
    found = drive(roads, on_edge(roads, 1, 2, 0.1), on_edge(roads, 3, 6, 0.5), profile=AMBULANCE_SIREN)
    told = json.loads(json.dumps(found.as_facts(), allow_nan=False))
    assert told["eta_low_s"] <= told["eta_s"] <= told["eta_high_s"]
    assert len(told["geometry"]) == len(told["at_s"])
    assert told["roads_digest"] == roads.digest


# Laws, on grids of streets with random one-ways.

SIDE = 4
GRID = {n: (31 + 0.01 * (n // SIDE), 121 + 0.01 * (n % SIDE)) for n in range(SIDE * SIDE)}
STREETS = [(n, n + 1) for n in GRID if n % SIDE < SIDE - 1] + [(n, n + SIDE) for n in GRID if n // SIDE < SIDE - 1]


@st.composite
def grids(draw) -> Roadmap:
    arcs: list[tuple[int, int, float | None]] = []
    for u, v in STREETS:
        ways = draw(
            st.sampled_from([((u, v), (v, u)), ((u, v), (v, u)), ((u, v),), ((v, u),), ((u, v), (u, v), (v, u))])
        )
        arcs += [(a, b, draw(st.floats(900, 3000))) for a, b in ways]
    roads = roadmap_of(GRID, arcs)
    assume(roads.network.nodes > 8)
    return roads


spots = st.builds(Place, st.floats(31.0, 31.03), st.floats(121.0, 121.03))
areas = st.builds(
    lambda lon, lat, w, h: box(lon, lat, lon + w, lat + h),
    st.floats(121.0, 121.03),
    st.floats(31.0, 31.03),
    st.floats(0.001, 0.02),
    st.floats(0.001, 0.02),
)


@settings(deadline=None, max_examples=40)
@given(roads=grids(), start=spots, end=spots)
def test_the_route_is_the_fastest_of_networkx_with_the_ends_put_in_as_nodes(roads: Roadmap, start: Place, end: Place):
    assume(distance_m(start, end) > 1)
    found = drive(roads, start, end)
    costs = costs_for(roads, profile=CAR)
    graph = nx.MultiDiGraph()
    net = roads.network
    for arc in range(net.arcs):
        graph.add_edge(int(net.tail[arc]), int(net.head[arc]), ms=int(costs.likely_ms[arc]))
    joins, leaves = roads.snap(start), roads.snap(end)
    for snap in joins:
        off = snap.distance_m * 3600 / 33
        graph.add_edge("start", int(net.head[snap.arc]), ms=off + costs.likely_ms[snap.arc] * (1 - snap.fraction))
    for snap in leaves:
        off = snap.distance_m * 3600 / 33
        graph.add_edge(int(net.tail[snap.arc]), "end", ms=off + costs.likely_ms[snap.arc] * snap.fraction)
    for join in joins:
        for leave in leaves:
            if join.arc == leave.arc and join.fraction <= leave.fraction:
                off = (join.distance_m + leave.distance_m) * 3600 / 33
                driven = costs.likely_ms[join.arc] * (leave.fraction - join.fraction)
                graph.add_edge("start", "end", ms=off + driven)
    truth_ms = nx.shortest_path_length(graph, "start", "end", weight="ms")
    assert found.eta_s * 1000 == pytest.approx(truth_ms, abs=6)  # rounding of the four ends, and of a place on the road
    assert table(roads, [start], [end], profile=CAR, at=AT) == [[found.eta_s]]


@settings(deadline=None, max_examples=40)
@given(roads=grids(), start=spots, end=spots, area=areas)
def test_a_closure_is_never_crossed_and_never_saves_time(roads: Roadmap, start: Place, end: Place, area):
    traffic = closed(area)
    shut = set(traffic.closures[0].where.arcs(roads).tolist())
    try:
        found = drive(roads, start, end, traffic)
    except NoAnswer:
        return
    for a, b in pairwise(found.geometry[1:-1]):
        middle = between(Place(a[1], a[0]), Place(b[1], b[0]), 0.5)
        assert any(snap.distance_m < 0.5 and snap.arc not in shut for snap in roads.snap(middle))
    open_again = drive(roads, start, end, traffic.without("works"))
    if {snap.arc for snap in roads.snap(start) + roads.snap(end)}.isdisjoint(shut):  # else the ends themselves moved
        assert found.eta_s >= open_again.eta_s


@settings(deadline=None, max_examples=25)
@given(roads=grids(), start=spots, end=spots, profile=st.sampled_from([CAR, AMBULANCE_SIREN]))
def test_every_answer_is_consistent_in_itself_and_equal_on_both_engines(
    roads: Roadmap, start: Place, end: Place, profile: Profile
):
    answers = [drive(roads, start, end, profile=profile, engine=name) for name in ENGINES]
    assert len({answer.eta_s for answer in answers}) == 1
    for answer in answers:
        assert list(answer.at_s) == sorted(answer.at_s)
        assert len(answer.at_s) == len(answer.geometry)
        assert answer.at_s[-1] == answer.eta_s
        assert answer.eta_low_s <= answer.eta_s <= answer.eta_high_s
        assert sum(leg.seconds for leg in answer.legs) == pytest.approx(answer.eta_s)
        assert answer.length_m >= distance_m(start, end) * 0.99
