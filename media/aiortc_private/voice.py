"""Receive Opus packets as they come, with the sound level in their header; aiortc's buffer and decoder see none."""

from __future__ import annotations

from collections.abc import Callable

from aiortc import RTCRtpReceiver
from aiortc.jitterbuffer import JitterBuffer, JitterFrame
from aiortc.rtp import RtpPacket

from media.aiortc_private.names import read, replace

VoiceTap = Callable[[RtpPacket, int | None], None]


def tap_voice(receiver: RTCRtpReceiver, tap: VoiceTap) -> None:
    """Give every audio packet and its level (0 loudest to 127 silence, None when absent) to `tap`. Call before it
    connects. Lost packets are not asked for: by the time they came their sound would be the past."""
    replace(receiver, "jitter_buffer", _Tapped(receiver, tap))


class _Tapped(JitterBuffer):
    """Stands in for aiortc's buffer; never answers a frame."""

    def __init__(self, receiver: RTCRtpReceiver, tap: VoiceTap) -> None:
        super().__init__(capacity=16, prefetch=4)
        self._receiver, self._tap = receiver, tap
        self._decoder_stopped = False

    def add(self, packet: RtpPacket) -> tuple[bool, JitterFrame | None]:
        if not self._decoder_stopped:
            self._decoder_stopped = True
            read(self._receiver, "stop_decoder")()  # its thread has nothing to do and would block the process's exit
        said = packet.extensions.audio_level
        self._tap(packet, None if said is None else said[1])
        return False, None
