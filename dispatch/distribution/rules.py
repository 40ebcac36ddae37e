"""The dated table of distribution (dispatch/rules/distribution.yaml): shapes, checks, and how survival falls with time.

Reading it is dispatch/rule_files.py's; what the figures are used for is dispatch/distribution/compiling.py's.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Annotated, Literal

import msgspec

from casebook.capacity import AGE_LIMIT_S
from casebook.casualty import Category
from dispatch.policy import NO_CATEGORY, Evidence, Shape, Sourced

Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Positive = Annotated[float, msgspec.Meta(gt=0)]
Count = Annotated[int, msgspec.Meta(ge=0)]
Steps = Annotated[tuple[Annotated[int, msgspec.Meta(ge=0, le=12)], ...], msgspec.Meta(min_length=1)]


class Curve(Sourced, frozen=True):
    """Survival when care begins `t` minutes after the injury: scale / (1 + (t / half_min) ** shape)."""

    scale: Share
    half_min: Positive
    shape: Positive

    def at(self, minutes: float) -> float:
        return self.scale / (1.0 + (max(0.0, minutes) / self.half_min) ** self.shape)


class Rpm(Sourced, frozen=True):
    """Survival by the RPM (0 to 12) at the scene, and the RPM after each `every_min` without care (`falls_to`)."""

    survival: Annotated[tuple[Share, ...], msgspec.Meta(min_length=13, max_length=13)]
    every_min: Positive
    falls_to: Annotated[tuple[Steps, ...], msgspec.Meta(min_length=13, max_length=13)]

    def at(self, rpm: float, minutes: float) -> float:
        """Straight between the half hours of the table, which begins anew from its last column."""
        now, left = round(rpm), max(0.0, minutes)
        while left > self.every_min * len(self.falls_to[now]) and now > 0:
            left -= self.every_min * len(self.falls_to[now])
            now = self.falls_to[now][-1]
        steps = (now, *self.falls_to[now])
        whole = min(int(left // self.every_min), len(steps) - 2)
        before, after = self.survival[steps[whole]], self.survival[steps[whole + 1]]
        return before + (after - before) * min(1.0, left / self.every_min - whole)


class Survival(Shape, frozen=True):
    by_category: dict[str, Curve]


class Deaths(Sourced, frozen=True):
    deaths: Annotated[float, msgspec.Meta(ge=0)]


class Categories(Sourced, frozen=True):
    categories: tuple[str, ...]


class FirstWave(Sourced, frozen=True):
    minutes: Count
    by_category: dict[str, Count]


class ByResource(Sourced, frozen=True):
    by_resource: dict[str, Count]


class WalkingWounded(Sourced, frozen=True):
    resource: str
    nearest: Count
    share_kept: Share


class Minutes(Sourced, frozen=True):
    minutes: Positive


class VehicleKind(Sourced, frozen=True):
    stretchers: Count
    seats: Count
    load_min: Count
    turnaround_min: Count
    mode: Literal["road", "air"]


class Flight(Sourced, frozen=True):
    cruise_kmh: Positive
    overhead_min: Annotated[float, msgspec.Meta(ge=0)]


class Horizon(Sourced, frozen=True):
    minutes: Annotated[int, msgspec.Meta(gt=0, le=1440)]
    untaken_min: Annotated[int, msgspec.Meta(gt=0)]


class Search(Sourced, frozen=True):
    """`starts`: ways of building a first plan; `rounds`: of pricing; `columns`: trips that the exact search is given;
    `nodes`: of its tree. `seconds`: of the wall clock, the last guard."""

    starts: Annotated[int, msgspec.Meta(ge=1)]
    columns: Annotated[int, msgspec.Meta(ge=1)]
    rounds: Annotated[int, msgspec.Meta(ge=0)]
    nodes: Annotated[int, msgspec.Meta(ge=1)]
    seconds: Positive
    gap: Share


class DistributionRules(Shape, frozen=True):
    """dispatch/rules/distribution.yaml. All spans in minutes."""

    table: str
    valid_from: dt.date
    sources: dict[str, Evidence]
    survival: Survival
    rpm: Rpm
    minute_cost: Deaths
    redirection_cost: Deaths
    not_carried: Categories
    sitting: Categories
    first_wave: FirstWave
    reserve: ByResource
    walking_wounded: WalkingWounded
    believed: Minutes
    standing: ByResource
    vehicles: dict[str, VehicleKind]
    flight: Flight
    horizon: Horizon
    search: Search

    @property
    def version(self) -> str:
        return f"{self.table}@{self.valid_from.isoformat()}"

    def survival_at(self, category: str, rpm: float | None, minutes: float) -> float:
        """Chance (0..1) to survive when definitive care begins `minutes` after the injury."""
        if rpm is not None:
            return self.rpm.at(rpm, minutes)
        curves = self.survival.by_category
        return curves.get(category, curves[NO_CATEGORY]).at(minutes)


def faults_of_rules(rules: DistributionRules) -> Iterable[tuple[str, dict[str, str]]]:
    """(key of an error, facts) for each thing in the table that fits its shape and still cannot be meant."""
    if NO_CATEGORY not in rules.survival.by_category:
        yield "rule_incomplete", {"rule": "survival", "missing": NO_CATEGORY}
    resources = [("reserve", word) for word in rules.reserve.by_resource]
    resources += [("standing", word) for word in rules.standing.by_resource]
    resources += [("walking_wounded", rules.walking_wounded.resource)]
    colours = [("survival", word) for word in rules.survival.by_category]
    colours += [("first_wave", word) for word in rules.first_wave.by_category]
    colours += [("not_carried", word) for word in rules.not_carried.categories]
    colours += [("sitting", word) for word in rules.sitting.categories]
    for named, known in ((resources, AGE_LIMIT_S), (colours, {*Category, NO_CATEGORY})):
        for rule, word in named:
            if word not in known:
                yield "rule_unknown_word", {"rule": rule, "word": word}
    for rpm, steps in enumerate(rules.rpm.falls_to):
        if list(steps) != sorted(steps, reverse=True) or steps[0] > rpm or (rpm > 0 and steps[-1] >= rpm):
            yield "rules_contradict", {"rule": f"rpm.falls_to.{rpm}", "why": str(list(steps))}
    if list(rules.rpm.survival) != sorted(rules.rpm.survival):
        yield "rules_contradict", {"rule": "rpm.survival", "why": str(list(rules.rpm.survival))}
    if rules.horizon.untaken_min <= rules.horizon.minutes:
        yield "rules_contradict", {"rule": "horizon", "why": "untaken_min <= minutes"}
