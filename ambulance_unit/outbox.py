"""Keep every fact of the vehicle on its own disk until a hub has it in the book: durable, in order, each once.

One SQLite file (WAL, synchronous=FULL). Rows stand in lanes, each with an epoch of its own: the main lane has what must
keep its order, and a live lane may be begun for samples, so that the newest need not wait behind those of an outage,
whose lane is then history. A row is named (unit, epoch, seq): an epoch is drawn at random, so that a tablet set up anew
never uses a number twice; a number is never used again within an epoch. Rows leave only by `acknowledge`, which is
cumulative like TCP. Each row carries a checksum that is looked at when it is read.
Blocks on the disk: callers go through `scribe.Scribe`. Sending is `hub_link`'s.
"""

from __future__ import annotations

import secrets
import sqlite3
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ambulance_unit import outbox_rows as rows_
from ambulance_unit.offline import room_h
from ambulance_unit.outbox_file import OutboxFile
from ambulance_unit.outbox_rows import CORRUPT as CORRUPT
from ambulance_unit.outbox_rows import ROW_BYTES_MAX as ROW_BYTES_MAX
from ambulance_unit.outbox_rows import Record as Record
from ambulance_unit.outbox_rows import Seal, Texts, encoded_body
from casebook.errors import FeedLost, RefusedInput
from casebook.link import MAX_BYTES, MAX_ROWS, OutboxRow

ASKED_KEPT = 250_000  # rows for which an idempotency key is remembered: more than 24 h at two rows a second
LIVE_ROWS = 10  # samples of the live lane that may wait at a reconnection: about 5 s of vitals and positions
LANES_MAX = 50  # beyond, samples of one more outage stay behind those of the last
MAIN = 1  # the number of the main lane; lanes begun later have higher ones


@dataclass(frozen=True, slots=True)
class Lane:
    """`stored`: rows of this epoch that reached the disk; `acked` of them are in the book."""

    id: int
    epoch: str
    stored: int
    acked: int

    @property
    def waiting(self) -> int:
        return self.stored - self.acked


@dataclass(frozen=True, slots=True)
class Counts:
    """`stored`: rows that reached the disk; `acked` of them are in the book, `waiting` are not yet."""

    stored: int
    acked: int
    waiting: int
    corrupt: int


def draw_epoch() -> str:
    return secrets.token_hex(8)


class Outbox:
    """Opens or makes the file. Raises RefusedInput: `outbox_unreadable`, `outbox_too_new`, `outbox_in_use`,
    `outbox_key_wrong`.

    `wait_s`: how long an agent that is just being stopped may still hold the file. `key`: seals what the rows say (16,
    24 or 32 bytes); a file written without one is sealed now. `reserve_bytes`: room kept on the disk for what is not
    spare. `draw` names an epoch as nothing was ever named before.
    """

    def __init__(
        self, file: Path, *, wait_s: float = 5.0, key: bytes = b"", reserve_bytes: int = 0,
        draw: Callable[[], str] = draw_epoch,
    ) -> None:  # fmt: skip
        self.file, self._draw = file, draw
        self._lock = threading.Lock()
        self._corrupt: set[tuple[str, int]] = set()
        self._seal = Seal(key) if key else None
        self._file = OutboxFile(file, wait_s, self._seal, reserve_bytes)
        self._db, self._write = self._file.db, self._file.write
        self._load()

    def _load(self) -> None:
        marks = dict(self._db.execute("SELECT name, value FROM mark"))
        self._live, self._past = int(marks.get("live", "0")), int(marks.get("past", "0"))
        self._lanes: Mapping[int, Lane] = {row[0]: Lane(*row) for row in self._db.execute("SELECT * FROM lane")}
        if not self._lanes:
            self._keep(self._write(lambda: self._begin(MAIN)))

    # --- in

    def put(self, records: Sequence[Record]) -> list[int]:
        """Write all or none; on the disk when it returns. Gives the rows' sequence numbers, each of its lane.

        Raises RefusedInput (`row_too_big`), FeedLost (`outbox_unwritable`): the disk is full or broken; or
        `outbox_kept_for_urgent`: it is nearly full, and among the records is one that is spare.
        """
        for record in records:
            encoded_body(record)
        spare = any(record.spare for record in records)
        with self._lock:
            if spare and not self._file.has_room_for_spare():
                raise FeedLost("outbox_kept_for_urgent", file=self.file.name)
            lanes, placed = dict(self._lanes), []
            for record in records:
                id = self._live if record.sample and self._live else MAIN
                lane = lanes[id]
                lanes[id] = Lane(id, lane.epoch, lane.stored + 1, lane.acked)
                placed.append((lanes[id], record))
            self._write(lambda: self._insert_all(placed), dig=not spare)
            self._lanes = lanes
        return [lane.stored for lane, _ in placed]

    def _insert_all(self, placed: Sequence[tuple[Lane, Record]]) -> None:
        for lane, record in placed:
            self._insert(lane.id, rows_.written(record, lane.epoch, lane.stored, self._seal))
            tally = "INSERT INTO tally VALUES (?, 1) ON CONFLICT (kind) DO UPDATE SET stored = stored + 1"
            self._db.execute(tally, (record.kind,))
            if record.asked:
                self._db.execute("INSERT INTO asked VALUES (?, ?)", (lane.stored, record.asked))
                self._db.execute("DELETE FROM asked WHERE seq < ?", (lane.stored - ASKED_KEPT,))
        for lane in {lane.id: lane for lane, _ in placed}.values():
            self._save(lane)

    def _insert(self, lane: int, row: Texts) -> None:
        self._db.execute("INSERT INTO row VALUES (?,?,?,?,?,?,?,?)", (lane, *row))

    # --- out

    def unacknowledged(
        self, after: int = 0, limit: int = MAX_ROWS, *, epoch: str = "", max_bytes: int = MAX_BYTES // 2
    ) -> list[OutboxRow]:
        """Rows of a lane (the main one where no epoch is named) beyond `after`, in order, at most `max_bytes` but one.

        A row whose checksum fails comes under the kind `outbox_row_corrupt` with its texts as found.
        Raises FeedLost (`outbox_unreadable_row`) when the file itself cannot be read.
        """
        lane = self.find_lane(epoch or self.epoch)
        if lane is None:
            return []
        query = "SELECT seq, at, kind, body, who, origin, checksum FROM row WHERE lane = ? AND seq > ? ORDER BY seq"
        try:
            with self._lock:
                found = self._db.execute(f"{query} LIMIT ?", (lane.id, after, limit)).fetchall()
        except sqlite3.DatabaseError as wrong:
            raise FeedLost("outbox_unreadable_row", file=self.file.name, why=str(wrong)) from wrong
        rows, size = [], 0
        for texts in found:
            size += sum(len(str(text)) for text in texts) + 100  # names and quotes of the JSON
            if rows and size > max_bytes:
                break
            rows.append(self._read(lane.epoch, Texts(*texts)))
        return rows

    def _read(self, epoch: str, row: Texts) -> OutboxRow:
        whole = rows_.read(row, epoch, self._seal)
        if whole is None:
            self._corrupt.add((epoch, row.seq))
            return rows_.as_found(row)
        return whole

    def acknowledge(self, epoch: str, through: int) -> int:
        """The book holds this epoch's rows through `through`: delete them. Returns how many that were.

        An acknowledgement of another epoch, or of rows that were never written, deletes nothing.
        """
        with self._lock:
            lane = self.find_lane(epoch)
            if lane is None or not lane.acked < through <= lane.stored:
                return 0
            after = Lane(lane.id, epoch, lane.stored, through)
            gone = self._write(lambda: self._forget(after))
            self._keep(after)
            if self._is_over(after):
                self._past += after.stored
                self._lanes = {id: one for id, one in self._lanes.items() if id != after.id}
        return gone

    def _forget(self, lane: Lane) -> int:
        gone = self._db.execute("DELETE FROM row WHERE lane = ? AND seq <= ?", (lane.id, lane.acked)).rowcount
        if self._is_over(lane):
            self._db.execute("DELETE FROM lane WHERE id = ?", (lane.id,))
            self._set_mark("past", str(self._past + lane.stored))
        else:
            self._save(lane)
        return gone

    def _is_over(self, lane: Lane) -> bool:
        """Nothing comes to a lane of history any more; when all of it is in the book it is forgotten."""
        return lane.id not in (MAIN, self._live) and lane.waiting == 0

    # --- lanes

    def begin_live(self, sent: Mapping[str, int]) -> bool:
        """Begin a lane for the samples to come where those of an outage wait; whether one was begun.

        The newest few samples go with it, if no hub can have them yet: `sent` is the highest number of each epoch that
        was ever given to a connection (an epoch that is not named: all of them).
        """
        with self._lock:
            live = self._lanes.get(self._live)
            if live is not None and (live.waiting <= LIVE_ROWS or len(self._lanes) >= LANES_MAX):
                return False
            moving = 0
            if live is not None:
                moving = min(LIVE_ROWS, live.stored - max(live.acked, sent.get(live.epoch, live.stored)))
            old, new = self._write(lambda: self._split(live, moving))
            for lane in (old, new):
                if lane is not None:
                    self._keep(lane)
            self._live = new.id
        return True

    def _split(self, live: Lane | None, moving: int) -> tuple[Lane | None, Lane]:
        id = 1 + max(self._lanes)
        lane = self._begin(id, stored=moving)
        self._set_mark("live", str(id))
        if live is None:
            return None, lane
        left = Lane(live.id, live.epoch, live.stored - moving, live.acked)
        self._save(left)
        self._move(left.id, left.stored, left.epoch, lane)
        return left, lane

    def _move(self, source: int, after: int, old_epoch: str, lane: Lane) -> None:
        """Rows of lane number `source` beyond `after` go to `lane`, numbered from 1 in their order."""
        query = "SELECT seq, at, kind, body, who, origin, checksum FROM row WHERE lane = ? AND seq > ? ORDER BY seq"
        found = self._db.execute(query, (source, after)).fetchall()
        self._db.execute("DELETE FROM row WHERE lane = ? AND seq > ?", (source, after))
        for seq, texts in enumerate(found, start=1):
            self._insert(lane.id, rows_.moved(Texts(*texts), old_epoch, lane.epoch, seq, self._seal))

    def end_live(self) -> None:
        """From now on samples go to the main lane: the hub knows one lane only. What waits stays in its lane."""
        with self._lock:
            live = self._lanes.get(self._live)
            if live is None:
                return
            self._write(lambda: self._set_mark("live", "0"))
            self._live = 0
            if live.waiting == 0:
                self._write(lambda: self._db.execute("DELETE FROM lane WHERE id = ?", (live.id,)))
                self._lanes = {id: lane for id, lane in self._lanes.items() if id != live.id}
                self._past += live.stored
                self._write(lambda: self._set_mark("past", str(self._past)))

    def renew(self, epoch: str = "") -> None:
        """Begin a new epoch in a lane (the main one where none is named) with its waiting rows renumbered from 1.

        For a hub whose book and this file no longer agree (one of them was restored from an older copy): then numbers
        may stand for different facts, and a new epoch is the only way to lose none.
        """
        with self._lock:
            lane = self.find_lane(epoch or self.epoch)
            if lane is not None:
                fresh = self._write(lambda: self._renumber(lane))
                self._past += lane.stored - fresh.stored
                self._keep(fresh)

    def _renumber(self, lane: Lane) -> Lane:
        waiting = self._db.execute("SELECT count(*) FROM row WHERE lane = ?", (lane.id,)).fetchone()[0]
        fresh = self._begin(lane.id, stored=waiting)
        self._move(lane.id, 0, lane.epoch, fresh)
        self._set_mark("past", str(self._past + lane.stored - waiting))
        return fresh

    def _begin(self, id: int, stored: int = 0) -> Lane:
        lane = Lane(id, self._draw(), stored, 0)
        self._save(lane)
        return lane

    def _save(self, lane: Lane) -> None:
        values = (lane.id, lane.epoch, lane.stored, lane.acked)
        self._db.execute("INSERT OR REPLACE INTO lane VALUES (?, ?, ?, ?)", values)

    def _keep(self, lane: Lane) -> None:
        self._lanes = {**self._lanes, lane.id: lane}

    # --- what is so

    @property
    def epoch(self) -> str:
        """Of the main lane: it names this file."""
        return self._lanes[MAIN].epoch

    @property
    def main(self) -> Lane:
        return self._lanes[MAIN]

    @property
    def live(self) -> Lane | None:
        """Where samples go; None: to the main lane."""
        return self._lanes.get(self._live)

    @property
    def history(self) -> list[Lane]:
        """Samples of outages, oldest first."""
        return [lane for id, lane in sorted(self._lanes.items()) if id not in (MAIN, self._live) and lane.waiting]

    def find_lane(self, epoch: str) -> Lane | None:
        return next((lane for lane in self._lanes.values() if lane.epoch == epoch), None)

    @property
    def counts(self) -> Counts:
        lanes = list(self._lanes.values())
        waiting = sum(lane.waiting for lane in lanes)
        stored = self._past + sum(lane.stored for lane in lanes)
        return Counts(stored, stored - waiting, waiting, len(self._corrupt))

    @property
    def room_h(self) -> int | None:
        """Hours without a hub for which the disk has room (`offline.room_h`)."""
        return room_h(self.file.parent, sealed=self._seal is not None)

    def stored_of(self, kind: str) -> int:
        """How many facts of a kind this file has ever taken."""
        row = self._db.execute("SELECT stored FROM tally WHERE kind = ?", (kind,)).fetchone()
        return row[0] if row else 0

    def find_asked(self, key: str) -> list[int]:
        """Sequence numbers written under this idempotency key, also when they are long acknowledged."""
        return [seq for (seq,) in self._db.execute("SELECT seq FROM asked WHERE key = ? ORDER BY seq", (key,))]

    def remember(self, name: str, value: str) -> None:
        """Keep a small thing of the vehicle's across a restart. Raises FeedLost (`outbox_unwritable`)."""
        with self._lock:
            self._write(lambda: self._set_mark(f"own.{name}", value))

    def recall(self, name: str) -> str:
        """What was remembered, or ""."""
        row = self._db.execute("SELECT value FROM mark WHERE name = ?", (f"own.{name}",)).fetchone()
        return row[0] if row else ""

    def close(self) -> None:
        with self._lock:
            self._file.close()

    def _set_mark(self, name: str, value: str) -> None:
        self._db.execute("INSERT OR REPLACE INTO mark VALUES (?, ?)", (name, value))


def open_or_set_aside(file: Path, *, key: bytes = b"", reserve_bytes: int = 0) -> tuple[Outbox, Path | None]:
    """The outbox; a file that is damaged beyond opening is kept under another name, which is returned, and a new one
    is made: a vehicle must go on working. Raises RefusedInput when the file is in use, newer than this program, or
    sealed with another key."""
    try:
        return Outbox(file, key=key, reserve_bytes=reserve_bytes), None
    except RefusedInput as wrong:
        if wrong.key != "outbox_unreadable":
            raise
    aside = file.with_name(f"{file.name}.broken-{secrets.token_hex(4)}")
    for ending in ("", "-wal", "-shm"):
        part = file.with_name(file.name + ending)
        if part.exists():
            part.rename(aside.with_name(aside.name + ending))
    return Outbox(file, key=key, reserve_bytes=reserve_bytes), aside
