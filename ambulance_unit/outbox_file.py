"""The outbox's SQLite file (WAL, synchronous=FULL): opened for one process alone, written in whole transactions.

Where the disk is full it makes what room it can. What is written is `outbox`'s.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from ambulance_unit.outbox_rows import Seal
from ambulance_unit.outbox_schema import check_seal, prepare
from ambulance_unit.reserve import Reserve
from casebook.errors import FeedLost, RefusedInput

LOG_PAGES, LOG_PAGES_TIGHT = 1000, 32  # of the write-ahead log before its rows go into the file; 1000 is SQLite's own
FULL = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR)
Done = TypeVar("Done")


class OutboxFile:
    """`db` is its connection. Raises RefusedInput: `outbox_unreadable`, `outbox_too_new`, `outbox_in_use`,
    `outbox_key_wrong`."""

    def __init__(self, file: Path, wait_s: float, seal: Seal | None, reserve_bytes: int) -> None:
        self.file = file
        file.parent.mkdir(parents=True, exist_ok=True)
        fresh = not file.exists()
        self.db = sqlite3.connect(file, isolation_level=None, check_same_thread=False, timeout=wait_s)
        self.db.text_factory = lambda raw: raw.decode("utf-8", "replace")  # the checksum tells of a damaged text
        try:
            prepare(self.db, file.name)
            check_seal(self.db, file.name, seal)
        except sqlite3.DatabaseError as wrong:
            self.db.close()
            said = "outbox_in_use" if "locked" in str(wrong) else "outbox_unreadable"
            raise RefusedInput(said, file=file.name, why=str(wrong)) from wrong
        except RefusedInput:
            self.db.close()
            raise
        self._reserve = Reserve(file.with_name(f"{file.name}.reserve"), reserve_bytes)
        self._shorten_log()
        if fresh:
            _sync_folder(file.parent)

    def close(self) -> None:
        self.db.close()

    def write(self, work: Callable[[], Done], *, dig: bool = True) -> Done:
        """Do it in one transaction. Where the disk is full, empty the write-ahead log and try again; then, with `dig`,
        throw off the reserve and try again. Raises FeedLost (`outbox_unwritable`)."""
        for make_room in (self._empty_log, self._dig if dig else None, None):
            try:
                return self._in_transaction(work)
            except sqlite3.DatabaseError as wrong:
                full = getattr(wrong, "sqlite_errorcode", 0) & 0xFF in FULL
                if not full or make_room is None or not make_room():
                    raise FeedLost("outbox_unwritable", file=self.file.name, why=str(wrong)) from wrong
        raise AssertionError("the last attempt returns or raises")

    def has_room_for_spare(self) -> bool:
        """Whether the reserve is there, or can be taken on again by now."""
        if not self._reserve.intact and self._reserve.restore():
            self._shorten_log()
        return self._reserve.intact

    def _in_transaction(self, work: Callable[[], Done]) -> Done:
        self.db.execute("BEGIN IMMEDIATE")
        try:
            done = work()
            self.db.execute("COMMIT")
            return done
        except BaseException:
            if self.db.in_transaction:
                self.db.execute("ROLLBACK")
            raise

    def _dig(self) -> bool:
        if not self._reserve.release():
            return False
        self._shorten_log()
        return self._empty_log()

    def _shorten_log(self) -> None:
        """Without a reserve the log must stay short: it would take all that was freed."""
        self.db.execute(f"PRAGMA wal_autocheckpoint={LOG_PAGES if self._reserve.intact else LOG_PAGES_TIGHT}")

    def _empty_log(self) -> bool:
        """Move the log's rows into the file, so that the log's room is free. What cannot be moved stays in the log."""
        with contextlib.suppress(sqlite3.DatabaseError):
            self.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return True


def _sync_folder(folder: Path) -> None:
    """A new file is only there after its folder was flushed too."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
