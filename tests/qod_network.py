"""A mobile network's Quality-on-Demand interface of CAMARA's documented shape, on a real port, with dials."""

from __future__ import annotations

import asyncio
import socket
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse

TOKEN = "network-token"
DEVICE = {"phoneNumber": "+8613800000001"}
VERSION = "/quality-on-demand/v1"
MUST = {"device", "applicationServer", "qosProfile", "duration"}
MAY = MUST | {"sink", "sinkCredential", "devicePorts", "applicationServerPorts"}


class Network:
    """Sessions by id. `answers`: what the next asks for a session are answered instead, as (status, headers)."""

    def __init__(self) -> None:
        self.sessions: dict[str, dict[str, Any]] = {}
        self.answers: list[tuple[int, dict[str, str]]] = []
        self.asked: list[tuple[str, str]] = []  # method and what
        self.wishes: list[dict[str, Any]] = []
        self.at_once = True  # a session is available when it is made
        self.mute = False  # takes everything, answers nothing
        self.most_s: int | None = None  # no session is longer
        self.unmuted = asyncio.Event()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}{VERSION}"

    async def start(self) -> None:
        app = FastAPI()
        app.add_api_route(f"{VERSION}/sessions", self._create, methods=["POST"])
        app.add_api_route(f"{VERSION}/retrieve-sessions", self._retrieve, methods=["POST"])
        app.add_api_route(f"{VERSION}/sessions/{{id}}", self._one, methods=["GET", "DELETE"])
        app.add_api_route(f"{VERSION}/sessions/{{id}}/extend", self._extend, methods=["POST"])
        config = uvicorn.Config(app, port=self.port, log_level="warning", lifespan="off", timeout_graceful_shutdown=1)
        self._server = uvicorn.Server(config)
        self._serving = asyncio.create_task(self._server.serve())
        while not self._server.started:
            assert not self._serving.done(), "the network does not listen"
            await asyncio.sleep(0.01)

    async def stop(self) -> None:
        self.unmuted.set()
        self._server.should_exit = True
        await self._serving

    def live(self) -> list[str]:
        return [id for id, one in self.sessions.items() if one["qosStatus"] != "UNAVAILABLE"]

    def make_available(self) -> None:
        for one in self.sessions.values():
            self._grant(one)

    def take_away(self, why: str = "NETWORK_TERMINATED") -> None:
        for one in self.sessions.values():
            one |= {"qosStatus": "UNAVAILABLE", "statusInfo": why}

    def count(self, method: str) -> int:
        return sum(one == method for one, _ in self.asked)

    # --- the interface

    async def _heard(self, request: Request, what: str) -> Response | None:
        """None: go on; else the answer."""
        self.asked.append((request.method, what))
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return _error(401, "UNAUTHENTICATED")
        if self.mute and what != "create":
            await self.unmuted.wait()
        return None

    async def _create(self, request: Request) -> Response:
        if (no := await self._heard(request, "create")) is not None:
            return no
        if self.answers:
            status, headers = self.answers.pop(0)
            return _error(status, "NO", headers)
        wish = await request.json()
        self.wishes.append(wish)
        if not (MUST <= wish.keys() <= MAY) or wish["device"] != DEVICE or wish["duration"] < 1:
            return _error(400, "INVALID_ARGUMENT")
        if self.sessions:
            return _error(409, "CONFLICT")
        told = {name: value for name, value in wish.items() if name != "sinkCredential"}
        id = str(uuid.uuid4())
        self.sessions[id] = told | {"sessionId": id, "qosStatus": "REQUESTED", "statusInfo": ""}
        if self.at_once:
            self._grant(self.sessions[id])
        if self.mute:
            await self.unmuted.wait()
        return JSONResponse(_shown(self.sessions[id]), 201)

    def _grant(self, one: dict[str, Any]) -> None:
        now = datetime.now(UTC)
        seconds = min(one["duration"], self.most_s or one["duration"])
        one |= {"qosStatus": "AVAILABLE", "startedAt": now, "expiresAt": now + timedelta(seconds=seconds)}

    async def _retrieve(self, request: Request) -> Response:
        if (no := await self._heard(request, "retrieve")) is not None:
            return no
        device = (await request.json())["device"]
        return JSONResponse([_shown(one) for one in self.sessions.values() if one["device"] == device])

    async def _one(self, id: str, request: Request) -> Response:
        if (no := await self._heard(request, "one")) is not None:
            return no
        if id not in self.sessions:
            return _error(404, "NOT_FOUND")
        if request.method == "GET":
            return JSONResponse(_shown(self.sessions[id]))
        del self.sessions[id]
        return Response(status_code=204)

    async def _extend(self, id: str, request: Request) -> Response:
        if (no := await self._heard(request, "extend")) is not None:
            return no
        one = self.sessions[id]
        if one["qosStatus"] != "AVAILABLE":
            return _error(409, "QUALITY_ON_DEMAND.SESSION_EXTENSION_NOT_ALLOWED")
        if self.most_s is None:
            one["expiresAt"] += timedelta(seconds=(await request.json())["requestedAdditionalDuration"])
        return JSONResponse(_shown(one))


def _shown(one: dict[str, Any]) -> dict[str, Any]:
    shown = {name: value.isoformat() if isinstance(value, datetime) else value for name, value in one.items()}
    return {name: value for name, value in shown.items() if value != ""}


def _error(status: int, code: str, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse({"status": status, "code": code, "message": code.lower()}, status, headers=headers)
