"""A hub keeps in step with the others: at once when the bus says so, soon when nobody does, again after a silence."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import asyncpg
import pytest

from aboard import in_step
from aboard.in_step import InStep
from casebook import events as e
from casebook.book import Book
from casebook.bus.in_process import InProcessBus
from casebook.clock import JumpClock
from casebook.errors import FeedLost
from casebook.log import By
from casebook.place import Place
from casebook.store.opening import open_log
from casebook.store.peers import Peers
from casebook.store.postgres_log import PostgresLog
from casebook.store.shared_gate import SharedGate
from casebook.store.shared_tables import make_shared_tables

AT, BY = datetime(2026, 11, 22, 4, 0, tzinfo=UTC), By("desk", "test")
WAIT_S = 30.0  # how long a state may take to come on a busy machine


class DeafBus(InProcessBus):
    def tell(self, topic: str, words: bytes) -> None:
        return


@pytest.fixture
def logs(postgres_url: str) -> Iterator[list[PostgresLog]]:
    async def schema() -> None:
        connection = await asyncpg.connect(postgres_url)
        await connection.execute("DROP SCHEMA IF EXISTS in_step CASCADE")
        await connection.execute("CREATE SCHEMA in_step")
        await connection.close()

    asyncio.run(schema())
    made = [open_log(f"{postgres_url}&search_path=in_step", shared=True) for _ in range(2)]
    both = [one for one in made if isinstance(one, PostgresLog)]
    make_shared_tables(both[0])
    yield both
    for log in both:
        log.close()


@asynccontextmanager
async def running(log: PostgresLog, bus: InProcessBus, name: str) -> AsyncIterator[tuple[Book, InStep]]:
    book = Book.open(log, JumpClock(AT))
    step = InStep(book, Peers(log, name), SharedGate(log), bus)
    works = [asyncio.create_task(work()) for work in step.works]
    try:
        yield book, step
    finally:
        for work in works:
            work.cancel()
        await asyncio.gather(*works, return_exceptions=True)
        await step.leave()


async def until(state: Callable[[], object]) -> None:
    async with asyncio.timeout(WAIT_S):
        while not state():  # noqa: ASYNC110 - two hubs have no event in common
            await asyncio.sleep(0.01)


def incident(number: int) -> e.Event:
    return e.IncidentOpened(f"I{number}", Place(31.0, 121.2), "traffic", 1, "120", "")


async def test_a_hub_that_is_told_looks_at_once(logs: list[PostgresLog], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(in_step, "FOLLOW_S", 3600.0)
    bus = InProcessBus()
    async with running(logs[0], bus, "one") as (one, _), running(logs[1], bus, "other") as (other, _):
        for number in (1, 2):
            await one.write(lambda picture, number=number: [incident(number)], BY)
            await until(lambda number=number: len(other.picture.incidents) == number)


async def test_a_hub_that_hears_nothing_looks_by_itself(logs: list[PostgresLog]):
    async with running(logs[0], DeafBus(), "one") as (one, _), running(logs[1], DeafBus(), "other") as (other, _):
        await one.write(lambda picture: [incident(1)], BY)
        await until(lambda: other.picture.incidents)


async def test_a_store_that_is_silent_is_told_once_and_followed_again_when_it_answers(
    logs: list[PostgresLog], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setattr(in_step, "FOLLOW_S", 0.01)
    caplog.set_level(logging.WARNING, in_step.__name__)
    async with running(logs[0], DeafBus(), "one") as (one, _), running(logs[1], DeafBus(), "other") as (other, _):
        looks: list[int] = []

        async def silent() -> None:
            looks.append(1)
            raise FeedLost("log_silent", where="db", why="test")

        with monkeypatch.context() as away:
            away.setattr(other, "catch_up", silent)
            await one.write(lambda picture: [incident(1)], BY)
            await until(lambda: len(looks) > 3)
            assert not other.picture.incidents
        await until(lambda: other.picture.incidents)
    said = [record.getMessage() for record in caplog.records if record.getMessage().startswith("follow:")]
    assert len(said) == 2 and said[1].endswith("answers again")


async def test_one_of_two_leads_and_the_other_when_it_leaves(logs: list[PostgresLog]):
    async with running(logs[1], DeafBus(), "other") as (_, other):
        async with running(logs[0], DeafBus(), "one") as (_, one):
            await until(lambda: one.seen().hubs == other.seen().hubs == 2)
            assert one.seen().leads != other.seen().leads
        await until(lambda: other.seen().leads and other.seen().hubs == 1)
