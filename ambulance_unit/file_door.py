"""Take a file from the tablet: one POST with its bytes; answered when it is on the vehicle's disk, hub or no hub."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Request

from ambulance_unit.file_spool import Spool
from casebook.access import Badge
from casebook.clock import Clock
from casebook.errors import RefusedInput
from media.file_types import BYTES_MAX, HEAD_BYTES, KINDS, check_size, type_of

PREFIX = "/api/v1/files"


def handing_in(spool: Spool, crew: Callable[[Request, str], Badge], clock: Clock) -> APIRouter:
    """`crew` lets in whoever may, or raises NotAllowed."""
    routes = APIRouter(prefix=PREFIX, tags=["files"])

    @routes.post("", status_code=201)
    async def hand_in(request: Request, casualty: str, kind: str) -> dict[str, Any]:
        """Keep a file for this casualty and send it as soon as the link spares the room."""
        crew(request, "files")
        if kind not in KINDS or not 0 < len(casualty) <= 100:
            raise RefusedInput("bad_field", where="files", field="kind", why=" ".join(KINDS))
        content = await _whole(request)
        one = await asyncio.to_thread(spool.add, content, casualty, kind, clock.now())
        return {"sha256": one.sha256, "media_type": one.media_type, "bytes": one.bytes}

    return routes


async def _whole(request: Request) -> bytes:
    """The body, refused as soon as it is known to be too large or none of the types. Raises TooLarge, WrongType."""
    content, limit = bytearray(), BYTES_MAX
    async for piece in request.stream():
        known = len(content) >= HEAD_BYTES
        content += piece
        if not known and len(content) >= HEAD_BYTES:
            limit = type_of(bytes(content[:HEAD_BYTES])).bytes_max
        check_size(max(1, len(content)), limit)
    return bytes(content)
