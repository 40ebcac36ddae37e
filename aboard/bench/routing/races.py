"""One measured case of the routing benchmark: ours, the peers in the same run, the goals, and which of them hold. Pure.

A goal is a figure at most so high, or a peer that takes at least so many times as long as ours. What was not measured
has no verdict; it is never a goal met. What is claimed on a loaded machine is aboard/bench/figures.py's to say.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aboard.bench.figures import Ours, Which, is_loaded, ours_of, rounded


@dataclass(frozen=True, slots=True)
class Race:
    """`case` is the letter of the list of cases. `peers`: middle of each peer's values, in our unit; `parts` says of
    which peer only so many of so many parts were measured and the rest multiplied. `at_least`: so many times longer.
    """

    case: str
    name: str
    unit: str
    ours: Ours
    peers: Mapping[str, float] = field(default_factory=dict)
    at_most: Mapping[Which, float] = field(default_factory=dict)
    at_least: Mapping[str, float] = field(default_factory=dict)
    parts: Mapping[str, tuple[int, int]] = field(default_factory=dict)

    @property
    def gains(self) -> dict[str, float]:
        """How many times as long (or as much) each peer takes, middle to middle; none where ours is 0 or missing."""
        ours = self.ours.p50
        return {name: rounded(theirs / ours) for name, theirs in self.peers.items()} if ours else {}

    @property
    def verdicts(self) -> dict[str, bool | None]:
        """Each goal by the name of its percentile or peer: held, missed, or None where the peer was not measured."""
        figures: dict[str, float | None] = {"p50": self.ours.p50, "p99": self.ours.p99}
        told: dict[str, bool | None] = {}
        for which, bound in self.at_most.items():
            value = figures[which]
            told[which] = value is not None and value <= bound
        gains = self.gains
        return told | {peer: gains[peer] >= least if peer in gains else None for peer, least in self.at_least.items()}

    def met(self, *, loaded: bool) -> bool | None:
        """Whether every goal that could be judged holds; None where none could, and on a loaded machine."""
        judged = [held for held in self.verdicts.values() if held is not None]
        return None if loaded or not judged else all(judged)

    def as_view(self, *, loaded: bool) -> dict[str, Any]:
        return {
            "case": self.case, "name": self.name, "unit": self.unit,
            "ours": {"p50": self.ours.p50, "p99": self.ours.p99, "n": self.ours.n},
            "peers": {name: rounded(value) for name, value in self.peers.items()}, "gains": self.gains,
            "parts": {name: list(parts) for name, parts in self.parts.items()},
            "at_most": dict(self.at_most), "at_least": dict(self.at_least),
            "verdicts": self.verdicts, "met": self.met(loaded=loaded),
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Meeting:
    """The whole benchmark. `gate` as gate.Verdict.as_view has it; `roads` names the map; `missing`: peers left out;
    `broken`: peers that failed, and what they said."""

    roads: Mapping[str, Any]
    seed: int
    machine: Mapping[str, Any]
    versions: Mapping[str, str]
    gate: Mapping[str, Any]
    races: Sequence[Race]
    missing: Sequence[str] = ()
    broken: Mapping[str, str] = field(default_factory=dict)
    resident_mb: Mapping[str, float] = field(default_factory=dict)
    agreed: Mapping[str, str] = field(default_factory=dict)

    @property
    def loaded(self) -> bool:
        return is_loaded(self.machine["load_before"])

    @property
    def failed(self) -> bool:
        """A goal was missed on a machine that was quiet."""
        return any(race.met(loaded=self.loaded) is False for race in self.races)

    def as_view(self) -> dict[str, Any]:
        """The one object of `--json`."""
        return {
            "what": "routing", "roads": dict(self.roads), "seed": self.seed,
            "machine": {**self.machine, "loaded": self.loaded}, "versions": dict(self.versions),
            "gate": dict(self.gate), "missing": list(self.missing), "broken": dict(self.broken),
            "resident_mb": dict(self.resident_mb), "agreed": dict(self.agreed),
            "cases": [race.as_view(loaded=self.loaded) for race in self.races],
        }  # fmt: skip


def middle(values: Sequence[float]) -> float | None:
    """The middle value that was measured; None of nothing."""
    return ours_of(values).p50
