"""Read the dated rule tables of dispatch: the shipped ones, or a region's own in their place.

A rule without a source, of a shape that nobody knows, or one that contradicts another is refused with its place in the
file. Several dated files of one table may lie side by side; the one in force on the day counts.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import yaml

from casebook.capacity import AGE_LIMIT_S, CAPABILITIES
from casebook.errors import RefusedInput
from casebook.scores import get_table, list_scores
from dispatch.distribution.rules import DistributionRules, faults_of_rules
from dispatch.policy import MODES, NO_CATEGORY, AssignmentRules, Policy, RerouteRules, Shape, Sourced, TaskRules

FOLDER = Path(__file__).parent / "rules"
CHANGES = frozenset(
    {
        "figure_reported", "bay_freed", "reopened", "scene_clear", "road_reopened", "daylight", "weather",
        "aircraft_freed", "eta_shorter", "capability",
    }
)  # fmt: skip

SAFE = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the same, by libyaml where the wheel has it: ten times as fast

Table = TypeVar("Table", Policy, AssignmentRules, TaskRules, RerouteRules, DistributionRules)


def load_rules(file: Path, kind: type[Table]) -> Table:
    """A rule table from YAML. Raises RefusedInput naming the file, the field and what is wrong with it."""
    try:
        values = yaml.load(file.read_text(encoding="utf-8"), Loader=SAFE)
        table = msgspec.convert(values, kind)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as wrong:
        raise RefusedInput("rules_unreadable", file=file.name, why=str(wrong)) from wrong
    except msgspec.ValidationError as wrong:
        text, _, path = str(wrong).partition(" - at `")
        field = path.rstrip("`").removeprefix("$.") or "$"
        raise RefusedInput("bad_field", where=file.name, field=field, why=text) from wrong
    _refuse_unsourced(table, file.name)
    if isinstance(table, Policy):
        _refuse_unknown_words(table, file.name)
    if isinstance(table, DistributionRules):
        for key, facts in faults_of_rules(table):
            raise RefusedInput(key, where=file.name, **facts)
    return table


@dataclass(frozen=True, slots=True)
class Rulebook:
    """All tables in force on one day."""

    destination: Policy
    assignment: AssignmentRules
    tasks: TaskRules
    rerouting: RerouteRules
    distribution: DistributionRules


def rulebook(on: dt.date | None = None, region: Path | None = None) -> Rulebook:
    """The tables in force on a day; None: the newest, by which a drill of any day is judged.

    `region`: a folder whose files (`destination.yaml`, `destination-2026.yaml`, ...) take the place of the shipped
    table of the same name.

    Raises RefusedInput: as `load_rules`; `rules_not_yet` where a table has none in force on that day; `rules_both`
    where two files of one table begin on the same day.
    """
    return Rulebook(
        _in_force("destination", Policy, on, region),
        _in_force("assignment", AssignmentRules, on, region),
        _in_force("tasks", TaskRules, on, region),
        _in_force("rerouting", RerouteRules, on, region),
        _in_force("distribution", DistributionRules, on, region),
    )


def _in_force(name: str, kind: type[Table], on: dt.date | None, region: Path | None) -> Table:
    own = sorted(region.glob(f"{name}*.yaml")) if region is not None and region.is_dir() else []
    files = own or [FOLDER / f"{name}.yaml"]
    tables = {file.name: load_rules(file, kind) for file in files}
    begun = {file: table for file, table in tables.items() if on is None or table.valid_from <= on}
    if not begun and on is not None:
        raise RefusedInput("rules_not_yet", table=name, files=", ".join(tables), on=on.isoformat())
    newest = max(table.valid_from for table in begun.values())
    found = [file for file, table in begun.items() if table.valid_from == newest]
    if len(found) > 1:
        raise RefusedInput("rules_both", table=name, files=", ".join(found), on=newest.isoformat())
    return begun[found[0]]


@cache
def shipped() -> Rulebook:
    """The newest of the tables that came with the product."""
    return rulebook()


@cache
def default_policy() -> Policy:
    return load_rules(FOLDER / "destination.yaml", Policy)


@cache
def default_assignment() -> AssignmentRules:
    return load_rules(FOLDER / "assignment.yaml", AssignmentRules)


@cache
def default_tasks() -> TaskRules:
    return load_rules(FOLDER / "tasks.yaml", TaskRules)


@cache
def default_rerouting() -> RerouteRules:
    return load_rules(FOLDER / "rerouting.yaml", RerouteRules)


@cache
def default_distribution() -> DistributionRules:
    return load_rules(FOLDER / "distribution.yaml", DistributionRules)


def _refuse_unsourced(table: Any, where: str) -> None:
    for path, rule in _rules_in(table, ""):
        if rule.source not in table.sources:
            raise RefusedInput("rule_without_source", where=where, rule=path, source=rule.source)


def _rules_in(value: Any, path: str) -> list[tuple[str, Sourced]]:
    """Every sourced rule with its path in the file, depth first."""
    found: list[tuple[str, Sourced]] = [(path, value)] if isinstance(value, Sourced) else []
    if isinstance(value, Shape):
        inner = [(name, getattr(value, name)) for name in value.__struct_fields__]
    elif isinstance(value, dict):
        inner = list(value.items())
    elif isinstance(value, tuple):
        inner = list(enumerate(value))
    else:
        return found
    return found + [hit for name, one in inner for hit in _rules_in(one, f"{path}.{name}".lstrip("."))]


def _refuse_unknown_words(policy: Policy, where: str) -> None:
    """Capabilities and resources are words of casebook/capacity.py; a word nobody declares would exclude everyone."""
    named = [(f"needs.{row.rule}", word) for row in policy.needs for word in (*row.needs, *row.wants)]
    named += [("closest_any", word) for word in policy.closest_any.needs] + [
        ("highest_level", policy.highest_level.need)
    ]
    for rule, word in named:
        if word not in CAPABILITIES:
            raise RefusedInput("rule_unknown_word", where=where, rule=rule, word=word)
    for category, word in policy.resource.by_category.items():
        if word not in AGE_LIMIT_S:
            raise RefusedInput("rule_unknown_word", where=where, rule=f"resource.{category}", word=word)
    for rule, table in (("resource", policy.resource.by_category), ("wish_limit_s", policy.wish_limit_s.by_category)):
        if NO_CATEGORY not in table:
            raise RefusedInput("rule_incomplete", where=where, rule=rule, missing=NO_CATEGORY)
    if policy.signs is not None and not _is_rule_list(policy.signs.score):
        raise RefusedInput("rule_unknown_word", where=where, rule="signs", word=policy.signs.score)
    if "default" not in policy.bypass_limit_s.by_pathway:
        raise RefusedInput("rule_incomplete", where=where, rule="bypass_limit_s", missing="default")
    if missing := set(MODES) - set(policy.change_costs_s.by_mode):
        raise RefusedInput("rule_incomplete", where=where, rule="change_costs_s", missing=", ".join(sorted(missing)))
    _refuse_contradictions(policy, where)


def _is_rule_list(score: str) -> bool:
    """Whether it is a score that we know whose table is a list of criteria."""
    return score in list_scores() and get_table(score).method == "criteria"


def _refuse_contradictions(policy: Policy, where: str) -> None:
    for rule, why in _contradictions(policy):
        raise RefusedInput("rules_contradict", where=where, rule=rule, why=why)


def _contradictions(policy: Policy) -> Iterable[tuple[str, str]]:
    seen: dict[Any, str] = {}
    names: set[str] = set()
    for row in policy.needs:
        path = f"needs.{row.rule}"
        if row.rule in names:
            yield path, "twice"
        if both := set(row.needs) & set(row.wants):
            yield path, f"needs, wants: {', '.join(sorted(both))}"
        for pathway in row.pathways:
            asked = (pathway, row.categories, msgspec.json.encode(row.when, order="sorted"))
            if asked in seen:
                yield path, f"{seen[asked]} ({pathway})"
            seen[asked] = row.rule
        names.add(row.rule)
    shares = [step.share_taken for step in policy.offload.steps]
    spans = [step.seconds for step in policy.offload.steps]
    if shares != sorted(set(shares)) or spans != sorted(spans):
        yield "offload.steps", f"{shares}, {spans}"
    if unknown := set(policy.changes.order) - CHANGES:
        yield "changes.order", ", ".join(sorted(unknown))
