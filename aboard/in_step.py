"""Keep a hub in step with the others of its store: fold what they wrote, give signs of life, know their badges.

The store is asked again and again, so that nothing but the store is needed; the bus only tells when to ask at once.
Decides nothing: what is folded is casebook/book.py's, who leads casebook/store/peers.py's.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from aboard.health.metrics import Together
from casebook.book import Book
from casebook.bus import Bus
from casebook.bus.elsewhere import Elsewhere
from casebook.errors import FeedLost
from casebook.store.peers import BEAT_S, Peers
from casebook.store.shared_gate import SharedGate
from casebook.vehicle_links import VehicleLinks

log = logging.getLogger(__name__)
FOLLOW_S = 0.5  # wall seconds between two looks for what other hubs wrote, while nobody says that there is something
SAY_S = 0.01  # wall seconds in which commits are gathered before others are told how far the log is
COMMITTED = "committed"  # the topic


class InStep:
    """One of several hubs. `works` are to be run for as long as it runs, `leave` at the end of it."""

    def __init__(self, book: Book, peers: Peers, gate: SharedGate, bus: Bus) -> None:
        self._book, self.peers, self._gate, self.bus = book, peers, gate, bus
        self._news, self._written = asyncio.Event(), asyncio.Event()
        self._known = book.picture.seq  # how far the others know the log to be, or told us
        self._silent: set[str] = set()
        self._elsewhere: Elsewhere | None = None
        bus.listen(COMMITTED, self._hear_of)
        book.listen(lambda entries: self._written.set())

    def watch_twins(self, links: VehicleLinks) -> None:
        """Ask the other hubs before a vehicle is let in."""
        self._elsewhere = Elsewhere(self.bus, self.peers.name, lambda: [one.name for one in self.peers.there], links)
        links.elsewhere = self._elsewhere.has_twin

    @property
    def works(self) -> tuple[Callable[[], Coroutine[Any, Any, None]], ...]:
        tell = (self._elsewhere.tell_now_and_then,) if self._elsewhere else ()
        return (self._follow, self._give_signs, self._say_how_far, self.bus.run, *tell)

    def _hear_of(self, words: bytes) -> None:
        count = int(words)
        self._known = max(self._known, count)
        if count > self._book.picture.seq:
            self._news.set()

    async def _say_how_far(self) -> None:
        """Tell the others how far the log is. From what stands in it: a wiped bus is told the next time."""
        while True:
            await self._written.wait()
            await asyncio.sleep(SAY_S)
            self._written.clear()
            if (count := self._book.picture.seq) > self._known:
                self._known = count
                self.bus.tell(COMMITTED, str(count).encode())

    def seen(self) -> Together:
        return Together(len(self.peers.there), self.peers.leads, self.bus.is_up)

    async def leave(self) -> None:
        with contextlib.suppress(FeedLost):  # then the lease runs out by itself
            await asyncio.to_thread(self.peers.leave)
        await self.bus.close()

    async def _follow(self) -> None:
        while True:
            self._news.clear()
            await self._told("follow", self._book.catch_up())
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(FOLLOW_S):
                    await self._news.wait()

    async def _give_signs(self) -> None:
        while True:
            await self._told("beat", asyncio.to_thread(self.peers.beat))
            await self._told("badges", asyncio.to_thread(self._gate.refresh))
            await asyncio.sleep(BEAT_S)

    async def _told(self, what: str, work: Awaitable[None]) -> None:
        """A store that is silent is told once, and once when it is there again."""
        try:
            await work
        except FeedLost as wrong:
            if what not in self._silent:
                log.warning("%s: %s", what, wrong)
            self._silent.add(what)
            return
        if what in self._silent:
            self._silent.discard(what)
            log.warning("%s: the store answers again", what)
