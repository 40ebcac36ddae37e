"""What happened in a simulated run, as whoever was there could tell: what was promised to whom, and how it ended.

Written by the parts of the simulation, judged by `checker`. A fact of a vehicle is named by what it says (`name_of`),
for its outbox may give it another number on its way.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import msgspec

from casebook.log import Entry

REFUSED = "row_refused"  # how the book keeps a row that does not fit
CORRUPT = "outbox_row_corrupt"  # how the vehicle sends a row that its disk has damaged


@dataclass(frozen=True, slots=True)
class Sampled:
    """The vehicle's monitor gave a sample. `life`: which run of the agent; `at_s`: its own time (Process.lived_s)."""

    at_s: float
    unit: str
    life: int
    fact: str


@dataclass(frozen=True, slots=True)
class Put:
    """Facts were given to the vehicle's disk. `outcome`: stored or refused, and told so; open: it never heard."""

    at_s: float
    unit: str
    life: int
    facts: tuple[str, ...]
    keys: tuple[str, ...]
    outcome: str = "open"


@dataclass(frozen=True, slots=True)
class Damaged:
    """A bit of a waiting row flipped on the vehicle's disk."""

    at_s: float
    unit: str
    fact: str


@dataclass(frozen=True, slots=True)
class Died:
    """A process was killed, or its machine lost power. `at_s`: a vehicle's own time, as of what it sampled."""

    at_s: float
    name: str
    life: int


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """A hub told a vehicle that its book has these rows; `durable` entries of it lasted then. `link`: the connection's
    number."""

    at_s: float
    book: str
    unit: str
    epoch: str
    through: int
    durable: int
    link: int


@dataclass(frozen=True, slots=True)
class Answered:
    """A person was told that what they asked is done. `entries`: the numbers they were given; `durable` as above."""

    at_s: float
    book: str
    who: str
    key: str
    entries: tuple[int, ...]
    durable: int


@dataclass(frozen=True, slots=True)
class Committed:
    """Entries `first` to `last` of a book lasted."""

    at_s: float
    book: str
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Leased:
    """The shared store of holds has changed a page: `cases`, as "book/casualty", have its slots from now on."""

    at_s: float
    hospital: str
    resource: str
    cases: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Refused:
    """A hub would not start on its log; `altered`: the entry in which somebody had changed something, `named`: the one
    that it named (0: none)."""

    at_s: float
    hub: str
    altered: int
    named: int


@dataclass(frozen=True, slots=True)
class Disordered:
    """On a connection that stood somebody was told what does not follow on what they were told before."""

    at_s: float
    who: str
    what: str


@dataclass(frozen=True, slots=True)
class Screen:
    """What somebody sees in the end, and what they should: the view folded from the log. `shown`: names of samples."""

    name: str
    seen: Mapping[str, Any]
    wanted: Mapping[str, Any]
    shown: frozenset[str] = frozenset()
    trend: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Vehicle:
    """What its outbox says in the end. `samples`: of vital signs that it has ever taken."""

    unit: str
    waiting: tuple[str, ...]
    stored: int
    acked: int
    samples: int


Told = Sampled | Put | Damaged | Died | Acknowledged | Answered | Committed | Leased | Refused | Disordered


@dataclass(slots=True)
class History:
    """`told` in the order in which it happened; the rest is how it ended. `quiet`: everything had come to rest."""

    told: list[Told] = field(default_factory=list)
    logs: dict[str, list[Entry]] = field(default_factory=dict)  # by book
    pictures: dict[str, tuple[str, str]] = field(default_factory=dict)  # by hub: its book, hash of its picture
    screens: list[Screen] = field(default_factory=list)
    vehicles: list[Vehicle] = field(default_factory=list)
    surprises: list[str] = field(default_factory=list)  # exceptions that nobody caught
    quiet: bool = False
    silences: list[str] = field(default_factory=list)  # monitors that were on and not sampled

    def digest(self) -> str:
        """SHA-256 over all that was told and over the logs: two runs of a seed are the same to the letter."""
        whole = hashlib.sha256()
        for one in self.told:
            whole.update(repr(one).encode())
        for hub, entries in sorted(self.logs.items()):
            whole.update(f"{hub} {len(entries)} {entries[-1].hash if entries else ''}".encode())
        return whole.hexdigest()

    def count(self) -> Mapping[str, int]:
        """How often what was told."""
        counts: dict[str, int] = {}
        for one in self.told:
            counts[type(one).__name__.lower()] = counts.get(type(one).__name__.lower(), 0) + 1
        return dict(sorted(counts.items()))


def name_of(unit: str, kind: str, at: datetime, body: Mapping[str, Any]) -> str:
    """A vehicle's fact by what it says: the same in its outbox and in the book."""
    said = msgspec.json.encode(body, order="sorted").decode()
    return f"{unit} {kind} {at.astimezone(UTC).isoformat(timespec='microseconds')} {said}"


def sent_name(unit: str, kind: str, at: datetime, body: Mapping[str, Any]) -> str:
    """The same, of a row as it was sent: what was damaged has lost its name."""
    return f"{unit} {CORRUPT}" if kind == CORRUPT else name_of(unit, kind, at, body)


def names_in(entries: Iterable[Entry]) -> list[str]:
    """Of every row that came from an outbox, also of those kept as refused."""
    names = []
    for entry in entries:
        if entry.source is None:
            continue
        kind, body = entry.kind, entry.body
        if kind == REFUSED:
            kind, body = entry.body["kind"], entry.body["body"]
        names.append(sent_name(entry.source.unit, kind, entry.at, body))
    return names
