"""The desk that hears what other hubs hold, so that plans reckon with it before they are made. Asked for nothing."""

from __future__ import annotations

import contextlib

from casebook.book import Book
from casebook.desks import DESK
from casebook.errors import FeedLost
from casebook.holds.booking import SharedHolds


class HoldWatch:
    """Looks once for each `react`; whoever runs it says how often."""

    def __init__(self, book: Book, holds: SharedHolds) -> None:
        self._book, self._holds = book, holds

    async def react(self) -> None:
        """Write what is new. A store that does not answer is no news; who then wants a hold is told so."""
        now = self._book.clock.now()
        with contextlib.suppress(FeedLost):
            held = await self._holds.store.list_held(now)
            await self._book.write(lambda picture: self._holds.news(held, picture, now), DESK)
