"""Tell a sender when each of its packets came: aiortc reads the packets' transport-wide numbers, but answers none."""

from __future__ import annotations

import asyncio
import struct
from typing import Any

from aiortc import RTCRtpReceiver
from aiortc.rtcrtpparameters import RTCRtpHeaderExtensionParameters, RTCRtpParameters
from aiortc.rtp import RTCP_RTPFB, RtpPacket

from media.aiortc_private.names import read, replace
from media.aiortc_private.receiving import TappedBuffer
from media.arrivals import Arrivals
from media.offers import ARRIVALS_URI

EVERY_S = 0.1  # as libwebrtc's own receivers
FORMAT = 15  # of RTCP's transport layer feedback: transport-wide congestion control
_OVER = ("closed", "failed")


def tell_arrivals(receiver: RTCRtpReceiver, extension: int) -> None:
    """Tell the sender of this video how its packets came, instead of what we think the link carries: it would obey the
    lower of both. `extension`: the id of the number's header extension. Call before it connects.
    """
    wanted = RTCRtpHeaderExtensionParameters(id=extension, uri=ARRIVALS_URI)
    receiver.transport._rtp_header_extensions_map.configure(RTCRtpParameters(headerExtensions=[wanted]))
    replace(receiver, "remote_bitrate_estimator", None)
    telling, handle = _Telling(receiver), receiver._handle_rtp_packet

    async def handle_and_note(packet: RtpPacket, arrival_time_ms: int) -> None:
        if (number := packet.extensions.transport_sequence_number) is not None:
            telling.note(number, packet.ssrc)
        await handle(packet, arrival_time_ms=arrival_time_ms)

    receiver._handle_rtp_packet = handle_and_note  # type: ignore[method-assign]
    buffer = read(receiver, "jitter_buffer")
    if isinstance(buffer, TappedBuffer):
        buffer.tell(extension, telling.note)


class _Telling:
    """The account of one receiver's packets, sent while they come."""

    def __init__(self, receiver: RTCRtpReceiver) -> None:
        self._receiver, self._arrivals = receiver, Arrivals()
        self._ssrc = 0
        self._due: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[Any]] = set()

    def note(self, number: int, ssrc: int) -> None:
        loop = asyncio.get_running_loop()
        self._ssrc = ssrc
        self._arrivals.arrived(number, loop.time())
        if self._due is None:
            self._due = loop.call_later(EVERY_S, self._tell)

    def _tell(self) -> None:
        self._due = None
        if self._receiver.transport.state in _OVER:
            return
        own = read(self._receiver, "rtcp_ssrc") or 1
        wire = [_packet(own, self._ssrc, body) for body in self._arrivals.feedback()]
        task = asyncio.ensure_future(self._send(wire))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _send(self, wire: list[bytes]) -> None:
        try:
            for packet in wire:
                await self._receiver.transport._send_rtp(packet)
        except ConnectionError:
            return


def _packet(own_ssrc: int, media_ssrc: int, body: bytes) -> bytes:
    """RFC 4585 section 6.1."""
    words = 2 + len(body) // 4
    return struct.pack("!BBHII", 2 << 6 | FORMAT, RTCP_RTPFB, words, own_ssrc, media_ssrc) + body
