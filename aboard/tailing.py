"""Send every entry of the log over a WebSocket as it stands there, from a number on; for the drill director."""

from __future__ import annotations

import asyncio
import contextlib

import msgspec
from fastapi import WebSocket, WebSocketDisconnect

from casebook.book import Book


async def tail(socket: WebSocket, book: Book, after: int) -> None:
    """Every entry after number `after`, until the socket is gone."""
    news = asyncio.Event()
    stop = book.listen(lambda entries: news.set())
    reader = asyncio.create_task(_until_gone(socket))
    try:
        while not reader.done():
            news.clear()
            for entry in await asyncio.to_thread(lambda last=after: list(book.log.read(last))):
                await socket.send_bytes(msgspec.json.encode(entry))
                after = entry.seq
            waiting = asyncio.create_task(news.wait())
            await asyncio.wait({waiting, reader}, return_when=asyncio.FIRST_COMPLETED)
            waiting.cancel()
    except (WebSocketDisconnect, RuntimeError, OSError):
        pass
    finally:
        stop()
        reader.cancel()


async def _until_gone(socket: WebSocket) -> None:
    with contextlib.suppress(WebSocketDisconnect, RuntimeError):
        while True:
            await socket.receive()
