"""``aboard roads build | info | fetch``: where a road map comes from and what is in it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aboard.front.roads.options import AsJson, Country, GeoJson, MapName, OutRoads, RoadFile, app, told
from aboard.front.roads.printing import print_grid, print_json, unwritable, write_json
from aboard.front.roads.reading import read_box

if TYPE_CHECKING:
    from routing.roads import Roadmap


@app.command(help=told("word.build"))
def build(
    roads: RoadFile,
    out: OutRoads,
    name: MapName = None,
    country: Country = None,
    accuracy_m: Annotated[float | None, typer.Option("--accuracy-m", help=told("help_accuracy"))] = None,
    as_json: AsJson = False,
) -> None:
    from routing.roads import load_roads

    roadmap = load_roads(roads, name=name, country=country, accuracy_m=accuracy_m)
    _save(roadmap, out)
    _tell("roads.built", roadmap, out, as_json, file=roads.name)


@app.command(help=told("word.info"))
def info(roads: RoadFile, country: Country = None, geojson: GeoJson = None, as_json: AsJson = False) -> None:
    from routing.roads import load_roads

    roadmap = load_roads(roads, country=country)
    facts = roadmap.as_facts()
    if geojson is not None:
        write_json(geojson, roadmap.as_geojson())
    if as_json:
        print_json(facts, indent=2)
        return
    print_grid([], [(told(f"roads.{name}"), _cell(value)) for name, value in facts.items()])


@app.command(help=told("word.fetch"))
def fetch(
    bbox: Annotated[str, typer.Option("--bbox", metavar="W,S,E,N", help=told("help_bbox"))],
    out: OutRoads,
    name: MapName = None,
    country: Country = None,
    as_json: AsJson = False,
) -> None:
    from routing.roads.fetching import fetch_roads

    roadmap = fetch_roads(read_box(bbox), name=name or out.name.split(".")[0], country=country)
    _save(roadmap, out)
    _tell("fetch.written", roadmap, out, as_json)


def _tell(key: str, roadmap: Roadmap, out: Path, as_json: bool, **facts: Any) -> None:
    """What was written where; as JSON with the whole report of what was dropped."""
    if as_json:
        print_json(roadmap.as_facts() | {"out": str(out)}, indent=2)
        return
    typer.echo(told(key, nodes=roadmap.network.nodes, arcs=roadmap.network.arcs, out=out, **facts))


def _cell(value: Any) -> str:
    if value is None:
        return told("roads.unknown")
    if isinstance(value, dict):
        return ", ".join(f"{name} {number}" for name, number in value.items()) or "-"
    return ", ".join(str(part) for part in value) if isinstance(value, (list, tuple)) else str(value)


def _save(roadmap: Roadmap, out: Path) -> None:
    from routing.roads import save_roads

    try:
        save_roads(roadmap, out)
    except OSError as refused:
        raise unwritable(out, refused) from refused
