"""One door for every change: decided on the newest picture, whole or not at all, told to whoever listens."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from unittest import mock

import pytest
from casebook_tales import BY, HERE, KEEPERS, START, keeper, kinds, opened, tales, that_fit
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from casebook import events as e
from casebook.book import POOL_ROWS, VEHICLE_FACTS, Book, Row
from casebook.clock import JumpClock
from casebook.errors import AlreadyHeld, FeedLost, IllegalStep, RefusedInput
from casebook.log import Draft, Entry, LogMovedOn, MemoryLog, Written, storable, verify
from casebook.store.restoring import fold_all

A = "I1-A"
both_keepers = pytest.mark.parametrize("kind", KEEPERS)


def row(seq: int, fact: e.Event, **changes) -> Row:
    return replace(Row(seq, START + timedelta(seconds=seq), fact.name, e.encode(fact)), **changes)


def fix(n: int) -> e.PositionReported:
    return e.PositionReported("A01", 31.0, 121.0 + n / 1000)


@both_keepers
async def test_what_is_written_is_in_log_and_picture_and_told_after_both(kind: str, tmp_path: Path):
    book = await opened(keeper(kind, tmp_path))
    heard: list[tuple[int, int]] = []
    stop = book.listen(lambda entries: heard.append((entries[-1].seq, book.picture.seq)))
    (entry,) = await book.write(lambda picture: [e.UnitAssigned("A01", "I1")], BY, START + timedelta(seconds=5))
    assert entry.at == START + timedelta(seconds=5) and entry.recorded_at == START
    assert heard == [(entry.seq, entry.seq)]
    stop()
    await book.write(lambda picture: [e.UnitEnRoute("A01")], BY)
    assert len(heard) == 1 and book.picture.units["A01"].duty == "en_route"
    book.log.close()


@both_keepers
async def test_a_batch_with_one_step_that_does_not_fit_writes_nothing(kind: str, tmp_path: Path):
    book = await opened(keeper(kind, tmp_path))
    before, head = book.picture, book.log.head()
    with pytest.raises(IllegalStep):
        await book.write(lambda picture: [e.UnitAssigned("A01", "I1"), e.UnitOnScene("A01")], BY)
    assert book.picture is before and book.log.head() == head
    book.log.close()


@both_keepers
async def test_the_loser_of_a_race_for_a_bay_is_told_and_nothing_is_written(kind: str, tmp_path: Path):
    book = await opened(keeper(kind, tmp_path))
    rival = Book.open(book.log, book.clock)  # another hub on the same store, which has not heard of the hold yet
    until = START + timedelta(hours=1)
    await book.write(lambda picture: [e.HoldPlaced(A, "songjiang", "resus_bay", 1, until)], BY)
    before, head = rival.picture, book.log.head()
    with pytest.raises(AlreadyHeld) as caught:
        await rival.write(lambda picture: [e.HoldPlaced("I1-B", "songjiang", "resus_bay", 1, until)], BY)
    assert caught.value.facts["holder"] == A
    assert rival.picture is before and book.log.head() == head
    book.log.close()


async def test_a_unit_is_claimed_by_one_incident_and_free_after_its_mission():
    book = await opened(MemoryLog(), e.IncidentOpened("I2", HERE, "fall", 2, "120", ""))
    rival = Book.open(book.log, book.clock)
    await book.write(lambda picture: [e.UnitAssigned("A01", "I1")], BY)
    with pytest.raises(AlreadyHeld):
        await rival.write(lambda picture: [e.UnitAssigned("A01", "I2")], BY)
    await book.write(lambda picture: [e.UnitStoodDown("A01", "false alarm")], BY)
    await rival.write(lambda picture: [e.UnitAssigned("A01", "I2")], BY)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tale=tales, kind=st.sampled_from(KEEPERS))
async def test_a_book_opened_again_has_the_same_picture(tale: list[e.Event], kind: str, tmp_path_factory):
    log = keeper(kind, tmp_path_factory.mktemp("book"))
    book = Book.open(log, JumpClock(START))
    for fact in that_fit(tale):
        await book.write(lambda picture, fact=fact: [fact], BY)
    assert Book.open(log, book.clock).picture == book.picture
    log.close()


@both_keepers
async def test_decisions_see_the_newest_picture_however_many_write_at_once(kind: str, tmp_path: Path):
    book = await opened(keeper(kind, tmp_path))

    async def take_next() -> None:
        def decide(picture) -> Sequence[e.Event]:
            free = 10 - sum(fact.id.startswith("m") for fact in picture.messages.values())
            return [e.MessageSent(f"m{free}", A, "songjiang", "hello")] if free else []

        await book.write(decide, BY)

    await asyncio.gather(*(take_next() for _ in range(20)))
    assert len(book.picture.messages) == 10
    assert verify(book.log.read()) == book.log.head()
    book.log.close()


@both_keepers
async def test_the_same_ask_twice_is_done_once_however_close_together(kind: str, tmp_path: Path):
    book = await opened(keeper(kind, tmp_path))

    def decide(picture) -> Sequence[e.Event]:
        number = len(picture.messages)
        return [e.MessageSent(f"m{number}", A, "songjiang", ""), e.MessageSent(f"n{number}", A, "songjiang", "")]

    answers = await asyncio.gather(*(book.write(decide, BY, asked="key") for _ in range(5)))
    assert len(book.picture.messages) == 2
    assert len({tuple(entry.seq for entry in answer) for answer in answers}) == 1
    book.log.close()


# --- rows of a vehicle


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    windows=st.lists(st.tuples(st.integers(1, 12), st.integers(0, 6)), max_size=12),
    lost=st.sets(st.integers(1, 12)),
    kind=st.sampled_from(KEEPERS),
)
async def test_rows_are_taken_once_and_in_order_whatever_the_batching(windows, lost, kind, tmp_path_factory):
    """Batches that overlap, repeat, come out of order or lack rows; at last the vehicle sends all again."""
    log = keeper(kind, tmp_path_factory.mktemp("rows"))
    book = await opened(log)
    outbox = [row(seq, fix(seq)) for seq in range(1, 13)]
    through = 0
    for first, count in windows:
        batch = [one for one in outbox[first - 1 : first - 1 + count] if one.seq not in lost]
        acked = await book.take_rows("A01", "e1", batch)
        assert acked >= through, "an acknowledgement never goes back"
        through = acked
    assert await book.take_rows("A01", "e1", outbox) == 12
    taken = [entry.source.seq for entry in log.read() if entry.source]
    assert taken == list(range(1, 13))
    assert book.picture.units["A01"].position == fix(12)
    assert Book.open(log, book.clock).picture == book.picture
    log.close()


async def test_each_epoch_of_a_vehicle_counts_for_itself():
    book = await opened(MemoryLog())
    assert await book.take_rows("A01", "e1", [row(1, fix(1)), row(2, fix(2))]) == 2
    assert await book.take_rows("A01", "e2", [row(1, fix(3))]) == 1
    assert await book.take_rows("H01", "e1", []) == 0


async def test_a_row_that_does_not_fit_is_kept_whole_and_what_follows_is_taken():
    book = await opened(MemoryLog())
    rows = [
        row(1, e.UnitOnScene("A01")),
        replace(row(2, fix(2)), kind="poem"),
        row(3, e.VitalsRecorded(A, "A01", {"spo2_pct": 140})),
        row(4, fix(4)),
    ]
    assert await book.take_rows("A01", "e1", rows) == 4
    tail = list(book.log.read())[-4:]
    assert [entry.kind for entry in tail] == ["row_refused"] * 3 + ["position_reported"]
    assert [entry.body["error"] for entry in tail[:3]] == ["illegal_step", "unknown_event", "impossible_vital"]
    assert tail[2].body["body"]["vitals"] == {"spo2_pct": 140} and tail[2].body["kind"] == "vitals_recorded"


@pytest.mark.parametrize(
    ("fact", "error"),
    [
        (e.PositionReported("H01", 31.0, 121.0), "not_your_unit"),
        (e.UnitEnRoute("H01"), "not_your_unit"),
        (e.CapacityReported("songjiang", "ct", 1), "not_a_vehicle_fact"),
        (e.DestinationChosen(A, e.Option("songjiang", "road", 1, {})), "not_a_vehicle_fact"),
        (e.HandoverSigned(A, "hospital", "crew"), "not_a_vehicle_fact"),
        (e.HoldReleased(A, "songjiang", "resus_bay", 1, ""), "not_a_vehicle_fact"),
    ],
)
async def test_a_vehicle_speaks_only_of_itself_and_never_for_desk_or_ward(fact: e.Event, error: str):
    book = await opened(MemoryLog())
    await book.take_rows("A01", "e1", [row(1, fact)])
    last = list(book.log.read())[-1]
    assert last.kind == "row_refused" and last.body["error"] == error


async def test_a_row_keeps_who_said_it_and_when_it_happened():
    book = await opened(MemoryLog())
    heard: list[Entry] = []
    book.listen(heard.extend)
    await book.take_rows("A01", "e1", [row(1, fix(1), who="medic Chen", origin="button"), row(2, fix(2))])
    first, second = heard
    assert (str(first.by), first.by.origin) == ("paramedic:medic Chen", "button")
    assert (str(second.by), second.at) == ("paramedic:A01", START + timedelta(seconds=2))


async def test_a_crew_that_was_offline_may_sign_and_be_free_in_one_batch():
    book = await opened(MemoryLog())
    await book.write(lambda picture: [e.UnitAssigned("A01", "I1"), e.DestinationChosen(A, OPTION)], BY)
    journey = [
        e.UnitEnRoute("A01"), e.UnitOnScene("A01"), e.UnitAtPatient("A01", A), e.CasualtyBoarded(A, "A01"),
        e.UnitLeftScene("A01"), e.UnitAtDestination("A01", "songjiang"), e.CasualtyArrived(A, "songjiang", "A01"),
    ]  # fmt: skip
    rows = [row(seq, fact) for seq, fact in enumerate(journey, start=1)]
    await book.take_rows("A01", "e1", rows)
    ward = [e.HandoverStarted(A, "songjiang"), e.HandoverSigned(A, "hospital", "sister Li")]
    await book.write(lambda picture: ward, BY)
    late = [e.HandoverStarted(A, "songjiang"), e.HandoverSigned(A, "crew", "medic"), e.UnitBackInService("A01")]
    await book.take_rows("A01", "e1", [row(8 + n, fact) for n, fact in enumerate(late)])
    assert "row_refused" not in kinds(book.log)
    assert book.picture.units["A01"].duty == "available"


# --- rows of several vehicles in one commit


class HeldDisk(MemoryLog):
    """A disk that flushes only when it is let go, and remembers how much each flush held."""

    blocking = True

    def __init__(self) -> None:
        super().__init__()
        self.begun, self.let_go = threading.Event(), threading.Event()
        self.flushes: list[int] = []
        self.gone = False
        self.let_go.set()

    def append(self, drafts: Sequence[Draft]) -> list[Entry]:
        self.begun.set()
        assert self.let_go.wait(20)
        if self.gone:
            raise FeedLost("log_silent", where="disk", why="unplugged")
        entries = super().append(drafts)
        self.flushes.append(len(entries))
        return entries

    def through(self, unit: str, epoch: str) -> int:
        if epoch == "unreadable":
            raise FeedLost("log_silent", where="disk", why=unit)
        return super().through(unit, epoch)


async def busy() -> tuple[HeldDisk, Book, asyncio.Task]:
    """A book whose disk is flushing a first vehicle's row, and that vehicle, which waits for it."""
    log = HeldDisk()
    book = await opened(log)
    log.flushes.clear()
    log.let_go.clear()
    log.begun.clear()
    first = asyncio.ensure_future(book.take_rows("A01", "first", [row(1, fix(1))]))
    await asyncio.to_thread(log.begun.wait, 20)
    return log, book, first


def wave(count: int, unit: str = "A01") -> list[Row]:
    return [row(seq, e.PositionReported(unit, 31.0, 121.0 + seq / 1000)) for seq in range(1, count + 1)]


async def queued(*asks) -> list[asyncio.Task]:
    tasks = [asyncio.ensure_future(ask) for ask in asks]
    await asyncio.sleep(0)  # each has run up to where it waits
    return tasks


async def test_what_queues_while_the_disk_is_busy_shares_the_next_flush():
    log, book, first = await busy()
    others = await queued(*(book.take_rows("A01", f"e{n}", wave(n)) for n in range(1, 6)))
    log.let_go.set()
    assert await first == 1
    assert await asyncio.gather(*others) == [1, 2, 3, 4, 5]
    assert log.flushes == [1, 1 + 2 + 3 + 4 + 5]
    assert Book.open(log, book.clock).picture == book.picture


async def test_a_flush_takes_only_so_many_rows_and_a_decision_has_its_turn_between_two():
    log, book, first = await busy()
    many = wave(POOL_ROWS - 1)
    others = await queued(
        *(book.take_rows("A01", f"e{n}", many) for n in range(4)),
        book.write(lambda picture: [e.MessageSent(f"seen {picture.seq}", A, "songjiang", "")], BY),
    )
    log.let_go.set()
    await asyncio.gather(first, *others)
    assert log.flushes == [1, 1, 2 * len(many), 2 * len(many)], "the write queued before the first wave was taken up"
    assert max(log.flushes) < 2 * POOL_ROWS


async def test_a_decision_that_queued_with_vehicles_sees_what_they_said():
    log, book, first = await busy()
    seen: list[int] = []
    waves = await queued(book.take_rows("A01", "e1", wave(3)), book.take_rows("H01", "e1", wave(2, "H01")))
    log.let_go.set()
    await asyncio.gather(first, *waves)
    await book.write(lambda picture: seen.append(picture.seq) or [], BY)
    assert seen == [log.head()[0]]
    assert book.picture.units["H01"].position == e.PositionReported("H01", 31.0, 121.002)


async def test_one_asker_that_hangs_up_takes_nothing_from_anybody():
    log, book, first = await busy()
    gone, stays = await queued(book.take_rows("A01", "gone", wave(2)), book.take_rows("A01", "stays", wave(3)))
    first.cancel()
    gone.cancel()
    log.let_go.set()
    assert await stays == 3
    assert [log.through("A01", epoch) for epoch in ("first", "gone", "stays")] == [1, 2, 3]
    assert Book.open(log, book.clock).picture == book.picture
    assert await book.take_rows("A01", "gone", wave(3)) == 3, "it sends again, and goes on where it was"


# --- whole commits in a row, the next made ready while the last is written


class OwnWriter(MemoryLog):
    """A log that writes by itself: at once, or while `held` when it is told to."""

    blocking = True

    def __init__(self) -> None:
        super().__init__()
        self.held = False
        self.handed: list[tuple[Sequence[Draft], Written | None, Written]] = []

    def submit(self, drafts: Sequence[Draft], after: Written | None = None) -> Written:
        storable(drafts)
        self.handed.append((drafts, after, Written()))
        written = self.handed[-1][2]
        if not self.held:
            self.write()
        return written

    def write(self, wrong: Exception | None = None) -> None:
        drafts, after, written = self.handed.pop(0)
        if after is not None and after.exception() is not None:
            wrong = LogMovedOn(where="memory", count="?", known="?")
        if wrong is not None:
            written.set_exception(wrong)
        else:
            written.set_result(self.append(drafts))


async def pressed(*asks) -> tuple[OwnWriter, Book, list[asyncio.Task]]:
    """A book whose log has been handed the first of these commits (unit, epoch, first row) and writes when told to."""
    log = OwnWriter()
    book = await opened(log)
    for unit, epoch in {(unit, epoch): 0 for unit, epoch, _ in asks}:
        await book.take_rows(unit, epoch, [])
    log.held = True
    rows = {(unit, first): wave(first + POOL_ROWS, unit)[first - 1 : -1] for unit, _, first in asks}
    tasks = await queued(*(book.take_rows(unit, epoch, rows[unit, first]) for unit, epoch, first in asks))
    await settled()
    return log, book, tasks


async def settled() -> None:
    for _ in range(8):
        await asyncio.sleep(0)


async def test_a_commit_is_handed_over_before_the_last_is_written_and_told_only_when_it_is_written_itself():
    log, book, tasks = await pressed(("A01", "e1", 1), ("H01", "e1", 1), ("A01", "e1", 1 + POOL_ROWS))
    before, told = book.picture, list[tuple[int, int]]()
    book.listen(lambda entries: told.append((entries[-1].seq, len(log.handed))))
    assert [after for _, after, _ in log.handed] == [None, log.handed[0][2]] and not any(task.done() for task in tasks)
    for done in range(1, 4):
        log.write()
        await settled()
        assert [task.done() for task in tasks] == [True] * done + [False] * (3 - done)
        assert (book.picture.seq, told[-1]) == (log.head()[0], (log.head()[0], 1 if done < 3 else 0))
    assert [task.result() for task in tasks] == [POOL_ROWS, POOL_ROWS, 2 * POOL_ROWS]
    assert book.picture.seq == before.seq + 3 * POOL_ROWS and len(told) == 3
    assert Book.open(log, book.clock).picture == book.picture == fold_all(log.read())


async def test_what_was_made_ready_on_a_commit_that_fails_is_fitted_anew_and_no_row_is_taken_before_its_forerunner():
    log, book, tasks = await pressed(("A01", "e1", 1), ("A01", "e1", 1 + POOL_ROWS), ("H01", "e1", 1))
    before, told, unheard = book.picture, list[Entry](), list[dict]()
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: unheard.append(context))
    book.listen(told.extend)
    log.write(FeedLost("log_silent", where="disk", why="unplugged"))
    log.write()
    log.held = False
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(answers[0], FeedLost)
    assert answers[1:] == [0, POOL_ROWS], "the second commit of A01 waits for what the first had"
    assert {entry.source.unit for entry in told if entry.source} == {"H01"}
    assert book.picture.seq == log.head()[0] == before.seq + POOL_ROWS
    assert await book.take_rows("A01", "e1", wave(2 * POOL_ROWS)) == 2 * POOL_ROWS
    assert Book.open(log, book.clock).picture == book.picture == fold_all(log.read())
    gc.collect()
    assert unheard == []


async def test_a_decision_waits_for_one_more_commit_and_not_for_all_of_them():
    log, book, tasks = await pressed(*(("A01", "e1", 1 + POOL_ROWS * n) for n in range(4)))
    seen: list[int] = []
    (decision,) = await queued(book.write(lambda picture: seen.append(picture.seq) or [fix(1)], BY))
    before = book.picture.seq
    log.held = False
    while log.handed:
        log.write()
    await asyncio.gather(decision, *tasks)
    assert seen == [before + 2 * POOL_ROWS], "the commit under way, and the one that was ready"
    assert Book.open(log, book.clock).picture == book.picture


async def test_what_the_log_refuses_of_one_vehicle_is_refused_to_that_one_alone():
    log, book, first = await busy()
    half = replace(row(1, fix(1)), who="medic \ud800")  # half a character, which no keeper can keep
    asks = [book.take_rows("A01", f"e{n}", [half] if n == 4 else wave(2)) for n in range(7)]
    others = await queued(*asks)
    log.let_go.set()
    await first
    answers = await asyncio.gather(*others, return_exceptions=True)
    assert isinstance(answers.pop(4), RefusedInput) and answers == [2] * 6
    assert log.through("A01", "e4") == 0 and log.head()[0] == book.picture.seq
    assert Book.open(log, book.clock).picture == book.picture


async def test_a_fault_of_ours_in_one_vehicles_rows_is_no_other_vehicles():
    log, book, first = await busy()
    broken = replace(row(1, fix(1)), at=None)
    others = await queued(
        book.take_rows("A01", "broken", [broken]), book.take_rows("A01", "unreadable", wave(1)),
        book.take_rows("A01", "whole", wave(2)),
    )  # fmt: skip
    log.let_go.set()
    answers = await asyncio.gather(first, *others, return_exceptions=True)
    assert (answers[0], answers[3]) == (1, 2)
    assert isinstance(answers[1], TypeError) and isinstance(answers[2], FeedLost)
    assert log.head()[0] == book.picture.seq


async def test_when_the_disk_is_gone_everybody_hears_so_once_and_all_is_taken_when_it_is_back():
    log, book, first = await busy()
    log.gone = True
    others = await queued(*(book.take_rows("A01", f"e{n}", wave(2)) for n in range(3)))
    before, head = book.picture, log.head()
    log.let_go.set()
    answers = await asyncio.gather(first, *others, return_exceptions=True)
    assert [type(answer) for answer in answers] == [FeedLost] * 4
    assert book.picture is before and log.head() == head and log.flushes == []
    log.gone = False
    assert await asyncio.gather(*(book.take_rows("A01", f"e{n}", wave(2)) for n in range(3))) == [2, 2, 2]


async def test_a_listener_that_stumbles_costs_no_row():
    book = await opened(MemoryLog())
    told: list[int] = []

    def stumble(entries: Sequence[Entry]) -> None:
        told.append(len(entries))
        raise ValueError("a screen")

    stop = book.listen(stumble)
    with pytest.raises(ValueError, match="a screen"):
        await book.take_rows("A01", "e1", wave(2))
    stop()
    assert told == [2] and book.picture.seq == book.log.head()[0]
    assert await book.take_rows("A01", "e1", wave(3)) == 3


strange = st.sampled_from(
    [
        fix(9),
        e.UnitEnRoute("A01"),
        e.UnitOnScene("H01"),
        e.VitalsRecorded(A, "A01", {"spo2_pct": 140}),
        e.VitalsRecorded(A, "H01", {"hr_bpm": 80}),
        e.VitalsRecorded(A, "A01", {"hr_bpm": 80, "gcs_eye": "NT", "avpu": None, "nibp_at": START.isoformat()}),
        e.VitalsRecorded("I1-C", "A01", {"hr_bpm": 80}),
        e.CasualtyFound("I1-C", "I1", "C"),
        e.CapacityReported("songjiang", "ct", 1),
    ]
)
lanes = st.tuples(st.sampled_from(["A01", "H01"]), st.sampled_from(["e1", "e2"]))
packets = st.lists(
    st.builds(row, st.integers(1, 5), strange, who=st.sampled_from(["", "medic", "medic", "half \ud800"])), max_size=5
)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    asks=st.lists(st.tuples(lanes, packets), max_size=12), kind=st.sampled_from(KEEPERS),
    whole=st.sampled_from([1, 4, POOL_ROWS]),
)  # fmt: skip
async def test_served_together_or_one_after_the_other_the_book_is_the_same(asks, kind, whole, tmp_path_factory):
    folder = tmp_path_factory.mktemp("pool")
    together, apart = await opened(keeper(kind, folder, "a.db")), await opened(keeper(kind, folder, "b.db"))
    with mock.patch("casebook.book.POOL_ROWS", whole):
        pooled = await asyncio.gather(
            *(together.take_rows(unit, epoch, rows) for (unit, epoch), rows in asks), return_exceptions=True
        )
    single = [await _answer(apart.take_rows(unit, epoch, rows)) for (unit, epoch), rows in asks]
    assert list(map(_plain, pooled)) == list(map(_plain, single))
    assert list(together.log.read()) == list(apart.log.read())
    assert together.log.head() == apart.log.head()
    assert together.picture == apart.picture == Book.open(together.log, together.clock).picture
    assert together.picture == fold_all(together.log.read()), "and as if each fact had been folded by itself"
    together.log.close()
    apart.log.close()


async def _answer(ask) -> object:
    try:
        return await ask
    except RefusedInput as wrong:
        return wrong


def _plain(answer: object) -> object:
    return answer.as_answer() if isinstance(answer, RefusedInput) else answer


@pytest.mark.parametrize(
    "body",
    [
        {"casualty": A, "unit": "A01", "vitals": [80]},
        {"casualty": A, "unit": "A01", "vitals": {"hr_bpm": 80}, "more": 1},
        {"casualty": A, "unit": "A01", "other": {}},
        {"casualty": 7, "unit": "A01", "vitals": {"hr_bpm": 80}},
        {"casualty": A, "unit": "A01", "vitals": {"hr_bpm": True}},
        {"casualty": A, "unit": "A01", "vitals": {"height_cm": 180}},
    ],
)
async def test_a_sample_that_is_not_as_it_should_be_is_kept_as_refused_and_changes_nothing(body):
    book = await opened(MemoryLog())
    before = book.picture
    assert await book.take_rows("A01", "e1", [Row(1, START, "vitals_recorded", body)]) == 1
    (refused,) = list(book.log.read(before.seq))
    assert (refused.kind, refused.body["body"]) == ("row_refused", body)
    assert book.picture.casualties == before.casualties


OPTION = e.Option("songjiang", "road", 900, {"drive": 900.0})


def test_what_a_vehicle_may_say_is_a_part_of_all_facts():
    assert set(VEHICLE_FACTS) < set(e.FACTS.values())
