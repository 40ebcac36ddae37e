"""Real cities: the loader against osmnx, both engines against plain networkx, closures on real streets."""

from __future__ import annotations

import csv
import random
from itertools import pairwise
from pathlib import Path

import networkx as nx
import numpy as np
import osmnx
import pytest
from paper_towns import AT
from shapely import LineString, Point

from casebook.errors import NoAnswer
from casebook.place import Place
from routing.costs import costs_for
from routing.engine import ABSENT_MS, ENGINES, UNREACHED, open_engine
from routing.ground import OFF_ROAD, route, table
from routing.profiles import AMBULANCE_SIREN, CAR
from routing.roads import Roadmap
from routing.traffic import FREE_FLOW, Closure, Stretch


def plain(roads: Roadmap, weights_ms: np.ndarray) -> nx.DiGraph:
    """The same roads written down once more, parallel arcs by hand: nothing of the engines in it."""
    graph = nx.DiGraph()
    net = roads.network
    for tail, head, ms in zip(net.tail.tolist(), net.head.tolist(), weights_ms.tolist(), strict=True):
        if ms < ABSENT_MS and (not graph.has_edge(tail, head) or graph[tail][head]["ms"] > ms):
            graph.add_edge(tail, head, ms=ms)
    return graph


@pytest.mark.parametrize(("city", "sources"), [("auckland", 3), ("heidelberg", 3), ("huangpu", 8)])
def test_both_engines_equal_plain_networkx_on_two_thousand_pairs(
    city: str, sources: int, request: pytest.FixtureRequest
):
    roads: Roadmap = request.getfixturevalue(city)
    chance = random.Random(7)
    weights = costs_for(roads, profile=AMBULANCE_SIREN).likely_ms
    starts = [chance.randrange(roads.network.nodes) for _ in range(sources)]
    ends = [chance.randrange(roads.network.nodes) for _ in range(2000 // sources + 1)]
    graph = plain(roads, weights)
    truth = []
    for start in starts:
        reached = nx.single_source_dijkstra_path_length(graph, start, weight="ms")
        truth.append([reached.get(end, UNREACHED) for end in ends])
    for name in ENGINES if city != "heidelberg" else list(ENGINES)[:-1]:  # networkx is slow: two cities will do
        assert open_engine(roads, weights, name).times_ms(starts, ends).tolist() == truth, name


@pytest.mark.filterwarnings("ignore:The XML file you are loading:UserWarning")  # the fixture was written by osmnx
def test_the_loader_finds_the_roads_that_osmnx_finds(shared_data: Path, huangpu: Roadmap):
    theirs = osmnx.graph_from_xml(
        shared_data / "roads" / "shanghai-huangpu-small.osm.gz", simplify=False, retain_all=True
    )
    theirs.remove_edges_from([edge[:3] for edge in theirs.edges(keys=True, data=True) if not driven(edge[3])])
    theirs = osmnx.truncate.largest_component(theirs, strongly=True)
    assert set(huangpu.graph.nodes) == set(theirs.nodes)
    assert {edge[:2] for edge in huangpu.graph.edges} == {edge[:2] for edge in theirs.edges}
    ours = {(u, v): edge for u, v, edge in huangpu.graph.edges(data=True)}
    for u, v, edge in theirs.edges(data=True):
        assert ours[u, v]["length"] == pytest.approx(edge["length"], rel=1e-6)
        assert ours[u, v]["osmid"] == edge["osmid"]


def driven(edge: dict) -> bool:
    return edge["highway"] not in ("footway", "pedestrian", "steps", "path", "cycleway") and edge.get("access") not in (
        "no",
        "private",
    )


@pytest.mark.parametrize(
    ("city", "nodes", "ways"), [("auckland", 62_383, 6_794), ("heidelberg", 49_156, 9_371), ("huangpu", 1_504, 793)]
)
def test_the_counts_of_the_cities_stay(city: str, nodes: int, ways: int, request: pytest.FixtureRequest):
    roads: Roadmap = request.getfixturevalue(city)
    assert (roads.network.nodes, roads.report.ways_kept) == (nodes, ways)


def ems_places(shared_data: Path, kind: str) -> list[Place]:
    """A table of JEMSS: two lines of heading, then index, x (lon), y (lat)."""
    lines = (shared_data / "roads" / f"auckland.{kind}.csv").read_text(encoding="utf-8").splitlines()
    return [
        Place(float(row["y"]), float(row["x"]), name_en=row["index"]) for row in csv.DictReader(lines[1:]) if row["x"]
    ]


def test_every_station_of_auckland_reaches_every_hospital(shared_data: Path, auckland: Roadmap):
    stations, hospitals = ems_places(shared_data, "stations"), ems_places(shared_data, "hospitals")
    times = table(auckland, stations, hospitals, profile=AMBULANCE_SIREN, at=AT)
    assert len(times) == len(stations) > 10
    assert all(eta_s is not None and 30 < eta_s < 2 * 3600 for row in times for eta_s in row)
    chance = random.Random(3)
    for _ in range(6):
        i, j = chance.randrange(len(stations)), chance.randrange(len(hospitals))
        assert route(auckland, stations[i], hospitals[j], profile=AMBULANCE_SIREN, at=AT).eta_s == times[i][j]


def test_closing_the_way_in_the_middle_again_and_again_never_crosses_what_is_closed(auckland: Roadmap):
    start, end = Place(-36.8606, 174.7697), Place(-36.9583, 174.8393)
    traffic, last_s = FREE_FLOW, 0.0
    for number in range(4):
        found = route(auckland, start, end, profile=AMBULANCE_SIREN, traffic=traffic, at=AT)
        assert found.eta_s >= last_s
        roads_only = LineString(found.geometry[1:-1])
        assert not any(roads_only.intersects(c.where.area) for c in traffic.closures if c.where.area)
        last_s = found.eta_s
        lon, lat = found.geometry[len(found.geometry) // 2]
        area = Point(lon, lat).buffer(0.002)
        traffic = traffic.with_closure(Closure(f"c{number}", Stretch(area=area), "works", "test", AT))
    assert found.avoids[0].closure == "c0"
    assert last_s > route(auckland, start, end, profile=AMBULANCE_SIREN, at=AT).eta_s


def test_an_island_behind_a_closed_bridge_is_unreachable(auckland: Roadmap):
    """Auckland's North Shore with the harbour bridge and the whole upper isthmus closed."""
    from shapely import box

    wall = Closure("wall", Stretch(area=box(174.0, -36.835, 175.4, -36.825)), "cut off", "test", AT)
    north, south = Place(-36.781164, 174.757402, name_en="North Shore"), Place(-36.860454, 174.769128, name_en="City")
    with pytest.raises(NoAnswer, match="North Shore"):
        route(auckland, north, south, profile=AMBULANCE_SIREN, traffic=FREE_FLOW.with_closure(wall), at=AT)


def test_heidelbergs_one_ways_are_kept(heidelberg: Roadmap):
    chance = random.Random(11)
    west, south, east, north = heidelberg.bounds
    allowed = {(u, v) for u, v, _ in heidelberg.graph.edges}
    at_point: dict[tuple[float, float], set[int]] = {}  # two nodes of this city lie on one point
    for node, data in heidelberg.graph.nodes(data=True):
        at_point.setdefault((data["x"], data["y"]), set()).add(node)
    answered = 0
    while answered < 5:
        ends = [Place(chance.uniform(south, north), chance.uniform(west, east)) for _ in range(2)]
        try:
            found = route(heidelberg, *ends, profile=CAR, at=AT)
        except NoAnswer:
            continue
        answered += 1
        steps = [(at_point[a], at_point[b]) for a, b in pairwise(found.geometry) if a in at_point and b in at_point]
        assert steps
        assert all(any((u, v) in allowed for u in here for v in there) for here, there in steps)
        assert found.legs[0].highway == OFF_ROAD
