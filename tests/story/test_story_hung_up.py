"""Whoever asked hangs up while the disk writes: the book and its picture stay one."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from casebook import events as e
from casebook.book import Book, Row
from casebook.clock import JumpClock
from casebook.log import By, Draft, Entry, MemoryLog
from casebook.place import Place
from scenarios.report import folded

START = datetime(2021, 4, 18, 1, 30, tzinfo=UTC)
CALL = e.IncidentOpened("I1", Place(30.8, 121.0), "traffic", 1, "110", "crash")
FOUND = Row(1, START, "casualty_found", {"casualty": "I1-A", "incident": "I1", "label": "A"})


class SlowDisk(MemoryLog):
    """A log whose next append stays on the way until `let_go`."""

    blocking = True

    def __init__(self) -> None:
        super().__init__()
        self.let_go, self.begun = threading.Event(), threading.Event()
        self.let_go.set()

    def append(self, drafts: Sequence[Draft]) -> list[Entry]:
        self.begun.set()
        assert self.let_go.wait(20)
        return super().append(drafts)


@pytest.mark.parametrize("way", ["a vehicle's rows", "an ask"])
async def test_what_is_in_the_log_is_in_the_picture_though_the_asker_hung_up(way: str):
    log = SlowDisk()
    book = Book(log, JumpClock(START))
    await book.write(lambda picture: [CALL], By("dispatcher", "d"))
    log.let_go.clear()
    log.begun.clear()
    found = e.CasualtyFound("I1-A", "I1", "A")
    work: Any = (
        book.take_rows("U1", "epoch", [FOUND])
        if way != "an ask"
        else book.write(lambda picture: [found], By("ed", "x"))
    )
    asking = asyncio.ensure_future(work)
    await asyncio.to_thread(log.begun.wait, 20)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    log.let_go.set()
    next_one = e.CasualtyFound("I1-B", "I1", "B")
    await book.write(lambda picture: [next_one], By("dispatcher", "d"))
    assert set(book.picture.casualties) == {"I1-A", "I1-B"}
    assert folded(list(log.read())) == book.picture
