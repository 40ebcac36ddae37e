"""Read one line of a position receiver: NMEA 0183 sentences RMC and GGA, or gpsd's JSON reports. Pure.

Positions are WGS-84. A sentence without its right checksum is refused: a flipped digit is a place tens of kilometres
away. Where lines come from is `position`'s.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass

KMH_PER_KNOT = 1.852  # international knot, exact
KMH_PER_M_S = 3.6


class BadLine(Exception):
    """The line does not hold: no checksum or a wrong one, a field that is no number, a place off the earth."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A position. `second_of_day` is the receiver's UTC time of day, None where the line has none."""

    lat: float
    lon: float
    speed_kmh: float | None = None
    heading_deg: float | None = None
    second_of_day: float | None = None


def read_line(line: bytes) -> Reading | None:
    """The position in `line`; None when the line holds but says none (another sentence, no fix yet). Raises BadLine."""
    text = line.strip()
    if not text:
        return None
    try:
        return _read_report(text) if text.startswith(b"{") else _read_sentence(text.decode("ascii"))
    except (ValueError, IndexError, KeyError, TypeError, RecursionError) as why:
        raise BadLine(str(why)) from why


def _read_sentence(text: str) -> Reading | None:
    start, star = text.find("$"), text.rfind("*")
    if start < 0 or star < start or len(text) < star + 3:
        raise BadLine("no checksum")
    body, stated = text[start + 1 : star], text[star + 1 : star + 3]
    if checksum(body) != int(stated, 16):
        raise BadLine(f"checksum {stated}")
    name, *fields = body.split(",")
    match name[2:]:  # the two letters before are the system: GP, GN, BD, GA ...
        case "RMC":
            return _read_rmc(fields)
        case "GGA":
            return _read_gga(fields)
    return None


def _read_rmc(fields: list[str]) -> Reading | None:
    """time, status, lat, N/S, lon, E/W, speed in knots, course in degrees, date ..."""
    if fields[1] != "A":  # V: the receiver warns that it has no fix
        return None
    speed, heading = _number(fields[6]), _number(fields[7])
    speed_kmh = None if speed is None else speed * KMH_PER_KNOT
    return Reading(*_place(fields[2:6]), speed_kmh, heading, _second_of_day(fields[0]))


def _read_gga(fields: list[str]) -> Reading | None:
    """time, lat, N/S, lon, E/W, quality (0: no fix), satellites ..."""
    if fields[5] in ("", "0"):
        return None
    return Reading(*_place(fields[1:5]), second_of_day=_second_of_day(fields[0]))


def _read_report(text: bytes) -> Reading | None:
    """gpsd's TPV report: speed in m/s, track in degrees; mode 2 or 3 is a fix."""
    report = json.loads(text)
    if report.get("class") != "TPV" or report.get("mode", 0) < 2:
        return None
    speed, heading = report.get("speed"), report.get("track")
    lat, lon = _on_earth(float(report["lat"]), float(report["lon"]))
    speed_kmh = None if speed is None else float(speed) * KMH_PER_M_S
    return Reading(lat, lon, speed_kmh, None if heading is None else float(heading))


def _place(fields: list[str]) -> tuple[float, float]:
    lat, north, lon, east = fields
    if north not in ("N", "S") or east not in ("E", "W"):
        raise BadLine("hemisphere")
    return _on_earth(_degrees(lat, 2) * (1 if north == "N" else -1), _degrees(lon, 3) * (1 if east == "E" else -1))


def _degrees(text: str, digits: int) -> float:
    """ddmm.mmmm or dddmm.mmmm in degrees."""
    degrees, minutes = int(text[:digits]), float(text[digits:])
    if not 0 <= minutes < 60:
        raise BadLine(f"{text} minutes")
    return degrees + minutes / 60


def _on_earth(lat: float, lon: float) -> tuple[float, float]:
    if not (math.isfinite(lat) and math.isfinite(lon) and abs(lat) <= 90 and abs(lon) <= 180):
        raise BadLine("off the earth")
    return lat, lon


def _second_of_day(text: str) -> float | None:
    return int(text[:2]) * 3600 + int(text[2:4]) * 60 + float(text[4:]) if text else None


def _number(text: str) -> float | None:
    if not text:
        return None
    number = float(text)
    if not math.isfinite(number):
        raise BadLine(text)
    return number


def checksum(body: str) -> int:
    """Exclusive or of the characters between $ and *; source: NMEA 0183."""
    total = 0
    for character in body:
        total ^= ord(character)
    return total
