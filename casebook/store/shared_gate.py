"""Keep the badges of several hubs in their store: a link that one of them has issued is good at all of them.

What a badge allows is casebook/access.py's.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import msgspec

from casebook.access import Badge, Gate
from casebook.store.postgres_log import PostgresLog

SHARED = ".shared"  # added to the name of a hub's own file of badges once the store has them
NAME = "SELECT count(*), coalesce(sum(hashtext(hash || badge)), 0) FROM badge"  # changes with every badge
KEEP = """
INSERT INTO badge (hash, badge) SELECT * FROM unnest($1::text[], $2::text[])
ON CONFLICT (hash) DO UPDATE SET badge = excluded.badge
"""


class SharedGate(Gate):
    """`file`: where a hub that was alone kept its badges; they are taken over once. Raises FeedLost (`log_silent`)."""

    def __init__(self, log: PostgresLog, file: Path | None = None) -> None:
        super().__init__(file)
        own, self._log, self._file = self._badges, log, None
        self._stored: dict[str, Badge] = {}
        self._name: tuple[int, int] | None = None
        self.refresh()
        if own:
            self._badges = own | self._badges
            self._save()
        if file is not None and file.exists():
            file.replace(file.with_name(file.name + SHARED))

    def refresh(self) -> None:
        """Learn what other hubs have issued and revoked. Waits for the server: not for the loop of a hub."""
        name = tuple(self._log.ask(lambda pool: pool.fetchrow(NAME)))
        if name != self._name:
            rows = self._log.ask(lambda pool: pool.fetch("SELECT hash, badge FROM badge"))
            self._stored = {row[0]: msgspec.json.decode(row[1], type=Badge) for row in rows}
            self._badges, self._name = dict(self._stored), name

    def _save(self) -> None:
        fresh = {key: badge for key, badge in self._badges.items() if self._stored.get(key) != badge}
        gone = [key for key in self._stored if key not in self._badges]
        texts = [msgspec.json.encode(asdict(badge)).decode() for badge in fresh.values()]
        if fresh:
            self._log.ask(lambda pool: pool.execute(KEEP, list(fresh), texts))
        if gone:
            self._log.ask(lambda pool: pool.execute("DELETE FROM badge WHERE hash = ANY($1::text[])", gone))
        self._stored, self._name = dict(self._badges), None  # read again: others may have written in between
