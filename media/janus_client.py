"""Speak to a Janus server (1.x) over its HTTP API: one session, a handle for each peer connection, events by long poll.

What is asked of the plugins is `media.janus`'s. A server that is gone or was restarted ends the session, which is told
once; the next `open` makes a new one. Errors are of the casebook family: FeedLost (no answer), RefusedInput (refused).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx

from casebook.errors import FeedLost, RefusedInput

log = logging.getLogger(__name__)

ANSWER_S = 10.0
POLL_S = 30.0  # Janus answers an empty poll after so long; each poll keeps the session, which ends after 60 s without
EVENTS_MAX = 20  # in one answer

Event = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Reply:
    """A plugin's answer: its data, and an SDP where it gave one."""

    data: dict[str, Any]
    sdp: str | None


class JanusClient:
    """`on_event(handle, event)` hears what Janus tells of a handle by itself; `on_lost()` that the session is over."""

    def __init__(self, url: str, on_event: Callable[[int, Event], None], on_lost: Callable[[], None]) -> None:
        self.url, self._on_event, self._on_lost = url.rstrip("/"), on_event, on_lost
        self._http = httpx.AsyncClient(timeout=ANSWER_S, trust_env=False)
        self._session: int | None = None
        self.version: tuple[int, ...] = ()  # of the server, as 1, 1, 2; () where it does not tell
        self._opening = asyncio.Lock()
        self._waiting: dict[str, asyncio.Future[Event]] = {}
        self._polling: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Have a session, the one that is there or a new one."""
        async with self._opening:
            if self._session is None:
                self._session = int((await self._post(self.url, {"janus": "create"}))["data"]["id"])
                self.version = await self._read_version()
                self._polling = asyncio.create_task(self._poll(self._session))

    async def attach(self, plugin: str) -> int:
        """A new handle of a plugin: ``videoroom``, ``streaming``."""
        await self.open()
        answer = await self._post(self._address(), {"janus": "attach", "plugin": f"janus.plugin.{plugin}"})
        return int(answer["data"]["id"])

    async def ask(
        self, handle: int, body: dict[str, Any], *, offer: str | None = None, answer_sdp: str | None = None
    ) -> Reply:
        """Ask a plugin, with an offer or an answer of the peer; waits for what it says, at once or as an event."""
        message: dict[str, Any] = {"janus": "message", "body": body}
        if offer is not None:
            message["jsep"] = {"type": "offer", "sdp": offer}
        elif answer_sdp is not None:
            message["jsep"] = {"type": "answer", "sdp": answer_sdp}
        transaction = secrets.token_hex(8)
        told = self._waiting[transaction] = asyncio.get_running_loop().create_future()
        try:
            answer = await self._post(self._address(handle), message, transaction)
            if answer["janus"] == "ack":
                async with asyncio.timeout(ANSWER_S):
                    answer = await told
        except TimeoutError as why:
            raise FeedLost("media_engine_silent", engine="Janus") from why
        finally:
            del self._waiting[transaction]
        data = answer.get("plugindata", {}).get("data", {})
        if "error" in data:
            raise _refused(str(data["error"]), data.get("error_code"))
        return Reply(data, answer.get("jsep", {}).get("sdp"))

    async def trickle(self, handle: int, candidates: list[dict[str, Any]]) -> None:
        """Tell addresses of the peer that were found after its offer."""
        await self._post(self._address(handle), {"janus": "trickle", "candidates": candidates})

    async def detach(self, handle: int) -> None:
        """End a handle and its peer connection; one that is gone is no error."""
        if self._session is not None:
            with contextlib.suppress(FeedLost, RefusedInput):
                await self._post(self._address(handle), {"janus": "detach"})

    async def close(self) -> None:
        """End the session and with it every handle."""
        session, self._session = self._session, None
        if self._polling:
            self._polling.cancel()
            await asyncio.gather(self._polling, return_exceptions=True)
            self._polling = None
        if session is not None:
            with contextlib.suppress(FeedLost, RefusedInput):
                await self._post(f"{self.url}/{session}", {"janus": "destroy"})
        await self._http.aclose()

    def _address(self, handle: int | None = None) -> str:
        if self._session is None:
            raise FeedLost("media_engine_silent", engine="Janus")
        return f"{self.url}/{self._session}" + (f"/{handle}" if handle is not None else "")

    async def _post(self, url: str, message: dict[str, Any], transaction: str | None = None) -> Event:
        message = message | {"transaction": transaction or secrets.token_hex(8)}
        try:
            answer = (await self._http.post(url, json=message)).json()
        except (httpx.HTTPError, ValueError) as why:
            raise FeedLost("media_engine_silent", engine="Janus") from why
        if answer.get("janus") == "error":
            error = answer.get("error", {})
            raise _refused(str(error.get("reason", "?")), error.get("code"))
        return answer

    async def _read_version(self) -> tuple[int, ...]:
        try:
            told = (await self._http.get(f"{self.url}/info")).json()["version_string"]
            return tuple(int(part) for part in str(told).split("."))
        except (httpx.HTTPError, ValueError, KeyError, TypeError):
            return ()

    async def _poll(self, session: int) -> None:
        """Hear events until the session is over."""
        url = f"{self.url}/{session}?maxev={EVENTS_MAX}"
        over = False
        while not over:
            try:
                told = (await self._http.get(url, timeout=POLL_S + ANSWER_S)).json()
            except (httpx.HTTPError, ValueError):
                break
            events: list[Event] = told if isinstance(told, list) else [told]
            for event in events:
                self._hear(event)
            over = any(event.get("janus") in ("timeout", "error") for event in events)
        log.warning("Janus session lost")
        self._session = None
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(FeedLost("media_engine_silent", engine="Janus"))
        self._on_lost()

    def _hear(self, event: Event) -> None:
        waiting = self._waiting.get(event.get("transaction", ""))
        if waiting is not None and not waiting.done():
            waiting.set_result(event)
        elif "sender" in event:
            self._on_event(int(event["sender"]), event)


def _refused(reason: str, code: object) -> RefusedInput:
    return RefusedInput("media_engine_refused", engine="Janus", why=f"{reason} ({code})"[:160])
