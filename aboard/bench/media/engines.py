"""What the forwarder is compared with, behind the same WHIP and WHEP: a relay that decodes, and a screen without relay.

`StockRelay` is aiortc as one would use it for a relay: MediaRelay between its own receivers and its own senders, so
that every picture is decoded once and encoded for each viewer. `Screen` shows what is published to it, one hop, with
our way of receiving or aiortc's.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from typing import Any

import av
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.contrib.media import MediaRelay
from aiortc.mediastreams import MediaStreamError

from casebook.clock import WallClock
from casebook.errors import NotFound, RefusedInput
from media.aiortc_private import keep_newest, receive_live
from media.codec import capabilities
from media.engine import Action, Session
from media.offers import Fragment
from media.receiver import top_luma
from media.stamp import find


def wall_ms() -> float:
    """The wall's ms since 1970, as the stamps have them."""
    return WallClock().now().timestamp() * 1000


class Log:
    """Notes each picture of each stream as it is shown: [when, age in ms or None]."""

    def __init__(self) -> None:
        self.seen: dict[str, list[tuple[float, float | None]]] = {}
        self._begun: dict[str, asyncio.Event] = {}

    def begun(self, stream: str) -> asyncio.Event:
        """Set with the first picture of a stream."""
        return self._begun.setdefault(stream, asyncio.Event())

    def show(self, stream: str, frame: av.VideoFrame) -> None:
        stamp = find(top_luma(frame))
        age_ms = None if stamp is None else wall_ms() - stamp.wall_ms
        self.seen.setdefault(stream, []).append((time.monotonic(), age_ms))
        self.begun(stream).set()

    async def read(self, stream: str, track: MediaStreamTrack) -> None:
        """Show all of a track."""
        with contextlib.suppress(MediaStreamError):
            while True:
                frame = await track.recv()
                assert isinstance(frame, av.VideoFrame)
                self.show(stream, frame)


class Answering:
    """The part of the engines' contract (`media.engine`) that both need: an offer in, a session with its answer out."""

    def __init__(self) -> None:
        self._sessions: dict[str, tuple[Session, RTCPeerConnection]] = {}

    async def _open(
        self, stream: str, action: Action, offer: bytes, prepare: Callable[[RTCPeerConnection], None]
    ) -> Session:
        pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        prepare(pc)
        await pc.setRemoteDescription(RTCSessionDescription(offer.decode(), "offer"))
        await pc.setLocalDescription(await pc.createAnswer())
        session = Session(stream=stream, action=action, answer=pc.localDescription.sdp)
        self._sessions[session.id] = (session, pc)
        return session

    def find(self, session_id: str) -> Session | None:
        kept = self._sessions.get(session_id)
        return kept[0] if kept else None

    async def end(self, session_id: str) -> None:
        kept = self._sessions.pop(session_id, None)
        if kept:
            await kept[1].close()

    async def close(self) -> None:
        for session_id in list(self._sessions):
            await self.end(session_id)

    async def complete(self, session_id: str, answer: bytes) -> None:
        raise RefusedInput("media_no_counter_offer")

    async def trickle(self, session_id: str, fragment: Fragment) -> None:
        return

    async def want_key_frame(self, stream: str) -> None:
        return

    def streams(self) -> list[str]:
        return []

    def stats(self, stream: str) -> dict[str, Any]:
        return {}


class StockRelay(Answering):
    """Decodes once, encodes for every viewer. A viewer comes after its publisher."""

    def __init__(self) -> None:
        super().__init__()
        self._relay = MediaRelay()
        self._tracks: dict[str, MediaStreamTrack] = {}

    async def publish(self, stream: str, offer: bytes) -> Session:
        def prepare(pc: RTCPeerConnection) -> None:
            pc.on("track", lambda track: self._tracks.__setitem__(stream, track))

        return await self._open(stream, "publish", offer, prepare)

    async def view(self, stream: str, offer: bytes) -> Session:
        if stream not in self._tracks:
            raise NotFound("media_session_gone")
        track = self._relay.subscribe(self._tracks[stream])
        return await self._open(stream, "view", offer, lambda pc: pc.addTrack(track) and None)


class Screen(Answering):
    """Shows every published stream to `log`."""

    def __init__(self, log: Log, *, stock: bool) -> None:
        super().__init__()
        self._log, self._stock = log, stock
        self._reading: set[asyncio.Task[None]] = set()

    async def publish(self, stream: str, offer: bytes) -> Session:
        def prepare(pc: RTCPeerConnection) -> None:
            if not self._stock:
                transceiver = pc.addTransceiver("video", direction="recvonly")
                transceiver.setCodecPreferences(capabilities("VP8"))
                receive_live(transceiver.receiver)
            pc.on("track", lambda track: self._read(stream, track))

        return await self._open(stream, "publish", offer, prepare)

    async def view(self, stream: str, offer: bytes) -> Session:
        raise RefusedInput("media_no_counter_offer")

    def _read(self, stream: str, track: MediaStreamTrack) -> None:
        if not self._stock:
            keep_newest(track)
        reading = asyncio.create_task(self._log.read(stream, track))
        self._reading.add(reading)
        reading.add_done_callback(self._reading.discard)
