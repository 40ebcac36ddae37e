"""Who is there of the hubs of one store, at which address, and which of them thinks for all.

Every hub decides what it is asked, and what is due; which of them does it makes no difference. Answering crews takes
routes, which take time: one hub does it, the leader, by a lease in the store. One that falls silent loses it.
"""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass

from casebook.store.postgres_log import PostgresLog

LEASE_S = 5  # wall seconds, of the server's clock, after which a silent hub counts as gone
BEAT_S = 1.5  # wall seconds between two signs of life
HERE_I_AM = """
INSERT INTO hub (name, url, until) VALUES ($1, $2, now() + $3 * interval '1 second')
ON CONFLICT (name) DO UPDATE SET url = excluded.url, until = excluded.until
"""
LEAD = """
INSERT INTO lead (one, hub, until) VALUES (true, $1, now() + $2 * interval '1 second')
ON CONFLICT (one) DO UPDATE SET hub = excluded.hub, until = excluded.until
WHERE lead.hub = excluded.hub OR lead.until < now() RETURNING hub
"""
FORGET = "DELETE FROM hub WHERE until < now()"
THERE = "SELECT name, url FROM hub ORDER BY name"


@dataclass(frozen=True, slots=True)
class Peer:
    """A hub that is there; `url` is empty until it listens."""

    name: str
    url: str


class Peers:
    """The hubs of a store as one of them knows them. `url`: where this one is reached, told once it listens."""

    def __init__(self, log: PostgresLog, name: str = "") -> None:
        self._log, self.name, self.url = log, name or secrets.token_hex(4), ""
        self._leads_until_s = 0.0
        self._there: tuple[Peer, ...] = ()

    @property
    def leads(self) -> bool:
        """Whether this hub thinks for all: never after its lease has run out, whether or not it could be renewed."""
        return time.monotonic() < self._leads_until_s

    @property
    def there(self) -> tuple[Peer, ...]:
        """All hubs that gave a sign of life lately, this one among them."""
        return self._there

    @property
    def addresses(self) -> tuple[str, ...]:
        """Where hubs are reached, this one first."""
        return tuple(dict.fromkeys(filter(None, (self.url, *(one.url for one in self._there)))))

    def beat(self) -> None:
        """Give a sign of life, take or renew the lead, hear who is there. Waits for the server. Raises FeedLost."""
        asked_s = time.monotonic()  # before asking: the lease that we believe in ends before the store's does
        self._log.ask(lambda pool: pool.execute(HERE_I_AM, self.name, self.url, LEASE_S))
        led = self._log.ask(lambda pool: pool.fetchval(LEAD, self.name, LEASE_S)) is not None
        self._leads_until_s = asked_s + LEASE_S if led else 0.0
        self._log.ask(lambda pool: pool.execute(FORGET))
        self._there = tuple(Peer(*row) for row in self._log.ask(lambda pool: pool.fetch(THERE)))

    def leave(self) -> None:
        """Say goodbye, so that another leads at once. Waits for the server. Raises FeedLost."""
        self._leads_until_s = 0.0
        self._log.ask(lambda pool: pool.execute("DELETE FROM lead WHERE hub = $1", self.name))
        self._log.ask(lambda pool: pool.execute("DELETE FROM hub WHERE name = $1", self.name))
