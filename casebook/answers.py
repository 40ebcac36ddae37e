"""Do what was asked once for each idempotency key, and give the same answer again to whoever asks with it again.

Answers are kept for a day and more: in memory, in a file over a restart, or where several hubs find them
(casebook/store/shared_answers.py). A key belongs to one asker and one command. A refusal is not kept: it had no effect,
and may be asked again. What an ask does is its desk's.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import sqlite3
import threading
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

import msgspec

from casebook.clock import Clock
from casebook.errors import FeedLost, RefusedInput

log = logging.getLogger(__name__)
KEPT = timedelta(
    hours=48
)  # at least the 24 h in which a client may still repeat itself, also around midnight and zones
KEY_MAX = 200  # characters of a key
_SCHEMA = """
CREATE TABLE IF NOT EXISTS answer (key TEXT PRIMARY KEY, at TEXT NOT NULL, what TEXT NOT NULL, answer TEXT NOT NULL)
STRICT;
CREATE INDEX IF NOT EXISTS answer_at ON answer (at);
"""


def what_of(ask: str, who: str, body: bytes) -> str:
    """The one thing that a key stands for: this ask, by this person, in these words."""
    return hashlib.sha256(msgspec.json.encode([ask, who, hashlib.sha256(body).hexdigest()])).hexdigest()


class AnswerShelf(Protocol):
    """Where answers are kept. May keep one waiting: asked from a thread."""

    def find(self, key: str) -> tuple[str, str] | None:
        """(what the key stands for, the answer as JSON)."""
        ...

    def keep(self, key: str, what: str, answer: str, at: str, before: str) -> None:
        """Keep this one, of the instant `at`, and forget what is older than `before` (ISO 8601, UTC)."""
        ...

    def close(self) -> None: ...


class FileShelf:
    """`file` None: in memory. Raises RefusedInput (`answers_unreadable`) when the file is no such file."""

    def __init__(self, file: Path | None = None) -> None:
        self._lock = threading.Lock()
        if file is not None:
            file.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(file or ":memory:", isolation_level=None, check_same_thread=False)
        try:
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")
            self._db.executescript(_SCHEMA)
        except sqlite3.DatabaseError as wrong:
            self._db.close()
            raise RefusedInput("answers_unreadable", file=file.name if file else "", why=str(wrong)) from wrong

    def find(self, key: str) -> tuple[str, str] | None:
        with self._lock:
            return self._db.execute("SELECT what, answer FROM answer WHERE key = ?", (key,)).fetchone()

    def keep(self, key: str, what: str, answer: str, at: str, before: str) -> None:
        with self._lock:
            self._db.execute("INSERT OR REPLACE INTO answer VALUES (?, ?, ?, ?)", (key, at, what, answer))
            self._db.execute("DELETE FROM answer WHERE at < ?", (before,))

    def close(self) -> None:
        with self._lock:
            self._db.close()


class Answers:
    """On a `shelf`, else in the file, else in memory. Raises what FileShelf raises."""

    def __init__(self, clock: Clock, file: Path | None = None, shelf: AnswerShelf | None = None) -> None:
        self._clock, self._shelf = clock, shelf or FileShelf(file)
        self._running: dict[str, tuple[str, asyncio.Task[tuple[Any, bool]]]] = {}

    async def once(self, key: str, what: str, work: Callable[[], Awaitable[Any]]) -> tuple[Any, bool]:
        """(the answer, whether it was given before). Who asks while the first is at work waits for the first's answer.

        Raises what `work` raises, RefusedInput (`key_used_otherwise`, `bad_field`), FeedLost where answers lie on a
        server that is silent.
        """
        if not key:
            return await work(), False
        if len(key) > KEY_MAX:
            raise RefusedInput(
                "bad_field", where="Idempotency-Key", field="header", why=f"more than {KEY_MAX} characters"
            )
        known, task = self._running.get(key, ("", None))
        if task is not None:
            _must_be(known, what, key)
            return (await asyncio.shield(task))[0], True
        task = asyncio.ensure_future(self._do(key, what, work))
        self._running[key] = (what, task)
        task.add_done_callback(lambda done: self._running.pop(key, None))
        return await asyncio.shield(task)  # whoever asked may hang up: what was begun is done and kept

    async def _do(self, key: str, what: str, work: Callable[[], Awaitable[Any]]) -> tuple[Any, bool]:
        if (found := await asyncio.to_thread(self._shelf.find, key)) is not None:
            _must_be(found[0], what, key)
            return msgspec.json.decode(found[1]), True
        answer = await work()
        now = self._clock.now()
        words = what, msgspec.json.encode(answer).decode(), _text(now), _text(now - KEPT)
        try:
            await asyncio.to_thread(self._shelf.keep, key, *words)
        except (sqlite3.DatabaseError, FeedLost) as wrong:
            log.warning("an answer could not be kept: %s", wrong)  # what was asked is done, and its facts bear the key
        return answer, False

    def close(self) -> None:
        self._shelf.close()


def _must_be(known: str, what: str, key: str) -> None:
    if known != what:
        raise RefusedInput("key_used_otherwise", used=key)


def _text(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds")
