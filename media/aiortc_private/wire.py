"""Put a stream's packets on a connected transport's wire at once: no task, no queue, one copy.

aiortc makes an object of each packet, writes its header extensions anew and hands it through four coroutines, none of
which ever waits. Here the form of a stream's headers is made once, and a packet is one call down to the socket. What is
sent, when and whether again is decided by `media.aiortc_private.sending`.
"""

from __future__ import annotations

import asyncio
import struct
from typing import Any

from aiortc import RTCDtlsTransport
from aiortc.rtcdtlstransport import State
from aiortc.rtp import HeaderExtensions, HeaderExtensionsMap
from pylibsrtp import Session, ffi

SRTP_ROOM_BYTES = 2048  # pylibsrtp's own 1500 less 144 for its trailer refuses what GStreamer sends (1388 of payload)
WAITING_BYTES_MAX = 1 << 18  # that the kernel has not taken yet: some 2 s of 1 Mbit/s, more is not live
SEND_TIME_HZ = 1 << 18  # absolute send time: 24 bits, 6.18 fixed point seconds
VIDEO_COMPONENT = 1  # ICE's number of the only component that is in use
_HEAD = struct.Struct("!BBHII")  # RFC 3550 section 5.1
_PLAIN, _EXTENDED = 0x80, 0x90
_ANY_TIME = 0xFFFEFD  # stands where the time goes; no part of a mid (UTF-8), an id or a length can read so


class Form:
    """The headers of one stream: its SSRC, and the extensions that its peer agreed to (`mid`, absolute send time)."""

    def __init__(self, ssrc: int, mid: str | None, extensions: HeaderExtensionsMap) -> None:
        self._ssrc = ssrc
        profile, value = extensions.set(HeaderExtensions(mid=mid, abs_send_time=_ANY_TIME))
        whole = struct.pack("!HH", profile, len(value) // 4) + value if value else b""
        self._before, time, self._after = whole.partition(_ANY_TIME.to_bytes(3, "big"))
        self._timed, self._first = bool(time), _EXTENDED if value else _PLAIN

    def packet(
        self,
        payload_type: int,
        marker: int,
        seq: int,
        timestamp: int,
        payload: bytes,
        at_s: float,
        ssrc: int | None = None,
    ) -> bytes:
        """A packet sent at `at_s` (monotonic: receivers look at differences alone); `ssrc` when it is not the
        stream's own."""
        head = _HEAD.pack(self._first, marker << 7 | payload_type, seq, timestamp, self._ssrc if ssrc is None else ssrc)
        if not self._timed:
            return head + self._before + payload
        time = (int(at_s * SEND_TIME_HZ) & 0xFFFFFF).to_bytes(3, "big")
        return head + self._before + time + self._after + payload


class Wire:
    """The way out of one transport, which must be connected."""

    def __init__(self, transport: RTCDtlsTransport) -> None:
        _make_room(transport)
        self._transport: Any = transport
        self._ways = transport.transport._connection._nominated

    def send(self, packet: bytes) -> None:
        """Seal an RTP packet and send it. Raises ConnectionError when the connection is gone."""
        transport, way = self._transport, self._ways.get(VIDEO_COMPONENT)
        if transport._state is not State.CONNECTED or way is None:
            raise ConnectionError("not connected")
        sealed = transport._tx_srtp.protect(packet)
        way.protocol.transport.sendto(sealed, way.remote_addr)
        transport._RTCDtlsTransport__tx_bytes += len(sealed)
        transport._RTCDtlsTransport__tx_packets += 1

    @property
    def is_full(self) -> bool:
        """Whether this machine's network does not take what is sent; what is behind a TURN server always can."""
        way = self._ways.get(VIDEO_COMPONENT)
        socket: Any = None if way is None else way.protocol.transport
        return isinstance(socket, asyncio.DatagramTransport) and socket.get_write_buffer_size() > WAITING_BYTES_MAX  # type: ignore[attr-defined]


def _make_room(transport: RTCDtlsTransport) -> None:
    """Let a connected transport send packets of any size that UDP brought in, whoever made them."""
    session = transport._tx_srtp
    assert isinstance(session, Session) and hasattr(session, "_cdata") and hasattr(session, "_buffer")
    session._cdata = ffi.new("char[]", SRTP_ROOM_BYTES)
    session._buffer = ffi.buffer(session._cdata)
