"""`aboard decide FILE.json`: one destination decision from a file, offline, as the desk would take it; the file and the
answer have JSON Schemas (`--schema in`, `--schema out`).

Exit code 1 where nobody can take the casualty: the answer then says where to stabilise and whom to ask.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec
import typer

from aboard.front.language import spoken
from casebook.errors import RefusedInput
from casebook.words import say

if TYPE_CHECKING:
    from casebook.events import Decision
    from casebook.picture import Picture
    from dispatch.area import Area
    from dispatch.case_file import CaseFile
    from scenarios.region import Region

Kind = Literal["in", "out"]


def _told(key: str) -> str:
    return say(f"decide.help.{key}", spoken())


def decide(
    file: Annotated[Path | None, typer.Argument(metavar="[FILE]", show_default=False)] = None,
    as_json: Annotated[bool, typer.Option("--json", help=_told("json"))] = False,
    schema: Annotated[str, typer.Option("--schema", metavar="in|out", show_default=False, help=_told("schema"))] = "",
    from_log: Annotated[
        Path | None, typer.Option("--from-log", metavar="LOG", show_default=False, help=_told("from_log"))
    ] = None,
    seq: Annotated[int, typer.Option("--seq", min=0, show_default=False, help=_told("seq"))] = 0,
    region: Annotated[str, typer.Option("--region", envvar="ABOARD_REGION", help=_told("region"))] = "",
) -> int:
    """Decide where the casualty of FILE goes, and say why every other way was not taken."""
    from dispatch.case_file import schema_of, write_case

    if schema == "in" or schema == "out":
        typer.echo(json.dumps(schema_of(schema), ensure_ascii=False, indent=2))
        return 0
    if from_log is not None and seq:
        typer.echo(write_case(case_of_log(from_log, seq, region)).decode(), nl=False)
        return 0
    if file is None or schema or from_log:
        raise RefusedInput("decide_what")
    decision, picture = decide_file(file)
    if as_json:
        typer.echo(json_of(decision))
    else:
        _print(decision, picture)
    return 0 if decision.options else 1


def json_of(decision: Decision) -> str:
    """The answer as one JSON object; the same decision gives the same text."""
    return msgspec.json.format(msgspec.json.encode(decision), indent=2).decode()


def decide_file(file: Path) -> tuple[Decision, Picture]:
    """The decision on a file, and the picture it was taken on.

    Raises RefusedInput naming the field that cannot be meant, NoAnswer where a way was asked that does not exist.
    """
    from aboard.hub_setup import load_region_roads
    from dispatch.case_file import read_case
    from dispatch.case_picture import decide_case, picture_of

    try:
        case = read_case(file.read_bytes(), file.name)
    except OSError as failure:
        raise RefusedInput("file_unreadable", file=str(file), why=failure.strerror or failure) from failure
    if not case.region and not case.ways:
        raise RefusedInput("decide_no_roads", file=file.name)
    region = _region_of(case, file)
    area = area_of_case(case, file, region)
    enrolled = list(region.hospitals.values()) if region else []
    picture = picture_of(case, area, enrolled)  # what is wrong with the file is told before the roads are opened
    roadmap = load_region_roads(region) if region and not case.ways else None
    return decide_case(case, area, enrolled, roadmap), picture


def _region_of(case: CaseFile, file: Path) -> Region | None:
    from scenarios.region import find_region, load_region

    if not case.region:
        return None
    found = find_region(case.region, file.parent)
    if found is None:
        raise RefusedInput("no_region", name=case.region)
    return load_region(found)


def area_of_case(case: CaseFile, file: Path, region: Region | None) -> Area:
    """The region for a desk, by the rules that the file names, else by the region's, else by the shipped ones."""
    from dataclasses import replace

    from dispatch.area import Area
    from dispatch.rule_files import rulebook
    from scenarios.area import area_of

    area = area_of(region, list(region.aircraft), case.rules_on) if region else Area(rules=rulebook(case.rules_on))
    if not case.rules:
        return area
    folder = file.parent / case.rules
    if not any(folder.glob("*.yaml")):
        raise RefusedInput("rules_absent", folder=str(folder))
    return replace(area, rules=rulebook(case.rules_on, folder))


def case_of_log(log: Path, seq: int, region: str) -> CaseFile:
    """The file of one recorded proposal. Raises RefusedInput (`decide_no_decision`) naming the proposals there are."""
    from aboard.front.log import find_book
    from casebook import events as e
    from casebook.book import occasion_of
    from casebook.events.upcasting import current
    from casebook.picture import Picture, fold
    from casebook.sqlite_log import SqliteLog
    from dispatch.case_export import case_at
    from scenarios.area import area_of
    from scenarios.compare import region_of

    book = SqliteLog(find_book(log), make=False)
    try:
        entries = list(map(current, book.read()))
    finally:
        book.close()
    proposals = {entry.seq: entry for entry in entries if entry.kind in ("destination_proposed", "no_destination")}
    if seq not in proposals:
        raise RefusedInput("decide_no_decision", seq=seq, known=", ".join(map(str, proposals)) or "-")
    known = region_of(entries, region)
    picture = Picture()
    for entry in entries[: entries.index(proposals[seq])]:
        picture = fold(picture, e.decode(entry.kind, entry.body), occasion_of(entry))
    named = region or str(next((x.body["region"] for x in entries if x.kind == "drill_started"), known.id))
    area, entry = area_of(known, list(picture.units)), proposals[seq]
    return case_at(picture, entry.body["casualty"], entry.at, named, area, known.hospitals.values())


def _print(decision: Decision, picture: Picture) -> None:
    from rich.console import Console

    from aboard.front.decision_page import page_of

    screen = Console(highlight=False, markup=False)
    screen = screen if screen.is_terminal else Console(highlight=False, markup=False, width=160)
    screen.print(*page_of(decision, picture, spoken()), sep="\n")
