"""Make the tables that several hubs of one PostgreSQL store share beside the book: answers, badges, who is there.

They are no part of the record and have no number in its format: a hub of an earlier version goes on beside them.
"""

from __future__ import annotations

from casebook.store.postgres_log import PostgresLog
from casebook.store.postgres_pen import HERE, MAKING

_TABLES = """
CREATE TABLE IF NOT EXISTS answer (key text PRIMARY KEY, at text NOT NULL, what text NOT NULL, answer text NOT NULL);
CREATE INDEX IF NOT EXISTS answer_at ON answer (at);
CREATE TABLE IF NOT EXISTS badge (hash text PRIMARY KEY, badge text NOT NULL);
CREATE TABLE IF NOT EXISTS hub (name text PRIMARY KEY, url text NOT NULL, until timestamptz NOT NULL);
CREATE TABLE IF NOT EXISTS lead (one boolean PRIMARY KEY CHECK (one), hub text NOT NULL, until timestamptz NOT NULL);
"""


def make_shared_tables(log: PostgresLog) -> None:
    """One hub at a time, each once. Raises FeedLost."""
    statements = f"SELECT pg_advisory_xact_lock({MAKING}, {HERE}); {_TABLES}"
    log.ask(lambda pool: pool.execute(statements))
