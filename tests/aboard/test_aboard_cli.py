"""The front door: what it lists, in which language it speaks, and with which exit code it leaves."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from aboard import cli
from casebook.errors import AlreadyHeld, CoordinationError, FeedLost, NoAnswer, RefusedInput
from casebook.log import ChainBroken
from casebook.words import say


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LC_ALL", "LC_MESSAGES", "LANG", "ABOARD_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ABOARD_LANG", "en")


@pytest.fixture
def word(monkeypatch: pytest.MonkeyPatch):
    """Put a command behind the word ``score``: `word(function)`."""

    def put(command: object) -> None:
        module = type(sys)("front_word_under_test")
        module.command = command  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, module.__name__, module)
        monkeypatch.setattr("importlib.util.find_spec", lambda name: name == module.__name__ or None)
        monkeypatch.setitem(cli.WORDS, "score", f"{module.__name__}:command")

    return put


def test_help_names_the_words_that_exist_and_no_others(word, capsys: pytest.CaptureFixture[str]) -> None:
    word(lambda: None)
    assert cli.run(["--help"]) == 0
    shown = capsys.readouterr().out
    assert say("front.word.score", "en") in shown
    assert say("front.word.doctor", "en") not in shown, "its module was hidden from this test"


def test_help_speaks_chinese_when_asked(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["--lang", "zh", "--help"]) == 0
    assert say("front.word.doctor", "zh") in capsys.readouterr().out
    assert os.environ["ABOARD_LANG"] == "zh", "so that child processes speak it too"


@pytest.mark.parametrize(
    ("locale", "language"),
    [
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "en_GB.UTF-8", "LC_ALL": "zh_CN"}, "zh"),
        ({"LANG": "de_DE"}, "en"),
        ({}, "en"),
    ],
)
def test_the_terminals_locale_decides_where_nobody_asks(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], locale: dict[str, str], language: str
) -> None:
    monkeypatch.delenv("ABOARD_LANG")
    for name, value in locale.items():
        monkeypatch.setenv(name, value)
    cli.run(["--help"])
    assert say("front.word.doctor", language) in capsys.readouterr().out  # type: ignore[arg-type]


def test_no_word_at_all_shows_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run([]) == 0
    assert "doctor" in capsys.readouterr().out


def test_help_loads_no_room_and_no_heavy_library() -> None:
    heavy = "numpy networkx osmnx cv2 av aiortc fastapi routing media dispatch hospital_board ambulance_unit scenarios"
    script = (
        "import sys; from aboard.cli import run; code = run(['--help'])\n"
        f"print('LOADED', [name for name in {heavy.split()!r} if name in sys.modules], code)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.splitlines()[-1] == "LOADED [] 0"


def test_refused_input_leaves_with_two_and_says_why_in_the_users_language(
    word, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse() -> None:
        raise RefusedInput("bad_field", where="g60.yaml line 3", field="at", why="25:00")

    word(refuse)
    assert cli.run(["--lang", "zh", "score"]) == 2
    told = capsys.readouterr()
    assert told.err.strip() == say("error.bad_field", "zh", where="g60.yaml line 3", field="at", why="25:00")
    assert told.out == ""


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (NoAnswer("no_answer", why="no road"), "no road"),
        (FeedLost(feed="hub"), "hub"),
        (AlreadyHeld(resource="unit", hospital="SJ-5G-01", holder="case 7"), "case 7"),
    ],
)
def test_what_cannot_be_done_as_asked_leaves_with_two(
    word, capsys: pytest.CaptureFixture[str], wrong: CoordinationError, told: str
) -> None:
    def ask() -> None:
        raise wrong

    word(ask)
    assert cli.run(["score"]) == 2
    assert told in capsys.readouterr().err


def test_a_log_that_was_altered_leaves_with_one_and_the_entry(word, capsys: pytest.CaptureFixture[str]) -> None:
    def verify() -> None:
        raise ChainBroken(seq=7, why="altered", found="unit_assigned")

    word(verify)
    assert cli.run(["score"]) == 1
    assert "7" in capsys.readouterr().err


@pytest.mark.parametrize(("ended", "code"), [(None, 0), (0, 0), (1, 1), ("text", 0)])
def test_a_number_that_a_word_returns_is_the_exit_code(word, ended: object, code: int) -> None:
    word(lambda: ended)
    assert cli.run(["score"]) == code


def test_typer_exit_codes_pass_through(word) -> None:
    def leave() -> None:
        raise typer.Exit(1)

    word(leave)
    assert cli.run(["score"]) == 1


def test_an_interrupt_ends_quietly(word, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    word(interrupted)
    assert cli.run(["score"]) == 130
    assert capsys.readouterr().err.strip() == ""


def test_a_surprise_is_one_line_and_a_traceback_only_for_who_debugs(
    word, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def surprise() -> None:
        raise ZeroDivisionError("one by nought")

    word(surprise)
    assert cli.run(["score"]) == 1
    told = capsys.readouterr().err
    assert told.strip() == say("front.unexpected", "en", kind="ZeroDivisionError", what="one by nought")
    monkeypatch.setenv("ABOARD_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        cli.run(["score"])


@pytest.mark.parametrize("arguments", [["nosuchword"], ["doctor", "--nosuchoption"], ["--lang", "fr", "doctor"]])
def test_a_wrong_command_line_is_refused_with_two(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(arguments) == 2
    told = capsys.readouterr().err
    assert "Traceback" not in told
    assert arguments[0].removeprefix("--lang") in told


def test_a_reader_who_has_seen_enough_is_no_error() -> None:
    script = "from aboard.cli import main; main(['--help'])"
    reader = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert reader.stdout is not None and reader.stderr is not None
    reader.stdout.close()
    assert "Traceback" not in reader.stderr.read()
    assert reader.wait(30) in (0, 1)


def test_version_is_the_packages(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["--version"]) == 0
    package = json.loads((Path(__file__).parents[2] / "package.json").read_text())
    assert capsys.readouterr().out.strip() == f"aboard {package['version']}"
