"""A vehicle may be at one hub only: another device that comes to another hub is found out, a moved one is let in."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import pytest
from casebook_tales import START

from casebook.bus import elsewhere
from casebook.bus.elsewhere import Elsewhere
from casebook.bus.in_process import InProcessBus
from casebook.clock import JumpClock
from casebook.errors import NotAllowed
from casebook.vehicle_links import Presence, VehicleLinks

TWIN = {"t": "twin", "at": START}


@dataclass
class Hub:
    """What a hub knows of its vehicles, and how it asks the others."""

    links: VehicleLinks
    asks: Elsewhere


class DeadBus(InProcessBus):
    """Nothing that is told is heard."""

    @property
    def is_up(self) -> bool:
        return False

    def tell(self, topic: str, words: bytes) -> None:
        return


def hubs_on(bus: InProcessBus, *names: str, there: tuple[str, ...] = ()) -> list[Hub]:
    made = []
    for name in names:
        links = VehicleLinks(JumpClock(START), twin_wait_s=30.0, under_way_s=0.0)
        asks = Elsewhere(bus, name, lambda: there or names, links)
        links.elsewhere = asks.has_twin
        made.append(Hub(links, asks))
    return made


async def heard_of(presence: Presence, work: asyncio.Future) -> None:
    """The first device speaks until the question about it is settled."""
    while not work.done():
        presence.hear()
        await asyncio.sleep(0)


async def test_another_device_at_another_hub_is_refused_while_the_first_is_heard_and_both_hubs_know():
    one, other = hubs_on(InProcessBus(), "one", "other")
    first = await one.links.admit("A01", "b1")
    second = asyncio.ensure_future(other.links.admit("A01", "b2"))
    await heard_of(first, second)
    with pytest.raises(NotAllowed) as caught:
        await second
    assert caught.value.key == "unit_twin" and first.notices.get_nowait() == TWIN
    assert one.links.connected == ["A01"] and other.links.connected == []
    assert one.links.twins["A01"].times == other.links.twins["A01"].times == 1


async def test_a_vehicle_that_moves_is_let_in_at_once_and_its_old_connection_makes_way():
    one, other = hubs_on(InProcessBus(), "one", "other")
    first = await one.links.admit("A01", "b1")
    assert (await other.links.admit("A01", "b1")).boot == "b1"
    assert first.notices.get_nowait() is None and not one.links.twins and not other.links.twins


async def test_a_new_device_is_let_in_when_the_old_one_at_another_hub_says_nothing():
    one, other = hubs_on(InProcessBus(), "one", "other")
    one.links._twin_wait_s = 0.0
    await one.links.admit("A01", "b1")
    assert (await other.links.admit("A01", "b2")).boot == "b2"
    assert not one.links.twins


async def test_a_hub_that_does_not_answer_keeps_no_vehicle_out(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(elsewhere, "ASK_S", 0.01)
    (one,) = hubs_on(InProcessBus(), "one", there=("one", "dead"))
    assert (await one.links.admit("A01", "b1")).unit == "A01"
    (alone,) = hubs_on(DeadBus(), "alone", there=("alone", "cut off"))
    assert (await alone.links.admit("A01", "b1")).unit == "A01"


async def test_twins_that_came_in_while_the_bus_was_dead_are_found_when_hubs_tell_what_they_have():
    bus = InProcessBus()
    one, other = hubs_on(bus, "one", "other")
    bus.tell = lambda topic, words: None  # nothing is heard
    one.asks._others = other.asks._others = lambda: ()
    first, second = await one.links.admit("A01", "b1"), await other.links.admit("A01", "b2")
    await other.links.admit("H01", "b3")
    del bus.tell
    other.asks.tell()
    while not one.links.twins:
        first.hear()
        await asyncio.sleep(0)
    one.asks.tell()
    while not other.links.twins:
        second.hear()
        await asyncio.sleep(0)
    assert first.notices.get_nowait() == second.notices.get_nowait() == TWIN
    assert list(one.links.twins) == list(other.links.twins) == ["A01"]
