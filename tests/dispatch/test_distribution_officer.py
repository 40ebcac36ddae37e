"""The transport officer sees every casualty once; the plan is made from the picture; the command tells it."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from distribution_stage import case, casualty, exact_rules, hospital, read
from valley import SCENE, START, Stage, crash, enrolled, reported, told, valley_area
from valley import casualty as found

from aboard import cli
from casebook import events as e
from casebook.casualty import Category
from casebook.errors import NotFound
from casebook.picture import Picture
from casebook.screens import REPO
from casebook.words import LANGUAGES
from dispatch.app import DispatchRoom
from dispatch.distribution.answer import Answer
from dispatch.distribution.from_picture import case_of_picture
from dispatch.distribution.officer import distribution_view
from dispatch.distribution.previewing import PreviewDistribution
from dispatch.distribution.reading import check_case
from dispatch.distribution.sharing import distribute
from dispatch.distribution.travel import with_roads
from routing.roads import Roadmap

EXACT = exact_rules()
NOW = START + timedelta(minutes=6)
SCHEMAS = REPO / "docs" / "schemas"


def crashed(*labels: tuple[str, Category], more: list[e.Event] | None = None) -> Picture:
    facts = [*enrolled(), *reported(), *crash()]
    for label, category in labels:
        facts += found(label, category)
    return told([*facts, *(more or [])])


def incident_of(picture: Picture) -> str:
    return next(iter(picture.incidents))


def planned(picture: Picture, valley: Roadmap) -> Answer:
    ask = check_case(case_of_picture(picture, incident_of(picture), NOW, EXACT), EXACT)
    return distribute(with_roads(ask, valley), EXACT)


def test_the_case_of_the_picture_is_the_incident_with_its_hospitals_and_free_units() -> None:
    picture = crashed(("A", Category.RED), ("B", Category.GREEN))
    ask = case_of_picture(picture, incident_of(picture), NOW, EXACT)
    assert {one.id for one in ask.casualties} == set(picture.casualties)
    assert {one.id for one in ask.hospitals} == set(picture.hospitals)
    assert {one.id for one in ask.vehicles} == set(picture.units)
    assert ask.scenes[incident_of(picture)].lat == SCENE.lat
    assert ask.before == {}


def test_an_incident_that_nobody_knows_is_refused() -> None:
    with pytest.raises(NotFound):
        case_of_picture(crashed(), "nowhere", NOW, EXACT)


def test_the_plan_of_the_picture_counts_every_casualty_once(valley: Roadmap) -> None:
    picture = crashed(("A", Category.RED), ("B", Category.YELLOW))
    answer = planned(picture, valley)
    assert answer.totals.tags
    view = distribution_view(picture, incident_of(picture), answer)
    assert view["total"] == len(view["rows"]) == 2
    assert sum(sum(row.values()) for row in view["summary"].values()) == 2
    assert (view["unplanned"], view["unknown"]) == ([], [])
    assert json.loads(json.dumps(view)) == view


def test_a_casualty_that_came_later_is_on_the_board_though_not_in_the_plan(valley: Roadmap) -> None:
    answer = planned(crashed(("A", Category.RED)), valley)
    later = crashed(("A", Category.RED), ("B", Category.GREEN))
    view = distribution_view(later, incident_of(later), answer)
    assert view["total"] == 2
    assert len(view["unplanned"]) == 1
    assert view["summary"]["-"] == {"green": 1}


def test_who_was_sent_elsewhere_than_planned_is_marked(valley: Roadmap) -> None:
    picture = crashed(("A", Category.RED))
    answer = planned(picture, valley)
    (row,) = answer.rows
    other = next(id for id in sorted(picture.hospitals) if id != row.hospital)
    chosen = e.DestinationChosen(row.casualty, e.Option(other, "road", 600.0, {"drive": 600.0}), (), "family asks")
    view = distribution_view(crashed(("A", Category.RED), more=[chosen]), incident_of(picture), answer)
    assert view["rows"][0]["hospital"] == other
    assert view["rows"][0]["planned"] == row.hospital
    assert view["rows"][0]["differs"]


async def test_the_console_asks_for_a_plan_and_nothing_is_recorded(valley: Roadmap) -> None:
    stage = await Stage(*enrolled(), *reported(), *crash(), *found("A", Category.RED)).open()
    room = DispatchRoom(stage.book, stage.clock, valley, valley_area(), threaded=False)
    (ask,) = [one for one in room.asks() if one.name == "preview_distribution"]
    before = stage.book.picture.seq
    answer = await ask.handle(PreviewDistribution("20210418-001"), stage.dispatcher) or {}
    assert answer["plan"]["totals"]["planned"] == 1
    assert answer["view"]["total"] == 1
    assert stage.book.picture.seq == before


# --- the command


def small() -> dict[str, Any]:
    who = [casualty("T1"), casualty("T2", "green"), casualty("T3", "yellow", needs=["burns"])]
    return case(who, [hospital("H1")], [{"id": "A1"}], {"H1": 10}, {"A1": 2})


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_command_tells_the_list_the_table_and_who_is_left(
    language: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ABOARD_LANG", language)
    file = tmp_path / "case.json"
    file.write_text(json.dumps(small()))
    assert cli.run(["distribute", str(file)]) == 1
    page = capsys.readouterr().out
    assert all(tag in page for tag in ("T1", "T2", "T3", "H1", "A1"))
    assert "?" not in page


def test_the_command_answers_as_the_function_does(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, out = tmp_path / "case.json", tmp_path / "answer.json"
    file.write_text(json.dumps(small()))
    assert cli.run(["distribute", str(file), "--json", "--out", str(out)]) == 1
    printed = capsys.readouterr().out
    assert (
        json.loads(printed) == json.loads(out.read_text()) == json.loads(msgspec.json.encode(distribute(read(small()))))
    )


def test_the_command_refuses_what_it_cannot_mean(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "case.json"
    file.write_text(json.dumps(small() | {"hospitals": "none"}))
    assert cli.run(["distribute", str(file)]) == 2
    assert cli.run(["distribute"]) == 2
    assert cli.run(["distribute", str(file), "--close", "ref:G60"]) == 2
    assert "case.json" in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["in", "out"])
def test_the_written_schemas_are_those_of_the_command(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["distribute", "--schema", kind]) == 0
    written = (SCHEMAS / f"distribute.{kind}.schema.json").read_text(encoding="utf-8")
    assert capsys.readouterr().out == written, f"write it anew: aboard distribute --schema {kind}"


def test_a_unit_that_said_it_is_on_scene_starts_from_the_scene(valley: Roadmap) -> None:
    """Its last position may be old, or none was ever told."""
    picture = crashed(("A", Category.RED))
    ask = case_of_picture(picture, incident_of(picture), NOW, EXACT)
    (there,) = [one for one in ask.vehicles if one.id == "A1"]
    assert there.place == ask.scenes[incident_of(picture)]
    assert planned(picture, valley).rows[0].vehicle == "A1"
