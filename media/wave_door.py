"""The hub's HTTP side of the wave record: what is missing, what a vehicle sends of it, what became of every packet.

A vehicle asks what is missing and sends it, oldest first; whole packets count also when a request breaks off, so the
next question tells where to go on. Nothing here is decided: keeping is `media.wave_record`'s.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

import msgspec
from fastapi import APIRouter, Request
from starlette.requests import ClientDisconnect

from casebook.door import body_of
from casebook.errors import NotFound, RefusedInput
from media.wave_file import How, unframed
from media.wave_record import WaveRecords
from media.waveforms import WaveKind

PREFIX = "/api/v1/waves"
UPLOAD_BYTES_MAX = 4 << 20

Who = Callable[[Request, str, str], object]  # (request, "publish" or "view", unit)


class Made(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a vehicle says of one run: so many packets made, those from `kept_from` on still there."""

    made: int
    kept_from: int = 0


def wave_router(records: WaveRecords, who: Who) -> APIRouter:
    """`who` raises NotAllowed when the asker may not."""
    routes = APIRouter(prefix=PREFIX, tags=["waves"])

    @routes.get("/{unit}")
    async def ledgers(unit: str, request: Request) -> list[dict[str, Any]]:
        """What became of every packet, run by run: made, live, back-filled, missing, lost."""
        who(request, "view", unit)
        return await records.ledgers(unit)

    @routes.post("/{unit}/{run}/missing")
    async def missing(unit: str, run: str, request: Request) -> dict[str, Any]:
        """Ranges of packet numbers, first and the one after the last, that the vehicle should send."""
        who(request, "publish", unit)
        try:
            said = msgspec.json.decode(await body_of(request), type=Made)
        except (msgspec.DecodeError, RecursionError) as wrong:
            raise RefusedInput("bad_json", where="waves", why=str(wrong)) from wrong
        return {"missing": await records.missing(unit, run_of(run), said.kept_from, said.made)}

    @routes.post("/{unit}/{run}")
    async def back_fill(unit: str, run: str, request: Request) -> dict[str, int]:
        """Take packets as `media/wave_file.py` frames them; each whole one counts at once."""
        who(request, "publish", unit)
        record = await records.opened(unit, run_of(run))
        rest, taken, size_bytes = bytearray(), 0, 0
        with contextlib.suppress(ClientDisconnect):
            async for piece in request.stream():
                size_bytes += len(piece)
                if size_bytes > UPLOAD_BYTES_MAX:
                    raise RefusedInput("waves_malformed", where="length", found=size_bytes)
                rest += piece
                end = 0
                for kept in unframed(rest):
                    taken += records.take(record, kept.message, How.BACK_FILLED)
                    end = kept.end
                del rest[:end]
        return {"taken": taken}

    @routes.get("/{unit}/{run}/{kind}")
    async def read(unit: str, run: str, kind: str, request: Request, first: int = 0, count: int = 5000) -> Any:
        """Samples of one channel by their index; null where there is none."""
        who(request, "view", unit)
        if kind not in WaveKind.__members__:
            raise NotFound(what="wave", id=kind[:40])
        return await asyncio.to_thread(records.read, unit, run_of(run), WaveKind[kind], first, count)

    return routes


def run_of(text: str) -> int:
    """The number of a run that is written as 8 hexadecimal digits. Raises NotFound."""
    try:
        run = int(text, 16)
    except ValueError:
        run = 0
    if len(text) != 8 or not 0 < run < 1 << 32:
        raise NotFound(what="waves", id=text[:40])
    return run
