"""The shapes of the rule tables of dispatch: what can be said in them, in which units, from which source.

Reading and checking the files is dispatch/rule_files.py's; what a rule means is the business of whoever is given it.
"""

from __future__ import annotations

import datetime as dt
from typing import Literal

import msgspec

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


class SignsRule(Sourced, frozen=True):
    """Vital signs that count as field triage: red or yellow by the criteria of a score's table.

    Met for `lasts_s` they count, until none was met for `clears_after_s`; a value older than `fresh_s` is not known.
    """

    score: str
    pathways: tuple[str, ...]
    lasts_s: float
    clears_after_s: float
    fresh_s: float


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
    """dispatch/rules/destination.yaml. All spans in seconds. `signs` None: vital signs change no needs."""

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
    signs: SignsRule | None = None

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
