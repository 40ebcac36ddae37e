"""Where things are: WGS-84 degrees inside, converted from other datums only at the edge.

China's public maps and phones use GCJ-02, about half a kilometre off around Songjiang; a landing point in the wrong
datum is a landing point in the wrong field, so every coordinate that enters declares its datum.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from casebook.errors import RefusedInput

Datum = Literal["wgs84", "gcj02"]
EARTH_RADIUS_M = 6_371_008.8  # mean radius; source: IUGG 1980, Moritz 2000


@dataclass(frozen=True, slots=True)
class Place:
    """A point on the ground. `radius_m` says how far off it may be (0 = surveyed); names may be empty."""

    lat: float
    lon: float
    name_zh: str = ""
    name_en: str = ""
    radius_m: float = 0.0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.lat) and -90 <= self.lat <= 90):
            raise RefusedInput("bad_field", where="place", field="lat", why=f"{self.lat} is not within -90..90")
        if not (math.isfinite(self.lon) and -180 <= self.lon <= 180):
            raise RefusedInput("bad_field", where="place", field="lon", why=f"{self.lon} is not within -180..180")


@dataclass(frozen=True, slots=True)
class HoistPlace:
    """Whether a place is clear of wires, masts and trees for a hoist, as somebody there said last."""

    clear: bool
    at: datetime
    by: str


def distance_m(a: Place, b: Place) -> float:
    """Great-circle distance in metres on the mean sphere (error below 0.6 % of the ellipsoid's)."""
    lat_a, lat_b = math.radians(a.lat), math.radians(b.lat)
    half_lat, half_lon = (lat_b - lat_a) / 2, math.radians(b.lon - a.lon) / 2
    h = math.sin(half_lat) ** 2 + math.cos(lat_a) * math.cos(lat_b) * math.sin(half_lon) ** 2
    return 2 * EARTH_RADIUS_M * math.asin(min(1.0, math.sqrt(h)))


def bearing_deg(a: Place, b: Place) -> float:
    """Initial bearing from a to b, degrees clockwise from true north, 0..360."""
    lat_a, lat_b, d_lon = math.radians(a.lat), math.radians(b.lat), math.radians(b.lon - a.lon)
    y = math.sin(d_lon) * math.cos(lat_b)
    x = math.cos(lat_a) * math.sin(lat_b) - math.sin(lat_a) * math.cos(lat_b) * math.cos(d_lon)
    return math.degrees(math.atan2(y, x)) % 360


def between(a: Place, b: Place, fraction: float) -> Place:
    """The point `fraction` (0..1) of the way from a to b; straight in degrees, fine below a few kilometres."""
    return Place(a.lat + (b.lat - a.lat) * fraction, a.lon + (b.lon - a.lon) * fraction)
