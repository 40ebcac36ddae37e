"""The formats of the event stores, numbered: one step per number and store, in order, each in one transaction.

A number means the same in both stores. A step that was released is never changed; a new one is added. A store with a
higher number than is known here was written by a newer program and is refused by whoever opens it.
"""

from __future__ import annotations

_SQLITE_1 = """
CREATE TABLE entry (
    seq INTEGER PRIMARY KEY, kind TEXT NOT NULL, version INTEGER NOT NULL, body TEXT NOT NULL,
    at TEXT NOT NULL, recorded_at TEXT NOT NULL, role TEXT NOT NULL, who TEXT NOT NULL, origin TEXT NOT NULL,
    unit TEXT, epoch TEXT, unit_seq INTEGER, asked TEXT NOT NULL, prev TEXT NOT NULL, hash TEXT NOT NULL,
    UNIQUE (unit, epoch, unit_seq)
) STRICT;
CREATE INDEX entry_asked ON entry (asked) WHERE asked <> '';
CREATE TABLE claim (key TEXT PRIMARY KEY, holder TEXT NOT NULL, until TEXT NOT NULL) STRICT;
"""
_SQLITE_2 = """
CREATE TABLE checkpoint (
    seq INTEGER PRIMARY KEY, hash TEXT NOT NULL, at TEXT NOT NULL, signer TEXT NOT NULL, signature TEXT NOT NULL
) STRICT;
"""
# Bodies and instants are text, not jsonb and timestamptz: the hash is over what was written, to the letter.
_POSTGRES_1 = """
CREATE TABLE entry (
    seq bigint PRIMARY KEY, kind text NOT NULL, version integer NOT NULL, body text NOT NULL,
    at text NOT NULL, recorded_at text NOT NULL, role text NOT NULL, who text NOT NULL, origin text NOT NULL,
    unit text, epoch text, unit_seq bigint, asked text NOT NULL, prev text NOT NULL, hash text NOT NULL UNIQUE,
    UNIQUE (unit, epoch, unit_seq)
);
CREATE INDEX entry_asked ON entry (asked) WHERE asked <> '';
CREATE TABLE claim (key text PRIMARY KEY, holder text NOT NULL, until text NOT NULL);
"""
_POSTGRES_2 = """
CREATE TABLE checkpoint (
    seq bigint PRIMARY KEY, hash text NOT NULL, at text NOT NULL, signer text NOT NULL, signature text NOT NULL
);
"""
SQLITE = {1: _SQLITE_1, 2: _SQLITE_2}
POSTGRES = {1: _POSTGRES_1, 2: _POSTGRES_2}
NEWEST = max(SQLITE)
WITH_CHECKPOINTS = 2  # the number from which on there is a table of checkpoints


def steps_from(version: int, steps: dict[int, str]) -> list[tuple[int, str]]:
    """What is to be done to a store of this number, in order; nothing where it is the newest."""
    return [(number, steps[number]) for number in sorted(steps) if number > version]
