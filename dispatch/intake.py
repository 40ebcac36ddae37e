"""Take a call: where, what, who told us. Pure: returns facts, records nothing.

Coordinates are brought to WGS-84 here, at the edge. Which unit goes is dispatch/assignment.py's.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Literal

import msgspec

from casebook import events as e
from casebook.asking import Command
from casebook.casualty import Stage
from casebook.clock import SHANGHAI
from casebook.errors import RefusedInput
from casebook.picture import Picture
from casebook.place import Datum, Place
from dispatch.area import find_place
from dispatch.datum import to_wgs84
from dispatch.policy import TaskRules

Text = Annotated[str, msgspec.Meta(max_length=2000)]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class Whereabouts(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where the caller says it is: coordinates with their datum, or the name of a known place, or both."""

    lat: float | None = None
    lon: float | None = None
    datum: Datum = "wgs84"
    name: Text = ""
    name_zh: Text = ""
    name_en: Text = ""
    radius_m: Annotated[float, msgspec.Meta(ge=0, le=100_000)] = 0.0


class ReportCall(Command, frozen=True):
    """A call came in. `channel`: 120 direct, 110 or 119 linked, or a vehicle's own alarm. Priority 1 is highest."""

    place: Whereabouts
    kind: Name
    priority: Annotated[int, msgspec.Meta(ge=1, le=4)] = 1
    channel: Literal["120", "110", "119", "crash_alarm"] = "120"
    summary: Text = ""
    happened_at: datetime | None = None
    casualties_estimated: Annotated[int, msgspec.Meta(ge=0, le=100_000)] | None = None
    hazards: tuple[Name, ...] = ()


class LinkAgency(Command, frozen=True):
    """Another service was told, or told us: 110, 119, the air agency, a district's EMS."""

    incident: str
    agency: Name
    note: Text = ""


class CloseIncident(Command, frozen=True):
    """Everybody is handed over or accounted for."""

    incident: str
    outcome: Text = ""


class JudgeHoistPlace(Command, frozen=True):
    """Whether wires, masts or trees stand over the incident's place, as somebody there says: `clear`, a helicopter may
    lift from it by hoist."""

    incident: str
    clear: bool


def place_of(where: Whereabouts, known: Iterable[Place]) -> Place:
    """The place meant, in WGS-84. Raises RefusedInput when coordinates are half given, or the name is not known."""
    if where.lat is None and where.lon is None:
        found = find_place(where.name or where.name_zh or where.name_en, known)
        radius_m = where.radius_m or found.radius_m
        return Place(found.lat, found.lon, where.name_zh or found.name_zh, where.name_en or found.name_en, radius_m)
    if where.lat is None or where.lon is None:
        raise RefusedInput("bad_field", where="report_call", field="place", why="lat, lon")
    Place(where.lat, where.lon)  # refuses what is not on the globe before anything is computed with it
    lat, lon = to_wgs84(where.lat, where.lon, where.datum)
    zh, en = where.name_zh or where.name, where.name_en or where.name
    return Place(round(lat, 7), round(lon, 7), zh, en, where.radius_m)


def incident_id(picture: Picture, at: datetime) -> str:
    """`{yyyymmdd}-{nnn}`: the day in Shanghai and the next number of that day, from the picture alone."""
    day = at.astimezone(SHANGHAI).strftime("%Y%m%d")
    numbers = [int(id[9:]) for id in picture.incidents if id.startswith(f"{day}-") and id[9:].isdigit()]
    return f"{day}-{max(numbers, default=0) + 1:03d}"


def take_call(
    picture: Picture, call: ReportCall, at: datetime, known: Iterable[Place], rules: TaskRules
) -> list[e.Event]:
    """The incident, and the link to the service that told us. Raises RefusedInput for a place that cannot be found."""
    if call.happened_at is not None and (call.happened_at.tzinfo is None or call.happened_at > at):
        raise RefusedInput("bad_field", where="report_call", field="happened_at", why=str(call.happened_at))
    id = incident_id(picture, at)
    facts: list[e.Event] = [
        e.IncidentOpened(
            incident=id, place=place_of(call.place, known), kind=call.kind, priority=call.priority,
            channel=call.channel, summary=call.summary, happened_at=call.happened_at,
            casualties_estimated=call.casualties_estimated, hazards=call.hazards, drill=picture.drill is not None,
        )
    ]  # fmt: skip
    agency = rules.agency_of_channel.get(call.channel)
    if agency:
        facts.append(e.AgencyLinked(id, agency, call.summary))
    return facts


def close_incident(picture: Picture, command: CloseIncident) -> list[e.Event]:
    """The end of an incident. Raises RefusedInput `incident_unfinished` while somebody is still on the way."""
    done = (Stage.HANDED_OVER, Stage.CLOSED)
    mine = [one for one in picture.casualties.values() if one.incident == command.incident]
    left = sorted(one.label for one in mine if one.stage not in done)
    if left:
        raise RefusedInput("incident_unfinished", incident=command.incident, casualties=", ".join(left))
    return [e.IncidentClosed(command.incident, command.outcome)]
