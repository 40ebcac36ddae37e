"""Hundreds of screens or vehicles in one process: sockets that cut messages out of what arrives and hand them on,
nothing more.

A WebSocket library spends as long on a message as the hub does; then the figure would be the library's.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import secrets
import struct
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from websockets.frames import apply_mask  # pyright: ignore[reportPrivateImportUsage]

from aboard.bench.play import BenchFailed

MASK = b"\x5a\xc3\x96\x3c"  # any will do: it hides nothing from anybody (RFC 6455, section 10.3, is of proxies)
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
OPEN_S = 30.0
AT_ONCE = 50


@dataclass(frozen=True, slots=True)
class Seat:
    """Where a board looks: `url` (http), the feed's `path`, its token, and who hears each message."""

    url: str
    path: str
    token: str
    heard: Callable[[bytes], None]
    looks_from: str = ""  # an address of this machine; without it any


class Board(asyncio.Protocol):
    """One screen's end of a WebSocket (RFC 6455), without extensions."""

    def __init__(self, seat: Seat) -> None:
        self._seat, self._buffer = seat, bytearray()
        self._transport: asyncio.Transport | None = None
        self.is_lost = False
        self.open: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        key, where = base64.b64encode(secrets.token_bytes(16)).decode(), urlsplit(self._seat.url).netloc
        lines = [f"GET {self._seat.path} HTTP/1.1", f"Host: {where}", "Upgrade: websocket", "Connection: Upgrade"]
        lines += [f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13"]
        lines += [f"Authorization: Bearer {self._seat.token}"] if self._seat.token else []
        transport.write(("\r\n".join(lines) + "\r\n\r\n").encode())

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self.open.done() and not self._opened():
            return
        while (frame := self._cut()) is not None:
            opcode, body = frame
            if opcode in (TEXT, BINARY):
                self._seat.heard(body)
            elif opcode == PING and self._transport is not None:
                self._transport.write(bytes((0x80 | PONG, 0x80 | len(body), 0, 0, 0, 0)) + body)

    def say(self, message: bytes) -> None:
        """Send a text; where the socket is full it waits in memory."""
        assert self._transport is not None
        size, first = len(message), 0x80 | TEXT
        header = bytes((first, 0x80 | size)) if size < 126 else struct.pack("!BBH", first, 0x80 | 126, size)
        self._transport.write(header + MASK + apply_mask(message, MASK))

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_lost = True
        if not self.open.done():
            self.open.set_exception(BenchFailed(what=f"board {self._seat.path}", why="connection closed"))

    def stop(self) -> None:
        """Read no more, as a screen does whose machine hangs."""
        assert self._transport is not None
        self._transport.pause_reading()

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def _opened(self) -> bool:
        head, found, rest = bytes(self._buffer).partition(b"\r\n\r\n")
        if not found:
            return False
        self._buffer = bytearray(rest)
        status = head.split(b"\r\n", 1)[0].decode(errors="replace")
        if " 101 " in status + " ":
            self.open.set_result(None)
            return True
        self.open.set_exception(BenchFailed(what=f"board {self._seat.path}", why=status))
        return False

    def _cut(self) -> tuple[int, bytes] | None:
        """(opcode, body) of the next whole frame; a server's frames are not masked, and ours come in one piece."""
        buffer = self._buffer
        if len(buffer) < 2:
            return None
        size, start = buffer[1] & 0x7F, 2
        if size >= 126:
            width, shape = (2, "!H") if size == 126 else (8, "!Q")
            start = 2 + width
            if len(buffer) < start:
                return None
            size = struct.unpack_from(shape, buffer, 2)[0]
        if len(buffer) < start + size:
            return None
        opcode, body = buffer[0] & 0x0F, bytes(buffer[start : start + size])
        del buffer[: start + size]
        return opcode, body


@contextlib.asynccontextmanager
async def boards(seats: Sequence[Seat]) -> AsyncIterator[Sequence[Board]]:
    """Every board connected while the block runs. Raises BenchFailed when one is refused."""
    gate, made = asyncio.Semaphore(AT_ONCE), []

    async def take(seat: Seat) -> Board:
        where = urlsplit(seat.url)
        async with gate, asyncio.timeout(OPEN_S):
            _, board = await asyncio.get_running_loop().create_connection(
                lambda: Board(seat),
                where.hostname or "",
                where.port or 80,
                local_addr=(seat.looks_from, 0) if seat.looks_from else None,
            )
            made.append(board)
            await board.open
        return board

    try:
        yield await asyncio.gather(*(take(seat) for seat in seats))
    finally:
        for board in made:
            board.close()
