"""Observed speeds: they age back to free flow, never beat what is sane, and leave nothing behind."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from paper_towns import AT
from random_streets import random_streets

from casebook.folding.roads import OBSERVED_KEPT
from casebook.place import Place
from routing.costs import costs_for
from routing.engine import ENGINES
from routing.free_flow import free_flow
from routing.ground import route, table
from routing.profiles import AMBULANCE, AMBULANCE_SIREN, CAR, Profile
from routing.roads import Roadmap
from routing.speeds import interval_by_class
from routing.traffic import FREE_FLOW, Closure, Holding, Observed, Slowdown, SlowSource, Stretch, Traffic
from routing.traffic.ageing import HALVING
from routing.traffic.observed import FASTEST_OVER_FREE

STEP = timedelta(seconds=HALVING.step_s)
Ends = tuple[np.ndarray, np.ndarray, np.ndarray]


@cache
def town(seed: int = 3) -> Roadmap:
    return random_streets(seed)


def seen(roads: Roadmap, kph: float, arcs: list[int] | None = None, at: datetime = AT, spread: float = 1.2) -> Observed:
    rows = np.arange(roads.network.arcs) if arcs is None else np.array(arcs, np.int64)
    column = np.full(len(rows), kph)
    return Observed.of(roads.digest, rows, column / spread, column, column * spread, np.full(len(rows), at.timestamp()))


def today(roads: Roadmap, holding: Holding, profile: Profile = CAR) -> Ends:
    """Low, likely and high speed per arc, as costs take them."""
    free = free_flow(roads, profile)
    kph, usable = free.kph(), free.usable.copy()
    holding.apply(roads, kph, usable, free.gains())
    return kph[0], kph[1], kph[2]


def free_kph(roads: Roadmap, profile: Profile = CAR) -> Ends:
    return today(roads, Holding(), profile)


# --- what an observation does


def test_a_fresh_observation_is_the_speed_of_a_plain_car():
    roads = town()
    _, likely, _ = today(roads, FREE_FLOW.with_observed(seen(roads, 20.0)).holding(AT))
    assert likely == pytest.approx(np.full(roads.network.arcs, 20.0))


def test_a_siren_gains_on_a_queue_what_it_gains_on_a_free_road():
    roads = town()
    low, likely, high = today(roads, FREE_FLOW.with_observed(seen(roads, 20.0)).holding(AT), AMBULANCE_SIREN)
    gain = interval_by_class("primary", True)
    assert likely == pytest.approx(np.full(roads.network.arcs, 20.0 * gain.likely))
    assert low == pytest.approx(np.full(roads.network.arcs, 20.0 / 1.2 * gain.low))
    assert high == pytest.approx(np.full(roads.network.arcs, 20.0 * 1.2 * gain.high))


def test_a_feed_makes_no_road_faster_than_its_limit():
    roads = town()
    low, likely, high = today(roads, FREE_FLOW.with_observed(seen(roads, 159.0)).holding(AT))
    free = free_kph(roads)[1]
    assert likely == pytest.approx(free * FASTEST_OVER_FREE)
    assert (low <= likely).all() and (likely <= high).all()


@given(st.floats(4, 150), st.floats(4, 150), st.integers(0, 400), st.sampled_from([CAR, AMBULANCE, AMBULANCE_SIREN]))
def test_a_slower_observation_never_shortens_a_time(one: float, other: float, age_min: int, profile: Profile):
    roads = town()
    at = AT + timedelta(minutes=age_min)
    slower, faster = (
        today(roads, FREE_FLOW.with_observed(seen(roads, kph)).holding(at), profile) for kph in sorted((one, other))
    )
    assert all((a <= b * (1 + 1e-12)).all() for a, b in zip(slower, faster, strict=True))


@given(st.integers(0, 10_000), st.integers(0, 60))
def test_a_queue_on_any_streets_never_shortens_a_route(seed: int, age_min: int):
    roads = town()
    rng = np.random.default_rng(seed)
    arcs = rng.choice(roads.network.arcs, 12, replace=False).tolist()
    start, end = (Place(31 + float(rng.uniform(0, 0.01)), 121 + float(rng.uniform(0, 0.01))) for _ in range(2))
    ask = {"profile": CAR, "at": AT + timedelta(minutes=age_min)}
    free = route(roads, start, end, **ask)
    queue = route(roads, start, end, traffic=FREE_FLOW.with_observed(seen(roads, 5.0, arcs)), **ask)
    assert queue.eta_s >= free.eta_s
    assert queue.eta_low_s <= queue.eta_s <= queue.eta_high_s


# --- ageing


@given(st.floats(4, 150), st.integers(0, 11), st.sampled_from([CAR, AMBULANCE_SIREN]))
def test_an_observation_tends_to_free_flow_and_never_past_it(kph: float, twenties: int, profile: Profile):
    roads = town()
    traffic, free = FREE_FLOW.with_observed(seen(roads, kph)), free_kph(roads, profile)[1]
    ages = [timedelta(minutes=20 * number) for number in (twenties, twenties + 1)]
    earlier, later = (today(roads, traffic.holding(AT + age), profile)[1] for age in ages)
    assert (np.abs(later - free) <= np.abs(earlier - free) + 1e-9).all()
    assert ((later - free) * (earlier - free) >= -1e-6).all()


def test_half_of_the_delay_is_left_after_a_half_life():
    roads = town()
    later = AT + timedelta(seconds=HALVING.half_life_s)
    _, likely, _ = today(roads, FREE_FLOW.with_observed(seen(roads, 20.0)).holding(later))
    free = free_kph(roads)[1]
    assert 1 / likely - 1 / free == pytest.approx((1 / 20 - 1 / free) / 2)


def test_the_range_widens_with_age_before_it_closes_on_free_flow():
    roads = town()
    traffic = FREE_FLOW.with_observed(seen(roads, 10.0))

    def width(minutes: int) -> np.ndarray:
        low, likely, high = today(roads, traffic.holding(AT + timedelta(minutes=minutes)))
        assert (low <= likely).all() and (likely <= high).all()
        return high / low

    assert (width(0) < width(5)).all() and (width(5) < width(15)).all()
    low, _, high = free_kph(roads)
    assert (np.abs(width(175) / (high / low) - 1) < 0.25).all()


def test_nothing_is_left_of_what_is_too_old():
    roads = town()
    traffic = FREE_FLOW.with_observed(seen(roads, 10.0))
    assert traffic.holding(AT + timedelta(seconds=HALVING.oldest_s) + STEP) == Holding()


def test_the_book_keeps_observations_for_longer_than_anybody_believes_them():
    assert OBSERVED_KEPT.total_seconds() > HALVING.oldest_s


def test_a_replayed_decision_does_not_know_what_was_seen_later():
    roads = town()
    early, late = seen(roads, 10.0, [1]), seen(roads, 30.0, [2], AT + timedelta(minutes=5))
    traffic = FREE_FLOW.with_observed(early).with_observed(late)
    known = traffic.holding(AT + timedelta(minutes=1)).observed
    assert known is not None and known.observed.arcs.tolist() == [1]
    assert traffic.holding(AT - timedelta(minutes=1)) == Holding()


# --- kept costs


def test_costs_are_the_same_object_within_a_step_and_others_in_the_next():
    roads = town()
    traffic = FREE_FLOW.with_observed(seen(roads, 10.0))
    within = [
        costs_for(roads, profile=CAR, holding=traffic.holding(AT + timedelta(seconds=s)), engine="scipy")
        for s in (0, 30, 61)
    ]
    assert within[0] is within[1] and within[1] is not within[2]


def test_equal_versions_hold_equal_things_however_they_came_about():
    roads = town()
    both = seen(roads, 10.0, [1, 2])
    one_by_one = FREE_FLOW.with_observed(seen(roads, 10.0, [2])).with_observed(seen(roads, 10.0, [1]))
    assert FREE_FLOW.with_observed(both).holding(AT) == one_by_one.holding(AT)
    assert hash(FREE_FLOW.with_observed(both).holding(AT)) == hash(one_by_one.holding(AT))


@given(st.integers(0, 10_000))
def test_closing_and_opening_restores_exactly(seed: int):
    roads = town()
    arcs = np.random.default_rng(seed).choice(roads.network.arcs, 5, replace=False)
    before = FREE_FLOW.with_observed(seen(roads, 12.0, [3, 4]))
    where = Stretch(edges=frozenset(roads.edge_of(int(arc)) for arc in arcs))
    after = before.with_closure(Closure("c", where, "x", "me", AT)).without("c")
    assert after.holding(AT) == before.holding(AT)
    costs = [costs_for(roads, profile=CAR, holding=one.holding(AT), engine="scipy") for one in (before, after)]
    assert costs[0] is costs[1]


@st.composite
def traffics(draw: st.DrawFn) -> Traffic:
    roads = town()
    rows = st.lists(st.integers(0, roads.network.arcs - 1), min_size=1, max_size=6, unique=True)
    traffic = FREE_FLOW
    for id in draw(st.lists(st.sampled_from("abc"), max_size=2, unique=True)):
        where = Stretch(edges=frozenset(roads.edge_of(arc) for arc in draw(rows)))
        if draw(st.booleans()):
            traffic = traffic.with_closure(Closure(id, where, "x", "me", AT))
        else:
            sources: list[SlowSource] = ["works", "congestion"]
            source = draw(st.sampled_from(sources))
            traffic = traffic.with_slowdown(Slowdown(id, where, "x", "me", AT, speed_kph=9.0, source=source))
    for _ in range(draw(st.integers(0, 2))):
        kph = draw(st.sampled_from([8.0, 15.0, 60.0]))
        traffic = traffic.with_observed(seen(roads, kph, sorted(draw(rows))))
    return traffic


@given(traffics(), traffics(), st.integers(0, 3), st.sampled_from([CAR, AMBULANCE_SIREN]))
def test_outside_the_changed_arcs_nothing_changes_and_a_part_is_computed_as_the_whole(
    one: Traffic, other: Traffic, minutes: int, profile: Profile
):
    roads = town()
    a, b = one.holding(AT), other.holding(AT + timedelta(minutes=minutes))
    changed = a.changed_arcs(b, roads)
    free = free_flow(roads, profile)
    wholes = []
    for holding in (a, b):
        kph, usable = free.kph(), free.usable.copy()
        holding.apply(roads, kph, usable, free.gains())
        wholes.append((kph, usable))
    if changed is None:
        return
    (kph_a, usable_a), (kph_b, usable_b) = wholes
    same = np.setdiff1d(np.arange(roads.network.arcs), changed)
    assert (usable_a[same] == usable_b[same]).all()
    assert all((x[same] == y[same]).all() for x, y in zip(kph_a, kph_b, strict=True))
    part, some = free.kph(changed), free.usable[changed]
    b.apply(roads, part, some, free.gains(changed), changed)
    assert (some == usable_b[changed]).all()
    assert all((x == y[changed]).all() for x, y in zip(part, kph_b, strict=True))


@given(traffics(), st.integers(0, 40), st.sampled_from([CAR, AMBULANCE_SIREN]))
def test_every_engine_finds_the_same_times_on_observed_speeds(traffic: Traffic, minutes: int, profile: Profile):
    roads = town()
    places = [Place(31.0 + 0.0022 * n, 121.001 + 0.0017 * ((n * 3) % 5)) for n in range(5)]
    ask = {"profile": profile, "traffic": traffic, "at": AT + timedelta(minutes=minutes)}
    times = [table(roads, places, places, engine=engine, **ask) for engine in ENGINES]
    assert all(one == times[0] for one in times)


# --- bookkeeping


def test_of_several_words_about_one_arc_the_last_seen_counts():
    roads = town()
    rows = np.array([5, 5, 5])
    kph, at = np.array([10.0, 20.0, 30.0]), AT.timestamp() + np.array([5.0, 9.0, 7.0])
    assert Observed.of(roads.digest, rows, kph, kph, kph, at).kph.tolist() == [20.0]


def test_what_is_observed_stays_as_it_was_whoever_writes_to_the_feed_later():
    roads = town()
    rows, kph, at = np.array([3, 5]), np.array([20.0, 30.0]), np.full(2, AT.timestamp())
    locked = kph.copy()
    locked.flags.writeable = False
    view = kph[:]
    view.flags.writeable = False  # whoever holds `kph` can still write
    observed = Observed.of(roads.digest, rows, view, locked, kph, at)
    assert observed.kph is locked  # nobody can write to it: not copied
    rows[:], kph[:], at[:] = 7, 99.0, 0.0
    assert observed == Observed.of(roads.digest, np.array([3, 5]), locked, locked, locked, np.full(2, AT.timestamp()))


def test_rows_seen_at_one_instant_age_as_if_each_stood_alone():
    roads = town()
    together = seen(roads, 20.0)
    later_s = together.seen_s.copy()
    later_s[-1] += 60.0  # now they are of two instants
    apart = Observed.of(roads.digest, together.arcs, together.low_kph, together.kph, together.high_kph, later_s)
    after = AT + timedelta(minutes=10)
    one, two = (today(roads, FREE_FLOW.with_observed(some).holding(after)) for some in (together, apart))
    assert all((a[:-1] == b[:-1]).all() for a, b in zip(one, two, strict=True))
    assert one[1][-1] != two[1][-1]


Rows = list[tuple[int, int]]  # an arc and how many seconds after AT it was seen


@given(*[st.lists(st.tuples(st.integers(0, 20), st.integers(0, 3)), max_size=8, unique_by=lambda row: row[0])] * 2)
def test_two_batches_make_one_in_which_each_arc_is_as_it_was_seen_last(first: Rows, then: Rows):
    def batch(rows: Rows, kph: float) -> Observed:
        arcs, late_s = np.array([arc for arc, _ in rows], np.int64), np.array([s for _, s in rows], np.float64)
        each = np.asarray(kph + late_s, np.float64)
        low, high, seen_s = (np.asarray(some, np.float64) for some in (each - 1, each + 1, AT.timestamp() + late_s))
        return Observed.of("a" * 64, arcs, low, each, high, seen_s)

    both = batch(first, 10.0).merged(batch(then, 30.0))
    told = dict(first)
    right = {arc: (s, 10.0 + s) for arc, s in told.items()}
    right |= {arc: (s, 30.0 + s) for arc, s in then if s >= told.get(arc, 0)}
    assert both.arcs.tolist() == sorted(right)
    assert (both.seen_s - AT.timestamp()).tolist() == [right[arc][0] for arc in sorted(right)]
    assert both.kph.tolist() == [right[arc][1] for arc in sorted(right)]
    if len(both):
        assert (both.first_s, both.last_s) == (both.seen_s.min(), both.seen_s.max())


def test_a_batch_that_is_all_new_is_said_to_be_and_one_more_arc_is_found_alone():
    roads = town()
    arcs = list(range(roads.network.arcs - 1))
    usual, other = (FREE_FLOW.with_observed(seen(roads, kph, arcs)) for kph in (20.0, 21.0))
    assert other.holding(AT).changed_arcs(usual.holding(AT), roads) is None
    longer = usual.with_observed(seen(roads, 5.0, [roads.network.arcs - 1]))
    changed = longer.holding(AT).changed_arcs(usual.holding(AT), roads)
    assert changed is not None
    assert changed.tolist() == [roads.network.arcs - 1]


def test_observations_of_other_roads_say_nothing_here():
    roads, other = town(), town(4)
    holding = FREE_FLOW.with_observed(Observed.of("f" * 64, *seen(other, 5.0)._columns())).holding(AT)
    assert all((a == b).all() for a, b in zip(today(roads, holding), free_kph(roads), strict=True))
    changed = holding.changed_arcs(Holding(), roads)
    assert changed is not None and len(changed) == 0


def test_only_what_is_new_or_different_or_due_is_news():
    roads = town()
    known = seen(roads, 20.0, [1, 2, 3])
    soon, due = AT + timedelta(seconds=60), AT + timedelta(seconds=HALVING.half_life_s)
    assert len(seen(roads, 21.0, [1, 2], soon).news_to(known)) == 0
    assert seen(roads, 21.0, [2, 4], soon).news_to(known).arcs.tolist() == [4]
    assert seen(roads, 10.0, [1, 2], soon).news_to(known).arcs.tolist() == [1, 2]
    assert seen(roads, 20.0, [1, 2], due).news_to(known).arcs.tolist() == [1, 2]


def test_traffic_with_observed_speeds_survives_json():
    traffic = FREE_FLOW.with_observed(seen(town(), 20.0, [1, 2]))
    assert Traffic.read(json.loads(json.dumps(traffic.as_facts()))) == traffic
