"""Keep every fact of the vehicle on its own disk until a hub has it in the book: durable, in order, each once.

One SQLite file (WAL, synchronous=FULL). A row is named (unit, epoch, seq): the epoch is drawn when the file is made, so
that a tablet set up anew never uses a number twice; a sequence number is never used again within an epoch. Rows leave
only by `acknowledge`, which is cumulative like TCP. Each row carries a checksum that is looked at when it is read.
Blocks on the disk: callers go through `scribe.Scribe`. Sending is `hub_link`'s.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import sqlite3
import threading
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from casebook.errors import FeedLost, RefusedInput
from casebook.link import MAX_BYTES, MAX_ROWS, OutboxRow

SCHEMA_VERSION = 1
ROW_BYTES_MAX = 64 * 1024  # of one body; the largest real one is a triage with its answers, below 2 kB
CORRUPT = "outbox_row_corrupt"  # no fact has this name: the hub keeps such a row whole, as refused
ASKED_KEPT = 10_000  # idempotency keys remembered; a crew taps a few hundred times a day
_SCHEMA = """
CREATE TABLE row (
    seq INTEGER PRIMARY KEY, at TEXT NOT NULL, kind TEXT NOT NULL, body TEXT NOT NULL, who TEXT NOT NULL,
    origin TEXT NOT NULL, checksum INTEGER NOT NULL
) STRICT;
CREATE TABLE mark (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE asked (seq INTEGER NOT NULL, key TEXT NOT NULL, PRIMARY KEY (key, seq)) STRICT;
CREATE TABLE tally (kind TEXT PRIMARY KEY, stored INTEGER NOT NULL) STRICT;
"""


@dataclass(frozen=True, slots=True)
class Record:
    """A fact on its way into the outbox. `asked`: the idempotency key of whoever asked for it."""

    at: datetime
    kind: str
    body: dict[str, Any]
    who: str = ""
    origin: str = "device"
    asked: str = ""


@dataclass(frozen=True, slots=True)
class Counts:
    """`stored`: rows of this epoch that reached the disk; `acked` of them are in the book, `waiting` are not yet."""

    stored: int
    acked: int
    waiting: int
    corrupt: int


class Outbox:
    """Opens or makes the file. Raises RefusedInput: `outbox_unreadable`, `outbox_too_new`, `outbox_in_use`.

    `wait_s`: how long an agent that is just being stopped may still hold the file.
    """

    def __init__(self, file: Path, *, wait_s: float = 5.0) -> None:
        self.file = file
        self._lock = threading.Lock()
        self._corrupt: set[int] = set()
        file.parent.mkdir(parents=True, exist_ok=True)
        fresh = not file.exists()
        self._db = sqlite3.connect(file, isolation_level=None, check_same_thread=False, timeout=wait_s)
        self._db.text_factory = lambda raw: raw.decode("utf-8", "replace")  # the checksum tells of a damaged text
        try:
            self._prepare()
        except sqlite3.DatabaseError as wrong:
            self._db.close()
            key = "outbox_in_use" if "locked" in str(wrong) else "outbox_unreadable"
            raise RefusedInput(key, file=file.name, why=str(wrong)) from wrong
        except RefusedInput:
            self._db.close()
            raise
        if fresh:
            _sync_folder(file.parent)

    def _prepare(self) -> None:
        self._db.execute("PRAGMA locking_mode=EXCLUSIVE")  # two agents on one outbox would mix two vehicles
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        if version > SCHEMA_VERSION:
            raise RefusedInput("outbox_too_new", file=self.file.name, version=version, known=SCHEMA_VERSION)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.execute("PRAGMA fullfsync=1")  # macOS: to the platter, not to the drive's cache
        if version == 0:
            self._db.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;")
        sound = self._db.execute("PRAGMA quick_check(1)").fetchone()[0]
        if sound != "ok":
            raise RefusedInput("outbox_unreadable", file=self.file.name, why=sound)
        marks = dict(self._db.execute("SELECT name, value FROM mark"))
        if not marks:
            with self._transaction():
                marks = self._begin_epoch()
        self._epoch, self._stored, self._acked = marks["epoch"], int(marks["stored"]), int(marks["acked"])

    # --- in

    def put(self, records: Sequence[Record]) -> list[int]:
        """Write all or none; on the disk when it returns. Gives the rows' sequence numbers.

        Raises RefusedInput (`row_too_big`), FeedLost (`outbox_unwritable`): the disk is full or broken.
        """
        bodies = [encoded_body(record) for record in records]
        with self._lock:
            seqs = list(range(self._stored + 1, self._stored + 1 + len(records)))
            with self._written():
                for seq, record, body in zip(seqs, records, bodies, strict=True):
                    self._insert(seq, record, body)
                self._set_mark("stored", str(self._stored + len(records)))
            self._stored += len(records)
        return seqs

    def _insert(self, seq: int, record: Record, body: str) -> None:
        texts = (_text(record.at), record.kind, body, record.who, record.origin)
        self._db.execute("INSERT INTO row VALUES (?,?,?,?,?,?,?)", (seq, *texts, checksum(seq, *texts)))
        tally = "INSERT INTO tally VALUES (?, 1) ON CONFLICT (kind) DO UPDATE SET stored = stored + 1"
        self._db.execute(tally, (record.kind,))
        if record.asked:
            self._db.execute("INSERT INTO asked VALUES (?, ?)", (seq, record.asked))
            self._db.execute("DELETE FROM asked WHERE seq < ?", (seq - ASKED_KEPT,))

    # --- out

    def unacknowledged(self, after: int = 0, limit: int = MAX_ROWS) -> list[OutboxRow]:
        """Rows beyond `after` in order, as many as fit one message of the link.

        A row whose checksum fails comes under the kind `outbox_row_corrupt` with its texts as found.
        Raises FeedLost (`outbox_unreadable_row`) when the file itself cannot be read.
        """
        query = "SELECT * FROM row WHERE seq > ? ORDER BY seq LIMIT ?"
        try:
            with self._lock:
                found = self._db.execute(query, (after, limit)).fetchall()
        except sqlite3.DatabaseError as wrong:
            raise FeedLost("outbox_unreadable_row", file=self.file.name, why=str(wrong)) from wrong
        rows, size = [], 0
        for texts in found:
            size += sum(len(str(text)) for text in texts) + 100  # names and quotes of the JSON
            if rows and size > MAX_BYTES // 2:
                break
            rows.append(self._read(*texts))
        return rows

    def _read(self, seq: int, at: str, kind: str, body: str, who: str, origin: str, stored_sum: int) -> OutboxRow:
        if checksum(seq, at, kind, body, who, origin) == stored_sum:
            return OutboxRow(seq, datetime.fromisoformat(at), kind, msgspec.json.decode(body), who, origin)
        self._corrupt.add(seq)
        found = {"at": at, "kind": kind, "body": body, "who": who, "origin": origin, "checksum": stored_sum}
        return OutboxRow(seq, _instant_or_epoch(at), CORRUPT, found, origin="outbox")

    def acknowledge(self, epoch: str, through: int) -> int:
        """The book holds this epoch's rows through `through`: delete them. Returns how many that were.

        An acknowledgement of another epoch, or of rows that were never written, deletes nothing.
        """
        with self._lock:
            if epoch != self._epoch or not self._acked < through <= self._stored:
                return 0
            with self._written():
                gone = self._db.execute("DELETE FROM row WHERE seq <= ?", (through,)).rowcount
                self._set_mark("acked", str(through))
            self._acked = through
        return gone

    def renew(self) -> None:
        """Begin a new epoch with the waiting rows renumbered from 1, their order kept.

        For a hub whose book and this file no longer agree (one of them was restored from an older copy): then numbers
        may stand for different facts, and a new epoch is the only way to lose none.
        """
        with self._lock:
            with self._written():
                rows = self._db.execute("SELECT * FROM row ORDER BY seq").fetchall()
                self._db.execute("DELETE FROM row")
                for seq, row in enumerate(rows, start=1):
                    self._db.execute("INSERT INTO row VALUES (?,?,?,?,?,?,?)", _renumbered(seq, *row))
                marks = self._begin_epoch(stored=len(rows))
            self._epoch, self._stored, self._acked = marks["epoch"], len(rows), 0

    def _begin_epoch(self, stored: int = 0) -> dict[str, str]:
        marks = {"epoch": secrets.token_hex(8), "stored": str(stored), "acked": "0"}
        for name, value in marks.items():
            self._set_mark(name, value)
        return marks

    # --- what is so

    @property
    def epoch(self) -> str:
        return self._epoch

    @property
    def counts(self) -> Counts:
        return Counts(self._stored, self._acked, self._stored - self._acked, len(self._corrupt))

    def stored_of(self, kind: str) -> int:
        """How many facts of a kind this file has ever taken."""
        row = self._db.execute("SELECT stored FROM tally WHERE kind = ?", (kind,)).fetchone()
        return row[0] if row else 0

    def find_asked(self, key: str) -> list[int]:
        """Sequence numbers written under this idempotency key, also when they are long acknowledged."""
        return [seq for (seq,) in self._db.execute("SELECT seq FROM asked WHERE key = ? ORDER BY seq", (key,))]

    def remember(self, name: str, value: str) -> None:
        """Keep a small thing of the vehicle's across a restart. Raises FeedLost (`outbox_unwritable`)."""
        with self._lock, self._written():
            self._set_mark(f"own.{name}", value)

    def recall(self, name: str) -> str:
        """What was remembered, or ""."""
        row = self._db.execute("SELECT value FROM mark WHERE name = ?", (f"own.{name}",)).fetchone()
        return row[0] if row else ""

    def close(self) -> None:
        with self._lock:
            self._db.close()

    def _set_mark(self, name: str, value: str) -> None:
        self._db.execute("INSERT OR REPLACE INTO mark VALUES (?, ?)", (name, value))

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

    @contextlib.contextmanager
    def _written(self) -> Iterator[None]:
        try:
            with self._transaction():
                yield
        except sqlite3.DatabaseError as wrong:
            raise FeedLost("outbox_unwritable", file=self.file.name, why=str(wrong)) from wrong


def open_or_set_aside(file: Path) -> tuple[Outbox, Path | None]:
    """The outbox; a file that is damaged beyond opening is kept under another name, which is returned, and a new one
    is made: a vehicle must go on working. Raises RefusedInput when the file is in use or newer than this program."""
    try:
        return Outbox(file), None
    except RefusedInput as wrong:
        if wrong.key != "outbox_unreadable":
            raise
    aside = file.with_name(f"{file.name}.broken-{secrets.token_hex(4)}")
    for ending in ("", "-wal", "-shm"):
        part = file.with_name(file.name + ending)
        if part.exists():
            part.rename(aside.with_name(aside.name + ending))
    return Outbox(file), aside


def encoded_body(record: Record) -> str:
    """The body as JSON text. Raises RefusedInput (`row_too_big`)."""
    body = msgspec.json.encode(record.body)
    if len(body) > ROW_BYTES_MAX:
        raise RefusedInput("row_too_big", kind=record.kind, bytes=len(body), limit=ROW_BYTES_MAX)
    return body.decode()


def checksum(seq: int, at: str, kind: str, body: str, who: str, origin: str) -> int:
    """CRC-32 over the row as it stands in the file: finds bit rot and torn pages, not an adversary."""
    return zlib.crc32(msgspec.json.encode([seq, at, kind, body, who, origin]))


def _renumbered(seq: int, old: int, at: str, kind: str, body: str, who: str, origin: str, stored_sum: int) -> tuple:
    """The row under its new number; a damaged one stays damaged."""
    if checksum(old, at, kind, body, who, origin) == stored_sum:
        stored_sum = checksum(seq, at, kind, body, who, origin)
    return seq, at, kind, body, who, origin, stored_sum


def _text(at: datetime) -> str:
    assert at.tzinfo is not None
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def _instant_or_epoch(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return datetime.fromtimestamp(0, UTC)  # the text as found travels in the body
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _sync_folder(folder: Path) -> None:
    """A new file is only there after its folder was flushed too."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
