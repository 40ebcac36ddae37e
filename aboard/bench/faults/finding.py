"""What a fault showed: a figure, and what it must be. Pure.

A count is what it is on any machine. A time on a busy machine is told, and claimed only where it was good all the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from casebook.errors import CoordinationError

Verdict = Literal["met", "missed", "not_claimed", "no_goal"]
TIMES = ("s", "ms")


class NotRun(CoordinationError):
    """A fault cannot be made on this machine; `why` says what is missing."""

    key = "fault_not_run"


@dataclass(frozen=True, slots=True)
class Finding:
    """`most`, `least`: the goal; `value` None: it could not be measured, which meets no goal."""

    name: str
    unit: str
    value: float | None
    most: float | None = None
    least: float | None = None

    def verdict(self, *, loaded: bool) -> Verdict:
        if self.most is None and self.least is None:
            return "no_goal"
        if self.value is not None and self._within(self.value):
            return "met"
        return "not_claimed" if loaded and self.unit in TIMES else "missed"

    def _within(self, value: float) -> bool:
        return (self.most is None or value <= self.most) and (self.least is None or value >= self.least)


@dataclass(frozen=True, slots=True)
class Outcome:
    """One fault, played: its findings, or why it was not run."""

    fault: str
    findings: Sequence[Finding] = field(default_factory=tuple)
    not_run: CoordinationError | None = None
    took_s: float = 0.0

    def missed(self, *, loaded: bool) -> list[Finding]:
        return [one for one in self.findings if one.verdict(loaded=loaded) == "missed"]

    def as_view(self, *, loaded: bool) -> dict[str, Any]:
        figures = [
            {"name": one.name, "unit": one.unit, "value": one.value, "most": one.most, "least": one.least,
             "verdict": one.verdict(loaded=loaded)}
            for one in self.findings
        ]  # fmt: skip
        why = self.not_run.said("en") if self.not_run is not None else None
        return {"fault": self.fault, "not_run": why, "took_s": round(self.took_s, 1), "findings": figures}


def lost(count: int) -> Finding:
    """Of what a client was told is kept: how much is not in the log. One line of every fault."""
    return Finding("lost", "facts", count, most=0)


def worst(name: str, values_s: Sequence[float], most: float | None = None) -> Finding:
    """The slowest of several times."""
    return Finding(name, "s", round(max(values_s), 3) if values_s else None, most=most)
