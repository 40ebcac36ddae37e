"""Vital signs that cross the line of a rule change the needs, once; what is not measured or not believed does not."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from test_dispatch_case_watch import A, Case
from valley import SEVERE, START

from casebook import events as e
from casebook.casualty import Category, Pathway
from casebook.errors import RefusedInput
from casebook.picture import CasualtyState, Sample
from dispatch.needs import case_of, field_triage_of
from dispatch.policy import Policy
from dispatch.rule_files import FOLDER, default_policy, load_rules
from dispatch.signs import crossing
from routing.roads import Roadmap

POLICY = default_policy()
WELL = {"hr_bpm": 90, "spo2_pct": 97, "sbp_mmhg": 120, "rr_bpm": 16}
SHOCK = WELL | {"sbp_mmhg": 82}


def green(*told: tuple[float, dict[str, Any]], **fields: Any) -> CasualtyState:
    """A trauma patient of forty with a green tag; `told`: (seconds from the start, sample)."""
    trend = tuple(
        Sample(START + timedelta(seconds=at_s), vitals, "A1", "e", n) for n, (at_s, vitals) in enumerate(told)
    )
    base = CasualtyState(A, "I", "A", 40.0, category=Category.GREEN, findings=SEVERE, trend=trend)
    return replace(base, **fields)


def lasting(vitals: dict[str, Any], seconds: int = 11, since_s: int = 0) -> list[tuple[float, dict[str, Any]]]:
    return [(since_s + n, vitals) for n in range(seconds)]


def met(state: CasualtyState) -> e.Event | None:
    due = crossing(state, POLICY)
    return due.facts[0] if due else None


def test_a_pressure_that_stays_below_the_line_of_its_age_counts_as_red_with_its_value():
    fact = met(green(*lasting(SHOCK)))
    assert fact == e.SignsMet(A, "red", ("sbp", "hr_gt_sbp"), {"sbp_mmhg": 82.0, "hr_bpm": 90.0}, fact.table)  # type: ignore[union-attr]
    assert met(green(*lasting(WELL | {"sbp_mmhg": 100}))) is None
    old = green(*lasting(WELL | {"sbp_mmhg": 100}), age_years=70.0)
    assert isinstance(met(old), e.SignsMet), "below 110 from 65 years on"


@pytest.mark.parametrize(
    ("field", "value", "criterion"),
    [
        ("spo2_pct", 88, "spo2_lt_90_room_air"),
        ("rr_bpm", 8, "rr"),
        ("rr_bpm", 32, "rr"),
        ("gcs_motor", 5, "motor_gcs_lt_6"),
    ],
)
def test_each_sign_of_the_table_counts_by_itself(field: str, value: int, criterion: str):
    fact = met(green(*lasting(WELL | {field: value})))
    assert isinstance(fact, e.SignsMet) and fact.criteria == (criterion,) and fact.values == {field: float(value)}


def test_one_odd_sample_is_no_crossing():
    assert met(green(*lasting(WELL), (11, SHOCK))) is None
    assert met(green(*lasting(SHOCK, 6), (6, WELL), *lasting(SHOCK, 6, 7))) is None
    assert met(green((0, SHOCK))) is None, "nothing is known of ten seconds ago"


def test_a_coma_score_that_a_person_counted_once_stands_at_once():
    assert met(green(*lasting(WELL), (11, {"gcs_motor": 4}))) is not None


def test_what_nobody_measured_meets_nothing_and_an_unknown_age_judges_no_pressure():
    assert met(green(*lasting({"hr_bpm": 90}))) is None
    assert met(green(*lasting(WELL | {"sbp_mmhg": 85, "hr_bpm": 80}), age_years=None)) is None
    assert met(green()) is None


@pytest.mark.parametrize(
    "vitals",
    [
        {"spo2_pct": 40},  # out of what a finger shows: check the sensor
        {"sbp_mmhg": 80, "dbp_mmhg": 95},  # the two cannot be of one measurement
        {"rr_bpm": 70},
        {"sbp_mmhg": 82, "nibp_at": (START - timedelta(minutes=11)).isoformat()},  # by a cuff that long ago
    ],
)
def test_a_value_that_is_marked_implausible_or_old_does_not_count(vitals: dict[str, Any]):
    assert met(green(*lasting(vitals))) is None


def test_who_is_treated_as_red_already_or_has_no_injury_is_not_told_of():
    assert met(green(*lasting(SHOCK), category=Category.RED)) is None
    assert met(green(*lasting(SHOCK), findings=replace(SEVERE, field_triage="red"))) is None
    assert met(green(*lasting(SHOCK), findings=replace(SEVERE, pathway=Pathway.STROKE))) is None
    assert met(green(*lasting(SHOCK), arrived_at=START)) is None


def test_without_such_a_rule_in_the_regions_file_vital_signs_change_nothing():
    assert crossing(green(*lasting(SHOCK)), replace_signs(None)) is None


def replace_signs(rule: Any) -> Any:
    return type(POLICY)(
        **{name: getattr(POLICY, name) for name in POLICY.__struct_fields__ if name != "signs"}, signs=rule
    )


MET = e.SignsMet(A, "red", ("sbp",), {"sbp_mmhg": 82.0}, "t")


def test_it_is_cleared_when_all_was_measured_again_and_well_for_five_minutes():
    assert met(green(*lasting(WELL, 300), signs=MET)) is None
    assert met(green(*lasting(WELL, 302), signs=MET)) == e.SignsCleared(A, ("sbp",))
    assert met(green(*lasting(WELL, 150), (150, SHOCK), *lasting(WELL, 160, 151), signs=MET)) is None, "up and down"


def test_unknown_clears_nothing():
    without = {"hr_bpm": 90, "spo2_pct": 97}
    assert met(green(*lasting(without, 400), signs=MET)) is None
    stopped = green(*lasting(WELL, 20), *lasting(without, 590, 20), signs=MET)
    assert met(replace(stopped, trend=stopped.trend[15:])) is not None, "measured within ten minutes"


def test_a_crossing_is_told_once():
    state = green(*lasting(SHOCK))
    fact = met(state)
    assert isinstance(fact, e.SignsMet)
    assert met(replace(state, signs=fact)) is None


def test_the_worse_of_crew_and_monitor_stands():
    said = replace(SEVERE, field_triage="yellow")
    assert field_triage_of(green()) == ""
    assert field_triage_of(green(signs=MET)) == "red"
    assert field_triage_of(green(findings=said)) == "yellow"
    assert case_of(green(findings=said, signs=MET)).field_triage == "red"


# --- at the desk


async def green_case(valley: Roadmap) -> Case:
    case = Case(valley)
    await case.open()
    case.begin()
    case.pass_s(1)
    beds = [e.CapacityReported(id, "ed_bed", 9, 10) for id in ("city", "mill", "quarry")]
    await case.tell(*beds, e.CasualtyTriaged(A, "start", Category.GREEN, "A1"))
    await case.tell(e.DestinationRequested(A, "A1"))
    return case


async def samples(case: Case, vitals: dict[str, Any], seconds: int) -> list[str]:
    """So many samples, one a second; what the desk wrote meanwhile."""
    wrote: list[str] = []
    for _ in range(seconds):
        case.pass_s(1)
        wrote += await case.tell(e.VitalsRecorded(A, "A1", vitals))
    return wrote


async def test_a_crossing_under_way_proposes_the_trauma_centre_and_takes_nothing(valley: Roadmap):
    case = await green_case(valley)
    assert case.first[0] == "quarry"
    await case.choose()
    await case.leave()
    assert await samples(case, WELL, 12) == []
    assert await samples(case, SHOCK, 30) == ["signs_met", "destination_proposed"], "once, not at every sample"
    assert case.first[0] == "city"
    assert case.state.option is not None and case.state.option.hospital == "quarry", "a person says yes, not the desk"
    rules = {reason.facts.get("rule") for reason in case.state.proposal.options[0].reasons}  # type: ignore[union-attr]
    assert "field_triage_red" in rules


async def test_a_hub_that_starts_again_tells_no_crossing_twice(valley: Roadmap):
    case = await green_case(valley)
    assert "signs_met" in await samples(case, SHOCK, 12)
    case.begin()
    assert "signs_met" not in await samples(case, SHOCK, 3)


async def test_a_sign_that_flickers_round_the_line_tells_nothing(valley: Roadmap):
    case = await green_case(valley)
    wrote: list[str] = []
    for _ in range(20):
        wrote += await samples(case, SHOCK, 3) + await samples(case, WELL, 2)
    assert wrote == []


@pytest.mark.parametrize("score", ["nobody_knows", "gcs"])
def test_a_table_that_is_no_list_of_criteria_is_refused_with_its_name(tmp_path: Path, score: str):
    text = (FOLDER / "destination.yaml").read_text(encoding="utf-8")
    file = tmp_path / "destination.yaml"
    file.write_text(text.replace("{score: field_triage_2021,", f"{{score: {score},"), encoding="utf-8")
    with pytest.raises(RefusedInput) as refused:
        load_rules(file, Policy)
    assert refused.value.key == "rule_unknown_word" and refused.value.facts["word"] == score
