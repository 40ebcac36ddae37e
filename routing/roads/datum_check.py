"""Warn of places that were given in GCJ-02: off by half a kilometre in the one direction that this datum shifts there.

A warning, never a correction: only who gave the place knows its datum. It is raised only where a place says so itself,
being known by name elsewhere. The transform is casebook/datum.py.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from casebook.datum import to_wgs84
from casebook.place import Place, distance_m
from casebook.words import Language, say
from routing.roads.roadmap import Roadmap

#: GCJ-02 shifts by 300 to 700 m over China's inhabited parts (485 m at Fengjing, 482 m at Songjiang, computed).
SHIFT_M = (300.0, 700.0)
#: Taken back, the shift must explain the offset: what is left is within this, or within the known place's own radius.
LEFT_M = 100.0


@dataclass(frozen=True, slots=True)
class DatumWarning:
    """`given` lies `off_m` from where its name is known to be, and `left_m` once read as GCJ-02 (`unshifted`).

    `road_m` and `unshifted_road_m` are the metres to the nearest road before and after.
    """

    given: Place
    unshifted: Place
    off_m: float
    left_m: float
    road_m: float
    unshifted_road_m: float

    def said(self, language: Language = "en") -> str:
        name = getattr(self.given, f"name_{language}") or self.given.name_zh or self.given.name_en
        figures = {"off_m": round(self.off_m), "left_m": round(self.left_m)}
        return say("routing.gcj02.suspected", language, place=name, **figures)


def gcj02_warnings(roadmap: Roadmap, given: Iterable[Place], known: Iterable[Place]) -> tuple[DatumWarning, ...]:
    """A warning for each given place that a known place (WGS-84) of the same name shows to be in GCJ-02.

    The shift taken back must bring it to the known place and no further from the roads. Places without a name, or
    without a namesake, say nothing.
    """
    named: dict[str, list[Place]] = {}
    for place in known:
        for name in {place.name_zh, place.name_en} - {""}:
            named.setdefault(name, []).append(place)
    found = (_warning(roadmap, place, named) for place in given)
    return tuple(warning for warning in found if warning)


def _warning(roadmap: Roadmap, given: Place, named: dict[str, list[Place]]) -> DatumWarning | None:
    namesakes = [place for name in (given.name_zh, given.name_en) if name for place in named.get(name, ())]
    if not namesakes:
        return None
    known = min(namesakes, key=lambda place: distance_m(given, place))
    lat, lon = to_wgs84(given.lat, given.lon, "gcj02")
    unshifted = Place(lat, lon, given.name_zh, given.name_en, given.radius_m)
    off_m, left_m = distance_m(given, known), distance_m(unshifted, known)
    shift_m = distance_m(given, unshifted)
    near_m = max(LEFT_M, known.radius_m)
    if not SHIFT_M[0] <= shift_m <= SHIFT_M[1] or left_m > near_m or off_m <= max(near_m, 2 * left_m):
        return None
    road_m, unshifted_road_m = _road_m(roadmap, given), _road_m(roadmap, unshifted)
    if unshifted_road_m > max(road_m, near_m):
        return None
    return DatumWarning(given, unshifted, off_m, left_m, road_m, unshifted_road_m)


def _road_m(roadmap: Roadmap, place: Place) -> float:
    return next((snap.distance_m for snap in roadmap.snap(place)), float(np.inf))
