"""Let the crew, the ward and dispatch talk about a vehicle's patient: each one's Opus packets go to all the others.

Nothing is mixed or decoded. A party has one peer connection: its microphone on the first line, `LINES` more to hear
the others, and a data channel on which each side tells its whole state twice a second, so that a lost message costs
nothing. Who may join is told by the function handed in; who joined, left and spoke is told to `told`. How a browser
does it is `media/browser/voice_link.js`. Muting is done where the microphone is; who talks is heard here.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import logging
import random
import re
from collections.abc import Callable
from typing import Any, Protocol

from aiortc import RTCConfiguration, RTCPeerConnection, RTCRtpSender, RTCSessionDescription
from aiortc.rtp import RtpPacket

from casebook.access import Badge
from casebook.errors import CoordinationError, NotAllowed, RefusedInput
from media.aiortc_private import PacketSender
from media.aiortc_private.voice import tap_voice
from media.dscp import Mark, mark
from media.voice_numbering import Line
from media.voice_offer import LINES, check_voice_offer, with_opus
from media.voice_party import Party
from media.voice_talking import Turn
from media.wave_stream import offer_live

log = logging.getLogger(__name__)

PARTIES_MAX = LINES + 1
SESSIONS_MAX = 192
SILENCE_S = 3.0  # a browser in the background tells its state once a second; nothing for so long is a lost link
CONNECT_S = 15.0
GONE_SHOWN_S = 30.0  # who lost the link stands in the list for so long
RIGHTS_S = 1.0  # how often is asked whether each may still be there
BEAT_S, _LOOK_S = 0.5, 0.1

_UNIT = re.compile(r"[A-Za-z0-9_-]{1,64}")


Heard = Callable[[Party, RtpPacket], object]


class VoiceFull(CoordinationError):
    """All places of this conversation, or of the hub, are taken."""

    key = "voice_full"
    http_status = 503


class Told(Protocol):
    """Who is told what happened; an answer may be awaitable."""

    def joined(self, party: Party) -> object: ...

    def left(self, party: Party, why: str) -> object: ...

    def spoke(self, party: Party, turn: Turn, ended_ago_s: float) -> object: ...


class VoicePlane:
    """All conversations of a hub, one per vehicle. `may(badge, unit)` raises NotAllowed, and is asked each second."""

    def __init__(self, may: Callable[[Badge, str], object], told: Told | None = None) -> None:
        self._may, self._told = may, told
        self._parties: dict[str, Party] = {}  # by session
        self._rooms: dict[str, list[Party]] = {}  # by vehicle
        self._gone: dict[tuple[str, str], tuple[float, dict[str, Any]]] = {}  # lost links by (unit, party)
        self._tasks: set[asyncio.Task[None]] = set()
        self._watch: asyncio.Task[None] | None = None
        self._beats: dict[str, tuple[float, list[dict[str, Any]]]] = {}  # when each list was told, and the list
        self._count = self._beaten = 0
        self._listeners: dict[str, list[Heard]] = {}  # by vehicle

    async def join(self, unit: str, badge: Badge, offer: bytes, seat: str = "") -> Party:
        """Take a party into the conversation about `unit`. The same `seat` of the same badge is taken over.

        Raises RefusedInput (`sdp_...`, `stream_name`) and VoiceFull.
        """
        if not _UNIT.fullmatch(unit):
            raise RefusedInput("stream_name", stream=unit[:80])
        text, seat = check_voice_offer(offer), seat[:64]
        for before in [one for one in self._of(unit) if seat and (one.seat, one.badge) == (seat, badge)]:
            await self.leave(before.session, "again")
        if len(self._of(unit)) >= PARTIES_MAX or len(self._parties) >= SESSIONS_MAX:
            raise VoiceFull(limit=PARTIES_MAX)
        self._count += 1
        party = Party(
            id=f"p{self._count}", unit=unit, badge=badge, seat=seat, pc=_peer_connection(), opened_at_s=_now_s()
        )
        self._parties[party.session] = party
        self._rooms.setdefault(unit, []).append(party)
        try:
            self._prepare(party)
            party.answer = await _answer(party.pc, text)
            mark(party.pc, Mark.VOICE)
        except BaseException:
            await self.leave(party.session, "refused")
            raise
        self._watch = self._watch or asyncio.create_task(self._watch_over())
        return party

    def listen(self, unit: str, heard: Heard) -> Callable[[], None]:
        """Tell `heard` of every packet of the conversation about `unit`, until the returned function is called."""
        self._listeners.setdefault(unit, []).append(heard)

        def stop() -> None:
            if heard in (there := self._listeners.get(unit, [])):
                there.remove(heard)

        return stop

    def find(self, session: str) -> Party | None:
        return self._parties.get(session)

    async def leave(self, session: str, why: str = "left") -> None:
        """End a party's part; an unknown one is already over."""
        party = self._parties.pop(session, None)
        if party is None:
            return
        self._rooms[party.unit].remove(party)
        if not self._rooms[party.unit]:
            del self._rooms[party.unit]
        for other in self._of(party.unit):
            other.forget(party)
        if party.on:
            self._tell_turn(party, leaves=True)
            self._tell("left", party, why)
            if why == "link_lost":
                self._gone[party.unit, party.id] = _now_s(), party.shown(_now_s()) | {"state": "lost", "talking": False}
        await party.pc.close()
        log.info("voice closed: %s %s", party.unit, why)

    async def close(self) -> None:
        """End every conversation; the plane can be used again."""
        if self._watch:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)
            self._watch = None
        await asyncio.gather(*(self.leave(session, "hub_closes") for session in list(self._parties)))
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def roster(self, unit: str) -> list[dict[str, Any]]:
        """Who is on, in the order of joining: {id, role, who, mic, state, talking}. A lost link stays for a while."""
        now_s = _now_s()
        on = [party.shown(now_s) for party in self._of(unit) if party.on]
        lost = [shown for (of, _), (_, shown) in self._gone.items() if of == unit and not _is_back(shown, on)]
        return on + lost

    def _of(self, unit: str) -> list[Party]:
        return self._rooms.get(unit, [])

    # --- one connection

    def _prepare(self, party: Party) -> None:
        """Our side of the lines and of the channel, before the offer is read."""
        pc = party.pc
        microphone = pc.addTransceiver("audio", direction="recvonly")
        tap_voice(microphone.receiver, lambda packet, level: self._forward(party, packet, level))
        transceivers = [microphone]
        for _ in range(LINES):
            transceiver = pc.addTransceiver("audio", direction="sendonly")
            sender = PacketSender(transceiver.sender, on_ready=lambda: None, on_key_frame_asked=lambda: None)
            party.lines.append((Line(next_seq=random.randrange(1 << 15)), sender))
            transceivers.append(transceiver)
        opus = [one for one in RTCRtpSender.getCapabilities("audio").codecs if one.mimeType == "audio/opus"]
        for transceiver in transceivers:
            transceiver.setCodecPreferences(opus)
        channel = pc.createDataChannel("voice", ordered=False, maxRetransmits=0, negotiated=True, id=0)
        channel.on("message", lambda message: party.hear_state(message, _now_s()))
        party.channel = channel

    def _forward(self, party: Party, packet: RtpPacket, level: int | None) -> None:
        now_s = _now_s()
        if not party.take(packet, level, now_s):
            return
        for other in self._of(party.unit):
            if other is not party and other.on:
                other.hear_other(party, packet, now_s)
        for heard in self._listeners.get(party.unit, ()):
            heard(party, packet)

    # --- watching

    async def _watch_over(self) -> None:
        """Look again and again; what goes wrong once must not leave the talk unwatched."""
        asked_at_s = 0.0
        while True:
            await asyncio.sleep(_LOOK_S)
            now_s = _now_s()
            asks = now_s - asked_at_s >= RIGHTS_S
            asked_at_s = now_s if asks else asked_at_s
            try:
                await self._look(now_s, asks=asks)
            except Exception:
                log.exception("voice: watching failed and goes on")

    async def _look(self, now_s: float, *, asks: bool) -> None:
        """List who has connected, end what is over, log turns, tell everybody who is on."""
        for party in list(self._parties.values()):
            if not party.on and party.pc.connectionState == "connected":
                party.on, party.heard_at_s = True, now_s
                self._tell("joined", party)
            if (why := self._over(party, now_s, asks=asks)) is not None:
                await self.leave(party.session, why)
            elif party.on:
                self._tell_turn(party)
        self._gone = {key: gone for key, gone in self._gone.items() if now_s - gone[0] < GONE_SHOWN_S}
        self._beats = {unit: beat for unit, beat in self._beats.items() if unit in self._rooms}
        for unit in list(self._rooms):
            at_s, before = self._beats.get(unit, (0.0, []))
            roster = self.roster(unit)
            if roster != before or now_s - at_s >= BEAT_S:
                self._beats[unit] = now_s, roster
                self._beat(unit, roster)

    def _over(self, party: Party, now_s: float, *, asks: bool) -> str | None:
        """Why a party's part is over, or None. `asks`: also whether it may still be there."""
        if party.pc.connectionState in ("failed", "closed") or (party.on and now_s - party.heard_at_s > SILENCE_S):
            return "link_lost"
        if not party.on and now_s - party.opened_at_s > CONNECT_S:
            return "never_connected"
        try:
            if asks:
                self._may(party.badge, party.unit)
        except NotAllowed:
            return "not_allowed"
        return None

    def _beat(self, unit: str, roster: list[dict[str, Any]]) -> None:
        self._beaten += 1
        for party in self._of(unit):
            if party.on and party.channel is not None:
                text = json.dumps({"n": self._beaten, "you": party.id, "parties": roster}, ensure_ascii=False)
                offer_live(party.channel, text)

    def _tell_turn(self, party: Party, *, leaves: bool = False) -> None:
        now_s = _now_s()
        if turn := party.talking.turn_over(now_s, leaves=leaves):
            self._tell("spoke", party, turn, now_s - turn.began_s - turn.lasted_s)

    def _tell(self, what: str, *facts: Any) -> None:
        answer = getattr(self._told, what)(*facts) if self._told else None
        if inspect.isawaitable(answer):
            task = asyncio.ensure_future(_finish(answer))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)


def _is_back(lost: dict[str, Any], on: list[dict[str, Any]]) -> bool:
    return any((one["role"], one["who"]) == (lost["role"], lost["who"]) for one in on)


def _now_s() -> float:
    return asyncio.get_running_loop().time()


def _peer_connection() -> RTCPeerConnection:
    return RTCPeerConnection(RTCConfiguration(iceServers=[]))  # without the list aiortc would ask a public STUN server


async def _answer(pc: RTCPeerConnection, offer: str) -> str:
    try:
        await pc.setRemoteDescription(RTCSessionDescription(offer, "offer"))
        await pc.setLocalDescription(await pc.createAnswer())
    except Exception as why:  # an offer that passed the checks may still break the library
        raise RefusedInput("sdp_malformed", where=f"{type(why).__name__} {why}"[:120]) from why
    return with_opus(pc.localDescription.sdp)


async def _finish(work: Any) -> None:
    try:
        await work
    except Exception:
        log.exception("voice: telling what happened failed")
