"""`aboard bench fanout`: how soon what happens in a vehicle is on every board, for a whole city on one hub.

board_delay      ms from the instant at which a vital sample was due to leave its vehicle until it had arrived at a
                 board: 1,000 vehicles at 1 Hz, 400 of them with a casualty, 60 hospitals, 180 boards on walls and 20
                 consoles, on a real hub with its real views. Goal: p50 <= 50, p99 <= 250.
samples_missing  samples acknowledged that a board of their ward never got. Goal: 0.
stopped_board    p99 of the other boards while one no longer reads, through p99 before. Goal: <= 1.1.
hub_mb           resident memory of the hub after all that. Goal: <= 1000.
hub_mb_later     MB that the hub had more at most in the last third of `hold` than in the middle one: the same city goes
                 on at 1 Hz for so long, every screen listening. Goal: <= 20. Told only of a hold of HOLD_LEAST_S and
                 longer, for until then trends fill.
hub_core         share of a core that the hub used. No goal: beside the figures, to see what is left.
fanout_delay     ms from a change until it has arrived, 200 changes a second to 200 screens through one feed and the
                 door that serves it. Goal: p99 <= 50. Peer: the same bytes from a queue for each socket.
fanout_core      share of a core for that. Goal: <= 0.6. Peer: the same.
fanout_rate      messages a second that arrived, of those 40,000.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from aboard.bench.boards import Seat, boards
from aboard.bench.city import City, city_of, facts_of
from aboard.bench.figures import LOAD_MAX, Case, is_loaded, once, ours_of
from aboard.bench.machine import cpu_s, load_now
from aboard.bench.soak import FLAT_MB, grown_mb
from aboard.bench.vitals_fleet import Vehicle, fleet
from aboard.children import Child, resident_mb
from aboard.links import write_private
from casebook import events as e
from casebook.errors import RefusedInput

REGION = "yangtze_delta"
HOSPITALS, CASES, CONSOLES, BOARDS = 60, 400, 20, 200
SETTLE_S = 5.0  # wall seconds before anything counts: every board has its snapshot
PATIENCE_S = 30.0  # wall seconds in which a sample still counts as arriving
DRAIN_S = 1.0  # wall seconds between two looks whether all of them have
PER_SECOND, SCREENS = 200, 200
HOLD_LEAST_S = 1800.0  # a case keeps its samples of ten minutes: before the middle third begins it has as many as ever
LOOK_S = 5.0  # wall seconds between two looks at the hub's memory
READY_S = 60.0


@dataclass(slots=True)
class Heard:
    """What one board got: (unit, row) -> wall instant of arrival."""

    ward: str
    arrived_s: dict[tuple[str, int], float] = field(default_factory=dict)
    watching: bool = True
    counting: bool = True

    def hear(self, body: bytes) -> None:
        if not self.counting:
            return
        now_s = asyncio.get_running_loop().time()
        for sample in msgspec.json.decode(body, type=_Message).samples:
            self.arrived_s.setdefault((sample.unit, sample.seq), now_s)


class _Sample(msgspec.Struct):
    unit: str
    seq: int


class _Message(msgspec.Struct):
    samples: list[_Sample] = []


@dataclass(frozen=True, slots=True)
class InCity:
    """What was measured on the hub. `core`: its share of one."""

    delay_ms: Sequence[float]
    missing: int
    stopped_ratio: float | None
    hub_mb: float | None
    core: float
    held_mb: Sequence[float] = ()  # look by look while it was held


@dataclass(frozen=True, slots=True)
class Told:
    """What one kind of server did with PER_SECOND changes a second."""

    delay_ms: Sequence[float]
    core: float
    per_second: float


def bench_fanout(
    vehicles: int, seconds: float, *, hold_s: float = 0.0, busy: bool = False, said: Callable[[str], None]
) -> list[Case]:
    """`seconds` for each run; `hold_s`: for how long the city goes on besides. Raises RefusedInput `bench_busy` unless
    `busy`, BenchFailed, ChildFailed."""
    load = load_now()
    if is_loaded(load) and not busy:
        raise RefusedInput("bench_busy", load="?" if load is None else f"{load:.2f}", most=f"{LOAD_MAX:g}")
    with tempfile.TemporaryDirectory(prefix="aboard-bench-") as folder:
        in_city = asyncio.run(_measure_city(Path(folder), vehicles, seconds, hold_s, said))
    told = {}
    for kind in ("bare", "feed"):
        said(kind)
        told[kind] = asyncio.run(measure_telling(kind, seconds))
    return cases_of(in_city, told["feed"], told["bare"])


async def _measure_city(
    folder: Path, vehicles: int, seconds: float, hold_s: float, said: Callable[[str], None]
) -> InCity:
    city = city_of(HOSPITALS, vehicles, min(CASES, vehicles))
    facts = [[fact.name, e.encode(fact)] for fact in facts_of(city)]
    write_private(folder / "facts.json", msgspec.json.encode(facts))
    words = ["hub", "--region", REGION, "--folder", str(folder), "--port", "0"]
    hub = Child("hub", [*words, "--facts", str(folder / "facts.json")], folder)
    try:
        url = (await hub.start())["url"]
        tokens = msgspec.json.decode((folder / "links.json").read_bytes())
        heard, seats = seats_of(city, url, tokens)
        aboard = {unit: city.aboard.get(unit, "") for unit in city.units}
        async with fleet(url, tokens, aboard) as links, boards(seats) as screens:
            said("city")
            await _drive(links, SETTLE_S)
            began_s, used_s = asyncio.get_running_loop().time(), cpu_s(hub.pid)
            before = await _delays(links, heard, city, seconds)
            core = (cpu_s(hub.pid) - used_s) / (asyncio.get_running_loop().time() - began_s)
            said("stopped")
            screens[0].stop()
            heard[0].watching = False
            after = await _delays(links, heard, city, seconds)
            hub_mb = resident_mb([hub.pid])
            if hold_s:
                said("hold")
            held_mb = await _hold(links, heard, hub, hold_s)
    finally:
        await hub.end()
    ratio = (slow_after / slow) if (slow := ours_of(before[0]).p99) and (slow_after := ours_of(after[0]).p99) else None
    return InCity(before[0], before[1] + after[1], ratio, max([hub_mb or 0.0, *held_mb]) or None, core, held_mb)


async def _hold(links: Sequence[Vehicle], heard: Sequence[Heard], hub: Child, hold_s: float) -> list[float]:
    """The hub's memory every LOOK_S while everybody goes on. The screens read all they are told; none of it is kept."""
    for one in heard:
        one.counting = False
    driving, memory_mb = asyncio.create_task(_drive(links, hold_s)), list[float]()
    while not driving.done():
        memory_mb += [mb for mb in (resident_mb([hub.pid]),) if mb is not None]
        await asyncio.wait([driving], timeout=LOOK_S)
    await driving
    return memory_mb


def seats_of(city: City, url: str, tokens: dict[str, str]) -> tuple[list[Heard], list[Seat]]:
    """BOARDS boards: CONSOLES at dispatch, the others round the wards."""
    heard = [Heard(city.hospitals[number % len(city.hospitals)]) for number in range(BOARDS - CONSOLES)]
    seats = [Seat(url, f"/api/v1/live/wall/{one.ward}", tokens[f"hospital:{one.ward}"], one.hear) for one in heard]
    watchers = [Heard("") for _ in range(CONSOLES)]
    seats += [Seat(url, "/api/v1/live/console", tokens["dispatcher"], one.hear) for one in watchers]
    return [*heard, *watchers], seats


async def _drive(links: Sequence[Vehicle], seconds: float) -> None:
    """Every vehicle a row a second; their instants lie evenly over the second."""
    first_s = asyncio.get_running_loop().time() + 1.0
    starts = (first_s + number / len(links) for number in range(len(links)))
    paces = (one.pace(1, 1.0, at_s, at_s + seconds) for one, at_s in zip(links, starts, strict=True))
    await asyncio.gather(*paces)


async def _delays(
    links: Sequence[Vehicle], heard: Sequence[Heard], city: City, seconds: float
) -> tuple[list[float], int]:
    """(ms of every sample at every board that must have it, how many never came)."""
    before = {one.unit: len(one.due_s) for one in links}
    await _drive(links, seconds)
    now_s = asyncio.get_running_loop().time
    until_s = now_s() + PATIENCE_S
    while True:
        await asyncio.sleep(DRAIN_S)
        told = _arrivals(links, before, heard, city)
        if (None not in told and all(one.acked == one.sent for one in links)) or now_s() >= until_s:
            return [ms for ms in told if ms is not None], told.count(None)


def _arrivals(
    links: Sequence[Vehicle], before: Mapping[str, int], heard: Sequence[Heard], city: City
) -> list[float | None]:
    """ms of every sample acknowledged since, at every board that must have it; None: not there yet."""
    told: list[float | None] = []
    for vehicle in filter(lambda one: one.casualty, links):
        ward = city.bound[vehicle.casualty]
        meant = [one for one in heard if one.watching and one.ward in ("", ward)]
        for seq in range(before[vehicle.unit] + 1, vehicle.acked + 1):
            times = (one.arrived_s.get((vehicle.unit, seq)) for one in meant)
            told += [None if at_s is None else 1000 * (at_s - vehicle.due_s[seq - 1]) for at_s in times]
    return told


async def measure_telling(kind: str, seconds: float, screens: int = SCREENS) -> Told:
    """One kind of server in a process of its own, the screens in this one."""
    delay_ms: list[float] = []

    def hear(body: bytes) -> None:
        now_ns = 1e9 * asyncio.get_running_loop().time()  # the system's monotonic clock, as the server's is
        stamp = msgspec.json.decode(body, type=_Stamped).at
        if stamp:
            delay_ms.append((now_ns - int(stamp)) / 1e6)

    async with _server() as (url, pid, tell), boards([Seat(url, f"/{kind}", "", hear) for _ in range(screens)]):
        await tell(f"{kind} {PER_SECOND}")
        await asyncio.sleep(1.0)
        delay_ms.clear()
        began_s, used_s = asyncio.get_running_loop().time(), cpu_s(pid)
        await asyncio.sleep(seconds)
        took_s = asyncio.get_running_loop().time() - began_s
        core, count = (cpu_s(pid) - used_s) / took_s, len(delay_ms)
        await tell("stop")
    return Told(delay_ms, core, count / took_s)


class _Patch(msgspec.Struct):
    stamp: str = ""


class _Stamped(msgspec.Struct):
    stamp: str = ""
    patch: _Patch = msgspec.field(default_factory=_Patch)

    @property
    def at(self) -> str:
        return self.stamp or self.patch.stamp


@contextlib.asynccontextmanager
async def _server() -> AsyncIterator[tuple[str, int, Callable[[str], Awaitable[None]]]]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "aboard.bench.fanout_server", stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdin is not None and process.stdout is not None
    told, heard = process.stdin, process.stdout

    async def tell(line: str) -> None:
        told.write(f"{line}\n".encode())
        await asyncio.wait_for(heard.readline(), READY_S)

    try:
        url = (await asyncio.wait_for(heard.readline(), READY_S)).decode().strip()
        yield url, process.pid, tell
    finally:
        told.close()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), 10)
        if process.returncode is None:
            process.kill()
            await process.wait()


def cases_of(city: InCity, feed: Told, bare: Told) -> list[Case]:
    """The cases of one run. Pure."""
    slow = ours_of(bare.delay_ms).p99
    return [
        Case("board_delay", "ms", ours_of(city.delay_ms), {}, {"p50": 50.0, "p99": 250.0}),
        Case("samples_missing", "samples", once(city.missing), {}, {"p99": 0.0}),
        Case("stopped_board", "times", once(city.stopped_ratio), {}, {"p50": 1.1}),
        Case("hub_mb", "MB", once(city.hub_mb), {}, {"p50": 1000.0}),
        *_held_cases(city.held_mb),
        Case("hub_core", "core", once(city.core)),
        Case(
            "fanout_delay", "ms", ours_of(feed.delay_ms), {} if slow is None else {"bare_server_p99": slow},
            {"p99": 50.0},
        ),
        Case("fanout_core", "core", once(feed.core), {"bare_server": bare.core}, {"p50": 0.6}),
        Case("fanout_rate", "per_s", once(feed.per_second), {"bare_server": bare.per_second}),
    ]  # fmt: skip


def _held_cases(held_mb: Sequence[float]) -> Sequence[Case]:
    if len(held_mb) * LOOK_S < HOLD_LEAST_S - LOOK_S:
        return []
    return [Case("hub_mb_later", "MB", once(grown_mb(held_mb)), {}, {"p50": FLAT_MB})]
