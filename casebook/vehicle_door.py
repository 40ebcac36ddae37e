"""The hub's end of a vehicle's link: take its rows, acknowledge after commit, send it its own view.

The words are in casebook/link.py. Decides nothing; what a row may say is the book's affair, who may speak as a unit
that of `vehicle_links`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from typing import Any

import msgspec
from fastapi import WebSocket, WebSocketDisconnect

from casebook.access import Badge
from casebook.book import Book
from casebook.door import hear_text
from casebook.errors import CoordinationError, FeedLost, NotAllowed
from casebook.link import MAX_BYTES, VERSION, Hello, Ping, Rows, mark_of, read_from_vehicle
from casebook.live import Subscription
from casebook.vehicle_links import Presence, VehicleLinks
from casebook.wire import wire_of

log = logging.getLogger(__name__)


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

    async def send(message: dict[str, Any] | bytes) -> None:
        raw = message if isinstance(message, bytes) else msgspec.json.encode(message)
        if wire is None or outgoing.locked() or not wire.write_text(raw):
            async with outgoing:
                await socket.send_text(raw.decode())

    presence: Presence | None = None
    try:
        hello = await _hear_hello(socket, badge)
        presence = await links.admit(hello.unit, hello.boot or hello.epoch)
        await send(await _welcome(hello, presence.link, book, links, drill) | ({"hubs": hubs} if hubs else {}))
        log.info("vehicle %s connected", badge.unit)
        taking = _take(socket, hello, presence, book, links, send)
        await _until_one_ends(taking, _show(screen, send), _pass_on(presence, send))
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


async def _take(
    socket: WebSocket, hello: Hello, presence: Presence, book: Book, links: VehicleLinks, send: Any
) -> None:
    while True:
        raw = await hear_text(socket)
        presence.hear()
        if len(raw) > MAX_BYTES:
            raise NotAllowed("not_allowed", what="unit link", needs=f"<= {MAX_BYTES} bytes")
        match read_from_vehicle(raw):
            case Rows() as message if _is_of(message, hello, presence):
                await send(await _commit(message, hello.unit, book, links))
            case Rows(link=link) if hello.version >= 2 and link != presence.link:
                links.replays += 1
                raise NotAllowed("link_replayed", unit=hello.unit)
            case Ping(n=n):
                await send({"t": "pong", "n": n})
            case other:
                raise NotAllowed("not_allowed", what=f"unit link: {type(other).__name__}", needs=f"epoch {hello.epoch}")


def _is_of(message: Rows, hello: Hello, presence: Presence) -> bool:
    """Version 1 names its one epoch in the hello; 2 may begin epochs as it goes, and names the connection."""
    return message.epoch == hello.epoch if hello.version < 2 else message.link == presence.link


async def _commit(message: Rows, unit: str, book: Book, links: VehicleLinks) -> dict[str, Any]:
    through = await book.take_rows(unit, message.epoch, message.rows)
    if message.rows and message.rows[-1].seq == through:
        links.remember_last(unit, message.epoch, through, mark_of(message.rows[-1]))
    return {"t": "ack", "epoch": message.epoch, "through": through}


async def _pass_on(presence: Presence, send: Any) -> None:
    """Tell the vehicle what its hub found out about it; ends when another connection takes this one's place."""
    while (notice := await presence.notices.get()) is not None:
        await send(notice)


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
