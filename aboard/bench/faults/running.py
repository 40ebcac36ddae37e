"""Play faults one after the other, each in a folder of its own; one that fails to run fails by itself."""

from __future__ import annotations

import asyncio
import logging
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aboard.bench.faults.finding import NotRun, Outcome
from aboard.bench.faults.table import Fault
from aboard.bench.faults.world import World
from aboard.bench.figures import is_loaded

QUIET = ("websockets", "ambulance_unit", "asyncio", "httpx")  # told of every broken link: that is what is wanted here
Said = Callable[[Fault, int, int], None]


@dataclass(frozen=True, slots=True)
class Run:
    """`machine` as `machine.look` gives it, with the loads before and after."""

    seed: int
    full: bool
    machine: dict[str, Any]
    outcomes: Sequence[Outcome]

    @property
    def loaded(self) -> bool:
        return is_loaded(self.machine["load_before"])

    @property
    def failed(self) -> bool:
        return any(one.missed(loaded=self.loaded) for one in self.outcomes)

    def as_view(self) -> dict[str, Any]:
        outcomes = [one.as_view(loaded=self.loaded) for one in self.outcomes]
        machine = {**self.machine, "loaded": self.loaded}
        return {"what": "faults", "seed": self.seed, "full": self.full, "machine": machine, "faults": outcomes}


def play_all(faults: Iterable[Fault], *, full: bool, seed: int, said: Said) -> list[Outcome]:
    """What each showed. Raises what keeps a fault from being played: BenchFailed, ChildFailed."""
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    return [play(fault, full=full, seed=seed, said=said) for fault in faults]


def play(fault: Fault, *, full: bool, seed: int = 1, said: Said = lambda fault, done, of: None) -> Outcome:
    """One fault, in a folder that is gone afterwards."""
    said(fault, 0, 0)
    began_s = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="aboard-fault-") as folder:
        world = World(Path(folder), full, seed, lambda done, of: said(fault, done, of))
        try:
            findings = asyncio.run(fault.play(world))
        except NotRun as why:
            return Outcome(fault.name, (), why)
    return Outcome(fault.name, findings, None, time.monotonic() - began_s)
