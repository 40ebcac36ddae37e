"""Keep one peer connection to the hub alive: offer by one POST, notice its loss, make a new one after a pause.

One attempt at a time, pauses doubled and jittered, so that a hub that returns is not met by all vehicles at once.
What is sent or shown is the sender's and the receiver's.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import Callable

import httpx
import msgspec
from aiortc import (
    RTCCertificate,
    RTCConfiguration,
    RTCIceServer,
    RTCIceTransportPolicy,
    RTCPeerConnection,
    RTCSessionDescription,
)

from casebook.errors import CoordinationError, FeedLost, RefusedInput
from media.aiortc_private import packets_received, seal_with
from media.dscp import Mark, mark
from media.signalling import PREFIX, SDP_TYPE
from media.vehicle_key import HEADER, KEPT

log = logging.getLogger(__name__)

SILENCE_S = 2.0  # nothing heard for so long while connected: the link is down
KNOCK_S = 1.0  # the hub that answers does so within this; a TCP connection knocks a second time after 1 s
CONNECT_S = 10.0
STEADY_S = 5.0  # a link that lived shorter counts as failed: two publishers of one stream must not chase each other
PAUSE_S, PAUSE_S_MAX = 0.25, 5.0
_LOOK_S = 0.25

Prepare = Callable[[RTCPeerConnection], None]


class _Ice(msgspec.Struct):
    """What the hub says of STUN and TURN."""

    ice_servers: list[RTCIceServer] = []  # msgspec makes a new one for each
    relay_only: bool = False


def pause_s(failures: int, rng: random.Random) -> float:
    """How long to wait after so many failures in a row: doubled, capped, and between 50 and 100 % of that."""
    return min(PAUSE_S_MAX, PAUSE_S * 2 ** min(failures, 10)) * rng.uniform(0.5, 1.0)


class Link:
    """`path` is ``whip/A01`` or ``whep/A01.waves``; `client` brings base URL and token.

    `prepare` sets each new peer connection up before the offer; once `spent()` it is of no more use. The hub is never
    silent on a live connection: it reports on video (RTCP, at most 1.5 s apart) and beats on wave channels.
    `certificate` is kept for good, and the hub is told so; without it each connection makes its own. `marked`: how
    packets are marked; a connection that does not come about is tried without, and then with marks again.
    """

    def __init__(
        self,
        client: httpx.AsyncClient,
        path: str,
        prepare: Prepare,
        *,
        spent: Callable[[], bool] = lambda: False,
        certificate: RTCCertificate | None = None,
        marked: Mark | None = None,
        rng: random.Random | None = None,
    ) -> None:
        self._client, self._path, self._certificate, self._mark = client, path, certificate, marked
        self._marks = True  # false while marked packets did not get through
        self._prepare, self._spent = prepare, spent
        self._rng = rng or random.Random()
        self.connected = asyncio.Event()
        self.connections = 0
        self.last_error: CoordinationError | None = None
        self.pc: RTCPeerConnection | None = None

    async def run(self) -> None:
        """Connect, stay, connect again; until cancelled."""
        failures, now_s = 0, asyncio.get_running_loop().time
        while True:
            began_s = now_s()
            failures += 1
            try:
                await self._live_once()
                if now_s() - began_s > STEADY_S:
                    failures = 0
            except CoordinationError as why:
                if self.last_error is None or self.last_error.key != why.key:
                    log.warning("media link %s: %s", self._path, why)
                self.last_error = why
            await asyncio.sleep(pause_s(failures, self._rng))

    async def _live_once(self) -> None:
        configuration = await self._configuration()
        pc = self._connection(configuration)
        session_url = None
        try:
            await pc.setLocalDescription(await pc.createOffer())
            self._mark_packets(pc)
            answer = await self._ask("POST", f"{PREFIX}/{self._path}", pc)
            session_url = answer.headers.get("Location")
            if answer.status_code == 406 and session_url:
                await pc.close()
                pc = self._connection(configuration)
                await self._answer(pc, answer.text, session_url)
            else:
                await self._take(pc, answer.text, "answer")
            await self._until_connected(pc)
            self.pc, self.last_error = pc, None
            self.connections += 1
            self.connected.set()
            log.info("media link open: %s", self._path)
            await self._until_lost(pc)
        finally:
            self.connected.clear()
            self.pc = None
            await self._end(pc, session_url)

    async def _configuration(self) -> RTCConfiguration:
        """With the STUN and TURN servers that the hub names; none where it names none, or is of an older version."""
        try:
            told = await self._client.get(f"{PREFIX}/ice")
            ice = msgspec.json.decode(told.content, type=_Ice) if told.status_code == 200 else _Ice()
        except httpx.HTTPError as why:
            raise FeedLost("media_hub_silent", stream=self._path) from why
        except msgspec.DecodeError:
            ice = _Ice()
        policy = RTCIceTransportPolicy.RELAY if ice.relay_only else RTCIceTransportPolicy.ALL
        return RTCConfiguration(iceServers=ice.ice_servers, iceTransportPolicy=policy)

    def _connection(self, configuration: RTCConfiguration) -> RTCPeerConnection:
        pc = RTCPeerConnection(configuration)
        if self._certificate is not None:
            seal_with(pc, self._certificate)
        self._prepare(pc)
        return pc

    def _mark_packets(self, pc: RTCPeerConnection) -> None:
        if self._mark is not None and self._marks:
            mark(pc, self._mark)

    async def _answer(self, pc: RTCPeerConnection, offer: str, session_url: str) -> None:
        """The hub's media server takes no offers of viewers and made one of its own: answer that."""
        await self._take(pc, offer, "offer")
        await pc.setLocalDescription(await pc.createAnswer())
        self._mark_packets(pc)
        await self._ask("PATCH", session_url, pc)

    async def _ask(self, method: str, url: str, pc: RTCPeerConnection) -> httpx.Response:
        """Tell the hub our description. Raises FeedLost, RefusedInput."""
        sdp, headers = pc.localDescription.sdp, {"Content-Type": SDP_TYPE}
        if self._certificate is not None:
            headers[HEADER] = KEPT
        try:
            answer = await self._client.request(method, url, content=sdp, headers=headers)
        except httpx.HTTPError as why:
            raise FeedLost("media_hub_silent", stream=self._path) from why
        offered = answer.status_code == 406 and answer.headers.get("content-type", "").startswith(SDP_TYPE)
        if answer.status_code not in (201, 204) and not offered:
            raise RefusedInput("media_refused", stream=self._path, status=answer.status_code, why=_key_of(answer))
        return answer

    async def _take(self, pc: RTCPeerConnection, sdp: str, kind: str) -> None:
        try:
            await pc.setRemoteDescription(RTCSessionDescription(sdp, kind))
        except Exception as why:  # whatever the parser raises, the description is bad
            raise RefusedInput("sdp_malformed", where=f"{type(why).__name__} {why}"[:120]) from why

    async def _until_connected(self, pc: RTCPeerConnection) -> None:
        settled = asyncio.Event()
        pc.on("connectionstatechange", lambda: pc.connectionState != "connecting" and settled.set())
        with contextlib.suppress(TimeoutError):
            if pc.connectionState not in ("connected", "failed", "closed"):
                async with asyncio.timeout(CONNECT_S):
                    await settled.wait()
        if pc.connectionState != "connected":
            self._marks = not self._marks
            raise FeedLost("media_hub_silent", stream=self._path)

    async def _until_lost(self, pc: RTCPeerConnection) -> None:
        """Return when the connection is lost for good.

        Silence alone does not say so: in a tunnel a new connection would get no further, and coming out the old one is
        heard a second sooner. It is lost when the hub answers by HTTP and is still not heard on it.
        """
        now_s = asyncio.get_running_loop().time
        heard, heard_at_s, answered = -1, now_s(), False
        while pc.connectionState == "connected" and not self._spent():
            await asyncio.sleep(_LOOK_S)
            received = packets_received(pc)
            if received != heard:
                heard, heard_at_s, answered = received, now_s(), False
                self.connected.set()
            elif answered:
                break
            elif now_s() - heard_at_s > SILENCE_S:
                self.connected.clear()
                answered = await self._answers()
        log.info("media link lost: %s", self._path)

    async def _answers(self) -> bool:
        """Whether the hub can be reached at all; told within `KNOCK_S`."""
        try:
            await self._client.get(f"{PREFIX}/ice", timeout=KNOCK_S)
        except httpx.HTTPError:
            return False
        return True

    async def _end(self, pc: RTCPeerConnection, session_url: str | None) -> None:
        await pc.close()  # first: a second cancellation must not leave aiortc's decoder thread, which blocks the exit
        if session_url:
            with contextlib.suppress(httpx.HTTPError):
                await self._client.delete(session_url, timeout=1.0)


def _key_of(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["error"])
    except (ValueError, KeyError, TypeError):
        return str(answer.status_code)
