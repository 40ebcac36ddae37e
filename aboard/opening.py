"""Open a hub's book at its start: fold it, check its chain, and compare its end with what the hub wrote down beside it.

Every entry is hashed and folded at a start, a hundred thousand in little more than a second; in a long book those after
the picture that the hub carried forward (aboard/carrying.py). Of what was signed the newest is looked at, since with it
the chain proves what came before. What was written after that (at most a minute; under load a thousand entries and what
came within a second) no checkpoint knows yet.
"""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator

from aboard.health.judging import Concern
from casebook.book import Book, Listener
from casebook.clock import Clock
from casebook.log import ChainBroken, Log
from casebook.store.carried import BLANK, Carried
from casebook.store.seals import Seal, must_be_as_told


def open_book(
    log: Log, clock: Clock, seal: Seal, *, drill: bool, hear: Listener | None = None, carried: Carried = BLANK
) -> tuple[Book, list[Concern]]:
    """The book, folded, after its chain and its end were checked; what is to be told of them on the console.

    `hear` hears of every entry, those that are there after `carried` and those that come.

    Raises ChainBroken. A drill may run on a store that forgets: there a lost end is a concern, no refusal.
    """
    with unwalked():
        book = Book.open(log, clock, hear, carried)
    try:
        told = must_be_as_told(log, seal)
    except ChainBroken as broken:
        if not drill:
            raise
        return book, [Concern("log_differs", "warn", {"seq": broken.facts["seq"], "found": broken.facts["found"]})]
    if told is None and any(one.signer == seal.signer for one in log.checkpoints()):
        return book, [Concern("unwitnessed", "warn", {"file": seal.witness.name})]
    return book, []


@contextlib.contextmanager
def unwalked() -> Iterator[None]:
    """Without Python's memory collector: a book that is folded has no cycles, and walking over it while it grows takes
    a sixth of the time."""
    walks = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if walks:
            gc.enable()
