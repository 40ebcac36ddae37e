"""Signed checkpoints: a cut-off end and a log written anew are found, which the chain alone cannot tell."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from casebook_tales import draft
from hypothesis import given, settings
from hypothesis import strategies as st
from log_keepers import on_server
from log_keepers import opened as opened
from log_keepers import postgres_store as postgres_store
from log_keepers import store as store
from msgspec.structs import replace

from casebook.errors import RefusedInput
from casebook.log import GENESIS, ChainBroken, Checkpoint, Entry, MemoryLog, verify
from casebook.store import group_commit
from casebook.store.opening import is_server
from casebook.store.rows import CHECKPOINT, COLUMNS, checkpoint_of, checkpoint_row, claim_of, entry_of, rows_of
from casebook.store.seals import KEY, TRUSTED, WITNESS, Seal, checked, read_trusted, read_witness, seal_of

Open = Callable[..., Any]


@pytest.fixture(scope="module")
def signing(tmp_path_factory: pytest.TempPathFactory) -> Seal:
    return seal_of(tmp_path_factory.mktemp("signing"))


@pytest.fixture
def seal(tmp_path: Path) -> Seal:
    return seal_of(tmp_path / "hub")


def told(count: int, **changes: Any) -> list[Entry]:
    return MemoryLog().append([draft(seconds=n, **changes) for n in range(count)])


def broken(entries: Sequence[Entry], marks: Sequence[Checkpoint], trusted: Sequence[str] | None = None) -> tuple:
    """(seq, why) of what the check says."""
    with pytest.raises(ChainBroken) as caught:
        list(checked(entries, marks, trusted))
    assert caught.value.said("en") and caught.value.said("zh"), "said in words"
    return caught.value.facts["seq"], caught.value.facts["why"]


def test_a_whole_log_passes_and_its_entries_are_handed_on(seal: Seal):
    entries = told(10)
    marks = [seal.sign(entries[4]), seal.sign(entries[9])]
    assert list(checked(entries, marks, [seal.signer])) == entries
    assert list(checked(entries)) == entries and list(checked([])) == []


def test_a_cut_off_end_is_found_though_the_chain_is_whole(seal: Seal):
    entries = told(10)
    mark = seal.sign(entries[9])
    assert verify(iter(entries[:7]))[0] == 7, "the chain alone sees nothing"
    assert broken(entries[:7], [mark]) == (8, "cut")
    assert broken([], [mark]) == (1, "cut")


def test_a_log_written_anew_with_a_right_chain_is_found(seal: Seal):
    marks = [seal.sign(told(10)[4]), seal.sign(told(10)[9])]
    other = told(5) + [replace(entry) for entry in told(10, body={"unit": "Z"})[5:]]
    anew = MemoryLog().append([draft(seconds=n, body={"unit": "Z" if n > 6 else "A01"}) for n in range(10)])
    assert verify(iter(anew))[0] == 10
    assert broken(anew, marks) == (6, "rewritten"), "after the last checkpoint that fits"
    assert broken(other, marks) == (6, "altered")


def test_a_checkpoint_that_nobody_trusted_signed_or_that_was_changed_is_named(seal: Seal, tmp_path: Path):
    entries, forger = told(4), seal_of(tmp_path / "forger")
    mark = seal.sign(entries[3])
    assert list(checked(entries, [forger.sign(entries[3])])), "nobody said whom to trust"
    assert broken(entries, [forger.sign(entries[3])], [seal.signer]) == (4, "unsigned")
    for bad in (
        replace(mark, signature="00" * 64), replace(mark, signature="no hex"), replace(mark, signer="ab"),
        replace(mark, at=entries[0].at), replace(mark, signer=forger.signer), replace(mark, hash=entries[2].hash),
    ):  # fmt: skip
        assert broken(entries, [bad]) == (4, "unsigned")


def test_the_key_is_its_owners_only_and_the_same_at_the_next_start(seal: Seal, tmp_path: Path):
    folder = tmp_path / "hub"
    assert (folder / KEY).stat().st_mode & 0o777 == 0o600
    assert seal_of(folder).signer == seal.signer and read_trusted(folder / TRUSTED) == [seal.signer]
    (folder / KEY).write_text("no key")
    with pytest.raises(RefusedInput) as caught:
        seal_of(folder)
    assert caught.value.key == "seal_unusable"


def test_a_torn_last_line_of_the_witness_does_not_hide_the_others(seal: Seal):
    entries = told(4)
    marks = [seal.sign(entries[1]), seal.sign(entries[3])]
    assert read_witness(seal.witness) == marks
    with seal.witness.open("ab") as file:
        file.write(b'{"seq":9,"ha')
    assert read_witness(seal.witness) == marks


def test_a_store_signs_its_head_every_so_many_entries_and_when_it_closes(
    store: str, opened: Open, seal: Seal, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(group_commit, "SEAL_ENTRIES", 10)
    monkeypatch.setattr(group_commit, "SEAL_REST_S", 0.0)
    log = opened(store, sign=seal.sign)
    for _ in range(3):
        log.append([draft(seconds=n) for n in range(4)])
    log.append([draft()])
    log.close()
    again = opened(store)
    assert [mark.seq for mark in again.checkpoints()] == [12, 13]
    assert len(list(checked(again.read(), again.checkpoints(), [seal.signer]))) == 13
    assert read_witness(seal.witness.parent / WITNESS) == again.checkpoints()


def test_under_load_a_store_signs_once_a_while_and_then_all_that_came_meanwhile(
    store: str, opened: Open, seal: Seal, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(group_commit, "SEAL_ENTRIES", 2)
    monkeypatch.setattr(group_commit, "SEAL_REST_S", 0.2)
    began_s = time.monotonic()
    log = opened(store, sign=seal.sign)
    written = 0
    while not (marks := log.checkpoints()) or time.monotonic() < began_s + 0.5:
        written += len(log.append([draft(), draft()]))
    while marks[-1].seq < written:  # nobody writes any more; the test's time-out ends it
        marks = log.checkpoints()
    assert 1 <= len(marks) <= 1 + (time.monotonic() - began_s) / 0.2
    assert len(list(checked(log.read(), marks, [seal.signer]))) == written


def test_a_store_signs_its_head_after_a_while_though_nobody_writes(
    store: str, opened: Open, seal: Seal, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(group_commit, "SEAL_S", 0.05)
    log = opened(store, sign=seal.sign)
    log.append([draft()])
    while not log.checkpoints():  # the test's time-out ends it
        pass
    assert log.checkpoints()[0].seq == 1


def test_the_head_is_signed_in_time_though_the_writer_rests_while_others_chain(
    postgres_store: str, opened: Open, seal: Seal, monkeypatch: pytest.MonkeyPatch
):
    """First after so many entries and not so long a while, then after that while."""
    monkeypatch.setattr(group_commit, "SEAL_REST_S", 0.0)
    monkeypatch.setattr(group_commit, "SEAL_ENTRIES", 3)
    log, answers = opened(postgres_store, sign=seal.sign), []
    answers.append(log.submit_on((0, GENESIS), [draft()]))
    answers[0].result(30)
    for n in (1, 2):
        answers.append(log.submit_on((0, GENESIS), [draft(seconds=n)], answers[-1]))
    while not (marks := log.checkpoints()):  # the test's time-out ends it
        pass
    monkeypatch.setattr(group_commit, "SEAL_S", 0.05)
    answers.append(log.submit_on((0, GENESIS), [draft(seconds=3)], answers[-1]))
    while len(marks) < 2:
        marks = log.checkpoints()
    assert [mark.seq for mark in marks] == [3, 4] and all(one.done() for one in answers)


def test_rows_cut_from_a_store_by_hand_are_found_from_its_own_checkpoints(store: str, opened: Open, seal: Seal):
    log = opened(store, sign=seal.sign)
    log.append([draft(seconds=n) for n in range(6)])
    log.close()
    by_hand(store, "DELETE FROM entry WHERE seq > 4")
    again = opened(store, make=False)
    assert broken(list(again.read()), again.checkpoints()) == (5, "cut")
    by_hand(store, "DELETE FROM checkpoint")
    assert broken(list(again.read()), read_witness(seal.witness)) == (5, "cut"), "the copy elsewhere knows"


def by_hand(store: str, statement: str) -> None:
    if is_server(store):
        on_server(store, statement)
        return
    with sqlite3.connect(store) as db:
        db.execute(statement)
    db.close()


# What SQLite reads from a page in which bits have flipped: anything, whatever the table says.
junk = st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1), st.floats(), st.binary(max_size=70), st.text(max_size=70))


@settings(max_examples=300, deadline=None)
@given(st.integers(1, len(CHECKPOINT.split(",")) - 1), junk)
def test_a_checkpoint_with_anything_in_a_column_is_named_and_never_trusted(signing: Seal, column: int, what: object):
    entries = told(3)
    row: list[Any] = list(checkpoint_row(signing.sign(entries[-1])))
    same, row[column] = row[column] == what, what
    if not same:
        assert broken(entries, [checkpoint_of(row)]) in {(3, "unsigned"), (1, "rewritten")}


@settings(max_examples=500, deadline=None)
@given(st.integers(0, 2), st.integers(1, len(COLUMNS.split(",")) - 1), junk)
def test_an_entry_with_anything_in_a_column_is_named_or_is_as_it_was(
    signing: Seal, number: int, column: int, what: object
):
    entries = told(3)
    rows: list[list[Any]] = list(map(list, rows_of(entries)))
    rows[number][column] = what
    try:
        whole = list(checked(map(entry_of, rows), [signing.sign(entries[-1])]))
    except ChainBroken as named:
        assert named.facts["seq"] in (number + 1, number + 2) and named.said("en") and named.said("zh")
    else:
        assert [one.hash for one in whole] == [one.hash for one in entries]


@given(junk, junk)
def test_a_claim_that_nobody_can_read_holds(holder: object, until: object):
    claim = claim_of(("resus_bay:1", holder, until))
    assert isinstance(claim.holder, str) and claim.until is not None
    if not isinstance(until, str):
        assert claim.until > datetime(2200, 1, 1, tzinfo=UTC)
