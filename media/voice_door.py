"""The HTTP side of voice: join a vehicle's conversation by one POST with an SDP offer, leave by DELETE, see who is on.

At the hub these paths are the plane's own; at a vehicle's server the same paths are passed on to the hub with the
vehicle's badge, so that the tablet needs none there. Sound never comes this way.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from fastapi import APIRouter, Request, Response

from casebook.access import Badge
from casebook.door import body_of
from casebook.errors import FeedLost, NotAllowed, NotFound, RefusedInput
from media.signalling import PREFIX as MEDIA_PREFIX
from media.signalling import SDP_BYTES_MAX, SDP_TYPE
from media.voice import VoicePlane

if TYPE_CHECKING:
    import httpx

PREFIX = "/api/v1/voice"

Who = Callable[[Request, str], Badge]


def voice_router(plane: VoicePlane, who: Who) -> APIRouter:
    """The hub's paths. `who(request, unit)` gives the asker's badge or raises NotAllowed."""
    routes = APIRouter(prefix=PREFIX, tags=["voice"])

    @routes.post("/{unit}", status_code=201, response_class=Response)
    async def join(unit: str, request: Request, seat: str = "") -> Response:
        """Join the conversation about a vehicle: SDP offer in, SDP answer out. `seat`: the same browser's own word."""
        badge = who(request, unit)
        if request.headers.get("content-type", "").split(";")[0].strip().lower() != SDP_TYPE:
            raise RefusedInput("sdp_content_type", expected=SDP_TYPE)
        party = await plane.join(unit, badge, await body_of(request, SDP_BYTES_MAX), seat)
        headers = {"Location": f"{PREFIX}/session/{party.session}"}
        return Response(party.answer, status_code=201, media_type=SDP_TYPE, headers=headers)

    @routes.get("/{unit}")
    async def roster(unit: str, request: Request) -> dict[str, Any]:
        """Who is on, with microphones and who talks; for a screen that has not joined."""
        who(request, unit)
        return {"parties": plane.roster(unit)}

    @routes.delete("/session/{session}", status_code=204, response_class=Response)
    async def leave(session: str, request: Request) -> Response:
        """Leave; only who joined may."""
        party = plane.find(session)
        if party is None:
            raise NotFound("media_session_gone")
        if who(request, party.unit) != party.badge:
            raise NotAllowed("not_allowed", what="voice", needs=party.badge.role)
        await plane.leave(session)
        return Response(status_code=204)

    return routes


def passing_router(client: httpx.AsyncClient | None, own: str, admit: Callable[[Request, str], object]) -> APIRouter:
    """The same paths at a vehicle's server. `client` brings the hub's base URL and the vehicle's token (None: it has
    no live media); `admit(request, what)` lets only the crew in."""
    import httpx  # at a vehicle only: a hub starts without it

    routes = APIRouter(tags=["voice"])

    async def ask(method: str, path: str, **more: Any) -> Response:
        if client is None:
            raise FeedLost("media_hub_silent", stream=f"voice/{own}")
        try:
            answer = await client.request(method, path, **more)
        except httpx.HTTPError as why:
            raise FeedLost("media_hub_silent", stream=f"voice/{own}") from why
        kept = {name: answer.headers[name] for name in ("Location", "Content-Type") if name in answer.headers}
        return Response(answer.content, status_code=answer.status_code, headers=kept)

    def check(request: Request, unit: str) -> None:
        admit(request, "voice")
        if unit != own:
            raise NotAllowed("not_allowed", what=f"voice {unit}"[:80], needs=own)

    @routes.get(f"{MEDIA_PREFIX}/ice", response_class=Response)
    async def ice(request: Request) -> Response:
        """The STUN and TURN servers that the hub names for this vehicle."""
        check(request, own)
        return await ask("GET", f"{MEDIA_PREFIX}/ice")

    @routes.post(f"{PREFIX}/{{unit}}", response_class=Response)
    async def join(unit: str, request: Request, seat: str = "") -> Response:
        """Join the conversation about this vehicle, at the hub."""
        check(request, unit)
        offer, headers = (
            await body_of(request, SDP_BYTES_MAX),
            {"Content-Type": request.headers.get("content-type", "")},
        )
        return await ask("POST", f"{PREFIX}/{unit}", content=offer, headers=headers, params={"seat": seat})

    @routes.get(f"{PREFIX}/{{unit}}", response_class=Response)
    async def roster(unit: str, request: Request) -> Response:
        """Who is on, as the hub tells."""
        check(request, unit)
        return await ask("GET", f"{PREFIX}/{unit}")

    @routes.delete(f"{PREFIX}/session/{{session}}", response_class=Response)
    async def leave(session: str, request: Request) -> Response:
        """Leave, at the hub."""
        check(request, own)
        return await ask("DELETE", f"{PREFIX}/session/{quote(session, safe='')}")

    return routes
