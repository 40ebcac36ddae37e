"""The drill's result on a terminal says the same as the page, and reads nothing from outside as markup."""

from __future__ import annotations

import io

import pytest
from report_case import expected, played, reported
from rich.console import Console

from casebook.log import Entry
from casebook.words import Language
from scenarios.report_summary import report_summary


@pytest.fixture(scope="module")
def entries() -> list[Entry]:
    return played()


def told(report: dict, language: Language = "zh") -> str:
    console = Console(file=io.StringIO(), width=160, color_system=None)
    report_summary(report, console, language)
    return console.file.getvalue()  # type: ignore[attr-defined]


def test_the_four_clocks_and_the_minutes_saved_are_told(entries: list[Entry]) -> None:
    text = told(reported(entries), "en")
    assert "Minutes saved against the road 33.7 min" in text
    for minutes in ("13.5 min", "28.0 min", "22.0 min", "61.7 min"):
        assert minutes in text
    assert "DRILL 演练 · Small drill" in text


def test_the_decision_stands_with_what_speaks_for_it_and_against_the_others(entries: list[Entry]) -> None:
    text = told(reported(entries), "en")
    assert "✓ centre · rendezvous" in text and "31.7 min faster than the next" in text
    assert "✗ to any hospital · by air" in text and "no landing site in reach" in text
    assert "✗ county · by road" in text and "lacks what is needed: trauma centre" in text


def test_expectations_ledger_and_log_are_told(entries: list[Entry]) -> None:
    report = reported(
        entries, expected("door", "clocks_s.incident_to_door", at_most=600), expected("seed", "seed", equals=7)
    )
    text = told(report, "en")
    assert "✗ not met  door  28.0 min" in text and "✓ met      seed  7" in text
    assert "35 sampled, 35 stored, 34 shown, 1 late, 0 lost" in text
    assert "120 frames sent, 118 shown, delay p50 80 ms" in text
    assert f"{len(entries)} entries, head {entries[-1].hash[:16]}" in text


def test_it_is_told_in_both_languages(entries: list[Entry]) -> None:
    assert "比陆路提前送到 33.7 分钟" in told(reported(entries), "zh")


def test_a_drill_without_a_door_says_so_instead_of_a_number(entries: list[Entry]) -> None:
    text = told(reported(entries[:100]), "en")
    assert "The severe casualty never reached a door" in text


def test_nothing_that_was_played_is_told_as_nothing() -> None:
    text = told(reported([]), "en")
    assert "No destination was fixed." in text and "0 sampled" in text


def test_square_brackets_from_outside_are_text(entries: list[Entry]) -> None:
    report = reported(entries, expected("[bold red]x[/]", "seed", equals=7), title={"zh": "[link=x]y[/]", "en": "z"})
    text = told(report)
    assert "[bold red]x[/]" in text and "[link=x]y[/]" in text
