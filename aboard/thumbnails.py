"""Open the doors of the console's small pictures at a hub: vehicles with a camera, and dispatchers who look."""

from __future__ import annotations

import time

from fastapi import FastAPI, WebSocket

from casebook.access import Gate, Role, need, need_unit
from casebook.door import admit_socket
from casebook.errors import NotAllowed
from media.thumbnail_door import serve_camera, serve_looks
from media.thumbnails import Thumbnails

NOT_ALLOWED = 4403  # close code


def add_thumbnails(app: FastAPI, gate: Gate) -> Thumbnails:
    """/api/v1/thumbnails/{unit} for the vehicle itself, /api/v1/live/thumbnails for dispatchers."""
    thumbnails = Thumbnails(time.monotonic)

    @app.websocket("/api/v1/thumbnails/{unit}")
    async def camera(socket: WebSocket, unit: str) -> None:
        if badge := await admit_socket(socket, gate):
            try:
                need(badge, Role.PARAMEDIC, what="thumbnails")
                need_unit(badge, unit, "thumbnails")
            except NotAllowed:
                await socket.close(NOT_ALLOWED)
                return
            await serve_camera(socket, thumbnails, unit)

    @app.websocket("/api/v1/live/thumbnails")
    async def looks(socket: WebSocket) -> None:
        if badge := await admit_socket(socket, gate):
            try:
                need(badge, Role.DISPATCHER, what="thumbnails")
            except NotAllowed:
                await socket.close(NOT_ALLOWED)
                return
            await serve_looks(socket, thumbnails)

    return thumbnails
