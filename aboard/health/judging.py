"""What is wrong with a hub, from its readings and the stated limits. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import yaml

from casebook.errors import RefusedInput

LIMITS = Path(__file__).parent / "limits.yaml"
Severity = Literal["warn", "stop"]


@dataclass(frozen=True, slots=True)
class Limit:
    """Told from `warn` on, not ready from `stop` on (None: never). `below`: less is worse."""

    warn: float
    stop: float | None = None
    below: bool = False

    def judge(self, value: float | None) -> Severity | None:
        """None: all is well, or nothing is known and nothing is claimed either way (see `unread`)."""
        if value is None:
            return None
        if self.stop is not None and self._past(value, self.stop):
            return "stop"
        return "warn" if self._past(value, self.warn) else None

    def _past(self, value: float, limit: float) -> bool:
        return value < limit if self.below else value >= limit


@dataclass(frozen=True, slots=True)
class Readings:
    """What a hub measured of itself; None where it could not be read.

    `loop_lag_s`, `commit_s`: the worst of the last minute; failures: how many in it. `silent_s`: of vehicles with
    somebody aboard, wall seconds since their last row. `ahead_s`: how far a vehicle's clock is before ours.
    `twins`: how often a second device tried to speak as a vehicle, of those that did lately.
    """

    disk_free_mb: float | None = None
    loop_lag_s: float | None = None
    commit_s: float | None = None
    commit_failures: int = 0
    desk_failures: int = 0
    silent_s: Mapping[str, float] = field(default_factory=dict)
    ahead_s: Mapping[str, float] = field(default_factory=dict)
    twins: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Concern:
    """One thing that is wrong; said by the word `health.<key>` with `facts`."""

    key: str
    severity: Severity
    facts: Mapping[str, Any]
    unit: str = ""

    @property
    def id(self) -> str:
        return f"{self.key}:{self.unit}" if self.unit else self.key


def concerns(readings: Readings, limits: Mapping[str, Limit]) -> list[Concern]:
    """Everything that is wrong, what stops the hub first."""
    return sorted(_all(readings, limits), key=lambda one: (one.severity != "stop", one.id))


def is_ready(told: list[Concern]) -> bool:
    """Whether vehicles and screens should be sent here."""
    return not any(one.severity == "stop" for one in told)


def _all(readings: Readings, limits: Mapping[str, Limit]) -> Iterator[Concern]:
    for name, limit in limits.items():
        value = getattr(readings, name)
        if isinstance(value, Mapping):
            for unit, one in value.items():
                if severity := limit.judge(one):
                    yield Concern(name, severity, {"unit": unit, "value": rounded(one)}, unit)
        elif severity := limit.judge(value):
            yield Concern(name, severity, {"value": rounded(value)})
        elif value is None and limit.below:  # how much is left is not known: that is a concern by itself
            yield Concern("unread", "warn", {"what": name}, name)


def rounded(value: float) -> float:
    """Two significant digits: a figure that is told, and that does not change with every look."""
    return float(f"{value:.2g}")


def load_limits(file: Path = LIMITS) -> dict[str, Limit]:
    """The limits by reading. Raises RefusedInput for a reading that nobody takes or a limit that is no number."""
    known = set(Readings.__dataclass_fields__)
    found: dict[str, Limit] = {}
    for name, row in yaml.safe_load(file.read_text(encoding="utf-8"))["limits"].items():
        if name not in known:
            raise RefusedInput("bad_field", where=file.name, field=name, why=", ".join(sorted(known)))
        try:
            stop = row.get("stop")
            found[name] = Limit(float(row["warn"]), None if stop is None else float(stop), bool(row.get("below")))
        except (KeyError, TypeError, ValueError) as wrong:
            raise RefusedInput("bad_field", where=file.name, field=name, why=repr(wrong)) from wrong
    return found
