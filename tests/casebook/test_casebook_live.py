"""A screen follows the picture by numbered patches; whatever it misses, it ends with the hub's own view."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from casebook_tales import BY, START, opened
from hypothesis import given
from hypothesis import strategies as st

from casebook import events as e
from casebook.clock import JumpClock
from casebook.live import QUEUE_LENGTH, Feed, Subscription, merge_patch, patched, plain
from casebook.log import MemoryLog
from casebook.picture import Picture

A, B = "I1-A", "I1-B"
leaves = st.booleans() | st.integers() | st.text(max_size=3) | st.lists(st.integers(), max_size=3)
names = st.text(alphabet="abc", max_size=2)
views = st.dictionaries(
    names, st.recursive(leaves, lambda inner: st.dictionaries(names, inner, max_size=3), max_leaves=8), max_size=4
)


@given(views, views)
def test_a_merge_patch_turns_the_old_view_into_the_new_one(old: dict, new: dict):
    patch = merge_patch(old, new)
    assert patched(old, patch) == new
    assert bool(patch) == (old != new)
    assert merge_patch(new, new) == {}


@given(views, views)
def test_patching_leaves_the_old_view_as_it_was(old: dict, new: dict):
    before = msgspec.json.encode(old)
    patched(old, merge_patch(old, new))
    assert msgspec.json.encode(old) == before


def test_what_is_unknown_is_absent_at_any_depth():
    seen = plain({"a": None, "b": {"c": None, "d": [{"e": None, "f": START}]}, 3: (1, None)})
    assert seen == {"b": {"d": [{"f": "2021-04-18T01:30:00Z"}]}, "3": [1, None]}


class Screen:
    """A screen as a browser is one: applies what it hears and asks anew after a gap."""

    def __init__(self, subscription: Subscription) -> None:
        self.subscription = subscription
        self.version, self.view, self.gaps = -1, {}, 0
        self.samples: list[tuple[str, str, int]] = []

    async def hear(self) -> dict[str, Any]:
        message = msgspec.json.decode(await self.subscription.next(beat_s=0.01))
        match message["t"]:
            case "snapshot":
                self.version, self.view = message["v"], message["view"]
            case "delta" if message["v"] == self.version + 1:
                self.version, self.view = message["v"], patched(self.view, message["patch"])
            case "delta":
                self.gaps += 1
                self.subscription.resync()
            case "beat" if message["v"] != self.version:
                self.subscription.resync()
        for one in message.get("samples", []):
            if (name := (one["unit"], one["epoch"], one["seq"])) not in self.samples:
                self.samples.append(name)
        return message

    async def hear_all(self) -> None:
        while (await self.hear())["t"] != "beat":
            pass
        if msgspec.json.decode(self.subscription._feed.beat())["v"] != self.version:
            await self.hear_all()


def units_of(picture: Picture, now: Any) -> dict[str, Any]:
    return {"units": {unit.id: {"duty": unit.duty, "position": unit.position} for unit in picture.units.values()}}


async def test_the_first_thing_a_screen_hears_is_everything():
    book = await opened(MemoryLog())
    feed = Feed(units_of, book.clock)
    feed.refresh(book.picture)
    screen = Screen(feed.subscribe())
    message = await screen.hear()
    assert message["t"] == "snapshot" and message["rate"] == 1.0 and message["now"] == "2021-04-18T01:30:00Z"
    assert screen.view == plain(units_of(book.picture, START))


async def test_after_that_only_what_changed_numbered_one_by_one():
    book = await opened(MemoryLog())
    feed = Feed(units_of, book.clock)
    feed.refresh(book.picture)
    screen = Screen(feed.subscribe())
    await screen.hear()
    feed.refresh(book.picture)
    assert (await screen.hear())["t"] == "beat", "nothing changed, nothing is sent"
    await book.write(lambda picture: [e.UnitAssigned("A01", "I1")], BY)
    feed.refresh(book.picture)
    message = await screen.hear()
    assert message["v"] == screen.version and message["patch"] == {"units": {"A01": {"duty": "assigned"}}}


@given(st.lists(st.sampled_from(["move", "hear", "flood", "resync", "lose"]), max_size=30))
async def test_whatever_is_missed_the_screen_ends_with_the_hubs_view(story: list[str]):
    book = await opened(MemoryLog())
    feed = Feed(units_of, book.clock)
    screen = Screen(feed.subscribe())
    moved = 0
    for chapter in story:
        match chapter:
            case "hear":
                await screen.hear()
            case "resync":
                screen.subscription.resync()
            case "lose":
                await screen.subscription.next(beat_s=0.001)  # a message that never arrives
            case _:
                for _ in range(1 if chapter == "move" else QUEUE_LENGTH + 3):
                    moved += 1
                    fact = e.PositionReported("A01", 31.0, 121.0 + moved / 1e4)
                    await book.write(lambda picture, fact=fact: [fact], BY, START + timedelta(seconds=moved))
                    feed.refresh(book.picture)
    feed.refresh(book.picture)
    await screen.hear_all()
    assert screen.view == plain(units_of(book.picture, START))


async def test_a_screen_that_falls_behind_gets_a_snapshot_and_holds_nobody_up():
    book = await opened(MemoryLog())
    feed = Feed(units_of, book.clock)
    quick, slow = Screen(feed.subscribe()), Screen(feed.subscribe())
    await quick.hear()
    await slow.hear()
    for n in range(QUEUE_LENGTH + 5):
        fact = e.PositionReported("A01", 31.0, 121.0 + n / 1e4)
        await book.write(lambda picture, fact=fact: [fact], BY, START + timedelta(seconds=n))
        feed.refresh(book.picture)
        await quick.hear()
    assert quick.gaps == 0 and (await slow.hear())["t"] == "snapshot"
    assert slow.view == quick.view


async def vitals(book, feed: Feed, casualty: str, n: int) -> None:
    entries = await book.write(lambda picture: [e.VitalsRecorded(casualty, "A01", {"hr_bpm": n})], BY)
    feed.refresh(book.picture, entries)


async def test_vitals_stream_each_once_and_only_of_those_whom_the_screen_follows():
    book = await opened(MemoryLog())
    feed = Feed(lambda picture, now: {}, book.clock, lambda picture: {A})
    await vitals(book, feed, A, 80)
    screen = Screen(feed.subscribe())
    first = await screen.hear()
    assert [one["vitals"] for one in first["samples"]] == [{"hr_bpm": 80}], "the trend comes with the snapshot"
    await vitals(book, feed, A, 81)
    await vitals(book, feed, B, 82)
    await screen.hear_all()
    assert len(screen.samples) == len(set(screen.samples)) == 2


async def test_whoever_is_followed_later_brings_the_trend_along():
    book = await opened(MemoryLog())
    followed: set[str] = {A}
    feed = Feed(lambda picture, now: {}, book.clock, lambda picture: frozenset(followed))
    feed.refresh(book.picture)
    screen = Screen(feed.subscribe())
    await screen.hear()
    await vitals(book, feed, B, 80)
    followed.add(B)
    await vitals(book, feed, B, 81)
    message = await screen.hear()
    assert [one["vitals"]["hr_bpm"] for one in message["samples"]] == [80, 81]


async def test_a_silent_hub_still_beats_and_a_closed_screen_is_forgotten():
    feed = Feed(lambda picture, now: {}, JumpClock(START))
    subscription = feed.subscribe()
    assert feed.watched
    await subscription.next()
    beat = msgspec.json.decode(await subscription.next(beat_s=0.001))
    assert beat == {"t": "beat", "v": 0, "now": "2021-04-18T01:30:00Z"}
    subscription.close()
    subscription.close()
    assert not feed.watched


async def test_a_screen_that_waits_hears_a_change_at_once():
    book = await opened(MemoryLog())
    feed = Feed(units_of, book.clock)
    feed.refresh(book.picture)
    subscription = feed.subscribe()
    await subscription.next()
    waiting = asyncio.create_task(subscription.next(beat_s=60))
    await asyncio.sleep(0)
    await book.write(lambda picture: [e.UnitAssigned("A01", "I1")], BY)
    feed.refresh(book.picture)
    assert msgspec.json.decode(await asyncio.wait_for(waiting, 5))["t"] == "delta"


@pytest.mark.parametrize("bad", [{"a": float("nan")}, {"a": float("inf")}])
def test_no_screen_is_ever_sent_a_number_that_is_none(bad: dict):
    encoded = msgspec.json.encode(plain(bad))
    assert b"NaN" not in encoded and b"Infinity" not in encoded


@given(st.lists(st.sampled_from(["tell", "tell", "jam", "free", "let go on", "flood"]), max_size=40))
async def test_however_a_message_goes_each_comes_once_and_in_order(story: list[str]):
    feed = Feed(lambda picture, now: {"n": told}, JumpClock(START), None)
    told, free = 0, True
    feed.refresh(Picture())
    screen, heard = feed.subscribe(), []
    screen.pass_on = lambda message: free and not heard.append(msgspec.json.decode(message))

    async def read() -> None:
        while True:
            heard.append(msgspec.json.decode(await screen.next(beat_s=60)))
            await asyncio.sleep(0)  # it is being sent

    reading = asyncio.create_task(read())
    for chapter in story:
        if chapter == "let go on":
            await asyncio.sleep(0)
        free = chapter == "free" or (free and chapter != "jam")
        for _ in range({"tell": 1, "flood": QUEUE_LENGTH + 1}.get(chapter, 0)):
            told += 1
            feed.refresh(Picture())
    for _ in range(2 * QUEUE_LENGTH + 10):
        await asyncio.sleep(0)
    reading.cancel()
    version, number = -1, -1
    for message in heard:
        assert message["t"] == "snapshot" or message["v"] == version + 1
        version, number = message["v"], message.get("view", message.get("patch"))["n"]
    assert number == told


async def test_what_goes_the_short_way_counts_as_no_silence():
    feed = Feed(lambda picture, now: {"n": told}, JumpClock(START), None)
    told, passed = 0, []
    screen = feed.subscribe()
    screen.pass_on = lambda message: not passed.append(message)
    await screen.next()
    began_s = asyncio.get_running_loop().time()
    waiting = asyncio.create_task(screen.next(beat_s=0.2))
    while not passed or asyncio.get_running_loop().time() < began_s + 0.1:
        await asyncio.sleep(0.01)
        told += 1
        feed.refresh(Picture())
    last_s = asyncio.get_running_loop().time()
    assert msgspec.json.decode(await waiting)["t"] == "beat" and len(passed) == told
    assert asyncio.get_running_loop().time() >= last_s + 0.19
