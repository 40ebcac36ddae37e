"""`aboard bench soak`: two hubs on one database for an hour, a fault every minute, and ten questions a second.

The first hub lives through all of it, so that its memory tells; the second is killed and restarted. A question is asked
at one hub and, when that does not answer soon, at the other; it counts as answered when one of them did within PROBE_S.
Which fault comes when is drawn from the seed: a run that was ended goes on at its next minute. Needs no root.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import random
import signal
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from aboard.bench.faults.crowds import deaf_board
from aboard.bench.faults.finding import Finding, Outcome
from aboard.bench.faults.hubs import AtTwo, at_two_hubs
from aboard.bench.faults.running import quiet
from aboard.bench.faults.stage import Stage
from aboard.bench.faults.starved import EATERS, FEW, NO_LIMIT, eaters, leave_descriptors, leave_memory, silent_newcomers
from aboard.bench.faults.valkeys import Watched, need_valkey, watched
from aboard.bench.machine import load_now
from aboard.children import resident_mb

NAME = "soak"
EVERY_S, SETTLE_S = 60.0, 3.0  # wall seconds between two faults; after the last one
PROBE_EVERY_S, PROBE_S, TRY_S, TURN_S = 0.1, 2.0, 0.7, 0.02  # NC 911 Board 2011: a console answers within 2 s
ANSWERED_PCT = 99.99
LOOK_S = 2.0  # wall seconds between two looks at the first hub's memory
FLAT_MB = 20.0
QUESTION = "/api/v1/ask/region_overview"
Said = Callable[[int, str], None]


@dataclass(slots=True)
class Soak:
    """What goes on: two hubs at work, and the Valkeys between them."""

    at_two: AtTwo
    bus: Watched
    rng: random.Random

    @property
    def first(self) -> Stage:
        return self.at_two.stages[0]

    @property
    def second(self) -> Stage:
        return self.at_two.stages[1]


async def hub_killed(soak: Soak) -> None:
    await soak.second.kill()
    await soak.second.start()


async def hub_restarted(soak: Soak) -> None:
    await soak.second.end()
    await soak.second.start()


async def hub_stalled(soak: Soak) -> None:
    pid = soak.rng.choice((soak.first, soak.second)).pid
    os.kill(pid, signal.SIGSTOP)
    try:
        await asyncio.sleep(2.0)
    finally:
        os.kill(pid, signal.SIGCONT)


async def bus_failover(soak: Soak) -> None:
    master = await soak.bus.named()
    master.kill()
    await soak.bus.master_is_not(master)
    master.start()


async def bus_gone(soak: Soak) -> None:
    """All of it, Sentinels too; later all of it is there again."""
    soak.bus.kill()
    await asyncio.sleep(3.0)
    soak.bus.start_again()


async def database_stopped(soak: Soak) -> None:
    await asyncio.to_thread(soak.at_two.cluster.stop, signal.SIGQUIT)
    await asyncio.sleep(2.0)
    await asyncio.to_thread(soak.at_two.cluster.start)


async def descriptors_gone(soak: Soak) -> None:
    import resource

    pid = soak.first.pid
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    leave_descriptors(pid, FEW)
    try:
        with silent_newcomers(soak.first, 4 * FEW):
            await asyncio.sleep(5.0)
    finally:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, before)


async def memory_gone(soak: Soak) -> None:
    """A hub that ended for it is started again, as its service does."""
    import resource

    leave_memory(soak.second.pid, soak.rng.randint(1, 32))
    async with eaters(soak.second, EATERS):
        await asyncio.sleep(5.0)
    if soak.second.is_there:
        resource.prlimit(soak.second.pid, resource.RLIMIT_AS, NO_LIMIT)
    else:
        await soak.second.start()


async def board_deaf(soak: Soak) -> None:
    with deaf_board(soak.first):
        await asyncio.sleep(25.0)


FAULTS: Mapping[str, Callable[[Soak], Awaitable[None]]] = {
    one.__name__: one
    for one in (
        hub_killed, hub_restarted, hub_stalled, bus_failover, bus_gone, database_stopped, descriptors_gone, memory_gone,
        board_deaf,
    )
}  # fmt: skip


def plan_of(seed: int, minutes: int, first: int = 0) -> list[str]:
    """Which fault comes in each minute: all of them in an order of their own, again and again. Pure.

    A plan that begins later is the end of the one that begins with 0.
    """
    rng, plan = random.Random(f"soak {seed}"), list[str]()
    while len(plan) < minutes:
        plan += rng.sample(sorted(FAULTS), len(FAULTS))
    return plan[first:minutes]


@dataclass(slots=True)
class Probes:
    """Questions of a client that knows both hubs. `slowest_s`: of those that were answered."""

    stages: Sequence[Stage]
    asked: int = 0
    answered: int = 0
    slowest_s: float = 0.0
    _asking: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def answered_pct(self) -> float | None:
        return 100 * self.answered / self.asked if self.asked else None

    async def run(self) -> None:
        """Until cancelled; what was asked by then is waited for."""
        async with contextlib.AsyncExitStack() as stack:
            clients = [await stack.enter_async_context(stage.client("dispatcher")) for stage in self.stages]
            try:
                for number in itertools.count():
                    turn = number % len(clients)
                    task = asyncio.create_task(self._ask(clients[turn:] + clients[:turn]))
                    self._asking.add(task)
                    task.add_done_callback(self._asking.discard)
                    await asyncio.sleep(PROBE_EVERY_S)
            finally:
                await asyncio.gather(*self._asking)

    async def _ask(self, clients: Sequence[httpx.AsyncClient]) -> None:
        self.asked += 1
        began_s = time.monotonic()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PROBE_S):
                for client in itertools.cycle(clients):
                    with contextlib.suppress(httpx.HTTPError):
                        if (await client.post(QUESTION, json={}, timeout=TRY_S)).status_code == httpx.codes.OK:
                            self.answered += 1
                            self.slowest_s = max(self.slowest_s, time.monotonic() - began_s)
                            return
                    await asyncio.sleep(TURN_S)


def run_soak(minutes: int, *, seed: int, first: int = 0, every_s: float = EVERY_S, said: Said) -> Outcome:
    """Raises NotRun, BenchFailed, ChildFailed. Ended early (SIGINT) it tells what was until then."""
    before, began_s = load_now(), time.monotonic()
    with quiet(), tempfile.TemporaryDirectory(prefix="aboard-soak-") as folder:
        findings = asyncio.run(_soak(Path(folder), plan_of(seed, minutes, first), seed, every_s, first, said))
    return Outcome(NAME, findings, "", round(time.monotonic() - began_s, 1), (before, load_now()), minutes >= 60)


async def _soak(
    folder: Path, plan: Sequence[str], seed: int, every_s: float, first: int, said: Said
) -> list[Finding]:  # fmt: skip
    need_valkey()
    enough = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, enough.set)
    async with (
        watched(folder / "valkey") as bus,
        at_two_hubs(folder, bus.url, seed=seed, spread=True) as at_two,
    ):
        soak, probes, memory_mb = Soak(at_two, bus, random.Random(seed)), Probes(at_two.stages), list[float]()
        works = [asyncio.create_task(work) for work in (probes.run(), _look(at_two.stages[0], memory_mb))]
        played = list[str]()
        try:
            for number, name in enumerate(plan, first):
                said(number, name)
                due_s = time.monotonic() + every_s
                await FAULTS[name](soak)
                await at_two.bus_up()
                played.append(name)
                if await _over(enough, due_s - time.monotonic()):
                    break
            await asyncio.sleep(SETTLE_S)
        finally:
            for work in works:
                work.cancel()
            await asyncio.gather(*works, return_exceptions=True)
        return [*_of_run(played, probes, memory_mb), *_without_goals(await at_two.told())]


async def _over(enough: asyncio.Event, wait_s: float) -> bool:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(max(0.0, wait_s)):
            await enough.wait()
    return enough.is_set()


async def _look(stage: Stage, memory_mb: list[float]) -> None:
    while True:
        memory_mb.append(resident_mb([stage.pid]) or 0.0)
        await asyncio.sleep(LOOK_S)


def _of_run(played: Sequence[str], probes: Probes, memory_mb: Sequence[float]) -> list[Finding]:
    answered = probes.answered_pct
    return [
        Finding("soak_faults", "times", len(played)), Finding("kinds", "times", len(set(played))),
        Finding("probes", "times", probes.asked, least=1),
        Finding("probes_unanswered", "times", probes.asked - probes.answered),
        Finding("probes_answered", "pct", None if answered is None else round(answered, 4), least=ANSWERED_PCT),
        Finding("probe_slowest", "s", round(probes.slowest_s, 3)),
        Finding("memory", "MB", round(max(memory_mb, default=0.0), 1), most=1000),
        Finding("memory_later", "MB", grown_mb(memory_mb), most=FLAT_MB),
    ]  # fmt: skip


def grown_mb(memory_mb: Sequence[float]) -> float | None:
    """How much more it was at most in the last third than in the middle one; None of a run that was too short. Pure."""
    third = len(memory_mb) // 3
    if not third:
        return None
    return round(max(memory_mb[-third:]) - max(memory_mb[third:-third]), 1)


def _without_goals(findings: Sequence[Finding]) -> list[Finding]:
    """A database that is away for seconds lets vehicles and wards wait: told, and not held to a goal here."""
    waits = ("ack_gap", "board_stale", "board_lacks", "commands_refused")
    return [Finding(one.name, one.unit, one.value) if one.name in waits else one for one in findings]
