"""Bring coordinates to WGS-84 at the edge: phones and maps in China speak GCJ-02, half a kilometre off.

Transform: the published approximation of GCJ-02 (Krasovsky 1940 ellipsoid and the public polynomial, as in the
libraries eviltransform and gcoord, both MIT; formula only). The inverse is found by iteration and is good to
millimetres; outside China the two datums are one.
"""

from __future__ import annotations

import math

from casebook.place import Datum

AXIS_M = 6_378_245.0  # semi-major axis, Krasovsky 1940
ECCENTRICITY_2 = 0.00669342162296594323  # its first eccentricity, squared
CHINA = (0.8293, 55.8271, 72.004, 137.8347)  # south, north, west, east: the rough box of the published transform
CLOSE_DEG = 1e-9  # 0.1 mm
ROUNDS = 20  # each round gains about three digits; a handful is enough


def to_wgs84(lat: float, lon: float, datum: Datum) -> tuple[float, float]:
    """(lat, lon) in WGS-84 of a point stated in `datum`."""
    return (lat, lon) if datum == "wgs84" else _gcj02_to_wgs84(lat, lon)


def to_gcj02(lat: float, lon: float) -> tuple[float, float]:
    """(lat, lon) in GCJ-02 of a point in WGS-84; unchanged outside China."""
    south, north, west, east = CHINA
    if not (south <= lat <= north and west <= lon <= east):
        return lat, lon
    x, y = lon - 105.0, lat - 35.0
    sine = math.sin(math.radians(lat))
    curve = 1 - ECCENTRICITY_2 * sine * sine
    north_m, east_m = _northward_m(x, y), _eastward_m(x, y)
    d_lat = math.degrees(north_m * curve**1.5 / (AXIS_M * (1 - ECCENTRICITY_2)))
    d_lon = math.degrees(east_m * math.sqrt(curve) / (AXIS_M * math.cos(math.radians(lat))))
    return lat + d_lat, lon + d_lon


def _northward_m(x: float, y: float) -> float:
    plain = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * math.sqrt(abs(x))
    return plain + _wave(x, (20, 6), (20, 2)) + _wave(y, (20, 1), (40, 1 / 3)) + _wave(y, (160, 1 / 12), (320, 1 / 30))


def _eastward_m(x: float, y: float) -> float:
    plain = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * math.sqrt(abs(x))
    return plain + _wave(x, (20, 6), (20, 2)) + _wave(x, (20, 1), (40, 1 / 3)) + _wave(x, (150, 1 / 12), (300, 1 / 30))


def _wave(value: float, *parts: tuple[float, float]) -> float:
    return sum(amplitude * math.sin(value * per_pi * math.pi) for amplitude, per_pi in parts) * 2 / 3


def _gcj02_to_wgs84(lat: float, lon: float) -> tuple[float, float]:
    guess_lat, guess_lon = lat, lon
    for _ in range(ROUNDS):
        shifted_lat, shifted_lon = to_gcj02(guess_lat, guess_lon)
        off_lat, off_lon = lat - shifted_lat, lon - shifted_lon
        guess_lat, guess_lon = guess_lat + off_lat, guess_lon + off_lon
        if abs(off_lat) < CLOSE_DEG and abs(off_lon) < CLOSE_DEG:
            break
    return guess_lat, guess_lon
