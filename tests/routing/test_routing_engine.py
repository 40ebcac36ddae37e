"""Both engines give the same times, and they are the shortest."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from paper_towns import roadmap_of

from casebook.errors import RefusedInput
from routing.engine import ABSENT_MS, ENGINES, UNREACHED, open_engine
from routing.roads import Roadmap

SIZE = 7
PLACES = {n: (31 + 0.01 * (n // 3), 121 + 0.01 * (n % 3)) for n in range(SIZE)}
RING = [(n, (n + 1) % SIZE, None) for n in range(SIZE)]  # keeps every town in one strong part


@dataclass
class Town:
    roads: Roadmap
    weights_ms: np.ndarray


@st.composite
def towns(draw) -> Town:
    node = st.integers(0, SIZE - 1)
    extra = draw(st.lists(st.tuples(node, node).filter(lambda ends: ends[0] != ends[1]), max_size=20))
    roads = roadmap_of(PLACES, RING + [(u, v, None) for u, v in extra])
    weight = st.one_of(st.integers(1, 50), st.just(ABSENT_MS))
    count = roads.network.arcs
    return Town(roads, np.array(draw(st.lists(weight, min_size=count, max_size=count)), np.int64))


def all_pairs(town: Town) -> np.ndarray:
    """Floyd and Warshall's table, as an independent truth."""
    net = town.roads.network
    times = np.full((net.nodes, net.nodes), np.inf)
    np.fill_diagonal(times, 0)
    for tail, head, weight in zip(net.tail, net.head, town.weights_ms, strict=True):
        if weight < ABSENT_MS:
            times[tail, head] = min(times[tail, head], weight)
    for via in range(net.nodes):
        times = np.minimum(times, times[:, via, None] + times[None, via, :])
    return np.where(np.isfinite(times), times, UNREACHED).astype(np.int64)


@pytest.mark.parametrize("name", ENGINES)
@settings(deadline=None, max_examples=60)
@given(town=towns())
def test_times_are_the_shortest_with_parallel_and_absent_arcs(name: str, town: Town):
    nodes = list(range(town.roads.network.nodes))
    engine = open_engine(town.roads, town.weights_ms, name)
    assert np.array_equal(engine.times_ms(nodes, nodes), all_pairs(town))
    assert np.array_equal(engine.times_ms(nodes, nodes[:2]), all_pairs(town)[:, :2])  # searched backwards


@pytest.mark.parametrize("name", ENGINES)
@settings(deadline=None, max_examples=40)
@given(town=towns(), source=st.integers(0, SIZE - 1), target=st.integers(0, SIZE - 1))
def test_the_path_is_connected_and_costs_what_the_time_says(name: str, town: Town, source: int, target: int):
    engine = open_engine(town.roads, town.weights_ms, name)
    arcs = engine.path(source, target)
    time = int(engine.times_ms([source], [target])[0, 0])
    if arcs is None:
        assert time == UNREACHED
        return
    net = town.roads.network
    nodes = [source, *(int(net.head[arc]) for arc in arcs)]
    assert [int(net.tail[arc]) for arc in arcs] == nodes[:-1]
    assert nodes[-1] == target
    assert sum(int(town.weights_ms[arc]) for arc in arcs) == time


@settings(deadline=None, max_examples=40)
@given(town=towns(), arc=st.integers(0, SIZE - 1), longer=st.integers(1, 50))
def test_a_longer_road_never_shortens_a_time(town: Town, arc: int, longer: int):
    nodes = list(range(SIZE))
    before = open_engine(town.roads, town.weights_ms).times_ms(nodes, nodes)
    slower = town.weights_ms.copy()
    slower[arc] = min(ABSENT_MS, slower[arc] + longer)
    after = open_engine(town.roads, slower).times_ms(nodes, nodes)
    assert np.all((after >= before) | (after == UNREACHED))


def test_the_lightest_of_parallel_arcs_counts_whatever_their_order():
    roads = roadmap_of({0: (31, 121), 1: (31, 121.01)}, [(0, 1, None)] * 3 + [(1, 0, None)])
    for name in ENGINES:
        for weights in ([7, 5, 9, 1], [5, 7, 9, 1], [9, 7, 5, 1]):
            engine = open_engine(roads, np.array(weights, np.int64), name)
            assert engine.times_ms([0], [1]).tolist() == [[5]]
            assert engine.path(0, 1) == [weights.index(5)]


def test_an_unknown_engine_is_refused():
    roads = roadmap_of({0: (31, 121), 1: (31, 121.01)}, [(0, 1, None), (1, 0, None)])
    with pytest.raises(RefusedInput, match="scipy, networkx"):
        open_engine(roads, np.ones(2, np.int64), "teleport")
