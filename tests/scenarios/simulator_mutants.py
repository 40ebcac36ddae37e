"""Broken parts for the simulator: each forgets one thing that the product must not forget."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence, Set
from functools import partial
from typing import Any

from msgspec.structs import replace

from aboard.serving import Sockets, server_of
from ambulance_unit.outbox import Outbox
from casebook.answers import Answers
from casebook.book import Book, Told
from casebook.holds.granting import Page
from casebook.link import OutboxRow, Unread
from casebook.live import Feed, View
from casebook.log import GENESIS, Entry, digest
from casebook.vehicle_rows import Row
from scenarios.simulator.disks import FrameLog
from scenarios.simulator.parts import Parts, Server, SharedShelf


class HastyBook(Book):
    """Acknowledges rows when they have come, not when they are on the disk."""

    def queue_rows(
        self, unit: str, epoch: str, rows: Sequence[Row | OutboxRow] | Unread, told: Told, role: str = "paramedic"
    ) -> None:
        read = rows.read() if isinstance(rows, Unread) else rows
        super().queue_rows(unit, epoch, rows, _unheard if read else told, role)
        if read:
            told(read[-1].seq)


def _unheard(outcome: int | BaseException) -> None:
    """What really became of the rows."""


class UnflushedLog(FrameLog):
    """Writes, and does not wait for the disk."""

    def keep(self, entries: list[Entry]) -> None:
        flushed = self._platter.flushed
        super().keep(entries)
        self._platter.flushed = flushed


class ForgetfulOutbox(Outbox):
    """Forgets a row when it is sent, not when it is acknowledged."""

    def unacknowledged(self, after: int = 0, limit: int = 500, **more: Any) -> list[OutboxRow]:
        rows = super().unacknowledged(after, limit, **more)
        if rows:
            self.acknowledge(more.get("epoch") or self.epoch, rows[-1].seq)
        return rows


class RepeatingOutbox(Outbox):
    """Draws a new epoch whenever it is opened, for rows that a hub may have."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.renew()


class TrustingShelf(SharedShelf):
    """Writes a page whoever has changed it since it was read."""

    def may_write(self, page: Page, seq: int) -> bool:
        return True


class LossyFeed(Feed):
    """Now and then takes a change for told that it never sent."""

    def _look_again(self) -> tuple[View, Set[str]]:
        patch, joined = super()._look_again()
        return ({}, joined) if patch and self._version % 5 == 4 else (patch, joined)


class ForgetfulBook(Book):
    """Does again what was asked with a key that stands in the log."""

    async def _write(self, decide: Any, by: Any, at: Any, asked: str) -> list[Entry]:
        self.log.find_asked = lambda key: []  # type: ignore[method-assign]
        return await super()._write(decide, by, at, asked)


class ForgetfulAnswers(Answers):
    """Does again what was asked with a key that it has answered."""

    async def once(self, key: str, what: str, work: Callable[[], Awaitable[Any]]) -> tuple[Any, bool]:
        return await work(), False


class BlindLog(FrameLog):
    """Reads what somebody has altered as if it fitted."""

    def __init__(self, platter: Any) -> None:
        super().__init__(platter)
        self._entries = rechained(self._entries)


def rechained(entries: list[Entry]) -> list[Entry]:
    """The same facts with hashes that fit whatever they say."""
    told, head = [], GENESIS
    for entry in entries:
        entry = replace(entry, prev=head)
        head = digest(entry)
        told.append(replace(entry, hash=head))
    return told


class TardySockets(Sockets):
    """Says that a message went out, and lets it go a little later: what takes the long way overtakes it."""

    def write_text(self, message: bytes) -> bool:
        self.loop.call_later(0.01, super().write_text, message)
        return True


class DeafSockets(Sockets):
    """Says that a message went out although the socket did not take it."""

    def write_text(self, message: bytes) -> bool:
        return super().write_text(message) or not self.writable.is_set()


class PushingSockets(Sockets):
    """Hears at once what should wait behind what waits on the long way."""

    def _heard(self, came: bytes, mask: int, end: int) -> bool:
        waiting, self.queue = self.queue, asyncio.Queue()
        try:
            return super()._heard(came, mask, end)
        finally:
            self.queue = waiting


class LooseSockets(Sockets):
    """Loses the beginning of a frame whose end comes later."""

    def _cut(self, came: bytes) -> None:
        super()._cut(came)
        self._rest = b""


def served_by(sockets: type[Sockets]) -> Server:
    return partial(server_of, sockets=sockets)


MUTANTS: dict[str, tuple[Parts, set[str], int]] = {
    # what is broken: in which part, the rules that may notice it, seeds within which one must
    "acknowledged before the commit": (Parts(server_of, book=HastyBook), {"acknowledgements"}, 5),
    "not flushed": (Parts(server_of, log=UnflushedLog), {"acknowledgements", "answers", "stored_facts"}, 20),
    "forgotten when sent": (Parts(server_of, outbox=ForgetfulOutbox), {"stored_facts", "ledger"}, 10),
    "sent again under another name": (Parts(server_of, outbox=RepeatingOutbox), {"stored_facts"}, 10),
    "held without a condition": (Parts(server_of, shelf=TrustingShelf), {"beds"}, 40),
    "a change that is never sent": (Parts(server_of, feed=LossyFeed), {"screens"}, 5),
    "a key that is forgotten": (Parts(server_of, book=ForgetfulBook, answers=ForgetfulAnswers), {"keys"}, 5),
    "overtaken on the way out": (Parts(served_by(TardySockets)), {"order"}, 20),
    "overtaken on the way in": (Parts(served_by(PushingSockets)), {"rest"}, 300),
    "not taken by the socket": (Parts(served_by(DeafSockets)), {"order"}, 20),
    "half a frame lost": (Parts(served_by(LooseSockets)), {"order"}, 10),
    "altered and not noticed": (Parts(server_of, log=BlindLog), {"starts"}, 10),
}
