"""What lives long is set aside from the collector, and nothing that is only a cycle stays for ever."""

from __future__ import annotations

import gc
import sys
import weakref
from collections.abc import Iterator

import pytest

from aboard.rest import GROWTH, Aside, begin, collect_all


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
    aside = Aside(collect_all())
    kept = [Link() for _ in range(100)]
    aside.settle()
    assert gc.get_count()[0] < 100
    assert not any(isinstance(one, Link) for one in gc.get_objects())
    assert len(kept) == 100


def test_a_cycle_among_what_was_set_aside_is_freed_when_memory_has_grown():
    link = Link()
    gone = weakref.ref(link)
    blocks = collect_all()
    del link
    Aside(blocks, room=0).settle()
    assert gone() is not None
    Aside(int(blocks / GROWTH) - 1, room=10 * blocks).settle()
    assert gone() is not None, "a city that has just connected has grown, too, and has no cycles"
    aside = Aside(int(blocks / GROWTH) - 1, room=0)
    aside.settle()
    assert gone() is None
    assert aside.blocks > blocks / GROWTH


def test_cycles_that_come_and_come_are_freed_before_they_take_four_times_the_memory():
    aside = Aside(collect_all(), room=0)
    first = aside.blocks
    for _ in range(120):
        for _ in range(first // 40):
            Link()
        gc.freeze()  # as if each had lived while the young were set aside
        aside.settle()
    assert aside.blocks < 1.5 * first
    assert sys.getallocatedblocks() < 4 * first


def test_what_was_freed_meanwhile_is_no_growth():
    aside = Aside(collect_all(), room=0)
    before = aside.blocks
    for _ in range(5):
        kept = [Link() for _ in range(before // 10)]
        for link in kept:
            del link.other
        aside.settle()
        kept.clear()
    assert aside.blocks == before


def test_a_thread_that_thinks_gives_way_to_the_loop_within_a_millisecond():
    begin()
    assert sys.getswitchinterval() < 0.001
