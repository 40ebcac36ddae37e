"""``aboard roads coverage``: how well stations cover the roads of a map."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from aboard.front.language import spoken
from aboard.front.roads.options import (
    AsJson,
    At,
    BusLanes,
    Close,
    Contraflow,
    Country,
    Gates,
    GeoJson,
    Height,
    ProfileName,
    RoadFile,
    Siren,
    Weight,
    Width,
    app,
    told,
)
from aboard.front.roads.printing import print_grid, print_json, write_json, write_text
from aboard.front.roads.reading import read_instant, read_numbers, read_stations, read_traffic, read_vehicle


@app.command(help=told("word.coverage"))
def coverage(
    roads: RoadFile,
    stations: Annotated[str, typer.Option("--stations", metavar="CSV|REGION", help=told("help_stations"))],
    turnout: Annotated[float | None, typer.Option("--turnout", metavar="S", help=told("help_turnout"))] = None,
    within: Annotated[str, typer.Option("--within", metavar="8,12,15", help=told("help_within"))] = "8,12,15",
    nearest: Annotated[Path | None, typer.Option("--csv", metavar="FILE", help=told("help_nearest_csv"))] = None,
    profile: ProfileName = None,
    siren: Siren = False,
    bus_lanes: BusLanes = None,
    gates: Gates = None,
    contraflow: Contraflow = None,
    height: Height = None,
    width: Width = None,
    weight: Weight = None,
    close: Close = None,
    at: At = None,
    country: Country = None,
    geojson: GeoJson = None,
    as_json: AsJson = False,
) -> None:
    from routing.coverage import TURNOUT_S
    from routing.coverage import coverage as find_coverage
    from routing.geojson import coverage_geojson
    from routing.roads import load_roads

    departs, spans = read_instant(at), read_numbers("--within", within)
    sizes = {"height_m": height, "width_m": width, "weight_t": weight}
    driven = read_vehicle(profile, siren, bus_lanes=bus_lanes, gates=gates, contraflow_m=contraflow, **sizes)
    roadmap = load_roads(roads, country=country)
    traffic = read_traffic(roadmap, close, departs)
    found = find_coverage(
        roadmap, read_stations(roadmap, stations), profile=driven, traffic=traffic, at=departs,
        turnout_s=TURNOUT_S if turnout is None else turnout, within_min=spans,
    )  # fmt: skip
    write_json(geojson, coverage_geojson(found) if geojson else None)
    if nearest is not None:
        write_text(nearest, found.nearest_csv())
        typer.echo(told("written", out=nearest), err=True)
    if as_json:
        print_json(found.as_facts() | {"attribution": roadmap.attribution}, indent=2)
        return
    _print_figures(found.as_facts())
    typer.echo(roadmap.attribution)


def _print_figures(facts: dict[str, Any]) -> None:
    figures = ("stations", "served_km2", "mean_radius_km", "mean_response_min", "p90_response_min", "nodes_unreached")
    rows = [(told(f"coverage.{name}"), str(facts[name])) for name in figures]
    rows += [
        (told("coverage.within", minutes=f"{one['minutes']:g}"), f"{one['nodes']:.1%} / {one['road_length']:.1%}")
        for one in facts["within"]
    ]
    if facts["left_out"]:
        rows.append((told("coverage.left_out"), ", ".join(facts["left_out"])))
    print_grid([], rows)
    for target in facts["targets"]:
        key = "coverage.met" if target["met"] else "coverage.missed"
        figure = told(f"coverage.{target['figure']}")
        typer.echo(told(key, figure=figure, most=f"{target['most']:g}", source=target["source"]))
    _print_weak_spots(facts["weak_spots"])


def _print_weak_spots(spots: list[dict[str, Any]]) -> None:
    if not spots:
        return
    rows = []
    for spot in spots:
        name = spot.get(f"name_{spoken()}", "")
        road = " ".join(part for part in (spot.get("ref", ""), name) if part) or told("route.unnamed")
        minutes = f"{spot['response_min']:.1f}" if "response_min" in spot else told("coverage.never")
        rows.append(
            (road, f"{spot['lat']:.5f},{spot['lon']:.5f}", f"{spot['road_km']}", minutes, spot.get("station", "-"))
        )
    heads = ("weak_spot", "worst_place", "road_km", "response", "nearest")
    print_grid([told(f"coverage.{head}") for head in heads], rows)
