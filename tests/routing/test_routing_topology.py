"""A forbidden turn is an arc that is not there: for those whom it binds, and for nobody else."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from paper_towns import roadmap_of
from paper_turns import SIZE, Town, all_pairs, allowed, towns, with_turns

from routing.engine import ENGINES, UNREACHED, open_engine
from routing.profiles import AMBULANCE, AMBULANCE_SIREN, CAR
from routing.roads import Roadmap
from routing.topology import build_topology, topology_of

NODES = list(range(SIZE))
#: A crossing: 0 west, 1 middle, 2 east, 3 north; and the long way round from 0 to 3 over 4.
CROSSING = {0: (31, 121), 1: (31, 121.01), 2: (31, 121.02), 3: (31.01, 121.01), 4: (31.01, 121.0)}
STREETS = [(0, 1, 100.0), (1, 2, 100.0), (1, 3, 100.0), (0, 4, 900.0), (4, 3, 900.0), (2, 1, 100.0), (3, 1, 100.0)]
BACK = [(1, 0, 100.0)]


def crossing(turns: list[tuple[list[tuple[int, int]], int]]) -> Roadmap:
    roads = roadmap_of(CROSSING, STREETS + BACK)
    arcs = {roads.edge_of(arc)[:2]: arc for arc in range(roads.network.arcs)}
    return with_turns(roads, [([arcs[ends] for ends in turn], exempt) for turn, exempt in turns])


def driven(roads: Roadmap, start: int, end: int, bound: np.ndarray | None = None, name: str = "scipy") -> list:
    rows = {int(id): row for row, id in enumerate(roads.network.node_id)}
    engine = open_engine(roads, np.rint(roads.network.length_m).astype(np.int64), name, bound=bound)
    arcs = engine.path(rows[start], rows[end])
    return [] if arcs is None else [roads.edge_of(arc)[:2] for arc in arcs]


@pytest.mark.parametrize("name", ENGINES)
def test_no_left_turn_sends_one_round_by_the_next_crossing_or_to_turn_behind_it(name: str):
    roads = crossing([([(0, 1), (1, 3)], 0)])
    assert driven(roads, 0, 3, name=name) == [(0, 1), (1, 2), (2, 1), (1, 3)]
    assert driven(roads, 2, 3, name=name) == [(2, 1), (1, 3)]  # from the other side it is allowed
    assert driven(roads, 0, 2, name=name) == [(0, 1), (1, 2)]


@pytest.mark.parametrize("name", ENGINES)
def test_a_way_over_a_way_is_forbidden_as_a_whole_only(name: str):
    no_left, no_turning_back = [(0, 1), (1, 3)], [(2, 1), (1, 2)]
    roads = crossing([(no_left, 0), (no_turning_back, 0), ([(0, 1), (1, 2), (2, 1), (1, 3)], 0)])
    assert driven(roads, 0, 3, name=name) == [(0, 4), (4, 3)]
    assert driven(roads, 2, 3, name=name) == [(2, 1), (1, 3)]  # who comes from the east has not come from the west
    assert driven(roads, 1, 3, name=name) == [(1, 3)]


def test_a_turn_that_does_not_bind_the_vehicle_is_driven():
    roads = crossing([([(0, 1), (1, 3)], 0)])
    for profile in (CAR, AMBULANCE):
        assert driven(roads, 0, 3, profile.bound_turns(roads.network)) != [(0, 1), (1, 3)]
    assert driven(roads, 0, 3, AMBULANCE_SIREN.bound_turns(roads.network)) == [(0, 1), (1, 3)]


def test_without_turns_the_search_graph_is_the_network():
    roads = roadmap_of(CROSSING, STREETS + BACK)
    topology = topology_of(roads)
    assert not topology.has_copies
    assert topology.tail.tolist() == roads.network.tail.tolist()
    assert topology is topology_of(roads)


def test_parallel_arcs_share_a_pair_and_the_lightest_is_driven():
    roads = roadmap_of({0: (31, 121), 1: (31, 121.01)}, [(0, 1, None)] * 3 + [(1, 0, None)])
    topology = topology_of(roads)
    assert topology.pair_weights(np.array([7, 5, 9, 1])).tolist() == [5, 1]
    assert topology.lightest_arcs(np.array([0, 1]), np.array([7, 5, 9, 1])).tolist() == [1, 3]
    assert topology.lightest_arcs(np.array([0]), np.array([5, 5, 5, 1])).tolist() == [0]  # the first on a tie


@pytest.mark.parametrize("name", ENGINES)
@settings(deadline=None, max_examples=80)
@given(town=towns(turns=True), some=st.booleans())
def test_times_and_ways_under_random_turns_are_those_of_remembering_everything(name: str, town: Town, some: bool):
    bound = CAR.bound_turns(town.net) if not some else AMBULANCE.bound_turns(town.net)
    truth = all_pairs(town, bound)
    engine = open_engine(town.roads, town.weights_ms, name, bound=bound)
    assert np.array_equal(engine.times_ms(NODES, NODES), truth)
    for node in NODES:
        assert np.array_equal(engine.reach_ms(node), truth[node])
        arcs = engine.path(node, (node + 3) % SIZE)
        if arcs is None:
            assert truth[node, (node + 3) % SIZE] == UNREACHED
        else:
            assert sum(int(town.weights_ms[arc]) for arc in arcs) == truth[node, (node + 3) % SIZE]
            assert allowed(town, arcs, bound)
    assert np.array_equal(engine.reach_ms(0, backward=True), truth[:, 0])


@settings(deadline=None, max_examples=40)
@given(town=towns(turns=True))
def test_who_is_bound_by_nothing_drives_as_if_no_turn_were_forbidden(town: Town):
    free = np.zeros(town.net.turns, np.bool_)
    plain = Town(with_turns(town.roads, []), town.weights_ms)
    engine = open_engine(town.roads, town.weights_ms, bound=free)
    assert np.array_equal(engine.times_ms(NODES, NODES), all_pairs(plain))


@settings(deadline=None, max_examples=40)
@given(town=towns(turns=True), data=st.data())
def test_weights_made_from_the_last_ones_are_those_made_anew(town: Town, data: st.DataObject):
    topology = build_topology(town.net)
    bound = AMBULANCE.bound_turns(town.net)
    before = topology.pair_weights(town.weights_ms, bound)
    arcs = np.unique(data.draw(st.lists(st.integers(0, town.net.arcs - 1), max_size=6)) or [0]).astype(np.intp)
    after_ms = town.weights_ms.copy()
    after_ms[arcs] = data.draw(st.integers(1, 60))
    pairs = topology.pairs_of(arcs)
    before[pairs] = topology.weights_of(pairs, after_ms, bound)
    assert np.array_equal(before, topology.pair_weights(after_ms, bound))
