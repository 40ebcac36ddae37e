"""The day's traffic as immutable versions: closures, slow stretches and observed speeds.

Which traffic is current is the dispatcher's to say; times are left to routing/ground.py.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from math import inf
from typing import Any

from casebook.errors import NotFound
from routing.traffic.ageing import HALVING
from routing.traffic.changes import Closure, Slowdown
from routing.traffic.holding import Holding
from routing.traffic.observed import Aged, Observed

KEPT_HOLDINGS = 8  # per version: the instants asked about lie close together


@dataclass(frozen=True, slots=True)
class Traffic:
    """One version of the day's traffic. Every change gives a new object with the next `version`."""

    version: int = 0
    closures: tuple[Closure, ...] = ()
    slowdowns: tuple[Slowdown, ...] = ()
    observed: Observed | None = None
    _seen_s: float = field(default=-inf, init=False, repr=False, compare=False)
    _turns: list[float] = field(default_factory=list, init=False, repr=False, compare=False)
    _holdings: dict[tuple[int, int], Holding] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        instants = {at for one in (*self.closures, *self.slowdowns) for at in (one.since, one.until) if at is not None}
        self._turns.extend(sorted(at.timestamp() for at in instants))
        if self.observed is not None:
            object.__setattr__(self, "_seen_s", self.observed.last_s)

    def with_closure(self, closure: Closure) -> Traffic:
        """Add it, or replace the one with the same id."""
        kept = tuple(old for old in self.closures if old.id != closure.id)
        return replace(self, version=self.version + 1, closures=(*kept, closure))

    def with_slowdown(self, slowdown: Slowdown) -> Traffic:
        """Add it, or replace the one with the same id."""
        kept = tuple(old for old in self.slowdowns if old.id != slowdown.id)
        return replace(self, version=self.version + 1, slowdowns=(*kept, slowdown))

    def with_observed(self, seen: Observed) -> Traffic:
        """Add these speeds; per arc what was seen last counts. What nobody would believe any more is dropped."""
        observed = seen if self.observed is None else self.observed.merged(seen)
        observed = observed.between(observed.last_s - HALVING.oldest_s, inf)
        return replace(self, version=self.version + 1, observed=observed)

    def without(self, id: str) -> Traffic:
        """Lift the closure or slowdown with this id. Raises NotFound when there is none."""
        closures = tuple(old for old in self.closures if old.id != id)
        slowdowns = tuple(old for old in self.slowdowns if old.id != id)
        if len(closures) + len(slowdowns) == len(self.closures) + len(self.slowdowns):
            raise NotFound(what="closure", id=id)
        return replace(self, version=self.version + 1, closures=closures, slowdowns=slowdowns)

    def holding(self, at: datetime) -> Holding:
        """What of this version holds at `at` (aware). The same object for instants between which nothing changes."""
        at_s = at.timestamp()
        if at_s < self._seen_s:  # a replayed instant: not all of what was seen later was known then
            return self._find_holding(at)
        key = bisect_right(self._turns, at_s), 0 if self.observed is None else HALVING.step_of(at)
        kept = self._holdings.get(key)
        if kept is None:
            while len(self._holdings) >= KEPT_HOLDINGS:
                self._holdings.pop(next(iter(self._holdings)), None)
            kept = self._holdings[key] = self._find_holding(at)
        return kept

    def _find_holding(self, at: datetime) -> Holding:
        closures = tuple(closure for closure in self.closures if closure.holds_at(at))
        slowdowns = tuple(slowdown for slowdown in self.slowdowns if slowdown.holds_at(at))
        return Holding(closures, slowdowns, None if self.observed is None else Aged.at(self.observed, at))

    def as_facts(self) -> dict[str, Any]:
        return {
            "version": self.version,
            "closures": [closure.as_facts() for closure in self.closures],
            "slowdowns": [slowdown.as_facts() for slowdown in self.slowdowns],
        } | ({} if self.observed is None else {"observed": self.observed.as_facts()})

    @classmethod
    def read(cls, facts: Mapping[str, Any]) -> Traffic:
        closures = tuple(Closure.read(closure) for closure in facts["closures"])
        slowdowns = tuple(Slowdown.read(slow) for slow in facts["slowdowns"])
        observed = Observed.read(facts["observed"]) if facts.get("observed") else None
        return cls(facts["version"], closures, slowdowns, observed)


FREE_FLOW = Traffic()
