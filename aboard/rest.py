"""Keep Python's memory collector, and its one lock, from stopping the hub.

What the hub holds (roads, the picture, the connections) lives long and has few cycles; counting references frees nearly
all of it. A full collection only walks over it, for half a second at a thousand vehicles, and everybody waits. So what
has lived for a while is set aside, and walked over only when it has grown threefold since the last time: then there
may be cycles in it that only the collector frees.

One thread at a time runs Python. The hub's loop gives the lock away with every message that it sends, and while a desk
thinks in a thread beside it, gets it back only after that thread's turn: of 5 ms by default, so that a hundred boards
would take half a second.
"""

from __future__ import annotations

import asyncio
import gc
import sys
from dataclasses import dataclass

YOUNG = 10_000  # objects made beyond those freed before the youngest are looked at: a millisecond or two
SETTLE_S = 1.0  # wall seconds: at ten thousand rows a second the young are then not yet worth a walk of their own
GROWTH = 3.0
TURN_S = 0.0005  # of a thread while another waits; a change of threads takes some ten microseconds
COUNT_EVERY = 60  # settlings: to count what was set aside takes 60 ms at a thousand vehicles


async def set_aside_what_lives_long() -> None:
    """For the hub's whole life, in a process of its own: the collector belongs to the process."""
    aside = begin()
    while True:
        await asyncio.sleep(SETTLE_S)
        aside.settle()


@dataclass(slots=True)
class Aside:
    """What was set aside: `walked` objects by the last full collection, at most `added` since.

    What of it was freed meanwhile is not subtracted: to know that means to go through all of it. That is done only
    when it may have grown too much, and seldom.
    """

    walked: int
    added: int = 0
    _uncounted: int = COUNT_EVERY  # settlings since the last count

    def settle(self) -> None:
        """Set the young aside; walk over everything where that has grown too much since the last time."""
        gc.collect(0)
        self.added += len(gc.get_objects())
        gc.freeze()
        self._uncounted += 1
        if self._has_grown() and self._uncounted >= COUNT_EVERY:
            self.added, self._uncounted = gc.get_freeze_count() - self.walked, 0
            if self._has_grown():
                self.walked, self.added = collect_all(), 0

    def _has_grown(self) -> bool:
        return self.walked + self.added > GROWTH * self.walked


def begin() -> Aside:
    """Look at the young seldom and at the old never unasked; let threads take short turns."""
    sys.setswitchinterval(TURN_S)
    gc.set_threshold(YOUNG, 20, 1_000_000)
    gc.enable()  # a hub starts without it (aboard/front/hub.py)
    return Aside(collect_all())


def collect_all() -> int:
    """Walk over everything once; the number of objects left, all of them set aside."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()
    return gc.get_freeze_count()
