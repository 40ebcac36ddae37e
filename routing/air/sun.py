"""Day or night at a place, and how much of the day is left, from the sun's computed height."""

from __future__ import annotations

import math
from datetime import datetime, timedelta

from casebook.place import Place
from routing.air.tables import table

CIVIL_TWILIGHT_DEG = float(table("landing")["twilight_deg"]["limit"])
_STEP_S = 600.0
_FASTEST_DEG = 15.1 * _STEP_S / 3600  # in one step: the earth turns by 15.04 degrees an hour, the sun itself by 0.04
_DAY_S = 86_400.0


def is_night(at: datetime, place: Place) -> bool:
    """Whether the sun is more than 6 degrees below the horizon there."""
    return sun_elevation_deg(at, place) < CIVIL_TWILIGHT_DEG


def daylight_left_s(at: datetime, place: Place) -> float:
    """Seconds until night begins there, to the second; 0 by night; infinity where it does not begin within a day."""
    if is_night(at, place):
        return 0.0
    early_s, late_s = 0.0, _STEP_S
    while (above_deg := sun_elevation_deg(at + timedelta(seconds=late_s), place) - CIVIL_TWILIGHT_DEG) >= 0:
        steps = max(1, int(above_deg / _FASTEST_DEG))  # before that it cannot have sunk so low
        early_s, late_s = late_s + (steps - 1) * _STEP_S, late_s + steps * _STEP_S
        if late_s > _DAY_S:
            return math.inf
    while late_s - early_s > 1.0:
        middle_s = (early_s + late_s) / 2
        dark = is_night(at + timedelta(seconds=middle_s), place)
        early_s, late_s = (early_s, middle_s) if dark else (middle_s, late_s)
    return math.floor(late_s)


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
