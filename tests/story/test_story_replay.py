"""`aboard replay`: a recorded story decides again as it did; an altered one is found out, chain or no chain."""

from __future__ import annotations

import copy
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from story_stage import A, Story, play, severe_alone

from aboard import cli
from casebook.errors import RefusedInput
from casebook.log import Draft, Entry
from casebook.sqlite_log import SqliteLog
from routing.roads import Roadmap
from scenarios.compare import compare, region_of
from scenarios.format import Scenario

pytestmark = pytest.mark.story


@pytest.fixture(scope="module")
def told(g60: Scenario, roads: Roadmap) -> Story:
    return play(severe_alone(g60), roads)


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ABOARD_LANG", "en")


def drafts(entries: Sequence[Entry], alter: Callable[[Entry, dict[str, Any]], None] = lambda entry, body: None):
    """The entries as they were before they were chained, each body as `alter` leaves it."""
    for entry in entries:
        body = copy.deepcopy(entry.body)
        alter(entry, body)
        yield Draft(entry.kind, entry.version, body, entry.at, entry.recorded_at, entry.by, entry.source, entry.asked)


def recorded(folder: Path, entries: Sequence[Entry], alter=lambda entry, body: None) -> Path:
    """A hub's folder with these entries, whose chain is whole whatever was altered."""
    log = SqliteLog(folder / "book.sqlite")
    log.append(list(drafts(entries, alter)))
    log.close()
    return folder


def other_hospital(entry: Entry, body: dict[str, Any]) -> None:
    if entry.kind == "destination_proposed" and body["casualty"] == A:
        body["decision"]["options"][0]["eta_s"] -= 600.0


def other_bay(entry: Entry, body: dict[str, Any]) -> None:
    if entry.kind == "hold_placed":
        body["slot"] += 1


def other_leg(entry: Entry, body: dict[str, Any]) -> None:
    if entry.kind == "unit_assigned" and body["unit"] == "SJ-5G-01":
        body["leg"]["eta_s"] = 1.0


def test_a_recorded_story_decides_again_as_it_did(told: Story, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    folder = recorded(tmp_path / "hub", told.entries)
    assert cli.run(["replay", str(folder)]) == 0
    assert cli.run(["replay", str(folder / "book.sqlite")]) == 0
    out = capsys.readouterr().out
    assert told.entries[-1].hash in out
    assert f"{len(told.entries)} entries" in out


def test_the_whole_drill_decides_again_as_it_did(drill: Story, roads: Roadmap):
    found = compare(drill.entries, region_of(drill.entries), roads)
    assert found.differences == ()
    assert found.decisions >= 16, "six units, five proposals, five choices"


@pytest.mark.parametrize(
    ("alter", "kind", "field"),
    [
        (other_hospital, "destination_proposed", "decision.options[0].eta_s"),
        (other_bay, "hold_placed", "slot"),
        (other_leg, "unit_assigned", "leg.eta_s"),
    ],
)
def test_a_decision_that_was_altered_and_chained_again_is_named(
    told: Story, tmp_path: Path, capsys: pytest.CaptureFixture[str], alter, kind: str, field: str
):
    folder = recorded(tmp_path, told.entries, alter)
    assert cli.run(["log", "verify", str(folder)]) == 0, "the chain alone does not show it"
    capsys.readouterr()
    assert cli.run(["replay", str(folder)]) == 1
    first, *lines = capsys.readouterr().out.splitlines()
    altered = told.first(kind) if kind != "unit_assigned" else told.first(kind, unit="SJ-5G-01")
    assert f"Entry {altered.seq} ({kind})" in first
    assert field in lines[0]


def test_other_roads_are_a_difference(told: Story, roads: Roadmap, g60: Scenario):
    region = replace(g60.region, sites=())
    assert compare(told.entries, region, roads).differences[0].kind == "destination_proposed"


def test_a_broken_chain_is_named_before_anything_is_decided(
    told: Story, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    folder = recorded(tmp_path, told.entries)
    with sqlite3.connect(folder / "book.sqlite") as db:
        db.execute("UPDATE entry SET body = replace(body, 'red', 'green') WHERE kind = 'casualty_triaged'")
    assert cli.run(["replay", str(folder)]) == 1
    assert str(told.first("casualty_triaged").seq) in capsys.readouterr().err


def test_an_entry_that_contradicts_the_others_is_told(told: Story, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    without_call = [entry for entry in told.entries if entry.kind != "incident_opened"]
    assert cli.run(["replay", str(recorded(tmp_path, without_call))]) == 1
    assert "does not fit" in capsys.readouterr().err


def test_a_log_that_is_not_there_or_names_no_region_is_refused(
    told: Story, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    assert cli.run(["replay", str(tmp_path / "nowhere")]) == 2
    live = recorded(tmp_path, [entry for entry in told.entries if entry.kind != "drill_started"])
    assert cli.run(["replay", str(live)]) == 2
    assert "--region" in capsys.readouterr().err
    with pytest.raises(RefusedInput, match="atlantis"):
        region_of(told.entries, "atlantis")
