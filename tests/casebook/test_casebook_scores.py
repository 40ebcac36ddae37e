"""Clinical scores: never a total with anything missing, never a guess, and every case of the reference files exact."""

from __future__ import annotations

import csv
import itertools
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from casebook.errors import CoordinationError, NotFound, RefusedInput
from casebook.scores import due_again, get_table, list_scores, score, score_vitals
from casebook.scores.due import Due
from casebook.vitals import Vitals
from casebook.words import LANGUAGES, catalogue

NOON = datetime(2021, 4, 18, 4, 0, tzinfo=UTC)
WELL = {"sbp_mmhg": 120, "hr_bpm": 80, "rr_bpm": 12, "temp_c": 37.0, "avpu": "A"}
WALKING_WOUNDED = {"walks": 0, "breathing": 1, "rr": 20, "radial_pulse": 1, "obeys_commands": 1}
CHILD = {"walks": 0, "breathing": 1, "rr": 25, "palpable_pulse": 1, "avpu": "A"}

mews_inputs = st.fixed_dictionaries(
    {
        "sbp_mmhg": st.integers(0, 500),
        "hr_bpm": st.integers(0, 500),
        "rr_bpm": st.integers(0, 300),
        "temp_c": st.decimals(0, 50, places=2),
        "avpu": st.sampled_from("AVPU"),
    }
)


def refused(name: str, inputs: dict) -> RefusedInput:
    with pytest.raises(RefusedInput) as caught:
        score(name, inputs)
    for language in LANGUAGES:
        assert "?" not in caught.value.said(language)
    return caught.value


# ---- every score


@pytest.mark.parametrize("name", list_scores())
def test_nothing_known_gives_no_answer_and_names_what_is_missing(name: str):
    result = score(name, {})
    assert result.total is None
    if name == "field_triage_2021":  # a rule list answers, and says what it did not see
        assert result.category == "NONE"
        assert "spo2_room_air_pct" in str(result.outputs["not_assessed"]).split(";")
    else:
        assert (result.status, result.category) == ("incomplete", "incomplete")
        assert result.missing


@pytest.mark.parametrize("name", list_scores())
def test_every_result_says_its_table_and_evidence(name: str):
    result = score(name, {})
    assert result.table == get_table(name).version
    assert result.evidence and get_table(name).source
    assert result.columns()["table"] == result.table


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", list_scores())
def test_every_score_input_and_answer_has_its_words(name: str, language: str):
    table = get_table(name)
    keys = [f"score.{name}"] + [f"score.input.{input}" for input in table.inputs]
    answers = [rule["is"] for output in table.outputs for rule in output.get("rules", ())]
    answers = [answer for answer in answers if isinstance(answer, str) and answer != "continuous"]
    for question in table.rows.get("tree", {}).values():
        answers += [question[way] for way in ("yes", "no") if question[way] not in table.rows["tree"]]
    answers += [criterion["category"] for criterion in table.rows.get("criteria", ())]
    keys += [f"score.says.{answer}" for answer in (*answers, "incomplete", "not_applicable", "1", "0")]
    assert [key for key in keys if key not in catalogue(language)] == []


@pytest.mark.parametrize("name", list_scores())
def test_tables_leave_no_gap(name: str):
    table = get_table(name)
    for item in table.rows.get("items", ()):
        for part in item.get("lowest_of", item.get("variants", [item])):
            bands = part.get("bands", [])
            tops = [band["to"] for band in bands if "to" in band]
            assert tops == sorted(tops)
            assert not bands or "to" not in bands[-1]
            assert not part.get("points") or set(part["points"]) == set(table.inputs[part["input"]].choices)
    for question in table.rows.get("tree", {}).values():
        for test in question["ask"].get("any_known", [question["ask"]]):
            assert test["input"] in table.inputs


def test_an_unknown_score_is_not_found_and_the_known_ones_are_told():
    with pytest.raises(NotFound) as caught:
        score("apache", {})
    assert "mews" in caught.value.said("en")


def test_the_edition_in_force_on_the_day_decides_and_a_day_before_all_gets_the_first():
    assert get_table("news2", NOON).version == "news2@2017-12-19"
    assert get_table("news2", NOON.replace(year=2010)).version == "news2@2017-12-19"


def test_an_input_that_the_table_does_not_have_is_refused():
    assert refused("mews", {"pulse": 80}).key == "unknown_score_input"


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "12O", "1e2", "0x10", "1_0", "--5", "yes", float("nan")])
def test_what_is_no_plain_number_is_refused(value: object):
    assert refused("mews", {**WELL, "hr_bpm": value}).key == "bad_score_input"


@pytest.mark.parametrize(
    ("field", "value"), [("hr_bpm", 501), ("sbp_mmhg", -1), ("rr_bpm", 301), ("temp_c", "50.01"), ("age_years", 131)]
)
def test_impossible_values_are_refused_not_clamped(field: str, value: object):
    refusal = refused("mews", {**WELL, field: value})
    assert (refusal.key, refusal.facts["field"]) == ("impossible_vital", field)


# ---- MEWS


@given(mews_inputs)
def test_mews_is_the_sum_of_its_items_and_lies_within_0_to_14(inputs: dict):
    result = score("mews", inputs)
    assert result.total == sum(got for got in result.points.values() if got is not None)
    assert 0 <= (result.total or 0) <= 14


@given(mews_inputs, st.sets(st.sampled_from(sorted(WELL)), min_size=1), st.sampled_from([None, "", "  "]))
def test_mews_with_any_item_missing_has_no_total_and_lists_exactly_those(inputs: dict, gone: set, empty: object):
    result = score("mews", inputs | dict.fromkeys(gone, empty))
    assert result.total is None
    assert result.category == "incomplete"
    assert set(result.missing) == gone


@given(mews_inputs, st.integers(0, 500))
def test_a_faster_heart_above_normal_never_lowers_mews(inputs: dict, other: int):
    slow, fast = sorted((max(51, inputs["hr_bpm"]), max(51, other)))
    totals = [score("mews", inputs | {"hr_bpm": hr}).total or 0 for hr in (slow, fast)]
    assert totals[0] <= totals[1]


@given(mews_inputs, st.integers(0, 199))
def test_a_lower_pressure_below_normal_never_lowers_mews(inputs: dict, other: int):
    low, high = sorted((min(199, inputs["sbp_mmhg"]), other))
    totals = [score("mews", inputs | {"sbp_mmhg": sbp}).total or 0 for sbp in (low, high)]
    assert totals[0] >= totals[1]


@given(mews_inputs)
def test_mews_worsens_with_consciousness(inputs: dict):
    totals = [score("mews", inputs | {"avpu": letter}).total or 0 for letter in "AVPU"]
    assert totals == sorted(totals)


@pytest.mark.parametrize(
    ("temp_c", "points"), [("38.44", 0), ("38.45", 2), (38.45, 2), ("34.94", 2), ("34.95", 0), (34.95, 0), (35.05, 0)]
)
def test_temperature_is_rounded_half_away_from_zero_before_banding(temp_c: object, points: int):
    assert score("mews", {**WELL, "temp_c": temp_c}).points["temp"] == points


def test_whole_number_vitals_are_scored_as_whole_numbers():
    assert score("mews", {**WELL, "hr_bpm": 100.4}).points["hr"] == 0
    assert score("mews", {**WELL, "hr_bpm": 100.5}).points["hr"] == 1


def test_a_known_single_3_is_flagged_even_when_the_total_may_not_be_shown():
    assert score("mews", {**WELL, "sbp_mmhg": 60, "avpu": ""}).outputs["any_single_3"] == 1
    assert score("mews", {**WELL, "avpu": ""}).outputs["any_single_3"] == ""


def test_adult_scores_are_not_for_children_and_say_so_without_a_total():
    child = score("mews", {**WELL, "age_years": 15})
    assert (child.status, child.category, child.total) == ("not_applicable", "not_applicable", None)
    assert score("mews", {**WELL, "age_years": 16}).total == 0
    assert score("mews", {**WELL, "age_years": "15.99"}).status == "not_applicable"


def test_mews_is_overdue_after_more_than_30_minutes():
    result = score("mews", WELL, at=NOON)
    assert not result.is_overdue(NOON + timedelta(minutes=30))
    assert result.is_overdue(NOON + timedelta(minutes=30, seconds=1))
    assert not score("mews", WELL).is_overdue(NOON)


def test_a_score_is_due_again_after_a_treatment_and_when_a_vital_crosses_a_band():
    result = score("mews", WELL, at=NOON)
    soon = NOON + timedelta(minutes=5)
    assert due_again(result, soon, vitals=Vitals(hr_bpm=99, sbp_mmhg=118)) == []
    assert due_again(result, soon, treated_at=NOON - timedelta(minutes=1)) == []
    assert due_again(result, soon, treated_at=soon) == [Due("treated")]
    assert due_again(result, soon, vitals=Vitals(hr_bpm=112)) == [Due("band_crossed", ("hr",))]
    assert due_again(result, NOON + timedelta(hours=1)) == [Due("overdue")]


def test_the_monitors_sample_is_scored_without_values_that_nobody_confirmed():
    sample = Vitals(hr_bpm=260, sbp_mmhg=120, rr_bpm=12, temp_c=37.0, avpu="A")
    assert score_vitals("mews", sample).missing == ("hr_bpm",)
    confirmed = score_vitals("mews", sample, confirmed=True)
    assert (confirmed.points["hr"], confirmed.check_sensor) == (3, ("hr_bpm",))


def test_a_cuff_pressure_older_than_30_minutes_is_named_stale():
    sample = Vitals(hr_bpm=80, sbp_mmhg=120, rr_bpm=12, temp_c=37.0, avpu="A", nibp_at=NOON)
    assert score_vitals("mews", sample, at=NOON + timedelta(minutes=30)).stale == ()
    assert score_vitals("mews", sample, at=NOON + timedelta(minutes=31)).stale == ("sbp_mmhg",)


def test_a_monitors_impossible_value_is_refused():
    with pytest.raises(RefusedInput):
        score_vitals("mews", Vitals(hr_bpm=900))


@given(mews_inputs)
def test_a_result_can_be_recomputed_from_what_it_keeps(inputs: dict):
    result = score("mews", inputs, at=NOON)
    assert score("mews", result.inputs, at=NOON) == result
    assert score("mews", result.as_dict()["inputs"], at=NOON) == result


@pytest.mark.parametrize(
    ("name", "inputs"),
    [
        ("gcs", {"scale": "adult", "eye": 4, "verbal": "NT", "motor": 6}),
        ("stemi_ecg", {"sex": "F", "st_elevation_mm_at_j_point": {"V5": 1.0, "V6": 1.1}}),
        ("iss_niss", {"ais_by_region": '{"chest": [3, 9]}'}),
        ("shock_index", {"hr_bpm": 123, "sbp_mmhg": 100, "age_years": 6}),
    ],
)
def test_a_result_survives_json(name: str, inputs: dict):
    result = score(name, inputs, at=NOON)
    stored = json.loads(json.dumps(result.as_dict(), allow_nan=False))
    assert score(name, stored["inputs"], at=datetime.fromisoformat(stored["at"])) == result


def test_a_result_is_said_in_one_line():
    assert score("mews", {**WELL, "avpu": ""}).said("zh") == "MEWS 改良早期预警评分：不完整，缺少 AVPU 意识"
    assert score("mews", WELL).said("en") == "MEWS: 0, low risk"
    assert score("mews", {**WELL, "age_years": 3}).said("en") == "MEWS: not made for this age"


# ---- GCS


@given(st.integers(1, 4), st.integers(1, 5), st.integers(1, 6), st.sampled_from(["adult", "paediatric"]))
def test_gcs_is_the_sum_and_keeps_its_parts(eye: int, verbal: int, motor: int, scale: str):
    result = score("gcs", {"scale": scale, "eye": eye, "verbal": verbal, "motor": motor})
    assert result.total == eye + verbal + motor
    assert result.points == {"eye": eye, "verbal": verbal, "motor": motor}


@given(st.lists(st.sampled_from(["eye", "verbal", "motor"]), min_size=1, unique=True))
def test_one_untestable_part_leaves_no_gcs_total(untestable: list):
    result = score("gcs", {"scale": "adult", "eye": 4, "verbal": 5, "motor": 6} | dict.fromkeys(untestable, "NT"))
    assert (result.total, result.category) == (None, "incomplete")
    assert set(result.not_testable) == set(result.missing) == set(untestable)


def test_nt_is_an_answer_only_where_a_part_can_be_untestable():
    assert refused("mews", {**WELL, "avpu": "NT"}).key == "bad_score_input"
    assert refused("gcs", {"eye": "nt"}).key == "bad_score_input"


def test_half_a_point_is_refused():
    assert refused("gcs", {"eye": 3.5}).key == "bad_score_input"


def test_the_scale_must_be_named_and_must_fit_the_age():
    parts = {"eye": 4, "verbal": 5, "motor": 6}
    assert score("gcs", parts).missing == ("scale",)
    assert score("gcs", {**parts, "scale": "adult", "age_years": 1}).status == "not_applicable"
    assert score("gcs", {**parts, "scale": "paediatric", "age_years": 5}).status == "not_applicable"
    assert score("gcs", {**parts, "scale": "paediatric", "age_years": 3}).total == 15


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_part_of_both_scales_is_worded(language: str):
    for scale, (part, top) in itertools.product(("adult", "paediatric"), (("eye", 4), ("verbal", 5), ("motor", 6))):
        for points in range(1, top + 1):
            assert catalogue(language)[f"score.gcs.{scale}.{part}.{points}"]


# ---- shock index


def test_shock_index_without_an_age_shows_the_quotient_but_judges_nothing():
    result = score("shock_index", {"hr_bpm": 120, "sbp_mmhg": 80})
    assert result.outputs["si_4dp"] == Decimal("1.5000")
    assert (result.category, result.missing, result.outputs["got_cutoff"]) == ("incomplete", ("age_years",), "")


def test_shock_index_is_undefined_without_a_pressure():
    result = score("shock_index", {"hr_bpm": 120, "sbp_mmhg": 0, "age_years": 40})
    assert result.outputs == {"si_4dp": "", "elevated": "", "got_rule": "undefined", "got_cutoff": ""}


@given(st.integers(0, 500), st.integers(1, 500), st.integers(17, 130))
def test_adult_shock_index_is_raised_exactly_from_nine_tenths(hr: int, sbp: int, age: int):
    result = score("shock_index", {"hr_bpm": hr, "sbp_mmhg": sbp, "age_years": age})
    assert result.outputs["elevated"] == int(10 * hr >= 9 * sbp)


@given(st.integers(0, 500), st.integers(1, 500), st.integers(4, 16))
def test_a_childs_shock_index_is_raised_strictly_above_its_ages_limit(hr: int, sbp: int, age: int):
    percent = 122 if age <= 6 else 100 if age <= 12 else 90
    result = score("shock_index", {"hr_bpm": hr, "sbp_mmhg": sbp, "age_years": age})
    assert result.outputs["elevated"] == int(100 * hr > percent * sbp)


# ---- START, JumpSTART and other trees


def test_who_walks_is_green_whatever_else():
    assert score("start", {"walks": 1, "rr": 36, "radial_pulse": 0, "obeys_commands": 0}).category == "GREEN"


@pytest.mark.parametrize("gone", ["walks", "breathing", "rr", "obeys_commands"])
def test_start_never_guesses_an_answer_that_would_change_the_colour(gone: str):
    result = score("start", {name: value for name, value in WALKING_WOUNDED.items() if name != gone})
    assert result.category == "incomplete"
    assert gone in result.missing


def test_start_needs_the_pulse_or_the_refill_and_takes_the_worse_of_both():
    neither = {name: value for name, value in WALKING_WOUNDED.items() if name != "radial_pulse"}
    assert score("start", neither).missing == ("radial_pulse", "capillary_refill_s")
    assert score("start", {**neither, "capillary_refill_s": "2.0"}).category == "YELLOW"
    assert score("start", {**WALKING_WOUNDED, "capillary_refill_s": "2.1"}).category == "RED"


def test_an_unknown_that_cannot_change_the_colour_does_not_withhold_it():
    """Not breathing fast enough to tell, but no pulse: red either way."""
    result = score("start", {"walks": 0, "breathing": 1, "radial_pulse": 0})
    assert (result.category, result.missing) == ("RED", ())
    assert ("rate", None) in result.trail


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "walks": st.integers(0, 1),
            "breathing": st.integers(0, 1),
            "breathes_after_airway_opened": st.integers(0, 1),
            "rr": st.integers(1, 60),
            "radial_pulse": st.integers(0, 1),
            "capillary_refill_s": st.integers(0, 5),
            "obeys_commands": st.integers(0, 1),
        },
    ),
    st.fixed_dictionaries(
        {
            "walks": st.integers(0, 1),
            "breathing": st.integers(0, 1),
            "breathes_after_airway_opened": st.integers(0, 1),
            "rr": st.integers(1, 60),
            "radial_pulse": st.integers(0, 1),
            "obeys_commands": st.integers(0, 1),
        }
    ),
)
def test_a_colour_given_on_partial_answers_is_the_colour_that_full_answers_give(partial: dict, rest: dict):
    early = score("start", partial).category
    full = rest | partial
    if "capillary_refill_s" in partial and "radial_pulse" not in partial:
        del full["radial_pulse"]  # circulation was judged by the refill alone
    late = score("start", full).category
    assert late != "incomplete"
    assert early in ("incomplete", late)


def test_breathing_at_a_rate_of_zero_is_a_contradiction_and_is_refused():
    assert refused("start", {**WALKING_WOUNDED, "rr": 0}).key == "contradiction"
    assert refused("jumpstart", {**CHILD, "rr": 0}).key == "contradiction"


def test_small_children_are_sent_to_jumpstart():
    assert score("start", {**WALKING_WOUNDED, "age_years": 5}).status == "not_applicable"
    assert get_table("start").rows["instead"] == "jumpstart"


@pytest.mark.parametrize(("rr", "colour"), [(1, "RED"), (14, "RED"), (15, "YELLOW"), (45, "YELLOW"), (46, "RED")])
def test_jumpstart_takes_slow_and_fast_breathing_as_red(rr: int, colour: str):
    assert score("jumpstart", {**CHILD, "rr": rr}).category == colour


def test_jumpstart_gives_an_apnoeic_child_with_a_pulse_five_breaths():
    apnoeic = {"walks": 0, "breathing": 0, "breathes_after_airway_opened": 0}
    assert score("jumpstart", {**apnoeic, "palpable_pulse": 0}).category == "BLACK"
    missing = score("jumpstart", {**apnoeic, "palpable_pulse": 1})
    assert missing.missing == ("breathes_after_5_rescue_breaths",)
    assert score("jumpstart", {**apnoeic, "palpable_pulse": 1, "breathes_after_5_rescue_breaths": 1}).category == "RED"


def test_an_untestable_arm_does_not_make_a_stroke_screen_negative():
    assert score("cpss_fast", {"face": 0, "arm": "NT", "speech": 0}).category == "incomplete"
    assert score("cpss_fast", {"face": 0, "arm": "NT", "speech": 1}).category == "1"


# ---- lists of rules, injuries, leads


def test_field_triage_names_what_it_could_not_see():
    seen = {"age_years": 40, "gcs_motor": 6, "rr": 16, "respiratory_distress_or_support": 0, "sbp_mmhg": 120}
    seen |= {"hr_bpm": 80, "any_red_injury_pattern": 0, "any_yellow_criterion": 0}
    result = score("field_triage_2021", seen)
    assert (result.category, result.outputs["not_assessed"]) == ("NONE", "spo2_room_air_pct")


def test_field_triage_without_an_age_cannot_judge_the_pressure():
    result = score("field_triage_2021", {"sbp_mmhg": 60})
    assert result.category == "NONE"
    assert "age_years" in str(result.outputs["not_assessed"]).split(";")


@pytest.mark.parametrize(
    "text", ["[]", "{", '{"tail": [1]}', '{"chest": 3}', '{"chest": [7]}', '{"chest": [true]}', '{"chest": [NaN]}']
)
def test_injuries_that_cannot_be_read_are_refused(text: str):
    assert refused("iss_niss", {"ais_by_region": text}).key == "bad_score_input"


def test_an_injury_of_unknown_severity_is_left_out_and_the_result_is_provisional():
    result = score("iss_niss", {"ais_by_region": {"chest": [3, 9]}})
    assert (result.outputs["iss"], result.outputs["provisional"]) == (9, 1)


@pytest.mark.parametrize("text", ['{"V9": 1}', '{"V2": "high"}', '{"V2": 99}', '{"V2": NaN}'])
def test_leads_that_cannot_be_read_are_refused(text: str):
    assert refused("stemi_ecg", {"sex": "F", "st_elevation_mm_at_j_point": text}).key == "bad_score_input"


def test_elevation_at_the_limit_counts_also_when_it_comes_as_a_float():
    assert score("stemi_ecg", {"sex": "F", "st_elevation_mm_at_j_point": {"V5": 1.0, "V6": 1.1}}).category == "1"
    assert score("stemi_ecg", {"sex": "M", "st_elevation_mm_at_j_point": {"V5": 1.0}}).missing == ("age_years",)


def test_bundle_branch_block_cannot_be_judged():
    inputs = {"sex": "F", "st_elevation_mm_at_j_point": "{}", "bundle_branch_block_or_hypertrophy": 1}
    assert score("stemi_ecg", inputs).category == "cannot_judge"


# ---- the reference files


@pytest.mark.parametrize("name", list_scores())
def test_every_case_of_the_reference_file_comes_out_exactly(name: str, vectors: Path):
    table = get_table(name)
    rows = list(csv.DictReader((vectors / f"{name}.csv").open(encoding="utf-8")))
    assert rows
    for row in rows:
        got = score(name, {column: row[column] for column in table.inputs if column in row}).columns()
        expected = {column.removeprefix("expected_"): row[column] for column in row if column.startswith("expected_")}
        points = [column for column in row if column.startswith(("pts_", "code_")) and column not in table.inputs]
        points += [column for column in ("rule", "cutoff") if column in row]
        expected |= {f"got_{column}": row[column] for column in points}
        assert {column: got.get(column) for column in expected} == expected, row["case_id"]


def test_over_and_under_triage_come_out_exactly_each_with_its_denominator(vectors: Path):
    table = get_table("triage_quality")
    rows = list(csv.DictReader((vectors / "triage_quality.csv").open(encoding="utf-8")))
    assert rows
    for row in rows:
        got = score("triage_quality", {name: row[name] for name in table.inputs}).columns()
        wanted = {output["column"]: row[output["column"]] for output in table.outputs}
        assert {column: got[column] for column in wanted} == wanted, row["case_id"]


@given(st.tuples(*[st.integers(0, 500)] * 4))
def test_a_share_of_nobody_is_not_given_and_none_is_beyond_the_whole(counts: tuple[int, ...]):
    inputs = dict(zip(get_table("triage_quality").inputs, counts, strict=True))
    outputs = score("triage_quality", inputs).outputs
    assert (outputs["undertriage_1_minus_sensitivity"] == "") == (counts[0] + counts[1] == 0)
    assert all(0 <= Decimal(str(value)) <= 1 for value in outputs.values() if value != "")


def test_errors_of_scoring_are_of_the_one_family():
    assert issubclass(RefusedInput, CoordinationError)
