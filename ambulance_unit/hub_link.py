"""The vehicle's end of its link to the hub: send what waits in the outbox, take acknowledgements and the view.

The words are in casebook/link.py. Connects again for ever, with pauses that double and are jittered, each time to the
next of the hubs that it knows (`addresses`); a refusal is shown and tried again only now and then. Goes on after what
the hub's book already holds. Facts go first and in their order, then the newest samples, many rows in flight; samples
of an outage follow behind, a little at a time. What is sent was stored before (`outbox`), what is heard is kept by
`told_view`; how the link stands is `link_state`, what is next to be sent is `sending`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import secrets
import ssl
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from datetime import datetime
from functools import partial
from typing import Any, Protocol

import msgspec
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from ambulance_unit.addresses import Addresses, hub_of, link_of
from ambulance_unit.link_state import LATE_S, LOST_S, LinkState
from ambulance_unit.outbox import CORRUPT, Lane
from ambulance_unit.scribe import Scribe
from ambulance_unit.sending import Sending, pause_after_s
from ambulance_unit.told_view import Gap, ToldView
from casebook.clock import Clock
from casebook.errors import CoordinationError, FeedLost
from casebook.link import VERSION, Hello, OutboxRow, Ping, Rows, mark_of

log = logging.getLogger(__name__)
PAUSE_S, PAUSE_S_MAX = 0.25, 4.0  # between attempts, so that all vehicles are back within 10 s of their hub
REFUSED_PAUSE_S = 30.0  # a token does not become valid by asking often
OPEN_S = 5.0
PING_S = 2.0
SAVE_S = 1.0  # the copy of the view is at most so much behind
MESSAGE_BYTES_MAX = 8 << 20  # of the hub's messages: a snapshot with a long route and many hospitals


class Socket(Protocol):
    """An open connection: a WebSocket, whose exceptions it raises."""

    async def send(self, message: str) -> None: ...

    async def recv(self) -> str | bytes: ...

    async def close(self) -> None: ...


Dial = Callable[[str, str, ssl.SSLContext | None], Awaitable[Socket]]


async def dial(url: str, token: str, tls: ssl.SSLContext | None) -> Socket:
    """Open the connection. Raises OSError, TimeoutError, WebSocketException."""
    return await connect(
        url, additional_headers={"Authorization": f"Bearer {token}"}, ssl=tls, proxy=None, open_timeout=OPEN_S,
        close_timeout=0.5, ping_interval=None, max_size=MESSAGE_BYTES_MAX,
    )  # fmt: skip


class Refused(Exception):
    """The hub does not want this vehicle; `answer` is its refusal in both languages."""

    def __init__(self, answer: dict[str, Any]) -> None:
        super().__init__(answer.get("error"))
        self.answer = answer


def pause_s(failures: int, rng: random.Random) -> float:
    """How long to wait after so many failures in a row: doubled, capped, and between 50 and 100 % of that."""
    return min(PAUSE_S_MAX, PAUSE_S * 2 ** min(failures, 10)) * rng.uniform(0.5, 1.0)


class HubLink:
    """`url` is ``ws(s)://host:port/api/v1/unit``, `others` are the same of further hubs of the same store. `changed` is
    called when the view or the counts have changed, `met` with the address of each hub that has taken us.

    `dial` opens the connection, `wall_s` is a monotonic clock, `boot` names this run of the agent.
    """

    def __init__(
        self,
        url: str,
        token: str,
        unit: str,
        scribe: Scribe,
        told: ToldView,
        clock: Clock,
        *,
        others: Sequence[str] = (),
        rng: random.Random | None = None,
        tls: ssl.SSLContext | None = None,
        changed: Callable[[], None] = lambda: None,
        met: Callable[[str], None] = lambda hub: None,
        refused_pause_s: float = REFUSED_PAUSE_S,
        dial: Dial = dial,
        wall_s: Callable[[], float] = time.monotonic,
        boot: str = "",
    ) -> None:
        self._addresses, self._token, self.unit = Addresses(url, *others), token, unit
        self._scribe, self._outbox, self._told, self._clock = scribe, scribe.outbox, told, clock
        self._rng, self._tls, self._refused_pause_s = rng or random.Random(), tls, refused_pause_s
        self.changed, self._met = changed, met
        self._dial, self._wall_s = dial, wall_s
        self.state = LinkState(wall_s())
        self.sent = 0  # rows given to a connection, repeats included
        self.connections = 0
        self.hub_lost_rows = 0  # rows that a hub had acknowledged and then no longer had
        self.skew_s: float | None = None  # the hub's clock less ours
        self.twin_at: datetime | None = None  # when the hub last said that another device speaks as this unit
        self.hub_version = 0  # as the last welcome said; 0: none yet
        self._boot = boot or secrets.token_hex(8)
        self._link = ""  # this connection, as the hub names it
        self._sending = Sending(scribe)
        self._news = asyncio.Event()
        self._acked: dict[str, int] = {}  # the newest acknowledgement heard of each epoch and not yet written down
        self._ack_news = asyncio.Event()
        self._history_news = asyncio.Event()

    def wake(self) -> None:
        """Something new stands in the outbox."""
        self._news.set()
        self._history_news.set()

    @property
    def url(self) -> str:
        """Of the hub that we talk to, or try to."""
        return self._addresses.current

    def as_view(self) -> dict[str, Any]:
        return self.state.as_view(self._wall_s())

    async def run(self) -> None:
        """Connect, stay, connect again; until cancelled."""
        saving = asyncio.create_task(self._keep_copy())
        failures = 0
        try:
            if self._outbox.live is None:
                # Before the first hub is there, or is gone again at once: what waits for it then is history, too.
                # A disk that is full now keeps nobody from the hub: the lane is begun when that has greeted.
                with contextlib.suppress(FeedLost):
                    await self._sending.begin_live()
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
        except Gap:
            log.debug("link of vehicle %s: begins again", self.unit)
        except (OSError, TimeoutError, WebSocketException, FeedLost) as why:
            log.debug("link of vehicle %s: %r", self.unit, why)
            self._addresses.move_on()
        except (msgspec.DecodeError, KeyError, TypeError, ValueError) as why:
            log.warning("hub of vehicle %s talks nonsense: %r", self.unit, why)
            self._addresses.move_on()
        finally:
            self.state = self.state.closed()
            self.changed()
        return pause_s(failures // len(self._addresses), self._rng)  # all were tried before it gets longer

    async def _live_once(self) -> None:
        async with self._connected() as socket:
            greeted = await self._greet(socket)
            log.info("vehicle %s has its hub", self.unit)
            try:
                works = self._hear(socket), self._forget_acked(), self._watch(socket)
                await _until_one_ends(*self._sends(socket, greeted), *works)
            except ConnectionClosed as why:
                if why.rcvd is not None and why.rcvd.code in (4401, 4403):
                    raise Refused(self.state.refusal or _answer("not_allowed")) from why
                raise
            finally:
                log.info("vehicle %s lost its hub", self.unit)

    @contextlib.asynccontextmanager
    async def _connected(self):
        """An open connection; closed at the end without waiting for a hub that may be gone. Raises Refused."""
        try:
            socket = await self._dial(self.url, self._token, self._tls)
        except InvalidStatus as why:
            if why.response.status_code in (401, 403):
                raise Refused(_answer("unknown_token")) from why
            raise
        try:
            yield socket
        finally:
            await socket.close()

    async def _greet(self, socket: Socket) -> Lane:
        """Say who we are, learn how far the book is, and go on from there. Gives the lane that the hello named."""
        first, *others = self._sending.lanes_to_name(one_at_a_time=self.hub_version == 1)
        lanes = {lane.epoch: lane.acked + 1 for lane in others}
        await socket.send(_text(Hello(self.unit, first.epoch, first.acked + 1, VERSION, self._boot, lanes)))
        welcome = await self._next(socket)
        if welcome["t"] != "welcome":
            raise FeedLost("feed_lost", feed=self.url)
        self.skew_s = (datetime.fromisoformat(welcome["now"]) - self._clock.now()).total_seconds()
        self.hub_version, self._link = min(VERSION, welcome.get("version", 1)), welcome.get("link", "")
        self._acked.clear()
        self._sending.begin()
        await self._agree(first, welcome["through"], welcome.get("last", {}))
        if self.hub_version >= 2:
            for lane in others:
                await self._agree(lane, welcome["lanes"][lane.epoch], welcome["last"])
        await self._settle_lanes(first)
        self._told.forget_version()
        self.connections += 1
        self._addresses.hear([link_of(hub) for hub in welcome.get("hubs", ())])
        self._met(hub_of(self.url))
        self.changed()
        return first

    async def _settle_lanes(self, first: Lane) -> None:
        """A hub of version 1 knows one lane: what waits in the others goes lane by lane, a connection each."""
        if self.hub_version >= 2:
            if first.epoch != self._outbox.epoch:
                raise Gap  # the hub is newer than it was: all lanes on one connection from now on
            await self._sending.begin_live()
            return
        await self._scribe.do(self._outbox.end_live)
        if self._sending.lanes_to_name(one_at_a_time=True)[0].epoch != first.epoch:
            raise Gap

    async def _agree(self, lane: Lane, through: int, last: dict[str, int]) -> None:
        """Start after what the book holds. Where book and outbox contradict each other, begin a new epoch."""
        lane = self._outbox.find_lane(lane.epoch) or lane  # as it is now
        is_ours = lane.acked <= through <= lane.stored
        if is_ours and through > lane.acked and lane.epoch in last:
            row = await self._scribe.do(partial(self._outbox.unacknowledged, through - 1, 1, epoch=lane.epoch))
            # A row that the disk has damaged since has no mark any more; that the book has it is no contradiction.
            is_ours = bool(row) and (row[0].kind == CORRUPT or mark_of(row[0]) == last[lane.epoch])
        if not is_ours:
            self.hub_lost_rows += max(0, lane.acked - through)
            log.warning("vehicle %s: hub has other rows than %s through %d: new epoch", self.unit, lane, through)
            await self._scribe.do(partial(self._outbox.renew, lane.epoch))
            raise Gap
        await self._scribe.do(partial(self._outbox.acknowledge, lane.epoch, through))
        self._sending.start_after(lane.epoch, through)

    def _sends(self, socket: Socket, greeted: Lane) -> tuple[Coroutine[Any, Any, None], ...]:
        if self.hub_version < 2:
            return (self._send_lane(socket, greeted),)
        return self._send_rows(socket), self._send_history(socket)

    async def _send_rows(self, socket: Socket) -> None:
        """Facts, then the newest samples, as they come."""
        while True:
            self._news.clear()
            epoch, rows = await self._sending.next_rows()
            if rows:
                await self._send(socket, epoch, rows)
            else:
                self._history_news.set()
                await self._news.wait()

    async def _send_lane(self, socket: Socket, lane: Lane) -> None:
        """All of one lane; ends the connection when it is empty and another waits to be named."""
        while True:
            self._news.clear()
            rows = await self._sending.rows_of(lane.epoch)
            if rows:
                await self._send(socket, lane.epoch, rows)
            elif self._sending.lanes_to_name(one_at_a_time=True)[0].epoch != lane.epoch:
                raise Gap
            else:
                await self._news.wait()

    async def _send_history(self, socket: Socket) -> None:
        """What an outage left, oldest first: a little, its acknowledgement, a pause, and again."""
        while True:
            self._history_news.clear()
            epoch, rows = await self._sending.next_history()
            if not rows:
                await self._history_news.wait()
                continue
            began_s = self._wall_s()
            await self._send(socket, epoch, rows)
            while (lane := self._outbox.find_lane(epoch)) is not None and lane.acked < rows[-1].seq:
                await self._history_news.wait()
                self._history_news.clear()
            await asyncio.sleep(pause_after_s(len(rows), self._wall_s() - began_s))

    async def _send(self, socket: Socket, epoch: str, rows: list[OutboxRow]) -> None:
        self._sending.note(epoch, rows[-1].seq)
        await socket.send(_text(Rows(epoch, rows, self._link)))
        self.sent += len(rows)
        self.changed()

    async def _hear(self, socket: Socket) -> None:
        """Take what comes, without waiting for the disk: a slow disk must not make the view old."""
        while True:
            message = await self._next(socket)
            if message["t"] == "ack":
                self._hear_ack(message["epoch"], message["through"])
            elif message["t"] == "twin":
                self.twin_at = datetime.fromisoformat(message["at"])
                self.changed()
            elif message["t"] in ("snapshot", "delta", "beat") and self._told.apply(message):
                self.changed()

    def _hear_ack(self, epoch: str, through: int) -> None:
        """Raises Gap where it goes back: the hub is behind our book, and what it passed over would wait for ever."""
        lane = self._outbox.find_lane(epoch)
        if through < self._acked.get(epoch, lane.acked if lane is not None else 0):
            raise Gap
        self._acked[epoch] = through
        self._ack_news.set()

    async def _forget_acked(self) -> None:
        """Delete what is acknowledged; acknowledgements that came while the disk was busy are one for each epoch."""
        while True:
            await self._ack_news.wait()
            self._ack_news.clear()
            acked, self._acked = self._acked, {}
            for epoch, through in acked.items():
                await self._scribe.do(partial(self._outbox.acknowledge, epoch, through))
            self.wake()  # there may be room for more in flight
            self.changed()

    async def _next(self, socket: Socket) -> dict[str, Any]:
        """The next message. Silence means a dead connection, whatever TCP believes: beyond LOST_S, or sooner where
        there is another hub to go to. Raises Refused."""
        async with asyncio.timeout(LATE_S if len(self._addresses) > 1 else LOST_S):
            raw = await socket.recv()
        message = msgspec.json.decode(raw)
        if not isinstance(message, dict) or "t" not in message:
            raise msgspec.DecodeError("a message needs its t")
        if message["t"] == "refused":
            raise Refused({name: value for name, value in message.items() if name != "t"})
        self.state = self.state.heard(self._wall_s(), self._clock.now())
        return message

    async def _watch(self, socket: Socket) -> None:
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
