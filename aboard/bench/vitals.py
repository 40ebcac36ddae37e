"""`aboard bench vitals`: how soon a hub has vitals on its disk and says so, to a thousand vehicles at once.

A hub in a process of its own, on a SQLite file; the vehicles in this process, each over its own WebSocket on loopback.
All times are taken at the vehicle's end, so they hold the way there and back: what the hub itself takes is less.

ack_one_hz       ms from the instant at which a vital sample was due to go until it was acknowledged, one row a second
                 from each vehicle. Goal: p99 <= 20 at 1,000 vehicles.
ack_ten_hz       the same with ten rows a second from each, two to a message as an outbox gathers them. Goal: p99 <= 50.
row_pressed      microseconds for each row while every vehicle sends as soon as it is answered. Goal: at least 0.6 times
                 the rate of the bare SQLite file doing the same commits: the very rows, after the run, into a copy of
                 the file as it stood before it (vitals_stores.py). Peers: that (`raw_sqlite`), a bare PostgreSQL that
                 held as much (`raw_postgres`), a bare Valkey that flushes before it answers (`raw_valkey`), both empty
                 with 20,000 rows of as many units (`fresh_*`), and a bare uvicorn that keeps nothing and sends the same
                 messages back (`bare_echo`, vitals_echo.py), which is also the peer of both above.
rows_a_commit    how many rows these commits have. No goal.
hub_ten_hz       microseconds of processor that the hub used for each row at ten rows a second. Vehicles and hub share
                 the machine; this is what a hub with cores of its own would need. No goal.
hub_pressed      the same while every vehicle sends as soon as it is answered.
unanswered       rows that the paced runs had not acknowledged within PATIENCE_S. Goal: 0.
acknowledged_lost  rows acknowledged that are not in the hub's file afterwards as vitals, or in its server. Goal: 0.

row_pressed_postgres, hub_pressed_postgres  row_pressed and hub_pressed of a hub whose book is in PostgreSQL, on a
                 server of its own. Peer: another such server that held as much doing the same commits
                 (`same_postgres`). Goal: at least 0.6 times its rate. Not told where no PostgreSQL is installed.
"""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec

from aboard.bench.figures import LOAD_MAX, Case, is_loaded, once, ours_of, peers_of
from aboard.bench.machine import cpu_s, load_now
from aboard.bench.play import BenchFailed
from aboard.bench.postgres_server import find_postgres, running_postgres
from aboard.bench.vitals_echo import echoed
from aboard.bench.vitals_fleet import Vehicle, fleet
from aboard.bench.vitals_stores import (
    BOOK,
    Part,
    begin_part,
    fresh_us,
    kept_in,
    postgres_us,
    sqlite_us,
    taken_from,
    valkey_us,
)
from aboard.children import Child
from aboard.links import write_private
from casebook import events as e
from casebook.book import POOL_ROWS
from casebook.errors import RefusedInput
from casebook.place import Place

REGION = "yangtze_delta"
SCENE = Place(31.02, 121.23)
PATIENCE_S = 30.0  # wall seconds after the last message in which an acknowledgement still counts
PRESSED_ROWS = 10
WARM_UP_S = 2.0  # of a server's hub, in which every outbox becomes known
RATE_SHARE = 0.6  # of the bare store's rate
ONE_HZ_MS, TEN_HZ_MS = 20.0, 50.0


@dataclass(frozen=True, slots=True)
class Measured:
    one_hz_ms: Sequence[float]
    ten_hz_ms: Sequence[float]
    row_us: float
    unanswered: int
    lost: int
    hub_us: Mapping[str, float] = field(default_factory=dict)  # run -> processor time for each row
    pressed: Part | None = None  # what the hub's file got while every vehicle pressed
    echo: Echo | None = None


@dataclass(frozen=True, slots=True)
class Echo:
    """The same of a bare server that sends the messages back."""

    one_hz_ms: Sequence[float]
    ten_hz_ms: Sequence[float]
    row_us: float


@dataclass(frozen=True, slots=True)
class OnServer:
    """The same of a hub on PostgreSQL, which was only pressed; `peer_us`: a row of the bare server."""

    row_us: float
    hub_us: float
    lost: int
    peer_us: float


def bench_vitals(vehicles: int, seconds: float, *, busy: bool = False, said: Callable[[str], None]) -> list[Case]:
    """`seconds` for each run. Raises RefusedInput `bench_busy` unless `busy`, BenchFailed, ChildFailed."""
    load = load_now()
    if is_loaded(load) and not busy:
        raise RefusedInput("bench_busy", load="?" if load is None else f"{load:.2f}", most=f"{LOAD_MAX:g}")
    with tempfile.TemporaryDirectory(prefix="aboard-bench-") as folder:
        measured = asyncio.run(_measure(Path(folder), vehicles, seconds, said))
        part = measured.pressed
        assert part is not None
        said("echo")
        measured = replace(measured, echo=asyncio.run(_echo(vehicles, seconds)))
        peers = _peers_us(Path(folder), part, said)
        commits = [len(commit) for commit in part.commits()]
        on_server = _measure_on_server(Path(folder) / "server", vehicles, seconds, said)
        return cases_of(measured, peers, commits, on_server)


def _peers_us(folder: Path, pressed: Part, said: Callable[[str], None]) -> dict[str, float]:
    said("raw_sqlite")
    peers: dict[str, float | None] = {"raw_sqlite": sqlite_us(pressed.earlier, pressed.commits())}
    said("raw_postgres")
    peers["raw_postgres"] = postgres_us(pressed.before(), pressed.commits())
    said("raw_valkey")
    peers["raw_valkey"] = valkey_us(folder, pressed.commits())
    said("fresh")
    peers |= fresh_us(folder, POOL_ROWS)
    return {name: us for name, us in peers.items() if us is not None}


async def _measure(folder: Path, vehicles: int, seconds: float, said: Callable[[str], None]) -> Measured:
    async with _hub_with(folder, vehicles) as (hub, links):
        said("one_hz")
        one_ms, left = await paced(links, 1, 1.0, seconds)
        hub_us: dict[str, float] = {}
        said("ten_hz")
        with _costing(hub_us, "ten_hz", hub.pid, links):
            ten_ms, left_too = await paced(links, 2, 0.2, seconds)
        said("pressed")
        part = begin_part(folder / BOOK)
        with _costing(hub_us, "pressed", hub.pid, links):
            row_us = await pressed(links, seconds)
    lost = sum(vehicle.acked for vehicle in links) - kept_in(folder / BOOK)
    return Measured(one_ms, ten_ms, row_us, left + left_too, lost, hub_us, part)


async def _echo(vehicles: int, seconds: float) -> Echo:
    async with echoed(aboard_of(vehicles)) as links:
        one_ms, _ = await paced(links, 1, 1.0, seconds)
        ten_ms, _ = await paced(links, 2, 0.2, seconds)
        return Echo(one_ms, ten_ms, await pressed(links, seconds))


def _measure_on_server(folder: Path, vehicles: int, seconds: float, said: Callable[[str], None]) -> OnServer | None:
    """None where no PostgreSQL is installed."""
    programs = find_postgres()
    if programs is None:
        return None
    said("pressed_postgres")
    with running_postgres(programs) as url:
        row_us, hub_us, acked, part = asyncio.run(_pressed_on(url, folder, vehicles, seconds))
    said("same_postgres")
    peer_us = postgres_us(part.before(), part.commits())
    assert peer_us is not None
    return OnServer(row_us, hub_us, acked - kept_in(part.book), peer_us)


async def _pressed_on(url: str, folder: Path, vehicles: int, seconds: float) -> tuple[float, float, int, Part]:
    """(us of the wall for each row, of the hub's processor, rows acknowledged, what the server got after a warm-up)."""
    hub_us: dict[str, float] = {}
    async with _hub_with(folder, vehicles, "--store", url) as (hub, links):
        await pressed(links, WARM_UP_S)
        warm = sum(vehicle.acked for vehicle in links)
        with _costing(hub_us, "pressed", hub.pid, links):
            row_us = await pressed(links, seconds)
    acked = sum(vehicle.acked for vehicle in links)
    return row_us, hub_us["pressed"], acked, await taken_from(url, folder / BOOK, warm)


@contextlib.asynccontextmanager
async def _hub_with(folder: Path, vehicles: int, *words: str) -> AsyncIterator[tuple[Child, Sequence[Vehicle]]]:
    """A hub, and as many vehicles on it, each with a casualty. It has ended after the block."""
    aboard = aboard_of(vehicles)
    async with hub_for(folder, aboard, *words) as (hub, url, tokens), fleet(url, tokens, aboard) as links:
        yield hub, links


def aboard_of(vehicles: int) -> dict[str, str]:
    """A casualty by vehicle."""
    return {f"V{number:04}": f"crash-{number:04}" for number in range(vehicles)}


@contextlib.asynccontextmanager
async def hub_for(
    folder: Path, aboard: dict[str, str], *words: str
) -> AsyncIterator[tuple[Child, str, Mapping[str, str]]]:
    """A hub that knows these vehicles and casualties, where it is, and its tokens. It has ended after the block."""
    facts = [[fact.name, e.encode(fact)] for fact in facts_of(aboard)]
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    write_private(folder / "facts.json", msgspec.json.encode(facts))
    begins = ["hub", "--region", REGION, "--folder", str(folder), "--port", "0"]
    hub = Child("hub", [*begins, "--facts", str(folder / "facts.json"), *words], folder)
    try:
        url = (await hub.start())["url"]
        tokens = msgspec.json.decode((folder / "links.json").read_bytes())
        yield hub, url, tokens
    finally:
        await hub.end()


@contextlib.contextmanager
def _costing(told_us: dict[str, float], run: str, hub: int | None, links: Sequence[Vehicle]) -> Iterator[None]:
    """What the hub uses for each row that is acknowledged within the block."""
    used_s, acked = cpu_s(hub), sum(vehicle.acked for vehicle in links)
    yield
    told_us[run] = 1e6 * (cpu_s(hub) - used_s) / max(1, sum(vehicle.acked for vehicle in links) - acked)


async def paced(links: Sequence[Vehicle], rows: int, every_s: float, seconds: float) -> tuple[list[float], int]:
    """(ms of every message, rows left without an answer). The vehicles' instants lie evenly over the interval."""
    now_s = asyncio.get_running_loop().time()
    first_s = now_s + every_s
    steps = (first_s + every_s * number / len(links) for number in range(len(links)))
    before = [len(vehicle.took_ms) for vehicle in links]
    paces = (vehicle.pace(rows, every_s, at_s, at_s + seconds) for vehicle, at_s in zip(links, steps, strict=True))
    await asyncio.gather(*paces)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE_S):
            await asyncio.gather(*(vehicle.answered() for vehicle in links))
    told = [ms for vehicle, count in zip(links, before, strict=True) for ms in vehicle.took_ms[count:]]
    return told, sum(vehicle.sent - vehicle.acked for vehicle in links)


async def pressed(links: Sequence[Vehicle], seconds: float) -> float:
    """Microseconds of the wall for each row acknowledged. Raises BenchFailed when the hub does not get through, also
    with what was left to it before."""
    now_s, bound_s = asyncio.get_running_loop().time, seconds + PATIENCE_S
    before, began_s = sum(vehicle.acked for vehicle in links), now_s()
    try:
        async with asyncio.timeout(bound_s):
            await asyncio.gather(*(vehicle.press(PRESSED_ROWS, began_s + seconds) for vehicle in links))
    except TimeoutError as late:
        left = sum(vehicle.sent - vehicle.acked for vehicle in links)
        why = f"{left} rows of {len(links)} vehicles have no answer after {bound_s:g} s: too many for this machine"
        raise BenchFailed(what="as fast as it is answered", why=why) from late
    return 1e6 * (now_s() - began_s) / (sum(vehicle.acked for vehicle in links) - before)


def facts_of(aboard: dict[str, str]) -> list[e.Event]:
    """A vehicle for each casualty of one incident."""
    facts: list[e.Event] = [e.IncidentOpened("crash", SCENE, "traffic", 1, "120", "")]
    for unit, casualty in aboard.items():
        facts.append(e.UnitEnrolled(unit, "ambulance", unit, unit, "songjiang", SCENE))
        facts.append(e.CasualtyFound(casualty, "crash", casualty))
    return facts


def cases_of(
    measured: Measured, peers: Mapping[str, float], commits: Sequence[int], on_server: OnServer | None = None
) -> list[Case]:
    """The cases of one run; `peers`: microseconds for each row, `raw_sqlite` among them; `commits`: rows of each while
    every vehicle pressed. Pure."""
    most_us, echo = peers["raw_sqlite"] / RATE_SHARE, measured.echo
    echo_one, echo_ten = (
        peers_of("bare_echo", its) for its in ((echo.one_hz_ms, echo.ten_hz_ms) if echo else ((), ()))
    )
    peers = {**peers, "bare_echo": echo.row_us} if echo else peers
    return [
        Case("ack_one_hz", "ms", ours_of(measured.one_hz_ms), echo_one, {"p99": ONE_HZ_MS}),
        Case("ack_ten_hz", "ms", ours_of(measured.ten_hz_ms), echo_ten, {"p99": TEN_HZ_MS}),
        Case("row_pressed", "us", once(measured.row_us), peers, {"p50": most_us}),
        Case("rows_a_commit", "rows", ours_of(commits)),
        *(Case(f"hub_{run}", "us", once(us)) for run, us in measured.hub_us.items()),
        *_server_cases(on_server),
        Case("unanswered", "rows", once(measured.unanswered), {}, {"p99": 0.0}),
        Case("acknowledged_lost", "rows", once(measured.lost + (on_server.lost if on_server else 0)), {}, {"p99": 0.0}),
    ]


def _server_cases(on_server: OnServer | None) -> Iterator[Case]:
    if on_server is not None:
        most_us, peer = on_server.peer_us / RATE_SHARE, {"same_postgres": on_server.peer_us}
        yield Case("row_pressed_postgres", "us", once(on_server.row_us), peer, {"p50": most_us})
        yield Case("hub_pressed_postgres", "us", once(on_server.hub_us))
