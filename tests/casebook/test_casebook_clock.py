"""Time comes only from the clock handed in: the wall's, a drill's at its rate, or a test's that jumps."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from casebook_tales import START
from hypothesis import given
from hypothesis import strategies as st

from casebook.clock import SHANGHAI, JumpClock, RateClock, WallClock

HOUR = timedelta(hours=1)


async def test_hours_of_sleep_take_no_time_on_the_jump_clock():
    clock, woken = JumpClock(START), []

    async def sleeper(hours: float) -> None:
        await clock.sleep(hours * 3600)
        woken.append((hours, clock.now()))

    async def story() -> str:
        await asyncio.gather(sleeper(3), sleeper(1), sleeper(2), sleeper(0))
        return "told"

    assert await clock.run(story()) == "told"
    assert woken == [(hours, START + hours * HOUR) for hours in (0, 1, 2, 3)]


@given(st.lists(st.integers(0, 10_000), max_size=10))
async def test_whoever_sleeps_wakes_in_order_and_never_early(naps: list[int]):
    clock, woken = JumpClock(START), []

    async def sleeper(nap_s: int) -> None:
        await clock.sleep(nap_s)
        assert clock.now() == START + timedelta(seconds=nap_s)
        woken.append(nap_s)

    async def story() -> None:
        await asyncio.gather(*(sleeper(nap_s) for nap_s in naps))

    await clock.run(story())
    assert woken == sorted(naps)


async def test_the_jump_clock_never_goes_back_and_past_sleeps_end_at_once():
    clock = JumpClock(START)

    async def story() -> None:
        await clock.sleep(60)
        await clock.sleep_until(START)
        await clock.sleep(-5)
        assert clock.now() == START + timedelta(seconds=60)

    await clock.run(story())


async def test_a_sleeper_that_was_given_up_is_not_waited_for():
    clock = JumpClock(START)

    async def story() -> None:
        lazy = asyncio.create_task(clock.sleep(99 * 3600))
        await clock.sleep(1)
        lazy.cancel()
        await clock.sleep(1)
        assert clock.now() == START + timedelta(seconds=2)

    await clock.run(story())


async def test_a_story_that_waits_for_something_outside_is_told_so():
    clock = JumpClock(START)
    with pytest.raises(RuntimeError, match="something outside"):
        await clock.run(asyncio.Event().wait())


async def test_what_a_story_raises_rises():
    clock = JumpClock(START)

    async def story() -> None:
        await clock.sleep(1)
        raise KeyError("lost")

    with pytest.raises(KeyError):
        await clock.run(story())


def test_a_drills_clock_stands_still_until_it_goes():
    clock = RateClock(START, 60.0)
    assert not clock.running
    assert clock.now() == clock.now() == START
    clock.go()
    assert clock.running and clock.now() >= START


def test_a_drill_that_outruns_its_machine_is_held_for_all_and_goes_on_where_it_was(tmp_path: Path):
    director = RateClock(START, 1000.0, time.time() - 1, tmp_path / "clock")
    director.save()
    unit = RateClock.at_file(tmp_path / "clock")
    assert unit.now() >= START + timedelta(seconds=900)
    director.hold()
    held = director.now()
    time.sleep(2 * RateClock.LOOK_S)
    assert not unit.running and not director.running
    assert director.now() == held and unit.now() == unit.now() >= held
    director.go()
    time.sleep(2 * RateClock.LOOK_S)
    assert unit.running and unit.now() > held


def test_a_drills_clock_never_runs_backward_when_it_is_held(tmp_path: Path):
    director = RateClock(START, 1000.0, time.time(), tmp_path / "clock")
    director.save()
    unit, shown = RateClock.at_file(tmp_path / "clock"), []
    for turn in range(60):
        shown.append(unit.now())
        if turn % 10 == 5:
            director.hold()
        if turn % 10 == 9:
            director.go()
        time.sleep(0.002)
    assert shown == sorted(shown)


@given(
    st.datetimes(timezones=st.just(timezone(timedelta(hours=8)))).filter(lambda at: 1970 < at.year < 2100),
    st.floats(1, 60),
    st.none() | st.floats(0, 4e9),
)
def test_every_process_reads_the_same_clock_from_its_file(tmp_path_factory, start, rate, anchor):
    file = tmp_path_factory.getbasetemp() / "clock"
    written = RateClock(start, rate, anchor, file)
    written.save()
    read = RateClock.at_file(file)
    assert (read.start_at, read.rate, read._anchor_unix_s) == (written.start_at, rate, anchor)
    assert read._base == written.start_at
    assert read.start_at.tzinfo is UTC


def test_whoever_starts_a_drills_clock_starts_it_for_all(tmp_path: Path):
    file = tmp_path / "clock"
    director = RateClock(START, 6.0, None, file)
    director.save()
    hub, unit = RateClock.at_file(file), RateClock.at_file(file)
    assert not hub.running and not unit.running
    director.go()
    time.sleep(2 * RateClock.LOOK_S)
    assert hub.running and unit.running
    assert hub._anchor_unix_s == unit._anchor_unix_s == director._anchor_unix_s


def test_a_file_that_describes_no_clock_is_an_error(tmp_path: Path):
    (tmp_path / "clock").write_text("half past nine", encoding="utf-8")
    with pytest.raises(ValueError):
        RateClock.at_file(tmp_path / "clock")


def test_a_drills_clock_shows_its_rate_times_what_passed():
    clock = RateClock(START, 60.0, time.time() - 10)
    passed_s = (clock.now() - START).total_seconds()
    assert 600 <= passed_s < 60 * (time.time() - (clock._anchor_unix_s or 0)) + 1


def test_before_its_anchor_nobody_starts_early():
    assert RateClock(START, 60.0, time.time() + 100).now() == START


async def test_sleeping_on_a_drills_clock_takes_a_share_of_the_wall_and_ends_on_time():
    clock = RateClock(START, 1000.0, time.time())
    until = clock.now() + timedelta(seconds=30)
    await clock.sleep_until(until)
    assert clock.now() >= until
    before = clock.now()
    await clock.sleep(10)
    assert clock.now() - before >= timedelta(seconds=10)


async def test_who_sleeps_on_a_clock_that_is_not_started_wakes_after_the_start(tmp_path: Path):
    file = tmp_path / "clock"
    RateClock(START, 1000.0, None, file).save()
    clock = RateClock.at_file(file)
    sleeping = asyncio.create_task(clock.sleep(1))
    await asyncio.sleep(0)
    assert not sleeping.done()
    RateClock.at_file(file).go()
    await asyncio.wait_for(sleeping, 10)
    assert clock.now() >= START + timedelta(seconds=1)


async def test_the_wall_clock_is_aware_and_its_sleeps_may_be_over_already():
    clock = WallClock()
    assert clock.now().tzinfo is UTC and clock.rate == 1.0
    await clock.sleep(-1)
    await clock.sleep_until(clock.now() - HOUR)


def test_a_clock_without_a_zone_or_with_no_rate_is_our_bug():
    for start, rate in ((datetime(2021, 4, 18), 1.0), (START, 0.0)):  # noqa: DTZ001 - the missing zone is the point
        with pytest.raises(AssertionError):
            RateClock(start, rate)


def test_shanghai_is_eight_hours_ahead_all_year():
    for month in (1, 7):
        assert datetime(2021, month, 1, tzinfo=UTC).astimezone(SHANGHAI).hour == 8
