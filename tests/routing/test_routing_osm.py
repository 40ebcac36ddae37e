"""Reading OpenStreetMap files: who may drive where, which way, and what is dropped."""

from __future__ import annotations

from pathlib import Path

import pytest
from paper_towns import Draw, osm_xml

from casebook.errors import RefusedInput
from routing.roads import load_roads
from routing.roads.network import BUS, CAR, EMERGENCY
from routing.roads.rules import directions, who_may_use

SQUARE = {1: (31.00, 121.00), 2: (31.00, 121.01), 3: (31.01, 121.01), 4: (31.01, 121.00)}
RING = (10, [1, 2, 3, 4, 1], {"highway": "primary", "ref": "G320", "name": "亭枫公路", "name:en": "Tingfeng Road"})


def edges(roadmap) -> set[tuple[int, int]]:
    return {(u, v) for u, v, _ in roadmap.graph.edges}


def test_a_two_way_street_is_driven_both_ways(draw: Draw):
    assert edges(draw(SQUARE, [RING])) == {(1, 2), (2, 1), (2, 3), (3, 2), (3, 4), (4, 3), (4, 1), (1, 4)}


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({"highway": "primary"}, (True, True)),
        ({"highway": "primary", "oneway": "yes"}, (True, False)),
        ({"highway": "primary", "oneway": "-1"}, (False, True)),
        ({"highway": "motorway"}, (True, False)),
        ({"highway": "motorway", "oneway": "no"}, (True, True)),
        ({"highway": "motorway_link"}, (True, True)),
        ({"highway": "primary", "junction": "roundabout"}, (True, False)),
        ({"highway": "primary", "junction": "circular"}, (True, False)),
        ({"highway": "primary", "oneway": "reversible"}, (False, False)),
    ],
)
def test_one_way_rules(tags: dict[str, str], expected: tuple[bool, bool]):
    assert directions(tags) == expected


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({"highway": "primary"}, CAR | EMERGENCY),
        ({"highway": "service"}, CAR | EMERGENCY),
        ({"highway": "service", "service": "parking_aisle"}, 0),
        ({"highway": "service", "service": "emergency_access"}, EMERGENCY),
        ({"highway": "service", "access": "emergency"}, EMERGENCY),
        ({"highway": "service", "access": "private"}, 0),
        ({"highway": "service", "access": "private", "emergency": "yes"}, EMERGENCY),
        ({"highway": "primary", "access": "no", "motor_vehicle": "yes"}, CAR | EMERGENCY),
        ({"highway": "primary", "motor_vehicle": "no", "psv": "yes"}, BUS),
        ({"highway": "primary", "access": "psv"}, BUS),
        ({"highway": "busway"}, BUS),
        ({"highway": "busway", "emergency": "yes"}, EMERGENCY | BUS),
        ({"highway": "busway", "emergency": "no"}, 0),
        ({"highway": "track", "emergency": "designated"}, EMERGENCY),
        ({"highway": "track"}, 0),
        ({"highway": "footway"}, 0),
        ({"highway": "construction"}, 0),
        ({"highway": "pedestrian", "area": "yes", "emergency": "yes"}, 0),
    ],
)
def test_who_may_use_a_way(tags: dict[str, str], expected: int):
    assert who_may_use(tags) == expected


def test_edges_carry_what_osmnx_users_expect(draw: Draw):
    graph = draw(SQUARE, [RING]).graph
    edge = graph.edges[1, 2, 0]
    assert (edge["highway"], edge["ref"], edge["name"], edge["osmid"], edge["oneway"]) == (
        "primary",
        "G320",
        "亭枫公路",
        10,
        False,
    )
    assert edge["length"] == pytest.approx(953.1, abs=0.5)  # 0.01 degree of longitude at 31 N
    assert graph.nodes[3] == {"x": 121.01, "y": 31.01}


def test_a_way_is_cut_at_missing_nodes_not_refused(draw: Draw):
    stray = (11, [1, 77, 2, 3, 88], {"highway": "secondary"})
    roadmap = draw(SQUARE, [RING, stray])
    assert roadmap.report.ways_clipped == 1
    assert roadmap.report.nodes_missing == 2
    assert (2, 3, 1) in roadmap.graph.edges  # the part that is there runs beside the ring
    assert (1, 2, 1) not in roadmap.graph.edges  # but nothing jumps over the gap


def test_a_repeated_node_makes_no_arc_of_no_length(draw: Draw):
    roadmap = draw(SQUARE, [(10, [1, 1, 2, 3, 4, 4, 1], {"highway": "primary"})])
    assert edges(roadmap) == {(1, 2), (2, 1), (2, 3), (3, 2), (3, 4), (4, 3), (4, 1), (1, 4)}


def test_islands_and_dead_ends_of_one_ways_are_dropped_and_counted(draw: Draw):
    nodes = SQUARE | {5: (31.02, 121.00), 6: (31.5, 121.5), 7: (31.5, 121.6)}
    dead_end = (11, [4, 5], {"highway": "primary", "oneway": "yes"})
    island = (12, [6, 7], {"highway": "primary"})
    roadmap = draw(nodes, [RING, dead_end, island])
    assert set(roadmap.graph.nodes) == {1, 2, 3, 4}
    assert (roadmap.report.nodes_islands, roadmap.report.arcs_islands) == (3, 3)


def test_a_road_that_only_an_ambulance_can_leave_is_closed_to_cars(draw: Draw):
    nodes = SQUARE | {5: (31.02, 121.00)}
    into = (11, [4, 5], {"highway": "primary", "oneway": "yes"})
    out = (12, [5, 3], {"highway": "service", "service": "emergency_access", "oneway": "yes"})
    roadmap = draw(nodes, [RING, into, out])
    arcs = {roadmap.edge_of(arc)[:2]: bool(roadmap.usable_by_car[arc]) for arc in range(roadmap.network.arcs)}
    assert arcs[4, 5] is False
    assert arcs[5, 3] is False
    assert arcs[1, 2] is True


def test_nodes_may_stand_behind_the_ways(tmp_path: Path):
    nodes_last = osm_xml({}, [RING]).replace("</osm>", osm_xml(SQUARE, []).split("\n", 2)[2])
    file = tmp_path / "late.osm"
    file.write_text(nodes_last, encoding="utf-8")
    assert load_roads(file).network.arcs == 8


@pytest.mark.parametrize(
    ("text", "key", "line"),
    [
        (
            "<?xml version='1.0'?>\n<osm version='0.6'>\n<node id='1' lat='31' lon='121'></way></osm>",
            "roads_malformed",
            3,
        ),
        ("no xml at all", "roads_malformed", 1),
        ("", "roads_malformed", 1),
        ("<?xml version='1.0'?>\n<html></html>", "roads_malformed", "-"),
        ("<?xml version='1.0'?><osm><node id='1' lat='31' lon='121'/></osm>", "roads_malformed", "-"),
        (osm_xml(SQUARE, [RING]).replace('lat="31.01"', 'lat="north"', 1), "roads_malformed", 5),
        (osm_xml(SQUARE, [RING]).replace('ref="3"', 'ref="three"', 1), "roads_malformed", 10),
        (osm_xml(SQUARE, [RING]).replace('way id="10"', 'way id="ten"', 1), "roads_malformed", 7),
        ('<!DOCTYPE a [<!ENTITY x "y">]><osm version="0.6">&x;</osm>', "roads_malformed", "-"),
        ("<osm version='0.6'></osm>", "roads_empty", None),
        (osm_xml(SQUARE, [(1, [1, 2, 3], {"highway": "footway"})]), "roads_empty", None),
        (osm_xml(SQUARE, [(1, [1, 2, 3], {"highway": "motorway"})]), "roads_empty", None),  # no way back
    ],
)
def test_a_file_without_roads_is_refused_with_its_line(tmp_path: Path, text: str, key: str, line):
    file = tmp_path / "bad.osm"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(RefusedInput) as refused:
        load_roads(file)
    assert refused.value.key == key
    assert refused.value.facts.get("line") == line
    assert "bad.osm" in refused.value.said("zh")
    assert "{" not in refused.value.said("en")


def test_files_cut_off_in_the_middle_are_refused(shared_data: Path, tmp_path: Path):
    for name in ("auckland.osm.gz", "auckland.osm.pbf"):
        half = tmp_path / name
        half.write_bytes((shared_data / "roads" / name).read_bytes()[:300_000])
        with pytest.raises(RefusedInput) as refused:
            load_roads(half)
        assert refused.value.key == "roads_malformed"


def test_a_node_off_the_globe_counts_as_missing(draw: Draw):
    roadmap = draw(SQUARE | {9: (95.0, 121.0)}, [RING, (11, [1, 9, 3], {"highway": "primary"})])
    assert roadmap.report.nodes_missing == 1
