"""Whatever keeps the book keeps the same promises: memory, a SQLite file and a PostgreSQL server, one suite for all."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from casebook_tales import START, draft
from log_keepers import LASTING, fresh_store
from log_keepers import log as log
from log_keepers import opened as opened
from log_keepers import store as store
from msgspec.structs import replace

from casebook.errors import AlreadyHeld, RefusedInput
from casebook.log import GENESIS, Checkpoint, Claim, Draft, Log, MemoryLog, RowTwice, Source, verify

HOUR = timedelta(hours=1)
Open = Callable[..., Any]


def bay(holder: str, until: datetime | None = START + HOUR, seconds: float = 0, slot: int = 1) -> Draft:
    return draft(seconds=seconds, claims=(Claim(f"resus_bay:songjiang:{slot}", holder, until),))


def test_an_empty_log_has_no_entries_and_a_known_head(log: Log):
    assert log.head() == (0, GENESIS)
    assert list(log.read()) == []
    assert verify(log.read()) == (0, GENESIS)
    assert log.append([]) == []


def test_entries_are_numbered_and_chained_and_come_back_as_they_went_in(log: Log):
    at = START.astimezone(timezone(timedelta(hours=8))) + timedelta(microseconds=123)
    written = log.append([
        draft(body={"unit": "A01", "words": "护士 ✓", "n": 1, "x": 1.0, "deep": {"a": [1, 2.5, None, True]}}),
        replace(draft(), at=at, source=Source("A01", "e1", 7), asked="key"),
    ])  # fmt: skip
    assert [entry.seq for entry in written] == [1, 2]
    assert written[0].prev == GENESIS and written[1].prev == written[0].hash
    assert list(log.read()) == written and list(log.read(1)) == written[1:]
    assert verify(log.read()) == log.head() == (2, written[1].hash)


def test_what_was_asked_and_how_far_an_outbox_came_is_found_again(log: Log):
    rows = [draft(source=Source("A01", "e1", n), asked="k" if n < 3 else "") for n in (1, 2, 3)]
    log.append([*rows, draft(source=Source("A01", "e2", 9)), draft(source=Source("H01", "e1", 5))])
    assert [log.through("A01", "e1"), log.through("A01", "e2"), log.through("H01", "e1")] == [3, 9, 5]
    assert log.through("Z", "e1") == 0
    assert log.find_asked("k") == [1, 2] and log.find_asked("other") == log.find_asked("") == []


def test_reading_goes_on_past_a_thousand_entries(log: Log):
    log.append([draft(seconds=n) for n in range(2500)])
    assert [entry.seq for entry in log.read(1)] == list(range(2, 2501))


def test_two_cases_never_hold_the_same_bay(log: Log):
    log.append([bay("A")])
    with pytest.raises(AlreadyHeld) as caught:
        log.append([draft(), bay("B", seconds=10)])
    assert (caught.value.facts["resource"], caught.value.facts["holder"]) == ("resus_bay", "A")
    assert log.head()[0] == 1, "the whole batch is refused"
    log.append([bay("A", START + 2 * HOUR, 20), bay("B", seconds=20, slot=2)])


def test_a_lease_that_ran_out_or_was_given_back_lets_the_next_one_in(log: Log):
    log.append([bay("A")])
    log.append([bay("B", START + 2 * HOUR, seconds=3600)])
    log.append([bay("nobody", None, seconds=3601)])
    with pytest.raises(AlreadyHeld):
        log.append([bay("C", seconds=3602)])
    log.append([bay("B", None, seconds=3603), bay("C", START + 2 * HOUR, seconds=3603)])
    log.append([bay("*", None, seconds=3604), bay("D", START + 2 * HOUR, seconds=3604)])


def test_a_lease_is_compared_as_an_instant_not_as_text(log: Log):
    """10:30 in Shanghai is 02:30 UTC: over at 02:31 UTC, though it reads later."""
    shanghai = timezone(timedelta(hours=8))
    log.append([bay("A", (START + HOUR).astimezone(shanghai))])
    with pytest.raises(AlreadyHeld):
        log.append([bay("B", START + 3 * HOUR, seconds=3599)])
    log.append([bay("B", (START + 3 * HOUR).astimezone(UTC), seconds=3601)])


def test_every_keeper_gives_the_same_chain_for_the_same_facts(
    tmp_path: Path, request: pytest.FixtureRequest, opened: Open
):
    drafts = [draft(seconds=n, body={"unit": f"A{n}", "x": n / 3, "words": "抢救 é \x00"}) for n in range(50)]
    heads = {opened(fresh_store(kind, tmp_path, request)).append(drafts)[-1].hash for kind in LASTING}
    assert heads == {MemoryLog().append(drafts)[-1].hash}


def test_an_outbox_row_stands_in_the_book_once(log: Log):
    log.append([draft(source=Source("A01", "e", 1))])
    for again in ([draft(), draft(source=Source("A01", "e", 1))], [draft(source=Source("A01", "e", 2))] * 2):
        with pytest.raises(RowTwice):
            log.append(again)
    log.append([draft(source=Source("A01", "f", 1)), draft(source=Source("A02", "e", 1))])
    assert verify(log.read())[0] == 3 and log.through("A01", "e") == 1


@pytest.mark.parametrize(
    "bad",
    [
        replace(draft(), asked="a\0b"),
        replace(draft(), source=Source("A\0", "e", 1)), replace(draft(), asked="\udc00"),
        draft(body={"unit": "\ud800"}),
        replace(draft(), source=Source("A01", "e", 2**63)), replace(draft(), source=Source("A01", "e", 0)),
    ],
    ids=["nul", "nul in a unit", "half a character", "half a character in the body", "too large", "zero"],
)  # fmt: skip
def test_what_one_keeper_cannot_keep_none_takes(log: Log, bad: Draft):
    with pytest.raises(RefusedInput) as caught:
        log.append([draft(), bad])
    assert caught.value.key == "bad_field" and log.head() == (0, GENESIS)


def test_a_whole_book_is_taken_over_as_it_is_but_only_into_an_empty_one(log: Log):
    other = MemoryLog()
    entries = other.append([draft(seconds=n, source=Source("A01", "e", n + 1), asked=f"k{n}") for n in range(1500)])
    signed = Checkpoint(1000, entries[999].hash, START, "ab", "cd")
    log.adopt(entries, [Claim("resus_bay:songjiang:1", "A", START + HOUR)], [signed])
    assert list(log.read()) == entries and log.head() == other.head() and log.checkpoints() == [signed]
    assert log.through("A01", "e") == 1500 and log.find_asked("k7") == [8]
    with pytest.raises(AlreadyHeld):
        log.append([bay("B")])
    log.append([bay("A")])
    with pytest.raises(RefusedInput) as caught:
        log.adopt(entries, [], [])
    assert caught.value.key == "log_not_empty" and verify(log.read())[0] == 1501


def test_two_connections_on_one_store_keep_one_chain_and_one_holder(store: str, opened: Open):
    one, other = opened(store), opened(store)
    one.append([bay("A")])
    with pytest.raises(AlreadyHeld):
        other.append([bay("B")])
    with pytest.raises(RowTwice):
        one.append([draft(source=Source("A01", "e", 1))])
        other.append([draft(source=Source("A01", "e", 1))])
    one.append([draft(seconds=2), draft(seconds=3)])
    assert verify(other.read()) == one.head() and one.head()[0] == 4


def test_what_queues_together_stands_whole_or_not_at_all_each_batch_by_itself(store: str, opened: Open):
    """Eight threads at once: some share a transaction, and a loser in it harms nobody else."""
    log, lost = opened(store), []

    def ask(number: int) -> None:
        for turn in range(20):
            try:
                log.append([draft(body={"unit": f"{number}"}), bay(f"H{number}", slot=turn), draft()])
            except AlreadyHeld:
                lost.append((number, turn))

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(lost) == 7 * 20, "every slot has one holder"
    assert verify(log.read())[0] == 20 * 3
    for at in range(1, 60, 3):
        first, *_ = log.read(at - 1)
        assert first.body["unit"] != "A01", "a batch stands in one piece"


RACE = """
import sys
from datetime import timedelta
sys.path[:0] = sys.argv[3:]
from casebook_tales import START, draft
from casebook.errors import AlreadyHeld
from casebook.log import Claim, Source
from casebook.store.opening import open_log
log, me = open_log(sys.argv[1]), sys.argv[2]
print("ready", flush=True)
sys.stdin.readline()
for slot in range(40):
    log.append([draft(body={"unit": me}, source=Source(me, "e", slot + 1))])
    try:
        claim = Claim(f"resus_bay:songjiang:{slot}", me, START + timedelta(hours=1))
        log.append([draft(body={"unit": me}, claims=(claim,))])
        print(slot, flush=True)
    except AlreadyHeld:
        pass
log.close()
"""


def test_the_store_decides_the_order_of_two_processes_and_who_has_each_bay(store: str, opened: Open):
    opened(store)
    here = Path(__file__).resolve()
    paths = [str(here.parent), str(here.parents[2])]
    racers = [
        subprocess.Popen([sys.executable, "-c", RACE, store, name, *paths], stdin=subprocess.PIPE,
                         stdout=subprocess.PIPE, text=True, env=os.environ)
        for name in "AB"
    ]  # fmt: skip
    for racer in racers:
        assert racer.stdout and racer.stdout.readline() == "ready\n"
    for racer in racers:
        assert racer.stdin
        racer.stdin.write("go\n")
        racer.stdin.flush()
    won = [racer.communicate(timeout=60)[0].split() for racer in racers]
    assert [racer.returncode for racer in racers] == [0, 0]
    assert sorted(map(int, won[0] + won[1])) == list(range(40))
    log = opened(store)
    assert verify(log.read()) == log.head() and log.head()[0] == 120
    assert [log.through("A", "e"), log.through("B", "e")] == [40, 40]


def test_what_was_appended_is_there_after_the_store_is_opened_again(store: str, opened: Open):
    log = opened(store)
    head = log.append([draft(), bay("A")])[-1].hash
    again = opened(store)
    assert again.head() == (2, head)
    with pytest.raises(AlreadyHeld):
        again.append([bay("B")])
