"""Costs follow the traffic: closing and opening are exact, little changes cost little, and nothing is kept too long."""

from __future__ import annotations

import gc
import threading
import weakref
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from paper_towns import AT, roadmap_of

from routing.costs import KEPT_SETS, NOTHING, Costs, costs_for
from routing.engine import ABSENT_MS, UNREACHED
from routing.free_flow import FreeFlow, RoadSpeeds, free_flow
from routing.profiles import AMBULANCE_SIREN, CAR, Profile
from routing.roads import Roadmap
from routing.roads.network import replaced
from routing.traffic import Closure, Holding, Slowdown, Stretch

SIDE = 5
GRID = {n: (31 + 0.01 * (n // SIDE), 121 + 0.01 * (n % SIDE)) for n in range(SIDE * SIDE)}
STREETS = [(n, n + 1) for n in GRID if n % SIDE < SIDE - 1] + [(n, n + SIDE) for n in GRID if n // SIDE < SIDE - 1]
NODES = list(GRID)


def town() -> Roadmap:
    return roadmap_of(GRID, [ends for u, v in STREETS for ends in ((u, v, None), (v, u, None))])


ROADS = town()
arcs = st.integers(0, ROADS.network.arcs - 1)


def where(*rows: int) -> Stretch:
    return Stretch(edges=frozenset(ROADS.edge_of(row) for row in rows))


@st.composite
def holdings(draw) -> Holding:
    closed = draw(st.lists(arcs, max_size=4, unique=True))
    slow = draw(st.lists(st.tuples(arcs, st.integers(5, 60)), max_size=3))
    source = st.sampled_from(("works", "congestion"))
    return Holding(
        tuple(Closure(f"c{row}", where(row), "works", "d", AT) for row in closed),
        tuple(
            Slowdown(f"s{n}", where(row), "queue", "d", AT, speed_kph=kph, source=draw(source))
            for n, (row, kph) in enumerate(slow)
        ),
    )


def anew(roads: Roadmap, profile: Profile, holding: Holding) -> Costs:
    return Costs(FreeFlow(roads, profile, RoadSpeeds(roads)), holding, "scipy")


@settings(deadline=None, max_examples=40)
@given(steps=st.lists(holdings(), min_size=1, max_size=5), profile=st.sampled_from((CAR, AMBULANCE_SIREN)))
def test_costs_made_from_the_last_ones_are_those_made_anew(steps: list[Holding], profile: Profile):
    before: Costs | None = None
    for holding in (*steps, NOTHING):
        made = Costs(free_flow(ROADS, profile), holding, "cch" if before else "scipy", before)
        truth = anew(ROADS, profile, holding)
        for name in ("likely_ms", "low_ms", "high_ms", "usable"):
            assert np.array_equal(getattr(made, name), getattr(truth, name)), name
        assert np.array_equal(made.engine.times_ms(NODES, NODES), truth.engine.times_ms(NODES, NODES))
        assert np.all((made.low_ms <= made.likely_ms) & (made.likely_ms <= made.high_ms))
        before = made


@settings(deadline=None, max_examples=30)
@given(holding=holdings(), row=arcs)
def test_a_closure_never_makes_anybody_faster_and_opening_undoes_it_exactly(holding: Holding, row: int):
    closure = Closure("one", where(row), "works", "d", AT)
    free = costs_for(ROADS, profile=CAR, holding=holding)
    before = free.engine.times_ms(NODES, NODES)
    shut = costs_for(ROADS, profile=CAR, holding=replace(holding, closures=(*holding.closures, closure)))
    during = shut.engine.times_ms(NODES, NODES)
    assert np.all((during >= before) | (during == UNREACHED))
    assert np.all((before != UNREACHED) | (during == UNREACHED))
    assert not shut.usable[row] and shut.likely_ms[row] == ABSENT_MS
    assert np.array_equal(costs_for(ROADS, profile=CAR, holding=holding).engine.times_ms(NODES, NODES), before)


@settings(deadline=None, max_examples=30)
@given(row=arcs, kph=st.integers(5, 60), slower=st.integers(1, 4))
def test_a_slower_stretch_never_shortens_a_time(row: int, kph: int, slower: int):
    def times(speed_kph: int) -> np.ndarray:
        slow = Slowdown("s", where(row), "queue", "d", AT, speed_kph=speed_kph, source="works")
        return costs_for(ROADS, profile=CAR, holding=Holding((), (slow,))).engine.times_ms(NODES, NODES)

    assert np.all(times(kph - slower) >= times(kph))


def test_times_that_the_file_states_win_over_the_speed_table_and_lose_to_a_slow_stretch():
    free_ms = np.arange(1, ROADS.network.arcs + 1) * 1000
    network = replaced(ROADS.network, free_ms=free_ms)
    roads = Roadmap(network, ROADS.report, name="stated", digest="2" * 64, attribution="")
    assert np.array_equal(costs_for(roads, profile=CAR).likely_ms, free_ms)
    slow = Slowdown("s", Stretch(edges=frozenset({roads.edge_of(0)})), "q", "d", AT, speed_kph=5, source="works")
    slowed = costs_for(roads, profile=CAR, holding=Holding((), (slow,))).likely_ms
    assert slowed[0] == pytest.approx(network.length_m[0] * 3600 / 5, abs=1)
    assert np.array_equal(slowed[1:], free_ms[1:])


def test_an_arc_without_length_still_costs_a_millisecond():
    network = replaced(ROADS.network, length_m=np.zeros(ROADS.network.arcs))
    roads = Roadmap(network, ROADS.report, name="points", digest="3" * 64, attribution="")
    assert costs_for(roads, profile=CAR).likely_ms[0] == 1


def test_the_same_question_has_the_same_costs_and_old_ones_are_let_go():
    roads = town()
    first = costs_for(roads, profile=CAR)
    assert costs_for(roads, profile=CAR) is first
    for row in range(KEPT_SETS):
        costs_for(roads, profile=CAR, holding=Holding((Closure(f"c{row}", where(row), "w", "d", AT),)))
    assert costs_for(roads, profile=CAR) is not first


def test_what_is_kept_for_a_road_map_does_not_keep_the_road_map():
    roads = town()
    costs_for(roads, profile=AMBULANCE_SIREN).engine.times_ms([0], [1])
    gone = weakref.ref(roads)
    del roads
    gc.collect()
    assert gone() is None


def test_several_askers_of_new_costs_wait_for_one_that_makes_them(monkeypatch: pytest.MonkeyPatch):
    made, begun = [], threading.Barrier(4)

    class Slow(Costs):
        def __init__(self, *args: object) -> None:
            made.append(1)
            super().__init__(*args)  # type: ignore[arg-type]

    monkeypatch.setattr("routing.costs.Costs", Slow)
    roads, found = town(), []

    def ask() -> None:
        begun.wait()
        found.append(costs_for(roads, profile=CAR))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1
    assert len({id(one) for one in found}) == 1


def test_costs_that_could_not_be_made_are_tried_again(monkeypatch: pytest.MonkeyPatch):
    roads = town()

    def broken(*_: object) -> None:
        raise OSError("no room")

    with monkeypatch.context() as patch:
        patch.setattr("routing.costs.free_flow", broken)
        with pytest.raises(OSError, match="no room"):
            costs_for(roads, profile=CAR)
    assert costs_for(roads, profile=CAR).usable.all()
