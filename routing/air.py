"""How long a helicopter takes, term by term, and whether it may fly and land at all.

Pure. Every minute has a name: none is hidden in a low cruise speed. Where to meet an ambulance is left to
routing/rendezvous.py; who may send an aircraft, to dispatch.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from casebook.events import Reason
from casebook.place import Place, distance_m
from casebook.words import Language, say

AircraftStatus = Literal["at_base", "standby", "airborne", "unavailable"]
CIVIL_TWILIGHT_DEG = -6.0  # the sun below this: night, as aviation counts it (ICAO Annex 2, definition of night)

#: (cloud base ft, visibility m): flight is allowed when one row is met. Source: UK and EU air operations regulation
#: SPA.HEMS.120, table 1; at 500 ft and above it points to the airspace's own minima, for which East Anglian Air
#: Ambulance's 1,500 m is taken.
MINIMA_DAY: Mapping[int, tuple[tuple[float, float], ...]] = {
    2: ((500.0, 1500.0), (400.0, 1000.0), (300.0, 2000.0)),
    1: ((500.0, 1500.0), (400.0, 2000.0), (300.0, 3000.0)),
}
MINIMA_NIGHT: Mapping[int, tuple[tuple[float, float], ...]] = {2: ((1200.0, 2500.0),), 1: ((1200.0, 3000.0),)}


@dataclass(frozen=True, slots=True)
class Term:
    """One named part of a time; said as ``routing.term.<name>``."""

    name: str
    seconds: float

    def said(self, language: Language = "en") -> str:
        return say(f"routing.term.{self.name}", language)


def total_s(terms: tuple[Term, ...]) -> float:
    return math.fsum(term.seconds for term in terms)


@dataclass(frozen=True, slots=True)
class AirTimes:
    """The fixed parts of a helicopter mission, in seconds. Defaults for an operator that has measured nothing yet."""

    # Base means ran from 2.9 to 17.0 min (6,121 missions, 9 Alpine bases: Scand J Trauma 2012;20:56); their middle.
    alarm_to_takeoff_s: float = 600.0
    # Crew at the aircraft, engines ready: Austrian crews within 3 min by day (practitioners' figure).
    on_standby_takeoff_s: float = 180.0
    # No split figure by night was found; 5-10 min, an assumption, its middle.
    night_extra_s: float = 450.0
    # Time lost against cruise while climbing out; assumption: 450 m at 7.5 m/s with half the cruise speed made good.
    climb_s: float = 30.0
    # Time lost against cruise in approach, reconnaissance of the site, landing; assumption.
    approach_landing_s: float = 60.0
    # Handover and loading with rotors running: 3-5 min from memory, no sourced figure found; the quick end.
    loading_s: float = 180.0
    # Stretcher out with the receiving team at the pad; assumption.
    unloading_s: float = 60.0
    # Mean of primary missions without an intermediate ambulance, 6.3 min (179,003 missions: Scand J Trauma 2023,
    # s13049-023-01124-7). A pad at the department's door states its own: LandingSite.pad_to_ed_s.
    pad_to_ed_s: float = 378.0

    def __post_init__(self) -> None:
        assert all(getattr(self, name) >= 0 for name in self.__slots__)


@dataclass(frozen=True, slots=True)
class Aircraft:
    """A helicopter now. `cruise_kmh` default: H135 maximum cruise 252 km/h (tech.wp.pl); `d_value_m` its length over
    all, 12.26 m. `at` is where it is when that is not its base; `alarmed_s_ago` how long its crew has been getting
    ready. `wind_limit_kt` is the operator's own, None where not stated (then wind is not judged)."""

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

    @property
    def here(self) -> Place:
        return self.at or self.base


@dataclass(frozen=True, slots=True)
class LandingSite:
    """Where a helicopter may land. `size_m` (length, width), `lit` and `pad_to_ed_s` are None where not known.

    A `helipad` is surveyed; everything else is judged by its size. `pad_to_ed_s` belongs to hospital pads.
    """

    id: str
    place: Place
    kind: str
    size_m: tuple[float, float] | None = None
    lit: bool | None = None
    pad_to_ed_s: float | None = None
    source: str = ""
    confidence: str = ""

    @property
    def named(self) -> dict[str, str]:
        """Its names as facts of a reason, each language falling back to the other, then to the id."""
        zh, en = self.place.name_zh, self.place.name_en
        return {"site_zh": zh or en or self.id, "site_en": en or zh or self.id}


@dataclass(frozen=True, slots=True)
class Weather:
    """What is reported; None = not reported, which is never fair weather."""

    ceiling_ft: float | None = None
    visibility_m: float | None = None
    wind_kt: float | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """May it be done? `refused` reasons forbid it; `unknown` ones must be settled by a person before it is done."""

    refused: tuple[Reason, ...] = ()
    unknown: tuple[Reason, ...] = ()

    @property
    def allowed(self) -> bool | None:
        """True, False, or None where something is not known."""
        return False if self.refused else None if self.unknown else True

    def also(self, other: Check) -> Check:
        return Check(self.refused + other.refused, self.unknown + other.unknown)


def takeoff_terms(aircraft: Aircraft, times: AirTimes, *, night: bool) -> tuple[Term, ...]:
    """Until the aircraft is off the ground; () when it already is. Time since the alarm is taken off."""
    if aircraft.status == "airborne":
        return ()
    ready = aircraft.status == "standby"
    name, needed_s = (
        ("standby_takeoff", times.on_standby_takeoff_s) if ready else ("alarm_to_takeoff", times.alarm_to_takeoff_s)
    )
    extra_s = times.night_extra_s if night else 0.0
    left_s = max(0.0, needed_s + extra_s - aircraft.alarmed_s_ago)
    left_extra_s = min(left_s, extra_s)
    terms = (Term(name, left_s - left_extra_s), Term("night_extra", left_extra_s))
    return tuple(term for term in terms if term.seconds > 0 or term.name != "night_extra")


def leg_terms(start: Place, end: Place, cruise_kmh: float, times: AirTimes, *, climbs: bool = True) -> tuple[Term, ...]:
    """Off the ground at `start` until on the ground at `end`, in a straight line at cruise speed."""
    climb = (Term("climb", times.climb_s),) if climbs else ()
    cruise = Term("cruise", distance_m(start, end) * 3.6 / cruise_kmh)
    return (*climb, cruise, Term("approach_landing", times.approach_landing_s))


def outbound_terms(aircraft: Aircraft, end: Place, times: AirTimes, *, night: bool) -> tuple[Term, ...]:
    """From now until the aircraft stands at `end`."""
    leg = leg_terms(aircraft.here, end, aircraft.cruise_kmh, times, climbs=aircraft.status != "airborne")
    return takeoff_terms(aircraft, times, night=night) + leg


def to_the_door_terms(aircraft: Aircraft, site: LandingSite, pad: LandingSite, times: AirTimes) -> tuple[Term, ...]:
    """From the handover at `site` to the emergency department's door behind `pad`."""
    leg = leg_terms(site.place, pad.place, aircraft.cruise_kmh, times)
    walk_s = times.pad_to_ed_s if pad.pad_to_ed_s is None else pad.pad_to_ed_s
    return Term("loading", times.loading_s), *leg, Term("unloading", times.unloading_s), Term("pad_to_ed", walk_s)


def check_aircraft(aircraft: Aircraft) -> Check:
    if aircraft.status != "unavailable":
        return Check()
    zh, en = aircraft.name_zh, aircraft.name_en
    facts = {"aircraft_zh": zh or en or aircraft.id, "aircraft_en": en or zh or aircraft.id}
    return Check((Reason("air_unavailable", facts),))


def check_weather(weather: Weather | None, aircraft: Aircraft, *, night: bool) -> Check:
    """Against MINIMA_DAY / MINIMA_NIGHT and the aircraft's own wind limit."""
    weather = weather or Weather()
    return _check_sky(weather, (MINIMA_NIGHT if night else MINIMA_DAY)[aircraft.pilots]).also(
        _check_wind(weather, aircraft)
    )


def _check_sky(weather: Weather, rows: tuple[tuple[float, float], ...]) -> Check:
    ceiling_ft, visibility_m = weather.ceiling_ft, weather.visibility_m
    lowest_ft, least_m = min(row[0] for row in rows), min(row[1] for row in rows)
    if ceiling_ft is not None and ceiling_ft < lowest_ft:
        return Check((Reason("air_ceiling_low", {"ceiling_ft": ceiling_ft, "minimum_ft": lowest_ft}),))
    if visibility_m is not None and visibility_m < least_m:
        return Check((Reason("air_visibility_low", {"visibility_m": visibility_m, "minimum_m": least_m}),))
    if ceiling_ft is None or visibility_m is None:
        missing = {"air_ceiling_unknown": ceiling_ft, "air_visibility_unknown": visibility_m}
        return Check(unknown=tuple(Reason(code) for code, reported in missing.items() if reported is None))
    needed_m = min(row_m for row_ft, row_m in rows if ceiling_ft >= row_ft)
    if visibility_m < needed_m:
        return Check((Reason("air_visibility_low", {"visibility_m": visibility_m, "minimum_m": needed_m}),))
    return Check()


def _check_wind(weather: Weather, aircraft: Aircraft) -> Check:
    limit_kt = aircraft.wind_limit_kt
    if limit_kt is None:
        return Check()
    if weather.wind_kt is None:
        return Check(unknown=(Reason("air_wind_unknown"),))
    if weather.wind_kt > limit_kt:
        return Check((Reason("air_wind_high", {"wind_kt": weather.wind_kt, "limit_kt": limit_kt}),))
    return Check()


def check_site(site: LandingSite, aircraft: Aircraft, *, night: bool) -> Check:
    """Light and room. By day at least 2 D each way, by night on unsurveyed ground 4 D by 2 D (AMC1 SPA.HEMS.125)."""
    check = Check()
    if night and site.lit is False:
        check = check.also(Check((Reason("air_site_unlit", site.named),)))
    if night and site.lit is None:
        check = check.also(Check(unknown=(Reason("air_site_light_unknown", site.named),)))
    return check if site.kind == "helipad" else check.also(_check_room(site, aircraft.d_value_m, night=night))


def _check_room(site: LandingSite, d_value_m: float, *, night: bool) -> Check:
    if site.size_m is None:
        return Check(unknown=(Reason("air_site_size_unknown", site.named),))
    length_m, width_m = max(site.size_m), min(site.size_m)
    need_length_m, need_width_m = (4 if night else 2) * d_value_m, 2 * d_value_m
    if length_m >= need_length_m and width_m >= need_width_m:
        return Check()
    facts = site.named | {"length_m": length_m, "width_m": width_m}
    needed = {"need_length_m": round(need_length_m, 1), "need_width_m": round(need_width_m, 1)}
    return Check((Reason("air_site_too_small", facts | needed),))


def is_night(at: datetime, place: Place) -> bool:
    """Whether the sun is more than 6 degrees below the horizon there."""
    return sun_elevation_deg(at, place) < CIVIL_TWILIGHT_DEG


def sun_elevation_deg(at: datetime, place: Place) -> float:
    """Geometric height of the sun's centre, degrees; good to about 0.5 degree (Astronomical Almanac, low precision)."""
    days = at.timestamp() / 86_400 + 2440587.5 - 2451545.0  # from J2000.0; the Unix epoch is Julian day 2440587.5
    anomaly = math.radians(357.528 + 0.9856003 * days)
    longitude = math.radians(280.460 + 0.9856474 * days + 1.915 * math.sin(anomaly) + 0.020 * math.sin(2 * anomaly))
    tilt = math.radians(23.439 - 0.0000004 * days)
    right_ascension = math.atan2(math.cos(tilt) * math.sin(longitude), math.cos(longitude))
    declination = math.asin(math.sin(tilt) * math.sin(longitude))
    sidereal_deg = 280.46062 + 360.98564737 * days + place.lon
    hour_angle = math.radians(sidereal_deg) - right_ascension
    lat = math.radians(place.lat)
    height = math.sin(lat) * math.sin(declination) + math.cos(lat) * math.cos(declination) * math.cos(hour_angle)
    return math.degrees(math.asin(height))
