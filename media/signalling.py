"""Answer offers over HTTP: WHIP to publish (RFC 9725), WHEP to view (draft-ietf-wish-whep).

One POST with the offer, 201 with the answer and the session's address; PATCH with later candidates, DELETE to stop.
What a session does is the engine's, what an offer may hold `media.offers`'; who may ask is told by the function handed
in. Any origin may ask from a page: a request is served by the token in its own header, never by something that a
browser adds by itself.
"""

from __future__ import annotations

import inspect
import time
from collections.abc import Awaitable, Callable, Sequence

import msgspec
from fastapi import APIRouter, Request, Response

from casebook.errors import NotFound, RefusedInput
from casebook.spans import span
from media.engine import Action, MediaEngine, Session, StaleSession
from media.offer_limit import OfferLimit
from media.offers import (
    CANDIDATES_MAX,
    SDP_BYTES_MAX,
    WAVES_SUFFIX,
    MediaKind,
    check_fragment,
    check_offer,
    media_kind,
)
from media.turn import IceServers
from media.vehicle_key import fingerprint_of, held_to

__all__ = [
    "CANDIDATES_MAX",
    "PREFIX",
    "SDP_BYTES_MAX",
    "SDP_TYPE",
    "WAVES_SUFFIX",
    "Action",
    "MediaKind",
    "Who",
    "check_offer",
    "media_kind",
    "router",
]

PREFIX = "/api/v1/media"
SDP_TYPE = "application/sdp"
FRAGMENT_TYPE = "application/trickle-ice-sdpfrag"
CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "ETag, Link, Location",
}
PREFLIGHT = {
    "Access-Control-Allow-Headers": "Authorization, Content-Type, If-Match",
    "Access-Control-Max-Age": "7200",  # seconds; Chromium keeps it no longer
}
ENDPOINT_METHODS = "GET, OPTIONS, POST"
SESSION_METHODS = "DELETE, GET, OPTIONS, PATCH"
WAYS: dict[str, Action] = {"whip": "publish", "whep": "view"}

Who = Callable[[Request, Action, str], Awaitable[None] | None]
Door = Callable[[str, Request], Awaitable[Response]]
Ice = Callable[[Request], IceServers]  # for whoever asks; raises NotAllowed
Viewed = Callable[[Request, Session], Awaitable[None]]
Known = Callable[[Request, str, str], Awaitable[None]]  # with stream and fingerprint; raises WrongKey


async def _any_key(request: Request, stream: str, fingerprint: str) -> None:
    """Whoever has the badge, with whatever key."""


class WrongType(RefusedInput):
    """A body of another content type."""

    key = "sdp_content_type"
    http_status = 415


class MatchRequired(RefusedInput):
    """Candidates without the ICE session that they belong to."""

    key = "media_match_required"
    http_status = 428


async def _nobody_notes(request: Request, session: Session) -> None:
    """Who views is not noted."""


def router(
    plane: MediaEngine,
    who: Who,
    ice: Ice = lambda request: IceServers(),
    known: Known = _any_key,
    viewed: Viewed = _nobody_notes,
) -> APIRouter:
    """The HTTP side of `plane`. `who(request, action, stream)` raises NotAllowed when the asker may not; may be async.

    `ice` gives the STUN and TURN servers that the asker may use; `known` refuses a publisher with another key than the
    vehicle's; `viewed` is told of each viewer. Errors of the casebook family rise to the application, which answers
    them.
    """
    doors = _Doors(plane, who, ice, known, viewed)
    routes = APIRouter(prefix=PREFIX, tags=["media"], default_response_class=Response)
    routes.post("/whip/{stream}", status_code=201)(doors.publish)
    routes.post("/whep/{stream}", status_code=201)(doors.view)
    routes.patch("/session/{session_id}", status_code=204)(doors.patch)
    routes.delete("/session/{session_id}")(doors.end)
    routes.get("/ice")(doors.ice)
    routes.get("/session/{session_id}", status_code=204)(doors.look)
    routes.options("/session/{session_id}")(doors.session_options)
    for way, action in WAYS.items():
        routes.get(f"/{way}/{{stream}}", status_code=204)(doors.looker(action))
        routes.options(f"/{way}/{{stream}}")(doors.options(action))
    return routes


class _Doors:
    """One method for each call, as `router` hangs them."""

    def __init__(self, plane: MediaEngine, who: Who, ice: Ice, known: Known, viewed: Viewed) -> None:
        self._plane, self._who, self._ice, self._known, self._viewed = plane, who, ice, known, viewed
        self._limit = OfferLimit()

    async def publish(self, stream: str, request: Request) -> Response:
        """Publish a stream of a vehicle: SDP offer in, SDP answer out."""
        offer = check_offer(await self._offer(request, "publish", stream), media_kind(stream))
        fingerprint = fingerprint_of(offer)
        await self._known(request, stream, fingerprint)
        held = held_to(offer, fingerprint) if fingerprint else offer
        with span("media", action="publish"):
            return self._created(await self._plane.publish(stream, held.encode()), request)

    async def view(self, stream: str, request: Request) -> Response:
        """View a stream of a vehicle: SDP offer in, SDP answer out."""
        offer = await self._offer(request, "view", stream)
        with span("media", action="view"):
            session = await self._plane.view(stream, offer)
        await self._viewed(request, session)
        return self._created(session, request)

    async def patch(self, session_id: str, request: Request) -> Response:
        """Tell candidates that were found after the offer, or answer a counter-offer."""
        session = await self._own(request, session_id)
        if _type_of(request) == SDP_TYPE:
            await self._plane.complete(session_id, await _bounded_body(request))
            return Response(status_code=204, headers=CORS)
        _expect_type(request, FRAGMENT_TYPE)
        fragment = check_fragment(await _bounded_body(request))
        _expect_match(request, session)
        await self._plane.trickle(session_id, fragment)
        return Response(status_code=204, headers=CORS)

    async def end(self, session_id: str, request: Request) -> Response:
        """Stop publishing or viewing."""
        await self._own(request, session_id)
        await self._plane.end(session_id)
        return Response(headers=CORS)

    async def ice(self, request: Request) -> Response:
        """The STUN and TURN servers to use, and whether nothing but them: JSON for RTCPeerConnection."""
        headers = {**CORS, "Cache-Control": "no-store"}
        return Response(
            msgspec.json.encode(self._ice(request).as_view()), media_type="application/json", headers=headers
        )

    async def look(self, session_id: str, request: Request) -> Response:
        """Nothing to read, as the standard wants it; 404 when the session is over."""
        await self._own(request, session_id)
        return Response(status_code=204, headers=CORS)

    async def session_options(self, session_id: str) -> Response:
        """What may be asked of a session, from any page."""
        return _allowed(SESSION_METHODS, {})

    def looker(self, action: Action) -> Door:
        async def look_at_endpoint(stream: str, request: Request) -> Response:
            """Nothing to read, as the standard wants it."""
            await self._ask(request, action, stream)
            return Response(status_code=204, headers=CORS)

        return look_at_endpoint

    def options(self, action: Action) -> Door:
        async def options(stream: str, request: Request) -> Response:
            """What may be asked here, from any page; with a token also the STUN and TURN servers to use."""
            told = _allowed(ENDPOINT_METHODS, {"Accept-Post": SDP_TYPE})
            if "authorization" in request.headers:
                await self._ask(request, action, stream)
                _add_links(told, self._ice(request).as_links())
            return told

        return options

    async def _offer(self, request: Request, action: Action, stream: str) -> bytes:
        await self._ask(request, action, stream)
        self._limit.take(_asker(request), time.monotonic())
        _expect_type(request, SDP_TYPE)
        return await _bounded_body(request)

    async def _own(self, request: Request, session_id: str) -> Session:
        session = self._plane.find(session_id)
        if session is None:
            raise NotFound("media_session_gone")
        await self._ask(request, session.action, session.stream)
        return session

    async def _ask(self, request: Request, action: Action, stream: str) -> None:
        media_kind(stream)
        said = self._who(request, action, stream)
        if inspect.isawaitable(said):
            await said

    def _created(self, session: Session, request: Request) -> Response:
        headers = {**CORS, "Location": f"{PREFIX}/session/{session.id}", "ETag": session.etag}
        status = 406 if session.counter_offer else 201  # draft-ietf-wish-whep, "Server Sends Counter-offer"
        said = session.counter_offer or session.answer
        answer = Response(said, status_code=status, media_type=SDP_TYPE, headers=headers)
        _add_links(answer, self._ice(request).as_links())
        return answer


def _asker(request: Request) -> str:
    """Whose offers are counted together: the bearer of one token, else one address."""
    return request.headers.get("authorization") or (request.client.host if request.client else "")


def _type_of(request: Request) -> str:
    return request.headers.get("content-type", "").split(";")[0].strip().lower()


def _expect_type(request: Request, expected: str) -> None:
    if _type_of(request) != expected:
        raise WrongType(expected=expected)


def _expect_match(request: Request, session: Session) -> None:
    """RFC 9725 4.3.1: candidates name the ICE session that they are for; ``*`` asks for a new one."""
    told = request.headers.get("if-match")
    if told is None:
        raise MatchRequired(etag=session.etag)
    if told.strip() == "*":
        raise RefusedInput("media_no_ice_restart")
    if session.etag not in [one.strip() for one in told.split(",")]:
        raise StaleSession(etag=session.etag)


async def _bounded_body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > SDP_BYTES_MAX:
            raise RefusedInput("sdp_too_big", bytes=len(body), limit=SDP_BYTES_MAX)
    return bytes(body)


def _allowed(methods: str, more: dict[str, str]) -> Response:
    return Response(headers={**CORS, **PREFLIGHT, "Access-Control-Allow-Methods": methods, "Allow": methods, **more})


def _add_links(response: Response, links: Sequence[str]) -> None:
    for link in links:
        response.headers.append("Link", link)
