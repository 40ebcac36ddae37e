"""Run an application on one port: refuse a taken port and an open network without TLS, end gracefully."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from fastapi import FastAPI

from aboard.front.tls import check_listening, check_pair
from casebook.errors import RefusedInput

GRACE_S = 3  # how long open connections may take to end when we stop


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


@contextlib.asynccontextmanager
async def serving(app: FastAPI, listening: Listening) -> AsyncIterator[str]:
    """Serve while the block runs; gives the base URL. Raises RefusedInput for a taken port or a missing certificate."""
    check_listening(listening.host, with_tls=listening.cert is not None)
    if listening.cert and listening.key:
        check_pair(listening.cert, listening.key)
    listener = _bind(listening)
    server = uvicorn.Server(_config(app, listening))
    server.config.load()
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
        app, ws="websockets-sansio", log_level="warning", lifespan="off", access_log=False, server_header=False,
        timeout_graceful_shutdown=GRACE_S, ws_max_size=1 << 20, ws_per_message_deflate=False, ws_ping_interval=20,
        ws_ping_timeout=20, ssl_certfile=listening.cert, ssl_keyfile=listening.key,
    )  # fmt: skip
