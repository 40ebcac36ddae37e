"""Gates, bus lanes and the way against one-way roads: which bits an arc carries, and that they make no islands."""

from __future__ import annotations

from pathlib import Path

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from paper_towns import osm_xml

from casebook.place import Place
from routing.roads import Roadmap, load_roads, save_roads
from routing.roads.islands import keep_strong_part
from routing.roads.network import BUS, CAR, COLUMNS, CONTRAFLOW, EMERGENCY, GATE, Column, Network
from routing.roads.osm import read_osm
from routing.roads.rules import OPEN, UNSAID, access_by_direction, passage

SQUARE = {1: (31.00, 121.00), 2: (31.00, 121.01), 3: (31.01, 121.01), 4: (31.01, 121.00)}
RING = (10, [1, 2, 3, 4, 1], {"highway": "primary"})
EVERYONE = CAR | EMERGENCY


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({"highway": "primary"}, (EVERYONE, EVERYONE)),
        ({"highway": "primary", "oneway": "yes"}, (EVERYONE, CONTRAFLOW)),
        ({"highway": "primary", "oneway": "-1"}, (CONTRAFLOW, EVERYONE)),
        ({"highway": "motorway"}, (EVERYONE, 0)),
        ({"highway": "motorway_link", "oneway": "yes"}, (EVERYONE, 0)),
        ({"highway": "trunk", "oneway": "yes"}, (EVERYONE, 0)),
        ({"highway": "trunk_link", "oneway": "yes"}, (EVERYONE, 0)),
        ({"highway": "primary", "junction": "roundabout"}, (EVERYONE, 0)),
        ({"highway": "residential", "oneway": "yes", "oneway:bus": "no"}, (EVERYONE, CONTRAFLOW | BUS)),
        ({"highway": "residential", "oneway": "yes", "busway": "opposite_lane"}, (EVERYONE, CONTRAFLOW | BUS)),
        ({"highway": "busway", "oneway": "yes"}, (BUS, 0)),
        ({"highway": "trunk", "oneway": "yes", "oneway:emergency": "no"}, (EVERYONE, EMERGENCY)),
        ({"highway": "primary", "oneway": "yes", "emergency": "no"}, (CAR, 0)),
        ({"highway": "primary", "oneway": "reversible"}, (0, 0)),
        ({"highway": "footway", "oneway": "yes"}, (0, 0)),
    ],
)
def test_access_along_and_against_a_way(tags: dict[str, str], expected: tuple[int, int]):
    assert access_by_direction(tags) == expected


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({"barrier": "gate"}, GATE | UNSAID),
        ({"barrier": "gate", "locked": "yes"}, GATE),
        ({"barrier": "lift_gate", "access": "private"}, GATE),
        ({"barrier": "gate", "access": "yes"}, OPEN),
        ({"barrier": "lift_gate", "access": "no", "motor_vehicle": "permissive"}, OPEN),
        ({"barrier": "gate", "access": "no", "emergency": "yes"}, GATE),
        ({"barrier": "gate", "emergency": "no"}, 0),
        ({"barrier": "gate", "access": "no", "bus": "yes"}, GATE | BUS),
        ({"barrier": "bollard"}, 0),
        ({"barrier": "bollard", "bollard": "removable"}, GATE),
        ({"barrier": "bollard", "bollard": "rising", "psv": "yes"}, GATE | BUS),
        ({"barrier": "bollard", "emergency": "yes"}, GATE),
        ({"barrier": "block"}, 0),
        ({"barrier": "block", "motor_vehicle": "yes"}, OPEN),
        ({"barrier": "bus_trap"}, BUS),
        ({"barrier": "toll_booth"}, None),
        ({"barrier": "cattle_grid"}, None),
        ({"barrier": "kerb"}, None),
    ],
)
def test_whom_a_barrier_lets_pass(tags: dict[str, str], expected: int | None):
    assert passage(tags) == expected


def town(tmp_path: Path, nodes, ways, **parts) -> Roadmap:
    file = tmp_path / "town.osm"
    file.write_text(osm_xml(nodes, ways, **parts), encoding="utf-8")
    return load_roads(file)


def bits(roads: Roadmap) -> dict[tuple[int, int], int]:
    return {roads.edge_of(arc)[:2]: int(roads.network.access[arc]) for arc in range(roads.network.arcs)}


SHORT_CUT = {5: (31.005, 121.005)}  # between 1 and 3


def test_a_gate_on_a_short_cut_leaves_it_to_those_who_open_it(tmp_path: Path):
    ways = [RING, (11, [1, 5, 3], {"highway": "residential"})]
    roads = town(tmp_path, SQUARE | SHORT_CUT, ways, node_tags={5: {"barrier": "lift_gate"}})
    assert {edge for edge, access in bits(roads).items() if access == GATE} == {(1, 5), (5, 1), (5, 3), (3, 5)}
    assert bits(roads)[1, 2] == EVERYONE
    assert roads.report.barriers == {"gate": 1}
    assert not roads.usable_by_car[[arc for arc in range(roads.network.arcs) if 5 in roads.edge_of(arc)]].any()


def test_a_gate_that_says_nothing_stands_open_on_a_classified_road(tmp_path: Path):
    ways = [RING, (11, [1, 5, 3], {"highway": "tertiary"})]
    for tags, expected in (({"barrier": "lift_gate"}, EVERYONE), ({"barrier": "lift_gate", "access": "no"}, GATE)):
        roads = town(tmp_path, SQUARE | SHORT_CUT, ways, node_tags={5: tags})
        assert bits(roads)[1, 5] == expected


def test_a_bollard_closes_a_short_cut_to_everybody(tmp_path: Path):
    ways = [RING, (11, [1, 5, 3], {"highway": "residential"})]
    roads = town(tmp_path, SQUARE | SHORT_CUT, ways, node_tags={5: {"barrier": "bollard"}})
    assert not any(5 in edge for edge in bits(roads))
    assert roads.report.barriers == {"closed": 1}


def test_what_lies_behind_a_gate_is_kept_for_those_who_open_it(tmp_path: Path):
    nodes = SQUARE | {5: (31.02, 121.0), 6: (31.03, 121.0)}
    ways = [RING, (11, [4, 5, 6], {"highway": "service"})]
    roads = town(tmp_path, nodes, ways, node_tags={5: {"barrier": "gate"}})
    assert {edge for edge, access in bits(roads).items() if access == GATE} == {(4, 5), (5, 4), (5, 6), (6, 5)}
    assert roads.report.nodes_islands == 0


def test_a_gate_drawn_on_a_junction_shuts_the_drive_not_the_street(tmp_path: Path):
    nodes = SQUARE | {5: (31.02, 121.0), 6: (31.0, 120.99)}
    ways = [RING, (11, [4, 5], {"highway": "service"}), (12, [6, 1], {"highway": "primary"})]
    roads = town(tmp_path, nodes, ways, node_tags={4: {"barrier": "gate"}})
    assert {edge for edge, access in bits(roads).items() if access == GATE} == {(4, 5), (5, 4)}


def test_a_one_way_road_has_a_way_against_it_numbered_last(tmp_path: Path):
    roads = town(tmp_path, SQUARE, [RING, (11, [1, 3], {"highway": "residential", "oneway": "yes"})])
    found = bits(roads)
    assert (found[1, 3], found[3, 1]) == (EVERYONE, CONTRAFLOW)
    assert roads.edge_of(roads.network.arcs - 1)[:2] == (3, 1)
    assert not roads.network.forward[-1]
    assert (3, 1) not in {edge[:2] for edge in roads.graph.edges}
    assert roads.graph.edges[1, 3, 0]["oneway"] is True
    assert roads.graph.edges[1, 2, 0]["oneway"] is False


def test_closing_a_one_way_edge_closes_the_way_against_it(tmp_path: Path):
    roads = town(tmp_path, SQUARE, [RING, (11, [1, 3], {"highway": "residential", "oneway": "yes"})])
    assert {roads.edge_of(arc)[:2] for arc in roads.arcs_of((1, 3, 0))} == {(1, 3), (3, 1)}
    assert {roads.edge_of(arc)[:2] for arc in roads.arcs_of((1, 2, 0))} == {(1, 2)}


def test_nobody_is_put_on_the_way_against_the_traffic_unless_asked(tmp_path: Path):
    roads = town(tmp_path, SQUARE, [RING, (11, [1, 3], {"highway": "residential", "oneway": "yes"})])
    (snap,) = roads.snap(Place(31.005, 121.005))
    assert roads.edge_of(snap.arc)[:2] == (1, 3)
    both = roads.snap(Place(31.005, 121.005), np.ones(roads.network.arcs, np.bool_))
    assert {roads.edge_of(snap.arc)[:2] for snap in both} == {(1, 3), (3, 1)}


def test_a_dead_end_is_no_part_of_the_map_because_one_can_drive_against_it(tmp_path: Path):
    nodes = SQUARE | {5: (31.02, 121.0)}
    roads = town(tmp_path, nodes, [RING, (11, [4, 5], {"highway": "residential", "oneway": "yes"})])
    assert set(roads.network.node_id.tolist()) == {1, 2, 3, 4}


def test_the_drawn_map_shows_a_one_way_road_once(tmp_path: Path):
    roads = town(tmp_path, SQUARE, [RING, (11, [1, 3], {"highway": "residential", "oneway": "yes"})])
    drawn = roads.as_geojson({"residential"})["features"]
    assert [feature["properties"]["oneway"] for feature in drawn] == [True]
    assert drawn[0]["geometry"]["coordinates"] == [[121.0, 31.0], [121.01, 31.01]]


def test_graphml_keeps_who_may_use_each_edge_and_the_way_against(tmp_path: Path):
    nodes = SQUARE | SHORT_CUT
    ways = [
        RING,
        (11, [1, 5, 3], {"highway": "residential"}),
        (12, [2, 4], {"highway": "residential", "oneway": "yes"}),
        (13, [2, 4], {"highway": "busway"}),
        (14, [1, 3], {"highway": "tertiary", "maxheight": "3.2", "maxweight": "7.5", "maxwidth": "2"}),
    ]
    roads = town(tmp_path, nodes, ways, node_tags={5: {"barrier": "gate"}})
    save_roads(roads, tmp_path / "town.graphml")
    again = load_roads(tmp_path / "town.graphml")

    def told(roads: Roadmap) -> list[tuple[int, int, int]]:
        return sorted((*roads.edge_of(arc)[:2], int(roads.network.access[arc])) for arc in range(roads.network.arcs))

    assert told(again) == told(roads)
    for roads_read in (roads, again):
        (arc,) = roads_read.arcs_of((1, 3, 0))
        sizes = [roads_read.network.tag(name, arc) for name in ("maxheight", "maxweight", "maxwidth")]
        assert sizes == ["3.2", "7.5", "2"]
    assert again.graph.edges[1, 2, 0]["oneway"] is False


def usable(network: Network, profile: int) -> nx.DiGraph:
    arcs = np.flatnonzero((network.access & profile) > 0)
    return nx.DiGraph(zip(network.node_id[network.tail[arcs]], network.node_id[network.head[arcs]], strict=True))


ANY_ACCESS = st.sampled_from([EVERYONE, EVERYONE, EVERYONE, EMERGENCY, BUS, GATE, CONTRAFLOW, CAR, GATE | BUS])


@settings(deadline=None, max_examples=150)
@given(st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11), ANY_ACCESS), min_size=1, max_size=50))
def test_every_vehicle_reaches_all_that_it_may_use_and_comes_back(links: list[tuple[int, int, int]]):
    raw = drawn([(a, b, access) for a, b, access in links if a != b])
    if not raw.arcs:
        return
    kept, nodes_dropped, _ = keep_strong_part(raw)
    assert nodes_dropped == raw.nodes - kept.nodes
    assert (kept.access > 0).all()
    for profile in (CAR, EMERGENCY, EMERGENCY | GATE, EMERGENCY | BUS, EMERGENCY | BUS | GATE):
        graph = usable(kept, profile)
        assert len(graph) == 0 or nx.is_strongly_connected(graph)
    parts = list(nx.strongly_connected_components(usable(raw, EMERGENCY)))
    main = usable(kept, EMERGENCY)
    if len(main):
        assert set(main.nodes) in parts
        assert len(main) == max(len(part) for part in parts)
    assert set(usable(kept, CAR).nodes) <= set(main.nodes)
    against = usable(kept, CONTRAFLOW)
    assert set(against.nodes) <= set(main.nodes) or not len(against)


def drawn(links: list[tuple[int, int, int]]) -> Network:
    m = len(links)
    return Network(
        node_id=np.arange(12, dtype=np.int64),
        lon=np.linspace(121, 121.1, 12),
        lat=np.linspace(31, 31.1, 12),
        tail=np.array([a for a, _, _ in links], np.int32),
        head=np.array([b for _, b, _ in links], np.int32),
        key=np.zeros(m, np.int32),
        length_m=np.ones(m),
        way=np.zeros(m, np.int32),
        forward=np.ones(m, np.bool_),
        access=np.array([access for _, _, access in links], np.uint8),
        origin=np.empty((0, 3), np.int64),
        way_id=np.zeros(1, np.int64),
        columns={name: Column.of([""]) for name in COLUMNS},
    )


def test_the_reader_takes_barriers_and_ways_in_any_order(tmp_path: Path):
    text = osm_xml(
        SQUARE | SHORT_CUT, [RING, (11, [1, 5, 3], {"highway": "residential"})], node_tags={5: {"barrier": "gate"}}
    )
    head, *lines = text.split("\n")
    nodes = [line for line in lines if line.startswith("<node")]
    rest = [line for line in lines if not line.startswith("<node")]
    late = tmp_path / "late.osm"
    late.write_text("\n".join([head, *rest[:-1], *nodes, rest[-1]]), encoding="utf-8")
    early = tmp_path / "early.osm"
    early.write_text(text, encoding="utf-8")
    (a, report_a), (b, report_b) = read_osm(late), read_osm(early)
    assert (a.access == b.access).all()
    assert (a.lon == b.lon).all()
    assert report_a == report_b
