"""The short way out of a real server: whole messages of every length, in order, and never into a full socket."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
import websockets
from fastapi import FastAPI, WebSocket, WebSocketDisconnect

from aboard.serving import AHEAD, Listening, serving
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
