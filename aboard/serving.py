"""Run an application on one port: refuse a taken port and an open network without TLS, end gracefully."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState
from websockets.frames import apply_mask  # pyright: ignore[reportPrivateImportUsage]
from websockets.http11 import Request
from websockets.protocol import State

from aboard.front.tls import check_listening, check_pair
from casebook.errors import RefusedInput
from casebook.wire import CONTROLS, MASK_BYTES, MASKED, TEXT_FRAME, WIRE, frame_at, framed

log = logging.getLogger(__name__)
NO_DESCRIPTORS, TOLD_AGAIN_S = "socket.accept() out of system resource", 60.0  # asyncio's own words for it
RETRY = "Exception in callback BaseSelectorEventLoop._start_serving"  # asyncio's, as often as it told the other
NO_UTF8 = "Invalid UTF-8 sequence"  # uvicorn's
NO_MEMORY = "MemoryError"
SHORT_OF = {
    NO_DESCRIPTORS: "no descriptors are left: newcomers wait until somebody goes",
    NO_MEMORY: "no memory is left: who sent what there is no room for is let go",
}
GRACE_S = 3  # how long open connections may take to end when we stop
AHEAD = 4  # messages of one peer that wait to be taken before no more is read; each has at most 1 MiB
PING_S = 10  # a screen or vehicle that is silently gone is noticed within twice that; the goal is 30


@dataclass(frozen=True, slots=True)
class Listening:
    """Where to listen. Port 0 takes any free one."""

    host: str = "127.0.0.1"
    port: int = 0
    cert: Path | None = None
    key: Path | None = None

    @property
    def scheme(self) -> str:
        return "https" if self.cert else "http"


class Sockets(WebSocketsSansIOProtocol):
    """uvicorn's, with a short way out and in (casebook/wire.py), and reading on while there is little to do.

    The short way in needs to know where a frame begins. So all frames are cut here, and given on whole; the first that
    is neither a whole text nor a control frame of a client, and all that comes after it, are uvicorn's alone.

    A peer that answers no ping is let go at once. uvicorn's own way is to close once everything has been written; to a
    screen that reads nothing that is never, and the screen's queue and task would stay for as long as TCP has patience
    (tcp_retries2: about a quarter of an hour). After each message uvicorn reads no more until it was taken; to tell the
    kernel so twice for each of a fleet's messages costs more than to decode it.
    """

    _listener: Callable[[bytes], bool] | None = None
    _rest = b""  # of what came: a frame that is not whole yet
    _asked = False  # the request to be a WebSocket has come
    _long = False  # no short way in any more

    def keepalive_timeout(self) -> None:
        if self.read_paused:  # its answer stands behind what we have not read yet: the silence is ours
            self.pong_timer = None
            self.schedule_ping()
            return
        super().keepalive_timeout()
        self.transport.abort()

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        if self.response.status_code == 101:
            self.scope.setdefault("extensions", {})[WIRE] = self  # type: ignore[index]
            self._asked = True

    def hear_by(self, listener: Callable[[bytes], bool]) -> None:
        self._listener = listener

    def data_received(self, data: bytes) -> None:
        if self._long:
            super().data_received(data)
        elif self.handshake_complete:
            self._cut(self._rest + data if self._rest else data)
        else:  # the request; whoever sends on before it is answered stays on the long way
            self._long = self._asked
            super().data_received(data)
            self._long |= bool(self.conn.reader.buffer)

    def _cut(self, came: bytes) -> None:
        """Give on each frame that came whole, and keep the rest until more of it has come."""
        start = 0
        while (found := frame_at(came, start)) is not None:
            mask, end = found
            self._long = not self._is_plain(came, start, end - mask)
            if self._long or end > len(came):
                break
            if not (came[start] == TEXT_FRAME and self._heard(came, mask, end)):
                super().data_received(came[start:end])
                if self.transport.is_closing():
                    return
            start = end
        self._rest = came[start:]
        if self._long:
            super().data_received(self._rest)
            self._rest = b""

    def _is_plain(self, came: bytes, start: int, length: int) -> bool:
        first, second = came[start], came[start + 1]
        fits = length - MASK_BYTES <= self.config.ws_max_size
        return (first == TEXT_FRAME or first in CONTROLS) and second >= MASKED and fits

    def _heard(self, came: bytes, mask: int, end: int) -> bool:
        """Whether the text was taken on the short way."""
        if self._listener is None or self.queue.qsize() or self.conn.state is not State.OPEN or self.close_sent:
            return False
        message = apply_mask(came[mask + MASK_BYTES : end], came[mask : mask + MASK_BYTES])
        return message.isascii() and self._listener(message)

    def write_text(self, message: bytes) -> bool:
        free = self.writable.is_set() and self.handshake_complete
        if not free or self.close_sent or self.disconnected or self.transport.is_closing():
            return False
        self.transport.write(framed(message))
        return True

    def send_receive_event_to_app(self) -> None:
        paused, self.read_paused = self.read_paused, True  # as if it were so: then super leaves the reading alone
        super().send_receive_event_to_app()
        self.read_paused = paused
        if not paused and self.queue.qsize() >= AHEAD:
            self.read_paused = True
            self.transport.pause_reading()


@contextlib.asynccontextmanager
async def serving(app: FastAPI, listening: Listening) -> AsyncIterator[str]:
    """Serve while the block runs; gives the base URL. Raises RefusedInput for a taken port or a missing certificate."""
    check_listening(listening.host, with_tls=listening.cert is not None)
    if listening.cert and listening.key:
        check_pair(listening.cert, listening.key)
    listener = _bind(listening)
    server = uvicorn.Server(_config(app, listening))
    server.config.load()
    asyncio.get_running_loop().set_exception_handler(once_a_minute())
    logging.getLogger("uvicorn.error").addFilter(BRIEF)
    task = asyncio.create_task(server.serve([listener]))
    try:
        while not server.started and not task.done():  # noqa: ASYNC110 - uvicorn tells by a flag only
            await asyncio.sleep(0.01)
        if task.done():
            task.result()
        host = f"[{listening.host}]" if ":" in listening.host else listening.host
        yield f"{listening.scheme}://{host}:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await task


def server_of(app: Any, sockets: type[Sockets] = Sockets) -> Callable[[], asyncio.Protocol]:
    """The same for somebody who has a loop and a network of his own (the simulator): what makes the protocol for each
    connection to `app`, an ASGI application."""
    config, state = _config(app, Listening()), ServerState()
    config.interface, config.ws = "asgi3", sockets
    config.load()
    return lambda: config.http_protocol_class(config, state, {})  # type: ignore[call-arg]


class Brief(logging.Filter):
    """uvicorn tells of each frame that is no UTF-8 with a traceback, so that anybody with a badge could fill the disk,
    and of each message for which there is no memory: each of both is told once a minute, in one line."""

    def __init__(self) -> None:
        super().__init__()
        self._told_s: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        wrong = record.exc_info[1] if record.exc_info else None
        kind = NO_UTF8 if str(record.msg).startswith(NO_UTF8) else NO_MEMORY if isinstance(wrong, MemoryError) else ""
        if not kind:
            return True
        if record.created - self._told_s.get(kind, -math.inf) < TOLD_AGAIN_S:
            return False
        self._told_s[kind], record.exc_info, record.exc_text = record.created, None, None
        return True


BRIEF = Brief()


def once_a_minute() -> Callable[[asyncio.AbstractEventLoop, dict[str, Any]], None]:
    """A loop's exception handler that tells of descriptors or memory that ran out once a minute, of all else as ever.

    asyncio tells it with a traceback for each place of the queue of newcomers, each second: 5 MB of log a second.
    """
    told_s: dict[str, float] = {}

    def hear(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        message, wrong = str(context.get("message")), context.get("exception")
        if message.startswith(RETRY) and isinstance(wrong, ValueError):
            return  # it wanted to listen again, and the hub has ended meanwhile
        short = NO_MEMORY if isinstance(wrong, MemoryError) else message
        if short not in SHORT_OF:
            loop.default_exception_handler(context)
        elif loop.time() - told_s.get(short, -math.inf) >= TOLD_AGAIN_S:
            told_s[short] = loop.time()
            log.error(SHORT_OF[short])

    return hear


def _bind(listening: Listening) -> socket.socket:
    family = socket.AF_INET6 if ":" in listening.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((listening.host, listening.port))
    except OSError as wrong:
        listener.close()
        raise RefusedInput("port_taken", host=listening.host, port=listening.port, why=wrong.strerror) from wrong
    return listener


def _config(app: FastAPI, listening: Listening) -> uvicorn.Config:
    return uvicorn.Config(
        app, ws=Sockets, log_config=None, log_level="warning", lifespan="off", access_log=False, server_header=False,
        timeout_graceful_shutdown=GRACE_S, ws_max_size=1 << 20, ws_per_message_deflate=False, ws_ping_interval=PING_S,
        ws_ping_timeout=PING_S, ssl_certfile=listening.cert, ssl_keyfile=listening.key,
    )  # fmt: skip
