"""The vehicle's end of its link to the hub: send what waits in the outbox, take acknowledgements and the view.

The words are in casebook/link.py. Connects again for ever, with pauses that double and are jittered; a refusal is shown
and tried again only now and then. Goes on after what the hub's book already holds, many rows in flight. What is sent
was stored before (`outbox`), what is heard is kept by `told_view`; how the link stands is `link_state`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import ssl
import time
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from ambulance_unit.link_state import LOST_S, LinkState
from ambulance_unit.scribe import Scribe
from ambulance_unit.told_view import Gap, ToldView
from casebook.clock import Clock
from casebook.errors import CoordinationError, FeedLost
from casebook.link import MAX_ROWS, Hello, Ping, Rows

log = logging.getLogger(__name__)
PAUSE_S, PAUSE_S_MAX = 0.25, 4.0  # between attempts, so that all vehicles are back within 10 s of their hub
REFUSED_PAUSE_S = 30.0  # a token does not become valid by asking often
OPEN_S = 5.0
PING_S = 2.0
SAVE_S = 1.0  # the copy of the view is at most so much behind
IN_FLIGHT_MAX = 4 * MAX_ROWS  # rows sent and not yet acknowledged
MESSAGE_BYTES_MAX = 8 << 20  # of the hub's messages: a snapshot with a long route and many hospitals


class Refused(Exception):
    """The hub does not want this vehicle; `answer` is its refusal in both languages."""

    def __init__(self, answer: dict[str, Any]) -> None:
        super().__init__(answer.get("error"))
        self.answer = answer


def pause_s(failures: int, rng: random.Random) -> float:
    """How long to wait after so many failures in a row: doubled, capped, and between 50 and 100 % of that."""
    return min(PAUSE_S_MAX, PAUSE_S * 2 ** min(failures, 10)) * rng.uniform(0.5, 1.0)


class HubLink:
    """`url` is ``ws(s)://host:port/api/v1/unit``. `changed` is called when the view or the counts have changed."""

    def __init__(
        self,
        url: str,
        token: str,
        unit: str,
        scribe: Scribe,
        told: ToldView,
        clock: Clock,
        *,
        rng: random.Random | None = None,
        tls: ssl.SSLContext | None = None,
        changed: Callable[[], None] = lambda: None,
        refused_pause_s: float = REFUSED_PAUSE_S,
    ) -> None:
        self.url, self._token, self.unit = url, token, unit
        self._scribe, self._outbox, self._told, self._clock = scribe, scribe.outbox, told, clock
        self._rng, self._tls, self._refused_pause_s = rng or random.Random(), tls, refused_pause_s
        self.changed = changed
        self.state = LinkState(time.monotonic())
        self.sent = 0  # rows given to a connection, repeats included
        self.connections = 0
        self.hub_lost_rows = 0  # rows that a hub had acknowledged and then no longer had
        self.skew_s: float | None = None  # the hub's clock less ours
        self._cursor = 0  # highest row sent on this connection
        self._news = asyncio.Event()
        self._acked: tuple[str, int] = ("", 0)  # the newest acknowledgement heard
        self._ack_news = asyncio.Event()

    def wake(self) -> None:
        """Something new stands in the outbox."""
        self._news.set()

    def as_view(self) -> dict[str, Any]:
        return self.state.as_view(time.monotonic())

    async def run(self) -> None:
        """Connect, stay, connect again; until cancelled."""
        saving = asyncio.create_task(self._keep_copy())
        failures = 0
        try:
            while True:
                met_before = self.connections
                wait_s = await self._attempt(failures)
                failures = 0 if self.connections > met_before else failures + 1
                await asyncio.sleep(wait_s)
        finally:
            saving.cancel()
            self._save()

    async def _attempt(self, failures: int) -> float:
        """Be connected for once; how long to wait before the next time."""
        try:
            await self._live_once()
        except Refused as why:
            log.warning("hub refuses vehicle %s: %s", self.unit, why)
            self.state = self.state.refused(why.answer)
            return self._refused_pause_s * self._rng.uniform(0.5, 1.0)
        except (OSError, TimeoutError, WebSocketException, Gap, FeedLost) as why:
            log.debug("link of vehicle %s: %r", self.unit, why)
        except (msgspec.DecodeError, KeyError, TypeError, ValueError) as why:
            log.warning("hub of vehicle %s talks nonsense: %r", self.unit, why)
        finally:
            self.state = self.state.closed()
            self.changed()
        return pause_s(failures, self._rng)

    async def _live_once(self) -> None:
        async with self._connected() as socket:
            await self._greet(socket)
            log.info("vehicle %s has its hub", self.unit)
            try:
                works = self._send_rows(socket), self._hear(socket), self._forget_acked(), self._watch(socket)
                await _until_one_ends(*works)
            except ConnectionClosed as why:
                if why.rcvd is not None and why.rcvd.code in (4401, 4403):
                    raise Refused(self.state.refusal or _answer("not_allowed")) from why
                raise
            finally:
                log.info("vehicle %s lost its hub", self.unit)

    @contextlib.asynccontextmanager
    async def _connected(self):
        """An open connection; closed at the end without waiting for a hub that may be gone. Raises Refused."""
        headers = {"Authorization": f"Bearer {self._token}"}
        try:
            socket = await connect(
                self.url, additional_headers=headers, ssl=self._tls, proxy=None, open_timeout=OPEN_S, close_timeout=0.5,
                ping_interval=None, max_size=MESSAGE_BYTES_MAX,
            )  # fmt: skip
        except InvalidStatus as why:
            if why.response.status_code in (401, 403):
                raise Refused(_answer("unknown_token")) from why
            raise
        try:
            yield socket
        finally:
            await socket.close()

    async def _greet(self, socket: ClientConnection) -> None:
        """Say who we are, learn how far the book is, and go on from there."""
        epoch, lowest = self._outbox.epoch, self._outbox.counts.acked + 1
        await socket.send(_text(Hello(self.unit, epoch, lowest)))
        welcome = await self._next(socket)
        if welcome["t"] != "welcome":
            raise FeedLost("feed_lost", feed=self.url)
        self.skew_s = (datetime.fromisoformat(welcome["now"]) - self._clock.now()).total_seconds()
        await self._agree(epoch, welcome["through"])
        self._told.forget_version()
        self.connections += 1
        self.changed()

    async def _agree(self, epoch: str, through: int) -> None:
        """Start after what the book holds. Where book and outbox contradict each other, begin a new epoch."""
        counts = self._outbox.counts
        if not counts.acked <= through <= counts.stored:
            self.hub_lost_rows += max(0, counts.acked - through)
            log.warning("vehicle %s: hub has %d rows, %s here: new epoch", self.unit, through, counts)
            await self._scribe.do(self._outbox.renew)
            raise Gap
        await self._scribe.do(lambda: self._outbox.acknowledge(epoch, through))
        self._cursor = through

    async def _send_rows(self, socket: ClientConnection) -> None:
        epoch = self._outbox.epoch
        while True:
            self._news.clear()
            rows = []
            if self._cursor - self._outbox.counts.acked < IN_FLIGHT_MAX:
                rows = await self._scribe.do(lambda: self._outbox.unacknowledged(self._cursor, MAX_ROWS))
            if not rows:
                await self._news.wait()
                continue
            await socket.send(_text(Rows(epoch, rows)))
            self._cursor = rows[-1].seq
            self.sent += len(rows)
            self.changed()

    async def _hear(self, socket: ClientConnection) -> None:
        """Take what comes, without waiting for the disk: a slow disk must not make the view old."""
        while True:
            message = await self._next(socket)
            if message["t"] == "ack":
                self._acked = (message["epoch"], message["through"])
                self._ack_news.set()
            elif message["t"] in ("snapshot", "delta", "beat") and self._told.apply(message):
                self.changed()

    async def _forget_acked(self) -> None:
        """Delete what is acknowledged; acknowledgements that came while the disk was busy are one."""
        while True:
            await self._ack_news.wait()
            self._ack_news.clear()
            epoch, through = self._acked
            await self._scribe.do(partial(self._outbox.acknowledge, epoch, through))
            self.wake()  # there may be room for more in flight
            self.changed()

    async def _next(self, socket: ClientConnection) -> dict[str, Any]:
        """The next message. Silence beyond LOST_S means a dead connection, whatever TCP believes. Raises Refused."""
        async with asyncio.timeout(LOST_S):
            raw = await socket.recv()
        message = msgspec.json.decode(raw)
        if not isinstance(message, dict) or "t" not in message:
            raise msgspec.DecodeError("a message needs its t")
        if message["t"] == "refused":
            raise Refused({name: value for name, value in message.items() if name != "t"})
        self.state = self.state.heard(time.monotonic(), self._clock.now())
        return message

    async def _watch(self, socket: ClientConnection) -> None:
        """Ping now and then, so that a connection that died silently is noticed on the way out too."""
        count = 0
        while True:
            await asyncio.sleep(PING_S)
            count += 1
            await socket.send(_text(Ping(count)))

    async def _keep_copy(self) -> None:
        while True:
            await asyncio.sleep(SAVE_S)
            await asyncio.to_thread(self._save)

    def _save(self) -> None:
        try:
            self._told.save()
        except OSError as wrong:
            log.warning("last view not saved: %s", wrong)


def _answer(key: str) -> dict[str, Any]:
    return CoordinationError(key, what="unit link", needs="unit").as_answer()


def _text(message: Any) -> str:
    return msgspec.json.encode(message).decode()


async def _until_one_ends(*works: Any) -> None:
    """Run until the first ends, end the others, and let the first one's error rise."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
