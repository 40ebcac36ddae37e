"""The file of one destination decision: its fields, and reading it. Pure.

What the fields mean together, and what is impossible in them, is dispatch/case_picture.py's; a moment of a recorded log
becomes such a file in dispatch/case_export.py. docs/schemas/ has both shapes as JSON Schema.
"""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from casebook.casualty import Category, Pathway
from casebook.errors import CoordinationError, RefusedInput
from casebook.events import Decision
from casebook.place import Datum
from casebook.steps import Duty
from casebook.words import Language, say

AGE_MAX_YEARS = 130.0  # beyond anybody's verified age (122 years)
PREGNANCY_MAX_WEEKS = 45.0  # beyond any pregnancy (post-term is from 42 weeks)

Instant = Annotated[dt.datetime, Meta(tz=True, description="RFC 3339 with its zone.")]
Seconds = Annotated[float, Meta(description="Seconds.", extra_json_schema={"minimum": 0})]
Count = Annotated[int, Meta(extra_json_schema={"minimum": 0})]


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """Base of every piece of the file: unknown fields are refused, what is not stated is left out."""


class Spot(Part, frozen=True):
    """Where something is: coordinates with their datum, or the name of a place that the region knows."""

    lat: float | None = None
    lon: float | None = None
    datum: Datum = "wgs84"
    name: str = ""
    name_zh: str = ""
    name_en: str = ""
    radius_m: Annotated[float, Meta(description="How far off it may be.")] = 0.0


class Told(Part, frozen=True):
    """A reason or a change: a word of the catalogues (`reason.<code>`) with its facts."""

    code: str
    facts: dict[str, Any] = {}


class CaseCasualty(Part, frozen=True):
    """Who is to be taken somewhere. At least one of pathway, category, needs, field_triage, in_arrest and
    airway_unmanageable is stated; an empty list of needs means that nothing special is needed."""

    id: str = "casualty"
    age_years: Annotated[
        float | None, Meta(extra_json_schema={"minimum": 0, "maximum": AGE_MAX_YEARS})
    ] = None  # fmt: skip
    sex: Literal["m", "f"] | None = None
    category: Annotated[Category | None, Meta(description="Triage category at the scene.")] = None
    pathway: Pathway | None = None
    needs: Annotated[
        tuple[str, ...] | None, Meta(description="Capabilities that the hospital must have; adds to the rules'.")
    ] = None
    wants: Annotated[tuple[str, ...], Meta(description="Capabilities that help.")] = ()
    scores: Annotated[dict[str, float], Meta(description="Name of a score -> its value.")] = {}
    last_known_well: Instant | None = None
    field_triage: Annotated[str, Meta(description="Field triage of injured patients: red, yellow or empty.")] = ""
    pregnancy_weeks: Annotated[
        float | None, Meta(extra_json_schema={"minimum": 0, "maximum": PREGNANCY_MAX_WEEKS})
    ] = None  # fmt: skip
    airway_unmanageable: bool = False
    in_arrest: bool = False
    wish: Annotated[str | None, Meta(description="Hospital that the patient or family wishes.")] = None
    refused_by: Annotated[tuple[str, ...], Meta(description="Hospitals that said no to this case.")] = ()
    aboard: Annotated[str | None, Meta(description="The unit that carries them, once it has left the scene.")] = None


class CaseUnit(Part, frozen=True):
    """A vehicle. A helicopter is one of the region's aircraft; it flies only when it is listed here.

    `for_case`: it stands by for, or serves, this casualty and nobody else. `alarmed_at`: when it was sent.
    """

    unit: str
    kind: str = "ambulance"
    duty: Duty = Duty.AVAILABLE
    for_case: bool = False
    place: Spot | None = None
    base: Spot | None = None
    alarmed_at: Instant | None = None
    name_zh: str = ""
    name_en: str = ""


class CaseFigure(Part, frozen=True):
    """One reported count. `free` absent: the hospital says that it does not know. `at` absent: reported just now."""

    free: Count | None = None
    total: Count | None = None
    in_use: Count | None = None
    at: Instant | None = None
    by: str = "file"
    source: str = "file"


class CaseClosure(Part, frozen=True):
    """A resource, a capability or the whole hospital (`resource` "*") takes no one."""

    resource: str
    reason: str
    until: Instant | None = None
    at: Instant | None = None
    by: str = "file"


class CaseHospital(Part, frozen=True):
    """What a hospital can take now. One that the region does not know also needs capabilities and (with roads) a place;
    what is stated of one that it knows takes the place of what the region says."""

    hospital: str
    name_zh: str | UnsetType = UNSET
    name_en: str | UnsetType = UNSET
    place: Spot | UnsetType = UNSET
    capabilities: tuple[str, ...] | UnsetType = UNSET
    trauma_level: int | UnsetType | None = UNSET
    district: str | UnsetType = UNSET
    pad: Annotated[Spot | UnsetType | None, Meta(description="Where a helicopter lands; null: nowhere.")] = UNSET
    figures: dict[str, CaseFigure] = {}
    closures: tuple[CaseClosure, ...] = ()


class CaseHold(Part, frozen=True):
    """One slot that is kept for a casualty; `elsewhere`: by another hub."""

    hospital: str
    resource: str
    slot: Annotated[int, Meta(extra_json_schema={"minimum": 1})]
    casualty: str
    until: Instant
    elsewhere: bool = False


class CaseRoad(Part, frozen=True):
    """A closed road, or with `speed_kmh` a slow one: what meets all that is given of ref, bearing_deg, polygon (lon,
    lat), km and edges (u, v, key)."""

    id: str
    reason: str
    ref: str = ""
    bearing_deg: float | None = None
    polygon: tuple[tuple[float, float], ...] = ()
    km: tuple[float, float] | None = None
    edges: tuple[tuple[int, int, int], ...] = ()
    since: Instant | None = None
    until: Instant | None = None
    speed_kmh: float | None = None
    at: Instant | None = None
    by: str = "file"


class CaseObserved(Part, frozen=True):
    """Speeds that a feed told, as the log keeps them (docs/traffic.md); `seq` is the log's number of the batch."""

    source: str
    roads: str
    rows: tuple[tuple[float, float, float, float], ...]
    runs: tuple[tuple[int, int, int], ...]
    at: Instant
    seq: int = 0


class CaseWay(Part, frozen=True):
    """One way that was timed elsewhere. `eta_s` absent: there is none, and `barred` says why."""

    hospital: str
    mode: Literal["road", "air", "rendezvous"]
    eta_s: Seconds | None = None
    terms_s: Annotated[dict[str, float], Meta(description="Seconds by cause, in order; they add up to eta_s.")] = {}
    eta_low_s: Seconds | None = None
    eta_high_s: Seconds | None = None
    rendezvous: str | None = None
    aircraft: str | None = None
    decides: str = ""
    barred: tuple[Told, ...] = ()
    detours: tuple[Told, ...] = ()
    unsettled: tuple[Told, ...] = ()


class CaseWhatIf(Part, frozen=True):
    """All ways as they would be if one thing outside the hospitals were different."""

    change: Told
    ways: tuple[CaseWay, ...]


class CaseOnward(Part, frozen=True):
    """Seconds by road between two hospitals, for a secondary transfer."""

    start: str
    end: str
    seconds: Seconds


class CaseWeather(Part, frozen=True):
    """What is reported; what is absent is unknown, never fair."""

    ceiling_ft: float | None = None
    visibility_m: float | None = None
    wind_kt: float | None = None


class CaseFile(Part, frozen=True):
    """One destination decision. Either `region` (the id of a shipped one, or the path of a region.yaml, also beside
    this file) with `place` or a unit that carries the casualty; or `ways`, timed elsewhere, with `hospitals`."""

    at: Annotated[dt.datetime, Meta(tz=True, description="The instant of the decision, with its zone.")]
    casualty: CaseCasualty
    region: str = ""
    place: Annotated[Spot | None, Meta(description="Where the casualty is, until the unit has left with them.")] = None
    scene_clear: Annotated[
        bool | None, Meta(description="Whether it is clear of wires, masts and trees for a hoist; null: nobody said.")
    ] = None
    units: tuple[CaseUnit, ...] = ()
    hospitals: tuple[CaseHospital, ...] = ()
    holds: tuple[CaseHold, ...] = ()
    closures: tuple[CaseRoad, ...] = ()
    observed: tuple[CaseObserved, ...] = ()
    weather: Annotated[CaseWeather | None, Meta(description="In place of the region's.")] = None
    rules: Annotated[str, Meta(description="Folder of rule tables in place of the region's, also beside it.")] = ""
    rules_on: Annotated[dt.date | None, Meta(description="Day on which the rules are in force; absent: newest.")] = None
    ways: tuple[CaseWay, ...] = ()
    what_ifs: tuple[CaseWhatIf, ...] = ()
    onward: tuple[CaseOnward, ...] = ()
    unflown: Annotated[
        tuple[Told, ...], Meta(description="Why nobody is flown from where the casualty is; then no way is by air.")
    ] = ()
    traffic_version: str = ""
    roads: Annotated[str, Meta(description="Version of the roads that `ways` were timed on.")] = ""


class FieldRefused(RefusedInput):
    """A field of the file cannot be meant: says which before what is wrong with it."""

    key = "decide_field"

    def __init__(self, field: str, wrong: CoordinationError) -> None:
        super().__init__(field=field, why=wrong.key)
        self.wrong = wrong

    def said(self, language: Language = "en") -> str:
        return say(f"error.{self.key}", language, field=self.field, why=self.wrong.said(language))

    @property
    def field(self) -> str:
        return str(self.facts["field"])


def refuse(field: str, key: str, **facts: Any) -> FieldRefused:
    """The error of a field, to be raised."""
    return FieldRefused(field, RefusedInput(key, **facts))


def read_case(data: bytes, name: str = "case") -> CaseFile:
    """The file. Raises RefusedInput (`bad_json`, `bad_field`) naming the field that does not fit."""
    try:
        return msgspec.json.decode(data, type=CaseFile)
    except msgspec.ValidationError as wrong:
        text, _, path = str(wrong).partition(" - at `")
        raise RefusedInput(
            "bad_field", where=name, field=path.rstrip("`").removeprefix("$.") or "$", why=text
        ) from wrong
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as wrong:
        raise RefusedInput("bad_json", where=name, why=str(wrong)) from wrong


def write_case(case: CaseFile) -> bytes:
    """The same file again, one field a line."""
    return msgspec.json.format(msgspec.json.encode(case), indent=2) + b"\n"


def schema_of(kind: Literal["in", "out"]) -> dict[str, Any]:
    """JSON Schema (2020-12) of the file, or of the decision that it leads to."""
    shape = CaseFile if kind == "in" else Decision
    return {"$schema": "https://json-schema.org/draft/2020-12/schema"} | msgspec.json.schema(shape)
