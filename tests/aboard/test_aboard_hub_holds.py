"""Two real hubs, each with its own folder, share one store of holds: the second hears of the first one's bay."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from aboard.hub import Hub
from aboard.hub_setup import open_hub
from casebook import events as e
from casebook.clock import JumpClock
from casebook.errors import AlreadyHeld, RefusedInput
from casebook.log import By
from casebook.place import Place

NOON = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
REGION, CASE = "yangtze_delta", "I1-A"


async def hub(folder: Path, holds: str) -> Hub:
    made, _ = await open_hub(folder, REGION, JumpClock(NOON), holds=holds)
    hospital = next(iter(made.book.picture.hospitals))
    facts = (
        e.IncidentOpened("I1", Place(31.0, 121.2), "traffic", 1, "120", ""),
        e.CasualtyFound(CASE, "I1", "A"),
        e.CapacityReported(hospital, "resus_bay", 1, 2),
    )
    await made.book.write(lambda picture: facts, By("desk", "test"))
    return made


async def test_two_hubs_of_one_region_share_the_last_bay(tmp_path: Path):
    store = f"sqlite:///{tmp_path / 'holds.sqlite'}"
    north, south = [await hub(tmp_path / name, store) for name in ("north", "south")]
    assert north.book.holds and south.book.holds
    assert north.book.holds.hub != south.book.holds.hub, "two books begun alike at one instant pass for one"
    hospital = next(iter(north.book.picture.hospitals))
    placed = e.HoldPlaced(CASE, hospital, "resus_bay", 1, NOON + timedelta(hours=1))
    await north.book.write(lambda picture: [placed], By("desk", "test"))
    assert south.holds is not None
    await south.holds.react()
    (known,) = south.book.picture.list_holds(hospital, "resus_bay", NOON)
    assert known.elsewhere and known.casualty.endswith(f"/{CASE}")
    with pytest.raises(AlreadyHeld):
        await south.book.write(lambda picture: [placed], By("desk", "test"))
    for one in (north, south):
        assert one.book.holds is not None
        await one.book.holds.store.close()
        one.book.log.close()


async def test_a_hub_keeps_its_name_in_the_store_when_it_comes_back(tmp_path: Path):
    store, names = f"sqlite:///{tmp_path / 'holds.sqlite'}", []
    for _ in range(2):
        made, _ = await open_hub(tmp_path / "north", REGION, JumpClock(NOON), holds=store)
        assert made.book.holds is not None
        names.append(made.book.holds.hub)
        await made.book.holds.store.close()
        made.book.log.close()
    assert names[0] == names[1]


async def test_a_hub_does_not_start_on_a_store_that_it_does_not_know(tmp_path: Path):
    with pytest.raises(RefusedInput):
        await open_hub(tmp_path / "north", REGION, JumpClock(NOON), holds="mysql://x/y")
