"""Rounds of simultaneous holds of the last bay, by two processes on one store, until every loser has its next plan.

Each process knows the ways of its cases already, as a desk does when somebody says yes; a loser is decided again with
the hold that was lost to in its picture. Ends each round only when both processes have planned for all of theirs.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing.synchronize import Barrier
from typing import Any

from aboard.bench.decision_world import AT, City
from aboard.bench.play import BenchFailed
from casebook.capacity import Hold, resource_table
from casebook.events import Decision
from casebook.holds import Held, HoldStore, Lost, Page, Wanted, open_holds
from casebook.picture import HospitalState
from dispatch.destination import Case, case_of, decide_destination
from dispatch.policy import Policy
from dispatch.timing import Timed

CASES, PROCESSES = 50, 2
RESOURCE, LEASE_S = "resus_bay", 1800.0
NEAREST = 12  # hospitals that a loser's next plan is made from: those of its own side of the city
BOUND_S, ROUND_S = 60.0, 10.0  # until both processes are there; longest round before it counts as hung


@dataclass(frozen=True, slots=True)
class Rounds:
    """`round_ms`: until the last loser had its plan; `twice`: bays held by two; `without_plan`: losers left alone."""

    round_ms: Sequence[float]
    twice: int
    without_plan: int


@dataclass(frozen=True, slots=True)
class Asked:
    """What one process needs of the city: its cases, the ways of each, and the hospitals."""

    cases: Sequence[tuple[Case, Timed]]
    hospitals: Mapping[str, HospitalState]
    policy: Policy


def measure_holds(city: City, url: str, rounds: int) -> Rounds:
    """Raises BenchFailed where a process does not come to its end."""
    context = multiprocessing.get_context("spawn")
    barrier, queue = context.Barrier(PROCESSES), context.Queue()
    share = CASES // PROCESSES
    asked = [_asked(city, city.cases[n * share : (n + 1) * share]) for n in range(PROCESSES)]
    hubs = [
        context.Process(target=_hub, args=(number, one, url, rounds, barrier, queue), daemon=True)
        for number, one in enumerate(asked)
    ]
    for hub in hubs:
        hub.start()
    try:
        told = [queue.get(timeout=BOUND_S + rounds * ROUND_S) for _ in hubs]
    except Exception as wrong:
        raise BenchFailed(what="last bay", why=repr(wrong)) from wrong
    finally:
        for hub in hubs:
            hub.join(timeout=ROUND_S)
            hub.kill()
    failed = [one for one in told if isinstance(one, str)]
    if failed:
        raise BenchFailed(what="last bay", why=failed[0])
    return _together(told)


def _asked(city: City, ids: Sequence[str]) -> Asked:
    cases: list[tuple[Case, Timed]] = []
    for id in ids:
        timed = city.ways(id)
        roads = sorted((way for way in timed.ways if way.mode == "road" and way.eta_s), key=lambda way: way.eta_s or 0)
        near = {way.hospital for way in roads[:NEAREST]}
        ways = tuple(way for way in timed.ways if way.hospital in near)
        cases.append((case_of(city.picture.casualties[id]), Timed(ways, (), timed.onward_s)))
    return Asked(tuple(cases), city.picture.hospitals, city.area.rules.destination)


def _hub(number: int, asked: Asked, url: str, rounds: int, barrier: Barrier, queue: Any) -> None:
    """The process of one hub: puts its rounds on the queue, or why it could not."""
    try:
        queue.put(asyncio.run(_rounds(asked, url, rounds, barrier)))
    except Exception as wrong:  # noqa: BLE001 - whatever it is, the parent tells it
        barrier.abort()
        queue.put(f"hub {number}: {wrong!r}")


Told = list[tuple[float, float, int, int]]  # per round: began, ended (one clock for both), held, without a plan


async def _rounds(asked: Asked, url: str, rounds: int, barrier: Barrier) -> Told:
    store, told = await open_holds(url), Told()
    try:
        for number in range(rounds):
            barrier.wait(BOUND_S)
            began_s = time.monotonic()
            held, alone = await _round(asked, store, f"last-{number}")
            told.append((began_s, time.monotonic(), held, alone))
    finally:
        await store.close()
    return told


async def _round(asked: Asked, store: HoldStore, bay: str) -> tuple[int, int]:
    """(holds won, losers without a plan). Every case wants the bay that is its first choice's; only one is left."""
    page = Page(bay, RESOURCE)
    wanted = [Wanted(page, case.casualty, LEASE_S, limit=1) for case, _ in asked.cases]
    answers = await asyncio.gather(*(store.acquire(one, AT) for one in wanted))
    held = sum(isinstance(one, Held) for one in answers)
    losers = [pair for pair, answer in zip(asked.cases, answers, strict=True) if isinstance(answer, Lost)]
    return held, sum(not _next_plan(asked, case, timed).options for case, timed in losers)


def _next_plan(asked: Asked, case: Case, timed: Timed) -> Decision:
    """The loser's decision where all bays of the hospital it wanted are held by somebody else."""
    first = min((way for way in timed.ways if way.eta_s), key=lambda way: way.eta_s or 0.0).hospital
    figure = asked.hospitals[first].figures.get(RESOURCE)
    slots = (figure.free or 0) if figure else 0
    until = AT + timedelta(seconds=LEASE_S)
    holds = [Hold(first, RESOURCE, slot + 1, "winner", until, elsewhere=True) for slot in range(slots)]
    return decide_destination(
        case, timed.ways, asked.hospitals, holds, AT, asked.policy, onward_s=timed.onward_s, table=resource_table()
    )


def _together(told: Sequence[Told]) -> Rounds:
    round_ms: list[float] = []
    twice = alone = 0
    for parts in zip(*told, strict=True):
        round_ms.append(1000 * (max(ended for _, ended, _, _ in parts) - min(began for began, _, _, _ in parts)))
        holders = sum(held for _, _, held, _ in parts)
        if not holders:
            raise BenchFailed(what="last bay", why="a free bay was given to nobody")
        twice += holders - 1
        alone += sum(without for _, _, _, without in parts)
    return Rounds(round_ms, twice, alone)
