"""Open the router's doors at a hub: its own map, the closures of its book, the bases of its vehicles.

Dispatchers and the drill director may ask. What is answered is routing/routes_api.py's and routing/osrm_api.py's.
"""

from __future__ import annotations

from datetime import datetime

from fastapi import Request

from aboard.hub import Hub
from casebook.access import Role, need
from casebook.door import badge_of
from dispatch.journeys import traffic_of, traffic_version
from dispatch.whereabouts import HELICOPTER
from routing.coverage import Station
from routing.osrm_api import osrm_router
from routing.roads import Roadmap
from routing.routes_api import Roads, RoadsNow, routes_router


def add_routes(hub: Hub, roadmap: Roadmap) -> None:
    """/api/v1/routes/... and /osrm/... on the hub's port."""
    roads = Roads(roadmap, lambda at: roads_now(hub, at), lambda: bases_of(hub))
    hub.app.include_router(routes_router(roads, lambda request: _admit(hub, request)))
    hub.app.include_router(osrm_router(roads, lambda request: _admit(hub, request)))


def _admit(hub: Hub, request: Request) -> None:
    need(badge_of(hub.gate, request), Role.DISPATCHER, what="routes")


def roads_now(hub: Hub, at: datetime | None) -> RoadsNow:
    """The roads as the book knows them now, asked for an instant (None: now)."""
    picture, when = hub.book.picture, at or hub.clock.now()
    return RoadsNow(when, traffic_of(picture), traffic_version(picture, when))


def bases_of(hub: Hub) -> tuple[Station, ...]:
    """Each place from which ground vehicles set out, named by its station, else by its first vehicle."""
    found: dict[tuple[float, float], Station] = {}
    for unit in sorted(hub.book.picture.units.values(), key=lambda unit: unit.id):
        if unit.kind != HELICOPTER:
            found.setdefault((unit.base.lat, unit.base.lon), Station(unit.station or unit.id, unit.base))
    return tuple(found.values())
