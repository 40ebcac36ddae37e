"""`aboard capacity import`: a file of counts is read, given to a real hub, and refused in words by its line."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from aboard import cli
from aboard.serving import Listening, serving
from casebook import events as e
from casebook.access import Badge, Gate, Role
from casebook.book import Book
from casebook.clock import JumpClock
from casebook.door import add_asks, make_app
from casebook.log import By, MemoryLog
from casebook.place import Place
from hospital_board.app import HospitalRoom

NOON = datetime(2021, 4, 18, 4, 0, tzinfo=UTC)
HEAD = "hospital,resource,free,total,in_use,stated_at,author\n"
GOOD = f"{HEAD}sgh,resus_bay,2,5,,2021-04-18T11:59:00+08:00,sister Li\n"


class Hub:
    """The hospital room behind a real door."""

    def __init__(self) -> None:
        self.clock = JumpClock(NOON)
        self.book = Book(MemoryLog(), self.clock)
        self.gate = Gate()
        self.url = ""

    def token(self, hospital: str) -> str:
        return self.gate.issue(Badge(Role.ED, "sister Li", hospital=hospital))

    async def told(self, *arguments: str) -> int:
        return await asyncio.to_thread(cli.run, ["capacity", "import", *arguments, "--hub", self.url])


@pytest.fixture
async def hub(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Hub]:
    monkeypatch.setenv("ABOARD_LANG", "en")
    one = Hub()
    enrolled = [e.HospitalEnrolled(name, name, name, Place(31.0, 121.2), ()) for name in ("sgh", "other")]
    await one.book.write(lambda picture: enrolled, By("desk", "test"))
    app = make_app("hub")
    add_asks(app, HospitalRoom(one.book, one.clock).asks(), one.gate, drill=False, done_before=one.book.log.find_asked)
    async with serving(app, Listening()) as url:
        one.url = url
        yield one


def written(folder: Path, text: str, name: str = "counts.csv") -> str:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return str(file)


async def test_a_file_is_taken_by_the_hub_once(hub: Hub, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    file, token = written(tmp_path, GOOD), hub.token("sgh")
    assert await hub.told(file, "--token", token, "--source", "HIS") == 0
    figure = hub.book.picture.get_hospital("sgh").figures["resus_bay"]
    assert (figure.free, figure.total, figure.by, figure.source) == (2, 5, "sister Li", "HIS")
    assert figure.age_s(NOON) == 60
    assert await hub.told(file, "--token", token, "--source", "HIS") == 0
    assert "1 counts given, 0 of them news" in capsys.readouterr().out


async def test_a_ward_gives_only_its_own_counts(hub: Hub, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert await hub.told(written(tmp_path, GOOD), "--token", hub.token("other")) == 2
    assert "You may not do this" in capsys.readouterr().err
    assert hub.book.picture.get_hospital("sgh").figures == {}


async def test_what_the_hub_refuses_is_said_with_its_line(hub: Hub, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    bad = f"{GOOD}sgh,ct,3,2,,2021-04-18T11:59:00+08:00,sister Li\n"
    assert await hub.told(written(tmp_path, bad), "--token", hub.token("sgh")) == 2
    assert capsys.readouterr().err.startswith("Line 3: ct: 3 free of 2 is impossible")
    assert hub.book.picture.get_hospital("sgh").figures == {}, "all or none"


async def test_checking_reads_the_file_and_asks_nobody(hub: Hub, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    json_file = (
        '[{"hospital": "sgh", "resource": "ct", "free": 1, "stated_at": "2021-04-18T11:59:00+08:00", "author": "Li"}]'
    )
    assert await hub.told(written(tmp_path, json_file, "counts.json"), "--check") == 0
    assert "1 counts in counts.json" in capsys.readouterr().out
    assert await hub.told(written(tmp_path, f"{HEAD}sgh,ct,one,,,now,Li\n"), "--check") == 2
    assert "Line 2" in capsys.readouterr().err


async def test_no_token_no_file_no_hub_are_said_in_words(hub: Hub, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    file = written(tmp_path, GOOD)
    assert await hub.told(file) == 2
    assert await hub.told(str(tmp_path / "absent.csv"), "--check") == 2
    (tmp_path / "latin.csv").write_bytes(b"hospital\nM\xfcnchen\n")
    assert await hub.told(str(tmp_path / "latin.csv"), "--check") == 2
    hub.url = "http://127.0.0.1:9"
    assert await hub.told(file, "--token", "x") == 2
    told = capsys.readouterr().err
    for words in ("--token", "absent.csv", "line 2", "does not answer"):
        assert words in told
