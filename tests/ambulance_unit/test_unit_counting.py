"""The vehicle counts what it sampled of whom, and says so when the monitor comes off and every few minutes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from ambulance_unit.counting import TELL_EVERY, Counting
from casebook import events as e

START = datetime(2021, 4, 18, 1, 30, tzinfo=UTC)


class Bench:
    def __init__(self) -> None:
        self.told: list[tuple[datetime, e.SamplesCounted]] = []
        self.missed = self.waiting = 0
        self.counting = Counting(
            "A01",
            lambda at, fact: self.told.append((at, fact)),
            missed=lambda: self.missed,
            waiting=lambda: self.waiting,
        )

    def take(self, casualty: str, seconds: range) -> None:
        for second in seconds:
            self.counting.take(casualty, START + timedelta(seconds=second))


def test_the_count_is_told_when_the_monitor_comes_off_and_once():
    bench = Bench()
    bench.take("A", range(5))
    assert not bench.told
    bench.counting.end(START + timedelta(seconds=6))
    bench.counting.end(START + timedelta(seconds=7))
    ((at, fact),) = bench.told
    assert at == START + timedelta(seconds=6)
    assert (fact.casualty, fact.since, fact.until, fact.sampled) == ("A", START, START + timedelta(seconds=4), 5)


def test_moving_the_monitor_begins_another_count():
    bench = Bench()
    bench.take("A", range(3))
    bench.take("B", range(3, 5))
    bench.counting.end(START + timedelta(seconds=5))
    assert [(fact.casualty, fact.sampled) for _, fact in bench.told] == [("A", 3), ("B", 2)]


def test_a_long_case_is_counted_on_the_way_and_each_count_holds_the_one_before():
    bench = Bench()
    minutes = int(TELL_EVERY.total_seconds())
    bench.take("A", range(2 * minutes + 10))
    assert [(fact.since, fact.sampled) for _, fact in bench.told] == [(START, minutes), (START, 2 * minutes)]
    assert all(fact.until < at for at, fact in bench.told)


def test_what_the_disk_did_not_take_what_was_missed_and_what_waits_are_in_the_count():
    bench = Bench()
    bench.missed = 7  # of somebody before
    stretch = bench.counting.take("A", START)
    stretch.lose()
    bench.missed, bench.waiting = 9, 4
    bench.counting.end(START)
    fact = bench.told[0][1]
    assert (fact.sampled, fact.unstored, fact.missed, fact.waiting) == (1, 1, 2, 4)
