"""Two hubs on one database: what one is told both know, and when one dies its vehicles go on with the other."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import msgspec
import pytest
from websockets.asyncio.client import connect

from aboard.children import Child
from ambulance_unit.addresses import link_of
from ambulance_unit.hub_link import HubLink
from ambulance_unit.outbox import Outbox, Record
from ambulance_unit.scribe import Scribe
from ambulance_unit.told_view import ToldView
from casebook import events as e
from casebook.clock import WallClock
from casebook.live import patched
from casebook.log import Entry, verify
from casebook.place import Place
from casebook.store.opening import open_log

pytestmark = pytest.mark.sockets
AT = Place(31.0, 121.2)
FACTS = [e.UnitEnrolled(f"T-0{n}", "ambulance", "车", "car", "songjiang", AT) for n in range(1, 4)]
WAIT_S = 60.0  # how long a state may take to come on a busy machine; none of the figures is judged by it


@dataclass
class RunningHub:
    """A real hub process, and how to ask it."""

    child: Child
    url: str
    bus: Path

    @property
    def links(self) -> dict[str, str]:
        return json.loads((self.child.folder / "data" / "links.json").read_bytes())

    async def ask(self, name: str, body: dict[str, Any], token: str, key: str = "") -> httpx.Response:
        headers = {"Authorization": f"Bearer {token}"} | ({"Idempotency-Key": key} if key else {})
        async with httpx.AsyncClient(base_url=self.url, timeout=WAIT_S) as client:
            return await client.post(f"/api/v1/ask/{name}", json=body, headers=headers)

    async def get(self, path: str, token: str) -> Any:
        async with httpx.AsyncClient(base_url=self.url, timeout=WAIT_S) as client:
            answer = await client.get(path, headers={"Authorization": f"Bearer {token}"})
            return answer.json() if answer.is_success else None

    @asynccontextmanager
    async def wall(self, hospital: str, token: str) -> AsyncIterator[Callable[[], Awaitable[dict[str, Any]]]]:
        """A wall board's feed: `await next()` is the view after the next message."""
        path = f"{self.url.replace('http', 'ws', 1)}/api/v1/live/wall/{hospital}"
        async with connect(path, additional_headers={"Authorization": f"Bearer {token}"}) as socket:
            view: dict[str, Any] = {}

            async def following() -> dict[str, Any]:
                nonlocal view
                message = json.loads(await socket.recv())
                view = message["view"] if message["t"] == "snapshot" else patched(view, message.get("patch", {}))
                return view

            yield following


async def until(look: Callable[[], Awaitable[Any]], wanted: Callable[[Any], bool]) -> Any:
    async with asyncio.timeout(WAIT_S):
        while not wanted(seen := await look()):  # noqa: ASYNC110 - another process has no event for us
            await asyncio.sleep(0.05)
        return seen


@pytest.fixture(scope="module")
def outside() -> Iterator[asyncio.Runner]:
    """The loop to which the hubs' processes belong."""
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(scope="module")
def store(postgres_url: str, outside: asyncio.Runner) -> str:
    async def empty() -> None:
        connection = await asyncpg.connect(postgres_url)
        await connection.execute("DROP SCHEMA IF EXISTS two_hubs CASCADE")
        await connection.execute("CREATE SCHEMA two_hubs")
        await connection.close()

    outside.run(empty())
    return f"{postgres_url}&search_path=two_hubs"


@pytest.fixture(scope="module")
def hubs(store: str, outside: asyncio.Runner, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[RunningHub]]:
    """Two, started at the same moment on an empty database, with one bus, that know of each other. The last test kills
    the first of them."""
    folder = tmp_path_factory.mktemp("hubs")
    facts = folder / "facts.json"
    facts.write_bytes(msgspec.json.encode([[one.name, e.encode(one)] for one in FACTS]))
    children = [Child(name, [], folder / name) for name in ("a", "b")]

    async def start(bus: Path) -> list[RunningHub]:
        for child in children:
            child.words = [
                "hub", "--folder", str(child.folder / "data"), "--port", "0", "--store", store, "--bus",
                f"embedded:{bus}", "--facts", str(facts),
            ]  # fmt: skip
        told = await asyncio.gather(*(child.start() for child in children))
        running = [RunningHub(child, one["url"], bus) for child, one in zip(children, told, strict=True)]
        for hub in running:
            await until(lambda hub=hub: hub.get("/api/v1/hubs", hub.links["dispatcher"]), lambda them: len(them) == 2)
        return running

    async def end() -> None:
        await asyncio.gather(*(child.end() for child in children))

    with tempfile.TemporaryDirectory(prefix="bus-") as bus:  # a short name: a socket's path has little room
        try:
            yield outside.run(start(Path(bus)))
        finally:
            outside.run(end())


def read_book(store: str) -> list[Entry]:
    log = open_log(store, make=False)
    try:
        entries = list(log.read())
        verify(entries)
        return entries
    finally:
        log.close()


async def test_what_one_hub_is_told_the_other_shows_and_a_command_repeated_there_has_the_same_answer(
    hubs: list[RunningHub], store: str
):
    one, other = hubs
    ward = one.links["hospital:sgh_south"]  # issued by one, good at both
    await until(lambda: other.get("/api/v1/me", ward), bool)
    beds = {"hospital": "sgh_south", "resource": "resus_bay", "free": 3, "total": 4}
    async with other.wall("sgh_south", ward) as following:
        await following()
        first = await one.ask("report_capacity", beds, ward, key="k1")
        assert first.status_code == 200, first.text
        await until(following, lambda view: '"free": 3' in json.dumps(view))
    again = await other.ask("report_capacity", beds, ward, key="k1")
    assert again.json() == first.json() and again.headers["Idempotency-Replayed"] == "true"
    otherwise = await other.ask("report_capacity", beds | {"free": 1}, ward, key="k1")
    assert otherwise.json()["error"] == "key_used_otherwise"
    entries = await asyncio.to_thread(read_book, store)
    assert sum(entry.kind == "capacity_reported" and entry.body["free"] == 3 for entry in entries) == 1
    assert sum(entry.kind == "unit_enrolled" for entry in entries) == len(FACTS), "only one of them began the book"


async def test_while_the_bus_is_killed_and_wiped_nothing_is_lost_and_screens_are_complete_again(
    hubs: list[RunningHub], store: str
):
    one, other = hubs
    ward = one.links["hospital:sgh_south"]
    await until(lambda: other.get("/api/v1/me", ward), bool)
    killed: list[int] = []

    async def kill_the_bus() -> None:
        await until(lambda: _pid(one.bus), lambda pid: pid not in (0, *killed))
        killed.append(await _pid(one.bus))
        os.kill(killed[-1], signal.SIGKILL)

    async with other.wall("sgh_south", ward) as following:
        for free in range(1, 9):
            if free in (2, 5):
                await kill_the_bus()
            beds = {"hospital": "sgh_south", "resource": "resus_bay", "free": free, "total": 9}
            assert (await one.ask("report_capacity", beds, ward)).status_code == 200
        await until(following, lambda view: '"free": 8' in json.dumps(view))
    entries = [entry for entry in await asyncio.to_thread(read_book, store) if entry.kind == "capacity_reported"]
    assert [entry.body["free"] for entry in entries[-8:]] == list(range(1, 9))
    await until(lambda: _pid(one.bus), lambda pid: pid not in (0, *killed))


async def _pid(bus: Path) -> int:
    try:
        return int((bus / "valkey.pid").read_text())
    except (OSError, ValueError):
        return 0


def fix(unit: str, n: int) -> Record:
    fact = e.PositionReported(unit, 31.0, 121.0 + n / 100_000)
    return Record(datetime.now(UTC), fact.name, e.encode(fact))


async def test_when_a_hub_is_killed_its_vehicles_go_on_with_the_other_and_nothing_is_lost_or_twice(
    hubs: list[RunningHub], store: str, tmp_path: Path
):
    one, other = hubs
    units = [fact.unit for fact in FACTS]
    clock, links, scribes = WallClock(), [], []
    for unit in units:
        scribe = Scribe(Outbox(tmp_path / f"{unit}.sqlite"))
        told = ToldView(tmp_path / f"{unit}.json")
        scribes.append(scribe)
        links.append(HubLink(link_of(one.url), one.links[f"unit:{unit}"], unit, scribe, told, clock))
    running = [asyncio.create_task(link.run()) for link in links]

    async def drive(first: int, last: int) -> None:
        for n in range(first, last):
            for unit, scribe, link in zip(units, scribes, links, strict=True):
                await scribe.put([fix(unit, n)])
                link.wake()
            await asyncio.sleep(0)

    try:
        await drive(0, 40)
        await until(lambda: _acked(scribes), lambda acked: min(acked) > 0)
        driving = asyncio.create_task(drive(40, 400))
        assert one.child.pid is not None
        os.kill(one.child.pid, signal.SIGKILL)
        await driving
        await until(lambda: _acked(scribes), lambda acked: acked == [400] * len(units))
        assert {link.url for link in links} == {link_of(other.url)}
        view = await until(lambda: other.get("/api/v1/hubs", other.links["dispatcher"]), lambda them: len(them) == 1)
        assert view == [other.url]
        await until(lambda: _leads(other), bool)
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        for scribe in scribes:
            await scribe.close()
    entries = await asyncio.to_thread(read_book, store)
    for unit in units:
        seqs = [entry.source.seq for entry in entries if entry.source is not None and entry.source.unit == unit]
        assert seqs == list(range(1, 401)), "each row once, in order"


async def _leads(hub: RunningHub) -> bool:
    """Whether this one answers crews now, for all hubs of the book."""
    async with httpx.AsyncClient(base_url=hub.url, timeout=WAIT_S) as client:
        told = await client.get("/metrics", headers={"Authorization": f"Bearer {hub.links['engineer']}"})
    return "aboard_hub_leads 1.0" in told.text


async def _acked(scribes: list[Scribe]) -> list[int]:
    return [lane.acked if (lane := one.outbox.find_lane(one.outbox.epoch)) else 0 for one in scribes]
