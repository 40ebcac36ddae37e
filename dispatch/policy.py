"""Read the dated rule tables of dispatch; what they mean is the business of the functions that are given them.

A rule without a source, or of a shape that nobody knows, is refused with its place in the file.
"""

from __future__ import annotations

import datetime as dt
from functools import cache
from pathlib import Path
from typing import Any, Literal, TypeVar

import msgspec
import yaml

from casebook.capacity import AGE_LIMIT_S, CAPABILITIES
from casebook.errors import RefusedInput

FOLDER = Path(__file__).parent / "rules"
MODES = ("road", "air", "rendezvous")
NO_CATEGORY = "none"


class Shape(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of every piece of a rule table: unknown fields are refused."""


class Evidence(Shape, frozen=True):
    """Where a figure comes from. Marks: A two independent sources agree, B one, C unchecked, assumption ours."""

    mark: Literal["A", "B", "C", "assumption"]
    text: str


class Sourced(Shape, frozen=True):
    """A rule that names its source, a key of the table's `sources`."""

    source: str


class ByCategory(Sourced, frozen=True):
    by_category: dict[str, str]


class When(Shape, frozen=True):
    """Further conditions of a row; all that are given must hold. What they mean is dispatch/needs.py's.

    `scores_at_least`: one score that reaches its value is enough. `age_below` in years; `onset_within_s` since the
    patient was last known well. `field_triage`: result of the field triage of injured patients, "red" or "yellow".
    """

    scores_at_least: dict[str, float] = {}
    onset_within_s: int | None = None
    age_below: float | None = None
    pregnancy_weeks_from: float | None = None
    field_triage: tuple[str, ...] = ()


class NeedsRow(Sourced, frozen=True):
    """Empty `categories` means every category. `if_within_limit`: the needs are demanded only while somebody within the
    bypass limit meets them, otherwise they help."""

    rule: str
    pathways: tuple[str, ...]
    categories: tuple[str, ...]
    needs: tuple[str, ...]
    wants: tuple[str, ...]
    when: When | None = None
    if_within_limit: bool = False


class ClosestAny(Sourced, frozen=True):
    needs: tuple[str, ...]


class ByPathway(Sourced, frozen=True):
    by_pathway: dict[str, int]


class HighestLevel(Sourced, frozen=True):
    categories: tuple[str, ...]
    need: str


class ChangeCosts(Sourced, frozen=True):
    by_mode: dict[str, int]
    categories: tuple[str, ...]


class Seconds(Sourced, frozen=True):
    seconds: int


class Metres(Sourced, frozen=True):
    metres: int


class SecondsByCategory(Sourced, frozen=True):
    by_category: dict[str, int]


class SecondaryTransfer(Sourced, frozen=True):
    """Where nobody within the limit has what is needed: what a hospital must have to stabilise, and how long until the
    transfer leaves it."""

    needs: tuple[str, ...]
    leaves_after_s: int


class OffloadStep(Sourced, frozen=True):
    """From this share of the ED's beds taken, a casualty waits this long for its trolley."""

    share_taken: float
    seconds: int


class Offload(Sourced, frozen=True):
    """Who waits: casualties that take this resource. `unknown_s`: where the crowding is not known."""

    resource: str
    steps: tuple[OffloadStep, ...]
    unknown_s: int


class Changes(Sourced, frozen=True):
    """Kinds of change that could make another option win, the smallest first."""

    order: tuple[str, ...]


class HoldRule(Sourced, frozen=True):
    beyond_arrival_s: int
    renew_before_s: int


class PrealertRule(Sourced, frozen=True):
    acknowledge_within_s: int
    level_by_category: dict[str, int]


class Policy(Shape, frozen=True):
    """dispatch/rules/destination.yaml. All spans in seconds."""

    table: str
    valid_from: dt.date
    sources: dict[str, Evidence]
    resource: ByCategory
    needs: tuple[NeedsRow, ...]
    closest_any: ClosestAny
    bypass_limit_s: ByPathway
    highest_level: HighestLevel
    change_costs_s: ChangeCosts
    missing_want_costs_s: Seconds
    before_leaving_s: Seconds
    secondary_transfer: SecondaryTransfer
    offload: Offload
    changes: Changes
    wish_limit_s: SecondsByCategory
    hold: HoldRule
    prealert: PrealertRule

    @property
    def version(self) -> str:
        return f"{self.table}@{self.valid_from.isoformat()}"

    def limit_s(self, pathway: str) -> int:
        return self.bypass_limit_s.by_pathway.get(pathway, self.bypass_limit_s.by_pathway["default"])


class UnitKind(Sourced, frozen=True):
    """How well a kind of unit suits a call: lower rank goes first, then the shorter time."""

    kind: str
    rank: int


class AssignmentRules(Shape, frozen=True):
    """dispatch/rules/assignment.yaml. `priorities`: call priority -> kinds in order of suitability."""

    table: str
    valid_from: dt.date
    sources: dict[str, Evidence]
    by_priority: dict[str, tuple[UnitKind, ...]]
    worth_waiting_s: Seconds

    @property
    def version(self) -> str:
        return f"{self.table}@{self.valid_from.isoformat()}"

    def kinds(self, priority: int) -> tuple[UnitKind, ...]:
        return self.by_priority.get(str(priority), self.by_priority["default"])


class TaskRule(Sourced, frozen=True):
    """One kind of task. `done_by`: the fact of a unit of `done_kind` that settles it without anybody ticking it off."""

    within_s: int
    escalate_to: str
    to: str = ""
    done_by: str = ""
    done_kind: str = ""


class TaskRules(Shape, frozen=True):
    """dispatch/rules/tasks.yaml: the chain of tasks with their clocks."""

    table: str
    valid_from: dt.date
    sources: dict[str, Evidence]
    kinds: dict[str, TaskRule]
    channels: tuple[str, ...]
    agency_of_channel: dict[str, str]


class RerouteRules(Shape, frozen=True):
    """dispatch/rules/rerouting.yaml: when a changed road changes a way or a proposal."""

    table: str
    valid_from: dt.date
    sources: dict[str, Evidence]
    faster_way_s: Seconds
    last_s: Seconds
    retold_s: Seconds
    other_destination_s: Seconds
    off_leg_m: Metres


Table = TypeVar("Table", Policy, AssignmentRules, TaskRules, RerouteRules)


def load_rules(file: Path, kind: type[Table]) -> Table:
    """A rule table from YAML. Raises RefusedInput naming the file, the field and what is wrong with it."""
    try:
        values = yaml.safe_load(file.read_text(encoding="utf-8"))
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
    return table


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
    if "default" not in policy.bypass_limit_s.by_pathway:
        raise RefusedInput("rule_incomplete", where=where, rule="bypass_limit_s", missing="default")
    if missing := set(MODES) - set(policy.change_costs_s.by_mode):
        raise RefusedInput("rule_incomplete", where=where, rule="change_costs_s", missing=", ".join(sorted(missing)))
