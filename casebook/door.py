"""The door: the HTTP and WebSocket shell that every room's app shares.

Checks the badge on every request, turns refusals into answers in both languages, turns a room's asks into POSTs and
its feeds into WebSockets. Decides nothing.

A browser cannot set headers on a WebSocket, so it offers two subprotocols: `aboard.v1` and `token.<token>`; programs
send `Authorization: Bearer <token>`. A token never stands in a URL that reaches the server.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
from fastapi import FastAPI, Request, Response, WebSocket, WebSocketDisconnect
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from casebook.access import Badge, Gate, need
from casebook.answers import Answers, what_of
from casebook.asking import Ask, Asker, Command, read_command
from casebook.errors import CoordinationError, NotAllowed, NotFound, RefusedInput
from casebook.live import Subscription
from casebook.spans import span
from casebook.wire import wire_of

log = logging.getLogger(__name__)
MAX_BODY = 256 * 1024
SUBPROTOCOL = "aboard.v1"


class Answer(JSONResponse):
    """JSON by msgspec: no NaN, datetimes as ISO text."""

    def render(self, content: Any) -> bytes:
        return msgspec.json.encode(content)


def make_app(title: str, version: str = "1") -> FastAPI:
    """An application that refuses in both languages and documents itself at /openapi.json."""
    app = FastAPI(title=title, version=version, docs_url=None, redoc_url=None, default_response_class=Answer)

    @app.exception_handler(CoordinationError)
    async def refuse(request: Request, wrong: CoordinationError) -> Response:
        status = 401 if wrong.key == "unknown_token" else wrong.http_status
        return Answer(wrong.as_answer(), status_code=status)

    @app.exception_handler(RequestValidationError)
    async def refuse_shape(request: Request, wrong: RequestValidationError) -> Response:
        first = wrong.errors()[0]
        field = ".".join(str(part) for part in first.get("loc", ()))
        told = RefusedInput("bad_field", where=request.url.path, field=field, why=first.get("msg", "?"))
        return Answer(told.as_answer(), status_code=422)

    @app.exception_handler(HTTPException)
    async def refuse_path(request: Request, wrong: HTTPException) -> Response:
        told = NotFound(what=request.method, id=request.url.path)
        return Answer(told.as_answer(), status_code=wrong.status_code)

    @app.exception_handler(Exception)
    async def refuse_bug(request: Request, wrong: Exception) -> Response:
        log.error("unexpected error at %s", request.url.path, exc_info=wrong)
        return Answer(CoordinationError().as_answer(), status_code=500)

    return app


def token_of(connection: Request | WebSocket) -> str | None:
    """The bearer token of a request or a WebSocket, or None."""
    scheme, _, token = connection.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token:
        return token
    offered = connection.headers.get("sec-websocket-protocol", "")
    names = [name.strip() for name in offered.split(",")]
    return next((name.removeprefix("token.") for name in names if name.startswith("token.")), None)


def badge_of(gate: Gate, connection: Request | WebSocket) -> Badge:
    return gate.admit(token_of(connection))


async def body_of(request: Request, limit: int = MAX_BODY) -> bytes:
    """The request body, refused beyond `limit` bytes."""
    whole = bytearray()
    async for part in request.stream():
        whole += part
        if len(whole) > limit:
            raise RefusedInput("bad_json", where=request.url.path, why=f"more than {limit} bytes")
    return bytes(whole)


def add_asks(
    app: FastAPI,
    asks: Sequence[Ask],
    gate: Gate,
    *,
    drill: bool,
    done_before: Callable[[str], list[int]],
    answers: Answers | None = None,
) -> None:
    """One POST per ask at /api/v1/ask/<name>. `done_before(key)` finds what an idempotency key already wrote; `answers`
    gives the same answer again (header `Idempotency-Replayed`), without it only what was written is told."""
    for ask in asks:
        _add_ask(app, ask, gate, drill, done_before, answers)


def _add_ask(
    app: FastAPI, ask: Ask, gate: Gate, drill: bool, done_before: Callable[[str], list[int]], answers: Answers | None
) -> None:
    async def handle(request: Request) -> Any:
        badge = badge_of(gate, request)
        need(badge, *ask.roles, what=ask.name)
        key = request.headers.get("idempotency-key", "")
        body = await body_of(request) or b"{}"
        command = read_command(body, ask.command, ask.name)
        asker = Asker(badge, _stated_time(request) if drill else None, key)
        with span("command", ask=ask.name, role=str(badge.role)):
            answer, again = await answered(ask, command, asker, body, done_before, answers)
        return Answer(answer, headers={"Idempotency-Replayed": "true"}) if again else answer

    _, components = msgspec.json.schema_components([ask.command], ref_template="#/components/schemas/{name}")
    shape = components.get(ask.command.__name__, {})
    extra = {"requestBody": {"required": True, "content": {"application/json": {"schema": shape}}}}
    app.add_api_route(
        f"/api/v1/ask/{ask.name}", handle, methods=["POST"], openapi_extra=extra, summary=ask.name,
        description=ask.command.__doc__ or "",
    )  # fmt: skip


async def answered(
    ask: Ask, command: Command, asker: Asker, body: bytes, done_before: Callable[[str], list[int]],
    answers: Answers | None,
) -> tuple[Any, bool]:  # fmt: skip
    """(the answer, whether it was given before) to what was asked, which is done once for each key.

    Raises what the ask's handler raises, and what `Answers.once` does.
    """

    async def work() -> Any:
        if asker.key and (entries := await asyncio.to_thread(done_before, asker.key)):  # a store may keep one waiting
            return {"repeated": True, "entries": entries}
        return await ask.handle(command, asker) or {}

    if answers is None:
        return await work(), False
    return await answers.once(asker.key, what_of(ask.name, asker.badge.who, body), work)


def _stated_time(request: Request) -> datetime | None:
    """In a drill the script says when its step happens (header Aboard-At); live it is always now."""
    text = request.headers.get("aboard-at")
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise RefusedInput("bad_field", where="Aboard-At", field="header", why="not an ISO time with its zone")
    return at.astimezone(UTC)


async def admit_socket(socket: WebSocket, gate: Gate) -> Badge | None:
    """Check the badge at the handshake; an unknown token is refused before the socket opens (HTTP 403)."""
    try:
        badge = badge_of(gate, socket)
    except NotAllowed:
        await socket.close(4401)
        return None
    offered = socket.headers.get("sec-websocket-protocol", "")
    await socket.accept(subprotocol=SUBPROTOCOL if SUBPROTOCOL in offered else None)
    return badge


async def hear_text(socket: WebSocket) -> str:
    """The next message; of a binary one what of it is text. Raises WebSocketDisconnect."""
    message = await socket.receive()
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message.get("code") or 1006, message.get("reason"))
    text = message.get("text")
    return text if text is not None else message.get("bytes", b"").decode("utf-8", "replace")


async def serve_feed(
    socket: WebSocket, screen: Subscription, heard: Callable[[dict[str, Any]], None] = lambda message: None
) -> None:
    """Send a feed until the screen goes. A reader always runs: a socket that only sends never learns of the end.

    The screen may send {"t": "resync"} after a gap, and {"t": "shown", ...}, which goes to `heard`.
    """

    async def read() -> None:
        while True:
            raw = await hear_text(socket)
            with contextlib.suppress(ValueError, RecursionError):
                message = json.loads(raw) if len(raw) <= MAX_BODY else {}
                if not isinstance(message, dict):
                    continue
                if message.get("t") == "resync":
                    screen.resync()
                else:
                    heard(message)

    async def send() -> None:
        while True:
            await socket.send_text((await screen.next()).decode())

    if (wire := wire_of(socket)) is not None:
        screen.pass_on = wire.write_text

    tasks = [asyncio.create_task(read()), asyncio.create_task(send())]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        screen.close()
        for task in tasks:
            task.cancel()
        for task in tasks:
            with contextlib.suppress(asyncio.CancelledError, WebSocketDisconnect, RuntimeError, OSError):
                await task
