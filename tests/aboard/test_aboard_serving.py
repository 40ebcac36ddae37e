"""The shell around an application tells of trouble once, not thousands of times, and keeps no peer that is gone."""

from __future__ import annotations

import asyncio
import logging
import socket

import pytest
from fastapi import FastAPI, WebSocket
from websockets.asyncio.client import connect

from aboard import serving as shell
from aboard.serving import NO_DESCRIPTORS, NO_UTF8, RETRY, Brief, once_a_minute


def test_a_hub_without_descriptors_says_so_once_and_other_trouble_is_told_each_time(caplog: pytest.LogCaptureFixture):
    loop, hear = asyncio.new_event_loop(), once_a_minute()
    with caplog.at_level(logging.ERROR):
        for _ in range(2048):
            hear(loop, {"message": NO_DESCRIPTORS})
            hear(loop, {"message": f"{RETRY}(...)", "exception": ValueError("closed")})
        for _ in range(2):
            hear(loop, {"message": "something else"})
    loop.close()
    assert [record.name for record in caplog.records] == ["aboard.serving", "asyncio", "asyncio"]


def test_frames_that_are_no_text_are_told_once_in_one_line(caplog: pytest.LogCaptureFixture):
    logger, brief = logging.getLogger("test.uvicorn"), Brief()
    logger.addFilter(brief)
    with caplog.at_level(logging.ERROR):
        for _ in range(100):
            try:
                b"\xff".decode()
            except UnicodeDecodeError:
                logger.exception(f"{NO_UTF8} received from client.")
        logger.error("something else")
    assert [(record.exc_info, record.getMessage()[:7]) for record in caplog.records] == [
        (None, "Invalid"), (None, "somethi"),
    ]  # fmt: skip


def test_a_hub_without_memory_says_so_once_and_fills_no_log(caplog: pytest.LogCaptureFixture):
    loop, hear, logger, brief = asyncio.new_event_loop(), once_a_minute(), logging.getLogger("test.uvicorn"), Brief()
    logger.addFilter(brief)
    with caplog.at_level(logging.ERROR):
        for _ in range(100):
            hear(loop, {"message": "Fatal read error on socket transport", "exception": MemoryError()})
            try:
                raise MemoryError
            except MemoryError:
                logger.exception("parser failed")
    loop.close()
    assert [(record.name, record.exc_info) for record in caplog.records] == [
        ("aboard.serving", None), ("test.uvicorn", None),
    ]  # fmt: skip


async def test_a_screen_that_reads_nothing_any_more_is_let_go(monkeypatch: pytest.MonkeyPatch):
    """Its buffers are full, so that a close that waits for them would never come."""
    monkeypatch.setattr(shell, "PING_S", 0.2)
    app, gone, sent = FastAPI(), asyncio.Event(), 0

    @app.websocket("/live")
    async def live(screen: WebSocket) -> None:
        nonlocal sent
        await screen.accept()
        try:
            while True:
                await screen.send_text("x" * 65_536)
                sent += 1
        finally:
            gone.set()

    async with shell.serving(app, shell.Listening()) as url:
        host, _, port = url.removeprefix("http://").partition(":")
        with socket.socket() as deaf:
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            await asyncio.to_thread(deaf.connect, (host, int(port)))
            deaf.sendall(
                f"GET /live HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
            )
            async with asyncio.timeout(60):
                await gone.wait()
    assert sent > 0


async def test_a_peer_whose_messages_wait_to_be_taken_is_not_taken_for_gone(monkeypatch: pytest.MonkeyPatch):
    """Its answer to a ping stands behind them, and nothing is read meanwhile."""
    monkeypatch.setattr(shell, "PING_S", 0.2)
    app, heard, many = FastAPI(), asyncio.Queue[str](), 5 * shell.AHEAD

    @app.websocket("/rows")
    async def rows(vehicle: WebSocket) -> None:
        await vehicle.accept()
        await asyncio.sleep(10 * shell.PING_S)
        for _ in range(many):
            heard.put_nowait(await vehicle.receive_text())
        await vehicle.close()

    async with (
        shell.serving(app, shell.Listening()) as url,
        connect(f"{url.replace('http', 'ws')}/rows", ping_interval=None) as vehicle,
    ):
        for number in range(many):
            await vehicle.send(str(number))
            await asyncio.sleep(0.01)
        await vehicle.wait_closed()
    assert (heard.qsize(), vehicle.close_code) == (many, 1000)
