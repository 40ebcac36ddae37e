"""The drill region's road file: whole, one-way where it must be, honest about its sources, and built by the script."""

from __future__ import annotations

import itertools
from pathlib import Path

import networkx as nx
import osmium
import pytest
from osmium.osm import Node
from osmium.osm import Way as OsmWay
from region_stage import FOLDER, ROADS, drawn, region_file

from scenarios.regions.build_yangtze_delta import build
from scenarios.regions.carriageways import project
from scenarios.regions.table import metres

#: Points of the table's own description (its PROVENANCE): the G60 runs through them. The table has no vertex nearer
#: than 240 m to the first.
G60_POINTS = [
    (30.715, 120.842), (30.773, 120.910), (30.797, 120.944), (30.850, 120.987), (30.883, 121.022), (30.939, 121.083),
    (30.977, 121.099), (30.993, 121.111),
]  # fmt: skip


def pieces(ref: str):
    at = drawn().at
    for nodes, tags in drawn().of(highway="motorway"):
        if ref in tags["ref"].split(";"):
            yield from ((at[a], at[b]) for a, b in itertools.pairwise(nodes))


def off_m(place: tuple[float, float], ref: str) -> float:
    return min(project(place, a, b)[1] for a, b in pieces(ref))


def test_osmium_reads_the_file_and_finds_every_node_of_every_way():
    nodes: set[int] = set()
    ways = 0
    for item in osmium.FileProcessor(str(ROADS)):
        if isinstance(item, Node):
            nodes.add(item.id)
        elif isinstance(item, OsmWay):
            ways += 1
            assert len(item.nodes) >= 2
            assert all(node.ref in nodes for node in item.nodes)
    assert ways == len(drawn().ways) > 7000


def test_the_header_carries_the_odbl_notice():
    head = drawn().text[:400]
    assert 'copyright="© OpenStreetMap contributors"' in head
    assert 'license="ODbL 1.0"' in head
    assert "openstreetmap.org/copyright" in head


def test_every_way_says_what_it_is_and_where_it_is_from():
    for _, tags in drawn().ways:
        assert tags["source"].startswith("OpenStreetMap") or tags["source"] == "assumption"
        assert tags["highway"] in {
            "motorway", "motorway_link", "trunk", "primary", "secondary", "residential", "service",
        }  # fmt: skip


def test_a_car_gets_from_every_node_to_every_other():
    graph = drawn().car_graph()
    assert graph.number_of_nodes() > 4900
    assert nx.is_strongly_connected(graph)


def test_every_hospital_and_station_is_a_place_of_the_network():
    graph, at = drawn().car_graph(), drawn().at
    region = region_file("yangtze_delta")
    joined = {at[node] for node in graph.nodes}
    for one in [*region["hospitals"], *region["stations"]]:
        assert (one["lat"], one["lon"]) in joined, one["id"]


def test_an_expressway_is_two_one_way_carriageways_and_one_keeps_to_the_right():
    for ref in ("G60", "G15", "S32", "S36", "G1503"):
        for a, b in pieces(ref):
            length = metres(a, b)
            if length < 600:
                continue
            middle = ((a[0] + b[0]) / 2, (a[1] + b[1]) / 2)
            others = [(c, d) for c, d in pieces(ref) if cosine((a, b), (c, d)) < -0.99]
            c, d = min(others, key=lambda other: project(middle, *other)[1])
            assert 20 < project(middle, c, d)[1] < 45
            assert side((a, b), c) > 0, "the oncoming carriageway lies to the left"
    assert all(tags["oneway"] == "yes" for _, tags in drawn().of(highway="motorway"))
    assert all(tags["oneway"] == "yes" for _, tags in drawn().of(highway="motorway_link"))


def cosine(one, two) -> float:
    (a, b), (c, d) = one, two
    x1, y1, x2, y2 = b[1] - a[1], b[0] - a[0], d[1] - c[1], d[0] - c[0]
    return (x1 * x2 + y1 * y2) / ((x1 * x1 + y1 * y1) * (x2 * x2 + y2 * y2)) ** 0.5


def side(line, point) -> float:
    """Positive when the point lies to the left of the line."""
    a, b = line
    return (b[1] - a[1]) * (point[0] - a[0]) - (b[0] - a[0]) * (point[1] - a[1])


@pytest.mark.parametrize("point", G60_POINTS, ids=str)
def test_the_g60_runs_through_its_check_points(point: tuple[float, float]):
    assert off_m(point, "G60") < (300 if point == G60_POINTS[0] else 120)


def test_the_s32_crosses_the_g60_west_of_shihudang_and_runs_on_near_30_98():
    assert off_m((30.977, 121.099), "S32") < 120
    for lon in (121.16, 121.20, 121.25):
        assert off_m((30.981, lon), "S32") < 250


def test_expressways_keep_their_carriageways_together_without_gaps():
    """No stray piece of a road far from the rest: each direction of each road hangs together.

    The S36 reaches the stretch that it shares with the G1503 over ramps, so that stretch is counted to the G1503.
    """
    for ref in ("G60", "G15", "G1503", "S32", "S36", "G50", "S4"):
        graph = nx.Graph()
        for nodes, tags in drawn().of(highway="motorway"):
            if tags["ref"].split(";")[0] == ref:
                nx.add_path(graph, nodes)
        assert nx.number_connected_components(graph) == 2, ref


def test_labels_do_not_leak_onto_roads_beside():
    """The number stands on expressway carriageways or on the national road only, never on ramps and access ways."""
    lengths_km: dict[str, float] = {}
    for nodes, tags in drawn().ways:
        if "ref" in tags:
            assert tags["highway"] in ("motorway", "trunk")
            m = sum(metres(drawn().at[a], drawn().at[b]) for a, b in itertools.pairwise(nodes))
            lengths_km[tags["ref"]] = lengths_km.get(tags["ref"], 0) + m / 1000
    assert lengths_km["G60"] / 2 == pytest.approx(91.0, abs=2)  # both carriageways
    assert lengths_km["S36"] / 2 == pytest.approx(21.6, abs=1)


def test_no_ordinary_road_runs_beside_an_expressway_as_its_ghost():
    at = drawn().at
    g60 = list(pieces("G60"))
    for nodes, tags in drawn().ways:
        if tags["highway"] not in ("primary", "secondary", "trunk"):
            continue
        ends = at[nodes[0]], at[nodes[-1]]
        if metres(*ends) < 500:
            continue
        shares = [(ends[0][0] + (ends[1][0] - ends[0][0]) * s, ends[0][1] + (ends[1][1] - ends[0][1]) * s)
                  for s in (0.1, 0.5, 0.9)]  # fmt: skip
        assert not all(any(project(place, a, b)[1] < 150 for a, b in g60) for place in shares), nodes


def test_only_ambulances_may_cross_the_median():
    openings = drawn().of(service="emergency_access")
    assert len(openings) == 2
    for nodes, tags in openings:
        assert (tags["access"], tags["emergency"], tags["source"]) == ("no", "yes", "assumption")
        assert metres(drawn().at[nodes[0]], drawn().at[nodes[1]]) < 45


def test_the_script_makes_the_committed_file_from_the_table(shared_data: Path):
    assert build(shared_data / "roads" / "yangtze-delta", FOLDER) == drawn().text


def test_the_script_refuses_labels_that_the_table_does_not_follow(shared_data: Path, tmp_path: Path):
    labels = (FOLDER / "labels.yaml").read_text(encoding="utf-8")
    (tmp_path / "labels.yaml").write_text(labels.replace("[30.939, 121.083]", "[30.910, 121.120]", 1), encoding="utf-8")
    (tmp_path / "region.yaml").write_text((FOLDER / "region.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    with pytest.raises(ValueError, match="G60"):
        build(shared_data / "roads" / "yangtze-delta", tmp_path)
