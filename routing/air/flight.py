"""The named terms of a flight: getting ready, out to a place, and on to a hospital's door.

Every minute has a name: none is hidden in a low cruise speed. Flights go in a straight line at cruise speed; the range
comes from the wind, whose direction is not asked: at best it pushes, at worst it blows against.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from casebook.place import Place, distance_m
from routing.air.aircraft import Aircraft
from routing.air.sites import LandingSite
from routing.air.spread import QUANTILES, Quantile, Spread, Term, term, total_s
from routing.air.tables import table
from routing.air.times import AirTimes
from routing.air.weather import Weather

KMH_PER_KT = 1.852
MOST_WIND = 0.5  # of the cruise speed: beyond it nobody flies, and the time would run away
CRUISE_HEIGHT_M = 450.0  # where the climb ends; assumption, with AirTimes.climb_s
_CRUISE = table("figures")["cruise"]


class Pace(NamedTuple):
    """How one machine flies at one quantile: its cruise, to descend, to climb, and until it has first climbed from
    where it is now."""

    s_per_m: float
    approach_s: float
    climb_s: float
    climbed_s: float


@dataclass(frozen=True)
class Flight:
    """One machine under one sky, in seconds from now."""

    aircraft: Aircraft
    times: AirTimes = field(default_factory=AirTimes)
    weather: Weather | None = None
    night: bool = False

    @property
    def flies(self) -> bool:
        return self.aircraft.status == "airborne"

    def ready_terms(self) -> tuple[Term, ...]:
        """Until the aircraft may leave the ground: the crew, then what is left of the airspace approval."""
        crew = takeoff_terms(self.aircraft, self.times, night=self.night)
        approval = self.aircraft.approval
        if self.flies or approval is None or approval.granted or approval.expected is None:
            return crew
        low_s, likely_s, high_s = (approval.left_s(quantile) for quantile in QUANTILES)
        told = approval.expected
        left = Spread(low_s, likely_s, high_s, told.mark, told.ends, told.source)
        return (*crew, *wait_terms("approval_wait", left, crew))

    def pace(self, quantile: Quantile) -> Pace:
        return self._paces[QUANTILES.index(quantile)]

    @cached_property
    def _paces(self) -> tuple[Pace, ...]:
        """In the order of QUANTILES."""
        ready = self.ready_terms() if self.flies else (*self.ready_terms(), self.climb())
        return tuple(
            Pace(3.6 / kmh, self.approach().at(quantile), self.climb().at(quantile), total_s(ready, quantile))
            for quantile, kmh in zip(QUANTILES, self._speeds_kmh, strict=True)
        )

    def leg_terms(self, start: Place, end: Place, *, climbs: bool = True) -> tuple[Term, ...]:
        """Climb and cruise until above `end`."""
        return (*((self.climb(),) if climbs else ()), self.cruise(distance_m(start, end)))

    def outbound_terms(self, end: Place) -> tuple[Term, ...]:
        """From now until above `end`."""
        return self.ready_terms() + self.leg_terms(self.aircraft.here, end, climbs=not self.flies)

    def climb(self) -> Term:
        """Lost against cruise while climbing with half the cruise speed made good."""
        return self._climb

    @cached_property
    def _climb(self) -> Term:
        if self.aircraft.climb_ms is None:
            return term("climb", self.times.spread("climb"))
        return term("climb", self.times.own_spread("climb", CRUISE_HEIGHT_M / self.aircraft.climb_ms / 2))

    def cruise(self, length_m: float) -> Term:
        low_s, likely_s, high_s = (length_m * 3.6 / kmh for kmh in self._speeds_kmh)
        unknown = self._wind_kmh is None
        source = _CRUISE["source"] if unknown else ""
        return Term("cruise", likely_s, low_s, high_s, "derived", "assumption" if unknown else "derived", source)

    def speed_kmh(self, quantile: Quantile) -> float:
        """Over ground: likely without wind, at best with it from behind, at worst against it."""
        return self._speeds_kmh[QUANTILES.index(quantile)]

    @cached_property
    def _speeds_kmh(self) -> tuple[float, float, float]:
        """In the order of QUANTILES."""
        cruise_kmh, wind_kmh = self.aircraft.cruise_kmh, self._wind_kmh
        if wind_kmh is None:
            return cruise_kmh * _CRUISE["fast"], cruise_kmh, cruise_kmh * _CRUISE["slow"]
        felt_kmh = min(wind_kmh, cruise_kmh * MOST_WIND)
        return cruise_kmh + felt_kmh, cruise_kmh, cruise_kmh - felt_kmh

    @cached_property
    def _wind_kmh(self) -> float | None:
        return None if self.weather is None or self.weather.wind_kt is None else self.weather.wind_kt * KMH_PER_KT

    def approach(self) -> Term:
        return self._approach

    @cached_property
    def _approach(self) -> Term:
        return term("approach_landing", self.times.spread("approach_landing"))

    def landing_terms(
        self, site: LandingSite, before: tuple[Term, ...], secured_s_ago: float = 0.0
    ) -> tuple[Term, ...]:
        """From above `site` to the ground, not before it is secured; `before`: all terms from now until above it."""
        secured = securing_left(site, secured_s_ago)
        waits = () if secured is None else wait_terms("site_wait", secured, before)
        return (*waits, self.approach())


def to_the_door(pad: LandingSite, times: AirTimes) -> Term:
    """From beside the aircraft on the pad to the department's door, by a second ambulance where the pad needs it."""
    figure = "pad_to_ed_by_ambulance" if pad.by_ambulance else "pad_to_ed"
    return term(figure, times.own_spread(figure, pad.pad_to_ed_s, pad.pad_to_ed_mark))


def takeoff_terms(aircraft: Aircraft, times: AirTimes, *, night: bool) -> tuple[Term, ...]:
    """Until the aircraft is off the ground; () when it already is. Time since the alarm is taken off."""
    if aircraft.status == "airborne":
        return ()
    name = "standby_takeoff" if aircraft.status == "standby" else "alarm_to_takeoff"
    home = aircraft.home
    own = None if home is None else home.on_standby_takeoff if name == "standby_takeoff" else home.alarm_to_takeoff
    needed = own or times.spread(name)
    takeoff = _shortened(term(name, needed), needed, 0.0, aircraft.alarmed_s_ago)
    if not night:
        return (takeoff,)
    extra = (home.night_extra if home else None) or times.spread("night_extra")
    late = _shortened(term("night_extra", extra), extra, needed, aircraft.alarmed_s_ago)
    return (takeoff, late) if any(late.at(quantile) > 0 for quantile in QUANTILES) else (takeoff,)


def _shortened(whole: Term, spread: Spread, after: Spread | float, passed_s: float) -> Term:
    """What is left of a term that begins when `after` has passed, `passed_s` from its beginning."""

    def left_s(quantile: Quantile) -> float:
        begins_s = after.at(quantile) if isinstance(after, Spread) else after
        return min(spread.at(quantile), max(0.0, begins_s + spread.at(quantile) - passed_s))

    low_s, likely_s, high_s = (left_s(quantile) for quantile in QUANTILES)
    return Term(whole.name, likely_s, low_s, high_s, whole.mark, whole.ends, whole.source)


def wait_terms(name: str, until: Spread, before: Iterable[Term]) -> tuple[Term, ...]:
    """The wait between the end of `before` and `until`, both counted from now; () when nobody ever waits."""
    before = tuple(before)
    low_s, likely_s, high_s = (max(0.0, until.at(quantile) - total_s(before, quantile)) for quantile in QUANTILES)
    if not any((low_s, likely_s, high_s)):
        return ()
    return (Term(name, likely_s, low_s, high_s, until.mark, until.ends, until.source),)


def securing_left(site: LandingSite, secured_s_ago: float = 0.0) -> Spread | None:
    """Until the site is secured, when somebody was sent `secured_s_ago` seconds ago; None: nobody has to."""
    told = site.secure
    if told is None:
        return None
    low_s, likely_s, high_s = (max(0.0, told.at(quantile) - secured_s_ago) for quantile in QUANTILES)
    return Spread(low_s, likely_s, high_s, told.mark, told.ends, told.source)


# --- whole stretches, for who asks for one flight only


def leg_terms(
    start: Place, end: Place, cruise_kmh: float, times: AirTimes, *, climbs: bool = True, lands: bool = True
) -> tuple[Term, ...]:
    """Off the ground at `start` until on the ground at `end`, or above it, in a straight line at cruise speed."""
    flight = Flight(Aircraft("", start, cruise_kmh=cruise_kmh), times)
    return (*flight.leg_terms(start, end, climbs=climbs), *((flight.approach(),) if lands else ()))


def outbound_terms(aircraft: Aircraft, end: Place, times: AirTimes, *, night: bool) -> tuple[Term, ...]:
    """From now until the aircraft stands at `end`."""
    flight = Flight(aircraft, times, night=night)
    return (*flight.outbound_terms(end), flight.approach())


def to_the_door_terms(aircraft: Aircraft, site: LandingSite, pad: LandingSite, times: AirTimes) -> tuple[Term, ...]:
    """From the handover at `site` to the emergency department's door behind `pad`."""
    flight = Flight(aircraft, times)
    leg = (*flight.leg_terms(site.place, pad.place), flight.approach())
    handed = term("loading", times.spread("loading")), term("unloading", times.spread("unloading"))
    return (handed[0], *leg, handed[1], to_the_door(pad, times))
