"""All engines give the same times, and they are the shortest."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from paper_towns import roadmap_of
from paper_turns import SIZE, Town, all_pairs, towns

from casebook.errors import RefusedInput
from routing.engine import ABSENT_MS, DEFAULT_ENGINE, ENGINES, UNREACHED, open_engine
from routing.roads import Roadmap

NODES = list(range(SIZE))


@pytest.mark.parametrize("name", ENGINES)
@settings(deadline=None, max_examples=60)
@given(town=towns())
def test_times_are_the_shortest_with_parallel_and_absent_arcs(name: str, town: Town):
    engine = open_engine(town.roads, town.weights_ms, name)
    assert np.array_equal(engine.times_ms(NODES, NODES), all_pairs(town))
    assert np.array_equal(engine.times_ms(NODES, NODES[:2]), all_pairs(town)[:, :2])  # scipy searches backwards here


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
    net = town.net
    nodes = [source, *(int(net.head[arc]) for arc in arcs)]
    assert [int(net.tail[arc]) for arc in arcs] == nodes[:-1]
    assert nodes[-1] == target
    assert sum(int(town.weights_ms[arc]) for arc in arcs) == time


@pytest.mark.parametrize("name", ENGINES)
@settings(deadline=None, max_examples=40)
@given(town=towns(turns=True), data=st.data())
def test_an_engine_made_from_another_by_the_arcs_that_changed_answers_as_a_new_one(
    name: str, town: Town, data: st.DataObject
):
    engine = open_engine(town.roads, town.weights_ms, name)
    before = engine.times_ms(NODES, NODES)
    weights = town.weights_ms
    for _ in range(3):  # one change after another, as versions of traffic follow each other
        arcs = np.unique(data.draw(st.lists(st.integers(0, town.net.arcs - 1), min_size=1, max_size=5)))
        weights = weights.copy()
        weights[arcs] = data.draw(st.sampled_from((1, 30, ABSENT_MS)))
        engine = engine.changed(arcs.astype(np.intp), weights)
        assert np.array_equal(engine.times_ms(NODES, NODES), all_pairs(Town(town.roads, weights)))
    everything = np.arange(town.net.arcs)
    again = engine.changed(everything, town.weights_ms)
    assert np.array_equal(again.times_ms(NODES, NODES), before)  # undone exactly


@settings(deadline=None, max_examples=40)
@given(town=towns(), arc=st.integers(0, SIZE - 1), longer=st.integers(1, 50))
def test_a_longer_road_never_shortens_a_time(town: Town, arc: int, longer: int):
    before = open_engine(town.roads, town.weights_ms).times_ms(NODES, NODES)
    slower = town.weights_ms.copy()
    slower[arc] = min(ABSENT_MS, slower[arc] + longer)
    after = open_engine(town.roads, slower).times_ms(NODES, NODES)
    assert np.all((after >= before) | (after == UNREACHED))
    assert np.all((before != UNREACHED) | (after == UNREACHED))


@pytest.mark.parametrize("name", ENGINES)
@settings(deadline=None, max_examples=20)
@given(town=towns(), node=st.integers(0, SIZE - 1), limit_ms=st.integers(1, 80))
def test_reach_is_the_row_of_the_table_cut_at_the_limit(name: str, town: Town, node: int, limit_ms: int):
    engine = open_engine(town.roads, town.weights_ms, name)
    truth = all_pairs(town)
    for row, backward in ((truth[node], False), (truth[:, node], True)):
        cut = np.where(row <= limit_ms, row, UNREACHED)
        assert engine.reach_ms(node, backward=backward, limit_ms=limit_ms).tolist() == cut.tolist()


def line(*weights: int) -> tuple[Roadmap, np.ndarray]:
    """A one-way street 0-1-2-... that leads back to 0 in one piece."""
    size = len(weights)
    places = {n: (31.0, 121 + 0.01 * n) for n in range(size)}
    return roadmap_of(places, [(n, (n + 1) % size, None) for n in range(size)]), np.array(weights, np.int64)


@pytest.mark.parametrize("name", ENGINES)
def test_sums_at_the_end_of_the_range_are_no_way_and_never_run_over(name: str):
    roads, weights = line(2**30, 2**30 - 2, 5, 1)
    engine = open_engine(roads, weights, name)
    assert engine.times_ms([0], [2]).tolist() == [[ABSENT_MS - 1]]  # the longest time there is
    assert engine.times_ms([0], [3]).tolist() == [[UNREACHED]]
    assert engine.path(0, 3) is None
    assert engine.path(0, 2) == [0, 1]


@pytest.mark.parametrize("name", ENGINES)
def test_weights_beyond_the_range_count_as_absent(name: str):
    roads, weights = line(ABSENT_MS + 5, 3, 5, 1)
    assert open_engine(roads, weights, name).times_ms([0], [1]).tolist() == [[UNREACHED]]


@pytest.mark.parametrize("name", ENGINES)
def test_an_absent_arc_is_never_crossed_even_where_there_is_no_other(name: str):
    roads, weights = line(3, ABSENT_MS, 5, 1)
    engine = open_engine(roads, weights, name)
    assert engine.path(0, 2) is None
    assert engine.times_ms([0, 2], [2, 0]).tolist() == [[UNREACHED, 0], [0, 6]]


@pytest.mark.parametrize("name", ENGINES)
def test_a_node_that_does_not_exist_is_an_error_and_does_not_end_the_process(name: str):
    roads, weights = line(3, 4, 5)
    engine = open_engine(roads, weights, name)
    for ask in (lambda: engine.times_ms([0], [77]), lambda: engine.times_ms([-1], [0]), lambda: engine.path(0, 3)):
        with pytest.raises(IndexError):
            ask()
    assert engine.times_ms([], [1]).shape == (0, 1)
    assert engine.times_ms([1, 2], []).shape == (2, 0)


def test_the_lightest_of_parallel_arcs_counts_whatever_their_order():
    roads = roadmap_of({0: (31, 121), 1: (31, 121.01)}, [(0, 1, None)] * 3 + [(1, 0, None)])
    for name in ENGINES:
        for weights in ([7, 5, 9, 1], [5, 7, 9, 1], [9, 7, 5, 1]):
            engine = open_engine(roads, np.array(weights, np.int64), name)
            assert engine.times_ms([0], [1]).tolist() == [[5]]
            assert engine.path(0, 1) == [weights.index(5)]


def test_an_unknown_engine_is_refused():
    roads, weights = line(3, 4)
    with pytest.raises(RefusedInput, match="scipy, networkx"):
        open_engine(roads, weights, "teleport")


def test_the_default_is_one_of_the_engines():
    assert ENGINES[DEFAULT_ENGINE]
