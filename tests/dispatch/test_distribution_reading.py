"""A case that cannot be meant is refused by its line and field, in both languages; unknown is never free."""

from __future__ import annotations

import json
import math
from datetime import date
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from distribution_stage import calm_policy, case, casualty, exact_rules, hospital, read

from casebook.errors import RefusedInput
from dispatch.distribution.answer import answer_schema
from dispatch.distribution.ask import ask_schema
from dispatch.distribution.reading import case_of_text, line_of, read_case
from dispatch.distribution.rules import DistributionRules
from dispatch.distribution.sharing import distribute
from dispatch.rule_files import FOLDER, default_distribution, load_rules, rulebook

RULES = default_distribution()


def whole() -> dict[str, Any]:
    return case([casualty("T1"), casualty("T2", "green")], [hospital("H1")], [{"id": "A1"}], {"H1": 10}, {"A1": 2})


def refusal(values: dict[str, Any]) -> RefusedInput:
    with pytest.raises(RefusedInput) as refused:
        case_of_text(json.dumps(values, indent=1), "case.json", RULES)
    return refused.value


def line_with(values: dict[str, Any], piece: str) -> int:
    return next(n for n, line in enumerate(json.dumps(values, indent=1).splitlines(), 1) if piece in line)


def test_a_whole_case_fits_its_own_schema_and_so_does_the_answer() -> None:
    jsonschema.validate(whole(), ask_schema())
    import msgspec

    answer = distribute(read(whole()), exact_rules(), calm_policy())
    jsonschema.validate(json.loads(msgspec.json.encode(answer)), answer_schema())


@pytest.mark.parametrize(
    ("path", "value", "key", "piece"),
    [
        (("casualties", 1, "category"), "purple", "case_field", "purple"),
        (("casualties", 0, "age_years"), 200, "case_field", "200"),
        (("casualties", 0, "boardable_min"), -5, "case_field", "-5"),
        (("casualties", 0, "needs"), ["magic"], "case_word", '"needs"'),
        (("casualties", 1, "id"), "T1", "case_twice", None),
        (("hospitals", 0, "places", "ed_bed", "free"), 1000, "case_free_above_total", "1000"),
        (("hospitals", 0, "capabilities"), ["trauma"], "case_word", '"capabilities"'),
        (("vehicles", 0, "kind"), "submarine", "case_word", "submarine"),
        (("travel", "to_scene_min", "A9"), {"scene": 3}, "case_unknown", "A9"),
        (("happened_at",), "2026-03-01T03:00:00Z", "case_future", "happened_at"),
        (("at",), "2026-03-01T02:00:00", "case_zone", '"at"'),
        (("surprise",), 1, "case_field", None),
        (("before",), {"T9": "H1"}, "case_unknown", "T9"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused_with_its_line(
    path: tuple[Any, ...], value: Any, key: str, piece: str | None
) -> None:
    values = whole()
    spot: Any = values
    for step in path[:-1]:
        spot = spot[step]
    spot[path[-1]] = value
    refused = refusal(values)
    assert refused.key == key
    assert refused.facts["file"] == "case.json"
    if piece is not None:
        assert refused.facts["line"] == line_with(values, piece)
    for language in ("zh", "en"):
        assert "?" not in refused.said(language)  # type: ignore[arg-type]


def test_broken_json_is_refused_with_line_and_column(tmp_path: Path) -> None:
    file = tmp_path / "case.json"
    file.write_text('{\n "at": "2026-03-01T02:00:00Z",\n "casualties": [,]\n}')
    with pytest.raises(RefusedInput) as refused:
        read_case(file, RULES)
    assert (refused.value.key, refused.value.facts["line"]) == ("case_json", 3)


def test_the_line_of_a_field_is_found_in_text_of_any_layout() -> None:
    text = '{"a": [1,\n {"b": "}]"},\n\n {"b": {"c": 4}}]}'
    assert line_of(text, "a[2].b.c") == 4
    assert line_of(text, "a[1].b") == 2
    assert line_of(text, "a[7]") == 1


def test_a_hospital_that_does_not_know_ranks_behind_one_that_has_a_bay_at_equal_time() -> None:
    silent = hospital("silent")
    silent["places"]["resus_bay"] = {"total": 4}
    ask = read(
        case([casualty("T1")], [silent, hospital("sure")], [{"id": "A1"}], {"silent": 10, "sure": 10}, {"A1": 2})
    )
    (row,) = distribute(ask, exact_rules(), calm_policy()).rows
    assert (row.hospital, row.place) == ("sure", "known")


def test_where_nobody_knows_the_standing_number_is_used_and_said() -> None:
    silent = hospital("silent")
    silent["places"]["resus_bay"] = {"free": 3, "total": 4, "age_min": 90}
    ask = read(case([casualty("T1")], [silent], [{"id": "A1"}], {"silent": 10}, {"A1": 2}))
    answer = distribute(ask, exact_rules(), calm_policy())
    assert answer.rows[0].place == "standing"
    assert answer.standing == ("silent",)
    assert answer.rows[0].care_min > answer.rows[0].arrives_min


def test_the_reserve_and_the_places_of_the_walking_wounded_are_left() -> None:
    near, far = hospital("near", beds=4), hospital("far", beds=4)
    near["place"], far["place"] = {"lat": 31.0, "lon": 121.0}, {"lat": 31.5, "lon": 121.0}
    who = [casualty(f"T{n}", "green") for n in range(8)]
    values = case(who, [near, far], [{"id": "B1", "kind": "bus"}], {"near": 5, "far": 30}, {"B1": 1})
    values["scenes"] = {"scene": {"lat": 31.01, "lon": 121.0}}
    rules = exact_rules()
    answer = distribute(read(values), rules, calm_policy())
    assert answer.summary["near"] == {"green": 3}
    assert answer.summary["-"] == {"green": 1}
    values["hospitals"][0]["places"]["ed_bed"]["reserve"] = 0
    assert distribute(read(values), rules, calm_policy()).summary["near"] == {"green": 4}


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("source: log_logistic}\n    yellow", "source: nobody}\n    yellow", "rule_without_source"),
        ("{resus_bay: 1, ed_bed: 2}", "{resus_room: 1}", "rule_unknown_word"),
        ("untaken_min: 1440", "untaken_min: 200", "rules_contradict"),
        ("    none: {scale", "    purple: {scale", "rule_incomplete"),
        ("red: {scale: 0.56", "red: {scale: 1.56", "bad_field"),
    ],
)  # fmt: skip
def test_a_table_that_is_wrong_is_refused(tmp_path: Path, old: str, new: str, key: str) -> None:
    text = (FOLDER / "distribution.yaml").read_text(encoding="utf-8")
    assert old in text
    file = tmp_path / "distribution.yaml"
    file.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(RefusedInput) as refused:
        load_rules(file, DistributionRules)
    assert refused.value.key == key


def test_survival_falls_with_time_whatever_the_category() -> None:
    for category in RULES.survival.by_category:
        chances = [RULES.survival_at(category, None, minute) for minute in range(0, 600, 10)]
        assert chances == sorted(chances, reverse=True)
    by_rpm = [RULES.survival_at("red", rpm, 30) for rpm in range(13)]
    assert by_rpm == sorted(by_rpm)
    assert RULES.survival_at("red", 8, 60) < RULES.survival_at("red", 8, 0)


def test_a_region_puts_its_own_table_in_the_place_of_the_shipped_one(tmp_path: Path) -> None:
    text = (
        (FOLDER / "distribution.yaml")
        .read_text(encoding="utf-8")
        .replace("valid_from: 2026-01-02", "valid_from: 2026-03-01")
    )
    (tmp_path / "distribution-2026.yaml").write_text(text.replace("{red: 2}", "{red: 5}"), encoding="utf-8")
    own = rulebook(region=tmp_path).distribution
    assert own.first_wave.by_category == {"red": 5}
    assert own.version == "distribution@2026-03-01"
    assert rulebook().distribution == RULES
    with pytest.raises(RefusedInput) as refused:
        rulebook(on=date(2026, 2, 1), region=tmp_path)
    assert refused.value.key == "rules_not_yet"


@pytest.mark.parametrize("rpm", range(13))
def test_survival_by_rpm_starts_with_the_table_and_only_falls(rpm: int) -> None:
    rule = RULES.rpm
    assert rule.at(rpm, 0) == rule.survival[rpm]
    assert rule.at(rpm, rule.every_min) == pytest.approx(rule.survival[rule.falls_to[rpm][0]])
    later = [rule.at(rpm, minute) for minute in range(0, 1500, 5)]
    assert later == sorted(later, reverse=True)
    assert min(later) >= rule.survival[0]


def test_the_logistic_form_of_the_paper_gives_the_table_within_a_hundredth() -> None:
    """The paper states a logistic function; one through these two figures reproduces all thirteen."""
    for rpm, survival in enumerate(RULES.rpm.survival):
        assert 1 / (1 + math.exp(2.9 - 0.578 * rpm)) == pytest.approx(survival, abs=0.011)
