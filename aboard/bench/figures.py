"""Turn what was measured into cases: percentiles, ratios to peers, and whether the goal was met. Pure.

A case that measured nothing says so (None), never zero. On a machine that was busy before the start nothing is claimed:
the figures stand, `met` is None, and the result is marked as loaded.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

LOAD_MAX = 1.5  # runnable processes, mean of the last minute; above it another program shares the two cores we assume
Which = Literal["p50", "p99"]


@dataclass(frozen=True, slots=True)
class Ours:
    """The middle and the slow end of `n` values; None for both when there was none."""

    p50: float | None
    p99: float | None
    n: int


@dataclass(frozen=True, slots=True)
class Case:
    """One figure. `goal`: at most so much, by percentile; `peers`: the same thing done by others in the same run.

    A peer's name ends with the percentile that it is compared with (`bare_websocket_p99`); without one it is compared
    with p50.
    """

    name: str
    unit: str
    ours: Ours
    peers: Mapping[str, float] = field(default_factory=dict)
    goal: Mapping[Which, float] = field(default_factory=dict)

    @property
    def ratios(self) -> dict[str, float]:
        """Ours through each peer's; a peer of 0 and a figure of ours that is missing give none."""
        found = {name: self._like(name) for name, value in self.peers.items() if value}
        return {name: rounded(ours / self.peers[name]) for name, ours in found.items() if ours is not None}

    def _like(self, peer: str) -> float | None:
        return self.ours.p99 if peer.endswith("_p99") else self.ours.p50

    def met(self, *, loaded: bool) -> bool | None:
        """Whether every bound holds; None without a goal, and on a loaded machine. A figure that is missing fails."""
        if loaded or not self.goal:
            return None
        figures = {"p50": self.ours.p50, "p99": self.ours.p99}
        return all((value := figures[which]) is not None and value <= bound for which, bound in self.goal.items())

    def as_view(self, *, loaded: bool) -> dict[str, Any]:
        """The case as `--json` prints it."""
        return {
            "name": self.name, "unit": self.unit, "ours": {"p50": self.ours.p50, "p99": self.ours.p99},
            "peers": {name: rounded(value) for name, value in self.peers.items()}, "ratios": self.ratios,
            "goal": dict(self.goal) or None, "met": self.met(loaded=loaded),
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Result:
    """One benchmark. `machine` as `machine.look` gives it, with the load before the start."""

    what: str
    seed: int
    machine: Mapping[str, Any]
    cases: Sequence[Case]

    @property
    def loaded(self) -> bool:
        return is_loaded(self.machine["load_before"])

    @property
    def failed(self) -> bool:
        """A goal was missed on a machine that was quiet."""
        return any(case.met(loaded=self.loaded) is False for case in self.cases)

    def as_view(self) -> dict[str, Any]:
        """The one object of `--json`."""
        machine = {**self.machine, "loaded": self.loaded}
        cases = [case.as_view(loaded=self.loaded) for case in self.cases]
        return {"what": self.what, "seed": self.seed, "machine": machine, "cases": cases}


def is_loaded(load: float | None) -> bool:
    """Too busy to claim anything. A system that does not tell its load counts as busy: unknown is not quiet."""
    return load is None or load > LOAD_MAX


def ours_of(values: Sequence[float]) -> Ours:
    """Nearest-rank percentiles: every figure told is a value that was measured. Refuses NaN by assertion."""
    ordered = sorted(values)
    assert not any(math.isnan(value) for value in ordered)
    return Ours(ranked(ordered, 50), ranked(ordered, 99), len(ordered))


def once(value: float | None) -> Ours:
    """A figure that was measured once: both percentiles are it."""
    return ours_of([] if value is None else [value])


def peers_of(name: str, values: Sequence[float]) -> dict[str, float]:
    """A peer's two percentiles under their names; nothing when it measured nothing."""
    theirs = ours_of(values)
    told = {f"{name}_p50": theirs.p50, f"{name}_p99": theirs.p99}
    return {key: value for key, value in told.items() if value is not None}


def ranked(values: Sequence[float], percent: int) -> float | None:
    """The nearest-rank percentile; None of nothing."""
    ordered = sorted(values)
    if not ordered:
        return None
    return rounded(ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)])


def rounded(value: float) -> float:
    """Three decimals: a microsecond of a millisecond, a thousandth of a ratio."""
    return round(float(value), 3)
