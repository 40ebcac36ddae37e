"""A helicopter as it stands now: what it can do, from which base, and whether it may take off.

Types with their figures are data (tables/aircraft_types.json). The weather is routing/air/weather.py's, the minutes
routing/air/flight.py's; who may send it, dispatch's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from casebook.errors import RefusedInput
from casebook.place import Place
from routing.air.checks import FINE, Check, refuse, unknown
from routing.air.spread import Quantile, Spread
from routing.air.tables import table
from routing.air.times import ASSUMED_LOAD_KG

AircraftStatus = Literal["at_base", "standby", "airborne", "unavailable"]
TYPES: Mapping[str, Mapping[str, Any]] = table("aircraft_types")["types"]


@dataclass(frozen=True, slots=True)
class Base:
    """Where crews wait. The spreads are the base's own, None where it has measured nothing (AirTimes has the rest).

    `staffed_at_night` None: not stated.
    """

    id: str
    place: Place
    alarm_to_takeoff: Spread | None = None
    on_standby_takeoff: Spread | None = None
    night_extra: Spread | None = None
    staffed_at_night: bool | None = None


@dataclass(frozen=True, slots=True)
class Approval:
    """The clock of the airspace approval. `expected`: from asking to leave to fly; `running_s`: since it was asked for.

    `running_s` None: it is asked for with the decision. `expected` None: nobody knows how long it takes.
    """

    granted: bool = False
    expected: Spread | None = None
    running_s: float | None = None

    def left_s(self, quantile: Quantile) -> float:
        """Still to wait; 0 when granted, overdue, or not known (then `check_approval` says so)."""
        if self.granted or self.expected is None:
            return 0.0
        return max(0.0, self.expected.at(quantile) - (self.running_s or 0.0))


@dataclass(frozen=True, slots=True)
class Aircraft:
    """A helicopter now. `cruise_kmh` default: H135 maximum cruise 252 km/h (tech.wp.pl); `d_value_m` its length over
    all, 12.26 m. `at` is where it is when that is not its base; `alarmed_s_ago` how long its crew has been getting
    ready.

    Limits that are the operator's own are None where not stated: `wind_limit_kt`, `payload_kg` (patient, attendants and
    their kit) and `approval` are then not judged; `night_capable` and `hoist_at_night` are then unknown by night, and a
    machine with no `hoist` stated has none. `climb_ms` None: AirTimes.climb_s. `minima`: a table of
    tables/weather_minima.json.
    """

    id: str
    base: Place
    name_zh: str = ""
    name_en: str = ""
    cruise_kmh: float = 252.0
    d_value_m: float = 12.26
    pilots: Literal[1, 2] = 1
    status: AircraftStatus = "at_base"
    at: Place | None = None
    alarmed_s_ago: float = 0.0
    wind_limit_kt: float | None = None
    type: str = ""
    climb_ms: float | None = None
    hoist: bool = False
    hoist_at_night: bool | None = None
    night_capable: bool | None = None
    payload_kg: float | None = None
    minima: str = "spa_hems_120"
    home: Base | None = None
    approval: Approval | None = None

    @property
    def here(self) -> Place:
        return self.at or self.base

    @property
    def named(self) -> dict[str, str]:
        """Its names as facts of a reason, each language falling back to the other, then to the id."""
        zh, en = self.name_zh, self.name_en
        return {"aircraft_zh": zh or en or self.id, "aircraft_en": en or zh or self.id}


def aircraft_of_type(type: str, id: str, base: Place, **own: Any) -> Aircraft:
    """A machine with the figures of its type, `own` in their place. Raises RefusedInput for an unknown type."""
    if type not in TYPES:
        raise RefusedInput("bad_field", where="aircraft", field="type", why=f"{type}: {', '.join(TYPES)}")
    figures: dict[str, Any] = {name: figure["value"] for name, figure in TYPES[type].items()}
    figures |= {"type": type} | own
    return Aircraft(id, base, **figures)


def assumed_figures(type: str) -> tuple[str, ...]:
    """The fields of a type that nobody has published."""
    return tuple(name for name, figure in TYPES[type].items() if figure["mark"] == "assumption")


def check_aircraft(aircraft: Aircraft, *, night: bool = False, load_kg: float | None = None) -> Check:
    """May this machine go now, by itself: is it free, does it fly by night, does it carry that load, is it cleared?"""
    if aircraft.status == "unavailable":
        return refuse("air_unavailable", **aircraft.named)
    check = _check_night(aircraft) if night else FINE
    return check.also(_check_load(aircraft, load_kg)).also(check_approval(aircraft))


def _check_night(aircraft: Aircraft) -> Check:
    check = FINE
    if aircraft.night_capable is False:
        check = refuse("air_not_by_night", **aircraft.named)
    if aircraft.night_capable is None:
        check = unknown("air_night_unknown", **aircraft.named)
    if aircraft.home and aircraft.home.staffed_at_night is False and aircraft.status == "at_base":
        check = check.also(refuse("air_base_closed", **aircraft.named))
    return check


def _check_load(aircraft: Aircraft, load_kg: float | None) -> Check:
    """A load that nobody has weighed is taken as ASSUMED_LOAD_KG, which may raise the question but forbids nothing."""
    limit_kg = aircraft.payload_kg
    if limit_kg is None or (ASSUMED_LOAD_KG if load_kg is None else load_kg) <= limit_kg:
        return FINE
    facts = aircraft.named | {"limit_kg": limit_kg}
    if load_kg is None:
        return unknown("air_load_unknown", **facts, assumed_kg=ASSUMED_LOAD_KG)
    return refuse("air_payload", **facts, load_kg=load_kg)


def check_approval(aircraft: Aircraft) -> Check:
    """Whether the airspace answers in a time that anybody knows."""
    approval = aircraft.approval
    if approval is None or approval.granted or aircraft.status == "airborne":
        return FINE
    if approval.expected is None:
        return unknown("air_approval_unknown", **aircraft.named)
    if (approval.running_s or 0.0) > approval.expected.p50_s:
        minutes = round((approval.running_s or 0.0) / 60, 1)
        usual = round(approval.expected.p50_s / 60, 1)
        return unknown("air_approval_overdue", **aircraft.named, waited_min=minutes, usual_min=usual)
    return FINE
