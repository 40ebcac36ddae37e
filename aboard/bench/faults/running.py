"""Play faults one after the other, each in a folder of its own; keep what each showed, so that a long run may go on."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import msgspec

from aboard.bench.faults.finding import NotRun, Outcome
from aboard.bench.faults.table import Fault
from aboard.bench.faults.world import World
from aboard.bench.machine import load_now

QUIET = ("websockets", "ambulance_unit", "asyncio", "httpx")  # told of every broken link: that is what is wanted here
Said = Callable[[Fault, int, int], None]


def play_all(faults: Iterable[Fault], *, full: bool, seed: int, said: Said, kept: Path | None = None) -> list[Outcome]:
    """What each showed. `kept`: a file of lines; a fault of which it tells is not played again, others are added.

    Raises what keeps a fault from being played: BenchFailed, ChildFailed.
    """
    known = read_kept(kept) if kept is not None else {}
    outcomes = []
    with quiet():
        for fault in faults:
            if fault.name not in known:
                known[fault.name] = play(fault, full=full, seed=seed, said=said)
                if kept is not None:
                    _keep(kept, known[fault.name])
            outcomes.append(known[fault.name])
    return outcomes


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """What is told of links that break is what is wanted here, and not worth a line each."""
    levels = {name: logging.getLogger(name).level for name in QUIET}
    try:
        for name in QUIET:
            logging.getLogger(name).setLevel(logging.CRITICAL)
        yield
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)


def play(fault: Fault, *, full: bool, seed: int = 1, said: Said = lambda fault, done, of: None) -> Outcome:
    """One fault, in a folder that is gone afterwards."""
    said(fault, 0, 0)
    before, began_s = load_now(), time.monotonic()
    with tempfile.TemporaryDirectory(prefix="aboard-fault-") as folder:
        world = World(Path(folder), full, seed, lambda done, of: said(fault, done, of))
        try:
            findings = asyncio.run(fault.play(world))
        except NotRun as why:
            return Outcome(fault.name, (), str(why.facts["why"]))
    return Outcome(fault.name, findings, "", round(time.monotonic() - began_s, 1), (before, load_now()), full)


def read_kept(file: Path) -> dict[str, Outcome]:
    """By fault; the last line that tells of it counts."""
    lines = file.read_bytes().splitlines() if file.exists() else []
    return {one.fault: one for one in (msgspec.json.decode(line, type=Outcome) for line in lines)}


def _keep(file: Path, outcome: Outcome) -> None:
    with file.open("ab") as lines:
        lines.write(msgspec.json.encode(outcome) + b"\n")
