"""The short way out of a real server and into it: whole messages of every length, in order, and never into a full
socket."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest
import websockets
from fastapi import FastAPI, WebSocket, WebSocketDisconnect
from hypothesis import given, settings
from hypothesis import strategies as st
from uvicorn.server import ServerState
from websockets.frames import apply_mask  # pyright: ignore[reportPrivateImportUsage]

from aboard.serving import AHEAD, Listening, Sockets, _config, serving
from casebook.wire import Wire, framed, wire_of

LENGTHS = (0, 1, 125, 126, 127, 65_535, 65_536, 70_000)
Talk = Callable[[WebSocket, Wire], Coroutine[Any, Any, None]]


def app_that(talks: Talk) -> FastAPI:
    app = FastAPI()

    @app.websocket("/talk")
    async def talk(socket: WebSocket) -> None:
        wire = wire_of(socket)
        assert wire is not None and not wire.write_text(b"before the handshake")
        await socket.accept()
        await talks(socket, wire)

    return app


@contextlib.asynccontextmanager
async def talking(talks: Talk):
    async with (
        serving(app_that(talks), Listening()) as url,
        websockets.connect(f"{url.replace('http', 'ws')}/talk", max_size=None, proxy=None) as peer,
        asyncio.timeout(60),
    ):
        yield peer


async def test_messages_of_every_length_arrive_whole_and_in_order_with_those_of_the_long_way():
    async def talk(socket: WebSocket, wire: Wire) -> None:
        for number, length in enumerate(LENGTHS):
            message = str(number).ljust(length, "x")[:length]
            if number % 2 or not wire.write_text(message.encode()):
                await socket.send_text(message)

    async with talking(talk) as peer:
        heard = [await peer.recv() for _ in LENGTHS]
    assert heard == [str(number).ljust(length, "x")[:length] for number, length in enumerate(LENGTHS)]


async def test_a_full_socket_takes_nothing_on_the_short_way():
    refused = asyncio.Event()

    async def talk(socket: WebSocket, wire: Wire) -> None:
        taken = 0
        while wire.write_text(b"x" * 65_536):
            taken += 1
        assert taken < 1000
        refused.set()
        await socket.send_text("the end")
        assert wire.write_text(b"and again")

    async with talking(talk) as peer:
        await refused.wait()
        while (heard := await peer.recv()) != "the end":
            assert len(heard) == 65_536
        assert await peer.recv() == "and again"


async def test_whoever_has_gone_is_sent_nothing():
    told: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    async def talk(socket: WebSocket, wire: Wire) -> None:
        with contextlib.suppress(WebSocketDisconnect):
            await socket.receive_text()
        told.set_result(wire.write_text(b"who is there?"))

    async with talking(talk) as peer:
        await peer.close()
        assert await told is False


async def test_a_peer_is_read_from_only_so_far_ahead_and_then_to_the_end():
    waiting, go_on = asyncio.Event(), asyncio.Event()
    sizes: list[int] = []

    async def talk(socket: WebSocket, wire: Wire) -> None:
        queue: asyncio.Queue[Any] = wire.queue  # type: ignore[attr-defined]
        while queue.qsize() < AHEAD:  # noqa: ASYNC110 - the queue tells nobody how long it is
            await asyncio.sleep(0)
        waiting.set()
        await go_on.wait()
        for _ in range(50):
            sizes.append(queue.qsize())
            assert await socket.receive_text() == "y" * 300_000
        await socket.send_text("all")

    async with talking(talk) as peer:
        sending = asyncio.create_task(send_many(peer))
        await waiting.wait()
        go_on.set()
        assert await peer.recv() == "all"
        await sending
    assert max(sizes) <= 2 * AHEAD


async def send_many(peer: websockets.ClientConnection) -> None:
    for _ in range(50):
        await peer.send("y" * 300_000)


@pytest.mark.parametrize("length", LENGTHS)
def test_a_frame_says_how_long_it_is(length: int):
    frame, message = framed(b"z" * length), b"z" * length
    assert frame.endswith(message) and len(frame) - length == (2 if length < 126 else 4 if length < 65_536 else 10)


class Bare(asyncio.Transport):
    """Takes what is written, and says where it comes from."""

    def __init__(self) -> None:
        super().__init__({"peername": ("127.0.0.1", 1), "sockname": ("127.0.0.1", 2)})
        self.written, self._closing = b"", False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += data

    def is_closing(self) -> bool:
        return self._closing

    def close(self) -> None:
        self._closing = True

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...


REQUEST = (
    b"GET /talk HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
TEXT, PIECE, LAST, BINARY, PING = 0x81, 0x01, 0x80, 0x82, 0x89
words = st.sampled_from(["a", "fast", "急救", "x" * 126, "fast" + "y" * 70_000])
Said = tuple[str, str]  # (how, what)
sayings = st.lists(
    st.tuples(st.sampled_from(["whole", "whole", "whole", "pieces", "bytes", "ping"]), words), max_size=8
)


def of_client(first: int, message: bytes) -> bytes:
    mask = b"\x01\x02\x03\x04"
    header = bytearray(framed(message)[: len(framed(message)) - len(message)])
    header[0], header[1] = first, header[1] | 0x80
    return bytes(header) + mask + apply_mask(message, mask)


def frames_of(how: str, what: str) -> bytes:
    raw = what.encode()
    if how == "pieces":
        return of_client(PIECE, raw[:1]) + of_client(LAST, raw[1:])
    return of_client({"whole": TEXT, "bytes": BINARY, "ping": PING}[how], raw[:125] if how == "ping" else raw)


@asynccontextmanager
async def bare_talk(heard: list[str], *, early: bytes = b"") -> AsyncIterator[tuple[Sockets, Bare]]:
    """A server's end that hears what begins with "fast" on the short way and all else on the long one."""
    app, ready = FastAPI(), asyncio.Event()

    def hear(message: bytes) -> bool:
        if message.startswith(b"fast"):
            heard.append(message.decode())
        return message.startswith(b"fast")

    @app.websocket("/talk")
    async def talk(socket: WebSocket) -> None:
        await socket.accept()
        wire = wire_of(socket)
        assert wire is not None
        wire.hear_by(hear)
        ready.set()
        with contextlib.suppress(WebSocketDisconnect):
            while True:
                message = await socket.receive()
                if message["type"] == "websocket.disconnect":
                    return
                heard.append(message.get("text") or message["bytes"].decode())

    config = _config(app, Listening())
    config.load()
    end, transport = Sockets(config, ServerState(), {}), Bare()
    end.connection_made(transport)
    end.data_received(REQUEST + early)
    async with asyncio.timeout(60):
        await ready.wait()
        yield end, transport
    end.connection_lost(None)
    await asyncio.gather(*end.tasks)


async def until_taken(end: Sockets) -> None:
    while end.queue.qsize():  # noqa: ASYNC110 - the queue tells nobody how long it is
        await asyncio.sleep(0)
    await asyncio.sleep(0)


@settings(max_examples=40, deadline=None)
@given(sayings, st.lists(st.integers(1, 300), max_size=20), st.booleans())
def test_what_a_peer_says_is_heard_in_its_order_however_it_is_cut(said: list[Said], cuts: list[int], at_once: bool):
    async def talk() -> None:
        heard: list[str] = []
        sent = b"".join(frames_of(*one) for one in said)
        async with bare_talk(heard) as (end, transport):
            for length in [*cuts, len(sent)]:
                if sent:
                    end.data_received(sent[:length])
                sent = sent[length:]
                if not at_once:
                    await until_taken(end)
            await until_taken(end)
            assert heard == [what for how, what in said if how != "ping"]
            assert transport.written.count(b"\x8a") >= sum(how == "ping" for how, _ in said)

    asyncio.run(talk())


async def test_whoever_sends_before_being_answered_is_heard_all_the_same():
    heard: list[str] = []
    async with bare_talk(heard, early=frames_of("whole", "fast 1")) as (end, _):
        end.data_received(frames_of("whole", "fast 2"))
        await until_taken(end)
    assert heard == ["fast 1", "fast 2"]


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        (b"\x81\x02hi", 1002),  # without a mask
        (b"\x83\x80\x00\x00\x00\x00", 1002),  # of a kind that there is not
        (b"\x81\xff" + (1 << 62).to_bytes(8, "big"), 1009),
        (of_client(TEXT, b"\xff\xfe"), 1007),
    ],
)
async def test_a_frame_against_the_rules_ends_the_link_with_its_code_and_what_follows_is_not_heard(
    wrong: bytes, code: int
):
    heard: list[str] = []
    async with bare_talk(heard) as (end, transport):
        end.data_received(frames_of("whole", "fast") + wrong + frames_of("whole", "fast"))
    assert heard == ["fast"]
    assert transport.is_closing() and code.to_bytes(2, "big") in transport.written
