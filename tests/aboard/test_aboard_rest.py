"""What lives long is set aside from the collector, and nothing that is only a cycle stays for ever."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from aboard.rest import collect_all, settle


class Link:
    """Holds on to itself, as a connection and its protocol do."""

    def __init__(self) -> None:
        self.other = self


@pytest.fixture(autouse=True)
def collector() -> Iterator[None]:
    """The collector belongs to all tests of this process."""
    gc.disable()  # so that only what a test says is collected
    yield
    gc.unfreeze()
    gc.enable()


def test_what_lives_long_is_not_walked_over_again():
    collect_all()
    kept = [Link() for _ in range(100)]
    settle(walked=gc.get_freeze_count())
    assert gc.get_count()[0] < 100
    assert not any(isinstance(one, Link) for one in gc.get_objects())
    assert len(kept) == 100


def test_a_cycle_among_what_was_set_aside_is_freed_when_it_has_grown():
    link = Link()
    gone = weakref.ref(link)
    walked = collect_all()
    del link
    settle(walked)
    assert gone() is not None
    settle(walked=1)
    assert gone() is None


def test_what_was_left_by_the_last_full_walk_is_remembered_until_the_next():
    walked = collect_all()
    assert settle(walked) == walked
    assert settle(walked=1) > 1
