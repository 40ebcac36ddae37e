"""What every desk is to whoever runs it: it can be asked, and it does by itself what is its own to do."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Protocol, runtime_checkable

from casebook import events as e
from casebook.asking import Ask
from casebook.book import Book
from casebook.errors import AlreadyHeld, IllegalStep
from casebook.log import By
from casebook.picture import Picture

DESK = By("desk", "hub", "desk")


class Desk(Protocol):
    """`due` is pure and looks at the picture only, so that a restarted hub goes on where the old one stopped."""

    def asks(self) -> Sequence[Ask]: ...

    def due(self, picture: Picture, now: datetime) -> Iterable[e.Event]: ...


@runtime_checkable
class Thinker(Protocol):
    """A desk that must think outside the book (routes take time) before it can write."""

    async def react(self) -> None: ...


async def look_after(book: Book, desk: Desk) -> None:
    """Let one desk do what is due: first what needs thinking, then its own facts in one batch."""
    if isinstance(desk, Thinker):
        await desk.react()
    if list(desk.due(book.picture, book.clock.now())):
        with contextlib.suppress(IllegalStep, AlreadyHeld):  # the picture moved meanwhile: the next look decides again
            await book.write(lambda picture: desk.due(picture, book.clock.now()), DESK)
