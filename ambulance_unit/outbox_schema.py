"""The outbox's file: its tables, how an older file becomes a newer one, and whether a key fits it.

Nothing is lost on the way: rows that wait keep their epoch and number. What rows mean is `outbox_rows`'s.
"""

from __future__ import annotations

import sqlite3

from ambulance_unit.outbox_rows import Seal, Texts, sealed_now
from casebook.errors import RefusedInput

SCHEMA_VERSION = 2
_ROWS = """
CREATE TABLE lane (id INTEGER PRIMARY KEY, epoch TEXT NOT NULL UNIQUE, stored INTEGER NOT NULL, acked INTEGER NOT NULL)
STRICT;
CREATE TABLE row (
    lane INTEGER NOT NULL, seq INTEGER NOT NULL, at TEXT NOT NULL, kind TEXT NOT NULL, body TEXT NOT NULL,
    who TEXT NOT NULL, origin TEXT NOT NULL, checksum INTEGER NOT NULL, PRIMARY KEY (lane, seq)
) STRICT, WITHOUT ROWID;
"""
_REST = """
CREATE TABLE mark (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE asked (seq INTEGER NOT NULL, key TEXT NOT NULL, PRIMARY KEY (key, seq)) STRICT;
CREATE TABLE tally (kind TEXT PRIMARY KEY, stored INTEGER NOT NULL) STRICT;
"""
# Version 1 knew one lane; its rows, number by number, are the main lane of version 2.
_FROM_1 = f"""
ALTER TABLE row RENAME TO row_1;
{_ROWS}
INSERT INTO row SELECT 1, seq, at, kind, body, who, origin, checksum FROM row_1;
INSERT INTO lane SELECT 1, epoch.value, stored.value, acked.value FROM mark epoch, mark stored, mark acked
WHERE epoch.name = 'epoch' AND stored.name = 'stored' AND acked.name = 'acked';
DELETE FROM mark WHERE name IN ('epoch', 'stored', 'acked');
DROP TABLE row_1;
"""
_KEY_CHECK, _KEY_PLACE, _KEY_TEXT = "key_check", "key", "aboard outbox"


def prepare(db: sqlite3.Connection, name: str) -> None:
    """Take the file for this process alone, and bring it to this version. Raises RefusedInput, DatabaseError."""
    db.execute("PRAGMA locking_mode=EXCLUSIVE")  # two agents on one outbox would mix two vehicles
    version = db.execute("PRAGMA user_version").fetchone()[0]
    if version > SCHEMA_VERSION:
        raise RefusedInput("outbox_too_new", file=name, version=version, known=SCHEMA_VERSION)
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=FULL")
    db.execute("PRAGMA fullfsync=1")  # macOS: to the platter, not to the drive's cache
    db.execute("PRAGMA secure_delete=1")  # what was acknowledged does not stay readable in free pages
    if version < SCHEMA_VERSION:
        _upgrade(db, version)
    sound = db.execute("PRAGMA quick_check(1)").fetchone()[0]
    if sound != "ok":
        raise RefusedInput("outbox_unreadable", file=name, why=sound)


def _upgrade(db: sqlite3.Connection, version: int) -> None:
    steps = _ROWS + _REST if version == 0 else _FROM_1
    try:
        db.executescript(f"BEGIN IMMEDIATE; {steps} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;")
    except sqlite3.DatabaseError:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


def check_seal(db: sqlite3.Connection, name: str, seal: Seal | None) -> None:
    """Whether the key is this file's; a file without one gets it. Raises RefusedInput (`outbox_key_wrong`)."""
    found = db.execute("SELECT value FROM mark WHERE name = ?", (_KEY_CHECK,)).fetchone()
    if found is None and seal is not None:
        _seal_all(db, seal)
    elif found is not None:
        try:
            fits = seal is not None and seal.open(_KEY_PLACE, found[0]) == _KEY_TEXT
        except ValueError:
            fits = False
        if not fits:
            raise RefusedInput("outbox_key_wrong", file=name)


def _seal_all(db: sqlite3.Connection, seal: Seal) -> None:
    """Seal what was written without a key, and leave nothing of it in the log of the file."""
    db.execute("BEGIN IMMEDIATE")
    query = "SELECT lane, epoch, seq, at, kind, body, who, origin, checksum FROM row JOIN lane ON lane.id = row.lane"
    for lane, epoch, *texts in db.execute(query).fetchall():
        row = sealed_now(Texts(*texts), epoch, seal)
        change = "UPDATE row SET body = ?, who = ?, checksum = ? WHERE lane = ? AND seq = ?"
        db.execute(change, (row.body, row.who, row.checksum, lane, row.seq))
    db.execute("INSERT INTO mark VALUES (?, ?)", (_KEY_CHECK, seal.close(_KEY_PLACE, _KEY_TEXT)))
    db.execute("COMMIT")
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
