"""Check an SDP offer before any parser sees it, and answer offers over HTTP: WHIP to publish, WHEP to view.

One POST with the offer, 201 with the answer and the session's address, DELETE to stop (RFC 9725; WHEP draft). What a
session does is the forwarder's; who may do it is told by the function handed in.
"""

from __future__ import annotations

import inspect
import ipaddress
import re
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Literal

from aiortc.sdp import SessionDescription
from fastapi import APIRouter, Request, Response

from casebook.errors import NotFound, RefusedInput

if TYPE_CHECKING:
    from media.forwarder import MediaPlane, Session

PREFIX = "/api/v1/media"
SDP_TYPE = "application/sdp"
SDP_BYTES_MAX = 64 * 1024
MEDIA_LINES_MAX = 8
CANDIDATES_MAX = 50  # each one makes this side send connectivity checks to an address of the peer's choice
WAVES_SUFFIX = ".waves"

Action = Literal["publish", "view"]
MediaKind = Literal["video", "application"]
Who = Callable[[Request, Action, str], Awaitable[None] | None]

_STREAM = re.compile(r"[A-Za-z0-9_-]{1,64}(\.waves)?")
_LINE = re.compile(r"[a-z]=[^\x00-\x1f\x7f]*")
_SETUPS = ({"actpass"}, {"active"}, {"passive"})


def media_kind(stream: str) -> MediaKind:
    """What a stream of this name carries: ``A01`` is a vehicle's video, ``A01.waves`` its waves and numerics.

    Raises RefusedInput (`stream_name`) for anything else.
    """
    if not _STREAM.fullmatch(stream):
        raise RefusedInput("stream_name", stream=stream[:80])
    return "application" if stream.endswith(WAVES_SUFFIX) else "video"


def check_offer(body: bytes, *kinds: str) -> str:
    """The offer as clean text: sane in size and shape, with media sections of just these `kinds` in this order.

    Candidates with mDNS names are dropped, not looked up: the browser's own checks reveal its address to us.
    Raises RefusedInput (`sdp_...`) with what is wrong and where.
    """
    if len(body) > SDP_BYTES_MAX:
        raise RefusedInput("sdp_too_big", bytes=len(body), limit=SDP_BYTES_MAX)
    lines = _lines(body)
    _check_counts(lines)
    _check_media(lines, kinds)
    _check_security(lines)
    kept = [line for number, line in enumerate(lines, 1) if not _is_dropped(line, number)]
    text = "\r\n".join(kept) + "\r\n"
    try:
        parsed = SessionDescription.parse(text)
    except Exception as why:  # the parser asserts and indexes; whatever it raises, the offer is bad
        raise _malformed(f"{type(why).__name__} {why}"[:120]) from why
    for media in parsed.media:
        if media.ice is None or not (media.ice.usernameFragment and media.ice.password):
            raise _malformed("a=ice-ufrag, a=ice-pwd")
    return text


def _lines(body: bytes) -> list[str]:
    try:
        lines = body.decode("utf-8").replace("\r\n", "\n").rstrip("\n").split("\n")
    except UnicodeDecodeError as why:
        raise _malformed(f"byte {why.start}") from why
    if lines[0] != "v=0":
        raise _malformed("line 1")
    for number, line in enumerate(lines, 1):
        if not _LINE.fullmatch(line):
            raise _malformed(f"line {number}")
    return lines


def _check_counts(lines: list[str]) -> None:
    media = sum(line.startswith("m=") for line in lines)
    candidates = sum(line.startswith("a=candidate:") for line in lines)
    if media > MEDIA_LINES_MAX:
        raise RefusedInput("sdp_too_many_media", count=media, limit=MEDIA_LINES_MAX)
    if candidates > CANDIDATES_MAX:
        raise RefusedInput("sdp_too_many_candidates", count=candidates, limit=CANDIDATES_MAX)


def _check_media(lines: list[str], kinds: tuple[str, ...]) -> None:
    found = [line[2:].split(" ", 1)[0] for line in lines if line.startswith("m=")]
    if found != list(kinds):
        raise RefusedInput("sdp_wrong_media", expected=", ".join(kinds), found=", ".join(found)[:80] or "-")


def _check_security(lines: list[str]) -> None:
    if not any(line.lower().startswith("a=fingerprint:sha-") for line in lines):
        raise RefusedInput("sdp_no_fingerprint")
    setups = {line.removeprefix("a=setup:") for line in lines if line.startswith("a=setup:")}
    if setups not in _SETUPS:
        raise RefusedInput("sdp_setup", found=", ".join(sorted(setups))[:80] or "-")


def _is_dropped(line: str, number: int) -> bool:
    """Not for aiortc: unresolvable mDNS candidates, and the end mark that would make it give up without any."""
    if line == "a=end-of-candidates":
        return True
    if not line.startswith("a=candidate:"):
        return False
    parts = line.split()
    if len(parts) < 8:
        raise _malformed(f"line {number}")
    if parts[4].endswith(".local"):
        return True
    try:
        ipaddress.ip_address(parts[4])
    except ValueError as why:
        raise _malformed(f"line {number}") from why
    return False


def _malformed(where: str) -> RefusedInput:
    return RefusedInput("sdp_malformed", where=where)


def router(plane: MediaPlane, who: Who) -> APIRouter:
    """The HTTP side of `plane`. `who(request, action, stream)` raises NotAllowed when the asker may not; may be async.

    Errors of the casebook family rise to the application, which answers them.
    """
    routes = APIRouter(prefix=PREFIX, tags=["media"])

    @routes.post("/whip/{stream}", status_code=201, response_class=Response)
    async def publish(stream: str, request: Request) -> Response:
        """Publish a stream of a vehicle: SDP offer in, SDP answer out."""
        return _created(await plane.publish(stream, await offer_of(request, "publish", stream)))

    @routes.post("/whep/{stream}", status_code=201, response_class=Response)
    async def view(stream: str, request: Request) -> Response:
        """View a stream of a vehicle: SDP offer in, SDP answer out."""
        return _created(await plane.view(stream, await offer_of(request, "view", stream)))

    @routes.delete("/session/{session_id}", status_code=204, response_class=Response)
    async def end(session_id: str, request: Request) -> Response:
        """Stop publishing or viewing."""
        session = plane.find(session_id)
        if session is None:
            raise NotFound("media_session_gone")
        await _ask(who, request, session.action, session.stream)
        await plane.end(session_id)
        return Response(status_code=204)

    async def offer_of(request: Request, action: Action, stream: str) -> bytes:
        media_kind(stream)
        await _ask(who, request, action, stream)
        if request.headers.get("content-type", "").split(";")[0].strip().lower() != SDP_TYPE:
            raise RefusedInput("sdp_content_type", expected=SDP_TYPE)
        return await bounded_offer(request)

    return routes


async def _ask(who: Who, request: Request, action: Action, stream: str) -> None:
    said = who(request, action, stream)
    if inspect.isawaitable(said):
        await said


async def bounded_offer(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > SDP_BYTES_MAX:
            raise RefusedInput("sdp_too_big", bytes=len(body), limit=SDP_BYTES_MAX)
    return bytes(body)


def _created(session: Session) -> Response:
    headers = {"Location": f"{PREFIX}/session/{session.id}"}
    return Response(session.answer, status_code=201, media_type=SDP_TYPE, headers=headers)
