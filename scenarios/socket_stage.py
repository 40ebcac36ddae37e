"""The stage of a real drill: the hub and the vehicles' tablets over their own HTTP and WebSocket doors.

A hub that is down is asked again until it is back (bounded), with the same idempotency key, so that a step is done
once whatever the network did.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import httpx
import msgspec
import websockets

from casebook.errors import CoordinationError, FeedLost
from casebook.log import Entry

PATIENCE_S = 120.0  # wall seconds to wait for a hub that is down, or too busy to answer
PAUSE_S = 0.2


@dataclass(frozen=True, slots=True)
class Doorway:
    """Where somebody is asked, and with whose token."""

    url: str
    token: str

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


@dataclass(slots=True)
class SocketStage:
    """Doorways by who asks: director, dispatcher, crew:<unit>, hospital:<id>; `break_it` injects faults."""

    doors: Mapping[str, Doorway]
    client: httpx.AsyncClient
    break_it: Callable[[str], Awaitable[None]]
    _told: set[str] = field(default_factory=set)

    async def ask(self, who: str, name: str, command: Mapping[str, Any], at: datetime, key: str) -> dict[str, Any]:
        door = self.doors[who]
        headers = {**door.headers, "Aboard-At": at.isoformat(), "Idempotency-Key": key}
        body = msgspec.json.encode(command)
        return await patiently(lambda: self._post(f"{door.url}/api/v1/ask/{name}", body, headers), name)

    async def _post(self, url: str, body: bytes, headers: dict[str, str]) -> dict[str, Any]:
        return answer_of(await self.client.post(url, content=body, headers=headers))

    async def entries(self) -> AsyncIterator[Entry]:
        """The book's entries in order, each once, across restarts of the hub."""
        door, after = self.doors["director"], 0
        url = door.url.replace("http", "ws", 1)
        while True:
            try:
                async with websockets.connect(
                    f"{url}/api/v1/entries?after={after}",
                    additional_headers=door.headers,
                    max_size=None,
                    compression=None,
                ) as socket:
                    async for raw in socket:
                        entry = msgspec.json.decode(raw, type=Entry)
                        after = entry.seq
                        yield entry
            except (OSError, websockets.WebSocketException):
                pass
            await asyncio.sleep(PAUSE_S)

    async def fault(self, name: str) -> None:
        await self.break_it(name)


def answer_of(response: httpx.Response) -> dict[str, Any]:
    """The JSON answer; a refusal rises with the key and facts it came with."""
    if response.status_code < 400:
        return response.json() if response.content else {}
    try:
        told = response.json()
    except ValueError:
        told = {}
    wrong = CoordinationError(str(told.get("error", "unexpected")), **told.get("facts", {}))
    raise wrong


async def patiently(work: Callable[[], Awaitable[Any]], feed: str) -> Any:
    """Try until the other side answers, at most PATIENCE_S in all. Raises FeedLost after that, refusals at once."""
    try:
        async with asyncio.timeout(PATIENCE_S):  # also for one that takes every call and answers none
            while True:
                try:
                    return await work()
                except httpx.TransportError:
                    await asyncio.sleep(PAUSE_S)
    except TimeoutError:
        raise FeedLost(feed=feed) from None
