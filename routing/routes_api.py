"""The router's HTTP door: route, table, reach and coverage on the traffic that the book knows, by GET or POST.

Reads the question, answers it in a thread so that no screen waits, and names the traffic version it stood on. Who may
ask, and what is closed now, is the hub's to say; sizes are bounded so that one asker cannot keep the others waiting.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from fastapi import APIRouter, Request, Response

from casebook.asking import Command
from casebook.door import body_of
from casebook.errors import RefusedInput
from casebook.place import Place
from routing.asked import NUMBERS, SWITCHES, read_instant, read_place, read_profile
from routing.coverage import TURNOUT_S, WITHIN_MIN, Station, coverage
from routing.geojson import coverage_geojson, reach_geojson, route_geojson
from routing.ground import route, table
from routing.profiles import AMBULANCE_SIREN, PROFILES, Profile
from routing.reach import MOST_BANDS, checked_minutes, reach
from routing.roads.roadmap import Roadmap
from routing.traffic import Traffic
from routing.turn_by_turn import turn_by_turn

MOST_CELLS, MOST_STATIONS, MOST_REACH_MIN, MOST_BODY = 10_000, 400, 60.0, 1024 * 1024
AT_ONCE = 2  # answers computed side by side; the desks' own questions go first through the other threads
Instant = Annotated[datetime, msgspec.Meta(tz=True)]
Asked = TypeVar("Asked", bound="Vehicle")
GEO = "application/geo+json"


class Spot(Command, frozen=True, kw_only=True):
    """A place in WGS-84 degrees; in a query "lat,lon"."""

    lat: float
    lon: float
    name: str = ""


class Vehicle(Command, frozen=True, kw_only=True):
    """Who drives and when: a shipped profile, its switches (routing/asked.py), `at` an instant with zone, else now."""

    profile: str = AMBULANCE_SIREN.name
    bus_lanes: bool | None = None
    gates: bool | None = None
    contraflow_m: float | None = None
    height_m: float | None = None
    width_m: float | None = None
    weight_t: float | None = None
    at: Instant | None = None

    def driven(self) -> Profile:
        return read_profile(self.profile, {switch: getattr(self, switch) for switch in (*SWITCHES, *NUMBERS)})


class RouteAsked(Vehicle, frozen=True, kw_only=True, rename={"start": "from", "end": "to"}):
    """`heading_deg`: the course of a moving vehicle, which is not turned round on the spot."""

    start: Spot
    end: Spot
    heading_deg: float | None = None
    steps: bool = True
    format: Literal["json", "geojson"] = "json"


class TableAsked(Vehicle, frozen=True, kw_only=True, rename={"starts": "from", "ends": "to"}):
    """Up to MOST_CELLS pairs; in a query places are separated by ";"."""

    starts: tuple[Spot, ...]
    ends: tuple[Spot, ...]


class ReachAsked(Vehicle, frozen=True, kw_only=True, rename={"place": "from"}):
    """`toward`: from where the place is reached in that time, instead of what is reached from it."""

    place: Spot
    minutes: tuple[float, ...]
    toward: bool = False


class CoverageAsked(Vehicle, frozen=True, kw_only=True):
    """No stations: the bases of the vehicles that the hub knows."""

    stations: tuple[Spot, ...] = ()
    turnout_s: float = TURNOUT_S
    within_min: tuple[float, ...] = WITHIN_MIN
    format: Literal["json", "geojson", "csv"] = "json"


@dataclass(frozen=True, slots=True)
class RoadsNow:
    """What holds at `at`; `version` names it as the console does."""

    at: datetime
    traffic: Traffic
    version: str


@dataclass(frozen=True, slots=True)
class Roads:
    """What the hub lends: its map, `now(at)` the roads then (None: now), and the stations it knows."""

    roadmap: Roadmap
    now: Callable[[datetime | None], RoadsNow]
    stations: Callable[[], Sequence[Station]] = tuple


Admit = Callable[[Request], None]


def routes_router(roads: Roads, admit: Admit) -> APIRouter:
    """GET and POST /api/v1/routes/...; `admit` raises NotAllowed for who may not ask."""
    router, seats = APIRouter(prefix="/api/v1/routes"), asyncio.Semaphore(AT_ONCE)

    def door(word: str, kind: type[Asked], work: Callable[[Roads, Asked, RoadsNow], Any]) -> None:
        async def handle(request: Request) -> Any:
            admit(request)
            asked = await _read(request, kind)
            now = roads.now(None if asked.at is None else read_instant(asked.at))
            async with seats:
                return await asyncio.to_thread(work, roads, asked, now)

        body = {"requestBody": {"required": True, "content": {"application/json": {"schema": _shape(kind)}}}}
        for method, extra in (("GET", None), ("POST", body)):
            name = f"{word}_{method.lower()}"
            router.add_api_route(
                f"/{word}", handle, methods=[method], name=name, operation_id=name, description=kind.__doc__ or "",
                openapi_extra=extra,
            )  # fmt: skip

    door("route", RouteAsked, answer_route)
    door("table", TableAsked, answer_table)
    door("reach", ReachAsked, answer_reach)
    door("coverage", CoverageAsked, answer_coverage)

    @router.get("/map")
    async def roads_map(request: Request) -> dict[str, Any]:
        """The map that answers stand on, the profiles and the limits of a question."""
        admit(request)
        return _about(roads)

    return router


def _shape(kind: type[Vehicle]) -> dict[str, Any]:
    """The JSON Schema of a question, whole in itself."""
    (schema,), parts = msgspec.json.schema_components([kind], ref_template="#/$defs/{name}")
    return schema | {"$defs": parts}


def _about(roads: Roads) -> dict[str, Any]:
    roadmap = roads.roadmap
    limits = {"cells": MOST_CELLS, "stations": MOST_STATIONS, "reach_minutes": MOST_REACH_MIN, "bands": MOST_BANDS}
    return {
        "name": roadmap.name,
        "bounds": [round(edge, 6) for edge in roadmap.bounds],
        "attribution": roadmap.attribution,
        "roads_digest": roadmap.digest,
        "traffic_version": roads.now(None).version,
        "profiles": list(PROFILES),
        "switches": [*SWITCHES, *NUMBERS],
        "limits": limits,
    }


# --- answers, each in a thread


def answer_route(roads: Roads, asked: RouteAsked, now: RoadsNow) -> Any:
    start, end = _place(roads, asked.start), _place(roads, asked.end)
    heading = asked.heading_deg
    if heading is not None and not 0 <= heading <= 360:
        raise RefusedInput("bad_field", where="route", field="heading_deg", why=f"{heading} is not within 0..360")
    ask = {"profile": asked.driven(), "traffic": now.traffic, "at": now.at, "heading_deg": heading}
    found = route(roads.roadmap, start, end, **ask)
    steps = turn_by_turn(roads.roadmap, found) if asked.steps else ()
    if asked.format == "geojson":
        return _geojson(route_geojson(roads.roadmap, found, steps), now)
    told = found.as_facts() | ({"steps": [step.as_facts() for step in steps]} if asked.steps else {})
    return _named(roads, told, now)


def answer_table(roads: Roads, asked: TableAsked, now: RoadsNow) -> Any:
    starts, ends = asked.starts, asked.ends
    if not (starts and ends):
        raise RefusedInput("bad_field", where="table", field="from, to", why="at least one place each")
    if len(starts) * len(ends) > MOST_CELLS:
        raise RefusedInput("too_many", what="table", given=len(starts) * len(ends), most=MOST_CELLS)
    rows, columns = ([_place(roads, spot) for spot in spots] for spots in (starts, ends))
    profile = asked.driven()
    times = table(roads.roadmap, rows, columns, profile=profile, traffic=now.traffic, at=now.at)
    told = {
        "eta_s": [[None if eta_s is None else round(eta_s, 1) for eta_s in row] for row in times],
        "profile": profile.name,
        "at": now.at.isoformat(),
        "roads_digest": roads.roadmap.digest,
        "off_the_map": {"from": _off_map(roads, rows), "to": _off_map(roads, columns)},
    }
    return _named(roads, told, now)


def answer_reach(roads: Roads, asked: ReachAsked, now: RoadsNow) -> Any:
    if any(not minutes <= MOST_REACH_MIN for minutes in asked.minutes):
        told = ", ".join(f"{minutes:g}" for minutes in asked.minutes)
        raise RefusedInput("bad_minutes", minutes=told, most=f"{MOST_REACH_MIN:g}", bands=MOST_BANDS)
    ask = {"profile": asked.driven(), "traffic": now.traffic, "at": now.at, "toward": asked.toward}
    found = reach(roads.roadmap, _place(roads, asked.place), asked.minutes, **ask)
    return _geojson(reach_geojson(roads.roadmap, found), now)


def answer_coverage(roads: Roads, asked: CoverageAsked, now: RoadsNow) -> Any:
    if len(asked.stations) > MOST_STATIONS:
        raise RefusedInput("too_many", what="stations", given=len(asked.stations), most=MOST_STATIONS)
    checked_minutes(asked.within_min)
    said = [Station(spot.name or str(row), _place(roads, spot)) for row, spot in enumerate(asked.stations, 1)]
    found = coverage(
        roads.roadmap, said or roads.stations(), profile=asked.driven(), traffic=now.traffic, at=now.at,
        turnout_s=asked.turnout_s, within_min=asked.within_min,
    )  # fmt: skip
    if asked.format == "csv":
        return Response(found.nearest_csv(), media_type="text/csv", headers={"Aboard-Traffic-Version": now.version})
    if asked.format == "geojson":
        return _geojson(coverage_geojson(found), now)
    return _named(roads, found.as_facts(), now)


def _place(roads: Roads, spot: Spot) -> Place:
    return read_place(roads.roadmap, spot.lat, spot.lon, spot.name)


def _off_map(roads: Roads, places: Sequence[Place]) -> list[int]:
    """Numbers of the places that no road is near, from 0."""
    return [row for row, place in enumerate(places) if not roads.roadmap.snap(place)]


def _named(roads: Roads, told: dict[str, Any], now: RoadsNow) -> dict[str, Any]:
    return told | {"traffic_version": now.version, "attribution": roads.roadmap.attribution}


def _geojson(told: dict[str, Any], now: RoadsNow) -> Response:
    return Response(msgspec.json.encode(told | {"traffic_version": now.version}), media_type=GEO)


# --- questions


async def _read(request: Request, kind: type[Asked]) -> Asked:
    where = request.url.path
    try:
        if request.method == "POST":
            return msgspec.json.decode(await body_of(request, MOST_BODY), type=kind)
        return msgspec.convert(_query(request, kind), kind, strict=False)
    except msgspec.ValidationError as wrong:
        text, _, path = str(wrong).partition(" - at `")
        field = path.rstrip("`").removeprefix("$.") or "$"
        raise RefusedInput("bad_field", where=where, field=field, why=text) from wrong
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as wrong:
        raise RefusedInput("bad_json", where=where, why=str(wrong)) from wrong


def _query(request: Request, kind: type[Vehicle]) -> dict[str, Any]:
    """The fields of a query as the body of a POST would have them; each may stand once."""
    told: dict[str, Any] = {}
    for name, value in request.query_params.multi_items():
        if name in told:
            raise RefusedInput("bad_field", where=request.url.path, field=name, why="more than once")
        told[name] = value
    many = kind is TableAsked
    for name in ("from", "to", "stations"):
        if name in told:
            spots = [_spot(name, text) for text in told[name].split(";") if text.strip()]
            single = len(spots) == 1 and not many and name != "stations"
            told[name] = spots[0] if single else spots
    return told | {name: told[name].split(",") for name in ("minutes", "within_min") if name in told}


def _spot(option: str, text: str) -> dict[str, str]:
    parts = text.split(",")
    if len(parts) != 2:
        raise RefusedInput("bad_coordinates", option=option, value=text)
    return {"lat": parts[0].strip(), "lon": parts[1].strip()}
