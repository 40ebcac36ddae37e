"""What the clients of a hub were told is kept, and what of it stands in the log. Pure; written before any fault was.

A vehicle's disk promises a fact when `put` returns; a hub promises what a command did when it answers with its entries.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import msgspec

from aboard.bench.faults.finding import Finding
from casebook import events as e
from casebook.log import Entry


@dataclass(slots=True)
class Promises:
    """`stored`: by vehicle, the marks of facts its disk has taken; `answered`: by key, the entries a hub named;
    `tried`: every key that was ever asked with."""

    stored: dict[str, list[str]] = field(default_factory=dict)
    answered: dict[str, Sequence[int]] = field(default_factory=dict)
    tried: set[str] = field(default_factory=set)

    def keep(self, unit: str, mark: str) -> None:
        self.stored.setdefault(unit, []).append(mark)

    @property
    def count(self) -> int:
        return sum(map(len, self.stored.values())) + len(self.answered)


@dataclass(frozen=True, slots=True)
class Audit:
    """`lost`: promised and not there; `doubled`: there more than once, or a command done twice; `disordered`: rows of
    an outbox with a gap or out of their order; `refused`: rows that the hub could not fit in, kept as such."""

    promised: int
    lost: int
    doubled: int
    disordered: int
    refused: int

    def findings(self) -> list[Finding]:
        return [
            Finding("promised", "facts", self.promised, least=1), Finding("lost", "facts", self.lost, most=0),
            Finding("doubled", "facts", self.doubled, most=0), Finding("disordered", "facts", self.disordered, most=0),
            Finding("refused_rows", "facts", self.refused, most=0),
        ]  # fmt: skip


def sample_mark(at: datetime) -> str:
    """A sample of a vehicle is known by its instant."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def fact_mark(kind: str, body: Mapping[str, Any]) -> str:
    """Any other fact of a vehicle is known by what it says."""
    return f"{kind} {msgspec.json.encode(body, order='sorted').decode()}"


def mark_of(entry: Entry) -> str:
    is_sample = entry.kind == e.VitalsRecorded.name
    return sample_mark(entry.at) if is_sample else fact_mark(entry.kind, entry.body)


def audit(promises: Promises, entries: Iterable[Entry]) -> Audit:
    """Compare what was promised with a log that was read whole."""
    log = list(entries)
    rows = [entry for entry in log if entry.source is not None]
    there = Counter((entry.source.unit, mark_of(entry)) for entry in rows if entry.source)
    wanted = [(unit, mark) for unit, marks in promises.stored.items() for mark in marks]
    return Audit(
        promised=promises.count,
        lost=sum(one not in there for one in wanted) + _unanswered(promises, log),
        doubled=sum(there[one] > 1 for one in wanted) + _done_twice(log),
        disordered=_disordered(rows),
        refused=sum(entry.kind == e.RowRefused.name for entry in rows),
    )


def _unanswered(promises: Promises, log: Sequence[Entry]) -> int:
    """Commands of whose named entries one is missing or another's."""
    keys = {entry.seq: entry.asked for entry in log}
    return sum(any(keys.get(seq) != key for seq in named) for key, named in promises.answered.items())


def _done_twice(log: Sequence[Entry]) -> int:
    """Keys whose entries were recorded at more than one instant: one ask writes all of its entries at once."""
    instants: dict[str, set[datetime]] = {}
    for entry in log:
        if entry.asked:
            instants.setdefault(entry.asked, set()).add(entry.recorded_at)
    return sum(len(one) > 1 for one in instants.values())


def _disordered(rows: Sequence[Entry]) -> int:
    """Rows that do not follow on the one before of their lane by number."""
    ends: Counter[tuple[str, str]] = Counter()
    wrong = 0
    for entry in rows:
        assert entry.source is not None
        lane = (entry.source.unit, entry.source.epoch)
        wrong += entry.source.seq != ends[lane] + 1
        ends[lane] = entry.source.seq
    return wrong
