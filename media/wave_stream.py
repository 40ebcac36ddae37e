"""Pass one vehicle's live waves and numerics on to any number of viewers, bytes untouched.

Waves are never queued: a viewer whose channel still holds more than one packet misses this one. Numerics are few and
reliable, so a viewer that cannot take them for long is not held in memory either. Malformed packets stop here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from aiortc import RTCDataChannel, RTCPeerConnection

from casebook.errors import RefusedInput
from media.video_stream import Source
from media.waveforms import NUMERICS_BYTES_MAX, NUMERICS_LABEL, WAVES_LABEL, decode, decode_numerics

BEAT = ""  # an empty text on the waves channel: the hub is there, although no waves may come

NUMERICS_BACKLOG_BYTES = 16 * NUMERICS_BYTES_MAX  # beyond it a viewer misses numerics: its link has been dead for long
CASUALTIES_MAX = 16  # more patients than any vehicle carries


class Channel(Protocol):
    """The part of RTCDataChannel used here."""

    @property
    def readyState(self) -> str: ...

    @property
    def bufferedAmount(self) -> int: ...

    def send(self, data: bytes | str) -> None: ...


@dataclass(eq=False)
class WaveViewer:
    waves: Channel
    numerics: Channel
    packets_out: int = 0
    numerics_out: int = 0
    dropped: int = 0

    def pass_on(self, packet: bytes) -> None:
        if offer_live(self.waves, packet):
            self.packets_out += 1
        else:
            self.dropped += 1

    def pass_numerics_on(self, message: str) -> None:
        if self.numerics.readyState == "open" and self.numerics.bufferedAmount < NUMERICS_BACKLOG_BYTES:
            self.numerics.send(message)
            self.numerics_out += 1
        else:
            self.dropped += 1


def open_wave_channels(pc: RTCPeerConnection) -> tuple[RTCDataChannel, RTCDataChannel]:
    """The two channels of a wave connection, by agreed numbers: 0 waves (lossy, unordered), 1 numerics (reliable)."""
    waves = pc.createDataChannel(WAVES_LABEL, ordered=False, maxRetransmits=0, negotiated=True, id=0)
    numerics = pc.createDataChannel(NUMERICS_LABEL, negotiated=True, id=1)
    return waves, numerics


def offer_live(channel: Channel, packet: bytes | str) -> bool:
    """Send `packet` unless the channel is not open or still holds more than one: live data is dropped, never queued."""
    if channel.readyState != "open" or channel.bufferedAmount > len(packet):
        return False
    channel.send(packet)
    return True


class WaveStream:
    """The fan-out of one vehicle's waves and numerics; the publisher that sent last is the source."""

    def __init__(
        self,
        now_s: Callable[[], float],
        on_source: Callable[[Any], None],
        on_packet: Callable[[bytes], object] = lambda packet: None,
    ) -> None:
        """`on_packet` is given every sound wave packet, for the record."""
        self._now_s = now_s
        self._on_source, self._on_packet = on_source, on_packet
        self._source: Source | None = None
        self._latest_numerics: dict[str, str] = {}
        self.viewers: list[WaveViewer] = []
        self.last_packet_at_s = float("-inf")
        self.packets_in = self.bytes_in = self.numerics_in = self.refused = 0

    def receive(self, source: Source, packet: bytes | str) -> None:
        """Pass a wave packet on."""
        try:
            if isinstance(packet, str):
                raise RefusedInput("waves_malformed", where="type", found="text")
            decode(packet)
        except RefusedInput:
            self.refused += 1
            return
        self._heard(source)
        self.packets_in += 1
        self.bytes_in += len(packet)
        for viewer in self.viewers:
            viewer.pass_on(packet)
        self._on_packet(packet)

    def receive_numerics(self, source: Source, message: bytes | str) -> None:
        """Pass numerics on, and keep the latest of each casualty for whoever opens a board next."""
        try:
            numerics = decode_numerics(message)
        except RefusedInput:
            self.refused += 1
            return
        text = message if isinstance(message, str) else message.decode("utf-8")
        self._heard(source)
        self.numerics_in += 1
        if numerics.casualty in self._latest_numerics or len(self._latest_numerics) < CASUALTIES_MAX:
            self._latest_numerics[numerics.casualty] = text
        for viewer in self.viewers:
            viewer.pass_numerics_on(text)

    def _heard(self, source: Source) -> None:
        self.last_packet_at_s = self._now_s()
        if source is not self._source and not source.ended:
            self._source = source
            self._on_source(source)

    def lose(self, source: Source) -> None:
        if source is self._source:
            self._source = None
            self._latest_numerics.clear()

    def attach(self, viewer: WaveViewer) -> None:
        self.viewers.append(viewer)

    def greet(self, viewer: WaveViewer) -> None:
        """Give a viewer whose channels have just opened the latest numerics."""
        for message in self._latest_numerics.values():
            viewer.pass_numerics_on(message)

    def detach(self, viewer: WaveViewer) -> None:
        if viewer in self.viewers:
            self.viewers.remove(viewer)

    def close(self) -> None:
        self._latest_numerics.clear()
