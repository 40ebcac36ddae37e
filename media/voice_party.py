"""One who talks and listens about a vehicle's patient: the state they tell, the packets they send, the lines they hear.

Connecting, listing and ending parties is `media.voice`'s.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, field
from typing import Any

from aiortc import RTCPeerConnection
from aiortc.rtp import RtpPacket

from casebook.access import Badge
from media.aiortc_private import OutgoingPacket, PacketSender
from media.voice_numbering import Line
from media.voice_talking import Talking
from media.wave_stream import Channel

PACKETS_PER_S_MAX = 150  # 10 ms frames are 100 a second; more is a flood
PAYLOAD_BYTES_MAX = 1275  # the longest Opus frame (RFC 6716 section 3.2.1)
MESSAGE_BYTES_MAX = 200
MICS = ("open", "ready", "held", "muted", "none")  # ready: push to talk, not pressed; none: hears only


@dataclass(eq=False, kw_only=True)
class Party:
    """`id` is for everyone, `session` is unguessable and for its own browser."""

    id: str
    unit: str
    badge: Badge
    seat: str
    pc: RTCPeerConnection
    opened_at_s: float
    session: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    answer: str = ""
    mic: str = "none"
    on: bool = False  # connected: counted and listed
    heard_at_s: float = 0.0
    packets_in: int = 0
    refused: int = 0
    talking: Talking = field(default_factory=Talking)
    channel: Channel | None = None
    lines: list[tuple[Line, PacketSender]] = field(default_factory=list)
    _said_n: int = -1
    _second: tuple[int, int] = (0, 0)  # which, and packets in it

    def take(self, packet: RtpPacket, level: int | None, at_s: float) -> bool:
        """Count a packet of this party; False when it is not to be passed on."""
        second, count = self._second
        self._second = second, count = int(at_s), count + 1 if int(at_s) == second else 1
        if count > PACKETS_PER_S_MAX or len(packet.payload) > PAYLOAD_BYTES_MAX:
            self.refused += 1
            return False
        self.packets_in += 1
        self.heard_at_s = at_s
        self.talking.hear(level, at_s)
        return True

    def hear_state(self, message: bytes | str, at_s: float) -> None:
        """The browser's state: {n, mic}. The newest counts, whatever order they come in."""
        try:
            if len(message) > MESSAGE_BYTES_MAX:
                raise ValueError(len(message))
            body = json.loads(message)
            n, mic = int(body["n"]), body["mic"]
            if mic not in MICS:
                raise ValueError(mic)
        except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
            self.refused += 1
            return
        self.heard_at_s = at_s
        if n > self._said_n:
            self._said_n, self.mic = n, mic

    def hear_other(self, other: Party, packet: RtpPacket, at_s: float) -> None:
        """Pass a packet of another party on, on the line that carries it; without a free line it is not heard."""
        line, sender = self._line_of(other) or self._line_of(None) or (None, None)
        if line is None or sender is None:
            return
        if line.source is None:
            line.carry(other)
        placed = line.place(packet.sequence_number, packet.timestamp, at_s)
        if placed is not None:
            seq, timestamp, begins = placed
            sender.offer(OutgoingPacket(seq, timestamp, int(begins or packet.marker), packet.payload))

    def forget(self, other: Party) -> None:
        """`other` is gone: its line is free."""
        if pair := self._line_of(other):
            pair[0].carry(None)

    def shown(self, at_s: float) -> dict[str, Any]:
        """What the others see of this party; `talking` is absent where it is unknown."""
        talks = self.talking.talks(at_s)
        shown = {"id": self.id, "role": str(self.badge.role), "who": self.badge.who, "mic": self.mic, "state": "on"}
        return shown if talks is None else shown | {"talking": talks}

    def _line_of(self, other: Party | None) -> tuple[Line, PacketSender] | None:
        return next((pair for pair in self.lines if pair[0].source is other), None)
