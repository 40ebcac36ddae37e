"""One WebSocket of the guidance relay, from the admitted badge to its end. Who may sit where is the caller's affair."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

from fastapi import WebSocket, WebSocketDisconnect

from casebook.door import hear_text
from casebook.errors import CoordinationError, RefusedInput
from media.guidance.relay import GuidanceRelay, Seat

MALFORMED, NOT_ALLOWED = 4400, 4403  # close codes: no word of media/guidance/wire.py; may not, or not any more
LOOK_S = 1.0


async def serve_guidance(
    socket: WebSocket,
    relay: GuidanceRelay,
    unit: str,
    who: str,
    *,
    is_vehicle: bool,
    check: Callable[[], None] = lambda: None,
) -> None:
    """Serve one accepted socket until either side ends it.

    `check` raises NotAllowed where the seat is not theirs. It is asked all the time: a ward whose patient goes
    elsewhere points at nothing there any more.
    """
    if not await _may_stay(socket, check):
        return
    seat = relay.sit(unit, who, is_vehicle=is_vehicle)
    works = (_send(socket, seat), _hear(socket, relay, seat), _watch(socket, check))
    tasks = [asyncio.create_task(work) for work in works]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        relay.leave(seat)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _may_stay(socket: WebSocket, check: Callable[[], None]) -> bool:
    try:
        check()
    except CoordinationError:
        with contextlib.suppress(RuntimeError, OSError):
            await socket.close(NOT_ALLOWED)
        return False
    return True


async def _watch(socket: WebSocket, check: Callable[[], None]) -> None:
    while True:
        await asyncio.sleep(LOOK_S)
        if not await _may_stay(socket, check):
            return


async def _send(socket: WebSocket, seat: Seat) -> None:
    with contextlib.suppress(WebSocketDisconnect, RuntimeError, OSError):
        while True:
            await socket.send_text((await seat.next()).decode())


async def _hear(socket: WebSocket, relay: GuidanceRelay, seat: Seat) -> None:
    try:
        while True:
            relay.hear(seat, await hear_text(socket))
    except RefusedInput:
        with contextlib.suppress(RuntimeError, OSError):
            await socket.close(MALFORMED)
    except (WebSocketDisconnect, RuntimeError, KeyError, OSError):
        return  # KeyError: a binary frame
