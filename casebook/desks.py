"""What every desk is to whoever runs it: it can be asked, and it does by itself what is its own to do."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, runtime_checkable

from casebook import events as e
from casebook.asking import Ask
from casebook.book import Book
from casebook.errors import AlreadyHeld, IllegalStep
from casebook.log import By
from casebook.picture import Picture

DESK = By("desk", "hub", "desk")


@dataclass(frozen=True, slots=True)
class Due:
    """Facts that follow by themselves, and the instant at which they fell due."""

    at: datetime
    facts: tuple[e.Event, ...]


class Desk(Protocol):
    """`due` is pure and looks at the picture only, so that a restarted hub goes on where the old one stopped."""

    def asks(self) -> Sequence[Ask]: ...

    def due(self, picture: Picture, now: datetime) -> Iterable[Due]: ...


@runtime_checkable
class Thinker(Protocol):
    """A desk that must think outside the book (routes take time) before it can write."""

    async def react(self) -> None: ...


async def look_after(book: Book, desk: Desk) -> None:
    """Let one desk do what is its own to do: first what needs thinking, then what is due."""
    if isinstance(desk, Thinker):
        await desk.react()
    await do_due(book, desk)


async def do_due(book: Book, desk: Desk) -> None:
    """Write what is due on the newest picture, each part at the instant at which it fell due.

    So a desk that was busy writes what a desk that was not would have written.
    """
    for at in sorted({due.at for due in desk.due(book.picture, book.clock.now())}):

        def decide(picture: Picture, at: datetime = at) -> list[e.Event]:
            return [fact for due in desk.due(picture, book.clock.now()) if due.at == at for fact in due.facts]

        with contextlib.suppress(IllegalStep, AlreadyHeld):  # the picture moved meanwhile: the next look decides again
            await book.write(decide, DESK, at=at)
