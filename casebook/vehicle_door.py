"""The hub's end of a vehicle's link: take its rows, acknowledge after commit, send it its own view.

The words are in casebook/link.py. Decides nothing; what a row may say is the book's affair, who may speak as a unit
that of `vehicle_links`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import msgspec
from fastapi import WebSocket, WebSocketDisconnect

from casebook.access import Badge
from casebook.book import Book
from casebook.door import hear_text
from casebook.errors import CoordinationError, FeedLost, NotAllowed, RefusedInput
from casebook.link import MAX_BYTES, VERSION, FromVehicle, Hello, Ping, RowsCame, Unread, mark_of, read_from_vehicle
from casebook.live import Subscription
from casebook.vehicle_links import Presence, VehicleLinks
from casebook.wire import wire_of

log = logging.getLogger(__name__)
AHEAD = 4  # messages of one vehicle that are on their way into the book before no more are taken


async def serve_vehicle(
    socket: WebSocket, badge: Badge, book: Book, screen: Subscription, *, drill: bool,
    links: VehicleLinks | None = None, hubs: Sequence[str] = (),
) -> None:  # fmt: skip
    """Serve one vehicle until its link ends. `screen` is a subscription to the vehicle's own feed; `links` are those of
    the hub, without which nothing is known of other connections; `hubs`: where hubs of this book are."""
    links = links or VehicleLinks(book.clock)
    outgoing, wire = asyncio.Lock(), wire_of(socket)
    if wire is not None:
        screen.pass_on = wire.write_text

    def send_now(raw: bytes) -> bool:
        return wire is not None and not outgoing.locked() and wire.write_text(raw)

    async def send(message: dict[str, Any] | bytes) -> None:
        raw = message if isinstance(message, bytes) else msgspec.json.encode(message)
        if not send_now(raw):
            async with outgoing:
                await socket.send_text(raw.decode())

    presence: Presence | None = None
    try:
        hello = await _hear_hello(socket, badge)
        presence = await links.admit(hello.unit, hello.boot or hello.epoch)
        await send(await _welcome(hello, presence.link, book, links, drill) | ({"hubs": hubs} if hubs else {}))
        log.info("vehicle %s connected", badge.unit)
        taking = Taking(hello, presence, book, links, send_now)
        if wire is not None:
            wire.hear_by(taking.hear)
        await _until_one_ends(taking.take_on(socket), _show(screen, send), taking.pass_on(send))
        await socket.close(4409)
    except FeedLost as wrong:  # the hub cannot keep anything now: no refusal, the vehicle is welcome again at once
        log.warning("vehicle %s: %s", badge.unit, wrong)
        with contextlib.suppress(RuntimeError, WebSocketDisconnect):
            await socket.close(1013)
    except CoordinationError as wrong:
        with contextlib.suppress(RuntimeError, WebSocketDisconnect):
            await send({"t": "refused", **wrong.as_answer()})
            await socket.close(4403)
    except (WebSocketDisconnect, RuntimeError, OSError):
        pass
    finally:
        screen.close()
        if presence is not None:
            links.leave(presence)
        log.info("vehicle %s gone", badge.unit)


async def _hear_hello(socket: WebSocket, badge: Badge) -> Hello:
    hello = read_from_vehicle(await hear_text(socket))
    if not isinstance(hello, Hello) or not badge.unit or hello.unit != badge.unit:
        raise NotAllowed("not_allowed", what="unit link", needs=f"unit {getattr(hello, 'unit', '?')}")
    return hello


async def _welcome(hello: Hello, link: str, book: Book, links: VehicleLinks, drill: bool) -> dict[str, Any]:
    through = await _through(book, hello.unit, hello.epoch)
    words = {"t": "welcome", "through": through, "now": book.clock.now(), "rate": book.clock.rate, "drill": drill}
    if hello.version >= 2:
        lanes = {epoch: await _through(book, hello.unit, epoch) for epoch in hello.lanes}
        held = {hello.epoch: through} | lanes
        marks = {epoch: links.mark_at(hello.unit, epoch, seq) for epoch, seq in held.items()}
        last = {epoch: mark for epoch, mark in marks.items() if mark is not None}
        words |= {"version": VERSION, "link": link, "lanes": lanes, "last": last}
    return words


async def _through(book: Book, unit: str, epoch: str) -> int:
    if book.log.blocking:
        return await asyncio.to_thread(book.log.through, unit, epoch)
    return book.log.through(unit, epoch)


class Taking:
    """What one vehicle sends on its way into the book: on the short way (`hear`, casebook/wire.py) the moment it has
    come, on the long one (`take_on`) in its turn. Rows go into the book in the order in which they came, and their
    acknowledgements out in the same, each as soon as its commit is done."""

    def __init__(
        self, hello: Hello, presence: Presence, book: Book, links: VehicleLinks, send_now: Callable[[bytes], bool]
    ) -> None:
        self._hello, self._presence, self._book, self._links = hello, presence, book, links
        self._send_now = send_now
        self._under_way = 0  # messages of rows whose acknowledgement has not gone out
        self._late = 0  # acknowledgements among them that wait for the socket
        self._is_free = asyncio.Event()  # few are under way
        self._is_free.set()

    def hear(self, raw: bytes) -> bool:
        """Take it, if it is rows and few are under way; all else is for the long way, what is to be refused as well."""
        if not self._is_free.is_set():
            return False
        try:
            message = read_from_vehicle(raw)
        except RefusedInput:
            return False
        if not isinstance(message, RowsCame) or not self._is_of_here(message):
            return False
        self._presence.hear()
        self._take(message)
        return True

    async def take_on(self, socket: WebSocket) -> None:
        """The long way, until the link ends. Nothing is awaited between hearing and taking: order is kept so."""
        while True:
            await self._is_free.wait()
            raw = await hear_text(socket)
            self._presence.hear()
            if len(raw) > MAX_BYTES:
                raise NotAllowed("not_allowed", what="unit link", needs=f"<= {MAX_BYTES} bytes")
            self._act_on(read_from_vehicle(raw))

    async def pass_on(self, send: Any) -> None:
        """Tell the vehicle what its hub found out about it, and what had to wait for the socket; ends when another
        connection takes this one's place. Raises what went wrong with its rows."""
        while (notice := await self._presence.notices.get()) is not None:
            if isinstance(notice, BaseException):
                raise notice
            await send(notice)
            if isinstance(notice, bytes):
                self._late -= 1
                self._done()

    def _act_on(self, message: FromVehicle) -> None:
        match message:
            case RowsCame() if self._is_of_here(message):
                self._take(message)
            case RowsCame(link=link) if self._hello.version >= 2 and link != self._presence.link:
                self._links.replays += 1
                raise NotAllowed("link_replayed", unit=self._hello.unit)
            case Ping(n=n):
                self._presence.notices.put_nowait({"t": "pong", "n": n})
            case other:
                needs = f"epoch {self._hello.epoch}"
                raise NotAllowed("not_allowed", what=f"unit link: {type(other).__name__}", needs=needs)

    def _is_of_here(self, message: RowsCame) -> bool:
        """Version 1 names its one epoch in the hello; 2 may begin epochs as it goes, and names the connection."""
        if self._hello.version < 2:
            return message.epoch == self._hello.epoch
        return message.link == self._presence.link

    def _take(self, message: RowsCame) -> None:
        self._under_way += 1
        if self._under_way >= AHEAD:
            self._is_free.clear()
        rows = Unread(message.rows)
        self._book.queue_rows(self._hello.unit, message.epoch, rows, partial(self._tell, message.epoch, rows))

    def _tell(self, epoch: str, rows: Unread, outcome: int | BaseException) -> None:
        """Acknowledge a message whose rows were committed."""
        if isinstance(outcome, BaseException):
            self._presence.notices.put_nowait(outcome)
            return
        if (last := rows.read()[-1:]) and last[0].seq == outcome:
            self._links.remember_last(self._hello.unit, epoch, outcome, mark_of(last[0]))
        ack = msgspec.json.encode({"t": "ack", "epoch": epoch, "through": outcome})
        if not self._late and self._send_now(ack):
            self._done()
        else:
            self._late += 1
            self._presence.notices.put_nowait(ack)

    def _done(self) -> None:
        self._under_way -= 1
        if self._under_way < AHEAD:
            self._is_free.set()


async def _show(screen: Subscription, send: Any) -> None:
    while True:
        await send(await screen.next())


async def _until_one_ends(*works: Any) -> None:
    """Run until the first ends, end the others, and let the first one's error rise."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)  # not gather: it would turn a cancellation into one that nobody asked for
        for task in tasks:
            if not task.cancelled():
                task.exception()  # looked at: the first one's has risen already
