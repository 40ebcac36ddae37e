"""Rule tables: dated, sourced, of known words; anything else is refused with its place."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
import yaml

from casebook.casualty import Category, Pathway
from casebook.errors import RefusedInput
from dispatch.policy import AssignmentRules, Policy, TaskRules
from dispatch.rule_files import FOLDER, default_assignment, default_policy, default_tasks, load_rules, rulebook

DESTINATION = yaml.safe_load((FOLDER / "destination.yaml").read_text(encoding="utf-8"))


def written(tmp_path: Path, changes: dict) -> Path:
    file = tmp_path / "destination.yaml"
    file.write_text(yaml.safe_dump(DESTINATION | changes, allow_unicode=True), encoding="utf-8")
    return file


def test_the_shipped_tables_load_and_name_their_version():
    assert default_policy().version == "destination@2026-01-01"
    assert default_assignment().version == "assignment@2026-01-01"
    assert {"cross_district", "air_standby", "air_tasking", "landing_site_police"} <= set(default_tasks().kinds)


def test_every_category_and_pathway_named_is_a_known_one():
    categories, pathways = {*map(str, Category), "none"}, set(map(str, Pathway))
    policy = default_policy()
    for row in policy.needs:
        assert set(row.pathways) <= pathways and set(row.categories) <= categories
    for table in (policy.resource.by_category, policy.wish_limit_s.by_category):
        assert set(table) == categories


def test_untested_figures_carry_the_mark_of_an_assumption():
    policy = default_policy()
    for rule in (policy.missing_want_costs_s, policy.before_leaving_s, policy.wish_limit_s, policy.hold):
        assert policy.sources[rule.source].mark == "assumption"


@pytest.mark.parametrize(
    ("changes", "key", "fact"),
    [
        ({"hold": {**DESTINATION["hold"], "source": "hearsay"}}, "rule_without_source", "hold"),
        ({"closest_any": {"needs": ["magic"], "source": "assumed"}}, "rule_unknown_word", "closest_any"),
        (
            {"resource": {"by_category": {"none": "sofa"}, "source": "assumed"}}, "rule_unknown_word", "resource.none",
        ),
        ({"resource": {"by_category": {"red": "resus_bay"}, "source": "assumed"}}, "rule_incomplete", "resource"),
        ({"bypass_limit_s": {"by_pathway": {}, "source": "bypass"}}, "rule_incomplete", "bypass_limit_s"),
        (
            {"change_costs_s": {"by_mode": {"road": 0}, "categories": [], "source": "assumed"}}, "rule_incomplete",
            "change_costs_s",
        ),
    ],
)  # fmt: skip
def test_a_rule_that_does_not_hold_together_is_refused_with_its_name(tmp_path: Path, changes, key: str, fact: str):
    with pytest.raises(RefusedInput) as refused:
        load_rules(written(tmp_path, changes), Policy)
    assert refused.value.key == key and refused.value.facts["rule"] == fact


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"valid_from": "soon"}, "valid_from"),
        ({"before_leaving_s": {"seconds": "long", "source": "assumed"}}, "before_leaving_s.seconds"),
        ({"colour": "red"}, "$"),
    ],
)
def test_a_malformed_field_is_refused_with_its_path(tmp_path: Path, changes, field: str):
    with pytest.raises(RefusedInput) as refused:
        load_rules(written(tmp_path, changes), Policy)
    assert refused.value.key == "bad_field" and refused.value.facts["field"] == field


def test_a_file_that_is_no_table_is_refused(tmp_path: Path):
    broken = tmp_path / "rules.yaml"
    broken.write_text("a: [", encoding="utf-8")
    for file, kind in ((broken, AssignmentRules), (tmp_path / "absent.yaml", TaskRules)):
        with pytest.raises(RefusedInput) as refused:
            load_rules(file, kind)
        assert refused.value.key == "rules_unreadable"


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ({"rule": "stemi"}, "twice"),
        ({"rule": "new", "pathways": ["stemi"], "needs": ["pci"]}, "stemi (stemi)"),
        ({"rule": "new", "pathways": ["hand"], "categories": ["red"], "needs": ["icu"], "wants": ["icu"]}, "icu"),
    ],
)
def test_two_rules_that_contradict_are_refused_with_both_names(tmp_path: Path, row: dict, why: str):
    whole = {"rule": "x", "pathways": ["general"], "categories": [], "needs": [], "wants": [], "source": "assumed"}
    with pytest.raises(RefusedInput) as refused:
        load_rules(written(tmp_path, {"needs": [*DESTINATION["needs"], whole | row]}), Policy)
    assert refused.value.key == "rules_contradict" and why in refused.value.facts["why"]


def test_a_region_replaces_a_table_from_its_day_on_and_leaves_the_others(tmp_path: Path):
    for name, day, limit_s in (("destination", "2026-01-01", 1800), ("destination-2027", "2027-01-01", 1200)):
        limits = {"bypass_limit_s": {"by_pathway": {"default": limit_s}, "source": "bypass"}, "valid_from": day}
        text = yaml.safe_dump(DESTINATION | limits, allow_unicode=True)
        (tmp_path / f"{name}.yaml").write_text(text, encoding="utf-8")
    assert rulebook(date(2026, 6, 1), tmp_path).destination.limit_s("trauma") == 1800
    assert rulebook(date(2027, 6, 1), tmp_path).destination.limit_s("trauma") == 1200
    assert rulebook(date(2026, 6, 1), tmp_path).tasks is not None
    assert rulebook(date(2026, 6, 1)).destination == default_policy()
    with pytest.raises(RefusedInput) as refused:
        rulebook(date(2025, 6, 1), tmp_path)
    assert refused.value.key == "rules_not_yet"


def test_two_files_that_begin_on_one_day_are_refused(tmp_path: Path):
    for name in ("destination", "destination-b"):
        (tmp_path / f"{name}.yaml").write_text(yaml.safe_dump(DESTINATION, allow_unicode=True), encoding="utf-8")
    with pytest.raises(RefusedInput) as refused:
        rulebook(date(2026, 6, 1), tmp_path)
    assert refused.value.key == "rules_both"
