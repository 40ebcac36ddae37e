"""Two hubs, each with its own book, share one hospital: the store decides, each book records, the loser knows why."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from casebook_tales import BY, START, opened

from casebook import events as e
from casebook.book import Book
from casebook.errors import AlreadyHeld, FeedLost
from casebook.holds import HoldStore, Page, open_holds
from casebook.holds.booking import SharedHolds
from casebook.holds.watch import HoldWatch
from casebook.log import MemoryLog

HOSPITAL, BAY = "songjiang", Page("songjiang", "resus_bay")
A, B = "I1-A", "I1-B"
HOUR = timedelta(hours=1)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[HoldStore]:
    one = await open_holds(f"sqlite:///{tmp_path / 'holds.sqlite'}")
    yield one
    await one.close()


async def hub(store: HoldStore, name: str, free: int | None = 1) -> Book:
    """A hub whose book has two casualties, and whose hospital stated so many free bays."""
    book = await opened(MemoryLog(), e.CapacityReported(HOSPITAL, "resus_bay", free, 4))
    book.holds = SharedHolds(store, name)
    return book


def hold(casualty: str = A, slot: int = 1, until=START + HOUR) -> e.HoldPlaced:
    return e.HoldPlaced(casualty, HOSPITAL, "resus_bay", slot, until)


async def write(book: Book, *facts: e.Event) -> list[str]:
    return [entry.kind for entry in await book.write(lambda picture: facts, BY)]


async def holders(store: HoldStore) -> dict[int, str]:
    return {lease.slot: lease.case for lease in (await store.list_held(START)).get(BAY, ())}


async def test_the_last_bay_goes_to_one_hub_and_the_other_writes_down_what_it_was_told(store: HoldStore):
    north, south = await hub(store, "north"), await hub(store, "south")
    assert await write(north, hold()) == ["hold_placed"]
    before = south.picture.seq
    with pytest.raises(AlreadyHeld) as caught:
        await write(south, hold(B), e.DestinationRequested(B, "A01"))
    assert caught.value.facts["holder"] == "north/I1-A"
    (told,) = list(south.log.read(before))
    assert told.kind == "hold_seen" and told.body["slot"] == 1, "nothing else of the batch was written"
    (known,) = south.picture.list_holds(HOSPITAL, "resus_bay", START)
    assert known.elsewhere and known.casualty == "north/I1-A"


async def test_the_same_name_in_two_hubs_is_two_cases(store: HoldStore):
    north, south = await hub(store, "north", free=2), await hub(store, "south", free=2)
    await write(north, hold(A, 1))
    with pytest.raises(AlreadyHeld):
        await write(south, hold(A, 1))
    await write(south, hold(A, 2))
    assert await holders(store) == {1: "north/I1-A", 2: "south/I1-A"}


async def test_a_newcomer_is_asked_for_room_also_in_a_slot_that_nobody_has(store: HoldStore):
    north, south = await hub(store, "north", free=1), await hub(store, "south", free=1)
    await write(north, hold(A, 1))
    with pytest.raises(AlreadyHeld):
        await write(south, hold(A, 2))


async def test_renewing_moving_and_exchanging_bays_asks_for_no_more_room(store: HoldStore):
    north = await hub(store, "north", free=2)
    await write(north, hold(A, 1), hold(B, 2))
    await write(north, e.CapacityReported(HOSPITAL, "resus_bay", 0, 4))
    await write(north, hold(A, 1, START + 2 * HOUR))
    gone = [e.HoldReleased(case, HOSPITAL, "resus_bay", slot, "bay_assigned") for case, slot in ((A, 1), (B, 2))]
    await write(north, *gone, hold(A, 2), hold(B, 1))
    assert await holders(store) == {1: "north/I1-B", 2: "north/I1-A"}


async def test_what_is_given_back_is_free_for_the_other_hub_which_hears_of_it(store: HoldStore):
    north, south = await hub(store, "north"), await hub(store, "south")
    watch = HoldWatch(south, south.holds)  # type: ignore[arg-type]
    await write(north, hold())
    await watch.react()
    assert [one.casualty for one in south.picture.list_holds(HOSPITAL, "resus_bay", START)] == ["north/I1-A"]
    seq = south.picture.seq
    await watch.react()
    assert south.picture.seq == seq, "no news, no facts"
    await write(north, e.HoldReleased(A, HOSPITAL, "resus_bay", 1, "handover"))
    await watch.react()
    assert south.picture.list_holds(HOSPITAL, "resus_bay", START) == []
    assert await write(south, hold(B)) == ["hold_placed"]


async def test_a_longer_lease_of_the_other_hub_is_heard_of(store: HoldStore):
    north, south = await hub(store, "north"), await hub(store, "south")
    await write(north, hold())
    await HoldWatch(south, south.holds).react()  # type: ignore[arg-type]
    await write(north, hold(until=START + 2 * HOUR))
    await HoldWatch(south, south.holds).react()  # type: ignore[arg-type]
    (known,) = south.picture.list_holds(HOSPITAL, "resus_bay", START)
    assert known.until == START + 2 * HOUR
    await HoldWatch(north, north.holds).react()  # type: ignore[arg-type]
    assert not any(one.elsewhere for one in north.picture.holds.values()), "one's own is no news"


async def test_what_a_hub_was_told_while_it_read_the_store_is_not_undone_by_what_it_read(store: HoldStore):
    north, south = await hub(store, "north"), await hub(store, "south")
    assert south.holds is not None
    reading = store.list_held

    async def read_too_early(at):
        held = await reading(at)  # from here on what was read is old
        await write(north, hold())
        with pytest.raises(AlreadyHeld):
            await write(south, hold(B))
        return held

    store.list_held = read_too_early  # type: ignore[method-assign]
    await HoldWatch(south, south.holds).react()
    assert [one.casualty for one in south.picture.list_holds(HOSPITAL, "resus_bay", START)] == ["north/I1-A"]


async def test_a_batch_over_two_resources_is_held_whole_or_not_at_all(store: HoldStore):
    north, south = await hub(store, "north"), await hub(store, "south")
    await write(north, hold())
    bed = e.HoldPlaced(B, HOSPITAL, "ed_bed", 1, START + HOUR)
    with pytest.raises(AlreadyHeld):
        await write(south, bed, hold(B))
    assert await store.list_held(START) == {BAY: (await store.list_held(START))[BAY]}


async def test_a_lease_that_was_to_be_renewed_with_a_batch_that_lost_is_still_held(store: HoldStore):
    north, south = await hub(store, "north"), await hub(store, "south")
    bed = e.HoldPlaced(A, HOSPITAL, "ed_bed", 1, START + HOUR)
    await write(north, bed)
    await write(south, hold(B))
    with pytest.raises(AlreadyHeld):
        await write(north, e.HoldPlaced(A, HOSPITAL, "ed_bed", 1, START + 2 * HOUR), hold(A))
    (kept,) = (await store.list_held(START))[Page(HOSPITAL, "ed_bed")]
    assert (kept.case, kept.until) == ("north/I1-A", START + HOUR)


async def test_a_hub_that_lost_its_lease_knows_that_its_casualty_has_no_bay_any_more(store: HoldStore):
    north, south = await hub(store, "north"), await hub(store, "south")
    await write(north, hold())
    await store.release(BAY, "north/I1-A")  # as if its lease had run out while it was cut off
    await write(south, hold(B))
    with pytest.raises(AlreadyHeld):
        await write(north, hold(until=START + 2 * HOUR))
    (known,) = north.picture.list_holds(HOSPITAL, "resus_bay", START)
    assert known.elsewhere and north.picture.find_hold(A) is None


async def test_a_silent_store_holds_nothing_and_says_so_and_what_was_written_stands(store: HoldStore, tmp_path: Path):
    north = await hub(store, "north")
    await write(north, hold())
    await store.close()
    seq = north.picture.seq
    with pytest.raises(FeedLost):
        await write(north, hold(B, 2))
    assert north.picture.seq == seq
    await HoldWatch(north, north.holds).react()  # type: ignore[arg-type]
    assert await write(north, e.HoldReleased(A, HOSPITAL, "resus_bay", 1, "handover")) == ["hold_released"]


async def test_a_log_with_holds_of_others_folds_again_to_the_same_picture(store: HoldStore):
    north, south = await hub(store, "north"), await hub(store, "south")
    await write(north, hold())
    await HoldWatch(south, south.holds).react()  # type: ignore[arg-type]
    assert Book.open(south.log, south.clock).picture == south.picture
