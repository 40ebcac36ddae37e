"""Let a Janus server carry the pictures: the same contract as the hub's own forwarder, for more than one machine.

A vehicle publishes into a room of Janus's videoroom plugin; what comes there is forwarded on the server itself to a
mountpoint of its streaming plugin, which is always there, so that viewers may come first and stay when a publisher
goes. From Janus 1.1.4 on a viewer's offer is answered; before that Janus makes every offer to a viewer itself, and
`view` gives a counter-offer. Pictures are VP8. Waves and numbers stay with the engine beside: Janus opens no data
channels by number. HTTP is `media.janus_client`'s.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import AsyncIterator, Coroutine
from typing import Any

from casebook.errors import FeedLost, RefusedInput
from media.engine import CONNECT_S, SESSIONS_MAX, Action, MediaEngine, MediaFull, Session, Told, tell
from media.janus_client import Event, JanusClient
from media.janus_rooms import Handled, JanusRooms
from media.offers import Fragment, check_offer, media_kind, only, with_declined

log = logging.getLogger(__name__)

TAKES_OFFERS = (1, 1, 4)  # "support for receiving offers in Streaming plugin (for WHEP)": Janus's changelog, PR 3199
KEY_FRAME_GAP_S = 0.5  # at most two requests a second reach a vehicle
_LOOK_S = 0.5


class JanusEngine:
    """`url` is that of Janus's HTTP API; `owner` names this hub's rooms, so that it clears what it left behind."""

    def __init__(
        self,
        url: str,
        beside: MediaEngine,
        *,
        on_started: Told | None = None,
        on_stopped: Told | None = None,
        owner: str = "hub",
        sessions_max: int = SESSIONS_MAX,
        rng: random.Random | None = None,
    ) -> None:
        self._beside, self._on_started, self._on_stopped = beside, on_started, on_stopped
        self._sessions_max = sessions_max
        self._janus = JanusClient(url, self._hear, self._lost)
        self._rooms = JanusRooms(self._janus, owner, rng or random.SystemRandom())
        self._sessions: dict[str, Handled] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._watch: asyncio.Task[None] | None = None

    # --- sessions -----------------------------------------------------------------------------------------------

    async def publish(self, stream: str, offer: bytes) -> Session:
        if media_kind(stream) != "video":
            return await self._beside.publish(stream, offer)
        text, declined = only(check_offer(offer, "video"), "video")
        if " VP8/" not in text:
            raise RefusedInput("sdp_no_codec", expected="VP8")
        room = await self._rooms.get(stream)
        session = await self._opened(stream, "publish", "videoroom")
        session.heard(text)
        async with self._or_ended(session):
            body = {"request": "joinandconfigure", "ptype": "publisher", "room": room.id, "display": stream}
            reply = await self._janus.ask(session.handle, body, offer=text)
            session.publisher = int(reply.data["id"])
            session.mid = next(line[6:] for line in text.splitlines() if line.startswith("a=mid:"))
            session.answer = with_declined(reply.sdp or "", declined)
            if room.source is None:
                await self._rooms.forward(session)  # before its first packet, which begins a key frame
        return session

    async def view(self, stream: str, offer: bytes) -> Session:
        if media_kind(stream) != "video":
            return await self._beside.view(stream, offer)
        text, declined = only(check_offer(offer, "video"), "video")
        room = await self._rooms.get(stream)
        session = await self._opened(stream, "view", "streaming")
        watch = {"request": "watch", "id": room.id}
        async with self._or_ended(session):
            if self._janus.version >= TAKES_OFFERS:
                session.heard(text)
                reply = await self._janus.ask(session.handle, watch, offer=text)
                session.answer = with_declined(reply.sdp or "", declined)
            else:
                session.counter_offer = (await self._janus.ask(session.handle, watch)).sdp or ""
        return session

    async def complete(self, session_id: str, answer: bytes) -> None:
        session = self._sessions.get(session_id)
        if session is None or not session.counter_offer or session.remote_ufrag is not None:
            raise RefusedInput("media_no_counter_offer")
        text = check_offer(answer, "video")
        session.heard(text)
        await self._janus.ask(session.handle, {"request": "start"}, answer_sdp=text)

    async def trickle(self, session_id: str, fragment: Fragment) -> None:
        session = self._sessions.get(session_id)
        if session is None:
            await self._beside.trickle(session_id, fragment)
            return
        session.may_add(fragment)
        told = [{"sdpMLineIndex": 0, "candidate": f"candidate:{line}"} for line in fragment.candidates]
        if told:
            await self._janus.trickle(session.handle, told)

    def find(self, session_id: str) -> Session | None:
        return self._sessions.get(session_id) or self._beside.find(session_id)

    async def end(self, session_id: str) -> None:
        session = self._sessions.pop(session_id, None)
        if session is None:
            await self._beside.end(session_id)
            return
        session.over = True
        await self._janus.detach(session.handle)
        self._lose(session)
        log.info("media session closed: %s %s at Janus", session.action, session.stream)

    async def close(self) -> None:
        if self._watch:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)
            self._watch = None
        await asyncio.gather(*(self.end(session_id) for session_id in list(self._sessions)))
        await self._rooms.close()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._janus.close()
        await self._beside.close()

    async def _opened(self, stream: str, action: Action, plugin: str) -> Handled:
        if len(self._sessions) >= self._sessions_max:
            raise MediaFull(limit=self._sessions_max)
        handle = await self._janus.attach(plugin)
        session = Handled(stream=stream, action=action, handle=handle, opened_at_s=self._now_s())
        self._sessions[session.id] = session
        self._watch = self._watch or asyncio.create_task(self._watch_over())
        log.info("media session opened: %s %s at Janus", action, stream)
        return session

    @contextlib.asynccontextmanager
    async def _or_ended(self, session: Handled) -> AsyncIterator[None]:
        """A session that Janus does not take is not left behind."""
        try:
            yield
        except BaseException:
            await self.end(session.id)
            raise

    # --- streams ------------------------------------------------------------------------------------------------

    def streams(self) -> list[str]:
        return sorted([*self._rooms.live(), *self._beside.streams()])

    def stats(self, stream: str) -> dict[str, Any]:
        """As the contract; Janus counts packets and frames for itself only."""
        room = self._rooms.find(stream)
        if room is None:
            return self._beside.stats(stream)
        viewers = [one for one in self._sessions.values() if one.stream == stream and one.action == "view"]
        told = [{"slow": one.slow} for one in viewers]
        return {**room.counts, "live": room.source is not None, "viewers": told}

    async def want_key_frame(self, stream: str) -> None:
        room = self._rooms.find(stream)
        if room is None or room.source is None or self._now_s() - room.asked_at_s < KEY_FRAME_GAP_S:
            return
        room.asked_at_s = self._now_s()
        room.counts["key_frame_requests"] += 1
        await self._janus.ask(room.source.handle, {"request": "configure", "keyframe": True})

    # --- what Janus tells ---------------------------------------------------------------------------------------

    def _hear(self, handle: int, event: Event) -> None:
        session = next((one for one in self._sessions.values() if one.handle == handle), None)
        kind = event.get("janus")
        if session is None:
            return
        if kind == "webrtcup":
            session.up = True
            if session.action == "publish":
                self._spawn(self._rooms.forward(session))
        elif kind == "slowlink":
            session.slow += 1
        elif kind in ("hangup", "detached"):
            self._spawn(self.end(session.id))
        elif kind == "media" and session.action == "publish" and event.get("type") == "video":
            if event.get("receiving"):
                self._spawn(self._sourced(session))
            else:
                self._lose(session)  # for now: it may begin again

    async def _sourced(self, session: Handled) -> None:
        """A publisher's packets come: it is the stream's source now, an earlier one is ended."""
        await self._rooms.forward(session)
        room = self._rooms.find(session.stream)
        if room is None or room.source is session or session.over:
            return
        before, room.source = room.source, session
        room.counts["publishers"] += 1
        if before is None:
            await tell(self._on_started, session.stream)
        else:
            await self.want_key_frame(session.stream)
            await self.end(before.id)

    def _lose(self, session: Handled) -> None:
        room = self._rooms.find(session.stream)
        if room is not None and room.source is session:
            room.source = None
            self._spawn(tell(self._on_stopped, session.stream))

    def _lost(self) -> None:
        """Janus or its session is gone: so are all sessions. Vehicles and viewers open new ones by themselves."""
        gone, self._sessions = self._sessions, {}
        for session in gone.values():
            session.over = True
            self._lose(session)
        self._rooms.forget()

    async def _watch_over(self) -> None:
        """End what never connected."""
        while True:
            await asyncio.sleep(_LOOK_S)
            for session in list(self._sessions.values()):
                if not session.up and self._now_s() - session.opened_at_s > CONNECT_S:
                    self._spawn(self.end(session.id))

    def _now_s(self) -> float:
        return asyncio.get_running_loop().time()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        async def run() -> None:
            try:
                await work
            except FeedLost as why:
                log.warning("media at Janus: %s", why)
            except Exception:
                log.exception("media at Janus: a task failed")

        task = asyncio.create_task(run())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
