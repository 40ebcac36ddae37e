"""A vehicle goes round the hubs it knows: after a silence, after a refused connection, and back to the first."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ambulance_unit import hub_link
from ambulance_unit.addresses import MAX_TOLD, Addresses, hub_of, link_of
from ambulance_unit.hub_link import HubLink
from ambulance_unit.outbox import Outbox
from ambulance_unit.scribe import Scribe
from ambulance_unit.told_view import ToldView
from casebook.clock import WallClock

names = st.lists(st.sampled_from("abcdef"), min_size=1, max_size=8)


@given(enrolled=names, told=names)
def test_every_known_address_has_its_turn_before_any_has_a_second(enrolled: list[str], told: list[str]):
    addresses = Addresses(*enrolled)
    addresses.hear(told)
    round_of = [addresses.move_on() for _ in range(len(addresses))]
    assert sorted(round_of) == sorted({*enrolled, *told})


def test_a_hub_that_tells_of_very_many_is_believed_so_far():
    addresses = Addresses("a")
    addresses.hear([str(number) for number in range(1000)])
    assert len(addresses) == MAX_TOLD + 1


def test_what_a_hub_told_before_and_does_not_tell_now_is_forgotten_but_not_where_we_are():
    addresses = Addresses("a")
    addresses.hear(["a", "b", "c"])
    assert addresses.move_on() == "b"
    addresses.hear(["d"])
    assert [addresses.move_on() for _ in range(3)] == ["d", "a", "b"]


@given(st.sampled_from(["http", "https"]), st.sampled_from(["hub.example:8300", "127.0.0.1:1", "[::1]:8300"]))
def test_a_hub_and_its_door_for_vehicles_name_each_other(scheme: str, host: str):
    hub = f"{scheme}://{host}"
    assert link_of(hub).startswith("ws") and hub_of(link_of(hub)) == hub and link_of(f"{hub}/") == link_of(hub)


class Silent:
    """A connection that takes everything and says nothing."""

    async def send(self, message: str) -> None:
        return

    async def recv(self) -> str:
        await asyncio.Event().wait()
        raise AssertionError

    async def close(self) -> None:
        return


@pytest.mark.parametrize("trouble", ["refused", "silent"])
async def test_a_hub_that_does_not_answer_is_left_for_the_next(
    trouble: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(hub_link, "LATE_S", 0.01)  # with one address alone it would be LOST_S, which is longer
    monkeypatch.setattr(hub_link, "PAUSE_S", 0.001)
    tried: list[str] = []

    async def dial(url: str, token: str, tls: object) -> Silent:
        tried.append(url)
        if trouble == "refused":
            raise ConnectionRefusedError
        return Silent()

    scribe = Scribe(Outbox(tmp_path / "outbox.sqlite"))
    told = ToldView(tmp_path / "told.json")
    link = HubLink(
        "ws://a", "t", "A01", scribe, told, WallClock(), others=["ws://b", "ws://c"], rng=random.Random(1), dial=dial
    )
    running = asyncio.create_task(link.run())
    async with asyncio.timeout(30):
        while len(tried) < 5:  # noqa: ASYNC110 - the link tells nobody of its attempts
            await asyncio.sleep(0.001)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await scribe.close()
    assert tried[:5] == ["ws://a", "ws://b", "ws://c", "ws://a", "ws://b"]
