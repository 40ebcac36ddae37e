"""The desk that hears what other hubs hold, so that plans reckon with it before they are made. Asked for nothing."""

from __future__ import annotations

import contextlib

from casebook import events as e
from casebook.book import Book
from casebook.capacity import Hold
from casebook.desks import DESK
from casebook.errors import FeedLost
from casebook.holds.booking import SharedHolds
from casebook.picture import Picture


class HoldWatch:
    """Looks once for each `react`; whoever runs it says how often."""

    def __init__(self, book: Book, holds: SharedHolds) -> None:
        self._book, self._holds = book, holds

    async def react(self) -> None:
        """Write what is new. A store that does not answer is no news; who then wants a hold is told so.

        What the book was told of other hubs, or won and gave back itself, while the store was read is newer than what
        was read: looked at next time.
        """
        now, known = self._book.clock.now(), _held(self._book.picture)

        def news(newest: Picture) -> list[e.HoldSeen]:
            return self._holds.news(held, newest, now) if _held(newest) == known else []

        with contextlib.suppress(FeedLost):
            held = await self._holds.store.list_held(now)
            await self._book.write(news, DESK)


def _held(picture: Picture) -> set[Hold]:
    return set(picture.holds.values())
