"""Read what the user typed or wrote into files: places, instants, closures, vehicles, stations.

Everything that cannot be meant is refused by name and place; nothing is guessed.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aboard.front.roads.options import told
from casebook.clock import WallClock
from casebook.errors import RefusedInput

if TYPE_CHECKING:
    from casebook.place import Place
    from routing.coverage import Station
    from routing.profiles import Profile
    from routing.roads import Roadmap
    from routing.traffic import Stretch, Traffic


def read_place(roadmap: Roadmap, option: str, value: str) -> Place:
    """``lat,lon``; a hint where the two are swapped."""
    from routing.asked import read_place as place_on

    try:
        lat, lon = (float(part) for part in value.split(","))
    except ValueError as broken:
        raise RefusedInput("bad_coordinates", option=option, value=value) from broken
    return place_on(roadmap, lat, lon)


def read_box(value: str) -> tuple[float, float, float, float]:
    try:
        west, south, east, north = (float(part) for part in value.split(","))
    except ValueError as broken:
        raise RefusedInput("bad_box", value=value) from broken
    return west, south, east, north


def read_numbers(option: str, value: str) -> list[float]:
    """Numbers separated by commas."""
    try:
        return [float(part) for part in value.split(",")]
    except ValueError as broken:
        raise RefusedInput("bad_numbers", option=option, value=value) from broken


def read_instant(value: str | None) -> datetime:
    from routing.asked import read_instant as checked_instant

    if value is None:
        return WallClock().now()
    try:
        at = datetime.fromisoformat(value)
    except ValueError as broken:
        raise RefusedInput("bad_instant", value=value) from broken
    if at.tzinfo is None:
        raise RefusedInput("bad_instant", value=value)
    return checked_instant(at)


def read_vehicle(name: str | None, siren: bool, **switches: Any) -> Profile:
    """The profile and its switches; ``--siren`` is short for ``--profile ambulance_siren``; else a plain car."""
    from routing.asked import read_profile
    from routing.profiles import AMBULANCE_SIREN, CAR

    if siren and name not in (None, AMBULANCE_SIREN.name):
        raise RefusedInput("profile_twice", asked=name)
    return read_profile(AMBULANCE_SIREN.name if siren else name or CAR.name, switches)


# --- closures


def read_traffic(roadmap: Roadmap, close: Sequence[str] | None, at: datetime) -> Traffic:
    """Free roads, but for what ``--close`` names; each must mean at least one road of this map."""
    from routing.traffic import FREE_FLOW, Closure

    traffic = FREE_FLOW
    reason, author = told("route.closed_by_option"), told("route.command_line")
    for text in close or ():
        id, where = _read_stretch(text)
        if len(where.arcs(roadmap)) == 0:
            raise RefusedInput("closure_meets_no_road", ref=text, roads=roadmap.name)
        traffic = traffic.with_closure(Closure(id, where, reason, author, since=at))
    return traffic


def _read_stretch(text: str) -> tuple[str, Stretch]:
    """``ref:G60``, ``km:G60:38-41`` (both with ``@BEARING`` or not), ``edge:U,V,KEY``, else a GeoJSON file."""
    from routing.traffic import Stretch, read_area

    kind, _, rest = text.partition(":")
    rest, _, bearing = rest.partition("@")
    try:
        bearing_deg = float(bearing) if bearing else None
        if kind == "ref":
            return text, Stretch(ref=rest, bearing_deg=bearing_deg)
        if kind == "km":
            ref, _, span = rest.rpartition(":")
            return text, Stretch(ref=ref, km=_read_km(span), bearing_deg=bearing_deg)
        if kind == "edge":
            u, v, key = (int(part) for part in rest.split(","))
            return text, Stretch(edges=frozenset({(u, v, key)}))
    except ValueError as broken:
        raise RefusedInput("bad_closure", value=text) from broken
    return Path(text).stem, Stretch(area=read_area(_read_geojson(Path(text))))


def _read_km(span: str) -> tuple[float, float]:
    """``38-41`` or ``K38+200-K39+500``; one kilometre alone means its post."""
    from routing.roads.kmposts import read_km

    first, _, last = span.partition("-")
    a, b = read_km(first), read_km(last or first)
    if a is None or b is None:
        raise ValueError(span)
    return min(a, b), max(a, b)


def _read_geojson(file: Path) -> dict[str, Any]:
    try:
        geojson = json.loads(read_text(file))
    except json.JSONDecodeError as broken:
        raise RefusedInput("bad_geojson", file=file.name, line=broken.lineno, why=broken.msg) from broken
    if not isinstance(geojson, dict):
        raise RefusedInput("bad_geojson", file=file.name, line=1, why=type(geojson).__name__)
    return geojson


# --- tables of places


def read_places(roadmap: Roadmap, file: Path) -> list[Place]:
    """Places of a CSV with lat, lon and maybe name; a row without name is called by its number.

    Tables of JEMSS (a title line, then x = lon, y = lat) are read as well.
    """
    from routing.asked import read_place as place_on

    lines = read_text(file).splitlines()
    skipped = 1 if len(lines) > 1 and _jemss(lines[1]) else 0
    reader = csv.DictReader(lines[skipped:])
    columns = {(name or "").strip().lower(): name for name in reader.fieldnames or ()}
    lat, lon, name = (
        columns.get(one) or columns.get(other) for one, other in (("lat", "y"), ("lon", "x"), ("name", "id"))
    )
    if lat is None or lon is None:
        raise RefusedInput("bad_places", file=file.name, line=skipped + 1, why=", ".join(filter(None, columns)) or "-")
    places: list[Place] = []
    for row in reader:
        called = (row.get(name) if name else "") or str(len(places) + 1)
        try:
            places.append(place_on(roadmap, float(row[lat] or "nan"), float(row[lon] or "nan"), called))
        except (ValueError, TypeError, RefusedInput) as broken:
            at = reader.line_num + skipped
            raise RefusedInput("bad_places", file=file.name, line=at, why=str(broken)) from broken
    return places


def _jemss(header: str) -> bool:
    return header.lower().startswith("index,x,y")


def read_stations(roadmap: Roadmap, name: str) -> list[Station]:
    """Stations of a CSV, or of a region: its id or its region.yaml."""
    from routing.coverage import Station

    if Path(name).suffix.lower() == ".csv":
        return [Station(place.name_en, place) for place in read_places(roadmap, Path(name))]
    from scenarios.region import find_region, load_region

    file = find_region(name)
    if file is None:
        raise RefusedInput("no_region", name=name)
    region = load_region(file)
    return [Station(id, region.places[id]) for id in region.stations]


def read_text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except OSError as missing:
        raise RefusedInput("roads_missing", file=str(file)) from missing
    except UnicodeDecodeError as broken:
        raise RefusedInput("bad_places", file=file.name, line="-", why=broken.reason) from broken
