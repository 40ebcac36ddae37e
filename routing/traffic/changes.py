"""What somebody says is different on the roads: closures and slow stretches, with their author and their time.

An arc under an active closure is absent for every vehicle; it is never a large weight, so no answer can cross it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from casebook.errors import RefusedInput
from routing.traffic.stretch import Stretch

SlowSource = Literal["works", "congestion", "weather", "other"]


@dataclass(frozen=True, slots=True)
class _Dated:
    """A change with its author and its time; `until` None = until somebody lifts it. Instants are aware UTC."""

    id: str
    where: Stretch
    reason: str
    author: str
    since: datetime
    until: datetime | None = None

    def __post_init__(self) -> None:
        assert self.since.tzinfo is not None and (self.until is None or self.until.tzinfo is not None)

    def holds_at(self, at: datetime) -> bool:
        return self.since <= at and (self.until is None or at < self.until)

    def as_facts(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "where": self.where.as_facts(),
            "reason": self.reason,
            "author": self.author,
            "since": self.since.isoformat(),
            "until": self.until.isoformat() if self.until else None,
        }


def _read_dated(facts: Mapping[str, Any]) -> dict[str, Any]:
    until = facts.get("until")
    return {
        "id": facts["id"],
        "where": Stretch.read(facts["where"]),
        "reason": facts["reason"],
        "author": facts["author"],
        "since": datetime.fromisoformat(facts["since"]),
        "until": datetime.fromisoformat(until) if until else None,
    }


@dataclass(frozen=True, slots=True)
class Closure(_Dated):
    """Nobody drives here, siren or not, from `since` until `until`."""

    @classmethod
    def read(cls, facts: Mapping[str, Any]) -> Closure:
        return cls(**_read_dated(facts))


@dataclass(frozen=True, slots=True)
class Slowdown(_Dated):
    """Nobody is faster here than `speed_kph`. A siren helps in congestion only: works leave no room to pass."""

    speed_kph: float = field(kw_only=True)
    source: SlowSource = field(kw_only=True)

    def __post_init__(self) -> None:
        _Dated.__post_init__(self)
        if not 0 < self.speed_kph < 200:
            raise RefusedInput("bad_field", where=self.id, field="speed_kph", why=str(self.speed_kph))

    def as_facts(self) -> dict[str, Any]:
        return _Dated.as_facts(self) | {"speed_kph": self.speed_kph, "source": self.source}

    @classmethod
    def read(cls, facts: Mapping[str, Any]) -> Slowdown:
        return cls(**_read_dated(facts), speed_kph=float(facts["speed_kph"]), source=facts["source"])
