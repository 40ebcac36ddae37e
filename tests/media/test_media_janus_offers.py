"""Which Janus answers a viewer's offer, and what it is then asked: against an HTTP API of its documented shape.

The Janus of Debian 12 is older: with that one, test_media_engine holds the counter-offer to the contract.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiortc import RTCConfiguration, RTCPeerConnection
from fastapi import FastAPI, Request
from voice_stage import Serving

from media.forwarder import MediaPlane
from media.janus import JanusEngine
from media.janus_client import JanusClient

pytestmark = pytest.mark.sockets
ANSWER = (
    "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\nm=video 9 UDP/TLS/RTP/SAVPF 97\r\na=mid:0\r\na=sendonly\r\n"
)


class Documented:
    """The HTTP API of Janus by its documents, as far as a viewer needs it: "watch" takes an offer or makes one."""

    def __init__(self) -> None:
        self.version: str | None = "1.1.4"
        self.watched: list[dict[str, Any]] = []
        numbers = itertools.count(1)
        app = FastAPI()

        @app.get("/janus/info")
        def info() -> dict[str, Any]:
            return (
                {"janus": "server_info", "version_string": self.version} if self.version else {"janus": "server_info"}
            )

        @app.post("/janus")
        @app.post("/janus/{session}")
        def open_or_attach(session: int = 0) -> dict[str, Any]:
            return {"janus": "success", "data": {"id": next(numbers)}}

        @app.get("/janus/{session}")
        async def events(session: int) -> dict[str, Any]:
            await asyncio.sleep(0.2)
            return {"janus": "keepalive"}

        @app.post("/janus/{session}/{handle}")
        async def message(session: int, handle: int, request: Request) -> dict[str, Any]:
            asked = await request.json()
            body = asked.get("body", {})
            data: dict[str, Any] = {"list": []}
            answer: dict[str, Any] = {"janus": "success", "transaction": asked["transaction"]}
            if body.get("request") == "create" and body.get("type") == "rtp":
                data = {"stream": {"ports": [{"port": 5002, "rtcp_port": 5003}]}}
            if body.get("request") == "watch":
                self.watched.append(asked)
                answer["jsep"] = {"type": "answer" if "jsep" in asked else "offer", "sdp": ANSWER}
            return answer | {"plugindata": {"data": data}}

        self.serving = Serving(app)


@pytest.fixture
async def server() -> AsyncIterator[Documented]:
    server = Documented()
    await server.serving.start()
    yield server
    await server.serving.stop()


@pytest.fixture
async def offer() -> AsyncIterator[bytes]:
    """A player's: sound beside the picture."""
    pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    pc.addTransceiver("video", direction="recvonly")
    pc.addTransceiver("audio", direction="recvonly")
    await pc.setLocalDescription(await pc.createOffer())
    yield pc.localDescription.sdp.encode()
    await pc.close()


@pytest.mark.parametrize(
    ("version", "answered"),
    [
        ("1.1.4", True),
        ("1.3.0", True),
        ("2.0.0", True),
        ("1.1.2", False),
        ("0.12.1", False),
        (None, False),
        ("soon", False),
    ],
)
async def test_a_viewers_offer_is_answered_where_janus_takes_offers(
    server: Documented, offer: bytes, version: str | None, answered: bool
) -> None:
    server.version = version
    engine = JanusEngine(f"{server.serving.url}/janus", MediaPlane())
    session = await engine.view("A01", offer)
    (asked,) = server.watched
    assert bool(session.answer) == answered and bool(session.counter_offer) != answered
    assert ("jsep" in asked) == answered
    if answered:
        assert asked["jsep"]["type"] == "offer" and "m=audio" not in asked["jsep"]["sdp"], "voice goes another way"
        assert session.answer.count("m=") == 2, "what is declined stands at its place"
        assert session.remote_ufrag is not None
    await engine.close()


async def test_a_janus_that_says_nothing_of_its_version_is_taken_for_an_old_one(server: Documented) -> None:
    client = JanusClient(f"{server.serving.url}/nothing/there", lambda handle, event: None, lambda: None)
    assert await client._read_version() == ()
    await client.close()
