"""Ask the mobile network for a guaranteed uplink of each vehicle with a red patient aboard, where a hub is set up so.

A composition root: the driver by the file that ABOARD_QOD_FILE names, the wish by the picture, what became of it into
the book; and the door for the network's notifications, which say no more than: look now.
"""

from __future__ import annotations

import hmac
import os
import secrets
import time
from collections.abc import Mapping
from pathlib import Path

import msgspec
from fastapi import Request, Response

from aboard.hub import Hub
from casebook import events as e
from casebook.clock import WallClock
from casebook.door import body_of, token_of
from casebook.errors import NotAllowed, RefusedInput
from casebook.log import By
from media.qos import NetworkQuality, units_in_need
from media.qos_keeper import UplinkKeeper

EVENTS = "/api/v1/uplink/events"
EVENT_BYTES_MAX = 16 * 1024
NETWORK = By("desk", "uplink", "device")


class _Told(msgspec.Struct, rename="camel"):
    session_id: str


class _CloudEvent(msgspec.Struct):
    """Of a notification only the session's name is read: what is so is asked of the network itself."""

    data: _Told


def add_uplinks(hub: Hub, settings: Mapping[str, str] = os.environ) -> UplinkKeeper | None:
    """Let the hub ask; None where it is not set up so, which is the default. Raises RefusedInput (`qod_settings`)."""
    file = settings.get("ABOARD_QOD_FILE", "")
    if not file:
        return None
    sink_token = secrets.token_urlsafe(32)
    from media.qos_camara import Camara, read_camara_settings  # with a web client that no other hub needs

    return keep_uplinks(hub, Camara(read_camara_settings(Path(file)), sink_token=sink_token), sink_token)


def keep_uplinks(hub: Hub, network: NetworkQuality, sink_token: str) -> UplinkKeeper:
    """The hub keeps the wishes of its vehicles at `network` from its next start on."""
    book, in_step = hub.book, hub.in_step
    keeper = UplinkKeeper(
        network,
        wanted=lambda: units_in_need(book.picture),
        told=lambda: {unit.id: unit.uplink for unit in book.picture.units.values() if unit.uplink is not None},
        tell=lambda fact: _write(hub, fact),
        wall_now=WallClock().now,
        now_s=time.monotonic,
        leads=lambda: in_step is None or in_step.peers.leads,
    )
    hub.works.append(keeper.run)

    @hub.app.post(EVENTS, status_code=204, response_class=Response)
    async def event(request: Request) -> Response:
        """A notification of the network (CloudEvents, org.camaraproject.quality-on-demand.v1.qos-status-changed)."""
        if not hmac.compare_digest((token_of(request) or "").encode(), sink_token.encode()):
            raise NotAllowed("unknown_token")
        try:
            told = msgspec.json.decode(await body_of(request, EVENT_BYTES_MAX), type=_CloudEvent)
        except (msgspec.DecodeError, RecursionError) as wrong:
            raise RefusedInput("bad_json", where="uplink", why=str(wrong)) from wrong
        keeper.nudge(told.data.session_id)
        return Response(status_code=204)

    return keeper


async def _write(hub: Hub, fact: e.UplinkChanged) -> None:
    await hub.book.write(lambda picture: [fact], NETWORK)
