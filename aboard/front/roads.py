"""``aboard roads build | info | route | table | fetch``: road networks on the command line.

Reads the options, asks the routing room, prints. Each command imports what it needs when it is called.
"""

from __future__ import annotations

import csv
import io
import json
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aboard.front.language import spoken
from casebook.clock import WallClock
from casebook.errors import RefusedInput
from casebook.place import Place
from casebook.words import say

if TYPE_CHECKING:
    from routing.ground import Route
    from routing.profiles import Profile
    from routing.roads import Roadmap
    from routing.traffic import Traffic

app = typer.Typer(add_completion=False, rich_markup_mode=None, no_args_is_help=True)


def _told(key: str, **facts: Any) -> str:
    return say(f"routing.{key}", spoken(), **facts)


RoadFile = Annotated[Path, typer.Argument(metavar="FILE", help=_told("help_in"))]
Country = Annotated[str | None, typer.Option("--country", metavar="CN", help=_told("help_country"))]
Siren = Annotated[bool, typer.Option("--siren", help=_told("help_siren"))]
Close = Annotated[Path | None, typer.Option("--close", metavar="GEOJSON", help=_told("help_close"))]
At = Annotated[str | None, typer.Option("--at", metavar="INSTANT", help=_told("help_at"))]
EngineName = Annotated[str, typer.Option("--engine", metavar="NAME", help=_told("help_engine"))]
AsJson = Annotated[bool, typer.Option("--json", help=_told("help_json"))]
OutRoads = Annotated[Path, typer.Option("--out", metavar="FILE", help=_told("help_out_roads"))]


@app.command(help=_told("word.build"))
def build(
    roads: RoadFile,
    out: OutRoads,
    name: Annotated[str | None, typer.Option("--name", help=_told("help_name"))] = None,
    country: Country = None,
    accuracy_m: Annotated[float | None, typer.Option("--accuracy-m", help=_told("help_accuracy"))] = None,
) -> None:
    from routing.roads import load_roads

    roadmap = load_roads(roads, name=name, country=country, accuracy_m=accuracy_m)
    _save(roadmap, out)
    counts = {"nodes": roadmap.network.nodes, "arcs": roadmap.network.arcs}
    typer.echo(_told("roads.built", file=roads.name, out=out, **counts))


@app.command(help=_told("word.info"))
def info(roads: RoadFile, country: Country = None, as_json: AsJson = False) -> None:
    from routing.roads import load_roads

    facts = load_roads(roads, country=country).as_facts()
    if as_json:
        typer.echo(json.dumps(facts, ensure_ascii=False, indent=2))
        return
    rows = [(_told(f"roads.{name}"), _cell(value)) for name, value in facts.items()]
    _print_grid([], rows)


def _cell(value: Any) -> str:
    if value is None:
        return _told("roads.unknown")
    if isinstance(value, dict):
        return ", ".join(f"{name} {number}" for name, number in value.items()) or "-"
    return ", ".join(str(part) for part in value) if isinstance(value, (list, tuple)) else str(value)


@app.command(help=_told("word.route"))
def route(
    roads: RoadFile,
    start: Annotated[str, typer.Option("--from", metavar="LAT,LON", help=_told("help_from"))],
    end: Annotated[str, typer.Option("--to", metavar="LAT,LON", help=_told("help_to"))],
    siren: Siren = False,
    close: Close = None,
    at: At = None,
    country: Country = None,
    engine: EngineName = "scipy",
    as_json: AsJson = False,
) -> None:
    from routing.ground import route as find_route
    from routing.roads import load_roads

    departs = _read_instant(at)
    places = _read_place("--from", start), _read_place("--to", end)
    traffic = _read_traffic(close, departs)
    roadmap = load_roads(roads, country=country)
    found = find_route(roadmap, *places, profile=_profile(siren), traffic=traffic, at=departs, engine=engine)
    if as_json:
        typer.echo(json.dumps(found.as_facts() | {"attribution": roadmap.attribution}, ensure_ascii=False))
    else:
        _print_route(found, start, end, roadmap.attribution)


def _print_route(found: Route, start: str, end: str, attribution: str) -> None:
    from routing.ground import OFF_ROAD

    typer.echo(_told("route.title", start=start, end=end))
    minutes = {"minutes": found.eta_s, "low": found.eta_low_s, "high": found.eta_high_s}
    spoken_minutes = {name: f"{seconds / 60:.1f}" for name, seconds in minutes.items()}
    typer.echo(_told("route.eta", km=f"{found.length_m / 1000:.1f}", **spoken_minutes))
    for avoided in found.avoids:
        facts = {"reason": avoided.reason, "author": avoided.author, "since": avoided.since.isoformat()}
        typer.echo(_told("route.avoids", closure=avoided.closure, **facts))
    rows: list[tuple[str, ...]] = []
    for leg in found.legs:
        name = leg.name_zh if spoken() == "zh" else leg.name_en
        road = " ".join(part for part in (leg.ref, name) if part) or _told("route.unnamed")
        road = _told("route.off_road") if leg.highway == OFF_ROAD else road
        rows.append((road, leg.highway, f"{leg.length_m / 1000:.2f}", f"{leg.seconds / 60:.1f}"))
    _print_grid([_told(f"route.{head}") for head in ("road", "class", "km", "minutes")], rows)
    typer.echo(attribution)


@app.command(help=_told("word.table"))
def table(
    roads: RoadFile,
    starts: Annotated[Path, typer.Option("--from-csv", metavar="CSV", help=_told("help_from_csv"))],
    ends: Annotated[Path, typer.Option("--to-csv", metavar="CSV", help=_told("help_to_csv"))],
    out: Annotated[Path, typer.Option("--out", metavar="CSV", help=_told("help_out_csv"))],
    siren: Siren = False,
    close: Close = None,
    at: At = None,
    country: Country = None,
    engine: EngineName = "scipy",
) -> None:
    from routing.ground import table as find_times
    from routing.roads import load_roads

    departs = _read_instant(at)
    rows, columns = _read_places(starts), _read_places(ends)
    traffic = _read_traffic(close, departs)
    roadmap = load_roads(roads, country=country)
    times = find_times(roadmap, rows, columns, profile=_profile(siren), traffic=traffic, at=departs, engine=engine)
    written = io.StringIO()
    sheet = csv.writer(written, lineterminator="\n")
    sheet.writerow(["from", "to", "eta_s"])
    for start, etas in zip(rows, times, strict=True):
        for end, eta_s in zip(columns, etas, strict=True):
            sheet.writerow([start.name_en, end.name_en, "" if eta_s is None else eta_s])
    _write(out, written.getvalue())
    unreachable = sum(eta_s is None for etas in times for eta_s in etas)
    typer.echo(_told("table.written", rows=len(rows), columns=len(columns), out=out, unreachable=unreachable))


@app.command(help=_told("word.fetch"))
def fetch(
    bbox: Annotated[str, typer.Option("--bbox", metavar="W,S,E,N", help=_told("help_bbox"))],
    out: OutRoads,
    name: Annotated[str | None, typer.Option("--name", help=_told("help_name"))] = None,
    country: Country = None,
) -> None:
    from routing.roads.fetching import fetch_roads

    roadmap = fetch_roads(_read_box(bbox), name=name or out.name.split(".")[0], country=country)
    _save(roadmap, out)
    typer.echo(_told("fetch.written", nodes=roadmap.network.nodes, arcs=roadmap.network.arcs, out=out))


def _read_place(option: str, value: str) -> Place:
    try:
        lat, lon = (float(part) for part in value.split(","))
    except ValueError as broken:
        raise RefusedInput("bad_coordinates", option=option, value=value) from broken
    return Place(lat, lon)


def _read_box(value: str) -> tuple[float, float, float, float]:
    try:
        west, south, east, north = (float(part) for part in value.split(","))
    except ValueError as broken:
        raise RefusedInput("bad_box", value=value) from broken
    return west, south, east, north


def _read_instant(value: str | None) -> datetime:
    if value is None:
        return WallClock().now()
    try:
        at = datetime.fromisoformat(value)
    except ValueError as broken:
        raise RefusedInput("bad_instant", value=value) from broken
    if at.tzinfo is None:
        raise RefusedInput("bad_instant", value=value)
    return at


def _read_traffic(close: Path | None, at: datetime) -> Traffic:
    """Free roads, but for the polygons of a file."""
    from routing.traffic import FREE_FLOW, Closure, Stretch, read_area

    if close is None:
        return FREE_FLOW
    try:
        geojson = json.loads(_read(close))
    except json.JSONDecodeError as broken:
        raise RefusedInput("bad_geojson", file=close.name, line=broken.lineno, why=broken.msg) from broken
    if not isinstance(geojson, dict):
        raise RefusedInput("bad_geojson", file=close.name, line=1, why=type(geojson).__name__)
    where = Stretch(area=read_area(geojson))
    reason, author = _told("route.closed_by_option"), _told("route.command_line")
    return FREE_FLOW.with_closure(Closure(close.stem, where, reason, author, since=at))


def _read_places(file: Path) -> list[Place]:
    """Places of a CSV with lat, lon and maybe name; a row without name is called by its number."""
    reader = csv.DictReader(io.StringIO(_read(file), newline=""))
    places: list[Place] = []
    if not {"lat", "lon"} <= set(reader.fieldnames or ()):
        raise RefusedInput("bad_places", file=file.name, line=1, why=", ".join(reader.fieldnames or ()) or "-")
    for row in reader:
        name = row.get("name") or str(len(places) + 1)
        try:
            places.append(Place(float(row["lat"] or "nan"), float(row["lon"] or "nan"), name_en=name))
        except (ValueError, TypeError, RefusedInput) as broken:
            raise RefusedInput("bad_places", file=file.name, line=reader.line_num, why=str(broken)) from broken
    return places


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except OSError as missing:
        raise RefusedInput("roads_missing", file=str(file)) from missing
    except UnicodeDecodeError as broken:
        raise RefusedInput("bad_places", file=file.name, line="-", why=broken.reason) from broken


def _save(roadmap: Roadmap, out: Path) -> None:
    from routing.roads import save_roads

    try:
        save_roads(roadmap, out)
    except OSError as refused:
        raise RefusedInput("roads_unwritable", file=str(out), why=refused.strerror or refused) from refused


def _write(out: Path, text: str) -> None:
    try:
        out.write_text(text, encoding="utf-8", newline="")
    except OSError as refused:
        raise RefusedInput("roads_unwritable", file=str(out), why=refused.strerror or refused) from refused


def _print_grid(heads: list[str], rows: list[tuple[str, ...]]) -> None:
    from rich.console import Console
    from rich.table import Table as Grid

    grid = Grid(*heads, box=None, pad_edge=False, show_header=bool(heads))
    for row in rows:
        grid.add_row(*row)
    page = Console(file=io.StringIO(), width=140, highlight=False, markup=False)
    page.print(grid)
    assert isinstance(page.file, io.StringIO)
    typer.echo(page.file.getvalue(), nl=False)


def _profile(siren: bool) -> Profile:
    from routing.profiles import AMBULANCE_SIREN, CAR

    return AMBULANCE_SIREN if siren else CAR
