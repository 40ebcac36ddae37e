"""Keep Python's memory collector from stopping the hub.

What the hub holds (roads, the picture, the connections) lives long and has few cycles; counting references frees nearly
all of it. A full collection only walks over it, for half a second at a thousand vehicles, and everybody waits. So what
has lived for a while is set aside, and walked over only when it has grown threefold since the last time: then there
may be cycles in it that only the collector frees.
"""

from __future__ import annotations

import asyncio
import gc

YOUNG = 10_000  # objects made beyond those freed before the youngest are looked at: a millisecond or two
SETTLE_S = 5.0  # wall seconds
GROWTH = 3.0


async def set_aside_what_lives_long() -> None:
    """For the hub's whole life, in a process of its own: the collector belongs to the process."""
    walked = begin()
    while True:
        await asyncio.sleep(SETTLE_S)
        walked = settle(walked)


def begin() -> int:
    """Look at the young seldom and at the old never unasked; the number of objects set aside."""
    gc.set_threshold(YOUNG, 20, 1_000_000)
    return collect_all()


def settle(walked: int) -> int:
    """Set the young aside; `walked` objects were left by the last full collection, the answer by the newest."""
    gc.collect(0)
    gc.freeze()
    return collect_all() if gc.get_freeze_count() > GROWTH * walked else walked


def collect_all() -> int:
    """Walk over everything once; the number of objects left, all of them set aside."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()
    return gc.get_freeze_count()
