"""The book itself: an append-only sequence of entries, each chained by SHA-256 to the one before.

Three keepers behind one interface: memory (here, for tests), SQLite (casebook/sqlite_log.py) and PostgreSQL
(casebook/store). What a batch may do is decided here, once for all of them (`lay`): its places in the chain, whether an
outbox row stands in the book already, who holds the scarce things that it claims. A keeper reads the ground under a
lock, lays, and writes what was laid. One of them, PostgreSQL, several hubs may write (`SharedLog`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, runtime_checkable

import msgspec

from casebook.errors import AlreadyHeld, CoordinationError, FeedLost, RefusedInput

GENESIS = "0" * 64
Top = tuple[int, str]  # number and hash of a log's last entry
Written = Future[list["Entry"]]  # the answer to what was handed over to be written


class By(msgspec.Struct, frozen=True, gc=False):
    """Who says so: `role` (dispatcher, ed, paramedic, director, desk), `who`, and by what (`button`, `device` ...)."""

    role: str
    who: str
    origin: str = "button"

    def __str__(self) -> str:
        return f"{self.role}:{self.who}"


class Source(msgspec.Struct, frozen=True, gc=False):
    """The outbox row that carried a fact: (unit, epoch, seq) is unique in the book."""

    unit: str
    epoch: str
    seq: int


class Claim(msgspec.Struct, frozen=True, gc=False):
    """A scarce thing wanted (`until` set) or given back (`until` None; holder "*" whoever has it) with an entry."""

    key: str
    holder: str
    until: datetime | None


class Draft(msgspec.Struct, frozen=True, gc=False):
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


class Entry(msgspec.Struct, frozen=True, gc=False):
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
    hash: str = ""


class Checkpoint(msgspec.Struct, frozen=True, gc=False):
    """`signer` (hex of an Ed25519 public key) says: the book had `seq` entries, the last with `hash`, at `at`."""

    seq: int
    hash: str
    at: datetime
    signer: str
    signature: str


class Log(Protocol):
    """What a keeper of the book can do. `append` is all or nothing and durable when it returns."""

    blocking: bool  # True: append waits for a disk and belongs in a thread

    def append(self, drafts: Sequence[Draft]) -> list[Entry]:
        """Raises AlreadyHeld when a claim is lost, RowTwice when an outbox row is here already; nothing is written."""
        ...

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

    def checkpoints(self) -> list[Checkpoint]:
        """What was signed so far, in order."""
        ...

    def adopt(self, entries: Sequence[Entry], claims: Sequence[Claim], checkpoints: Sequence[Checkpoint]) -> None:
        """Take over a whole book as it is, into an empty one. Raises RefusedInput (`log_not_empty`)."""
        ...

    def close(self) -> None: ...


@runtime_checkable
class QueuedLog(Protocol):
    """A log that has a thread of its own to write in."""

    def submit(self, drafts: Sequence[Draft], after: Written | None = None) -> Written:
        """What `append` gives or raises, answered later. `after`: what was handed over before and these rest on; where
        that is not written, they are not either (LogMovedOn)."""
        ...


@runtime_checkable
class SharedLog(Log, Protocol):
    """A log that other hubs write, too. Who wants to decide takes the pen first, and knows every entry that there is.

    The pen is one for all hubs of the store. Who holds it does not let others wait: it is taken away from a hub that
    neither writes nor gives it back (LogMovedOn, where somebody then wrote). What needs no decision can be written
    without it (`append_on`), for as long as nobody else writes.
    """

    shared: bool  # False: opened by whoever takes no notice of others
    has_pen: bool

    def take_pen(self, after: int) -> list[Entry]:
        """Wait for the pen; what was written after entry `after`, in order. The next append gives it back."""
        ...

    def lay_down_pen(self) -> None:
        """Give it back without writing; nothing happens where it was given back already."""
        ...

    def append_on(self, top: Top, drafts: Sequence[Draft]) -> list[Entry]:
        """What `append` does, where `top` is the last entry. Raises LogMovedOn where it is not; nothing is written."""
        ...


@runtime_checkable
class QueuedSharedLog(SharedLog, Protocol):
    """Both at once."""

    def submit_on(self, top: Top, drafts: Sequence[Draft], after: Written | None = None) -> Written:
        """What `append_on` gives or raises, answered later; with `after` the last entry is to be the last of that."""
        ...


class LogMovedOn(CoordinationError):
    """Another hub wrote after we had lost the pen: what was decided rests on an old picture. Nothing was written."""

    key = "log_moved_on"


class ChainBroken(CoordinationError):
    """The log was altered: `seq` is the first entry that does not fit.

    `why`: missing (another number stands there), altered (it does not fit its hash), cut (a signed checkpoint is
    beyond the end), cut_since_told (the same, by the hub's own file beside the log), rewritten (whole as a chain, but
    not the one that was signed), unsigned (a false signature).
    """

    key = "chain_broken"

    def __init__(self, seq: int, why: str, found: object = "-") -> None:
        super().__init__(f"chain_{why}", seq=seq, why=why, found=found)


class RowTwice(RefusedInput):
    """An outbox row (unit, epoch, seq) stands in the book already."""

    key = "row_twice"
    http_status = 409


def is_of_the_log(wrong: Exception) -> bool:
    """The log is silent, or another hub writes it: no rows are to blame, and none would fare better alone."""
    return isinstance(wrong, FeedLost | LogMovedOn | ChainBroken)


class _Hashed(msgspec.Struct, frozen=True):
    """What the hash of an entry covers: all of it but the hash."""

    asked: str
    at: datetime
    body: dict[str, Any]
    by: By
    kind: str
    prev: str
    recorded_at: datetime
    seq: int
    source: Source | None
    version: int


_canonical = msgspec.json.Encoder(order="sorted")


def digest(entry: Entry) -> str:
    """SHA-256 over the canonical JSON of the entry without its own hash."""
    return _digest(entry, entry.seq, entry.prev)


def _digest(said: Draft | Entry, seq: int, prev: str) -> str:
    covered = _Hashed(
        said.asked, said.at, said.body, said.by, said.kind, prev, said.recorded_at, seq, said.source, said.version
    )
    return hashlib.sha256(_canonical.encode(covered)).hexdigest()


def chained(drafts: Sequence[Draft], count: int, head: str) -> list[Entry]:
    """Give drafts their places in the chain after `count` entries whose last hash is `head`."""
    entries: list[Entry] = []
    for number, draft in enumerate(drafts, start=count + 1):
        hash = _digest(draft, number, head)
        entry = Entry(
            number, draft.kind, draft.version, draft.body, draft.at, draft.recorded_at, draft.by, draft.source,
            draft.asked, head, hash,
        )  # fmt: skip
        entries.append(entry)
        head = hash
    return entries


def verify(entries: Iterable[Entry], count: int = 0, head: str = GENESIS) -> tuple[int, str]:
    """Walk the chain on from `count` entries, the last with hash `head`; both as they are at the end.

    Raises ChainBroken naming the first entry that does not fit.
    """
    for entry in entries:
        if entry.seq != count + 1:
            raise ChainBroken(seq=count + 1, why="missing", found=entry.seq)
        if entry.prev != head or entry.hash != digest(entry):
            raise ChainBroken(seq=entry.seq, why="altered", found=entry.kind)
        count, head = entry.seq, entry.hash
    return count, head


@dataclass(slots=True)
class Ground:
    """What a keeper knows of what some batches touch, before they are written; `lay` brings it up to date.

    `claims`: the holders of the keys wanted. `rows`: those outbox rows of the batches that are in the book already.
    """

    count: int
    head: str
    claims: dict[str, Claim]
    rows: set[Source]


Laid = list[Entry] | CoordinationError


def lay(ground: Ground, batches: Iterable[Sequence[Draft]]) -> list[Laid]:
    """Give each batch its places in the chain, one after the other.

    A batch that loses a claim, brings an outbox row again or holds half a character is refused whole, with the error in
    its place; the others stand.
    """
    laid: list[Laid] = []
    for drafts in batches:
        try:
            laid.append(_lay(ground, drafts))
        except CoordinationError as wrong:
            laid.append(wrong)
    return laid


def _lay(ground: Ground, drafts: Sequence[Draft]) -> list[Entry]:
    claims = dict(ground.claims)
    sources = [draft.source for draft in drafts if draft.source is not None]
    rows = set(sources)
    if len(rows) < len(sources) or not rows.isdisjoint(ground.rows):
        twice = next(one for number, one in enumerate(sources) if one in ground.rows or one in sources[:number])
        raise RowTwice(unit=twice.unit, epoch=twice.epoch, seq=twice.seq)
    for draft in drafts:
        for claim in draft.claims:
            take(claims, claim, draft.recorded_at)
    try:
        entries = chained(drafts, ground.count, ground.head)
    except UnicodeEncodeError as wrong:
        raise RefusedInput("bad_field", where="log", field="$", why=str(wrong)) from wrong
    if entries:
        ground.count, ground.head = entries[-1].seq, entries[-1].hash
        ground.claims = claims
        ground.rows |= rows
    return entries


_NO_ROW = Source("", "", 1)


def storable(drafts: Iterable[Draft]) -> None:
    """What one keeper cannot keep none takes: PostgreSQL has no NUL in a text and no number beyond 63 bits."""
    sound: set[str] = set()  # texts that were looked at; of a fleet's rows most are the same
    for draft in drafts:
        source, by = draft.source or _NO_ROW, draft.by
        for text in (draft.kind, by.role, by.who, by.origin, draft.asked, source.unit, source.epoch):
            if text not in sound:
                if "\0" in text or (not text.isascii() and _half(text)):
                    raise RefusedInput("bad_field", where=draft.kind, field="by", why="NUL or half a character")
                sound.add(text)
        if not 0 < source.seq < 2**63:
            raise RefusedInput("bad_field", where=draft.kind, field="seq", why=f"{source.seq} is out of range")


def _half(text: str) -> bool:
    """A lone surrogate: JSON can carry it, UTF-8 cannot."""
    return any("\ud800" <= letter <= "\udfff" for letter in text)


class MemoryLog:
    """The book in memory: for tests and dry runs."""

    blocking = False

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._claims: dict[str, Claim] = {}
        self._rows: set[Source] = set()
        self._checkpoints: list[Checkpoint] = []

    def append(self, drafts: Sequence[Draft]) -> list[Entry]:
        storable(drafts)
        ground = Ground(*self.head(), self._claims, self._rows)
        (laid,) = lay(ground, [drafts])
        if isinstance(laid, CoordinationError):
            raise laid
        self._claims = ground.claims
        self._entries += laid
        return laid

    def read(self, after: int = 0) -> Iterator[Entry]:
        return iter(self._entries[max(0, after) :])

    def head(self) -> tuple[int, str]:
        return len(self._entries), self._entries[-1].hash if self._entries else GENESIS

    def through(self, unit: str, epoch: str) -> int:
        return max((row.seq for row in self._rows if (row.unit, row.epoch) == (unit, epoch)), default=0)

    def find_asked(self, key: str) -> list[int]:
        return [entry.seq for entry in self._entries if key and entry.asked == key]

    def checkpoints(self) -> list[Checkpoint]:
        return list(self._checkpoints)

    def adopt(self, entries: Sequence[Entry], claims: Sequence[Claim], checkpoints: Sequence[Checkpoint]) -> None:
        if self._entries:
            raise RefusedInput("log_not_empty", file="memory", count=len(self._entries))
        self._entries = list(entries)
        self._claims = {claim.key: claim for claim in claims}
        self._rows = {entry.source for entry in entries if entry.source is not None}
        self._checkpoints = list(checkpoints)

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
