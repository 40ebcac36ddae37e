"""Rooms and mountpoints at a Janus server, one of each for a stream, and which publisher goes from one to the other.

A publisher comes into the room of the videoroom plugin; viewers watch the mountpoint of the streaming plugin. Sessions
and their events are `media.janus`'s.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from dataclasses import dataclass, field
from typing import Any

from casebook.errors import CoordinationError, RefusedInput
from media.engine import Session
from media.janus_client import JanusClient

PAYLOAD_TYPE = 96
IDS = 1 << 52  # Janus's numbers are JSON integers


@dataclass(eq=False, kw_only=True)
class Handled(Session):
    """A session with its handle at Janus."""

    handle: int
    opened_at_s: float
    publisher: int = 0
    mid: str = "0"
    up: bool = False
    over: bool = False
    slow: int = 0  # times that Janus called the link lossy


@dataclass(eq=False)
class Room:
    """One stream at Janus: a room and a mountpoint of the same number, and who is forwarded from one to the other."""

    id: int
    port: int
    rtcp_port: int
    source: Handled | None = None  # whose packets come
    forwarded: Handled | None = None  # whose packets would go on to the mountpoint
    forwarder: int = 0
    asked_at_s: float = float("-inf")
    counts: dict[str, int] = field(default_factory=lambda: {"publishers": 0, "key_frame_requests": 0})


class JanusRooms:
    """`owner` names this hub's rooms, so that what it left behind is cleared when it comes again."""

    def __init__(self, janus: JanusClient, owner: str, rng: random.Random) -> None:
        self._janus, self._owner, self._rng = janus, f"aboard {owner}", rng
        self._desks: dict[str, int] = {}  # handles by plugin, for what concerns no peer connection
        self._rooms: dict[str, Room] = {}
        self._making, self._steps = asyncio.Lock(), asyncio.Lock()

    def find(self, stream: str) -> Room | None:
        return self._rooms.get(stream)

    def live(self) -> list[str]:
        """The streams whose publisher's packets come."""
        return [stream for stream, room in self._rooms.items() if room.source is not None]

    def forget(self) -> None:
        """Janus or our session with it is gone."""
        self._rooms.clear()
        self._desks.clear()

    async def close(self) -> None:
        """End every room."""
        with contextlib.suppress(CoordinationError):
            for room in list(self._rooms.values()):
                await self._destroy(room.id)
        self._rooms.clear()

    async def get(self, stream: str) -> Room:
        """The stream's room and mountpoint, made when first asked for."""
        async with self._making:
            if stream not in self._rooms:
                if not self._desks:
                    self._desks = {one: await self._janus.attach(one) for one in ("videoroom", "streaming")}
                    await self._clear_old()
                self._rooms[stream] = await self._made(stream)
            return self._rooms[stream]

    async def _made(self, stream: str) -> Room:
        number, name = self._rng.randrange(1, IDS), f"{self._owner} {stream}"
        room = {"request": "create", "room": number, "description": name, "publishers": 8, "videocodec": "vp8"}
        await self._janus.ask(self._desks["videoroom"], room)
        media = {"type": "video", "mid": "0", "codec": "vp8", "pt": PAYLOAD_TYPE, "port": 0, "rtcpport": 0}
        media |= {"iface": "127.0.0.1"}  # no "bufferkf": after the kept key frame comes a hole that nobody sees
        mountpoint = {"request": "create", "type": "rtp", "id": number, "description": name, "media": [media]}
        made = await self._janus.ask(self._desks["streaming"], mountpoint)
        ports = made.data["stream"]["ports"][0]
        return Room(number, int(ports["port"]), int(ports["rtcp_port"]))

    async def _clear_old(self) -> None:
        """End the rooms that a hub of this name left behind."""
        rooms = (await self._janus.ask(self._desks["videoroom"], {"request": "list"})).data.get("list", [])
        points = (await self._janus.ask(self._desks["streaming"], {"request": "list"})).data.get("list", [])
        ours = {one.get("room", one.get("id")) for one in (*rooms, *points) if self._is_ours(one)}
        for number in ours:
            await self._destroy(int(number))

    def _is_ours(self, listed: dict[str, Any]) -> bool:
        return str(listed.get("description", "")).startswith(f"{self._owner} ")

    async def _destroy(self, number: int) -> None:
        for plugin, name in (("videoroom", "room"), ("streaming", "id")):
            with contextlib.suppress(RefusedInput):  # one of the two may be gone already
                await self._janus.ask(self._desks[plugin], {"request": "destroy", name: number})

    async def forward(self, session: Handled) -> None:
        """Let this publisher's packets go on to the viewers, and nobody else's."""
        async with self._steps:
            room = self._rooms.get(session.stream)
            if room is None or room.forwarded is session or session.over:
                return
            if room.forwarded is not None:
                body = {"request": "stop_rtp_forward", "room": room.id, "publisher_id": room.forwarded.publisher}
                with contextlib.suppress(RefusedInput):  # it ended with its publisher
                    await self._janus.ask(self._desks["videoroom"], body | {"stream_id": room.forwarder})
                room.forwarded = None
            streams = [{"mid": session.mid, "port": room.port, "rtcp_port": room.rtcp_port, "pt": PAYLOAD_TYPE}]
            body = {"request": "rtp_forward", "room": room.id, "publisher_id": session.publisher}
            body |= {"host": "127.0.0.1", "host_family": "ipv4", "streams": streams}
            reply = await self._janus.ask(self._desks["videoroom"], body)
            room.forwarded, room.forwarder = session, int(reply.data["forwarders"][0]["stream_id"])
