"""Write into the book who watched which live stream, from when to when.

A viewing begins with the session that the hub opens for it and ends with that session, however it ends.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

from fastapi import Request

from casebook import events as e
from casebook.access import Badge
from casebook.book import Book
from casebook.errors import CoordinationError
from casebook.log import By
from media.engine import Session

log = logging.getLogger(__name__)
LOOK_S = 1.0


@dataclass(frozen=True, slots=True)
class _Viewing:
    name: str
    stream: str
    badge: Badge
    since_s: float


class ViewingLog:
    """`find` gives a session that is still open, or None (media/engine.py); `who` whose request it was."""

    def __init__(self, book: Book, find: Callable[[str], Session | None], who: Callable[[Request], Badge]) -> None:
        self._book, self._find, self._who = book, find, who
        self._open: dict[str, _Viewing] = {}
        self._count = 0

    async def came(self, request: Request, session: Session) -> None:
        """Somebody may watch from now on."""
        self._count += 1
        viewing = _Viewing(f"{session.stream}/{self._count}", session.stream, self._who(request), _now_s())
        self._open[session.id] = viewing
        await self._write(viewing, e.PictureOpened(_unit(viewing), viewing.stream, viewing.name))

    async def run(self) -> None:
        """Note the end of each viewing, until cancelled; those that are open then end with the hub."""
        try:
            while True:
                await asyncio.sleep(LOOK_S)
                await self._close([id for id in self._open if self._find(id) is None])
        finally:
            await self._close(list(self._open))

    async def _close(self, sessions: list[str]) -> None:
        for id in sessions:
            viewing = self._open.pop(id)
            for_s = round(_now_s() - viewing.since_s)
            await self._write(viewing, e.PictureClosed(_unit(viewing), viewing.stream, viewing.name, for_s))

    async def _write(self, viewing: _Viewing, fact: e.Event) -> None:
        try:
            await self._book.write(lambda picture: [fact], By(str(viewing.badge.role), viewing.badge.who, "viewing"))
        except CoordinationError as why:  # a store that is silent for a moment stops nobody from looking
            log.warning("a viewing of %s cannot be noted: %s", viewing.stream, why)


def _unit(viewing: _Viewing) -> str:
    return viewing.stream.split(".")[0]


def _now_s() -> float:
    return asyncio.get_running_loop().time()
