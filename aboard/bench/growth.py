"""`aboard bench vitals --growth`: the way of one row a second from each vehicle, from one city to ten.

For each size a hub of its own in a process of its own, on a SQLite file; the vehicles in this process, as in vitals.py.
Nothing is measured before all are linked. A size that is too much for the machine says so and ends within its bound.

linked_s      seconds from the first connection until the last vehicle was welcomed.
ack           ms from the instant at which a row was due until it was acknowledged.
late          ms from that instant until it left this process: the part of `ack` that is not the hub's.
unanswered    rows without an acknowledgement PATIENCE_S after the last.
lost          rows acknowledged that are not in the hub's file.
hub_cores, fleet_cores  processor time of the hub and of this process for each second of sending; with fewer than their
              sum to itself, a machine measures itself. `hub_mb`: memory of the hub at the end (resident, 10^6 bytes).
"""

from __future__ import annotations

import asyncio
import gc
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from aboard.bench.figures import LOAD_MAX, Ours, is_loaded, once, ours_of, rounded
from aboard.bench.machine import cpu_s, load_now
from aboard.bench.play import BenchFailed
from aboard.bench.vitals import aboard_of, hub_for, paced
from aboard.bench.vitals_fleet import Vehicle, fleet
from aboard.bench.vitals_stores import BOOK, kept_by
from aboard.children import Child, resident_mb
from aboard.descriptors import take_descriptors
from casebook.errors import RefusedInput

TIMES = (1, 2, 5, 10)
EVERY_S = 1.0
LINK_S = 120.0  # wall seconds in which all vehicles of a size have to be linked
OVERDUE_MS = 1000 * EVERY_S  # the next row is due before this one is answered: the hub, or its machine, falls behind
FIGURES = ("times", "vehicles", "linked_s", "unanswered", "lost", "hub_cores", "fleet_cores", "hub_mb")
ROOM = 100  # descriptors that are no vehicle's
NOTHING = once(None)
Verdict = Literal["held", "overloaded", "unlinked", "ended"]


@dataclass(frozen=True, slots=True)
class Grown:
    """One size; None and no values for what was not measured. `why`: what ended it before its time."""

    times: int
    vehicles: int
    linked_s: float | None = None
    ack: Ours = NOTHING
    late: Ours = NOTHING
    unanswered: int | None = None
    lost: int | None = None
    hub_cores: float | None = None
    fleet_cores: float | None = None
    hub_mb: float | None = None
    why: str = ""

    @property
    def verdict(self) -> Verdict:
        if self.linked_s is None:
            return "unlinked"
        if self.why:
            return "ended"
        behind = self.ack.p99 is None or self.ack.p99 > OVERDUE_MS or self.unanswered != 0
        return "overloaded" if behind else "held"

    def as_view(self) -> dict[str, Any]:
        told = {name: getattr(self, name) for name in FIGURES}
        pairs = {"ack_ms": self.ack, "late_ms": self.late}
        told |= {name: {"p50": ours.p50, "p99": ours.p99} for name, ours in pairs.items()}
        return told | {"verdict": self.verdict, "why": self.why}


@dataclass(frozen=True, slots=True)
class Growth:
    """All sizes. `machine` as `machine.look` gives it, with the load before the start."""

    machine: Mapping[str, Any]
    rows: Sequence[Grown]

    @property
    def loaded(self) -> bool:
        return is_loaded(self.machine["load_before"])

    @property
    def failed(self) -> bool:
        """A row was acknowledged and lost: no machine is too busy for that to count."""
        return any(row.lost for row in self.rows)

    def as_view(self) -> dict[str, Any]:
        """The one object of `--json`."""
        rows = [row.as_view() for row in self.rows]
        return {"what": "vitals_growth", "machine": {**self.machine, "loaded": self.loaded}, "rows": rows}


def bench_growth(one: int, seconds: float, *, busy: bool = False, said: Callable[[int], None]) -> list[Grown]:
    """`one`: vehicles of 1x; `seconds` of sending for each size.

    Raises RefusedInput `bench_busy` unless `busy`, `bench_descriptors` where the greatest has no room; ChildFailed.
    """
    load, room = load_now(), take_descriptors()
    if is_loaded(load) and not busy:
        raise RefusedInput("bench_busy", load="?" if load is None else f"{load:.2f}", most=f"{LOAD_MAX:g}")
    if room < (need := one * TIMES[-1] + ROOM):
        raise RefusedInput("bench_descriptors", have=room, need=need)
    return [_grown(times, one * times, seconds, said) for times in TIMES]


def _grown(times: int, vehicles: int, seconds: float, said: Callable[[int], None]) -> Grown:
    said(vehicles)
    with tempfile.TemporaryDirectory(prefix="aboard-bench-") as folder:
        return asyncio.run(measure(Path(folder), Grown(times, vehicles), seconds))


async def measure(folder: Path, row: Grown, seconds: float) -> Grown:
    """The row with all that could be measured of it."""
    aboard, links = aboard_of(row.vehicles), list[Vehicle]()
    async with hub_for(folder, aboard) as (hub, url, tokens):
        now_s = asyncio.get_running_loop().time
        began_s = now_s()
        try:
            async with asyncio.timeout(LINK_S) as bound, fleet(url, tokens, aboard) as links:
                bound.reschedule(None)
                row = replace(row, linked_s=rounded(now_s() - began_s))
                row = await sent(row, hub, links, seconds)
        except (BenchFailed, TimeoutError) as wrong:
            row = replace(row, why=str(getattr(wrong, "facts", {}).get("why", "")) or repr(wrong))
    return replace(row, lost=lost_of(links, kept_by(folder / BOOK))) if links else row


def lost_of(links: Sequence[Vehicle], kept: Mapping[str, int]) -> int:
    """Rows acknowledged that are not in the file; where a link ended, the file may hold more than its vehicle heard."""
    return sum(max(0, link.acked - kept.get(link.unit, 0)) for link in links)


async def sent(row: Grown, hub: Child, links: Sequence[Vehicle], seconds: float) -> Grown:
    """Every vehicle sends for so long; until all is answered or patience ends."""
    gc.collect()
    gc.freeze()  # the vehicles live as long as this process measures: walking over them would be a delay of its own
    now_s, pids = asyncio.get_running_loop().time, (hub.pid, os.getpid())
    begins, began_s = [cpu_s(pid) for pid in pids], now_s() + EVERY_S  # the first row is due one interval from now
    ack_ms, unanswered = await paced(links, 1, EVERY_S, seconds)
    took_s = now_s() - began_s
    hub_cores, fleet_cores = (rounded((cpu_s(pid) - before) / took_s) for pid, before in zip(pids, begins, strict=True))
    late_ms = [ms for link in links for ms in link.late_ms]
    return replace(
        row, ack=ours_of(ack_ms), late=ours_of(late_ms), unanswered=unanswered, hub_cores=hub_cores,
        fleet_cores=fleet_cores, hub_mb=resident_mb([hub.pid]),
    )  # fmt: skip
