"""Several hubs on one log: each decides on what all of them wrote, and no fact, row or key counts twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import pytest
from casebook_tales import BY, HERE, START
from log_keepers import on_server
from log_keepers import opened as opened
from log_keepers import postgres_store as postgres_store

from casebook import events as e
from casebook.book import POOL_ROWS, Book, Row
from casebook.clock import JumpClock
from casebook.errors import AlreadyHeld, IllegalStep
from casebook.log import ChainBroken, verify
from casebook.picture import Picture
from casebook.store.postgres_log import PostgresLog

Open = Callable[..., Any]
A = "I1-A"
WORLD = (
    e.IncidentOpened("I1", HERE, "traffic", 1, "120", ""),
    e.IncidentOpened("I2", HERE, "fall", 2, "120", ""),
    e.UnitEnrolled("A01", "ambulance", "车", "car", "d", HERE),
    e.HospitalEnrolled("songjiang", "院", "hospital", HERE, ("ct",)),
    e.CasualtyFound(A, "I1", "A"),
    e.CasualtyFound("I2-A", "I2", "A"),
)


@pytest.fixture
async def hubs(postgres_store: str, opened: Open) -> AsyncIterator[tuple[Book, Book]]:
    """Two hubs that know the same world; neither has told the other anything."""
    logs = [await asyncio.to_thread(opened, postgres_store, shared=True) for _ in range(2)]
    first = Book.open(logs[0], JumpClock(START))
    await first.write(lambda picture: WORLD, BY)
    yield first, Book.open(logs[1], JumpClock(START))


def row(seq: int, fact: e.Event) -> Row:
    return Row(seq, START + timedelta(seconds=seq), fact.name, e.encode(fact))


def fix(n: int) -> e.PositionReported:
    return e.PositionReported("A01", 31.0, 121.0 + n / 1000)


async def test_what_one_hub_wrote_the_other_folds_and_tells(hubs: tuple[Book, Book]):
    one, other = hubs
    told: list[str] = []
    other.listen(lambda entries: told.extend(entry.kind for entry in entries))
    await one.write(lambda picture: [e.UnitAssigned("A01", "I1")], BY)
    assert other.picture.units["A01"].incident is None
    await other.catch_up()
    await other.catch_up()
    assert other.picture == one.picture and told == ["unit_assigned"]


async def test_a_decision_sees_what_the_other_hub_wrote_a_moment_ago(hubs: tuple[Book, Book]):
    one, other = hubs
    await one.write(lambda picture: [e.UnitAssigned("A01", "I1")], BY)
    seen: list[str | None] = []

    def decide(picture: Picture) -> list[e.Event]:
        seen.append(picture.units["A01"].incident)
        return [e.UnitEnRoute("A01")]

    await other.write(decide, BY)
    with pytest.raises(IllegalStep):
        await one.write(lambda picture: [e.UnitEnRoute("A01")], BY)
    assert seen == ["I1"] and one.picture == other.picture


async def test_hubs_that_write_all_at_once_make_one_chain_and_one_picture(hubs: tuple[Book, Book]):
    one, other = hubs

    async def take_next(book: Book) -> None:
        await book.write(lambda picture: [e.MessageSent(f"m{len(picture.messages)}", A, "songjiang", "")], BY)

    await asyncio.gather(*(take_next(book) for _ in range(15) for book in hubs))
    await asyncio.gather(one.catch_up(), other.catch_up())
    assert sorted(one.picture.messages) == sorted(f"m{n}" for n in range(30)), "no number was given twice"
    assert one.picture == other.picture and verify(one.log.read()) == one.log.head()


async def test_of_two_hubs_that_want_the_last_bay_one_has_it_and_the_other_hears_who(hubs: tuple[Book, Book]):
    until = START + timedelta(hours=1)
    wanted = [e.HoldPlaced(who, "songjiang", "resus_bay", 1, until) for who in (A, "I2-A")]
    asks = [book.write(lambda picture, one=one: [one], BY) for book, one in zip(hubs, wanted, strict=True)]
    outcomes = await asyncio.gather(*asks, return_exceptions=True)
    assert sorted(type(one) for one in outcomes if isinstance(one, Exception)) in ([AlreadyHeld], [IllegalStep])
    await asyncio.gather(*(book.catch_up() for book in hubs))
    assert len(hubs[0].picture.holds) == 1 and hubs[0].picture == hubs[1].picture


async def test_a_key_that_was_asked_of_both_hubs_is_done_once(hubs: tuple[Book, Book]):
    def decide(picture: Picture) -> list[e.Event]:
        return [e.MessageSent(f"m{len(picture.messages)}", A, "songjiang", "")]

    answers = await asyncio.gather(*(book.write(decide, BY, asked="key") for book in (*hubs, *hubs)))
    assert len({entries[0].hash for entries in answers}) == 1
    await hubs[0].catch_up()
    assert len(hubs[0].picture.messages) == 1


async def test_a_vehicle_that_moves_to_and_fro_has_each_row_in_the_book_once(hubs: tuple[Book, Book]):
    one, other = hubs
    outbox = [row(seq, fix(seq)) for seq in range(1, 31)]
    assert await one.take_rows("A01", "e", outbox[:10]) == 10
    assert await other.take_rows("A01", "e", outbox[5:20]) == 20, "it repeats what it does not know to be acknowledged"
    late, lost = await asyncio.gather(one.take_rows("A01", "e", outbox[8:25]), other.take_rows("A01", "e", outbox[18:]))
    assert {late, lost} <= {25, 30} and max(late, lost) == 30
    assert await one.take_rows("A01", "e", outbox) == 30
    assert [entry.source.seq for entry in one.log.read() if entry.source] == list(range(1, 31))
    assert one.picture.units["A01"].position == fix(30)


@pytest.mark.parametrize("many", [1, POOL_ROWS])
async def test_rows_that_follow_on_those_another_hub_took_a_moment_ago_are_taken(hubs: tuple[Book, Book], many: int):
    """The hub that the vehicle came to had not looked yet: it called them a gap, and the vehicle waited for ever."""
    one, other = hubs
    assert await other.take_rows("A01", "e1", [row(1, fix(1))]) == 1
    await one.catch_up()
    await one.catch_up()  # nobody wrote in between: it is alone from here on
    assert await other.take_rows("A01", "e1", [row(n, fix(n)) for n in (2, 3)]) == 3
    later = [row(n, fix(n)) for n in range(4, 4 + many)]
    assert await one.take_rows("A01", "e1", later) == later[-1].seq
    await other.catch_up()
    assert one.picture == other.picture and len(list(one.log.read())) == len(WORLD) + 3 + many


async def test_a_row_that_is_missing_is_waited_for_by_a_hub_that_shares_its_log(hubs: tuple[Book, Book]):
    one, _ = hubs
    assert await one.take_rows("A01", "e1", [row(1, fix(1)), row(3, fix(3))]) == 1
    assert await one.take_rows("A01", "e1", [row(n, fix(n)) for n in (2, 3)]) == 3


async def test_a_hub_that_is_alone_writes_rows_without_the_pen_and_takes_it_again_when_another_writes(
    hubs: tuple[Book, Book], monkeypatch: pytest.MonkeyPatch
):
    one, other = hubs
    taken: list[int] = []
    real = PostgresLog.take_pen
    monkeypatch.setattr(PostgresLog, "take_pen", lambda self, after: taken.append(after) or real(self, after))
    units = [f"B{n}" for n in range(10)]
    await other.write(lambda p: [e.UnitEnrolled(unit, "ambulance", "车", "car", "d", HERE) for unit in units], BY)
    for first in range(1, 5):
        await one.take_rows("A01", "e", [row(first, fix(first))])
    assert len(taken) == 3, "of the other's decision; then of the first rows, and of the next, as others had written"

    async def press(unit: str) -> int:
        outbox = [row(seq, e.PositionReported(unit, 31.0, 121.0 + seq / 1000)) for seq in range(1, POOL_ROWS + 1)]
        return [await one.take_rows(unit, "e", outbox[: n * 100]) for n in range(1, 6)][-1]

    async def decide(n: int) -> None:
        await other.write(lambda picture: [e.MessageSent(f"m{n}", A, "songjiang", "")], BY)

    acked = await asyncio.gather(*map(press, units), *map(decide, range(20)))
    assert acked[: len(units)] == [POOL_ROWS] * len(units)
    await asyncio.gather(one.catch_up(), other.catch_up())
    assert one.picture == other.picture and verify(one.log.read()) == one.log.head()
    rows = [(entry.source.unit, entry.source.seq) for entry in one.log.read() if entry.source]
    assert len(set(rows)) == len(rows) == 4 + len(units) * POOL_ROWS
    assert len(one.picture.messages) == 20


async def test_rows_that_the_store_cannot_take_harm_no_other_vehicle(hubs: tuple[Book, Book]):
    one, other = hubs
    await other.write(lambda picture: [e.UnitAssigned("A01", "I1")], BY)
    bad = Row(1, START, "unit_en_route", {"unit": "A01"}, who="half \ud800")
    outcomes = await asyncio.gather(
        one.take_rows("A01", "bad", [bad]), one.take_rows("A01", "good", [row(1, fix(1))]), return_exceptions=True
    )
    assert isinstance(outcomes[0], Exception) and outcomes[1] == 1
    await other.catch_up()
    assert other.picture == one.picture


async def test_a_hub_that_meets_an_altered_entry_decides_nothing_on_it(hubs: tuple[Book, Book], postgres_store: str):
    one, other = hubs
    await one.write(lambda picture: [e.UnitAssigned("A01", "I1")], BY)
    altered = "UPDATE entry SET who = 'somebody else' WHERE kind = 'unit_assigned'"
    await asyncio.to_thread(on_server, postgres_store, altered)
    before = other.picture
    for attempt in (other.catch_up(), other.write(lambda picture: [e.UnitEnRoute("A01")], BY)):
        with pytest.raises(ChainBroken):
            await attempt
    assert other.picture is before and one.log.head()[0] == len(WORLD) + 1
    assert (await one.write(lambda picture: [e.UnitEnRoute("A01")], BY))[0].seq == len(WORLD) + 2, "the pen is free"
