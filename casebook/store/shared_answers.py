"""Keep the answers of commands in PostgreSQL, so that a command repeated at another hub has the same answer.

When an answer is looked for and kept is casebook/answers.py's.
"""

from __future__ import annotations

from casebook.store.postgres_log import PostgresLog

FIND = "SELECT what, answer FROM answer WHERE key = $1"
# Two hubs that were asked at the same moment wrote the same facts, once; the first answer is the one that is repeated.
KEEP = "INSERT INTO answer (key, what, answer, at) VALUES ($1, $2, $3, $4) ON CONFLICT (key) DO NOTHING"
FORGET = "DELETE FROM answer WHERE at < $1"


class SharedAnswers:
    """An AnswerShelf in the database of the book. Raises FeedLost (`log_silent`)."""

    def __init__(self, log: PostgresLog) -> None:
        self._log = log

    def find(self, key: str) -> tuple[str, str] | None:
        if "\0" in key:
            return None  # PostgreSQL has no such text, so nothing was kept under it
        row = self._log.ask(lambda pool: pool.fetchrow(FIND, key))
        return (row[0], row[1]) if row else None

    def keep(self, key: str, what: str, answer: str, at: str, before: str) -> None:
        self._log.ask(lambda pool: pool.execute(FORGET, before))
        self._log.ask(lambda pool: pool.execute(KEEP, key, what, answer, at))

    def close(self) -> None:
        """Nothing: the connections are the log's."""
