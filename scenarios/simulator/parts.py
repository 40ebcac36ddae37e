"""What a simulated run is made of: the product's own classes, or a broken one in the place of one of them.

The checker is proven with broken ones; see the tests.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from ambulance_unit.outbox import Outbox
from casebook.answers import Answers
from casebook.book import Book
from casebook.errors import FeedLost
from casebook.holds.granting import Page
from casebook.holds.store import Stand
from casebook.live import Feed
from scenarios.simulator.disks import FrameLog


class SharedShelf:
    """The store of holds that all hubs share (casebook/holds/store.py): each change one conditional write.

    It answers late, or, while it is `silent`, not at all, and then whoever asked does not know what became of it.
    """

    def __init__(self, rng: Random, way_s: float) -> None:
        self._rng, self._way_s, self._pages = rng, way_s, dict[Page, Stand]()
        self.silent = False
        self.changed: Callable[[Page, Stand], None] = lambda page, stand: None

    async def read(self, pages: Sequence[Page]) -> dict[Page, Stand]:
        await self._way()
        found = {page: self._pages[page] for page in (pages or self._pages) if page in self._pages}
        await self._way()
        return found

    async def swap(self, changes: Mapping[Page, Stand]) -> set[Page]:
        await self._way()
        written = {page for page, (seq, _) in changes.items() if self.may_write(page, seq)}
        self._pages |= {page: changes[page] for page in written}
        for page in sorted(written):
            self.changed(page, changes[page])
        await self._way()
        return written

    def may_write(self, page: Page, seq: int) -> bool:
        """Whether nobody has changed the page since it was read."""
        return self._pages.get(page, (0, ()))[0] == seq - 1

    async def close(self) -> None:
        return

    async def _way(self) -> None:
        await asyncio.sleep(self._rng.uniform(0.0, self._way_s))
        if self.silent:
            await asyncio.sleep(1.0)
            raise FeedLost("hold_store_silent", where="shelf", why="silent")


# for an ASGI application: what makes the protocol for each connection to it
Server = Callable[[Any], Callable[[], asyncio.Protocol]]


@dataclass(frozen=True, slots=True)
class Parts:
    """`server`: the front door's (aboard/serving.py), which this room may not import."""

    server: Server
    log: type[FrameLog] = FrameLog
    book: type[Book] = Book
    feed: type[Feed] = Feed
    shelf: type[SharedShelf] = SharedShelf
    outbox: type[Outbox] = Outbox
    answers: type[Answers] = Answers
