"""What a distribution is asked with: casualties, hospitals with their places, vehicles, and how far it all is.

Shapes and their units only; reading a file is dispatch/distribution/reading.py's. All spans are minutes from `at`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import msgspec

from casebook.casualty import Category, Pathway

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
Count = Annotated[int, msgspec.Meta(ge=0, le=10_000)]
Minutes = Annotated[float, msgspec.Meta(ge=0, le=100_000)]
Lat = Annotated[float, msgspec.Meta(ge=-90, le=90)]
Lon = Annotated[float, msgspec.Meta(ge=-180, le=180)]
Table = dict[str, dict[str, Minutes | None]]
SCENE = "scene"


class Shape(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of every piece of the file: unknown fields are refused."""


class Point(Shape, frozen=True):
    lat: Lat
    lon: Lon


class Casualty(Shape, frozen=True):
    """One casualty, known by its triage tag. `category` absent: not triaged yet.

    `boardable_min`: when it can be put into a vehicle. `rpm` 0..12 and `iss` 1..75 where known.
    """

    id: Name
    category: Category | None = None
    pathway: Pathway = Pathway.GENERAL
    scene: Name = SCENE
    boardable_min: Minutes = 0.0
    needs: tuple[str, ...] = ()
    wants: tuple[str, ...] = ()
    age_years: Annotated[float, msgspec.Meta(ge=0, le=130)] | None = None
    scores: dict[str, float] = {}
    field_triage: str = ""
    pregnancy_weeks: Annotated[float, msgspec.Meta(ge=0, le=45)] | None = None
    airway_unmanageable: bool = False
    in_arrest: bool = False
    refused_by: tuple[str, ...] = ()
    rpm: Annotated[float, msgspec.Meta(ge=0, le=12)] | None = None
    iss: Annotated[int, msgspec.Meta(ge=1, le=75)] | None = None


class Surge(Shape, frozen=True):
    """More places from a minute on."""

    after_min: Minutes
    places: Count


class Places(Shape, frozen=True):
    """What a hospital has of one resource. `free` absent: it does not know. `age_min`: how old the count is.

    `held`: kept for others on their way. `refill_per_h`: places that come free by themselves. `reserve`: to be kept
    free; absent: as the rules say.
    """

    free: Count | None = None
    total: Count | None = None
    age_min: Minutes = 0.0
    held: Count = 0
    refill_per_h: Annotated[float, msgspec.Meta(ge=0, le=1000)] = 0.0
    reserve: Count | None = None
    surge: tuple[Surge, ...] = ()


class Closed(Shape, frozen=True):
    """A service (or "*", the whole hospital) that takes nobody until `until_min`; absent: until further notice."""

    resource: Name = "*"
    reason: str = ""
    until_min: Minutes | None = None


class Hospital(Shape, frozen=True):
    """`first_wave`: category -> how many it takes of it in the first wave; absent: as the rules say."""

    id: Name
    capabilities: tuple[str, ...] = ()
    places: dict[str, Places] = {}
    place: Point | None = None
    trauma_level: Annotated[int, msgspec.Meta(ge=1, le=5)] | None = None
    closed: tuple[Closed, ...] = ()
    first_wave: dict[Category, Count] = {}
    name_zh: str = ""
    name_en: str = ""


class Vehicle(Shape, frozen=True):
    """`kind`: a kind of the rules (ambulance, bus, helicopter); what is absent here is as the rules say for it.

    `stretchers`: severe casualties per trip; `seats`: how many who can sit ride instead. `free_min`: when it can leave
    where it is now.
    """

    id: Name
    kind: Name = "ambulance"
    place: Point | None = None
    free_min: Minutes = 0.0
    stretchers: Annotated[int, msgspec.Meta(ge=0, le=20)] | None = None
    seats: Annotated[int, msgspec.Meta(ge=0, le=100)] | None = None
    load_min: Minutes | None = None
    turnaround_min: Minutes | None = None


class Travel(Shape, frozen=True):
    """Minutes by road and by air; null or absent: no way. Where `back_min` is absent a way back is as long as out.

    `to_scene_min`: vehicle -> scene. `to_hospital_min`: scene (or a vehicle that is under way) -> hospital.
    `back_min`: hospital -> scene. `flight_min`: scene -> hospital, for aircraft both ways.
    """

    to_scene_min: Table = {}
    to_hospital_min: Table = {}
    back_min: Table = {}
    flight_min: Table = {}


class UnderWay(Shape, frozen=True):
    """A casualty that has left: moved only when its hospital cannot take it."""

    casualty: Name
    vehicle: Name
    hospital: Name
    arrives_min: Minutes


class Ask(Shape, frozen=True):
    """A whole case. `before`: casualty -> hospital as planned so far, for those who have not left yet."""

    at: datetime
    casualties: tuple[Casualty, ...]
    hospitals: tuple[Hospital, ...]
    vehicles: tuple[Vehicle, ...]
    happened_at: datetime | None = None
    scenes: dict[str, Point] = {}
    travel: Travel = Travel()
    under_way: tuple[UnderWay, ...] = ()
    before: dict[str, str] = {}
    seed: Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)] = 0


def ask_schema() -> dict[str, Any]:
    """The JSON Schema of a case file."""
    return msgspec.json.schema(Ask)
