"""The short way to a peer and from it: a message goes out the moment it is made, where the peer's socket is free to
take it, and is heard the moment it has come.

The long way is a queue for each peer, a task that waits at it, and the layers of a web framework between task and
socket: several times what the sending itself costs, for each of 200 boards, and what the taking costs, for each of a
fleet's messages. The short way is there where the server offers it (aboard/serving.py does), and only while nothing
waits on the long one; who keeps their order is casebook/live.py's, and casebook/vehicle_door.py's.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Protocol

from starlette.websockets import WebSocket

WIRE = "aboard.wire"  # among a connection's ASGI extensions
TEXT_FRAME = 0x81  # whole, text; RFC 6455, section 5.2
CONTROLS = frozenset((0x88, 0x89, 0x8A))  # close, ping, pong, each whole
MASKED, MASK_BYTES = 0x80, 4  # a client's frame says so in its second byte, and has a mask of its own
SHORT, LONG = 126, 1 << 16  # lengths from which on the header has two or eight bytes for them


class Wire(Protocol):
    def write_text(self, message: bytes) -> bool:
        """Send it now. False: the socket would not take it at once, or the connection is ending; nothing was sent."""
        ...

    def hear_by(self, listener: Callable[[bytes], bool]) -> None:
        """From now on `listener` hears each text the moment it has come, unless an earlier one waits on the long way.

        What it does not take (False) goes the long way. It must not raise. Whole messages of ASCII only: the rest, such
        as a text in pieces, takes the long way by itself.
        """
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


def frame_at(came: bytes, start: int) -> tuple[int, int] | None:
    """(where its mask stands, where it ends) of the client's frame that begins at `start`; the end lies beyond what
    came while it has not come whole. None: not even its header has."""
    if len(came) < start + 2:
        return None
    length, mask = came[start + 1] & ~MASKED, start + 2
    if length >= SHORT:
        mask += 2 if length == SHORT else 8
        if len(came) < mask:
            return None
        length = int.from_bytes(came[start + 2 : mask], "big")
    return mask, mask + MASK_BYTES + length


def _header(length: int) -> bytes:
    if length < SHORT:
        return bytes((TEXT_FRAME, length))
    if length < LONG:
        return struct.pack("!BBH", TEXT_FRAME, SHORT, length)
    return struct.pack("!BBQ", TEXT_FRAME, SHORT + 1, length)
