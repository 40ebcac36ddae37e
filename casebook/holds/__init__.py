"""Holds that several hubs share: who wins a slot (`granting`), by one conditional write (`store`), kept on a shelf.

A hub alone needs none of it: there the claims of its own log decide (casebook/log.py). How a hub's book and the
shared store go together is `booking`.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from casebook.errors import RefusedInput
from casebook.holds.granting import Held as Held
from casebook.holds.granting import Lease as Lease
from casebook.holds.granting import Lost as Lost
from casebook.holds.granting import Page as Page
from casebook.holds.granting import Wanted as Wanted
from casebook.holds.store import HoldStore as HoldStore


async def open_holds(url: str) -> HoldStore:
    """The store behind a URL: `sqlite:///folder/holds.sqlite` (four slashes for a path from the root), `postgresql://`.

    Raises RefusedInput (`hold_store_unknown`), FeedLost (`hold_store_silent`).
    """
    parts = urlsplit(url)
    if parts.scheme == "sqlite" and len(parts.path) > 1:
        from casebook.holds.sqlite_shelf import SqliteShelf

        return HoldStore(SqliteShelf(Path(parts.path[1:])))
    if parts.scheme in ("postgresql", "postgres"):
        from casebook.holds.postgres_shelf import PostgresShelf

        return HoldStore(await PostgresShelf.open(url))
    raise RefusedInput("hold_store_unknown", scheme=parts.scheme or url[:20])
