"""Keep Python's memory collector, and its one lock, from stopping the hub.

What the hub holds (roads, the picture, the connections) lives long and has few cycles; counting references frees nearly
all of it. A full collection only walks over it, for a fifth of a second at a thousand vehicles, and everybody waits. So
what has lived for a moment is set aside, often and therefore little at a time (and for a hundredth of the time at
most, because what is young while it is pressed dies by itself soon), and walked over only when there may be
many cycles in it that only the collector frees: when three times as much memory is in use as after the last walk, and
more than a whole city takes. A hub begins small: without the second it would walk when a city has just connected, and
find nothing, because what makes cycles are connections that end.

One thread at a time runs Python. The hub's loop gives the lock away with every message that it sends, and while a desk
thinks in a thread beside it, gets it back only after that thread's turn: of 5 ms by default, so that a hundred boards
would take half a second.
"""

from __future__ import annotations

import asyncio
import gc
import sys
import time
from dataclasses import dataclass

# Objects made beyond those freed before the youngest are looked at between two times. The walk goes over the newest ten
# minutes of everybody's samples, too, however few of them are new: the more seldom, the less for each row.
YOUNG = 50_000
SETTLE_S = 0.25  # wall seconds: at ten thousand rows a second the young are then a walk of a millisecond or two
PAUSES = 100.0  # times what the last took, before the next: pressed hard, it takes twenty milliseconds
GROWTH = 3.0
ROOM = 6_000_000  # blocks of memory, some 700 MB of the process; 1,000 vehicles and 400 cases begin with 1.5 million
TURN_S = 0.0005  # of a thread while another waits; a change of threads takes some ten microseconds


async def set_aside_what_lives_long() -> None:
    """For the hub's whole life, in a process of its own: the collector belongs to the process."""
    aside, rest_s = begin(), SETTLE_S
    while True:
        await asyncio.sleep(rest_s)
        began_s = time.perf_counter()
        aside.settle()
        rest_s = max(SETTLE_S, PAUSES * (time.perf_counter() - began_s))


@dataclass(slots=True)
class Aside:
    """`blocks` of memory were in use after the last walk over everything; with less than `room` none is due.

    The interpreter's own count of them takes a tenth of a millisecond; to count the objects that were set aside takes
    as long as half a walk.
    """

    blocks: int
    room: int = ROOM

    def settle(self) -> None:
        """Set the young aside; walk over everything where much more is in use than after the last time."""
        gc.collect(0)
        gc.freeze()
        if sys.getallocatedblocks() > max(GROWTH * self.blocks, self.room):
            self.blocks = collect_all()


def begin() -> Aside:
    """Look at the young seldom and at the old never unasked; let threads take short turns."""
    sys.setswitchinterval(TURN_S)
    gc.set_threshold(YOUNG, 20, 1_000_000)
    gc.enable()  # a hub starts without it (aboard/front/hub.py)
    return Aside(collect_all())


def collect_all() -> int:
    """Walk over everything once and set aside what is left; the blocks of memory still in use."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()
    return sys.getallocatedblocks()
