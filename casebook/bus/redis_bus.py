"""The bus over a Redis or Valkey server: one client, one reader for the whole process, what is told in pipelines.

The reader must hear its own hub's beat, or the connection counts as dead whatever TCP believes: so a server that hangs,
a partition, and a master that was demoted behind our back are all noticed alike, and all are answered alike: drop the
connections, ask anew where the server is, go on. What was told meanwhile is lost, as it may be.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import secrets
from collections import defaultdict
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from casebook.bus import Hear
from casebook.errors import CoordinationError, RefusedInput

log = logging.getLogger(__name__)
ANSWER_S = 2.0  # wall seconds in which a server answers, or counts as silent
BEAT_S, SILENT_S = 1.0, 3.0  # wall seconds between our own beats; without hearing any of them
PAUSE_S, PAUSE_S_MAX = 0.1, 2.0  # wall seconds between attempts to connect: doubled, capped, jittered
WAITING = 1000  # messages that wait to go out before further ones are dropped
BEAT = "beat"  # the topic of our own beats
STAMP_S = 10  # wall seconds for which a server remembers our last beat; writing it finds a server that may not write


class RedisBus:
    """`book`: stands before the name of every channel."""

    def __init__(self, client: Redis, book: str, where: str) -> None:
        self.where, self._client, self._prefix = where, client, f"aboard:{book}:"
        self._hearing: defaultdict[str, list[Hear]] = defaultdict(list)
        self._out: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue(WAITING)
        self._me, self._is_up = secrets.token_hex(8).encode(), False
        self.dropped = 0  # messages that could not go out
        self.trouble = ""  # what broke the last connection, in a word

    @property
    def is_up(self) -> bool:
        return self._is_up

    def tell(self, topic: str, words: bytes) -> None:
        try:
            if not self._is_up:
                raise asyncio.QueueFull
            self._out.put_nowait((topic, words))
        except asyncio.QueueFull:
            self.dropped += 1

    def listen(self, topic: str, hear: Hear) -> None:
        self._hearing[topic].append(hear)

    async def run(self) -> None:
        failures = 0
        while True:
            try:
                await self._live_once()
            except* (RedisError, OSError, TimeoutError, CoordinationError) as wrong:
                failures = 0 if self._is_up else failures + 1
                self.trouble = _first(wrong)
                if failures <= 1:
                    log.warning("no bus at %s (%s): hubs look at the store meanwhile", self.where, self.trouble)
            finally:
                self._is_up = False
                self._forget_what_waits()
                with contextlib.suppress(RedisError, OSError):
                    await self._client.connection_pool.disconnect()
            await asyncio.sleep(min(PAUSE_S_MAX, PAUSE_S * 2 ** min(failures, 10)) * random.uniform(0.5, 1.0))

    async def close(self) -> None:
        with contextlib.suppress(RedisError, OSError, TimeoutError):
            await self._client.aclose()

    async def prepare(self) -> None:
        """What has to be so before a connection is tried; here nothing."""

    async def _live_once(self) -> None:
        await self.prepare()
        async with self._client.pubsub() as channel:
            async with asyncio.timeout(ANSWER_S):
                await channel.psubscribe(f"{self._prefix}*")
                await self._beat()
            async with asyncio.TaskGroup() as works:
                works.create_task(self._read(channel))
                works.create_task(self._write())
                works.create_task(self._keep_beating())

    async def _read(self, channel: Any) -> None:
        clock = asyncio.get_running_loop()
        beat_s = clock.time()
        while True:
            message = await channel.get_message(ignore_subscribe_messages=True, timeout=BEAT_S)
            if message is not None and self._hear(message):
                beat_s = clock.time()
                self._up()
            if clock.time() - beat_s > SILENT_S:
                raise TimeoutError("our own beat does not come back")

    def _hear(self, message: dict[str, Any]) -> bool:
        """Hand a message on; True where it is our own beat."""
        topic, words = message["channel"].decode().removeprefix(self._prefix), message["data"]
        for hear in self._hearing.get(topic, ()):
            try:
                hear(words)
            except Exception:  # what one message did to us must not end the reading of all
                log.exception("a message of %s could not be heard", topic)
        return topic == BEAT and words == self._me

    def _up(self) -> None:
        if not self._is_up:
            log.info("the bus at %s is there", self.where)
        self._is_up = True

    async def _write(self) -> None:
        while True:
            waiting = [await self._out.get()]
            while not self._out.empty():
                waiting.append(self._out.get_nowait())
            async with asyncio.timeout(ANSWER_S), self._client.pipeline(transaction=False) as pipe:
                for topic, words in waiting:
                    pipe.publish(self._prefix + topic, words)
                await pipe.execute()

    async def _keep_beating(self) -> None:
        while True:
            await asyncio.sleep(BEAT_S)
            async with asyncio.timeout(ANSWER_S):
                await self._beat()

    async def _beat(self) -> None:
        """Publishing is allowed on a demoted master, and nobody would hear it: writing is not, and that tells."""
        async with self._client.pipeline(transaction=False) as pipe:
            pipe.set(f"{self._prefix}at", self._me, ex=STAMP_S)
            pipe.publish(self._prefix + BEAT, self._me)
            await pipe.execute()

    def _forget_what_waits(self) -> None:
        while not self._out.empty():
            self._out.get_nowait()
            self.dropped += 1


def client_for(url: str) -> Redis:
    """One client for a URL: `redis://`, `rediss://` (TLS), `unix://`, `redis+sentinel://HOST:PORT,HOST:PORT/SERVICE/DB`
    and the same with `rediss`. It connects when it is first used. Raises RefusedInput (`bus_unknown`)."""
    how: dict[str, Any] = {
        "socket_timeout": ANSWER_S, "socket_connect_timeout": ANSWER_S, "retry": Retry(NoBackoff(), 0),
    }  # fmt: skip
    try:
        if "+sentinel://" in url:
            return _by_sentinel(url, how)
        return Redis.from_url(url, **how)
    except ValueError as wrong:
        raise RefusedInput("bus_unknown", setting=urlsplit(url).scheme) from wrong


def _by_sentinel(url: str, how: dict[str, Any]) -> Redis:
    parts = urlsplit(url)
    people, _, hosts = parts.netloc.rpartition("@")
    user, _, password = people.partition(":")
    service, _, number = parts.path.strip("/").partition("/")
    pairs = [host.rpartition(":") if ":" in host else (host, ":", "26379") for host in hosts.split(",")]
    how |= {"ssl": True} if parts.scheme.startswith("rediss") else {}
    how |= {"username": unquote(user)} if user else {}
    how |= {"password": unquote(password)} if password else {}
    how |= {name: value for name, value in parse_qsl(parts.query) if name.startswith("ssl_")}
    asked = {name: value for name, value in how.items() if name not in ("username", "password")}
    sentinel = Sentinel([(host, int(port)) for host, _, port in pairs], sentinel_kwargs=asked, **how)
    return sentinel.master_for(service or "mymaster", db=int(number or 0), redis_class=Redis)


def _first(wrong: BaseExceptionGroup) -> str:
    """What broke first, in a word: the group may hold groups."""
    one: BaseException = wrong
    while isinstance(one, BaseExceptionGroup):
        one = one.exceptions[0]
    return type(one).__name__
