"""What the documents tell of formats, asks, paths, settings and screens is what the code has."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from fastapi import FastAPI
from tree import REPO, spelled

from aboard.hub import Hub
from aboard.hub_setup import open_hub
from aboard.unit import UnitSettings, Vehicle
from casebook import events as e
from casebook.asking import read_command
from casebook.clock import WallClock
from casebook.desks import Desk
from casebook.link import RowsCame, Unread, read_from_vehicle
from casebook.words import LANGUAGES, Language, catalogue
from dispatch.app import DispatchRoom
from hospital_board.app import HospitalRoom
from scenarios.area import area_of
from scenarios.feeds import first_facts
from scenarios.fleet import load_fleet
from scenarios.format import list_scenarios, load_scenario
from scenarios.report import Watched, make_report
from scenarios.story import tell
from scenarios.vocabulary import all_asks

DOCS = REPO / "docs"
GUIDES = sorted((DOCS / "guides").glob("*.??.md"))
SCREENSHOTS = {
    f"{screen}_{language}.png" for screen in ("console", "wall", "tablet", "report") for language in LANGUAGES
}
FENCE = re.compile(r"^```(\w+)[ ]*([^\n]*)\n(.*?)^```", re.DOTALL | re.MULTILINE)


def read(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def coded(text: str) -> set[str]:
    """Everything between backticks outside fenced blocks."""
    return set(re.findall(r"`([^`\n]+)`", FENCE.sub("", text)))


def words_in(text: str) -> set[str]:
    """The single names that stand in code, also `a`, `b` and the fields of `{a: ..., b: ...}`."""
    return {word for piece in coded(text) for word in re.findall(r"[A-Za-z_][A-Za-z0-9_]*", piece)}


def examples(name: str, kind: str) -> list[tuple[str, str]]:
    """(rest of the fence's line after `kind`, body) of every fenced example of that kind."""
    return [
        (note.removeprefix(kind).strip(), body)
        for _, note, body in FENCE.findall(read(name))
        if note.split(" ")[0] == kind
    ]


# --- scenarios


def properties(schema: dict[str, Any]) -> Iterator[str]:
    """The name of every property anywhere in a JSON Schema."""
    for name, inner in schema.get("properties", {}).items():
        yield name
        yield from properties(inner)
    for part in ("$defs", "definitions"):
        for inner in schema.get(part, {}).values():
            yield from properties(inner)
    for inner in (schema.get("items"), *schema.get("anyOf", ())):
        if isinstance(inner, dict):
            yield from properties(inner)


@pytest.mark.parametrize("schema", ["scenario.schema.json", "regions/region.schema.json"])
def test_every_field_of_the_formats_is_described(schema: str) -> None:
    fields = set(properties(json.loads((REPO / "scenarios" / schema).read_text(encoding="utf-8"))))
    assert not fields - words_in(read("scenarios.md"))


def test_every_shipped_drill_and_region_is_named() -> None:
    regions = {file.parent.name for file in (REPO / "scenarios" / "regions").glob("*/region.yaml")}
    assert not (set(list_scenarios()) | regions) - words_in(read("scenarios.md"))


def test_the_scenario_in_the_document_plays_and_meets_its_expectation(tmp_path: Path) -> None:
    (written,) = [body for language, _, body in FENCE.findall(read("scenarios.md")) if language == "yaml"]
    file = tmp_path / "small_crash.yaml"
    file.write_text(written, encoding="utf-8")
    scenario = load_scenario(file, all_asks())
    from aboard.hub_setup import load_region_roads

    roads = load_region_roads(scenario.region)

    def rooms(book: Any) -> list[Desk]:
        dispatch = DispatchRoom(book, book.clock, roads, area_of(scenario.region, []), threaded=False)
        return [dispatch, HospitalRoom(book, book.clock)]

    told = tell(scenario, rooms, [*scenario.region.enrolments(), *first_facts(scenario, 1.0)])
    report = make_report(scenario, told.entries, told.played, Watched(), rate=1.0, ground_s=None)
    assert report["steps"]["refused"] == []
    assert [one["passed"] for one in report["expectations"]] == [True]


# --- api


@pytest.mark.parametrize("who", ["hub", "crew"])
def test_every_ask_is_listed(who: str) -> None:
    assert not set(all_asks()[who]) - words_in(read("api.md"))


def test_every_listed_ask_exists() -> None:
    known = {name for asks in all_asks().values() for name in asks}
    rows = re.findall(r"^\| (`[a-z_]+`(?:, `[a-z_]+`)*) \| ", read("api.md"), re.MULTILINE)
    listed = {name for row in rows for name in re.findall(r"`([a-z_]+)`", row)}
    roles = {"paramedic", "dispatcher", "ed", "director"}
    assert listed - roles == known


@pytest.mark.parametrize(("note", "body"), examples("api.md", "ask"))
def test_every_example_of_an_ask_is_a_command(note: str, body: str) -> None:
    who, name = note.split()
    read_command(body.encode(), all_asks()[who][name], name)


@pytest.mark.parametrize(("note", "body"), examples("api.md", "vehicle"))
def test_every_example_of_the_vehicles_words_is_read(note: str, body: str) -> None:
    message = read_from_vehicle(body)
    assert type(message).__struct_config__.tag == json.loads(body)["t"]
    for row in Unread(message.rows).read() if isinstance(message, RowsCame) else ():
        e.decode(row.kind, row.body)


@pytest.mark.parametrize("kind", ["answer", "feed", "hub", "screen"])
def test_other_examples_are_json(kind: str) -> None:
    told = [json.loads(body) for _, body in examples("api.md", kind)]
    assert told


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Hub:
    async def opened() -> Hub:
        folder = tmp_path_factory.mktemp("hub")
        made, _ = await open_hub(folder, "yangtze_delta", WallClock(), facts=None, drill=False)
        made.book.log.close()
        return made

    return asyncio.run(opened())


SERVED = ("/api/v1/", "/console", "/wall", "/tablet", "/healthz", "/readyz", "/metrics")


def paths_of(app: FastAPI) -> set[str]:
    """Paths of calls and WebSockets; asks are told of by name."""
    http = set(app.openapi()["paths"])
    sockets = {
        path for route in app.routes if "WebSocket" in type(route).__name__ and (path := getattr(route, "path", ""))
    }
    pages = {
        path for route in app.routes if re.fullmatch(r"/(console|wall|tablet)", path := getattr(route, "path", ""))
    }
    return {path for path in http | sockets | pages if not path.startswith("/api/v1/ask/")}


def test_the_paths_of_hub_and_vehicle_are_those_of_the_document(hub: Hub, tmp_path: Path) -> None:
    settings = UnitSettings(
        unit="A01", hub="http://127.0.0.1:1", token="t", folder=str(tmp_path), lat=31.0, lon=121.2, live_media=False
    )
    served = paths_of(hub.app) | paths_of(Vehicle(settings).app)
    pieces = {piece.split("?")[0].split("#")[0] for piece in coded(read("api.md"))}
    told = {piece for piece in pieces if piece.startswith(SERVED)}
    assert told - {"/api/v1/ask/NAME"} == served


# --- operations


def test_every_field_of_an_enrolment_file_is_described() -> None:
    table = re.findall(r"^\| (`[^|]+`) \|", read("operations.md"), re.MULTILINE)
    told = {name for row in table for name in re.findall(r"`([a-z_]+)`", row)}
    assert not {field.name for field in msgspec.structs.fields(UnitSettings)} - told


def test_the_fleet_in_the_document_is_one(tmp_path: Path) -> None:
    ((_, written),) = examples("operations.md", "fleet")
    file = tmp_path / "fleet.yaml"
    file.write_text(written, encoding="utf-8")
    assert [unit.unit for unit in load_fleet(file)] == ["SJ-01"]


# --- guides


@pytest.mark.parametrize("guide", GUIDES, ids=spelled)
def test_bold_words_of_a_guide_stand_on_a_screen_exactly_so(guide: Path) -> None:
    language: Language = "zh" if guide.name.endswith(".zh.md") else "en"
    bold = set(re.findall(r"\*\*([^*]+)\*\*", guide.read_text(encoding="utf-8")))
    screens = ("unit.", "dispatch.", "hospital.", "media.", "triage.", "link.", "drill.", "error.")
    said = {sentence for key, sentence in catalogue(language).items() if key.startswith(screens)}
    assert bold, "a guide names what is on the screen"
    assert not sorted(bold - said)


def test_every_guide_is_there_in_both_languages() -> None:
    names = {guide.name.split(".")[0] for guide in GUIDES}
    assert names == {"paramedic", "dispatcher", "ed", "director"}
    assert len(GUIDES) == len(names) * len(LANGUAGES)


# --- pictures


def test_the_readme_shows_every_screen_in_both_languages() -> None:
    shown = re.findall(r'<img src="docs/screenshots/([^"]+)"', (REPO / "README.md").read_text(encoding="utf-8"))
    assert set(shown) == SCREENSHOTS


def test_every_picture_that_the_readme_shows_is_there() -> None:
    there = {file.name for file in (DOCS / "screenshots").glob("*.png")}
    if not there:
        pytest.skip("the browser test has not written docs/screenshots yet")
    assert not SCREENSHOTS - there
