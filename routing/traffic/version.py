"""The day's traffic as immutable versions.

Which traffic is current is the dispatcher's to say; times are left to routing/ground.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from casebook.errors import NotFound
from routing.traffic.changes import Closure, Slowdown
from routing.traffic.holding import Holding


@dataclass(frozen=True, slots=True)
class Traffic:
    """One version of the day's traffic. Every change gives a new object with the next `version`."""

    version: int = 0
    closures: tuple[Closure, ...] = ()
    slowdowns: tuple[Slowdown, ...] = ()

    def with_closure(self, closure: Closure) -> Traffic:
        """Add it, or replace the one with the same id."""
        kept = tuple(old for old in self.closures if old.id != closure.id)
        return replace(self, version=self.version + 1, closures=(*kept, closure))

    def with_slowdown(self, slowdown: Slowdown) -> Traffic:
        """Add it, or replace the one with the same id."""
        kept = tuple(old for old in self.slowdowns if old.id != slowdown.id)
        return replace(self, version=self.version + 1, slowdowns=(*kept, slowdown))

    def without(self, id: str) -> Traffic:
        """Lift the closure or slowdown with this id. Raises NotFound when there is none."""
        closures = tuple(old for old in self.closures if old.id != id)
        slowdowns = tuple(old for old in self.slowdowns if old.id != id)
        if len(closures) + len(slowdowns) == len(self.closures) + len(self.slowdowns):
            raise NotFound(what="closure", id=id)
        return replace(self, version=self.version + 1, closures=closures, slowdowns=slowdowns)

    def holding(self, at: datetime) -> Holding:
        """What of this version holds at `at` (aware)."""
        closures = tuple(closure for closure in self.closures if closure.holds_at(at))
        return Holding(closures, tuple(slowdown for slowdown in self.slowdowns if slowdown.holds_at(at)))

    def as_facts(self) -> dict[str, Any]:
        return {
            "version": self.version,
            "closures": [closure.as_facts() for closure in self.closures],
            "slowdowns": [slowdown.as_facts() for slowdown in self.slowdowns],
        }

    @classmethod
    def read(cls, facts: Mapping[str, Any]) -> Traffic:
        closures = tuple(Closure.read(closure) for closure in facts["closures"])
        return cls(facts["version"], closures, tuple(Slowdown.read(slow) for slow in facts["slowdowns"]))


FREE_FLOW = Traffic()
