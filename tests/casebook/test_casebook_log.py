"""A change of the book is found and named; the file lasts, and what is no book or a newer one is refused."""

from __future__ import annotations

import hashlib
import math
import random
import sqlite3
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from casebook_tales import BY, START, draft
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from casebook import events as e
from casebook.errors import RefusedInput
from casebook.log import GENESIS, ChainBroken, MemoryLog, Source, chained, verify
from casebook.sqlite_log import SqliteLog

HOUR = timedelta(hours=1)


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


@settings(max_examples=50, deadline=None)
@given(
    body=st.dictionaries(st.text(max_size=5), st.one_of(st.text(max_size=5), st.floats(allow_nan=False), st.none())),
    asked=st.text(max_size=5),
    source=st.one_of(st.none(), st.builds(Source, st.just("A01"), st.just("e"), st.integers(1, 9))),
)
def test_the_hash_is_over_the_canonical_json_of_everything_else(body: dict, asked: str, source: Source | None):
    """So that anybody can check an export with SHA-256 and a JSON library alone."""
    (entry,) = chained([draft(body=body, asked=asked, source=source)], 0, GENESIS)
    plain = msgspec.json.decode(msgspec.json.encode(entry))
    del plain["hash"]
    assert entry.hash == hashlib.sha256(msgspec.json.encode(plain, order="sorted")).hexdigest()


AWKWARD = st.sampled_from(["\x7f\xf0", "\xcb\x7f\xff", 2.0**1023, -(2.0**1023), 2**64, -0.0, 5e-324])
PLAIN = st.recursive(
    st.one_of(st.none(), st.integers(), st.floats(), st.text(max_size=5), AWKWARD),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=5), inner, max_size=4)),
    max_leaves=12,
)


def is_finite(value: object) -> bool:
    """Every number of it, found by looking at each."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return all(map(is_finite, inner)) and (not isinstance(value, float) or math.isfinite(value))


@settings(max_examples=400, deadline=None)
@given(PLAIN)
def test_a_fact_is_written_as_it_is_and_refused_where_a_number_of_it_is_none(value: object):
    fact = e.RowRefused("A01", "capacity_reported", {"free": value}, "bad_field", "")
    if not is_finite(value):
        with pytest.raises(RefusedInput):
            e.encode(fact)
        return
    assert e.encode(fact)["body"] == {"free": value}
    assert msgspec.json.encode(e.encode(fact)) == msgspec.json.encode(fact), "nothing of it was without a value"


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


def test_the_file_flushes_every_commit_before_it_answers(tmp_path: Path):
    log = SqliteLog(tmp_path / "deep" / "log.db")
    assert log._db.execute("PRAGMA synchronous").fetchone()[0] == 2  # FULL
    assert log._db.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    log.close()


def test_a_file_that_would_forget_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A journal in memory, as some network file systems leave one with, is no place for the record."""
    monkeypatch.setattr("casebook.sqlite_log.LASTING_JOURNALS", ("delete",))
    with pytest.raises(RefusedInput) as caught:
        SqliteLog(tmp_path / "log.db")
    assert caught.value.key == "log_forgets" and caught.value.facts["value"] == "wal"


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
