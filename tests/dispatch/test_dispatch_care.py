"""Minutes to definitive care by cause, and what a casualty needs: rules that fire, rules that nobody could ask."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_dispatch_destination import NOW, POLICY, SEVERE, TRAUMA, decide, hospital, road

from casebook.capacity import Figure, resource_table
from casebook.events import Reason
from dispatch.care import care_of, mean_wait_s, wait_quantile_s
from dispatch.destination import decide_destination
from dispatch.needs import Case, needs_of, rows_for

STROKE = Case("I1-S", "yellow", "stroke", scores={"lams": 5.0}, last_known_well=NOW - timedelta(hours=1))


def test_the_next_of_four_bays_leaves_after_a_quarter_of_a_stay():
    figure = Figure(0, 4, NOW, "ed:nurse", "board")
    assert mean_wait_s(figure, resource_table().get("resus_bay")) == 215 * 60 / 4
    assert mean_wait_s(None, resource_table().get("resus_bay")) == 215 * 60 / 4, "four are usual"


@pytest.mark.parametrize(
    ("p", "waits_s"), [(1.0, 0.0), (0.9, 0.0), (0.5, 1000 * math.log(5)), (0.0, 1000 * math.log(10))]
)
def test_the_ninetieth_percentile_of_the_wait(p: float, waits_s: float):
    assert wait_quantile_s(p, 1000.0, 0.9) == pytest.approx(waits_s)


@given(st.floats(0, 1), st.floats(0, 7200), st.floats(0, 3600), st.floats(1, 7200))
def test_the_range_holds_and_a_likelier_bay_is_never_later(p: float, mean_s: float, offload_s: float, eta_s: float):
    care = care_of(eta_s, eta_s * 0.8, eta_s * 1.3, p_bay=p, mean_s=mean_s, offload_s=offload_s)
    assert care.low_s <= care.high_s
    assert care.definitive_s == pytest.approx(eta_s + sum(care.causes_s.values()), abs=0.11)
    sure = care_of(eta_s, None, None, p_bay=1.0, mean_s=mean_s, offload_s=offload_s)
    unknown = care_of(eta_s, None, None, p_bay=None, mean_s=mean_s, offload_s=offload_s)
    assert sure.definitive_s <= care.definitive_s <= unknown.definitive_s + 0.1


def test_a_crowded_department_costs_the_yellow_casualty_its_minutes_and_the_red_one_none():
    ways = [road("a", 600)]
    crowded = hospital("a", free=0)
    yellow = decide(Case("I1-Y", "yellow"), ways, crowded).rejected[0]
    assert yellow.causes_s["offload"] == 1800
    assert "offload" not in decide(SEVERE, ways, hospital("a")).options[0].causes_s


def test_every_option_says_how_likely_a_bay_is_and_how_long_until_care():
    option = decide(SEVERE, [road("a", 600)], hospital("a")).options[0]
    assert option.p_bay is not None and 0 < option.p_bay < 1
    assert option.definitive_s == pytest.approx(option.eta_s + sum(option.causes_s.values()))
    assert option.definitive_low_s is not None and option.definitive_high_s is not None
    assert option.definitive_low_s <= option.definitive_s <= option.definitive_high_s
    silent = decide(SEVERE, [road("a", 600)], hospital("a", free=-1)).options[0]
    assert silent.p_bay is None and silent.causes_s["wait_for_bay"] == 215 * 60 / 4


# --- rules


def test_a_large_vessel_stroke_passes_the_nearest_for_thrombectomy_within_the_limit_only():
    near, far = hospital("near", "ct", "thrombolysis"), hospital("far", "ct", "thrombolysis", "thrombectomy")
    assert decide(STROKE, [road("near", 600), road("far", 1800)], near, far).options[0].hospital == "far"
    late = decide(STROKE, [road("near", 600), road("far", 2800)], near, far)
    assert late.options[0].hospital == "near", "nobody within the limit has it: the nearest that can lyse"
    assert "wanted" in [reason.code for reason in late.options[0].reasons]
    mild = replace(STROKE, scores={"lams": 2.0})
    assert decide(mild, [road("near", 600), road("far", 1800)], near, far).options[0].hospital == "near"


def test_a_rule_that_nobody_could_ask_is_told_with_what_is_missing():
    unscored = replace(STROKE, scores={}, last_known_well=None)
    decision = decide(unscored, [road("near", 600)], hospital("near", "ct", "thrombolysis"))
    missing = ["lams/race", "last_known_well"]
    assert decision.unmeasured == (Reason("rule_unmeasured", {"rule": "stroke_large_vessel", "missing": missing}),)


def test_a_stroke_of_yesterday_is_beyond_the_window():
    old = replace(STROKE, last_known_well=NOW - timedelta(hours=25))
    rows = rows_for(old, POLICY, NOW)
    assert needs_of(old, POLICY, rows, rows.within).must == ("ct", "thrombolysis")


@pytest.mark.parametrize(
    ("case", "must", "helps"),
    [
        (Case("c", "red", "trauma", age_years=40), TRAUMA, ()),
        (Case("c", "none", "trauma", age_years=40, field_triage="red"), TRAUMA, ()),
        (Case("c", "green", "trauma", age_years=40, field_triage="yellow"), (), ("trauma_centre",)),
        (Case("c", "yellow", "trauma", age_years=8), (), ("trauma_centre", "paediatric")),
        (Case("c", "yellow", "trauma", age_years=30, pregnancy_weeks=24), (), ("trauma_centre", "obstetric")),
        (Case("c", "yellow", "stemi"), ("pci",), ()),
        (Case("c", "red", "burns", field_triage="yellow"), ("trauma_centre", "burns"), ("icu",)),
        (Case("c", "red", "trauma", in_arrest=True), (), ()),
    ],
)
def test_severity_and_pathway_ask_for_these_capabilities(case: Case, must: tuple[str, ...], helps: tuple[str, ...]):
    needs = needs_of(case, POLICY, rows_for(case, POLICY, NOW), ())
    assert needs.must == must
    assert set(needs.helps) == set(helps)


# --- where nobody capable is near


def test_where_nobody_capable_is_within_the_limit_a_nearer_one_stabilises_and_transfers_on():
    near, far = hospital("near", "ct"), hospital("far")
    ways, houses = [road("near", 600), road("far", 5400)], {"near": near, "far": far}
    decision = decide_destination(SEVERE, ways, houses, (), NOW, POLICY, onward_s={("near", "far"): 2400.0})
    first = decision.options[0]
    assert (first.hospital, first.onward) == ("near", "far")
    assert first.causes_s["onward_transfer"] == 1800 + 2400
    assert "transfer" in [reason.code for reason in first.reasons]
    assert decide(SEVERE, ways, near, far).options[0].hospital == "far", "nothing is known of a way on from there"
    soon = decide_destination(
        SEVERE, [road("near", 600), road("far", 3600)], houses, (), NOW, POLICY, onward_s={("near", "far"): 2400.0}
    )
    assert soon.options[0].hospital == "far", "the detour over the nearer one would take longer"


def test_somebody_capable_within_the_limit_is_never_passed_for_a_transfer():
    near, far = hospital("near", "ct"), hospital("far")
    ways, houses = [road("near", 600), road("far", 2600)], {"near": near, "far": far}
    decision = decide_destination(SEVERE, ways, houses, (), NOW, POLICY, onward_s={("near", "far"): 600.0})
    assert [one.hospital for one in decision.options] == ["far"]


def test_nobody_at_all_still_names_who_can_stabilise_and_who_must_be_asked():
    near, full, shut = hospital("near", "ct"), hospital("full", free=0), hospital("shut", **{"*": "fire"})
    decision = decide(SEVERE, [road("near", 600), road("full", 900), road("shut", 300)], near, full, shut)
    assert decision.options == ()
    assert decision.stabilise_at == "near"
    assert decision.ask == ("shut", "full")


def test_a_hospital_that_said_no_is_not_proposed_again_but_is_named():
    case = replace(SEVERE, refused_by=("near",))
    decision = decide(case, [road("near", 300), road("far", 900)], hospital("near"), hospital("far"))
    assert decision.options[0].hospital == "far"
    assert decision.rejected[0].reasons[0] == Reason("refused")


def test_the_decision_names_itself_and_the_versions_it_stood_on():
    first = decide(SEVERE, [road("a", 600)], hospital("a"))
    assert first.id == f"D-{first.inputs[:12]}"
    assert first.rules == POLICY.version
    assert decide(SEVERE, [road("a", 600)], hospital("a", free=1)).capacity != first.capacity
