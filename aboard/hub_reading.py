"""What anybody with a badge reads at a hub by HTTP, changing nothing; who may read what is said at each door."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from fastapi import Request, Response

from casebook.access import Badge, Role, need
from casebook.door import badge_of
from hospital_board.consult_stills import need_still

if TYPE_CHECKING:
    from aboard.hub import Hub


def open_reading(hub: Hub) -> None:
    """On the hub's own port."""
    app = hub.app

    @app.get("/api/v1/me")
    async def me(request: Request) -> Badge:
        """Whose token this is."""
        return badge_of(hub.gate, request)

    @app.get("/api/v1/hubs")
    async def hubs(request: Request) -> list[str]:
        """Where a screen goes when this hub is gone."""
        badge_of(hub.gate, request)
        return hub.addresses()

    @app.get("/api/v1/roads.geojson")
    async def roads(request: Request) -> Response:
        """The road network as the console draws it."""
        need(badge_of(hub.gate, request), Role.DISPATCHER, what="roads")
        return Response(hub.dispatch.roads_geojson(), media_type="application/geo+json")

    @app.get("/api/v1/still/{sha256}")
    async def still(request: Request, sha256: str) -> Response:
        """A still kept of a live picture, as JPEG."""
        need_still(hub.book.picture, badge_of(hub.gate, request), sha256)
        image = await asyncio.to_thread(hub.ward.stills.get, sha256)
        headers = {"X-Content-Type-Options": "nosniff", "Cache-Control": "private, max-age=86400, immutable"}
        return Response(image, media_type="image/jpeg", headers=headers)

    @app.get("/api/v1/shown")
    async def shown(request: Request) -> list[dict[str, Any]]:
        """How many recorded vitals reached which screen."""
        need(badge_of(hub.gate, request), what="shown")
        return hub.shown.counts()

    @app.get("/api/v1/media")
    async def media(request: Request) -> dict[str, Any]:
        """What the media plane carried, stream by stream."""
        need(badge_of(hub.gate, request), what="media")
        return {stream: hub.plane.stats(stream) for stream in hub.plane.streams()}
