"""The hub's HTTP side of large files: resumable uploads in the shape of tus 1.0 (core protocol and creation).

POST announces a file and gives its address, HEAD tells where to go on, PATCH brings a piece; one that breaks off counts
as far as it came. When the last byte is here and the digest is right, `kept` writes it into the case before the answer
says so; asked again, it is written once. What is taken is `media.bulk`'s and `media.file_types`'.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import Awaitable, Callable

import msgspec
from fastapi import APIRouter, Request, Response
from starlette.requests import ClientDisconnect

from casebook.errors import NotFound, RefusedInput
from media.bulk import BulkStore, Claim
from media.file_types import BYTES_MAX, FileType
from media.sealed_response import kept_response

PREFIX = "/api/v1/files"
VERSION = "1.0.0"
PIECE_TYPE = "application/offset+octet-stream"
_TUS = {"Tus-Resumable": VERSION, "Cache-Control": "no-store"}
_GIVEN = {
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "private, max-age=86400, immutable",
    "Content-Security-Policy": "default-src 'none'; sandbox",
}

May = Callable[[Request, Claim], object]  # raises NotAllowed, NotFound: this vehicle, this casualty
Kept = Callable[[Claim, FileType], Awaitable[object]]
Find = Callable[[Request, str], tuple[str, str]]  # the media type and name of a file; raises NotAllowed, NotFound


class WrongVersion(RefusedInput):
    """Another version of the protocol."""

    key = "file_protocol"
    http_status = 412


class WrongPiece(RefusedInput):
    """A piece of another content type."""

    key = "file_piece"
    http_status = 415


def bulk_router(store: BulkStore, may: May, kept: Kept, find: Find) -> APIRouter:
    """The HTTP side of `store`. Errors of the casebook family rise to the application, which answers them."""
    doors = _Doors(store, may, kept, find)
    routes = APIRouter(prefix=PREFIX, tags=["files"], default_response_class=Response)
    routes.options("", status_code=204)(doors.tell)
    routes.post("", status_code=201)(doors.announce)
    routes.head("/upload/{id}")(doors.look)
    routes.patch("/upload/{id}", status_code=204)(doors.take)
    routes.get("/{sha256}")(doors.give)
    return routes


class _Doors:
    """One method for each call, as `bulk_router` hangs them."""

    def __init__(self, store: BulkStore, may: May, kept: Kept, find: Find) -> None:
        self._store, self._may, self._kept, self._find = store, may, kept, find

    async def tell(self) -> Response:
        """What is spoken here."""
        told = {"Tus-Version": VERSION, "Tus-Extension": "creation", "Tus-Max-Size": str(BYTES_MAX)}
        return Response(status_code=204, headers=_TUS | told)

    async def announce(self, request: Request) -> Response:
        """Announce a file: `Upload-Length`, and in `Upload-Metadata` unit, casualty, kind, sha256, taken_at."""
        _check_version(request)
        claim = _claim_of(request)
        self._may(request, claim)
        offset = self._store.begin(claim)
        if offset == claim.bytes:
            await self._finish(claim)
        where = {"Location": f"{PREFIX}/upload/{claim.id}", "Upload-Offset": str(offset)}
        return Response(status_code=201, headers=_TUS | where)

    async def look(self, id: str, request: Request) -> Response:
        """Where to go on."""
        claim = self._own(request, id)
        told = {"Upload-Offset": str(self._store.offset(claim)), "Upload-Length": str(claim.bytes)}
        return Response(headers=_TUS | told)

    async def take(self, id: str, request: Request) -> Response:
        """Take a piece from `Upload-Offset` on."""
        claim = self._own(request, id)
        if request.headers.get("content-type") != PIECE_TYPE:
            raise WrongPiece(expected=PIECE_TYPE)
        offset = self._store.append(claim, _number(request, "Upload-Offset"), b"")  # it follows what is here
        try:
            async for piece in request.stream():  # one that hangs in a dead link is overtaken: then it does not follow
                offset = self._store.append(claim, offset, piece)
        except ClientDisconnect:
            return Response(status_code=204)  # to nobody; what came counts
        if offset == claim.bytes:
            await self._finish(claim)
        return Response(status_code=204, headers=_TUS | {"Upload-Offset": str(offset)})

    async def give(self, sha256: str, request: Request) -> Response:
        """A file of a case, as attachment."""
        media, name = self._find(request, sha256)
        file = self._store.find_whole(sha256)
        if file is None:
            raise NotFound(what="file", id=sha256[:64])
        called = f"{name}{file.suffix}"
        return await asyncio.to_thread(
            kept_response, self._store.seal, file, request, media=media, name=called, headers=_GIVEN
        )

    def _own(self, request: Request, id: str) -> Claim:
        _check_version(request)
        claim = self._store.claim_of(id)
        self._may(request, claim)
        return claim

    async def _finish(self, claim: Claim) -> None:
        async with self._store.alone(claim):
            await self._kept(claim, await asyncio.to_thread(self._store.finish, claim))


def _check_version(request: Request) -> None:
    if (spoken := request.headers.get("tus-resumable")) != VERSION:
        raise WrongVersion(expected=VERSION, found=str(spoken)[:20])


def _number(request: Request, name: str) -> int:
    text = request.headers.get(name, "")
    if not (text.isascii() and text.isdecimal()) or len(text) > 15:
        raise RefusedInput("bad_field", where="files", field=name, why=text[:40])
    return int(text)


def _claim_of(request: Request) -> Claim:
    """The announcement as its headers say it. Raises RefusedInput naming the field."""
    told: dict[str, object] = {"bytes": _number(request, "Upload-Length")}
    for pair in request.headers.get("upload-metadata", "")[:4000].split(","):
        name, _, coded = pair.strip().partition(" ")
        try:
            told[name] = base64.b64decode(coded, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError, ValueError) as wrong:
            raise RefusedInput("bad_field", where="files", field=name[:40], why="base64") from wrong
    try:
        return msgspec.convert(told, Claim)
    except msgspec.ValidationError as wrong:
        raise RefusedInput("bad_field", where="files", field="Upload-Metadata", why=str(wrong)) from wrong
