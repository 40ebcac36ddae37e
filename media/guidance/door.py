"""One WebSocket of the guidance relay, from the admitted badge to its end. Who may sit where is the caller's affair."""

from __future__ import annotations

import asyncio
import contextlib

from fastapi import WebSocket, WebSocketDisconnect

from casebook.errors import RefusedInput
from media.guidance.relay import GuidanceRelay, Seat

MALFORMED = 4400  # close code: said what is no word of media/guidance/wire.py


async def serve_guidance(socket: WebSocket, relay: GuidanceRelay, unit: str, who: str, *, is_vehicle: bool) -> None:
    """Serve one accepted socket until either side ends it."""
    seat = relay.sit(unit, who, is_vehicle=is_vehicle)
    sending = asyncio.create_task(_send(socket, seat))
    hearing = asyncio.create_task(_hear(socket, relay, seat))
    try:
        await asyncio.wait({sending, hearing}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        relay.leave(seat)
        for task in (sending, hearing):
            task.cancel()
        await asyncio.gather(sending, hearing, return_exceptions=True)


async def _send(socket: WebSocket, seat: Seat) -> None:
    with contextlib.suppress(WebSocketDisconnect, RuntimeError, OSError):
        while True:
            await socket.send_text((await seat.next()).decode())


async def _hear(socket: WebSocket, relay: GuidanceRelay, seat: Seat) -> None:
    try:
        while True:
            relay.hear(seat, await socket.receive_text())
    except RefusedInput:
        with contextlib.suppress(RuntimeError, OSError):
            await socket.close(MALFORMED)
    except (WebSocketDisconnect, RuntimeError, KeyError, OSError):
        return  # KeyError: a binary frame
