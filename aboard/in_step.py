"""Keep a hub in step with the others of its store: fold what they wrote, give signs of life, know their badges.

The store is asked again and again, so that nothing but the store is needed. Decides nothing: what is folded is
casebook/book.py's, who leads casebook/store/peers.py's.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from casebook.book import Book
from casebook.errors import FeedLost
from casebook.store.peers import BEAT_S, Peers
from casebook.store.shared_gate import SharedGate

log = logging.getLogger(__name__)
FOLLOW_S = 0.5  # wall seconds between two looks for what other hubs wrote, while nobody says that there is something


class InStep:
    """One of several hubs. `works` are to be run for as long as it runs, `leave` at the end of it."""

    def __init__(self, book: Book, peers: Peers, gate: SharedGate) -> None:
        self._book, self.peers, self._gate = book, peers, gate
        self._news = asyncio.Event()
        self._silent: set[str] = set()

    @property
    def works(self) -> tuple[Callable[[], Coroutine[Any, Any, None]], ...]:
        return self._follow, self._give_signs

    def hear_of(self, count: int) -> None:
        """Somebody says that the log has so many entries now."""
        if count > self._book.picture.seq:
            self._news.set()

    async def leave(self) -> None:
        with contextlib.suppress(FeedLost):  # then the lease runs out by itself
            await asyncio.to_thread(self.peers.leave)

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
