"""What a fault showed: a figure, and what it must be. Pure.

A count is what it is on any machine. A time on a busy machine is told, and claimed only where it was good all the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from aboard.bench.figures import is_loaded
from casebook.errors import CoordinationError

Verdict = Literal["met", "missed", "not_claimed", "no_goal"]
TIMES = ("s", "ms", "pct")  # pct: of a time


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
    """One fault, played: its findings, or why it was not run. `load`: of the machine before and after, by a minute."""

    fault: str
    findings: Sequence[Finding] = ()
    not_run: str = ""
    took_s: float = 0.0
    load: tuple[float | None, float | None] = (None, None)
    full: bool = False

    @property
    def loaded(self) -> bool:
        return any(map(is_loaded, self.load))

    def missed(self) -> list[Finding]:
        return [one for one in self.findings if one.verdict(loaded=self.loaded) == "missed"]

    def as_view(self) -> dict[str, Any]:
        figures = [asdict(one) | {"verdict": one.verdict(loaded=self.loaded)} for one in self.findings]
        return asdict(self) | {"loaded": self.loaded, "findings": figures}


def worst(name: str, values_s: Sequence[float], most: float | None = None) -> Finding:
    """The slowest of several times."""
    return Finding(name, "s", round(max(values_s), 3) if values_s else None, most=most)
