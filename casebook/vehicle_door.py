"""The hub's end of a vehicle's link: take its rows, acknowledge after commit, send it its own view.

The words are in casebook/link.py. Decides nothing; what a row may say is the book's affair.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import Any

import msgspec
from fastapi import WebSocket, WebSocketDisconnect

from casebook.access import Badge
from casebook.book import Book, Row
from casebook.errors import CoordinationError, NotAllowed
from casebook.link import MAX_BYTES, Hello, Ping, Rows, read_from_vehicle
from casebook.live import Subscription

log = logging.getLogger(__name__)


async def serve_vehicle(socket: WebSocket, badge: Badge, book: Book, screen: Subscription, *, drill: bool) -> None:
    """Serve one vehicle until its link ends. `screen` is a subscription to the vehicle's own feed."""
    outgoing = asyncio.Lock()

    async def send(message: dict[str, Any] | bytes) -> None:
        async with outgoing:
            raw = message if isinstance(message, bytes) else msgspec.json.encode(message)
            await socket.send_text(raw.decode())

    try:
        epoch = await _greet(socket, badge, book, send, drill)
        log.info("vehicle %s connected", badge.unit)
        await _until_one_ends(_take(socket, badge, book, epoch, send), _show(screen, send))
    except CoordinationError as wrong:
        with contextlib.suppress(RuntimeError, WebSocketDisconnect):
            await send({"t": "refused", **wrong.as_answer()})
            await socket.close(4403)
    except (WebSocketDisconnect, RuntimeError, OSError):
        pass
    finally:
        screen.close()
        log.info("vehicle %s gone", badge.unit)


async def _greet(socket: WebSocket, badge: Badge, book: Book, send: Any, drill: bool) -> str:
    hello = read_from_vehicle(await socket.receive_text())
    if not isinstance(hello, Hello) or not badge.unit or hello.unit != badge.unit:
        raise NotAllowed("not_allowed", what="unit link", needs=f"unit {getattr(hello, 'unit', '?')}")
    through = await _through(book, hello.unit, hello.epoch)
    now, rate = book.clock.now(), book.clock.rate
    await send({"t": "welcome", "through": through, "now": now, "rate": rate, "drill": drill})
    return hello.epoch


async def _through(book: Book, unit: str, epoch: str) -> int:
    if book.log.blocking:
        return await asyncio.to_thread(book.log.through, unit, epoch)
    return book.log.through(unit, epoch)


async def _take(socket: WebSocket, badge: Badge, book: Book, epoch: str, send: Any) -> None:
    while True:
        raw = await socket.receive_text()
        if len(raw) > MAX_BYTES:
            raise NotAllowed("not_allowed", what="unit link", needs=f"<= {MAX_BYTES} bytes")
        match read_from_vehicle(raw):
            case Rows(epoch=sent, rows=rows) if sent == epoch:
                taken = [Row(row.seq, row.at, row.kind, row.body, row.who, row.origin) for row in rows]
                through = await book.take_rows(badge.unit, epoch, taken)
                await send({"t": "ack", "epoch": epoch, "through": through})
            case Ping(n=n):
                await send({"t": "pong", "n": n})
            case other:
                raise NotAllowed("not_allowed", what=f"unit link: {type(other).__name__}", needs=f"epoch {epoch}")


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
        await asyncio.gather(*tasks, return_exceptions=True)
