"""Rounds in which fifty casualties of two hubs want the last bay at one moment, until every loser has its next plan.

All of it through the hubs' own doors: the wards' counts, the proposal, the yes, the answer. What is held is read from
the store itself after each round. The hubs are decision_hubs.py's.
"""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any, TypeVar

import httpx

from aboard.bench.decision_hubs import REGION, Answered, Desk, two_hubs
from aboard.bench.figures import Case, once, ours_of
from aboard.bench.play import BenchFailed
from aboard.bench.postgres_server import find_postgres, running_postgres
from casebook.clock import WallClock
from casebook.errors import AlreadyHeld, CoordinationError
from casebook.holds import HoldStore, Page, open_holds
from scenarios.region import find_region, load_region

CASES = 50
RESOURCE = "resus_bay"
# Hospitals that have the last bay by turns, so that while one round is played every hub hears of the bay that the round
# before gave back. From the crash all three come before the shelter, which always has room: it is the losers' next
# plan, and where the winner of a round turns round to afterwards.
TURNS = ("sgh_south", "songjiang_hospital", "qingpu_zhongshan")
SHELTER, SHELTER_BAYS = "changhai", 90
HEARD_S, LOOK_S = 10.0, 0.02  # wall seconds until a hub must have heard of a bay that was given back, and between looks
SENT_ON = "turned round after the round"
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Rounds:
    """`round_ms`: until the last loser had its plan; `twice`: bays held by two; `without_plan`: losers left alone."""

    round_ms: Sequence[float]
    twice: int
    without_plan: int


@dataclass(frozen=True, slots=True)
class Round:
    """What one round showed: `answers` by (desk, casualty), and who holds the bay in the store afterwards."""

    hospital: str
    took_ms: float
    answers: Mapping[tuple[str, str], Answered]
    holders: Sequence[str]

    @property
    def winners(self) -> list[tuple[str, str]]:
        return [who for who, (status, _) in self.answers.items() if status == httpx.codes.OK]

    @property
    def twice(self) -> int:
        """Cases too many for the one bay, by the answers or by the store, whichever shows more."""
        return max(0, len(self.winners) - 1, len(self.holders) - 1)

    @property
    def without_plan(self) -> int:
        return sum(not self._planned(answer) for status, answer in self.answers.values() if status != httpx.codes.OK)

    def _planned(self, answer: Mapping[str, Any]) -> bool:
        """Whether the answer that told of the loss holds a way to another hospital."""
        following = answer.get("next") or {}
        return following.get("hospital", self.hospital) != self.hospital and following.get("eta_s") is not None


def bench_holds(rounds: int, postgres: str = "", said: Callable[[str], None] = lambda part: None) -> list[Case]:
    """The cases of every store, on a SQLite file and on PostgreSQL: the server of the URL `postgres`, else one of its
    own where PostgreSQL is installed, else it says that it was not measured."""
    said("last_bay_sqlite")
    with tempfile.TemporaryDirectory(prefix="aboard-bench-") as folder:
        cases = _cases_of("sqlite", measure_holds(f"sqlite:///{Path(folder) / 'holds.sqlite'}", rounds))
    said("last_bay_postgres")
    programs = find_postgres()
    if postgres:
        return cases + _cases_of("postgres", measure_holds(postgres, rounds))
    if programs is None:
        return [*cases, Case("last_bay_postgres", "ms", ours_of([]))]
    with running_postgres(programs) as url:
        return cases + _cases_of("postgres", measure_holds(url, rounds))


def _cases_of(store: str, told: Rounds) -> list[Case]:
    return [
        Case(f"last_bay_{store}", "ms", ours_of(told.round_ms), goal={"p99": 2000.0}),
        Case(f"last_bay_longest_{store}", "ms", once(max(told.round_ms)), goal={"p99": 2000.0}),
        Case(f"held_twice_{store}", "holds", once(told.twice), goal={"p99": 0.0}),
        Case(f"losers_without_plan_{store}", "cases", once(told.without_plan), goal={"p99": 0.0}),
    ]


def measure_holds(url: str, rounds: int, *, cases: int = CASES) -> Rounds:
    """`url` of the store that the hubs share. Raises BenchFailed where a round is not what it should be."""
    with tempfile.TemporaryDirectory(prefix="aboard-bench-") as folder:
        try:
            return together(asyncio.run(_measure(Path(folder), url, rounds, cases)))
        except BenchFailed:
            raise
        except CoordinationError as wrong:
            raise BenchFailed(what="last bay", why=wrong.said("en")) from wrong


async def _measure(folder: Path, url: str, rounds: int, cases: int) -> list[Round]:
    store, hospitals = await open_holds(url), _hospitals()
    try:
        async with two_hubs(folder, url, cases) as desks:
            stage = Stage(desks, store, hospitals)
            await stage.propose(TURNS[-1])  # roads, doors and connections as on a hub that has worked for a while
            return [await stage.play(TURNS[number % len(TURNS)]) for number in range(rounds)]
    finally:
        await store.close()


def _hospitals() -> Sequence[str]:
    file = find_region(REGION)
    assert file is not None
    return list(load_region(file).hospitals)


@dataclass(frozen=True, slots=True)
class Stage:
    """The desks of both hubs, their store, and every hospital of the region."""

    desks: Sequence[Desk]
    store: HoldStore
    hospitals: Sequence[str]

    async def play(self, hospital: str) -> Round:
        """One round for the last bay, which is this hospital's; it is free again afterwards."""
        await self.propose(hospital)
        began_s = time.perf_counter()
        answers = await self._of_every_case(
            lambda desk, case: desk.ask("choose_destination", casualty=case, hospital=hospital, mode="road")
        )
        took_ms = 1000 * (time.perf_counter() - began_s)
        leases = (await self.store.list_held(WallClock().now())).get(Page(hospital, RESOURCE), ())
        told = Round(hospital, took_ms, answers, [lease.case for lease in leases])
        refuse_other_stories(told)
        for desk, case in self._cases():
            if (desk.name, case) in told.winners:
                await desk.must(
                    "choose_destination", casualty=case, hospital=SHELTER, mode="road", override_reason=SENT_ON
                )
        return told

    async def propose(self, hospital: str) -> None:
        """The last bay of all but the shelter's is there, every desk knows it, and every casualty is proposed it."""
        free = dict.fromkeys(self.hospitals, 0) | {SHELTER: SHELTER_BAYS, hospital: 1}
        await asyncio.gather(*(desk.count(free, RESOURCE) for desk in self.desks))
        await asyncio.gather(*(_until_free(desk, hospital) for desk in self.desks))
        await self._of_every_case(lambda desk, case: desk.must("propose_destination", casualty=case))

    def _cases(self) -> list[tuple[Desk, str]]:
        """Hub by hub in turns, as requests come in from several places."""
        pairs = zip_longest(*([(desk, case) for case in desk.cases] for desk in self.desks))
        return [one for pair in pairs for one in pair if one is not None]

    async def _of_every_case(self, ask: Callable[[Desk, str], Awaitable[Answer]]) -> dict[tuple[str, str], Answer]:
        cases = self._cases()
        answers = await asyncio.gather(*(ask(desk, case) for desk, case in cases))
        return {(desk.name, case): answer for (desk, case), answer in zip(cases, answers, strict=True)}


async def _until_free(desk: Desk, hospital: str) -> None:
    """Wait for the desk to know that nobody holds the bay any more. Raises BenchFailed when it is not told in time."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(HEARD_S):
            while not await desk.left(hospital, RESOURCE):  # noqa: ASYNC110 - another process does not tell
                await asyncio.sleep(LOOK_S)
            return
    raise BenchFailed(what=f"last bay, {desk.name}", why=f"{hospital} is still held after {HEARD_S:g} s")


def refuse_other_stories(told: Round) -> None:
    """Raises BenchFailed unless somebody won, and all others lost this very bay to somebody: a round for any other
    reason would count as one that went well."""
    won = [told.answers[who][1].get("option", {}).get("hospital") for who in told.winners]
    if not won:
        raise BenchFailed(what="last bay", why="a free bay was given to nobody")
    if set(won) != {told.hospital}:
        raise BenchFailed(what="last bay", why=f"{told.hospital} was wanted, {won} was given")
    for who, (status, answer) in told.answers.items():
        lost = answer.get("error") == AlreadyHeld.key and answer["facts"]["hospital"] == told.hospital
        if status != httpx.codes.OK and not lost:
            raise BenchFailed(what=f"last bay, {who[1]}", why=str(answer))


def together(told: Sequence[Round]) -> Rounds:
    """The figures of all rounds. Pure."""
    return Rounds([one.took_ms for one in told], sum(one.twice for one in told), sum(one.without_plan for one in told))
