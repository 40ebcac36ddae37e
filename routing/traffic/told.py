"""A row of a feed: what it may say, and checked access to its values; an impossible row says which column and why."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from routing.traffic.ageing import HALVING
from routing.traffic.floating import FASTEST_KPH, SLOWEST_KPH

SKEW_S = 60.0  # a feed's clock may be this far ahead of ours; assumption
#: How far off a stated speed may be, either way, by the confidence that the feed gives it (least confidence, factor).
#: No published calibration was found: assumption.
SPREADS = ((0.9, 1.10), (0.7, 1.20), (0.0, 1.40))
SPREAD_UNSTATED = 1.30
Where = tuple[Any, ...]  # ("edge", u, v, key) | ("way", id, forward) | ("line", ((lon, lat), ...))


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """A row that was not taken, whole, with its column and the reason (a word key under ``routing.feed.``)."""

    line: int
    column: str
    why: str
    row: str
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Told:
    """One row: how fast a plain car is there (km/h, None when closed), or that the road is closed. `at` is aware."""

    line: int
    row: str
    where: Where
    at: datetime
    source: str
    segment: str
    closed: bool
    low_kph: float = 0.0
    kph: float = 0.0
    high_kph: float = 0.0


class RowError(Exception):
    """This row cannot be so."""

    def __init__(self, column: str, why: str, **facts: Any) -> None:
        super().__init__(why)
        self.column, self.why, self.facts = column, why, facts


@dataclass(frozen=True, slots=True)
class Row:
    """A row's values with checked access; raises RowError naming the field."""

    line: int
    row: str
    values: Mapping[str, Any]
    source: str
    now: datetime

    def text(self, name: str) -> str:
        value = self.values.get(name)
        return "" if value is None else str(value).strip()

    def number(self, name: str, value: Any) -> float:
        try:
            number = math.nan if isinstance(value, bool) else float(value)
        except (TypeError, ValueError, OverflowError):
            number = math.nan
        if not math.isfinite(number):
            raise RowError(name, "not_a_number", value=value)
        return number

    def whole(self, name: str) -> int:
        """An OSM id: fits into 64 bits."""
        try:
            number = int(self.text(name))
        except ValueError:
            number = 1 << 64
        if not -(1 << 63) <= number < 1 << 63:
            raise RowError(name, "not_a_number", value=self.text(name)[:40])
        return number

    def flag(self, name: str, value: Any) -> bool | None:
        word = "" if value is None else str(value).strip().lower()
        if word not in FLAGS:
            raise RowError(name, "not_yes_or_no", value=value)
        return FLAGS[word]

    def instant(self, name: str, value: Any) -> datetime:
        """Aware, not in the future, not too old to be believed."""
        try:
            at = datetime.fromisoformat(str(value).strip())
        except ValueError:
            raise RowError(name, "no_instant", value=value) from None
        if at.tzinfo is None:
            raise RowError(name, "no_instant", value=value)
        if at > self.now + timedelta(seconds=SKEW_S):
            raise RowError(name, "future", value=value)
        if (self.now - at).total_seconds() >= HALVING.oldest_s:
            raise RowError(name, "too_old", value=value)
        return min(at, self.now)

    def kph(self, name: str, value: Any, factor: float = 1.0) -> float:
        kph = self.number(name, value) * factor
        if not 0 < kph <= FASTEST_KPH:
            raise RowError(name, "speed", value=value, most=FASTEST_KPH)
        return max(kph, SLOWEST_KPH)

    def range_kph(self, kph: float, confidence: float | None) -> tuple[float, float, float]:
        spread = SPREAD_UNSTATED
        if confidence is not None:
            spread = next(factor for least, factor in SPREADS if confidence >= least)
        return max(SLOWEST_KPH, kph / spread), kph, max(kph, min(FASTEST_KPH, kph * spread))

    def confidence(self, value: Any) -> float | None:
        if value is None or value == "":
            return None
        share = self.number("confidence", value)
        if not 0 <= share <= 1:
            raise RowError("confidence", "share", value=value)
        return share

    def told(
        self, where: Where, at: datetime, closed: bool, kph: Callable[[], tuple[float, float, float]], segment: str
    ) -> Told:
        ends = (0.0, 0.0, 0.0) if closed else kph()
        return Told(self.line, self.row, where, at, self.text("source") or self.source, segment, closed, *ends)


FLAGS = {"": None, "1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}
