"""A hub keeps its book in a database: it comes back on it, others may join it, and its folder holds no book."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import asyncpg
import pytest

from aboard import hub_setup
from aboard.carrying import Carrying
from aboard.hub_setup import open_hub
from casebook import events as e
from casebook.clock import JumpClock
from casebook.errors import RefusedInput
from casebook.log import By
from casebook.place import Place
from casebook.store.restoring import hash_of

NOON = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)


@pytest.fixture
def store(postgres_url: str) -> str:
    async def schema() -> None:
        connection = await asyncpg.connect(postgres_url)
        await connection.execute("DROP SCHEMA IF EXISTS hub_book CASCADE")
        await connection.execute("CREATE SCHEMA hub_book")
        await connection.close()

    asyncio.run(schema())
    return f"{postgres_url}&search_path=hub_book"


def test_a_hub_comes_back_on_its_database_with_the_same_picture(store: str, tmp_path: Path):
    async def first_day() -> str:
        hub, _ = await open_hub(tmp_path, "yangtze_delta", JumpClock(NOON), store=store)
        fact = e.IncidentOpened("I1", Place(31.0, 121.2), "traffic", 1, "120", "two cars")
        await hub.book.write(lambda picture: [fact], By("desk", "test"), asked="k")
        other, _ = await open_hub(tmp_path / "other", "yangtze_delta", JumpClock(NOON), store=store)
        assert other.book.picture == hub.book.picture
        await asyncio.to_thread(other.book.log.close)
        await asyncio.to_thread(hub.book.log.close)
        return hash_of(hub.book.picture)

    async def second_day() -> str:
        hub, _ = await open_hub(tmp_path, "yangtze_delta", JumpClock(NOON), store=store)
        assert len(hub.book.log.find_asked("k")) == 1 and hub.book.log.checkpoints()
        await asyncio.to_thread(hub.book.log.close)
        return hash_of(hub.book.picture)

    assert asyncio.run(first_day()) == asyncio.run(second_day())
    assert not (tmp_path / "book.sqlite").exists() and (tmp_path / "seal.key").exists()


def test_a_hub_begins_with_its_own_picture_of_a_book_that_others_wrote_on(
    store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(hub_setup, "Carrying", partial(Carrying, every=3))

    async def lives() -> None:
        one, _ = await open_hub(tmp_path / "one", "yangtze_delta", JumpClock(NOON), store=store)
        assert one.carrying is not None
        await one.carrying.keep(one.book)
        other, _ = await open_hub(tmp_path / "other", "yangtze_delta", JumpClock(NOON), store=store)
        fact = e.IncidentOpened("I1", Place(31.0, 121.2), "traffic", 1, "120", "two cars")
        await other.book.write(lambda picture: [fact], By("desk", "test"))
        again, _ = await open_hub(tmp_path / "one", "yangtze_delta", JumpClock(NOON), store=store)
        assert again.carrying is not None and again.behind is not None
        assert again.carrying.kept == again.book.picture.seq - 1 and again.book.picture == other.book.picture
        checking = asyncio.create_task(again.behind.run())
        while again.behind.left:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        checking.cancel()
        assert again.health.standing == []
        for hub in (one, other, again):
            await asyncio.to_thread(hub.book.log.close)

    asyncio.run(asyncio.wait_for(lives(), 120))


def test_a_live_hub_refuses_a_careless_database_and_a_drill_takes_it(store: str, tmp_path: Path):
    async def opened(drill: bool) -> None:
        careless = f"{store}&synchronous_commit=off"
        hub, _ = await open_hub(tmp_path, "yangtze_delta", JumpClock(NOON), store=careless, drill=drill)
        await asyncio.to_thread(hub.book.log.close)

    with pytest.raises(RefusedInput) as caught:
        asyncio.run(opened(drill=False))
    assert caught.value.key == "log_forgets"
    asyncio.run(opened(drill=True))
