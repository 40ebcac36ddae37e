"""Choose what carries the pictures and how peers behind firewalls reach it, by the settings of the environment.

The hub's own forwarder, or a Janus server where ABOARD_JANUS_URL names one: both keep `media.engine`'s contract. STUN
and TURN servers by ABOARD_TURN_URLS. How those servers are set up is in deploy/janus and deploy/coturn.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Mapping
from pathlib import Path

from fastapi import Request

from casebook import events as e
from casebook.access import Gate
from casebook.book import Book
from casebook.clock import WallClock
from casebook.door import badge_of
from casebook.errors import RefusedInput
from casebook.log import By
from casebook.picture import Picture
from media import dscp, vehicle_key
from media.engine import MediaEngine, Told
from media.forwarder import MediaPlane
from media.signalling import Ice, Known
from media.turn import IceServers, Turn


def media_engine(
    on_started: Told,
    on_stopped: Told,
    on_waves: Callable[[str, bytes], object] | None = None,
    settings: Mapping[str, str] = os.environ,
) -> MediaEngine:
    """The forwarder, or a Janus with the forwarder beside it for waves. `on_waves` is given each packet of them."""
    dscp.switch(on=settings.get("ABOARD_DSCP", "") != "off")
    plane = MediaPlane(on_started=on_started, on_stopped=on_stopped, on_waves=on_waves or (lambda unit, packet: None))
    url = settings.get("ABOARD_JANUS_URL", "")
    if not url:
        return plane
    from media.janus import JanusEngine  # with a web client that no other hub needs: a tenth of its start

    owner = settings.get("ABOARD_JANUS_NAME", "") or socket.gethostname()
    return JanusEngine(url, plane, on_started=on_started, on_stopped=on_stopped, owner=owner)


def ice_for(gate: Gate, settings: Mapping[str, str] = os.environ) -> Ice:
    """Tells whoever has a badge the STUN and TURN servers; credentials end by the wall's clock, in a drill too.

    Raises RefusedInput as `turn_servers`.
    """
    turn = turn_servers(settings)

    def told(request: Request) -> IceServers:
        badge = badge_of(gate, request)
        return turn.servers_for(badge.unit or badge.who, WallClock().now())

    return told


def known_keys(book: Book) -> Known:
    """Takes a vehicle's media with the key that it has shown; what is new of that is written first."""

    async def known(request: Request, stream: str, fingerprint: str) -> None:
        unit, kept = stream.split(".")[0], request.headers.get(vehicle_key.HEADER) == vehicle_key.KEPT
        at = book.clock.now()

        def decide(picture: Picture) -> list[e.Event]:
            return vehicle_key.key_facts(picture.get_unit(unit), fingerprint, at, kept=kept)

        if decide(book.picture):
            await book.write(decide, By("desk", "media", "device"), at)
        vehicle_key.need_key(book.picture.get_unit(unit), fingerprint)

    return known


def turn_servers(settings: Mapping[str, str] = os.environ) -> Turn:
    """The STUN and TURN servers that peers are told of. Raises RefusedInput for settings that cannot work."""
    urls = tuple(url.strip() for url in settings.get("ABOARD_TURN_URLS", "").split(",") if url.strip())
    file, secret = settings.get("ABOARD_TURN_SECRET_FILE", ""), ""
    if file:
        try:
            secret = Path(file).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as why:
            raise RefusedInput("turn_secret_unreadable", file=file, why=type(why).__name__) from why
    return Turn(urls, secret, relay_only=bool(settings.get("ABOARD_TURN_RELAY_ONLY", "")))
