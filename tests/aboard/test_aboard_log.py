"""`aboard log`: a hub's book is verified, written out, taken over and brought back as it was at a point in time."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import msgspec
import pytest

from aboard import cli
from casebook import events as e
from casebook.book import Book
from casebook.clock import JumpClock
from casebook.log import By
from casebook.place import Place
from casebook.sqlite_log import SqliteLog
from casebook.store.restoring import hash_of
from casebook.store.seals import seal_of

NOON = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
DESK, HERE = By("desk", "test"), Place(31.0, 121.2)


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ABOARD_LANG", "en")


@pytest.fixture
def hub(tmp_path: Path) -> Path:
    return tmp_path / "hub"


@pytest.fixture
async def pictures(hub: Path) -> dict[int, str]:
    """A signed book of five incidents, one a minute, each in two entries; fold hash by number of entries."""
    clock = JumpClock(NOON)
    log = SqliteLog(hub / "book.sqlite", sign=seal_of(hub).sign)
    book, hashes = Book.open(log, clock), {}
    for number in range(5):
        name = f"I{number}"
        facts = (e.IncidentOpened(name, HERE, "traffic", 1, "120", "x"), e.CasualtyFound(f"{name}-A", name, "A"))
        await book.write(lambda picture, facts=facts: facts, DESK)
        hashes[book.picture.seq] = hash_of(book.picture)
        await clock.run(clock.sleep(60))
    log.close()
    return hashes


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    def say(*words: str) -> tuple[int, str]:
        code = cli.run(["log", *words])
        out = capsys.readouterr()
        return code, out.out + out.err

    return say


def by_hand(hub: Path, statement: str) -> None:
    with sqlite3.connect(hub / "book.sqlite") as db:
        db.execute(statement)
    db.close()


def test_a_whole_book_is_told_with_how_far_it_is_signed_and_by_whom(hub: Path, pictures, said, tmp_path: Path):
    code, told = said("verify", str(hub))
    assert code == 0 and "10 entries" in told and "through entry 10" in told and "seal.pub" in told
    (tmp_path / "seal.pub").write_text((hub / "seal.pub").read_text())
    (hub / "seal.pub").unlink()
    assert "nobody vouched" in said("verify", str(hub))[1]
    assert "nobody vouched" not in said("verify", str(hub), "--key", str(tmp_path / "seal.pub"))[1]


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("UPDATE entry SET body = '{}' WHERE seq = 3", "entry 3 was altered"),
        ("DELETE FROM entry WHERE seq = 4", "entry 4 is missing"),
        ("DELETE FROM entry WHERE seq > 7", "entry 8 and what followed is gone"),
        ("UPDATE checkpoint SET signature = '00'", "checkpoint at entry 10"),
    ],
)
def test_the_first_bad_row_is_named_and_the_exit_code_is_one(hub: Path, pictures, said, statement: str, told: str):
    by_hand(hub, statement)
    code, words = said("verify", str(hub))
    assert code == 1 and told in words


def test_a_cut_off_end_is_found_by_the_witness_though_its_checkpoints_were_deleted_too(hub: Path, pictures, said):
    by_hand(hub, "DELETE FROM entry WHERE seq > 7")
    by_hand(hub, "DELETE FROM checkpoint")
    assert said("verify", str(hub))[0] == 1
    (hub / "seal.log").rename(hub.parent / "kept-elsewhere")
    assert said("verify", str(hub))[0] == 0, "nobody remembers the end: that is why a copy is kept"
    code, words = said("verify", str(hub), "--witness", str(hub.parent / "kept-elsewhere"))
    assert code == 1 and "entry 8 and what followed is gone" in words


def test_what_is_exported_and_imported_is_the_same_book_and_verifies_with_the_same_keys(
    hub: Path, pictures, said, tmp_path: Path
):
    code, lines = said("export", str(hub))
    assert code == 0 and len(lines.splitlines()) == 11
    (tmp_path / "out.jsonl").write_text(lines)
    assert said("verify", str(tmp_path / "out.jsonl"))[0] == 0
    code, words = said("import", str(tmp_path / "out.jsonl"), str(tmp_path / "copy"))
    assert code == 0 and pictures[10] in words
    assert said("export", str(tmp_path / "copy"))[1] == lines
    code, words = said("import", str(tmp_path / "out.jsonl"), str(tmp_path / "copy"))
    assert code == 2 and "holds 10 entries already" in words


def test_a_book_is_brought_back_as_it_was_at_an_instant(hub: Path, pictures, said, tmp_path: Path):
    """12:02:30 in Shanghai: three incidents were there, and no batch is parted."""
    for number, instant in enumerate(("2026-11-22T12:02:30", "2026-11-22T04:02:30Z")):
        code, words = said("restore", str(hub), str(tmp_path / f"then{number}"), "--until", instant)
        assert code == 0 and pictures[6] in words, words
        assert said("verify", str(tmp_path / f"then{number}"))[0] == 0
    code, words = said("restore", str(hub), str(tmp_path / "through"), "--through", "4")
    assert code == 0 and pictures[4] in words


async def test_a_restored_book_goes_on(hub: Path, pictures, said, tmp_path: Path):
    assert said("restore", str(hub), str(tmp_path / "then"), "--through", "6")[0] == 0
    log = SqliteLog(tmp_path / "then" / "book.sqlite", sign=seal_of(tmp_path / "then").sign)
    book = Book.open(log, JumpClock(NOON + timedelta(hours=1)))
    await book.write(lambda picture: [e.IncidentOpened("new", HERE, "traffic", 1, "120", "x")], DESK)
    log.close()
    code, words = said("verify", str(tmp_path / "then"))
    assert code == 0 and "7 entries" in words and "seal.pub" in words


def test_a_book_moves_from_the_file_to_a_server_and_back(hub: Path, pictures, said, postgres_url: str, tmp_path: Path):
    async def schema() -> None:
        connection = await asyncpg.connect(postgres_url)
        await connection.execute("CREATE SCHEMA moved_book")
        await connection.close()

    asyncio.run(schema())
    server = f"{postgres_url}&search_path=moved_book"
    assert said("restore", str(hub), server)[0] == 0
    code, words = said("verify", server, "--key", str(hub / "seal.pub"))
    assert code == 0 and "10 entries" in words
    assert said("restore", server, str(tmp_path / "back"))[0] == 0
    assert said("export", str(tmp_path / "back"))[1] == said("export", str(hub))[1]


def test_bad_input_is_refused_in_words(hub: Path, pictures, said, tmp_path: Path):
    bad = tmp_path / "bad.jsonl"
    bad.write_text('{"seq": "one"}\n')
    for words, told in (
        (("verify", str(tmp_path / "nowhere")), "no log at"),
        (("verify", str(bad)), "line 1"),
        (("export", str(hub), "--until", "yesterday"), "yesterday"),
        (("verify", str(hub), "--key", str(hub / "seal.log")), "seal.log"),
        (("verify", "postgresql://u:secret@127.0.0.1:1/x"), "does not take or give"),
    ):
        code, answer = said(*words)
        assert code == 2 and told in answer and "secret" not in answer, answer


@pytest.mark.parametrize("depth", [5000])
def test_a_deeply_nested_line_is_refused_too(said, tmp_path: Path, depth: int):
    (tmp_path / "deep.jsonl").write_text('{"seq":1,"body":' + "[" * depth + "]" * depth + "}\n")
    assert said("verify", str(tmp_path / "deep.jsonl"))[0] == 2


async def test_the_ledger_says_what_became_of_every_sample_and_ends_in_one_when_some_are_lost(
    hub: Path, capsys: pytest.CaptureFixture[str]
):
    book = Book.open(SqliteLog(hub / "book.sqlite"), JumpClock(NOON))
    found = [e.IncidentOpened("I", HERE, "traffic", 1, "120", "x"), e.CasualtyFound("I-A", "I", "A")]
    found.append(e.UnitEnrolled("A01", "ambulance", "车", "car", "d", HERE))
    await book.write(lambda picture: [*found, e.VitalsRecorded("I-A", "A01", {"hr_bpm": 90})], DESK)
    await book.write(lambda picture: [e.SamplesCounted("A01", "I-A", NOON, NOON, 1)], DESK)
    assert cli.run(["log", "ledger", str(hub), "--json"]) == 0
    (line,) = msgspec.json.decode(capsys.readouterr().out)["lines"]
    assert (line["committed"], line["counted"]["lost"], line["screens"]) == (1, 0, {})
    await book.write(lambda picture: [e.SamplesCounted("A01", "I-A", NOON, NOON, 3)], DESK)
    book.log.close()
    assert cli.run(["log", "ledger", str(hub), "--incident", "I"]) == 1
    told = capsys.readouterr().out
    assert "I-A" in told and "shown on" in told and "?" in told
    assert cli.run(["log", "ledger", str(hub), "--unit", "B99", "--json"]) == 0
