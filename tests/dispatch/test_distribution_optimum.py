"""The plan is the best there is: as an enumeration of all plans finds it, and never worse than a dispatcher's rule."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from distribution_stage import (
    calm_policy,
    case,
    casualty,
    exact_rules,
    faults,
    hospital,
    least_loss,
    loss_of,
    read,
    small_cases,
)
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from dispatch.distribution.sharing import distribute

CALM = calm_policy()
EXACT = exact_rules()
SLOW = settings(
    max_examples=20,
    deadline=None,
    derandomize=True,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
TOLERANCE = 2e-6


@SLOW
@given(small_cases())
def test_no_plan_of_all_that_there_are_loses_less(small: dict[str, Any]) -> None:
    ask = read(small)
    answer = distribute(ask, EXACT, CALM)
    assert faults(ask, EXACT, answer) == []
    assert loss_of(ask, EXACT, answer) == pytest.approx(answer.outcome.loss, abs=TOLERANCE)
    # The enumeration starts from a little above, so that it has to come down to the same plan's loss by itself.
    assert least_loss(ask, EXACT, answer.outcome.loss + 0.01) == pytest.approx(answer.outcome.loss, abs=TOLERANCE)
    assert answer.proof.proven


@SLOW
@given(small_cases())
def test_everybody_is_counted_once_and_no_rule_does_better(small: dict[str, Any]) -> None:
    ask = read(small)
    for answer in (distribute(ask, EXACT, CALM), distribute(ask, EXACT, CALM, quick=True)):
        totals = answer.totals
        assert totals.tags
        assert totals.casualties == totals.planned + totals.under_way + totals.not_taken + totals.not_carried
        assert sum(sum(row.values()) for row in answer.summary.values()) == totals.casualties
        assert all(answer.outcome.loss <= rule.loss + TOLERANCE for rule in answer.compared.values())
        assert faults(ask, EXACT, answer) == []


@SLOW
@given(small_cases(), st.data())
def test_one_more_place_never_makes_it_worse(small: dict[str, Any], data: st.DataObject) -> None:
    before = distribute(read(small), EXACT, CALM).outcome.loss
    where = data.draw(st.integers(0, len(small["hospitals"]) - 1))
    small["hospitals"][where]["places"][data.draw(st.sampled_from(["resus_bay", "ed_bed"]))]["free"] += 1
    assert distribute(read(small), EXACT, CALM).outcome.loss <= before + TOLERANCE


@SLOW
@given(small_cases(), st.data())
def test_a_closed_road_never_makes_it_better(small: dict[str, Any], data: st.DataObject) -> None:
    before = distribute(read(small), EXACT, CALM).outcome.loss
    ways = small["travel"]["to_hospital_min"]
    scene = data.draw(st.sampled_from(sorted(ways)))
    name = data.draw(st.sampled_from(sorted(ways[scene])))
    longer = data.draw(st.sampled_from([None, 5, 30]))
    ways[scene][name] = None if longer is None else ways[scene][name] + longer
    assert distribute(read(small), EXACT, CALM).outcome.loss >= before - TOLERANCE


@settings(max_examples=10, deadline=None, derandomize=True)
@given(small_cases())
def test_the_same_seed_gives_the_same_bytes(small: dict[str, Any]) -> None:
    ask = read(small)
    first, second = (msgspec.json.encode(distribute(ask, EXACT, CALM)) for _ in range(2))
    assert first == second


def test_the_nearest_bay_is_left_to_who_needs_it_most() -> None:
    """Nearest first gives the only near bay to whoever was tagged first; the plan gives it to the red one."""
    who = [casualty("T1", "yellow"), casualty("T2", "yellow"), casualty("T3", "red")]
    near, far = hospital("near", resus=1, beds=3), hospital("far", resus=1, beds=3)
    ask = read(case(who, [near, far], [{"id": "A1"}], {"near": 5, "far": 40}, {"A1": 2}))
    answer = distribute(ask, EXACT, CALM)
    first = min(answer.rows, key=lambda row: row.leaves_min)
    assert (first.casualty, first.hospital) == ("T3", "near")
    assert answer.outcome.deaths < answer.compared["nearest"].deaths


def test_no_hospital_gets_a_third_red_in_the_first_wave() -> None:
    who = [casualty(f"T{n}") for n in range(5)]
    vehicles = [{"id": f"A{n}"} for n in range(5)]
    places = [hospital("near", resus=9), hospital("far", resus=9)]
    ask = read(case(who, places, vehicles, {"near": 5, "far": 12}, {one["id"]: 1 for one in vehicles}))
    answer = distribute(ask, EXACT, CALM)
    at_near = [row for row in answer.rows if row.hospital == "near" and row.loads_min < EXACT.first_wave.minutes]
    assert len(at_near) == 2
    assert answer.outcome.taken == 5


def test_green_ride_the_bus_together_and_leave_the_ambulance_to_the_red() -> None:
    who = [casualty(f"G{n}", "green") for n in range(8)] + [casualty("R1"), casualty("R2")]
    vehicles = [{"id": "A1"}, {"id": "B1", "kind": "bus"}]
    ask = read(case(who, [hospital("H", resus=2, beds=20)], vehicles, {"H": 20}, {"A1": 3, "B1": 6}))
    answer = distribute(ask, EXACT, CALM)
    bus = [row for row in answer.rows if row.vehicle == "B1"]
    assert {row.category for row in bus} == {"green"}
    assert len(bus) == 8
    assert {row.casualty for row in answer.rows if row.vehicle == "A1"} == {"R1", "R2"}


def test_the_wall_clock_decides_nothing_until_it_cuts_in_and_then_says_so() -> None:
    """What is counted ends the search; a clock that allows less or more than enough changes no byte of the plan."""
    who = [casualty(f"T{n}", ("red", "yellow", "green")[n % 3], boardable_min=n % 7) for n in range(24)]
    places = [hospital(f"H{n}", resus=n % 3, beds=2 + n % 2) for n in range(8)]
    vehicles = [{"id": f"A{n}"} for n in range(6)]
    ways = {one["id"]: 5 + 7 * n for n, one in enumerate(places)}
    ask = read(case(who, places, vehicles, ways, {one["id"]: 2 + n for n, one in enumerate(vehicles)}))
    patient, brief = (distribute(ask, exact_rules(seconds=s, nodes=3), CALM) for s in (500.0, 50.0))
    assert not patient.proof.hurried and not brief.proof.hurried
    assert (patient.rows, patient.proof, patient.outcome) == (brief.rows, brief.proof, brief.outcome)
    cut = distribute(ask, exact_rules(seconds=1e-9), CALM)
    assert cut.proof.hurried
    assert cut.totals.tags
    assert cut.outcome.loss >= patient.proof.bound - TOLERANCE
