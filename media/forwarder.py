"""The hub's side of every picture and waveform: one peer connection in from a vehicle, any number out to viewers.

Nothing is decoded or encoded here. Sessions come and go by WHIP and WHEP (`media.signalling`); what happens to packets
is `media.video_stream` and `media.wave_stream`. Who may connect is decided before; starts and stops are told to the
callbacks, which the hub turns into events. Intervals are measured on the event loop's monotonic clock, because live
media keep their natural rate in a drill too.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from aiortc import (
    RTCConfiguration,
    RTCPeerConnection,
    RTCRtpReceiver,
    RTCRtpTransceiver,
    RTCSessionDescription,
)
from aiortc.exceptions import OperationError
from aiortc.sdp import candidate_from_sdp

from casebook.errors import RefusedInput
from media.aiortc_private import PacketSender, ask_key_frame, hear_only_the_peer, tap_packets, tell_arrivals
from media.codec import CODECS, capabilities
from media.dscp import Mark, mark
from media.engine import CONNECT_S, SESSIONS_MAX, SILENCE_S, Action, MediaFull, Session, Told, tell
from media.losses import Losses
from media.offers import (
    WAVES_SUFFIX,
    Fragment,
    MalformedFragment,
    arrivals_wanted,
    check_offer,
    media_kind,
    only,
    with_arrivals,
    with_declined,
)
from media.video_stream import Listener, VideoStream, VideoViewer
from media.wave_stream import BEAT, Channel, WaveStream, WaveViewer, offer_live, open_wave_channels

log = logging.getLogger(__name__)

BEAT_S = 0.5  # a beat on every wave connection, so that either side notices a dead one within `SILENCE_S`
_LOOK_S = 0.25


@dataclass(eq=False, kw_only=True)
class Connected(Session):
    """A session with the peer connection that serves it."""

    pc: RTCPeerConnection
    opened_at_s: float
    ended: bool = False
    detach: Callable[[], None] = lambda: None
    waves: Channel | None = None
    losses: Losses | None = None  # of a video publisher


class MediaPlane:
    """The engine in the hub's own process: all streams of one machine."""

    def __init__(
        self,
        *,
        on_started: Told | None = None,
        on_stopped: Told | None = None,
        on_waves: Callable[[str, bytes], object] = lambda unit, packet: None,
        sessions_max: int = SESSIONS_MAX,
    ) -> None:
        """`on_waves` is given every wave packet of a vehicle, for the record."""
        hear_only_the_peer()
        self._on_waves = on_waves
        self._on_started, self._on_stopped = on_started, on_stopped
        self._sessions_max = sessions_max
        self._sessions: dict[str, Connected] = {}
        self._streams: dict[str, VideoStream | WaveStream] = {}
        self._sources: dict[str, Connected] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._watch: asyncio.Task[None] | None = None

    # --- sessions -----------------------------------------------------------------------------------------------

    async def publish(self, stream: str, offer: bytes) -> Connected:
        """Receive `stream` from a vehicle. Replaces its earlier publisher once packets arrive. Raises RefusedInput."""
        return await self._open(stream, "publish", offer)

    async def view(self, stream: str, offer: bytes) -> Connected:
        """Send `stream` to a viewer, now or as soon as somebody publishes it. Raises RefusedInput."""
        return await self._open(stream, "view", offer)

    def find(self, session_id: str) -> Connected | None:
        return self._sessions.get(session_id)

    async def complete(self, session_id: str, answer: bytes) -> None:
        """Never: every offer is answered here. Raises RefusedInput."""
        raise RefusedInput("media_no_counter_offer")

    async def trickle(self, session_id: str, fragment: Fragment) -> None:
        """Try these addresses of the peer, too. Raises RefusedInput."""
        session = self._sessions.get(session_id)
        if session is None:
            return
        session.may_add(fragment)
        for line in fragment.candidates:
            try:
                candidate = candidate_from_sdp(line)
            except (ValueError, AssertionError) as why:
                raise MalformedFragment("sdp_malformed", where=f"a=candidate ({type(why).__name__})") from why
            candidate.sdpMLineIndex = 0  # the only one: what was declined has no transport
            await session.pc.addIceCandidate(candidate)

    async def want_key_frame(self, stream: str) -> None:
        """Ask the vehicle for a key frame; requests merge."""
        carried = self._streams.get(stream)
        if isinstance(carried, VideoStream):
            carried.want_key_frame()

    def listen(self, stream: str, listener: Listener) -> Callable[[], None]:
        """Give `listener` every packet of a vehicle's video, now or whenever somebody publishes it, until the returned
        function is called."""
        carried = self._stream(stream)
        assert isinstance(carried, VideoStream), stream
        return carried.listen(listener)

    async def end(self, session_id: str) -> None:
        """End a session; an unknown one is already over."""
        session = self._sessions.pop(session_id, None)
        if session is None:
            return
        session.ended = True
        session.detach()
        if session.stream in self._streams:
            self._lose(session)
            self._forget_unused(session.stream)
        await session.pc.close()
        log.info("media session closed: %s %s", session.action, session.stream)

    async def close(self) -> None:
        """End every session; the plane can be used again."""
        if self._watch:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)
            self._watch = None
        await asyncio.gather(*(self.end(session_id) for session_id in list(self._sessions)))
        for stream in self._streams.values():
            stream.close()
        self._streams.clear()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _open(self, stream: str, action: Action, offer: bytes) -> Connected:
        kind = media_kind(stream)
        text, declined = only(check_offer(offer, kind), kind)
        if len(self._sessions) >= self._sessions_max:
            raise MediaFull(limit=self._sessions_max)
        session = Connected(stream=stream, action=action, pc=_peer_connection(), opened_at_s=self._now_s())
        session.heard(text)
        self._sessions[session.id] = session
        try:
            self._prepare(session)
            answer = await _answer(session.pc, text)
            if action == "publish" and (extension := arrivals_wanted(text)) is not None:
                tell_arrivals(session.pc.getTransceivers()[0].receiver, extension)
                answer = with_arrivals(answer, extension)
            session.answer = with_declined(answer, declined)
            mark(session.pc, Mark.WAVES if kind == "application" else Mark.PICTURE)
        except BaseException:
            await self.end(session.id)
            raise
        self._watch = self._watch or asyncio.create_task(self._watch_over())
        log.info("media session opened: %s %s", action, stream)
        return session

    def _prepare(self, session: Connected) -> None:
        """What must stand before the offer is read: our side of the channels, the sender that forwards."""
        stream = self._stream(session.stream)
        if isinstance(stream, WaveStream):
            self._prepare_waves(session, stream)
        elif session.action == "view":
            transceiver = session.pc.addTransceiver("video", direction="sendonly")
            transceiver.setCodecPreferences(capabilities(*CODECS))
            self._prepare_video_viewer(session, stream, transceiver)
        else:
            transceiver = session.pc.addTransceiver("video", direction="recvonly")
            transceiver.setCodecPreferences(capabilities(*CODECS))
            self._tap(session, stream, transceiver.receiver)

    def _tap(self, session: Connected, stream: VideoStream, receiver: RTCRtpReceiver) -> None:
        def ask() -> None:
            self._spawn(ask_key_frame(receiver))

        session.losses = tap_packets(
            receiver, lambda packet, codec: stream.receive(session, packet, ask, codec), stream.gap
        )

    def _prepare_video_viewer(self, session: Connected, stream: VideoStream, transceiver: RTCRtpTransceiver) -> None:
        packets = PacketSender(transceiver.sender, lambda: stream.begin(viewer), stream.want_key_frame, transceiver)
        viewer = VideoViewer(packets.offer, packets.outlet.history)
        stream.attach(viewer)
        session.detach = lambda: stream.detach(viewer)

    def _prepare_waves(self, session: Connected, stream: WaveStream) -> None:
        waves, numerics = open_wave_channels(session.pc)
        session.waves = waves
        if session.action == "publish":
            waves.on("message", lambda message: stream.receive(session, message))
            numerics.on("message", lambda message: stream.receive_numerics(session, message))
            return
        viewer = WaveViewer(waves, numerics)
        session.detach = lambda: stream.detach(viewer)
        numerics.on("open", lambda: stream.greet(viewer))
        stream.attach(viewer)

    # --- streams ------------------------------------------------------------------------------------------------

    def streams(self) -> list[str]:
        """The names of the streams that are live now."""
        return sorted(self._sources)

    def stats(self, stream: str) -> dict[str, Any]:
        """What `stream` has carried since the hub began, and each viewer's share; empty for one never seen."""
        carried = self._streams.get(stream)
        if carried is None:
            return {}
        names = ("frames_in", "packets_in", "bytes_in", "numerics_in", "key_frame_requests", "refused")
        counts: dict[str, Any] = {name: getattr(carried, name) for name in names if hasattr(carried, name)}
        shown = ("frames_out", "packets_out", "numerics_out", "skips", "dropped", "sent_again")
        counts["live"] = stream in self._sources
        if stream in self._sources and (losses := self._sources[stream].losses):
            counts |= {"asked_again": losses.asked, "recovered": losses.recovered, "lost": losses.lost}
        counts["viewers"] = [{name: getattr(v, name) for name in shown if hasattr(v, name)} for v in carried.viewers]
        return counts

    def _forget_unused(self, name: str) -> None:
        """Drop a stream that nobody ever sent and nobody waits for any more; the counts of the others stay."""
        stream = self._streams[name]
        if not stream.packets_in and not any(session.stream == name for session in self._sessions.values()):
            stream.close()
            del self._streams[name]

    def _stream(self, name: str) -> VideoStream | WaveStream:
        if name not in self._streams:
            if media_kind(name) == "video":
                self._streams[name] = VideoStream(self._now_s, self._sourced)
            else:
                keep = partial(self._on_waves, name.removesuffix(WAVES_SUFFIX))
                self._streams[name] = WaveStream(self._now_s, self._sourced, keep)
        return self._streams[name]

    def _sourced(self, source: Connected) -> None:
        """The first packet of a publisher: it is the stream's source now, an earlier one is ended."""
        before = self._sources.get(source.stream)
        self._sources[source.stream] = source
        if before is None:
            self._tell(self._on_started, source.stream)
        else:
            before.ended = True
            self._spawn(self.end(before.id))

    def _lose(self, session: Connected) -> None:
        """`session` sends no more: its stream stops, unless another publisher has taken over. It may begin again."""
        self._streams[session.stream].lose(session)
        if self._sources.get(session.stream) is session:
            del self._sources[session.stream]
            self._tell(self._on_stopped, session.stream)

    async def _watch_over(self) -> None:
        """End what has failed or never connected, stop what has fallen silent, beat on wave connections."""
        beat_at_s = 0.0
        while True:
            await asyncio.sleep(_LOOK_S)
            now_s = self._now_s()
            beat_due = now_s >= beat_at_s
            beat_at_s = now_s + BEAT_S if beat_due else beat_at_s
            for session in list(self._sessions.values()):
                if beat_due and session.waves is not None:
                    offer_live(session.waves, BEAT)
                if self._is_over(session, now_s):
                    self._spawn(self.end(session.id))
            for session in list(self._sources.values()):
                if now_s - self._streams[session.stream].last_packet_at_s > SILENCE_S:
                    self._lose(session)

    def _is_over(self, session: Connected, now_s: float) -> bool:
        state = session.pc.connectionState
        never_connected = state != "connected" and now_s - session.opened_at_s > CONNECT_S
        return state in ("failed", "closed") or never_connected

    def _now_s(self) -> float:
        return asyncio.get_running_loop().time()

    def _tell(self, told: Told | None, stream: str) -> None:
        self._spawn(tell(told, stream))

    def _spawn(self, work: Any) -> None:
        async def run() -> None:
            try:
                await work
            except Exception:
                log.exception("media plane: a task failed")

        task = asyncio.create_task(run())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _peer_connection() -> RTCPeerConnection:
    return RTCPeerConnection(RTCConfiguration(iceServers=[]))  # without the list aiortc would ask a public STUN server


async def _answer(pc: RTCPeerConnection, offer: str) -> str:
    """The hub is DTLS's server where the peer leaves the choice: aiortc, as a client, speaks to ECDSA keys only."""
    offer = offer.replace("a=setup:actpass", "a=setup:active")
    try:
        await pc.setRemoteDescription(RTCSessionDescription(offer, "offer"))
        await pc.setLocalDescription(await pc.createAnswer())
    except OperationError as why:
        raise RefusedInput("sdp_no_codec", expected=", ".join(CODECS)) from why
    except Exception as why:  # an offer that passed the checks may still break the library
        raise RefusedInput("sdp_malformed", where=f"{type(why).__name__} {why}"[:120]) from why
    return pc.localDescription.sdp
