"""The outbox: what was put and not acknowledged is always there, in order, once; whatever dies in between."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from ambulance_unit.outbox import CORRUPT, ROW_BYTES_MAX, Outbox, Record, open_or_set_aside
from ambulance_unit.scribe import Scribe
from casebook.errors import FeedLost, RefusedInput
from casebook.link import MAX_BYTES, MAX_ROWS

START = datetime(2021, 4, 18, 1, 35, tzinfo=UTC)


def reading(number: int, asked: str = "") -> Record:
    body = {"casualty": "I1-A", "unit": "A01", "vitals": {"hr_bpm": number}}
    return Record(START + timedelta(seconds=number), "vitals_recorded", body, asked=asked)


@pytest.fixture
def outbox(tmp_path: Path):
    box = Outbox(tmp_path / "outbox.db")
    yield box
    box.close()


def tamper(file: Path, statement: str) -> None:
    with sqlite3.connect(file) as db:
        db.execute(statement)
    db.close()


class OutboxLaws(RuleBasedStateMachine):
    """A list is the truth; the outbox must agree with it whatever order things happen in."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.file = Path(self.folder.name) / "outbox.db"
        self.box = Outbox(self.file)
        self.put_so_far: list[int] = []  # the number in each row's body, by seq
        self.acked = 0
        self.past = 0  # rows of earlier epochs that are in the book
        self.number = 0
        self.epochs = [self.box.epoch]

    @rule(count=st.integers(1, 5))
    def put(self, count: int) -> None:
        fresh = list(range(self.number, self.number + count))
        self.number += count
        seqs = self.box.put([reading(number) for number in fresh])
        assert seqs == list(range(len(self.put_so_far) + 1, len(self.put_so_far) + 1 + count))
        self.put_so_far += fresh

    @rule(share=st.floats(0, 1.2))
    def acknowledge(self, share: float) -> None:
        through = round(share * len(self.put_so_far))
        self.box.acknowledge(self.box.epoch, through)
        if self.acked < through <= len(self.put_so_far):
            self.acked = through

    @rule(through=st.integers(1, 20))
    def acknowledge_another_epoch(self, through: int) -> None:
        assert self.box.acknowledge("somebody else's", through) == 0

    @rule()
    def close_and_open(self) -> None:
        self.box.close()
        self.box = Outbox(self.file)

    @precondition(lambda self: len(self.epochs) < 4)
    @rule()
    def renew(self) -> None:
        self.box.renew()
        assert self.box.epoch not in self.epochs
        self.epochs.append(self.box.epoch)
        self.past += self.acked
        self.put_so_far, self.acked = self.put_so_far[self.acked :], 0

    @invariant()
    def what_waits_is_there_in_order_and_once(self) -> None:
        rows = self.box.unacknowledged()
        assert [row.seq for row in rows] == list(range(self.acked + 1, len(self.put_so_far) + 1))
        assert [row.body["vitals"]["hr_bpm"] for row in rows] == self.put_so_far[self.acked :]

    @invariant()
    def the_counts_add_up(self) -> None:
        counts = self.box.counts
        assert (counts.stored, counts.acked, counts.waiting) == (
            self.past + len(self.put_so_far),
            self.past + self.acked,
            len(self.put_so_far) - self.acked,
        )
        assert self.box.stored_of("vitals_recorded") == self.number

    def teardown(self) -> None:
        self.box.close()
        self.folder.cleanup()


TestOutboxLaws = OutboxLaws.TestCase
TestOutboxLaws.settings = settings(max_examples=40, stateful_step_count=20, deadline=None)


def test_a_row_comes_back_as_it_was_put(outbox: Outbox):
    outbox.put([Record(START, "message_read", {"message": "m1", "by": "李护士", "read_back": ""}, "李护士", "button")])
    (row,) = outbox.unacknowledged()
    assert (row.seq, row.at, row.kind, row.who, row.origin) == (1, START, "message_read", "李护士", "button")
    assert row.body == {"message": "m1", "by": "李护士", "read_back": ""}


def test_numbers_are_never_used_again_after_everything_was_acknowledged(tmp_path: Path):
    box = Outbox(tmp_path / "outbox.db")
    box.put([reading(1), reading(2)])
    box.acknowledge(box.epoch, 2)
    box.close()
    box = Outbox(tmp_path / "outbox.db")
    assert box.put([reading(3)]) == [3]
    box.close()


def test_a_tablet_set_up_anew_has_another_epoch(tmp_path: Path):
    first, second = Outbox(tmp_path / "a.db"), Outbox(tmp_path / "b.db")
    assert first.epoch != second.epoch
    first.close()
    second.close()


def test_an_idempotency_key_is_remembered_after_its_rows_are_gone(outbox: Outbox):
    outbox.put([reading(1, asked="tap-1"), reading(2, asked="tap-1"), reading(3, asked="tap-2")])
    outbox.acknowledge(outbox.epoch, 3)
    assert outbox.find_asked("tap-1") == [1, 2]
    assert outbox.find_asked("never") == []


def test_one_message_holds_no_more_than_the_link_allows(outbox: Outbox):
    outbox.put([reading(number) for number in range(MAX_ROWS + 10)])
    assert len(outbox.unacknowledged()) == MAX_ROWS
    assert len(outbox.unacknowledged(after=MAX_ROWS)) == 10
    big = Record(START, "findings_recorded", {"note": "x" * (ROW_BYTES_MAX - 100)})
    outbox.acknowledge(outbox.epoch, MAX_ROWS + 10)
    outbox.put([big] * 20)
    assert sum(len(row.body["note"]) for row in outbox.unacknowledged()) < MAX_BYTES


def test_a_row_too_big_for_the_link_is_refused_and_nothing_is_written(outbox: Outbox):
    with pytest.raises(RefusedInput) as caught:
        outbox.put([reading(1), Record(START, "message_sent", {"text": "x" * ROW_BYTES_MAX})])
    assert caught.value.key == "row_too_big"
    assert outbox.counts.stored == 0


def test_a_flipped_bit_is_found_and_the_row_travels_as_corrupt(tmp_path: Path):
    file = tmp_path / "outbox.db"
    box = Outbox(file)
    box.put([reading(71), reading(72), reading(73)])
    box.close()
    tamper(file, """UPDATE row SET body = replace(body, '72', '92') WHERE seq = 2""")
    box = Outbox(file)
    rows = box.unacknowledged()
    assert [row.kind for row in rows] == ["vitals_recorded", CORRUPT, "vitals_recorded"]
    assert "92" in rows[1].body["body"]
    assert box.counts.corrupt == 1
    box.renew()
    assert [row.kind for row in box.unacknowledged()] == ["vitals_recorded", CORRUPT, "vitals_recorded"]
    box.close()


def test_a_row_whose_text_is_no_text_any_more_travels_as_corrupt(tmp_path: Path):
    file = tmp_path / "outbox.db"
    box = Outbox(file)
    box.put([reading(71)])
    box.close()
    tamper(file, "UPDATE row SET at = 'yesterday', who = CAST(x'ff80' AS TEXT)")
    box = Outbox(file)
    (row,) = box.unacknowledged()
    assert row.kind == CORRUPT
    assert row.at.tzinfo is not None
    assert row.body["at"] == "yesterday"
    box.close()


def test_a_full_disk_is_told_and_what_was_there_stays(outbox: Outbox):
    outbox.put([reading(1)])
    pages = outbox._db.execute("PRAGMA page_count").fetchone()[0]
    outbox._db.execute(f"PRAGMA max_page_count={pages}")
    with pytest.raises(FeedLost) as caught:
        outbox.put([Record(START, "message_sent", {"text": "x" * 60_000})])
    assert caught.value.key == "outbox_unwritable"
    assert [row.seq for row in outbox.unacknowledged()] == [1]
    outbox._db.execute("PRAGMA max_page_count=1000000")
    assert outbox.put([reading(2)]) == [2]


def test_a_second_agent_may_not_open_the_same_outbox(outbox: Outbox):
    with pytest.raises(RefusedInput) as caught:
        Outbox(outbox.file, wait_s=0.05)
    assert caught.value.key == "outbox_in_use"


def test_a_newer_file_is_refused_and_left_alone(tmp_path: Path):
    file = tmp_path / "outbox.db"
    tamper(file, "PRAGMA user_version = 99")
    before = file.read_bytes()
    with pytest.raises(RefusedInput) as caught:
        open_or_set_aside(file)
    assert caught.value.key == "outbox_too_new"
    assert file.read_bytes() == before


def test_a_file_that_cannot_be_opened_is_kept_under_another_name_and_work_goes_on(tmp_path: Path):
    file = tmp_path / "outbox.db"
    file.write_bytes(b"this was a database once" * 500)
    box, aside = open_or_set_aside(file)
    assert aside is not None and aside.read_bytes().startswith(b"this was")
    assert box.put([reading(1)]) == [1]
    box.close()
    box, aside = open_or_set_aside(file)
    assert aside is None
    box.close()


CHILD = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from ambulance_unit.outbox import Outbox, Record
box = Outbox(Path(sys.argv[1]))
number = box.counts.stored
while True:
    batch = [Record(datetime(2021, 4, 18, tzinfo=UTC), "vitals_recorded", {"n": number + i}) for i in range(3)]
    seqs = box.put(batch)
    number += 3
    print(seqs[-1], flush=True)
    if number % 30 == 0:
        box.acknowledge(box.epoch, number - 15)
        print(-(number - 15), flush=True)
"""


def test_what_was_put_survives_kill_dash_nine(tmp_path: Path):
    """A real child is killed in mid-write, again and again; every number it printed was durable before it printed."""
    file, epochs = tmp_path / "outbox.db", set()
    for lines_before_death in (1, 7, 18, 40):
        child = subprocess.Popen([sys.executable, "-c", CHILD, str(file)], stdout=subprocess.PIPE, text=True)
        assert child.stdout is not None
        promised = [int(child.stdout.readline()) for _ in range(lines_before_death)]
        os.kill(child.pid, signal.SIGKILL)
        promised += [int(line) for line in child.stdout.read().splitlines() if line.lstrip("-").isdigit()]
        child.wait()
        child.stdout.close()
        stored = max((line for line in promised if line > 0), default=0)
        acked = max((-line for line in promised if line < 0), default=0)
        box = Outbox(file)
        rows = box.unacknowledged()
        assert box.counts.stored >= stored
        assert box.counts.acked >= acked
        assert [row.seq for row in rows] == list(range(box.counts.acked + 1, box.counts.stored + 1))
        assert [row.body["n"] for row in rows] == [row.seq - 1 for row in rows]
        epochs.add(box.epoch)
        box.close()
    assert len(epochs) == 1


class CountingOutbox(Outbox):
    flushes = 0

    def put(self, records):
        self.flushes += 1
        return super().put(records)


async def test_callers_that_come_together_share_one_flush(tmp_path: Path):
    scribe = Scribe(CountingOutbox(tmp_path / "outbox.db"))
    seqs = await asyncio.gather(*(scribe.put([reading(number)]) for number in range(50)))
    assert seqs == [[number] for number in range(1, 51)]
    assert scribe.outbox.flushes <= 2
    await scribe.close()


async def test_one_callers_oversized_row_does_not_fail_the_others(tmp_path: Path):
    scribe = Scribe(Outbox(tmp_path / "outbox.db"))
    too_big = Record(START, "message_sent", {"text": "x" * ROW_BYTES_MAX})
    answers = await asyncio.gather(
        scribe.put([reading(1)]), scribe.put([too_big]), scribe.put([reading(2), reading(3)]), return_exceptions=True
    )
    assert answers[0] == [1] and answers[2] == [2, 3]
    assert isinstance(answers[1], RefusedInput)
    await scribe.close()


async def test_a_disk_that_fails_is_told_to_every_caller(tmp_path: Path):
    scribe = Scribe(Outbox(tmp_path / "outbox.db"))
    scribe.outbox._db.execute("PRAGMA query_only=1")
    answers = await asyncio.gather(scribe.put([reading(1)]), scribe.put([reading(2)]), return_exceptions=True)
    assert all(isinstance(answer, FeedLost) for answer in answers)
    scribe.outbox._db.execute("PRAGMA query_only=0")
    assert await scribe.put([reading(3)]) == [1]
    await scribe.close()
