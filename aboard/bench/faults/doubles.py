"""F11: rows come twice, in the wrong order, cut off, or out of an old capture. F12: two vehicles with one identity.
F15: fifty cases want the last bay.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import shutil
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import msgspec
import websockets

from aboard.bench.decision_holds import CASES, measure_holds
from aboard.bench.faults.crews import Crew
from aboard.bench.faults.finding import Finding, worst
from aboard.bench.faults.ledger import sample_mark
from aboard.bench.faults.stage import WARD, Stage, casualty_of, hub, until
from aboard.bench.faults.world import World
from aboard.bench.play import BenchFailed
from aboard.bench.vitals_fleet import VITALS
from casebook import events as e
from casebook.clock import WallClock
from casebook.link import VERSION, Hello, OutboxRow, Rows

LANE = "wire"
WINDOW = 12  # rows that may be on their way in any order
PATIENCE_S = 60.0
AT_ONCE = 50
REFUSED_PAUSE_S = 0.5


@dataclass(slots=True)
class Wire:
    """A vehicle's end of the link, to send on it what no vehicle would. `refused`: what the hub said when it closed."""

    stage: Stage
    unit: str
    link: str = ""
    through: int = 0
    refused: str = ""
    sent: list[str] = field(default_factory=list)
    _socket: Any = None

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[Wire]:
        headers = {"Authorization": f"Bearer {self.stage.token(f'unit:{self.unit}')}"}
        async with websockets.connect(
            self.stage.link_url, additional_headers=headers, proxy=None, max_size=None
        ) as self._socket:
            await self.say(Hello(self.unit, LANE, 1, VERSION, "boot-wire", {}))
            self.refused = ""
            hearing = asyncio.create_task(self._hear())
            try:
                if await until(lambda: self.link or self.refused, PATIENCE_S) is None:
                    raise BenchFailed(what=self.unit, why="no welcome")
                yield self
            finally:
                hearing.cancel()
                await asyncio.gather(hearing, return_exceptions=True)
                self.link = ""

    async def _hear(self) -> None:
        with contextlib.suppress(websockets.ConnectionClosed):
            async for raw in self._socket:
                told = msgspec.json.decode(raw)
                if told["t"] == "welcome":
                    self.link, self.through = told["link"], told["through"]
                elif told["t"] == "ack" and told["epoch"] == LANE:
                    self.through = told["through"]
                elif told["t"] == "refused":
                    self.refused = told["error"]

    async def say(self, message: Any) -> None:
        await self.say_raw(msgspec.json.encode(message).decode())

    async def say_raw(self, text: str) -> None:
        self.sent.append(text)
        with contextlib.suppress(websockets.ConnectionClosed):
            await self._socket.send(text)

    async def ended(self) -> None:
        """Until the hub has closed."""
        async with asyncio.timeout(PATIENCE_S):
            await self._socket.wait_closed()


def rows_for(unit: str, many: int) -> list[OutboxRow]:
    fact, now = e.VitalsRecorded(casualty_of(unit), unit, VITALS), WallClock().now()
    return [
        OutboxRow(seq, now + timedelta(milliseconds=seq), fact.name, e.encode(fact), unit, "monitor")
        for seq in range(1, many + 1)
    ]


async def rows_mangled(world: World) -> list[Finding]:
    """`damaged`, `replayed`: messages cut off or of an earlier connection that the hub took without ending the link."""
    rng, many = random.Random(world.seed), world.times(200, 5000)
    async with hub(world.folder / "hub", 1) as stage:
        unit = stage.units[0]
        wire, rows = Wire(stage, unit), rows_for(unit, many)
        for row in rows:
            stage.promises.keep(unit, sample_mark(row.at))
        repeats = cut = taken = 0
        while wire.through < many:
            async with wire.open():
                repeats += await _send_mangled(wire, rows, rng, many // 4)
                if wire.through < many:
                    cut, taken = cut + 1, taken + await _send_cut(wire, rows, rng)
        replayed = await _replay(stage, wire)
        asked = await _ask_again(stage, world.times(2, 20))
        await stage.end()
        told = stage.audit().findings()
    return [
        *told, Finding("repeats", "times", repeats, least=1), Finding("cut_messages", "times", cut, least=1),
        Finding("damaged_taken", "times", taken, most=0), Finding("replayed_taken", "times", replayed, most=0),
        Finding("asks_done_again", "times", asked, most=0), Finding("tracebacks", "times", stage.tracebacks(), most=0),
    ]  # fmt: skip


async def _send_mangled(wire: Wire, rows: Sequence[OutboxRow], rng: random.Random, bound: int) -> int:
    """Rows beyond what is acknowledged in little heaps, shuffled and some twice, until `bound` heaps were sent."""
    heaps = 0
    while wire.through < len(rows) and heaps < bound:
        window = list(rows[wire.through : wire.through + WINDOW])
        heap = rng.sample([*window, *rows[max(0, wire.through - 3) : wire.through]], k=min(4, len(window)))
        await wire.say(Rows(LANE, heap, wire.link))
        await wire.say(Rows(LANE, [window[0]], wire.link))
        heaps += 1
        await until(lambda first=window[0].seq: wire.through >= first or bool(wire.refused), PATIENCE_S)
    return heaps


async def _send_cut(wire: Wire, rows: Sequence[OutboxRow], rng: random.Random) -> int:
    """A message that ends too early; 1 when the hub did not end the link for it."""
    text = msgspec.json.encode(Rows(LANE, list(rows[wire.through : wire.through + 4]), wire.link)).decode()
    await wire.say_raw(text[: rng.randrange(10, len(text) - 1)])
    await wire.ended()
    return int(wire.refused != "bad_json")


async def _replay(stage: Stage, wire: Wire) -> int:
    """Everything that was ever sent, on a connection of its own for each; how much of it was not refused."""
    captured = [text for text in wire.sent if '"t":"rows"' in text and text.endswith("}")][
        :: max(1, len(wire.sent) // 10)
    ]
    taken = 0
    for text in captured:
        again = Wire(stage, wire.unit)
        async with again.open():
            await again.say_raw(text)
            await again.ended()
        taken += again.refused != "link_replayed"
    return taken


async def _ask_again(stage: Stage, rounds: int) -> int:
    """One key asked with by fifty at once: how many answers name other entries, or other words are not refused."""
    wrong = 0
    async with stage.client(f"hospital:{WARD}") as client:
        for number in range(rounds):
            body = {"hospital": WARD, "resource": "ed_bed", "free": number, "total": 99}
            headers = {"Idempotency-Key": f"again-{number}"}
            answers = await asyncio.gather(
                *(client.post("/api/v1/ask/report_capacity", json=body, headers=headers) for _ in range(AT_ONCE))
            )
            named = {tuple(answer.json()["entries"]) for answer in answers}
            stage.promises.answered[f"again-{number}"] = next(iter(named))
            other = await client.post("/api/v1/ask/report_capacity", json=body | {"free": 77}, headers=headers)
            wrong += len(named) - 1 + (other.status_code != httpx.codes.UNPROCESSABLE_ENTITY)
    return wrong


# --- two vehicles with one identity


async def vehicle_cloned(world: World) -> list[Finding]:
    """The first is there; a second with a copy of its outbox wants in; then the first goes, and comes back."""
    async with hub(world.folder / "hub", 1) as stage:
        unit = stage.units[0]
        first = _crew(stage, unit, world.folder / "first", 1)
        async with first.linked():
            await _samples(first, 20)
            await _drained(first)
        await _samples(first, 5)
        await first.close()
        shutil.copytree(world.folder / "first", world.folder / "second")
        first, second = _crew(stage, unit, world.folder / "first", 2), _crew(stage, unit, world.folder / "second", 3)
        try:
            async with first.linked():
                await _drained(first)
                await _samples(second, 20)
                async with second.linked():
                    refused_s = await until(lambda: second.link.as_view()["state"] == "refused", PATIENCE_S)
                    told_s = await until(lambda: first.link.twin_at is not None, PATIENCE_S)
                    concern = await _is_told(stage)
                    taken = second.link.connections
            await _samples(first, 10)
            async with second.linked():
                await _drained(second)
            async with first.linked():
                await _drained(first)
        finally:
            await first.close()
            await second.close()
        await stage.end()
        told = stage.audit().findings()
    return [
        *told, Finding("second_let_in", "times", taken, most=0), worst("second_refused", _known(refused_s), 30),
        worst("first_told", _known(told_s), 30), Finding("console_told", "times", concern, least=1),
    ]  # fmt: skip


def _crew(stage: Stage, unit: str, folder: Path, seed: int) -> Crew:
    return Crew(
        unit, stage.link_url, stage.token(f"unit:{unit}"), folder, stage.promises, seed=seed,
        refused_pause_s=REFUSED_PAUSE_S,
    )  # fmt: skip


async def _samples(crew: Crew, many: int) -> None:
    await asyncio.gather(*(crew.store() for _ in range(many)))


async def _drained(crew: Crew) -> None:
    if await until(lambda: crew.is_back and not crew.waiting, PATIENCE_S) is None:
        raise BenchFailed(what=crew.unit, why=f"{crew.waiting} rows wait after {PATIENCE_S:g} s")


async def _is_told(stage: Stage) -> int:
    async with stage.client("dispatcher") as client:
        told = (await client.get("/readyz")).json()["concerns"]
    return sum("twin" in one["key"] for one in told)


def _known(took_s: float | None) -> list[float]:
    return [] if took_s is None else [took_s]


# --- the last bay


async def last_bay(world: World) -> list[Finding]:
    """Two hubs on one store of holds, fifty casualties, one bay; every loser gets its next plan with the answer."""
    rounds, cases = world.times(1, 10), world.times(20, CASES)
    url = f"sqlite:///{world.folder / 'holds.sqlite'}"
    told = await asyncio.to_thread(lambda: measure_holds(url, rounds, cases=cases))
    return [
        Finding("rounds", "times", rounds), Finding("cases", "times", cases),
        Finding("bays_held_twice", "times", told.twice, most=0),
        Finding("losers_without_plan", "times", told.without_plan, most=0),
        worst("losers_planned", [ms / 1000 for ms in told.round_ms], 2),
    ]  # fmt: skip
