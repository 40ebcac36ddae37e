"""F18: whatever nonsense is put to every door of a hub is refused; nothing breaks, and nobody else notices."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import quote

import httpx
import websockets

from aboard.bench.faults.crews import load
from aboard.bench.faults.finding import Finding, worst
from aboard.bench.faults.stage import WARD, Stage, hub
from aboard.bench.faults.torture_texts import BAD_FRAMES, NAUGHTY, NOT_JSON, ODD_JSON
from aboard.bench.faults.world import World

AT_ONCE = 4
CONTROL_S = 0.25  # wall seconds between two questions that must be answered as ever
PROMPT_S = 2.0
CLOSED_S = 30.0
HEARD_S = 0.3  # wall seconds in which what the hub says to a frame is read
HELD_BY = {"hospital": WARD, "casualty": "crash-V0000", "unit": "V0000", "incident": "crash"}
Sent = tuple[str, str, bytes, dict[str, str]]  # method, path, body, headers


async def doors_tortured(world: World) -> list[Finding]:
    """Every ask, reading and WebSocket of the hub; meanwhile three vehicles sample and a desk asks."""
    async with hub(world.folder / "hub", 3) as stage:
        async with load(stage, world.folder, seed=world.seed, desks=1) as at_work:
            links = sum(crew.link.connections for crew in at_work.crews)
            control = asyncio.create_task(_control(stage))
            answers, silent = await _post_all(stage, world)
            frames = await _frames_all(stage, world)
            control.cancel()
            waits_s = await control
            links = sum(crew.link.connections for crew in at_work.crews) - links
            await at_work.settle()
        await stage.end()
        told = stage.audit().findings()
    return [
        Finding("payloads", "times", sum(answers.values()) + silent, least=1),
        Finding("refused", "times", sum(many for code, many in answers.items() if 400 <= code < 500), least=1),
        Finding("server_errors", "times", sum(many for code, many in answers.items() if code >= 500), most=0),
        Finding("unanswered_asks", "times", silent, most=0), Finding("frames", "times", frames, least=1), *told,
        Finding("links_lost", "times", links, most=0), worst("control", waits_s, PROMPT_S),
        Finding("tracebacks", "times", stage.tracebacks(), most=0),
        Finding("log_grown", "MB", round(stage.said_bytes() / 1e6, 3), most=1),
    ]  # fmt: skip


async def _control(stage: Stage) -> list[float]:
    """Until cancelled: how long an ordinary question took, each time."""
    waits_s: list[float] = []
    with contextlib.suppress(asyncio.CancelledError):
        async with stage.client("dispatcher") as client:
            while True:
                began_s = time.monotonic()
                answer = await client.get("/api/v1/me")
                waits_s.append(time.monotonic() - began_s if answer.status_code == httpx.codes.OK else CLOSED_S)
                await asyncio.sleep(CONTROL_S)
    return waits_s


# --- HTTP


async def _post_all(stage: Stage, world: World) -> tuple[Counter[int], int]:
    """(answers by status, how many had none)"""
    answers: Counter[int] = Counter()
    silent = 0
    async with stage.client("director") as client:
        described = (await client.get("/openapi.json")).json()
        gate = asyncio.Semaphore(AT_ONCE)

        async def put(method: str, path: str, body: bytes, headers: dict[str, str]) -> None:
            nonlocal silent
            async with gate:
                try:
                    answers[(await client.request(method, path, content=body, headers=headers)).status_code] += 1
                except httpx.HTTPError:
                    silent += 1

        everything = list(payloads(described, every=world.times(20, 3)))
        await asyncio.gather(*(put(*one) for one in everything))
    return answers, silent


def payloads(described: dict[str, Any], every: int = 1) -> Iterator[Sent]:
    """What is sent to the doors that /openapi.json describes; only each so-manyth text to each door, not the same."""
    for number, (path, methods) in enumerate(sorted(described["paths"].items())):
        if path in ("/openapi.json",):
            continue
        if "post" in methods:
            filled = _filled(path, "x")
            yield from (("POST", filled, text, {}) for text in (*NOT_JSON, *ODD_JSON)[number % every :: every])
            for field, body in _fields(described, methods["post"]):
                texts = NAUGHTY[(number + len(field)) % (4 * every) :: 4 * every]
                yield from (("POST", filled, json.dumps(body | {field: text}).encode(), {}) for text in texts)
            yield "POST", filled, b"{}", {"Idempotency-Key": "k" * 5000}
            yield "POST", filled, b"x" * 300_000, {"Content-Type": "application/sdp"}
        if "get" in methods and ("{" in path or number % every == 0):
            for text in NAUGHTY[number % every :: every]:
                safe = quote(text.encode("utf-8", "surrogatepass")[:2000], safe="")
                yield "GET", f"{_filled(path, safe)}?after={safe}&lat={safe}&at={safe}", b"", {}


def _filled(path: str, value: str) -> str:
    parts = (value if part.startswith("{") else part for part in path.split("/"))
    return "/".join(parts)


def _fields(described: dict[str, Any], operation: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every field of a command with a body in which the others are of the right kind."""
    schema = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    shape = described.get("components", {}).get("schemas", {}).get(schema.get("title", ""), schema)
    fields = shape.get("properties", {})
    whole = {name: HELD_BY.get(name, _example(fields[name])) for name in shape.get("required", ())}
    for name in fields:
        yield name, whole


def _example(kind: dict[str, Any]) -> Any:
    return {"string": "x", "integer": 1, "number": 1.0, "boolean": True, "array": [], "object": {}}.get(
        kind.get("type", "")
    )


# --- WebSockets


async def _frames_all(stage: Stage, world: World) -> int:
    """How many nonsensical frames and messages were sent; each on a connection of its own that the hub may end."""
    doors = {
        "/api/v1/unit": "unit:V0000",
        "/api/v1/live/console": "dispatcher",
        f"/api/v1/live/wall/{WARD}": f"hospital:{WARD}",
        "/api/v1/entries": "director",
        "/api/v1/live/wall/%00": "director",
        "/api/v1/entries?after=x": "director",
    }
    texts = [text for text in (*NOT_JSON, *ODD_JSON) if len(text) < 2000][:: world.times(8, 2)]
    texts += [b"[" * 100_000, b'"' + b"a" * (1 << 20) + b'"']
    return sum(await asyncio.gather(*(_all_frames(stage, path, who, texts) for path, who in doors.items())))


async def _all_frames(stage: Stage, path: str, who: str, texts: Sequence[bytes]) -> int:
    sent = [await _shake_and(stage, path, who, frame) for frame in BAD_FRAMES]
    return sum(sent) + await _say_all(stage, path, who, texts)


async def _shake_and(stage: Stage, path: str, who: str, frame: bytes) -> int:
    """A handshake by hand, then these bytes; 1 when they were sent."""
    host, _, port = stage.url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(
            f"GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
            f"Authorization: Bearer {stage.token(who)}\r\n\r\n".encode()
        )
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), CLOSED_S)
        if b" 101 " not in head:
            return 0
        writer.write(frame)
        await writer.drain()
        with contextlib.suppress(TimeoutError, ConnectionError):
            async with asyncio.timeout(HEARD_S):
                await reader.read(1 << 16)
        return 1
    finally:
        writer.close()


async def _say_all(stage: Stage, path: str, who: str, texts: Sequence[bytes]) -> int:
    """Each text as a message and as a binary one."""
    headers, url = {"Authorization": f"Bearer {stage.token(who)}"}, f"{stage.url.replace('http', 'ws', 1)}{path}"
    sent = 0
    for text in texts:
        for message in (text.decode("utf-8", "replace"), text):
            with contextlib.suppress(websockets.WebSocketException, OSError, TimeoutError):
                async with websockets.connect(
                    url, additional_headers=headers, proxy=None, max_size=None, close_timeout=1.0
                ) as socket:
                    await socket.send(message)
                    sent += 1
    return sent
