"""A fast drill waits for its machine, and not for a link that is silent on purpose."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from aboard.pace import keep_pace
from casebook.clock import RateClock


class Lagging:
    """A player that is so many seconds of the drill behind."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def behind_s(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> RateClock:
    clock = RateClock(datetime(2026, 3, 1, tzinfo=UTC), 60.0)
    clock.go()
    return clock


async def until(true: Callable[[], bool]) -> None:
    end_s = time.monotonic() + 30
    while not true():
        assert time.monotonic() < end_s
        await asyncio.sleep(0.01)


async def test_the_clock_is_held_while_what_happened_has_not_arrived(clock: RateClock) -> None:
    player = Lagging(60 * 0.7)
    keeping = asyncio.create_task(keep_pace(clock, cast(Any, player)))
    await until(lambda: not clock.running)
    player.seconds = 60 * 0.1
    await until(lambda: clock.running)
    keeping.cancel()


async def test_in_the_dark_it_goes_on_and_is_held_after(clock: RateClock) -> None:
    dark, looks = [True], [0]

    def is_dark() -> bool:
        looks[0] += 1
        return dark[0]

    keeping = asyncio.create_task(keep_pace(clock, cast(Any, Lagging(60 * 3.0)), is_dark))
    await until(lambda: looks[0] >= 5)
    assert clock.running
    dark[0] = False
    await until(lambda: not clock.running)
    keeping.cancel()


async def test_what_never_arrives_holds_it_once(clock: RateClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """And what comes late after that holds it again."""
    monkeypatch.setattr("aboard.pace.LONGEST_HOLD_S", 0.1)
    holds, hold = [0], clock.hold

    def counted() -> None:
        holds[0] += 1
        hold()

    clock.hold = counted  # type: ignore[method-assign]
    player, looks = Lagging(60 * 3.0), [0]
    behind_s = player.behind_s
    player.behind_s = lambda: looks.__setitem__(0, looks[0] + 1) or behind_s()  # type: ignore[method-assign]
    keeping = asyncio.create_task(keep_pace(clock, cast(Any, player)))
    await until(lambda: looks[0] >= 12)
    assert holds[0] == 1 and clock.running
    player.seconds = 0.0
    seen = looks[0]
    await until(lambda: looks[0] > seen + 1)
    player.seconds = 60 * 3.0
    await until(lambda: holds[0] == 2)
    keeping.cancel()
