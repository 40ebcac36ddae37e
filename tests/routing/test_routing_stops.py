"""Prepared places answer as unprepared ones, under closures too; tables say what routes say; nodes go by their ids."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from paper_towns import AT, on_edge, roadmap_of
from paper_turns import walk, with_turns

from casebook.errors import NoAnswer, NotFound
from casebook.place import Place
from routing.costs import costs_for
from routing.engine import ENGINES
from routing.ground import Stops, node_times, route, table
from routing.profiles import AMBULANCE_SIREN, CAR
from routing.roads import Roadmap
from routing.traffic import FREE_FLOW, Closure, Stretch, Traffic

SIDE = 4
GRID = {n: (31 + 0.01 * (n // SIDE), 121 + 0.01 * (n % SIDE)) for n in range(SIDE * SIDE)}
STREETS = [(n, n + 1) for n in GRID if n % SIDE < SIDE - 1] + [(n, n + SIDE) for n in GRID if n // SIDE < SIDE - 1]
ARCS = 2 * len(STREETS)
spots = st.builds(Place, st.floats(30.995, 31.035), st.floats(120.995, 121.035))
corners = st.sampled_from([Place(*at) for at in GRID.values()])
places = st.lists(st.one_of(spots, corners), min_size=1, max_size=6)


@st.composite
def grids(draw) -> Roadmap:
    """A grid with a few forbidden turns, and sometimes a second arc between the same corners."""
    streets = STREETS + draw(st.lists(st.sampled_from(STREETS), max_size=3))
    roads = roadmap_of(GRID, [ends for u, v in streets for ends in ((u, v, None), (v, u, None))])
    chance = draw(st.randoms(use_true_random=False))
    return with_turns(
        roads, [(walk(roads.network, chance, chance.choice((2, 3))), 0) for _ in range(chance.randrange(6))]
    )


def closing(roads: Roadmap, rows: list[int], version: int = 1) -> Traffic:
    closures = [
        Closure(f"c{row}", Stretch(edges=frozenset({roads.edge_of(row)})), "works", "dispatcher", AT) for row in rows
    ]
    return Traffic(version, tuple(closures))


@settings(deadline=None, max_examples=40)
@given(
    roads=grids(),
    starts=places,
    ends=places,
    shut=st.lists(st.lists(st.integers(0, ARCS - 1), max_size=5, unique=True), min_size=1, max_size=4),
    profile=st.sampled_from((CAR, AMBULANCE_SIREN)),
)
def test_prepared_places_answer_as_fresh_ones_through_closing_and_opening(roads, starts, ends, shut, profile):
    prepared_starts, prepared_ends = Stops(roads, starts), Stops(roads, ends)
    for version, rows in enumerate([*shut, []]):
        ask = {"profile": profile, "traffic": closing(roads, rows, version), "at": AT}
        found = table(roads, prepared_starts, prepared_ends, **ask)
        assert found == table(roads, starts, ends, **ask)
        assert found == table(roads, starts, ends, engine="scipy", **ask)
        costs = costs_for(roads, profile=profile, holding=ask["traffic"].holding(AT))
        assert prepared_ends.snaps(costs) == [roads.snap(place, costs.usable) for place in ends]


@settings(deadline=None, max_examples=25)
@given(roads=grids(), starts=places, ends=places, rows=st.lists(st.integers(0, ARCS - 1), max_size=4, unique=True))
def test_every_cell_of_a_table_is_the_time_of_a_route_that_breaks_no_turn(roads: Roadmap, starts, ends, rows):
    ask = {"profile": CAR, "traffic": closing(roads, rows), "at": AT}
    found = table(roads, starts, ends, **ask)
    forbidden = [roads.network.turn(turn).tolist() for turn in range(roads.network.turns)]
    for i, start in enumerate(starts):
        for j, end in enumerate(ends):
            for name in ENGINES:
                try:
                    way = route(roads, start, end, engine=name, **ask)
                except NoAnswer:
                    assert found[i][j] is None
                    continue
                assert found[i][j] == way.eta_s
                arcs = [arc for arc in way.arcs if arc is not None]
                assert not set(arcs) & set(rows)
                assert all(arcs[at : at + len(turn)] != turn for turn in forbidden for at in range(len(arcs)))
                net = roads.network
                assert all(net.head[a] == net.tail[b] for a, b in pairwise(arcs))
                assert list(way.edges) == [roads.edge_of(arc) for arc in arcs]
                assert all(roads.graph.has_edge(*edge) for edge in way.edges)


def town() -> Roadmap:
    return roadmap_of(GRID, [ends for u, v in STREETS for ends in ((u, v, None), (v, u, None))])


def test_a_place_at_a_crossing_joins_the_roads_by_one_door_and_one_in_a_street_by_two():
    roads = town()
    costs = costs_for(roads, profile=CAR)
    stops = Stops(roads, [Place(*GRID[5]), on_edge(roads, 5, 6, 0.25), Place(60.0, 10.0)])
    for doors in (stops.joins(costs), stops.leaves(costs)):
        assert np.diff([*doors.start, len(doors.nodes)]).tolist() == [1, 2]
        assert doors.owners.tolist() == [0, 1]  # the third is off the map
    assert len(stops) == 3


def test_places_are_put_on_the_road_once_for_all_that_is_asked_under_the_same_closures(monkeypatch):
    roads, asked = town(), []
    stops = Stops(roads, [on_edge(roads, 5, 6, 0.25), on_edge(roads, 9, 10, 0.5)])
    snap = type(roads).snap
    monkeypatch.setattr(type(roads), "snap", lambda *args: (asked.append(args[1]), snap(*args))[1])
    for _ in range(5):
        table(roads, stops, stops, profile=CAR, at=AT)
    assert len(asked) == 2
    elsewhere = next(arc for arc in range(ARCS) if roads.edge_of(arc)[:2] == (0, 1))
    table(roads, stops, stops, profile=CAR, traffic=closing(roads, [elsewhere]), at=AT)
    assert len(asked) == 2  # no closure touches them
    here = next(arc for arc in range(ARCS) if roads.edge_of(arc)[:2] == (5, 6))
    table(roads, stops, stops, profile=CAR, traffic=closing(roads, [here]), at=AT)
    assert asked[2:] == [stops.places[0]]  # only the one that lost its arc


def test_stops_of_another_road_map_are_refused():
    with pytest.raises(AssertionError, match="one road map"):
        table(town(), Stops(town(), [Place(31, 121)]), [Place(31, 121)], profile=CAR, at=AT)


def test_empty_tables_are_empty():
    roads, here = town(), Place(*GRID[5])
    assert table(roads, [], [here], profile=CAR, at=AT) == []
    assert table(roads, [here], [], profile=CAR, at=AT) == [[]]


def test_a_closure_that_begins_on_the_way_is_in_the_table_too():
    roads = town()
    start, end = on_edge(roads, 4, 5, 0.25), on_edge(roads, 6, 7, 0.75)
    free = route(roads, start, end, profile=CAR, at=AT)
    middle = next(arc for arc in range(ARCS) if roads.edge_of(arc)[:2] == (5, 6))
    begins = AT + timedelta(seconds=free.eta_s / 2)
    traffic = FREE_FLOW.with_closure(
        Closure("late", Stretch(edges=frozenset({roads.edge_of(middle)})), "works", "d", begins)
    )
    ask = {"profile": CAR, "traffic": traffic, "at": AT}
    way = route(roads, start, end, **ask)
    assert way.eta_s > free.eta_s
    assert table(roads, Stops(roads, [start]), Stops(roads, [end, start]), **ask) == [[way.eta_s, 0.0]]


@settings(deadline=None, max_examples=20)
@given(roads=grids(), sources=st.lists(st.sampled_from(list(GRID)), min_size=1, max_size=4))
def test_times_between_nodes_go_by_their_ids_and_are_those_of_networkx(roads: Roadmap, sources: list[int]):
    import networkx as nx

    assume(roads.network.turns == 0)
    ms = costs_for(roads, profile=CAR).likely_ms
    targets = list(GRID)
    found = node_times(roads, sources, targets, profile=CAR, at=AT)
    for source, row in zip(sources, found, strict=True):
        truth = nx.single_source_dijkstra_path_length(
            roads.graph, source, weight=lambda u, v, edges: min(int(ms[edge["arc"]]) for edge in edges.values())
        )
        assert row == [truth[target] / 1000 if target in truth else None for target in targets]


def test_a_node_that_is_not_on_the_map_is_named():
    with pytest.raises(NotFound, match="4711"):
        node_times(town(), [0], [1, 4711], profile=CAR, at=AT)
