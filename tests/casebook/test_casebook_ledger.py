"""The log alone proves what became of every sample; what nobody told stays unknown."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise

from casebook_tales import BY, START
from hypothesis import given
from hypothesis import strategies as st

from casebook import events as e
from casebook.ledger import Line, ledger, ranges_of
from casebook.log import Entry, Source

CASUALTY, UNIT, EPOCH = "I1-A", "A01", "epoch"


def at(second: float) -> datetime:
    return START + timedelta(seconds=second)


class Log:
    """Entries as they were committed, `behind_s` after they were made."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.row = 0

    def tell(self, fact: e.Event, second: float, *, behind_s: float = 0.1, unit: bool = True) -> Log:
        self.row += unit
        source = Source(UNIT, EPOCH, self.row) if unit else None
        number = len(self.entries) + 1
        when = at(second), at(second + behind_s)
        self.entries.append(Entry(number, fact.name, 1, e.encode(fact), *when, BY, source))
        return self

    def samples(self, *seconds: float, behind_s: float = 0.1) -> Log:
        for second in seconds:
            self.tell(e.VitalsRecorded(CASUALTY, UNIT, {"hr_bpm": 90}), second, behind_s=behind_s)
        return self

    def counted(self, first: float, last: float, sampled: int, *, waiting: int = 0, unstored: int = 0) -> Log:
        fact = e.SamplesCounted(UNIT, CASUALTY, at(first), at(last), sampled, unstored, 0, waiting)
        return self.tell(fact, last + 1)

    def shown(self, screen: str, *rows: tuple[int, int]) -> Log:
        return self.tell(e.SamplesShown(screen, UNIT, EPOCH, rows), 900, unit=False)

    @property
    def line(self) -> Line:
        (line,) = ledger(self.entries)
        return line


def test_a_whole_case_adds_up():
    log = Log().samples(*range(10)).counted(0, 9, sampled=10).shown("wall/sj", (1, 10))
    line, counted = log.line, log.line.counted
    assert counted is not None
    assert (counted.sampled, line.committed, counted.missing, counted.lost, counted.uncounted) == (10, 10, 0, 0, 0)
    assert (line.late, line.gaps_s, line.screens["wall/sj"].shown) == (0, [], 10)


def test_a_vehicle_that_never_counted_has_not_sampled_nothing():
    assert Log().samples(0, 1).line.counted is None


def test_a_screen_that_never_said_so_is_not_among_the_screens():
    log = Log().samples(0, 1).shown("wall/sj", (1, 1)).shown("wall/other", (7, 9))
    assert {name: screen.shown for name, screen in log.line.screens.items()} == {"wall/sj": 1}


def test_what_is_not_in_the_log_waits_or_is_lost():
    counted = Log().samples(0, 1, 2).counted(0, 9, sampled=10, waiting=4).line.counted
    assert counted is not None and (counted.missing, counted.lost, counted.waiting) == (7, None, 4)
    empty = Log().samples(0, 1, 2).counted(0, 9, sampled=10).line.counted
    assert empty is not None and empty.lost == 7


def test_what_the_vehicles_disk_did_not_take_is_no_loss_on_the_way():
    counted = Log().samples(0, 1, 2).counted(0, 9, sampled=10, unstored=7).line.counted
    assert counted is not None and (counted.missing, counted.lost, counted.unstored) == (0, 0, 7)


def test_a_later_count_takes_the_place_of_the_one_before_and_a_new_stretch_adds():
    log = Log().samples(0, 1).counted(0, 1, sampled=2).samples(2, 3).counted(0, 3, sampled=4)
    log.samples(60, 61).counted(60, 61, sampled=2).samples(62)
    counted = log.line.counted
    assert counted is not None
    assert (counted.sampled, counted.missing, counted.uncounted, log.line.committed) == (6, 0, 1, 7)


def test_samples_that_came_late_and_pauses_between_them_are_told():
    line = Log().samples(0, 1).samples(2, behind_s=30).samples(12).line
    assert (line.late, line.gaps_s, line.first_at, line.last_at) == (1, [10.0], at(0), at(12))


@given(st.sets(st.integers(0, 60), max_size=40))
def test_ranges_say_exactly_the_numbers(numbers: set[int]):
    pairs = ranges_of(numbers)
    assert [number for first, last in pairs for number in range(first, last + 1)] == sorted(numbers)
    assert all(one[1] + 1 < later[0] for one, later in pairwise(pairs))


@given(st.sets(st.integers(0, 59)), st.sets(st.integers(1, 80), max_size=30), st.integers(0, 3))
def test_no_ledger_shows_more_than_is_in_the_log_or_keeps_less_than_nothing(
    committed: set[int], rows: set[int], waiting: int
):
    log = Log().samples(*sorted(committed)).counted(0, 59, sampled=60, waiting=waiting)
    for first, last in ranges_of(rows):
        log.shown("wall/sj", (first, last))
    line, counted = log.line, log.line.counted
    assert counted is not None and counted.missing == 60 - len(committed)
    assert all(screen.shown <= line.committed for screen in line.screens.values())
