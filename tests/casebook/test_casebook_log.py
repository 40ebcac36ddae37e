"""The log keeps what it took, whole and in order; a change afterwards is found; scarce things have one holder."""

from __future__ import annotations

import os
import random
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, timedelta, timezone
from pathlib import Path

import pytest
from casebook_tales import BY, KEEPERS, START, draft, keeper
from hypothesis import given, settings
from hypothesis import strategies as st

from casebook.errors import AlreadyHeld, RefusedInput
from casebook.log import GENESIS, ChainBroken, Claim, Draft, Log, MemoryLog, Source, verify
from casebook.sqlite_log import SqliteLog

HOUR = timedelta(hours=1)


@pytest.fixture(params=KEEPERS)
def log(request, tmp_path: Path) -> Iterator[Log]:
    kept = keeper(request.param, tmp_path)
    yield kept
    kept.close()


def bay(holder: str, until=START + HOUR, seconds: float = 0, slot: int = 1) -> Draft:
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


def test_both_keepers_give_the_same_chain_for_the_same_facts(tmp_path: Path):
    drafts = [draft(seconds=n, body={"unit": f"A{n}", "x": n / 3}) for n in range(50)]
    heads = {keeper(kind, tmp_path).append(drafts)[-1].hash for kind in KEEPERS}
    assert len(heads) == 1


def test_what_was_asked_and_how_far_an_outbox_came_is_found_again(log: Log):
    rows = [draft(source=Source("A01", "e1", n), asked="k" if n < 3 else "") for n in (1, 2, 3)]
    log.append([*rows, draft(source=Source("A01", "e2", 9)), draft(source=Source("H01", "e1", 5))])
    assert [log.through("A01", "e1"), log.through("A01", "e2"), log.through("H01", "e1")] == [3, 9, 5]
    assert log.through("Z", "e1") == 0
    assert log.find_asked("k") == [1, 2] and log.find_asked("other") == log.find_asked("") == []


def test_reading_goes_on_past_a_thousand_entries(log: Log):
    log.append([draft(seconds=n) for n in range(2500)])
    assert [entry.seq for entry in log.read(1)] == list(range(2, 2501))


@settings(max_examples=25, deadline=None)
@given(batches=st.lists(st.integers(0, 5), max_size=6), edit=st.randoms())
def test_any_edit_anywhere_is_found_at_the_first_bad_entry(batches: list[int], edit: random.Random):
    log = MemoryLog()
    for size in batches:
        log.append([draft(seconds=n, body={"unit": f"A{n}"}) for n in range(size)])
    entries = list(log.read())
    assert verify(iter(entries)) == log.head()
    if not entries:
        return
    place = edit.randrange(len(entries))
    bad = edit.choice([
        replace(entries[place], body={"unit": "other"}), replace(entries[place], at=START + 9 * HOUR),
        replace(entries[place], kind="unit_on_scene"), replace(entries[place], by=replace(BY, who="somebody else")),
        replace(entries[place], source=Source("Z", "e", 1)), replace(entries[place], hash=GENESIS),
    ])  # fmt: skip
    with pytest.raises(ChainBroken) as caught:
        verify(iter([*entries[:place], bad, *entries[place + 1 :]]))
    assert caught.value.facts["seq"] == place + 1


def test_a_deleted_and_a_moved_entry_are_found():
    log = MemoryLog()
    a, b, c = log.append([draft(seconds=n) for n in range(3)])
    for entries, seq in (([a, c], 2), ([b, c], 1), ([a, c, b], 2), ([a, replace(c, seq=2)], 2)):
        with pytest.raises(ChainBroken) as caught:
            verify(iter(entries))
        assert caught.value.facts["seq"] == seq


@pytest.mark.parametrize(
    ("by_hand", "seq"),
    [
        ('UPDATE entry SET body = \'{"unit":"Z"}\' WHERE seq = 2', 2),
        ("UPDATE entry SET body = 'not json' WHERE seq = 2", 2),
        ("UPDATE entry SET who = 'somebody else' WHERE seq = 3", 3),
        ("UPDATE entry SET at = '2021-04-18T02:00:00+00:00' WHERE seq = 1", 1),
        ("DELETE FROM entry WHERE seq = 2", 2),
        ("DELETE FROM entry WHERE seq = 1", 1),
        ("UPDATE entry SET seq = -seq WHERE seq IN (2, 3)", 1),
        ("UPDATE entry SET hash = prev WHERE seq = 3", 3),
    ],
)
def test_a_row_changed_by_hand_in_the_file_is_named(tmp_path: Path, by_hand: str, seq: int):
    log = SqliteLog(tmp_path / "log.db")
    log.append([draft(seconds=n) for n in range(4)])
    log.close()
    with sqlite3.connect(tmp_path / "log.db") as db:
        db.execute(by_hand)
    db.close()
    again = SqliteLog(tmp_path / "log.db")
    with pytest.raises(ChainBroken) as caught:
        verify(again.read(-10))
    assert caught.value.facts["seq"] == seq
    again.close()


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


def test_two_connections_on_one_file_keep_one_chain_and_one_holder(tmp_path: Path):
    one, other = SqliteLog(tmp_path / "log.db"), SqliteLog(tmp_path / "log.db")
    one.append([bay("A")])
    with pytest.raises(AlreadyHeld):
        other.append([bay("B")])
    other.append([draft(seconds=1)])
    one.append([draft(seconds=2), draft(seconds=3)])
    assert verify(other.read()) == one.head() and one.head()[0] == 4
    one.close()
    other.close()


RACE = """
import sys
from datetime import timedelta
from pathlib import Path
sys.path[:0] = sys.argv[3:]
from casebook_tales import START, draft
from casebook.errors import AlreadyHeld
from casebook.log import Claim
from casebook.sqlite_log import SqliteLog
log, me = SqliteLog(Path(sys.argv[1])), sys.argv[2]
print("ready", flush=True)
sys.stdin.readline()
for slot in range(40):
    try:
        claim = Claim(f"resus_bay:songjiang:{slot}", me, START + timedelta(hours=1))
        log.append([draft(body={"unit": me}, claims=(claim,))])
        print(slot, flush=True)
    except AlreadyHeld:
        pass
"""


def test_processes_that_race_for_bays_get_each_bay_once(tmp_path: Path):
    file = tmp_path / "log.db"
    SqliteLog(file).close()
    here = Path(__file__).resolve()
    paths = [str(here.parent), str(here.parents[2])]
    racers = [
        subprocess.Popen([sys.executable, "-c", RACE, str(file), name, *paths], stdin=subprocess.PIPE,
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
    log = SqliteLog(file)
    assert verify(log.read())[0] == 40
    log.close()


def test_what_was_appended_is_there_after_the_file_is_opened_again(tmp_path: Path):
    log = SqliteLog(tmp_path / "deep" / "log.db")
    head = log.append([draft(), bay("A")])[-1].hash
    log.close()
    again = SqliteLog(tmp_path / "deep" / "log.db")
    assert again.head() == (2, head)
    with pytest.raises(AlreadyHeld):
        again.append([bay("B")])
    assert again._db.execute("PRAGMA synchronous").fetchone()[0] == 2  # FULL
    assert again._db.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    again.close()


def test_the_same_outbox_row_cannot_stand_twice_in_the_file(tmp_path: Path):
    log = SqliteLog(tmp_path / "log.db")
    log.append([draft(source=Source("A01", "e", 1))])
    with pytest.raises(sqlite3.IntegrityError):
        log.append([draft(), draft(source=Source("A01", "e", 1))])
    assert verify(log.read())[0] == 1
    log.close()


def test_a_file_that_is_no_log_or_a_newer_one_is_refused_in_words(tmp_path: Path):
    (tmp_path / "poem.db").write_text("roses are red " * 100, encoding="utf-8")
    with pytest.raises(RefusedInput) as caught:
        SqliteLog(tmp_path / "poem.db")
    assert caught.value.key == "log_unreadable" and caught.value.facts["file"] == "poem.db"
    SqliteLog(tmp_path / "new.db").close()
    with sqlite3.connect(tmp_path / "new.db") as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(RefusedInput) as caught:
        SqliteLog(tmp_path / "new.db")
    assert caught.value.key == "log_too_new" and caught.value.facts["version"] == 99
