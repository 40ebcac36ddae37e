"""Two hubs in processes of their own, sharing one store of holds, with a crash between them and one door to each desk.

Each has its own book and half of the casualties, as two neighbouring authorities have; the hospitals are the same. What
is asked of them, and what that shows, is decision_holds.py's.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import msgspec

from aboard.bench.play import BenchFailed
from aboard.children import Child
from aboard.links import DISPATCHER, write_private
from casebook import events as e
from casebook.casualty import Category, Findings
from casebook.clock import WallClock
from casebook.place import Place

REGION = "yangtze_delta"
CRASH = Place(31.02, 121.23)  # in Songjiang, near the first hospitals of the region
INCIDENT = "crash"
ANSWER_S = 60.0  # a desk that takes longer counts as hung
IDLE_S = 2.0  # a connection unused for longer is not used again: the hub closes it after five
NAMES = ("north", "south")
Answered = tuple[int, dict[str, Any]]  # HTTP status, body


@dataclass(frozen=True, slots=True)
class Desk:
    """The dispatcher's desk of one hub, over its own door, and the casualties that it answers for."""

    name: str
    cases: Sequence[str]
    client: httpx.AsyncClient

    async def ask(self, name: str, **command: Any) -> Answered:
        """One POST as the console sends it. Raises BenchFailed when the hub does not answer."""
        try:
            response = await self.client.post(f"/api/v1/ask/{name}", content=msgspec.json.encode(command))
        except httpx.HTTPError as wrong:
            raise BenchFailed(what=f"{self.name} {name}", why=repr(wrong)) from wrong
        return response.status_code, msgspec.json.decode(response.content)

    async def must(self, name: str, **command: Any) -> dict[str, Any]:
        """The answer to what cannot be refused here. Raises BenchFailed when it is all the same."""
        status, answer = await self.ask(name, **command)
        if status != httpx.codes.OK:
            raise BenchFailed(what=f"{self.name} {name}", why=str(answer))
        return answer

    async def count(self, free: Mapping[str, int], resource: str) -> None:
        """Say what every hospital has free now, as its own system would."""
        at = WallClock().now()  # the hubs run on the wall clock too; a drill's clock would let no lease be compared
        rows = [
            {"hospital": id, "resource": resource, "free": many, "total": many, "stated_at": at, "author": "bench"}
            for id, many in free.items()
        ]
        await self.must("import_capacity", rows=rows, source="bench")

    async def left(self, hospital: str, resource: str) -> int:
        """How many are free and held for nobody, as this hub knows it."""
        told = await self.must("region_overview")
        return told["hospitals"][hospital]["cells"].get(resource, {}).get("left", 0)


@contextlib.asynccontextmanager
async def two_hubs(folder: Path, holds: str, cases: int) -> AsyncIterator[tuple[Desk, ...]]:
    """Both up while the block runs. `holds`: URL of their store; `cases`: casualties in all. Raises ChildFailed."""
    shares = [cases - cases // 2, cases // 2]
    async with contextlib.AsyncExitStack() as stack:
        opening = [_open(folder / name, name, holds, share, stack) for name, share in zip(NAMES, shares, strict=True)]
        yield tuple(await asyncio.gather(*opening))


async def _open(folder: Path, name: str, holds: str, cases: int, stack: contextlib.AsyncExitStack) -> Desk:
    ids = [f"{name}-{number:02}" for number in range(cases)]
    facts = [[fact.name, e.encode(fact)] for fact in _crash(ids)]
    write_private(folder / "facts.json", msgspec.json.encode(facts))
    words = ["hub", "--region", REGION, "--folder", str(folder), "--port", "0", "--holds", holds]
    child = Child(name, [*words, "--facts", str(folder / "facts.json")], folder)
    stack.push_async_callback(child.end)
    url = (await child.start())["url"]
    token = msgspec.json.decode((folder / "links.json").read_bytes())[DISPATCHER]
    client = httpx.AsyncClient(
        base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=ANSWER_S,
        limits=httpx.Limits(max_connections=None, max_keepalive_connections=None, keepalive_expiry=IDLE_S),
    )  # fmt: skip
    await stack.enter_async_context(client)
    return Desk(name, tuple(ids), client)


def _crash(ids: Sequence[str]) -> list[e.Event]:
    """One incident with these casualties, all red and otherwise ordinary: any hospital of the region can take them."""
    facts: list[e.Event] = [e.IncidentOpened(INCIDENT, CRASH, "traffic", 1, "120", "")]
    for id in ids:
        facts += [
            e.CasualtyFound(id, INCIDENT, id),
            e.CasualtyTriaged(id, "manual", Category.RED, "bench"),
            e.FindingsRecorded(id, Findings()),
        ]
    return facts
