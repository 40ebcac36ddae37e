"""A subset of OSRM's HTTP interface, version 1: route and table, so that clients written for OSRM can point at us.

Written from OSRM's documentation (docs/http.md of osrm-backend, 5.x). Times run from road to road as OSRM's do, without
the metres to the door. What is not offered is refused or named in `notes`, never answered as if it had been heard.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from fastapi import APIRouter, Request

from casebook.door import Answer
from casebook.errors import CoordinationError, NoAnswer
from casebook.place import Place, distance_m
from routing.asked import read_place, read_profile
from routing.ground import Route, route, table
from routing.osrm_words import BadQuery, Options, coordinates, drawn, read_options, simplified, step_of
from routing.profiles import CAR, PROFILES, Profile
from routing.roads.roadmap import Roadmap
from routing.routes_api import AT_ONCE, MOST_CELLS, Admit, Roads, RoadsNow
from routing.turn_by_turn import Step, names_of, turn_by_turn

PROFILE_NAMES = {"car": CAR.name, "driving": CAR.name} | {name: name for name in PROFILES}
MOST_STOPS, MOST_DISTANCES = 100, 400  # a distance costs a whole route, a time almost nothing
LEFT_HAND = {"GB", "IE", "AU", "NZ", "JP", "IN", "ZA", "SG", "MY", "TH", "HK", "MO", "ID", "KE", "MT", "CY"}


@dataclass(frozen=True, slots=True)
class _Waypoint:
    """A coordinate on the road nearest to it."""

    place: Place
    name: str
    off_m: float

    def as_facts(self) -> dict[str, Any]:
        at = [round(self.place.lon, 6), round(self.place.lat, 6)]
        return {"name": self.name, "location": at, "distance": round(self.off_m, 3)}


def osrm_router(roads: Roads, admit: Admit, prefix: str = "/osrm") -> APIRouter:
    """GET {prefix}/route/v1/... and {prefix}/table/v1/...; not in our own API's description, for it is OSRM's."""
    router, seats = APIRouter(prefix=prefix, include_in_schema=False), asyncio.Semaphore(AT_ONCE)

    @router.get("/{service}/{version}/{profile}/{places:path}")
    async def ask(request: Request, service: str, version: str, profile: str, places: str) -> Answer:
        admit(request)
        query = [(name, value) for name, value in request.query_params.multi_items()]
        now = roads.now(None)
        async with seats:
            told, status = await asyncio.to_thread(answer, roads, now, (service, version, profile, places), query)
        return Answer(told, status_code=status)

    return router


def answer(
    roads: Roads, now: RoadsNow, path: tuple[str, str, str, str], query: Sequence[tuple[str, str]]
) -> tuple[dict[str, Any], int]:
    """The body and the HTTP status of one question, as OSRM would give them."""
    service, version, profile, places = path
    try:
        if service not in SERVICES:
            raise BadQuery("InvalidService", f"Service {service} not found!")
        if version != "v1":
            raise BadQuery("InvalidVersion", f"Service {service} has no version {version}.")
        asked = _Asked(roads, now, _driven(profile), coordinates(places), read_options(service, query))
        told = SERVICES[service](asked)
    except BadQuery as wrong:
        return {"code": wrong.code, "message": wrong.message}, 400
    except CoordinationError as wrong:
        code = "NoRoute" if isinstance(wrong, NoAnswer) and wrong.key == "no_route" else "InvalidValue"
        return {"code": code, "message": wrong.said("en")}, 400
    stood_on = {"traffic_version": now.version, "attribution": roads.roadmap.attribution}
    notes = {"notes": asked.options.notes} if asked.options.notes else {}
    return {"code": "Ok"} | told | stood_on | notes, 200


def _driven(name: str) -> Profile:
    if name not in PROFILE_NAMES:
        raise BadQuery("InvalidValue", f"No profile {name}. Known: {', '.join(PROFILE_NAMES)}.")
    return read_profile(PROFILE_NAMES[name])


class _Asked:
    """One question: its coordinates on the road, and how to drive between them."""

    def __init__(
        self, roads: Roads, now: RoadsNow, profile: Profile, places: Sequence[Place], options: Options
    ) -> None:
        self.roadmap: Roadmap = roads.roadmap
        self.options, self._now, self._profile = options, now, profile
        options.check_counts(len(places))
        asked = [read_place(self.roadmap, place.lat, place.lon) for place in places]
        self.points = [self._on_road(row, place) for row, place in enumerate(asked)]

    def _on_road(self, row: int, place: Place) -> _Waypoint:
        usable = (self.roadmap.network.access & self._profile.access) > 0
        snaps = self.roadmap.snap(place, usable, self.options.bearing(row))
        if not snaps or snaps[0].distance_m > self.options.radius_m(row):
            raise BadQuery("NoSegment", f"Could not find a matching segment for coordinate {row}.")
        zh, en, _ = names_of(self.roadmap.network, snaps[0].arc)
        on_road = Place(snaps[0].lat, snaps[0].lon)
        return _Waypoint(on_road, en or zh, distance_m(place, on_road))

    def drive(self, start: int, end: int) -> Route:
        ask = {"profile": self._profile, "traffic": self._now.traffic, "at": self._now.at}
        places = self.points[start].place, self.points[end].place
        return route(self.roadmap, *places, **ask, heading_deg=self.options.bearing(start))

    def times_s(self, starts: Sequence[int], ends: Sequence[int]) -> list[list[float | None]]:
        ask = {"profile": self._profile, "traffic": self._now.traffic, "at": self._now.at}
        rows, columns = ([self.points[row].place for row in some] for some in (starts, ends))
        return table(self.roadmap, rows, columns, **ask)


# --- route


def _route(asked: _Asked) -> dict[str, Any]:
    if len(asked.points) < 2:
        raise BadQuery("InvalidOptions", "Number of coordinates needs to be at least two.")
    if len(asked.points) > MOST_STOPS:
        raise BadQuery("TooBig", f"Too many coordinates: {len(asked.points)}, at most {MOST_STOPS}.")
    options = asked.options
    driven = [asked.drive(start, end) for start, end in pairwise(range(len(asked.points)))]
    legs = [_leg(asked, found) for found in driven]
    told = _sums(driven) | {"legs": legs, "weight_name": "duration"}
    if options.overview != "false":
        line = [point for found in driven for point in found.geometry]
        line = [point for row, point in enumerate(line) if row < 2 or point != line[row - 1] or len(line) == 2]
        told["geometry"] = drawn(simplified(line) if options.overview == "simplified" else line, options.geometries)
    return {"routes": [told], "waypoints": [point.as_facts() for point in asked.points]}


def _sums(driven: Sequence[Route]) -> dict[str, float]:
    duration = round(sum(found.eta_s for found in driven), 1)
    return {"distance": round(sum(found.length_m for found in driven), 1), "duration": duration, "weight": duration}


def _leg(asked: _Asked, found: Route) -> dict[str, Any]:
    if not asked.options.steps:
        return _sums([found]) | {"steps": [], "summary": ""}
    steps = turn_by_turn(asked.roadmap, found)
    side = "left" if (asked.roadmap.country or "").upper() in LEFT_HAND else "right"
    told = [step_of(step, found.geometry, asked.options.geometries, side) for step in steps]
    return _sums([found]) | {"steps": told, "summary": _summary(steps)}


def _summary(steps: Sequence[Step]) -> str:
    """The two roads that are driven longest, in driving order."""
    metres: dict[str, float] = {}
    for step in steps:
        if called := step.name_en or step.name_zh or step.ref:
            metres[called] = metres.get(called, 0.0) + step.length_m
    longest = sorted(metres, key=lambda road: -metres[road])[:2]
    return ", ".join(road for road in metres if road in longest)


# --- table


def _table(asked: _Asked) -> dict[str, Any]:
    options, count = asked.options, len(asked.points)
    starts, ends = options.rows("sources", count), options.rows("destinations", count)
    if len(starts) * len(ends) > MOST_CELLS:
        raise BadQuery("TooBig", f"Too many table cells: {len(starts) * len(ends)}, at most {MOST_CELLS}.")
    told: dict[str, Any] = {
        "sources": [asked.points[row].as_facts() for row in starts],
        "destinations": [asked.points[row].as_facts() for row in ends],
    }
    if "duration" in options.annotations:
        times = asked.times_s(starts, ends)
        told["durations"] = [[None if time is None else round(time, 1) for time in row] for row in times]
    if "distance" in options.annotations:
        if len(starts) * len(ends) > MOST_DISTANCES:
            raise BadQuery("TooBig", f"Too many distances: {len(starts) * len(ends)}, at most {MOST_DISTANCES}.")
        told["distances"] = [[_distance(asked, start, end) for end in ends] for start in starts]
    return told


def _distance(asked: _Asked, start: int, end: int) -> float | None:
    try:
        return round(asked.drive(start, end).length_m, 1)
    except NoAnswer:
        return None


SERVICES: Mapping[str, Callable[[_Asked], dict[str, Any]]] = {"route": _route, "table": _table}
