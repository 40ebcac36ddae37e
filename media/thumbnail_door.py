"""The WebSockets of `media.thumbnails`: a vehicle's and a console's, from the admitted badge to the end."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import WebSocket, WebSocketDisconnect

from casebook.errors import RefusedInput
from media.thumbnails import Thumbnails, VehicleSeat, read_look

MALFORMED = 4400  # close code: no word of media/thumbnails.py


async def serve_camera(socket: WebSocket, thumbnails: Thumbnails, unit: str) -> None:
    """A vehicle that gives small pictures when it is asked; until either side ends it."""
    seat = thumbnails.sit(unit)
    asking, hearing = asyncio.create_task(_ask(socket, seat)), asyncio.create_task(_hear(socket, seat.hear))
    try:
        await asyncio.wait({asking, hearing}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        thumbnails.leave(seat)
        for task in (asking, hearing):
            task.cancel()
        await asyncio.gather(asking, hearing, return_exceptions=True)


async def serve_looks(socket: WebSocket, thumbnails: Thumbnails) -> None:
    """A console: each look is answered at once."""

    async def answer(raw: str | bytes) -> None:
        await socket.send_bytes(thumbnails.look(read_look(raw)))

    await _hear(socket, answer)


async def _ask(socket: WebSocket, seat: VehicleSeat) -> None:
    with contextlib.suppress(WebSocketDisconnect, RuntimeError, OSError):
        while True:
            await socket.send_text((await seat.next_ask()).decode())


async def _hear(socket: WebSocket, take: Callable[[str | bytes], Coroutine[Any, Any, None] | None]) -> None:
    """Every message until the end; one that is no word of ours ends it."""
    with contextlib.suppress(WebSocketDisconnect, RuntimeError, OSError):
        while (message := await socket.receive())["type"] != "websocket.disconnect":
            text = message.get("text")
            try:
                work = take(text if text is not None else message.get("bytes") or b"")
                if work is not None:
                    await work
            except RefusedInput:
                await socket.close(MALFORMED)
                return
