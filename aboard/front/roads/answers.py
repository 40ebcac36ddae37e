"""``aboard roads route | table | reach``: ways and times between places."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aboard.front.language import spoken
from aboard.front.roads.options import (
    AsJson,
    At,
    BusLanes,
    Close,
    Contraflow,
    Country,
    EngineName,
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
from aboard.front.roads.printing import km, minutes, print_grid, print_json, write_json, write_text
from aboard.front.roads.reading import (
    read_instant,
    read_numbers,
    read_place,
    read_places,
    read_traffic,
    read_vehicle,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from routing.ground import Route
    from routing.reach import Reach
    from routing.turn_by_turn import Step


@app.command(help=told("word.route"))
def route(
    roads: RoadFile,
    start: Annotated[str, typer.Option("--from", metavar="LAT,LON", help=told("help_from"))],
    end: Annotated[str, typer.Option("--to", metavar="LAT,LON", help=told("help_to"))],
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
    engine: EngineName = None,
    steps: Annotated[bool, typer.Option("--steps", help=told("help_steps"))] = False,
    geojson: GeoJson = None,
    as_json: AsJson = False,
) -> None:
    from routing.engine import DEFAULT_ENGINE
    from routing.geojson import route_geojson
    from routing.ground import route as find_route
    from routing.roads import load_roads
    from routing.turn_by_turn import turn_by_turn

    departs = read_instant(at)
    sizes = {"height_m": height, "width_m": width, "weight_t": weight}
    driven = read_vehicle(profile, siren, bus_lanes=bus_lanes, gates=gates, contraflow_m=contraflow, **sizes)
    roadmap = load_roads(roads, country=country)
    places = read_place(roadmap, "--from", start), read_place(roadmap, "--to", end)
    traffic = read_traffic(roadmap, close, departs)
    ask: dict[str, Any] = {"profile": driven, "traffic": traffic, "at": departs, "engine": engine or DEFAULT_ENGINE}
    found = find_route(roadmap, *places, **ask)
    said = turn_by_turn(roadmap, found)
    write_json(geojson, route_geojson(roadmap, found, said) if geojson else None)
    if as_json:
        told_steps = [step.as_facts() for step in said]
        print_json(found.as_facts() | {"steps": told_steps, "attribution": roadmap.attribution})
        return
    _print_head(found, start, end)
    if steps:
        _print_steps(said)
    else:
        _print_legs(found)
    typer.echo(roadmap.attribution)


def _print_head(found: Route, start: str, end: str) -> None:
    typer.echo(told("route.title", start=start, end=end))
    times = {"minutes": found.eta_s, "low": found.eta_low_s, "high": found.eta_high_s}
    typer.echo(told("route.eta", km=km(found.length_m), **{name: minutes(time_s) for name, time_s in times.items()}))
    for avoided in found.avoids:
        typer.echo(avoided.said(spoken(), found.at))


def _print_legs(found: Route) -> None:
    from routing.ground import OFF_ROAD

    rows: list[tuple[str, ...]] = []
    for leg in found.legs:
        name = leg.name_zh if spoken() == "zh" else leg.name_en
        road = " ".join(part for part in (leg.ref, name) if part) or told("route.unnamed")
        road = told("route.off_road") if leg.highway == OFF_ROAD else road
        rows.append((road, leg.highway, f"{leg.length_m / 1000:.2f}", minutes(leg.seconds)))
    print_grid([told(f"route.{head}") for head in ("road", "class", "km", "minutes")], rows)


def _print_steps(steps: Sequence[Step]) -> None:
    rows = [
        (str(row), step.said(spoken()), f"{step.length_m / 1000:.2f}", minutes(step.seconds))
        for row, step in enumerate(steps, 1)
    ]
    print_grid(["", *(told(f"route.{head}") for head in ("step", "km", "minutes"))], rows)


@app.command(help=told("word.table"))
def table(
    roads: RoadFile,
    starts: Annotated[Path, typer.Option("--from-csv", metavar="CSV", help=told("help_from_csv"))],
    ends: Annotated[Path, typer.Option("--to-csv", metavar="CSV", help=told("help_to_csv"))],
    out: Annotated[Path | None, typer.Option("--out", metavar="CSV", help=told("help_out_csv"))] = None,
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
    engine: EngineName = None,
    as_json: AsJson = False,
) -> None:
    from routing.engine import DEFAULT_ENGINE
    from routing.ground import table as find_times
    from routing.roads import load_roads

    departs = read_instant(at)
    sizes = {"height_m": height, "width_m": width, "weight_t": weight}
    driven = read_vehicle(profile, siren, bus_lanes=bus_lanes, gates=gates, contraflow_m=contraflow, **sizes)
    roadmap = load_roads(roads, country=country)
    rows, columns = read_places(roadmap, starts), read_places(roadmap, ends)
    traffic = read_traffic(roadmap, close, departs)
    ask: dict[str, Any] = {"profile": driven, "traffic": traffic, "at": departs, "engine": engine or DEFAULT_ENGINE}
    times = find_times(roadmap, rows, columns, **ask)
    names = [place.name_en for place in rows], [place.name_en for place in columns]
    if as_json:
        stood_on = {"profile": driven.name, "at": departs.isoformat(), "roads_digest": roadmap.digest}
        print_json({"from": names[0], "to": names[1], "eta_s": times} | stood_on)
    if out is None:
        _print_table(*names, times, printed=not as_json)
        return
    write_text(out, _table_csv(*names, times))
    unreachable = sum(eta_s is None for etas in times for eta_s in etas)
    told_out = told("table.written", rows=len(rows), columns=len(columns), out=out, unreachable=unreachable)
    typer.echo(told_out, err=as_json)


def _table_csv(starts: list[str], ends: list[str], times: list[list[float | None]]) -> str:
    written = io.StringIO()
    sheet = csv.writer(written, lineterminator="\n")
    sheet.writerow(["from", "to", "eta_s"])
    for start, etas in zip(starts, times, strict=True):
        for end, eta_s in zip(ends, etas, strict=True):
            sheet.writerow([start, end, "" if eta_s is None else eta_s])
    return written.getvalue()


def _print_table(starts: list[str], ends: list[str], times: list[list[float | None]], *, printed: bool) -> None:
    """Minutes from each row to each column."""
    if printed:
        rows = [
            (start, *("-" if eta_s is None else minutes(eta_s) for eta_s in etas))
            for start, etas in zip(starts, times, strict=True)
        ]
        print_grid([told("route.minutes"), *ends], rows)


@app.command(help=told("word.reach"))
def reach(
    roads: RoadFile,
    place: Annotated[str, typer.Option("--from", metavar="LAT,LON", help=told("help_reach_from"))],
    within: Annotated[str, typer.Option("--minutes", metavar="5,10,15", help=told("help_minutes"))] = "5,10,15",
    toward: Annotated[bool, typer.Option("--toward", help=told("help_toward"))] = False,
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
    from routing.geojson import reach_geojson
    from routing.reach import reach as find_reach
    from routing.roads import load_roads

    departs, spans = read_instant(at), read_numbers("--minutes", within)
    sizes = {"height_m": height, "width_m": width, "weight_t": weight}
    driven = read_vehicle(profile, siren, bus_lanes=bus_lanes, gates=gates, contraflow_m=contraflow, **sizes)
    roadmap = load_roads(roads, country=country)
    where, traffic = read_place(roadmap, "--from", place), read_traffic(roadmap, close, departs)
    found = find_reach(roadmap, where, spans, profile=driven, traffic=traffic, at=departs, toward=toward)
    drawn = reach_geojson(roadmap, found) if geojson or as_json else None
    write_json(geojson, drawn)
    if as_json:
        print_json(drawn)
        return
    _print_reach(found, place)
    typer.echo(roadmap.attribution)


def _print_reach(found: Reach, place: str) -> None:
    typer.echo(told("reach.toward" if found.toward else "reach.from", place=place))
    rows = [(f"{band.minutes:g}", f"{band.road_km:.1f}", str(band.nodes)) for band in found.bands]
    print_grid([told(f"reach.{head}") for head in ("within", "road_km", "nodes")], rows)
