"""The short way to a peer: a message goes out the moment it is made, where the peer's socket is free to take it.

The long way is a queue for each peer, a task that waits at it, and the layers of a web framework between task and
socket: several times what the sending itself costs, for each of 200 boards. The short way is there where the server
offers it (aboard/serving.py does), and only while nothing waits on the long one; who keeps their order is
casebook/live.py's.
"""

from __future__ import annotations

import struct
from typing import Protocol

from starlette.websockets import WebSocket

WIRE = "aboard.wire"  # among a connection's ASGI extensions
TEXT_FRAME = 0x81  # whole, text; RFC 6455, section 5.2
SHORT, LONG = 126, 1 << 16  # lengths from which on the header has two or eight bytes for them


class Wire(Protocol):
    def write_text(self, message: bytes) -> bool:
        """Send it now. False: the socket would not take it at once, or the connection is ending; nothing was sent."""
        ...


def wire_of(socket: WebSocket) -> Wire | None:
    """The short way to whoever is at the other end, if the server has one."""
    return (socket.scope.get("extensions") or {}).get(WIRE)


class _Framed:
    """A message and its frame. What goes to 200 boards is the same object, and framed once."""

    message, frame = b"", bytes((TEXT_FRAME, 0))


_newest = _Framed()


def framed(message: bytes) -> bytes:
    """A server's frame of one text message."""
    global _newest
    newest = _newest
    if newest.message is not message:
        newest = _Framed()
        newest.message, newest.frame = message, _header(len(message)) + message
        _newest = newest
    return newest.frame


def _header(length: int) -> bytes:
    if length < SHORT:
        return bytes((TEXT_FRAME, length))
    if length < LONG:
        return struct.pack("!BBH", TEXT_FRAME, SHORT, length)
    return struct.pack("!BBQ", TEXT_FRAME, SHORT + 1, length)
