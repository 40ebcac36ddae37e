"""`aboard bench vitals`: how soon a hub has vitals on its disk and says so, to a thousand vehicles at once.

A hub in a process of its own, on a SQLite file; the vehicles in this process, each over its own WebSocket on loopback.
All times are taken at the vehicle's end, so they hold the way there and back: what the hub itself takes is less.

ack_one_hz       ms from the instant at which a vital sample was due to go until it was acknowledged, one row a second
                 from each vehicle. Goal: p99 <= 20 at 1,000 vehicles.
ack_ten_hz       the same with ten rows a second from each, two to a message as an outbox gathers them. Goal: p99 <= 50.
row_pressed      microseconds for each row while every vehicle sends as soon as it is answered. Goal: at least 0.6 times
                 the rate of the bare SQLite file (vitals_stores.py). Peers: that, and a bare PostgreSQL.
hub_ten_hz       microseconds of processor that the hub used for each row at ten rows a second. Vehicles and hub share
                 the machine; this is what a hub with cores of its own would need. No goal.
hub_pressed      the same while every vehicle sends as soon as it is answered.
unanswered       rows that the paced runs had not acknowledged within PATIENCE_S. Goal: 0.
acknowledged_lost  rows acknowledged that are not in the hub's file afterwards as vitals. Goal: 0.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from aboard.bench.figures import LOAD_MAX, Case, is_loaded, once, ours_of
from aboard.bench.machine import cpu_s, load_now
from aboard.bench.vitals_fleet import Vehicle, fleet
from aboard.bench.vitals_stores import postgres_us, sqlite_us
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


def bench_vitals(vehicles: int, seconds: float, *, busy: bool = False, said: Callable[[str], None]) -> list[Case]:
    """`seconds` for each run. Raises RefusedInput `bench_busy` unless `busy`, BenchFailed, ChildFailed."""
    load = load_now()
    if is_loaded(load) and not busy:
        raise RefusedInput("bench_busy", load="?" if load is None else f"{load:.2f}", most=f"{LOAD_MAX:g}")
    said("raw_sqlite")
    peers: dict[str, float | None] = {"raw_sqlite": sqlite_us(seconds, POOL_ROWS)}
    said("raw_postgres")
    peers["raw_postgres"] = postgres_us(seconds, POOL_ROWS)
    with tempfile.TemporaryDirectory(prefix="aboard-bench-") as folder:
        measured = asyncio.run(_measure(Path(folder), vehicles, seconds, said))
    return cases_of(measured, {name: us for name, us in peers.items() if us is not None})


async def _measure(folder: Path, vehicles: int, seconds: float, said: Callable[[str], None]) -> Measured:
    aboard = {f"V{number:04}": f"crash-{number:04}" for number in range(vehicles)}
    facts = [[fact.name, e.encode(fact)] for fact in facts_of(aboard)]
    write_private(folder / "facts.json", msgspec.json.encode(facts))
    words = ["hub", "--region", REGION, "--folder", str(folder), "--port", "0"]
    hub = Child("hub", [*words, "--facts", str(folder / "facts.json")], folder)
    try:
        url = (await hub.start())["url"]
        tokens = msgspec.json.decode((folder / "links.json").read_bytes())
        async with fleet(url, tokens, aboard) as links:
            said("one_hz")
            one_ms, left = await _paced(links, 1, 1.0, seconds)
            hub_us: dict[str, float] = {}
            said("ten_hz")
            with _costing(hub_us, "ten_hz", hub.pid, links):
                ten_ms, left_too = await _paced(links, 2, 0.2, seconds)
            said("pressed")
            with _costing(hub_us, "pressed", hub.pid, links):
                row_us = await _pressed(links, seconds)
        acked = sum(vehicle.acked for vehicle in links)
    finally:
        await hub.end()
    return Measured(one_ms, ten_ms, row_us, left + left_too, acked - kept_in(folder), hub_us)


@contextlib.contextmanager
def _costing(told_us: dict[str, float], run: str, hub: int | None, links: Sequence[Vehicle]) -> Iterator[None]:
    """What the hub uses for each row that is acknowledged within the block."""
    used_s, acked = cpu_s(hub), sum(vehicle.acked for vehicle in links)
    yield
    told_us[run] = 1e6 * (cpu_s(hub) - used_s) / max(1, sum(vehicle.acked for vehicle in links) - acked)


async def _paced(links: Sequence[Vehicle], rows: int, every_s: float, seconds: float) -> tuple[list[float], int]:
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


async def _pressed(links: Sequence[Vehicle], seconds: float) -> float:
    """Microseconds of the wall for each row acknowledged."""
    now_s = asyncio.get_running_loop().time
    before, began_s = sum(vehicle.acked for vehicle in links), now_s()
    async with asyncio.timeout(seconds + PATIENCE_S):
        await asyncio.gather(*(vehicle.press(PRESSED_ROWS, began_s + seconds) for vehicle in links))
    return 1e6 * (now_s() - began_s) / (sum(vehicle.acked for vehicle in links) - before)


def facts_of(aboard: dict[str, str]) -> list[e.Event]:
    """A vehicle for each casualty of one incident."""
    facts: list[e.Event] = [e.IncidentOpened("crash", SCENE, "traffic", 1, "120", "")]
    for unit, casualty in aboard.items():
        facts.append(e.UnitEnrolled(unit, "ambulance", unit, unit, "songjiang", SCENE))
        facts.append(e.CasualtyFound(casualty, "crash", casualty))
    return facts


def kept_in(folder: Path) -> int:
    """Rows of vehicles that the hub's file holds as vitals, not as refused."""
    database = sqlite3.connect(folder / "book.sqlite")
    try:
        query = "SELECT count(*) FROM entry WHERE unit IS NOT NULL AND kind = ?"
        return database.execute(query, (e.VitalsRecorded.name,)).fetchone()[0]
    finally:
        database.close()


def cases_of(measured: Measured, peers: dict[str, float]) -> list[Case]:
    """The cases of one run; `peers`: microseconds for each row, `raw_sqlite` among them. Pure."""
    most_us = peers["raw_sqlite"] / RATE_SHARE
    return [
        Case("ack_one_hz", "ms", ours_of(measured.one_hz_ms), {}, {"p99": ONE_HZ_MS}),
        Case("ack_ten_hz", "ms", ours_of(measured.ten_hz_ms), {}, {"p99": TEN_HZ_MS}),
        Case("row_pressed", "us", once(measured.row_us), peers, {"p50": most_us}),
        *(Case(f"hub_{run}", "us", once(us)) for run, us in measured.hub_us.items()),
        Case("unanswered", "rows", once(measured.unanswered), {}, {"p99": 0.0}),
        Case("acknowledged_lost", "rows", once(measured.lost), {}, {"p99": 0.0}),
    ]
