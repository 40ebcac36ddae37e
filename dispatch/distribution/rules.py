"""The dated table of distribution (dispatch/rules/distribution.yaml): shapes, reading, and how survival falls with
time.

What the figures are used for is the business of dispatch/distribution/compiling.py.
"""

from __future__ import annotations

import datetime as dt
import math
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from casebook.capacity import AGE_LIMIT_S
from casebook.casualty import Category
from casebook.errors import RefusedInput
from dispatch.policy import NO_CATEGORY, Evidence, Shape, Sourced
from dispatch.rule_files import FOLDER, load_rules

Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Positive = Annotated[float, msgspec.Meta(gt=0)]
Count = Annotated[int, msgspec.Meta(ge=0)]


class Curve(Sourced, frozen=True):
    """Survival when care begins `t` minutes after the injury: scale / (1 + (t / half_min) ** shape)."""

    scale: Share
    half_min: Positive
    shape: Positive

    def at(self, minutes: float) -> float:
        return self.scale / (1.0 + (max(0.0, minutes) / self.half_min) ** self.shape)


class Rpm(Sourced, frozen=True):
    """Logistic survival by the RPM, which falls with time while nobody treats."""

    intercept: float
    slope: Positive
    falls_per_h: Annotated[float, msgspec.Meta(ge=0)]

    def at(self, rpm: float, minutes: float) -> float:
        left = max(0.0, rpm - self.falls_per_h * max(0.0, minutes) / 60)
        return 1.0 / (1.0 + math.exp(-(self.intercept + self.slope * left)))


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
    """`starts`: ways of building a first plan; `columns`: trips that the exact search is given; `rounds`: of
    pricing."""

    starts: Annotated[int, msgspec.Meta(ge=1)]
    columns: Annotated[int, msgspec.Meta(ge=1)]
    rounds: Annotated[int, msgspec.Meta(ge=0)]
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


def load_distribution_rules(file: Path) -> DistributionRules:
    """Raises RefusedInput naming the file, the rule and what is wrong with it."""
    loader: Any = load_rules  # its type names the tables of the desk only
    rules: DistributionRules = loader(file, DistributionRules)
    if NO_CATEGORY not in rules.survival.by_category:
        raise RefusedInput("rule_incomplete", where=file.name, rule="survival", missing=NO_CATEGORY)
    named = [("reserve", word) for word in rules.reserve.by_resource]
    named += [("standing", word) for word in rules.standing.by_resource]
    named += [("walking_wounded", rules.walking_wounded.resource)]
    for rule, word in named:
        if word not in AGE_LIMIT_S:
            raise RefusedInput("rule_unknown_word", where=file.name, rule=rule, word=word)
    colours = {*Category, NO_CATEGORY}
    named = [("survival", word) for word in rules.survival.by_category]
    named += [("first_wave", word) for word in rules.first_wave.by_category]
    named += [("not_carried", word) for word in rules.not_carried.categories]
    named += [("sitting", word) for word in rules.sitting.categories]
    for rule, word in named:
        if word not in colours:
            raise RefusedInput("rule_unknown_word", where=file.name, rule=rule, word=word)
    if rules.horizon.untaken_min <= rules.horizon.minutes:
        raise RefusedInput("rules_contradict", where=file.name, rule="horizon", why="untaken_min <= minutes")
    return rules


@cache
def shipped_rules() -> DistributionRules:
    return load_distribution_rules(FOLDER / "distribution.yaml")
