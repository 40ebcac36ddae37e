"""Every screen gets its samples at once and its view in turn, and looking never takes more than its share."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec
import pytest
from casebook_tales import BY, START, opened

from casebook import events as e
from casebook.clock import JumpClock
from casebook.live import Feed, Subscription
from casebook.log import MemoryLog
from casebook.looking import GATHER_LEAST_S, GATHER_MOST_S, PASS_S, STILL_S, Looking, gather_s
from casebook.picture import Picture

A = "I1-A"


class Wall:
    """So many screens, each with a view that takes `cost_s` to look at; the hand of the clock moves by it."""

    def __init__(self, screens: int, cost_s: float, still: int = 0) -> None:
        self.now_s, self.looked, self.cost_s = 0.0, [0] * screens, cost_s
        self.looking = Looking(lambda: self.now_s)
        self.feeds = [
            Feed(lambda picture, now, n=n: self._look(n, picture), JumpClock(START), still=n < still)
            for n in range(screens)
        ]
        self.screens: list[Subscription] = []

    def _look(self, number: int, picture: Picture) -> dict[str, Any]:
        self.looked[number] += 1
        self.now_s += self.cost_s
        return {"seq": picture.seq}

    async def watched(self, picture: Picture) -> Wall:
        self.screens = [feed.subscribe() for feed in self.feeds]
        for feed in self.feeds:
            feed.refresh(picture)
        for screen in self.screens:
            await screen.next(0.01)
        self.looked = [0] * len(self.feeds)
        return self


async def test_a_pass_ends_when_its_time_is_spent_and_the_rest_come_next():
    book = await opened(MemoryLog())
    wall = await Wall(5, cost_s=PASS_S / 2).watched(book.picture)
    await wall.looking.tell(wall.feeds, book.picture, [], anew=True)
    assert wall.looked == [1, 1, 0, 0, 0] and wall.looking.owing
    await wall.looking.tell(wall.feeds, book.picture, [], anew=False)
    assert wall.looked == [1, 1, 1, 1, 0]
    await wall.looking.tell(wall.feeds, book.picture, [], anew=False)
    assert wall.looked == [1, 1, 1, 1, 1] and not wall.looking.owing


async def test_what_comes_after_a_quiet_while_is_told_at_once_and_what_comes_then_is_gathered():
    book = await opened(MemoryLog())
    wall = await Wall(1, cost_s=0.001).watched(book.picture)
    assert wall.looking.due_in_s == 0.0
    await wall.looking.tell(wall.feeds, book.picture, [], anew=True)
    assert wall.looking.due_in_s == pytest.approx(GATHER_LEAST_S)
    wall.now_s += GATHER_LEAST_S / 2
    assert wall.looking.due_in_s == pytest.approx(GATHER_LEAST_S / 2)
    wall.now_s += 1.0
    assert wall.looking.due_in_s == 0.0


async def test_a_pass_that_told_nobody_puts_the_next_one_off_for_nobody():
    book = await opened(MemoryLog())
    wall = Wall(1, cost_s=0.001)
    await wall.looking.tell(wall.feeds, book.picture, [], anew=True)
    assert wall.looking.due_in_s == 0.0


@pytest.mark.parametrize(
    ("took_s", "gathered_s"), [(0.0, GATHER_LEAST_S), (0.006, 0.012), (0.010, 0.020), (0.5, GATHER_MOST_S)]
)
def test_the_longer_telling_took_the_more_is_gathered_for_the_next_time(took_s: float, gathered_s: float):
    assert gather_s(took_s) == pytest.approx(gathered_s)


async def test_who_waited_longest_is_next_however_often_things_change():
    book = await opened(MemoryLog())
    wall = await Wall(4, cost_s=PASS_S).watched(book.picture)
    for _ in range(8):
        await wall.looking.tell(wall.feeds, book.picture, [], anew=True)
    assert wall.looked == [2, 2, 2, 2]


async def test_a_view_dearer_than_a_pass_is_still_looked_at():
    book = await opened(MemoryLog())
    wall = await Wall(2, cost_s=10 * PASS_S).watched(book.picture)
    for _ in range(2):
        await wall.looking.tell(wall.feeds, book.picture, [], anew=True)
    assert wall.looked == [1, 1]


async def test_samples_wait_for_nobodys_turn():
    book = await opened(MemoryLog())
    await book.write(lambda picture: [e.VitalsRecorded(A, "A01", {"hr_bpm": 90})], BY)
    wall = await Wall(3, cost_s=PASS_S).watched(book.picture)
    fresh = await book.write(lambda picture: [e.VitalsRecorded(A, "A01", {"hr_bpm": 91})], BY)
    await wall.looking.tell(wall.feeds, book.picture, fresh, anew=True)
    told = [msgspec.json.decode(await screen.next(0.01)) for screen in wall.screens]
    assert [len(message["samples"]) for message in told] == [1, 1, 1]
    assert wall.looked == [1, 0, 0]


async def test_no_sample_waits_for_a_view_that_does_not_go_with_it(monkeypatch: pytest.MonkeyPatch):
    """The console is looked at when the walls have their samples, and it has its own."""
    book = await opened(MemoryLog())
    await book.write(lambda picture: [e.VitalsRecorded(A, "A01", {"hr_bpm": 90})], BY)
    happened: list[str] = []
    wall = await Wall(2, cost_s=0.0, still=1).watched(book.picture)
    looks = Wall._look  # pyright: ignore[reportPrivateUsage]
    monkeypatch.setattr(Wall, "_look", lambda self, n, picture: happened.append(f"look {n}") or looks(self, n, picture))
    monkeypatch.setattr(Subscription, "offer", lambda self, message: happened.append(kind_of(message)))
    fresh = await book.write(lambda picture: [e.VitalsRecorded(A, "A01", {"hr_bpm": 91})], BY)
    await wall.looking.tell(list(reversed(wall.feeds)), book.picture, fresh, anew=True, streamed=True)
    assert sorted(happened[:3]) == ["look 0", "samples", "samples"]
    assert happened[3:] == ["look 1", "view"]


def kind_of(message: bytes) -> str:
    return "samples" if msgspec.json.decode(message)["samples"] else "view"


async def test_nobody_looks_for_a_screen_that_is_off():
    book = await opened(MemoryLog())
    wall = await Wall(2, cost_s=0.0).watched(book.picture)
    wall.screens[0].close()
    await wall.looking.tell(wall.feeds, book.picture, [], anew=True)
    assert wall.looked == [0, 1] and not wall.looking.owing


async def test_a_still_view_waits_for_more_than_a_stream_or_for_time():
    book = await opened(MemoryLog())
    wall = await Wall(2, cost_s=0.0, still=1).watched(book.picture)
    wall.now_s = 100.0
    for streamed in (False, True, True):
        await wall.looking.tell(wall.feeds, book.picture, [], anew=True, streamed=streamed)
    assert wall.looked == [1, 3]
    wall.now_s += STILL_S + 0.1
    await wall.looking.tell(wall.feeds, book.picture, [], anew=True, streamed=True)
    assert wall.looked == [2, 4]


async def test_a_still_view_is_looked_at_with_each_sample_of_those_whom_it_follows_and_no_other():
    book = await opened(MemoryLog())
    await book.write(lambda picture: [e.VitalsRecorded(id, "A01", {"hr_bpm": 90}) for id in (A, "I1-B")], BY)
    looked: list[str] = []
    feeds = [Feed(looking_in(looked, id), book.clock, following(id), still=True) for id in (A, "I1-B")]
    screens, looking = [feed.subscribe() for feed in feeds], Looking(lambda: 0.0)
    for feed, screen in zip(feeds, screens, strict=True):
        feed.refresh(book.picture)
        await screen.next(0.01)
    looked.clear()
    fresh = await book.write(lambda picture: [e.VitalsRecorded(A, "A01", {"hr_bpm": 91})], BY)
    await looking.tell(feeds, book.picture, fresh, anew=False)
    message = msgspec.json.decode(await screens[0].next(0.01))
    assert looked == [A] and msgspec.json.decode(await screens[1].next(0.01))["t"] == "beat"
    assert message["patch"] == {"hr_bpm": 91} and message["samples"][0]["vitals"] == {"hr_bpm": 91}


def looking_in(looked: list[str], id: str) -> Callable[[Picture, datetime], dict[str, Any]]:
    def look(picture: Picture, now: datetime) -> dict[str, Any]:
        looked.append(id)
        return dict(picture.casualties[id].trend[-1].vitals)

    return look


def following(id: str) -> Callable[[Picture], set[str]]:
    return lambda picture: {id}


async def test_a_still_view_that_is_owed_is_not_forgotten_for_a_stream():
    book = await opened(MemoryLog())
    wall = await Wall(3, cost_s=PASS_S, still=3).watched(book.picture)
    await wall.looking.tell(wall.feeds, book.picture, [], anew=True)
    for _ in range(2):
        await wall.looking.tell(wall.feeds, book.picture, [], anew=True, streamed=True)
    assert wall.looked == [1, 1, 1] and not wall.looking.owing


async def test_who_is_left_out_while_only_samples_come_still_has_the_turn_that_is_owed():
    book = await opened(MemoryLog())
    wall = await Wall(3, cost_s=PASS_S).watched(book.picture)
    await wall.looking.tell(wall.feeds, book.picture, [], anew=True)
    for _ in range(2):
        await wall.looking.tell(wall.feeds[:1], book.picture, [], anew=False)
    assert wall.looked == [1, 1, 1] and not wall.looking.owing


async def test_who_is_owed_a_look_and_goes_is_forgotten():
    book = await opened(MemoryLog())
    wall = await Wall(2, cost_s=PASS_S).watched(book.picture)
    await wall.looking.tell(wall.feeds, book.picture, [], anew=True)
    wall.screens[1].close()
    await wall.looking.tell([], book.picture, [], anew=False)
    assert wall.looked == [1, 0] and not wall.looking.owing
