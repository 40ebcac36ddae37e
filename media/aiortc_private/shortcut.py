"""Take a forwarder's media packets in the moment they come off the socket, on a shortcut past aiortc's tasks.

aiortc queues each datagram, wakes a task for it, parses every header extension into objects and takes the payload
apart, which nobody needs who only passes it on. The first packet of a stream goes that way; then its transport hands
plain media packets straight over. Everything else (reports, handshakes, retransmissions, unknown streams) still goes
aiortc's way, and so does a packet that comes while one of those waits: none overtakes another.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pylibsrtp
from aiortc import RTCRtpReceiver, clock
from aiortc.rtcdtlstransport import State
from aiortc.rtp import RTCP_PSFB_APP, HeaderExtensions, RtcpPsfbPacket, pack_remb_fci

from media.aiortc_private.names import read
from media.aiortc_private.vp8 import descriptor_bytes
from media.codec import Codec, codec_named

HEADER_BYTES = 12
ONE_BYTE, TWO_BYTES = 0xBEDE, 0x1000  # profiles of header extensions (RFC 8285 sections 4.2 and 4.3)
_HEAD = struct.Struct("!BBHII")  # RFC 3550 section 5.1
_SSRC = struct.Struct("!I")
_EXTENSION = struct.Struct("!HH")
_ANY_TIME = 0x010203


@dataclass(slots=True)
class IncomingPacket:
    """A media packet without its header extensions, padding and contributing sources; named as aiortc names them."""

    payload_type: int
    marker: int
    sequence_number: int
    timestamp: int
    ssrc: int
    payload: bytes


Take = Callable[[IncomingPacket, Codec], None]
Note = Callable[[int, int], None]  # of a transport-wide number and its packet's SSRC


class Shortcut:
    """Opened by the first packet of a receiver's stream. `take` is given what is sealed by the peer and well formed."""

    def __init__(self, receiver: RTCRtpReceiver, take: Take) -> None:
        transport: Any = receiver.transport
        self._receiver, self._transport, self._take = receiver, transport, take
        self._connection: Any = transport.transport._connection
        self._queue: asyncio.Queue[Any] = self._connection._queue
        self._slowly = self._connection.data_received
        self._codecs: dict[int, Codec] = {
            payload_type: codec
            for payload_type, one in read(receiver, "codecs").items()
            if (codec := codec_named(one.mimeType)) is not None
        }
        self._streams = read(receiver, "remote_streams")
        self._estimator = read(receiver, "remote_bitrate_estimator")
        self._time_id = _send_time_id(transport)
        self._number_id, self._note = 0, _ignore
        self._tasks: set[asyncio.Task[None]] = set()
        self._connection.data_received = self._received

    def tell(self, extension: int, note: Note) -> None:
        """Give `note` each packet's transport-wide number, which is in header extension `extension`."""
        self._number_id, self._note = extension, note

    def _received(self, data: bytes, component: int) -> None:
        """In place of aioice's Connection.data_received, which only queues."""
        if (
            len(data) > HEADER_BYTES
            and (codec := self._codecs.get(data[1] & 0x7F)) is not None  # never one of RTCP's (RFC 5761 section 4)
            and (stream := self._streams.get(_SSRC.unpack_from(data, 8)[0])) is not None
            and self._queue.empty()
            and self._transport._state is State.CONNECTED
        ):
            self._open(data, codec, stream)
        else:
            self._slowly(data, component)

    def _open(self, data: bytes, codec: Codec, stream: Any) -> None:
        transport = self._transport
        transport._RTCDtlsTransport__rx_bytes += len(data)
        transport._RTCDtlsTransport__rx_packets += 1
        try:
            plain = transport._rx_srtp.unprotect(data)
            packet, time, number = parse(plain, self._time_id, self._number_id)
        except (pylibsrtp.Error, ValueError, struct.error):
            return  # not sealed by the peer, repeated, or no RTP
        if number is not None:
            self._note(number, packet.ssrc)
        if time is not None and self._estimator is not None:
            self._estimate(packet, time)
        stream.add(packet)
        if codec != "VP8" or descriptor_bytes(packet.payload) is not None:
            self._take(packet, codec)

    def _estimate(self, packet: IncomingPacket, time: int) -> None:
        """What the receiver's estimate says goes to the peer (REMB), as aiortc's own receiver does it."""
        remb = self._estimator.add(clock.current_ms(), time, len(packet.payload), packet.ssrc)
        own = read(self._receiver, "rtcp_ssrc")
        if remb is not None and own is not None:
            report = RtcpPsfbPacket(fmt=RTCP_PSFB_APP, ssrc=own, media_ssrc=0, fci=pack_remb_fci(*remb))
            task = asyncio.ensure_future(self._receiver._send_rtcp(report))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)


def parse(data: bytes, time_id: int, number_id: int) -> tuple[IncomingPacket, int | None, int | None]:
    """A packet, its absolute send time and its transport-wide number, by the ids of their extensions (0: none).

    Raises ValueError or struct.error for what is not RTP.
    """
    first, second, seq, timestamp, ssrc = _HEAD.unpack_from(data)
    if first >> 6 != 2:
        raise ValueError("not RTP's version")
    at, end = HEADER_BYTES + 4 * (first & 0x0F), len(data)
    time = number = None
    if first & 0x10:
        profile, words = _EXTENSION.unpack_from(data, at)
        first_at, at = at + 4, at + 4 + 4 * words
        if at > end:
            raise ValueError("extensions longer than the packet")
        time, number = _find(data, profile, first_at, at, time_id, number_id)
    if first & 0x20:
        if not data[-1]:
            raise ValueError("padding without length")
        end -= data[-1]
    if at > end:
        raise ValueError("shorter than it says")
    return IncomingPacket(second & 0x7F, second >> 7, seq, timestamp, ssrc, data[at:end]), time, number


def _find(data: bytes, profile: int, at: int, end: int, time_id: int, number_id: int) -> tuple[int | None, int | None]:
    """The two elements among a header's extensions."""
    time = number = None
    if profile not in (ONE_BYTE, TWO_BYTES):
        return time, number
    while at < end:
        head = data[at]
        if not head:
            at += 1
            continue
        if profile == ONE_BYTE:
            name, size, at = head >> 4, (head & 0x0F) + 1, at + 1
        else:
            name, size, at = head, data[at + 1] if at + 1 < end else end, at + 2
        if at + size > end:
            raise ValueError("an extension longer than all of them")
        if name == time_id and size == 3:
            time = int.from_bytes(data[at : at + 3], "big")
        elif name == number_id and size == 2:
            number = int.from_bytes(data[at : at + 2], "big")
        at += size
    return time, number


def _send_time_id(transport: Any) -> int:
    """Under which id packets carry their absolute send time; 0 where the peer did not agree to it."""
    profile, value = transport._rtp_header_extensions_map.set(HeaderExtensions(abs_send_time=_ANY_TIME))
    if not value:
        return 0
    return value[0] >> 4 if profile == ONE_BYTE else value[0]


def _ignore(number: int, ssrc: int) -> None:
    return
