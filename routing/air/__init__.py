"""How long a helicopter takes, term by term, and whether it may fly and land at all.

Pure. Where to meet an ambulance is left to routing/rendezvous; who may send an aircraft, to dispatch.
"""

from routing.air.aircraft import (
    Aircraft,
    AircraftStatus,
    Approval,
    Base,
    aircraft_of_type,
    check_aircraft,
    check_approval,
)
from routing.air.checks import Check
from routing.air.flight import (
    Flight,
    leg_terms,
    outbound_terms,
    securing_left,
    takeoff_terms,
    to_the_door,
    to_the_door_terms,
    wait_terms,
)
from routing.air.hoist import check_hoist
from routing.air.sites import LandingSite, check_site
from routing.air.spread import QUANTILES, Mark, Quantile, Spread, Term, spread_of, term, total_s
from routing.air.sun import CIVIL_TWILIGHT_DEG, daylight_left_s, is_night, sun_elevation_deg
from routing.air.times import APPROVALS, FIGURES, AirTimes, air_times_of
from routing.air.weather import MINIMA, Weather, check_weather

__all__ = [
    "APPROVALS",
    "CIVIL_TWILIGHT_DEG",
    "FIGURES",
    "MINIMA",
    "QUANTILES",
    "AirTimes",
    "Aircraft",
    "AircraftStatus",
    "Approval",
    "Base",
    "Check",
    "Flight",
    "LandingSite",
    "Mark",
    "Quantile",
    "Spread",
    "Term",
    "Weather",
    "air_times_of",
    "aircraft_of_type",
    "check_aircraft",
    "check_approval",
    "check_hoist",
    "check_site",
    "check_weather",
    "daylight_left_s",
    "is_night",
    "leg_terms",
    "outbound_terms",
    "securing_left",
    "spread_of",
    "sun_elevation_deg",
    "takeoff_terms",
    "term",
    "to_the_door",
    "to_the_door_terms",
    "total_s",
    "wait_terms",
]
