"""The fast search gives what the full comparison gives, and both what one works out by hand."""

from __future__ import annotations

import math
from dataclasses import replace
from random import Random

import pytest
from air_worlds import asked_at, by_hand_s, maybe, site, world
from hypothesis import given, settings
from hypothesis import strategies as st

from casebook.place import Place, distance_m
from routing.air import QUANTILES, Aircraft, LandingSite, Weather, total_s
from routing.rendezvous import OPTIONS, Comparison, Door, Found, Landings, Plan, Question, compare, search
from routing.rendezvous.landings import distances_m, radians
from routing.rendezvous.plan import rank
from routing.rendezvous.search import CLOSE_S, first_two

WORLDS = 2000


def found(question: Question, doors: list[Door], drives: list[float | None]) -> Found:
    sites_s = [question.drive_to_site_s[site.id] for site in question.sites]
    nan = float("nan")
    return search(
        Landings(question.sites, doors), question, [nan if s is None else s for s in sites_s],
        [nan if s is None else s for s in drives],
    )  # fmt: skip


def compared(question: Question, doors: list[Door], drives: list[float | None]) -> list[Comparison]:
    return [compare(asked_at(question, door, drive)) for door, drive in zip(doors, drives, strict=True)]


def agree(question: Question, doors: list[Door], drives: list[float | None]) -> list[Plan]:
    """Asserts that search and compare agree; all plans of all hospitals in their order."""
    fast, full = found(question, doors, drives), compared(question, doors, drives)
    for door, comparison in zip(doors, full, strict=True):
        assert fast.best_two_at(door.hospital) == comparison.plans[:2]
        for option in OPTIONS:
            assert fast.best_two_at(door.hospital, option) == comparison.best_two(option)
    plans = sorted((plan for comparison in full for plan in comparison.plans), key=rank)
    assert fast.best_two == tuple(plans[:2])
    assert (fast.best, fast.runner_up) == (*plans[:2], *([None] * (2 - len(plans[:2]))))
    return plans


def test_search_and_comparison_agree_on_random_worlds():
    flown = refused = 0
    for seed in range(WORLDS):
        plans = agree(*world(Random(seed)))
        flown += any(plan.air_arm for plan in plans[:2])
        refused += not any(plan.air_arm for plan in plans)
    assert flown > WORLDS / 10 and refused > WORLDS / 10  # both kinds of world were looked at


def test_every_time_of_the_search_is_the_plans_own_and_what_is_refused_has_none():
    """Times too short would still give the right winners, and only more work; so each is looked at."""
    timed = refused = 0
    for seed in range(WORLDS // 4):
        answer = found(*world(Random(seed)))
        for cell, seconds in enumerate(answer.times_s.tolist()):
            outcome = answer.outcome(cell)
            if isinstance(outcome, Plan):
                assert abs(seconds - outcome.door_s) < CLOSE_S / 100
                timed += 1
            else:
                assert seconds == math.inf
                refused += 1
    assert timed > WORLDS and refused > WORLDS


@given(st.integers(0, 2**32))
def test_search_and_comparison_agree_on_more_worlds(seed: int):
    agree(*world(Random(seed)))


def test_every_plan_is_what_one_works_out_by_hand_at_all_three_quantiles():
    looked_at = 0
    for seed in range(WORLDS):
        for comparison in compared(*(asked := world(Random(seed)))):
            for plan in (plan for plan in comparison.plans if plan.aircraft and plan.pad):
                doors = [by_hand_s(asked[0], plan.aircraft, plan.site, plan.pad, plan.carry_on, p) for p in QUANTILES]
                assert [plan.door_at(p) for p in QUANTILES] == pytest.approx(doors, abs=1e-6)
                looked_at += 1
    assert looked_at > WORLDS


def test_the_terms_add_up_and_the_quantiles_stand_in_order():
    for seed in range(WORLDS):
        for plan in (plan for comparison in compared(*world(Random(seed))) for plan in comparison.plans):
            assert total_s(plan.terms) == pytest.approx(plan.door_s)
            low_s, likely_s, high_s = (plan.door_at(quantile) for quantile in QUANTILES)
            assert low_s <= likely_s <= high_s
            for quantile in QUANTILES:
                arm = plan.air_arm if plan.wait_at(quantile) > 0 else plan.ground_arm
                assert total_s(arm + plan.after, quantile) == pytest.approx(plan.door_at(quantile))
            assert all(
                term.seconds >= 0 and term.at("p10") >= 0 for term in plan.ground_arm + plan.air_arm + plan.after
            )


def flights(comparisons: list[Comparison]) -> set[tuple[str, str | None, str | None, str | None, bool]]:
    """Every flight that is not refused, by what it consists of."""
    return {
        (
            plan.hospital,
            plan.site and plan.site.id,
            plan.aircraft and plan.aircraft.id,
            plan.pad and plan.pad.id,
            plan.hoist,
        )
        for comparison in comparisons
        for plan in comparison.plans
        if plan.air_arm
    }


def harder(rng: Random, question: Question) -> Question:
    """More wind, a lower ceiling, less to see, or night instead of day."""
    now = question.weather or Weather(9000, 9000, 0)
    ceiling_ft, visibility_m = now.ceiling_ft or 9000, now.visibility_m or 9000
    worse = rng.choice(
        (
            replace(now, wind_kt=(now.wind_kt or 0.0) + rng.uniform(0, 40)),
            replace(now, ceiling_ft=ceiling_ft * rng.random()),
            replace(now, visibility_m=visibility_m * rng.random()),
        )
    )
    return replace(question, weather=worse, night=question.night or rng.random() < 0.5)


def test_more_wind_night_or_a_lower_ceiling_never_makes_a_refused_flight_allowed():
    fewer = 0
    for seed in range(WORLDS):
        rng = Random(seed)
        question, doors, drives = world(rng)
        known = replace(question, weather=question.weather or Weather(9000, 9000, 0))
        before, after = flights(compared(known, doors, drives)), flights(compared(harder(rng, known), doors, drives))
        assert after <= before
        fewer += after < before
    assert fewer > WORLDS / 20


def test_one_site_more_never_makes_the_best_later():
    sooner = 0
    for seed in range(WORLDS):
        rng = Random(seed)
        question, doors, drives = world(rng)
        more = site(rng, "another")
        sites_s = {**question.drive_to_site_s, "another": maybe(rng, rng.uniform(0, 2000), 0.9)}
        wider = replace(question, sites=[*question.sites, more], drive_to_site_s=sites_s)
        before, after = found(question, doors, drives).best, found(wider, doors, drives).best
        if before is not None:
            assert after is not None and after.door_s <= before.door_s
            sooner += after.door_s < before.door_s
    assert sooner


def test_where_many_ways_take_the_same_time_the_order_is_still_compares():
    """Twelve sites on one spot: every tie is looked at, and the first two by name win."""
    spot, base = Place(31.0, 121.0), Place(31.1, 121.1)
    sites = [LandingSite(f"s{n:02}", spot, "helipad", lit=True) for n in range(12)]
    machines = [Aircraft(f"h{n}", base, status="standby", pilots=2) for n in range(3)]
    doors = [Door(f"d{n}", LandingSite(f"p{n}", Place(31.3, 121.3), "helipad")) for n in range(3)]
    question = Question("", None, {s.id: 60.0 for s in sites}, sites[::-1], machines[::-1], weather=Weather(3000, 9000))
    plans = agree(question, doors, [None] * 3)
    assert [(p.site and p.site.id, p.aircraft and p.aircraft.id, p.hospital) for p in plans[:2]] == [
        ("s00", "h0", "d0"),
        ("s00", "h0", "d1"),
    ]


def test_nowhere_to_go_is_an_empty_answer():
    answer = found(Question("", None), [Door("d0")], [None])
    assert (answer.best, answer.runner_up, answer.best_two_at("d0")) == (None, None, ())


def test_the_answer_holds_plain_numbers():
    answer = found(Question("", None, on_scene_s=60.0), [Door("d0")], [300.0])
    assert answer.best is not None
    assert all(type(term.seconds) is float for term in answer.best.terms)


def test_only_what_could_be_among_the_first_two_is_built():
    question, doors, drives = world(Random(4))
    plans = [plan for comparison in compared(question, doors, drives) for plan in comparison.plans][:1] * 50
    import numpy as np

    built: list[int] = []
    times_s = np.arange(50.0)

    def build(index: int) -> Plan:
        built.append(index)
        return replace(plans[index], ground_arm=(), air_arm=(), after=(replace(plans[0].ground_arm[0], seconds=index),))

    assert [plan.door_s for plan in first_two(times_s, build)] == [0.0, 1.0]
    assert sorted(built) == [0, 1, 2]


coordinates = st.tuples(st.floats(-60, 60), st.floats(-180, 180))


@settings(max_examples=200)
@given(coordinates, st.floats(-2, 2), st.floats(-2, 2))
def test_distances_are_those_of_place(a: tuple[float, float], d_lat: float, d_lon: float):
    start = Place(*a)
    end = Place(a[0] + d_lat, max(-180.0, min(180.0, a[1] + d_lon)))
    told = float(distances_m(radians([start]), radians([end]))[0, 0])
    assert math.isclose(told, distance_m(start, end), rel_tol=1e-9, abs_tol=1e-6)
