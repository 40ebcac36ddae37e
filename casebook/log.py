"""The book itself: an append-only sequence of entries, each chained by SHA-256 to the one before.

Two keepers behind one interface: memory (tests), SQLite (WAL, synchronous=FULL; nothing returns before it is on the
disk). Scarce things are decided here: an entry may claim a key, and one conditional write lets only one holder in.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Protocol

import msgspec

from casebook.errors import AlreadyHeld, CoordinationError

GENESIS = "0" * 64


@dataclass(frozen=True, slots=True)
class By:
    """Who says so: `role` (dispatcher, ed, paramedic, director, desk), `who`, and by what (`button`, `device` ...)."""

    role: str
    who: str
    origin: str = "button"

    def __str__(self) -> str:
        return f"{self.role}:{self.who}"


@dataclass(frozen=True, slots=True)
class Source:
    """The outbox row that carried a fact: (unit, epoch, seq) is unique in the book."""

    unit: str
    epoch: str
    seq: int


@dataclass(frozen=True, slots=True)
class Claim:
    """A scarce thing wanted (`until` set) or given back (`until` None; holder "*" whoever has it) with an entry."""

    key: str
    holder: str
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Draft:
    """An entry before it has a place in the chain. `asked` is the asker's idempotency key."""

    kind: str
    version: int
    body: dict[str, Any]
    at: datetime
    recorded_at: datetime
    by: By
    source: Source | None = None
    asked: str = ""
    claims: tuple[Claim, ...] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the book. `hash` covers everything else and the hash of the line before (`prev`)."""

    seq: int
    kind: str
    version: int
    body: dict[str, Any]
    at: datetime
    recorded_at: datetime
    by: By
    source: Source | None = None
    asked: str = ""
    prev: str = GENESIS
    hash: str = field(default="", compare=False)


class Log(Protocol):
    """What a keeper of the book can do. `append` is all or nothing and durable when it returns."""

    blocking: bool  # True: append waits for a disk and belongs in a thread

    def append(self, drafts: Sequence[Draft]) -> list[Entry]: ...

    def read(self, after: int = 0) -> Iterator[Entry]: ...

    def head(self) -> tuple[int, str]:
        """(number of entries, hash of the last)."""
        ...

    def through(self, unit: str, epoch: str) -> int:
        """Highest outbox sequence of this unit and epoch that is in the book; 0 if none."""
        ...

    def find_asked(self, key: str) -> list[int]:
        """Sequence numbers written under this idempotency key."""
        ...

    def close(self) -> None: ...


class ChainBroken(CoordinationError):
    """The log was altered: `seq` is the first entry that does not fit."""

    key = "chain_broken"


def digest(entry: Entry) -> str:
    """SHA-256 over the canonical JSON of the entry without its own hash."""
    body = msgspec.to_builtins(entry)
    del body["hash"]
    return hashlib.sha256(msgspec.json.encode(body, order="sorted")).hexdigest()


def chained(drafts: Sequence[Draft], count: int, head: str) -> list[Entry]:
    """Give drafts their places in the chain after `count` entries whose last hash is `head`."""
    entries: list[Entry] = []
    for number, draft in enumerate(drafts, start=count + 1):
        entry = Entry(
            number, draft.kind, draft.version, draft.body, draft.at, draft.recorded_at, draft.by, draft.source,
            draft.asked, head,
        )  # fmt: skip
        head = digest(entry)
        entries.append(replace(entry, hash=head))
    return entries


def verify(entries: Iterator[Entry]) -> tuple[int, str]:
    """Walk the chain; (count, head) when whole. Raises ChainBroken naming the first entry that does not fit."""
    count, head = 0, GENESIS
    for entry in entries:
        if entry.seq != count + 1:
            raise ChainBroken(seq=count + 1, why="missing", found=entry.seq)
        if entry.prev != head or entry.hash != digest(entry):
            raise ChainBroken(seq=entry.seq, why="altered", found=entry.kind)
        count, head = entry.seq, entry.hash
    return count, head


class MemoryLog:
    """The book in memory: for tests and dry runs."""

    blocking = False

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._claims: dict[str, Claim] = {}

    def append(self, drafts: Sequence[Draft]) -> list[Entry]:
        claims = dict(self._claims)
        for draft in drafts:
            for claim in draft.claims:
                take(claims, claim, draft.recorded_at)
        count, head = self.head()
        fresh = chained(drafts, count, head)
        self._claims = claims
        self._entries += fresh
        return fresh

    def read(self, after: int = 0) -> Iterator[Entry]:
        return iter(self._entries[after:])

    def head(self) -> tuple[int, str]:
        return len(self._entries), self._entries[-1].hash if self._entries else GENESIS

    def through(self, unit: str, epoch: str) -> int:
        rows = (entry.source for entry in self._entries if entry.source is not None)
        return max((row.seq for row in rows if (row.unit, row.epoch) == (unit, epoch)), default=0)

    def find_asked(self, key: str) -> list[int]:
        return [entry.seq for entry in self._entries if key and entry.asked == key]

    def close(self) -> None:
        return


def take(claims: dict[str, Claim], claim: Claim, now: datetime) -> None:
    """Apply one claim to the holders so far. Raises AlreadyHeld while another holder's lease runs."""
    present = claims.get(claim.key)
    if claim.until is None:
        if present is not None and claim.holder in (present.holder, "*"):
            del claims[claim.key]
        return
    if present is not None and present.holder != claim.holder and present.until is not None and present.until > now:
        resource, _, rest = claim.key.partition(":")
        raise AlreadyHeld(resource=resource, hospital=rest, holder=present.holder)
    claims[claim.key] = claim
