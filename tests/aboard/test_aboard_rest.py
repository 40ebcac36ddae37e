"""What lives long is set aside from the collector, and nothing that is only a cycle stays for ever."""

from __future__ import annotations

import gc
import sys
import weakref
from collections.abc import Iterator

import pytest

from aboard.rest import COUNT_EVERY, Aside, begin, collect_all


class Link:
    """Holds on to itself, as a connection and its protocol do."""

    def __init__(self) -> None:
        self.other = self


@pytest.fixture(autouse=True)
def collector() -> Iterator[None]:
    """The collector belongs to all tests of this process."""
    gc.disable()  # so that only what a test says is collected
    thresholds, turn_s = gc.get_threshold(), sys.getswitchinterval()
    yield
    sys.setswitchinterval(turn_s)
    gc.set_threshold(*thresholds)
    gc.unfreeze()
    gc.enable()


def test_what_lives_long_is_not_walked_over_again():
    collect_all()
    kept = [Link() for _ in range(100)]
    Aside(walked=gc.get_freeze_count()).settle()
    assert gc.get_count()[0] < 100
    assert not any(isinstance(one, Link) for one in gc.get_objects())
    assert len(kept) == 100


def test_a_cycle_among_what_was_set_aside_is_freed_when_it_has_grown():
    link = Link()
    gone = weakref.ref(link)
    walked = collect_all()
    del link
    Aside(walked).settle()
    assert gone() is not None
    aside = Aside(walked=1, added=walked)
    aside.settle()
    assert gone() is None
    assert (aside.walked > 1, aside.added) == (True, 0)


def test_what_was_left_by_the_last_full_walk_is_remembered_until_the_next():
    aside = Aside(collect_all())
    before = aside.walked
    kept = [Link() for _ in range(100)]
    aside.settle()
    assert (aside.walked, aside.added >= 100) == (before, True)
    assert len(kept) == 100


def test_what_was_freed_meanwhile_is_no_growth():
    aside = Aside(collect_all())
    kept = [Link() for _ in range(100)]
    aside.settle()
    kept.clear()
    aside.added = 3 * aside.walked  # as if ever new samples had taken the place of old ones
    aside.settle()
    assert aside.added < aside.walked


def test_it_is_counted_seldom_however_much_comes_and_goes():
    aside = Aside(collect_all())
    aside.settle()
    for _ in range(COUNT_EVERY):
        aside.added = 3 * aside.walked
        aside.settle()
        if aside.added < aside.walked:
            break
    counted = aside.added
    aside.added = 3 * aside.walked
    aside.settle()
    assert counted < aside.walked < aside.added


def test_a_thread_that_thinks_gives_way_to_the_loop_within_a_millisecond():
    begin()
    assert sys.getswitchinterval() < 0.001
