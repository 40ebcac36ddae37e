"""Turn restrictions in a road file: which sequences of arcs they forbid, whom they bind, which are left out."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from paper_towns import Relations, osm_xml

from routing.roads import Roadmap, load_roads
from routing.roads.network import BUS, CAR, CONTRAFLOW, EMERGENCY, subset
from routing.roads.osm import read_osm
from routing.roads.restrictions import read_restriction

# A crossing at 5 with arms to 1 (north), 2 (east), 3 (south), 4 (west), and a ring around it.
NODES = {1: (31.01, 121.0), 2: (31.0, 121.01), 3: (30.99, 121.0), 4: (31.0, 120.99), 5: (31.0, 121.0)}
ARMS = [(10 + n, [n, 5], {"highway": "primary"}) for n in (1, 2, 3, 4)]
RING = [(20, [1, 2, 3, 4, 1], {"highway": "secondary"})]
FROM_NORTH = ("from", "way", 11)
VIA = ("via", "node", 5)
TO_EAST = ("to", "way", 12)


def town(tmp_path: Path, relations: Relations, ways=(), nodes=NODES) -> Roadmap:
    file = tmp_path / "town.osm"
    file.write_text(osm_xml(nodes, [*ARMS, *RING, *ways], relations=relations), encoding="utf-8")
    return load_roads(file)


def forbidden(roads: Roadmap) -> set[tuple[int, ...]]:
    """The node ids along each forbidden sequence."""
    net = roads.network
    found = set()
    for row in range(net.turns):
        arcs = net.turn(row)
        assert (net.head[arcs[:-1]] == net.tail[arcs[1:]]).all()
        found.add((*net.node_id[net.tail[arcs]].tolist(), int(net.node_id[net.head[arcs[-1]]])))
    return found


def test_a_forbidden_left_turn_is_the_pair_of_its_arcs(tmp_path: Path):
    roads = town(tmp_path, [([FROM_NORTH, VIA, TO_EAST], {"restriction": "no_left_turn"})])
    assert forbidden(roads) == {(1, 5, 2)}
    assert roads.network.turn_exempt.tolist() == [0]
    assert (roads.report.turns_read, roads.report.turns_kept, roads.report.turns_dropped) == (1, 1, {})


def test_only_straight_on_forbids_every_other_way_out_and_turning_round(tmp_path: Path):
    south = ("to", "way", 13)
    roads = town(tmp_path, [([FROM_NORTH, VIA, south], {"restriction": "only_straight_on"})])
    assert forbidden(roads) == {(1, 5, 2), (1, 5, 4), (1, 5, 1)}


def test_an_order_that_nobody_can_follow_does_not_shut_the_road(tmp_path: Path):
    nodes = NODES | {6: (31.005, 121.005)}
    into = (30, [6, 5], {"highway": "primary", "oneway": "yes"})
    out = (31, [1, 6], {"highway": "primary"})
    relation = ([FROM_NORTH, VIA, ("to", "way", 30)], {"restriction": "only_left_turn"})
    roads = town(tmp_path, [relation], [into, out], nodes)
    assert roads.network.turns == 0
    assert roads.report.turns_dropped == {"without_effect": 1}


def test_a_restriction_over_a_way_forbids_the_whole_sequence(tmp_path: Path):
    nodes = NODES | {6: (30.9995, 121.0), 7: (31.0, 120.9995)}
    ways = [(40, [5, 6, 7], {"highway": "primary_link"}), (41, [7, 4], {"highway": "primary"})]
    relation = ([FROM_NORTH, ("via", "way", 40), ("to", "way", 41)], {"restriction": "no_u_turn"})
    assert forbidden(town(tmp_path, [relation], ways, nodes)) == {(1, 5, 6, 7, 4)}


def test_a_restriction_over_two_ways_is_read_whichever_comes_first(tmp_path: Path):
    nodes = NODES | {6: (30.9995, 121.0), 7: (31.0, 120.9995)}
    ways = [
        (40, [6, 5], {"highway": "primary_link"}),
        (42, [6, 7], {"highway": "primary_link"}),
        (41, [7, 4], {"highway": "primary"}),
    ]
    for first, second in ((40, 42), (42, 40)):
        members = [FROM_NORTH, ("via", "way", first), ("via", "way", second), ("to", "way", 41)]
        assert forbidden(town(tmp_path, [(members, {"restriction": "no_u_turn"})], ways, nodes)) == {(1, 5, 6, 7, 4)}


def test_only_over_a_way_forbids_the_other_ways_out_at_its_end(tmp_path: Path):
    nodes = NODES | {6: (30.9995, 120.9995)}
    ways = [(40, [5, 6], {"highway": "primary_link"}), (41, [6, 4], {"highway": "primary"})]
    ways.append((42, [6, 3], {"highway": "primary"}))
    relation = ([FROM_NORTH, ("via", "way", 40), ("to", "way", 41)], {"restriction": "only_right_turn"})
    assert forbidden(town(tmp_path, [relation], ways, nodes)) == {(1, 5, 6, 3), (1, 5, 6, 5)}


def test_no_entry_binds_all_who_come_and_no_exit_all_who_leave(tmp_path: Path):
    entry = ([FROM_NORTH, ("from", "way", 14), VIA, TO_EAST], {"restriction": "no_entry"})
    leave = ([FROM_NORTH, VIA, ("to", "way", 13), ("to", "way", 14)], {"restriction": "no_exit"})
    assert forbidden(town(tmp_path, [entry, leave])) == {(1, 5, 2), (4, 5, 2), (1, 5, 3), (1, 5, 4)}


@pytest.mark.parametrize(
    ("exempt", "bits"),
    [("psv", BUS), ("emergency", EMERGENCY), ("psv;emergency", BUS | EMERGENCY), ("bicycle; bus", BUS), ("hgv", 0)],
)
def test_whom_a_restriction_excepts_it_does_not_bind(tmp_path: Path, exempt: str, bits: int):
    tags = {"restriction": "no_left_turn", "except": exempt}
    assert town(tmp_path, [([FROM_NORTH, VIA, TO_EAST], tags)]).network.turn_exempt.tolist() == [bits]


def test_a_turn_forbidden_twice_binds_whom_either_binds(tmp_path: Path):
    members = [FROM_NORTH, VIA, TO_EAST]
    excepted = (members, {"restriction": "no_left_turn", "except": "psv;emergency"})
    roads = town(tmp_path, [excepted, (members, {"restriction": "no_left_turn", "except": "psv"})])
    assert forbidden(roads) == {(1, 5, 2)}
    assert roads.network.turn_exempt.tolist() == [BUS]


LEFT = {"restriction": "no_left_turn"}


@pytest.mark.parametrize(
    ("members", "tags", "reason"),
    [
        ([FROM_NORTH, VIA, TO_EAST], {"restriction:conditional": "no_left_turn @ (07:00-09:00)"}, "conditional"),
        ([FROM_NORTH, VIA, TO_EAST], LEFT | {"hour_on": "07:00", "hour_off": "09:00"}, "conditional"),
        ([FROM_NORTH, VIA, TO_EAST], {"restriction": "no_right_turn_on_red"}, "unknown_kind"),
        ([FROM_NORTH, VIA, TO_EAST], LEFT | {"except": "motorcar"}, "other_vehicles"),
        ([FROM_NORTH, VIA], LEFT, "incomplete"),
        ([FROM_NORTH, TO_EAST], LEFT, "incomplete"),
        ([FROM_NORTH, VIA, ("to", "way", 999)], LEFT, "clipped"),
        ([FROM_NORTH, ("via", "node", 999), TO_EAST], LEFT, "unconnected"),
        ([FROM_NORTH, ("via", "node", 1), TO_EAST], LEFT, "unconnected"),
        ([FROM_NORTH, VIA, ("to", "way", 50)], LEFT, "not_driven"),
        ([("from", "way", 51), VIA, TO_EAST], LEFT, "without_effect"),
    ],
)
def test_what_cannot_be_honoured_is_counted_with_its_reason(tmp_path: Path, members, tags, reason: str):
    nodes = NODES | {6: (31.005, 121.005)}
    footway = (50, [5, 2], {"highway": "footway"})
    away = (51, [5, 6], {"highway": "primary", "oneway": "yes"})
    home = (52, [6, 2], {"highway": "primary"})
    roads = town(tmp_path, [(members, tags)], [footway, away, home], nodes)
    assert roads.network.turns == 0
    assert roads.report.turns_dropped == {reason: 1}
    assert (roads.report.turns_read, roads.report.turns_kept) == (1, 0)
    assert roads.as_facts()["turns_dropped"] == {reason: 1}


def test_a_restriction_for_lorries_is_none_for_cars():
    said = {"type": "restriction", "restriction:hgv": "no_left_turn"}
    assert read_restriction(said, [("from", "w", 1), ("via", "n", 2), ("to", "w", 3)]) == "other_vehicles"


def test_a_from_way_that_runs_through_the_via_says_nothing(tmp_path: Path):
    relation = ([("from", "way", 20), ("via", "node", 2), ("to", "way", 12)], {"restriction": "no_right_turn"})
    assert town(tmp_path, [relation]).report.turns_dropped == {"unconnected": 1}


def test_turns_survive_the_cache_and_leave_with_their_arcs(tmp_path: Path):
    relations = [([FROM_NORTH, VIA, ("to", "way", way)], {"restriction": "no_exit"}) for way in (12, 13)]
    first, second = town(tmp_path, relations), town(tmp_path, relations)
    assert forbidden(first) == forbidden(second) == {(1, 5, 2), (1, 5, 3)}
    net = first.network
    to_east = (net.node_id[net.tail] == 5) & (net.node_id[net.head] == 2)
    kept = subset(net, net.node_id > 0, ~to_east)
    roads = Roadmap(kept, first.report, name="", digest="", attribution="")
    assert forbidden(roads) == {(1, 5, 3)}


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_the_sequences_are_those_that_the_signs_forbid(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject):
    """Random signs at the nodes of a grid, against a plain reading of what each sign says about a pair of arcs."""
    oneways = data.draw(st.lists(st.booleans(), min_size=12, max_size=12))
    grid = {3 * y + x + 1: (31 + 0.001 * y, 121 + 0.001 * x) for y in range(3) for x in range(3)}
    pairs = [(n, n + 1) for n in grid if n % 3] + [(n, n + 3) for n in grid if n <= 6]
    ways = [
        (100 + row, pair, {"highway": "residential", **({"oneway": "yes"} if one else {})})
        for row, (pair, one) in enumerate(zip(pairs, oneways, strict=True))
    ]
    signs = data.draw(
        st.lists(
            st.tuples(
                st.sampled_from(sorted(grid)),
                st.integers(100, 111),
                st.integers(100, 111),
                st.sampled_from(["no_left_turn", "only_straight_on"]),
            ),
            max_size=5,
        )
    )
    relations = [
        ([("from", "way", f), ("via", "node", v), ("to", "way", t)], {"restriction": kind}) for v, f, t, kind in signs
    ]
    file = tmp_path_factory.mktemp("grid") / "grid.osm"
    file.write_text(osm_xml(grid, ways, relations=relations), encoding="utf-8")
    network, report = read_osm(file)
    assert report.turns_read == len(signs) == report.turns_kept + sum(report.turns_dropped.values())
    lawful = [arc for arc in range(network.arcs) if network.access[arc] != CONTRAFLOW]
    tail, head = network.node_id[network.tail].tolist(), network.node_id[network.head].tolist()
    way = network.way_id[network.way].tolist()

    def bans(sign, a: int, b: int) -> bool:
        via, way_from, way_to, kind = sign
        meets = via == head[a] == tail[b] and way[a] == way_from
        if not meets or via not in pairs[way_to - 100]:
            return False
        if kind.startswith("no_"):
            return way[b] == way_to
        can_follow = any(tail[c] == via and way[c] == way_to for c in lawful)
        return can_follow and way[b] != way_to

    expected = {(a, b) for a in lawful for b in lawful if any(bans(sign, a, b) for sign in signs)}
    assert {tuple(network.turn(row).tolist()) for row in range(network.turns)} == expected


def test_cars_are_bound_by_every_kept_restriction(tmp_path: Path):
    roads = town(tmp_path, [([FROM_NORTH, VIA, TO_EAST], {"restriction": "no_left_turn", "except": "psv"})])
    assert not (roads.network.turn_exempt & CAR).any()
