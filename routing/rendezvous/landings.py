"""The meeting sites and doors of an area, prepared for many searches: distances, and which machine may land where."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from casebook.place import EARTH_RADIUS_M, Place
from routing.air import QUANTILES, Aircraft, AirTimes, LandingSite, Quantile, check_site, to_the_door
from routing.rendezvous.comparing import End, Start, ends, starts
from routing.rendezvous.question import CarryOn, Question, given

Floats = NDArray[np.float64]
KEPT_BASES = 64  # places from which the distances to all sites are kept
KEPT_SPEEDS = 8  # of machines, at a quantile


@dataclass(frozen=True, slots=True)
class Door:
    """A hospital with the places where an aircraft may land for it."""

    hospital: str
    pad: LandingSite | None = None
    onward: Sequence[CarryOn] = ()


@dataclass(frozen=True)
class Landings:
    """Meeting sites and doors of an area, prepared once: distances, and what check_site says of each for each D."""

    sites: Sequence[LandingSite]
    doors: Sequence[Door]
    _refused: dict[tuple[float, bool], tuple[NDArray[np.bool_], NDArray[np.bool_]]] = field(default_factory=dict)
    _out_m: OrderedDict[Place, tuple[Floats, float]] = field(default_factory=OrderedDict)
    _last: dict[Quantile, tuple[AirTimes, Floats]] = field(default_factory=dict)
    _beyond: OrderedDict[tuple[float, float, float], tuple[Floats, Floats]] = field(default_factory=OrderedDict)

    @cached_property
    def starts(self) -> list[Start]:
        return starts(Question("", None, sites=self.sites))

    @cached_property
    def ends(self) -> list[End]:
        return [end for door in self.doors for end in ends(landing_at(Question("", None), door))]

    @cached_property
    def door_of_end(self) -> NDArray[np.intp]:
        """For each end the row of its door."""
        counts = [(door.pad is not None) + len(door.onward) for door in self.doors]
        return np.repeat(np.arange(len(self.doors)), counts)

    @cached_property
    def site_ids(self) -> list[str]:
        return [site.id for site in self.sites]

    @cached_property
    def site_radians(self) -> Floats:
        return radians(site.place for site in self.sites)

    @cached_property
    def end_radians(self) -> Floats:
        return radians(end.site.place for end in self.ends)

    @cached_property
    def length_m(self) -> Floats:
        """Sites x ends."""
        return distances_m(self.site_radians, self.end_radians)

    @cached_property
    def longest_m(self) -> float:
        """Between a site and an end."""
        return float(self.length_m.max(initial=0.0))

    @cached_property
    def site_secured_s(self) -> dict[Quantile, Floats]:
        return secured_s(self.sites)

    @cached_property
    def end_secured_s(self) -> dict[Quantile, Floats]:
        return secured_s([end.site for end in self.ends])

    @cached_property
    def secures_sites(self) -> bool:
        """Whether somebody has to secure one of the sites."""
        return any(site.secure is not None for site in self.sites)

    @cached_property
    def secures_ends(self) -> bool:
        return any(end.site.secure is not None for end in self.ends)

    @cached_property
    def with_second(self) -> bool:
        """Whether a second ambulance goes on from some end."""
        return any(end.carry_on is not None for end in self.ends)

    def beyond_s(self, s_per_m: float, down_s: float, unloading_s: float, last_s: Floats) -> Floats:
        """Sites x ends: from having climbed at the site to the door, where nobody is waited for on the way. `down_s`:
        to descend; `last_s`: as `last_s` tells. Kept for machines that fly alike; not to be written to."""
        key = s_per_m, down_s, unloading_s
        kept = self._beyond.get(key)
        if kept is None or kept[0] is not last_s:
            kept = self._beyond[key] = last_s, self.length_m * s_per_m + (down_s + unloading_s + last_s)
            while len(self._beyond) > KEPT_SPEEDS:
                self._beyond.popitem(last=False)
        return kept[1]

    def refused(self, aircraft: Aircraft, *, night: bool) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """The sites and the ends where a machine of this size may not land."""
        key = (aircraft.d_value_m, night)
        if key not in self._refused:
            sites = [bool(check_site(site, aircraft, night=night).refused) for site in self.sites]
            no_way = [end.carry_on is not None and end.carry_on.drive_s is None for end in self.ends]
            pads = [bool(check_site(end.site, aircraft, night=night).refused) for end in self.ends]
            self._refused[key] = np.array(sites, np.bool_), np.array(no_way, np.bool_) | np.array(pads, np.bool_)
        return self._refused[key]

    def out_m(self, here: Place) -> tuple[Floats, float]:
        """From there to each site, and to the farthest; kept for the bases, from which is flown again and again."""
        found = self._out_m.get(here)
        if found is None:
            each_m = distances_m(radians([here]), self.site_radians)[0]
            found = self._out_m[here] = each_m, float(each_m.max(initial=0.0))
            if len(self._out_m) > KEPT_BASES:
                self._out_m.popitem(last=False)
        return found

    def last_s(self, times: AirTimes, quantile: Quantile) -> Floats:
        """Ends: from beside the aircraft to the door, or from when both it and the second ambulance are there."""
        kept = self._last.get(quantile)
        if kept is None or kept[0] is not times:
            kept = self._last[quantile] = times, np.array([_last_s(end, times, quantile) for end in self.ends])
        return kept[1]


def _last_s(end: End, times: AirTimes, quantile: Quantile) -> float:
    if end.carry_on is None:
        return to_the_door(end.site, times).at(quantile)
    if end.carry_on.drive_s is None:
        return np.inf
    drive = given("onward_drive", end.carry_on.drive_s, end.carry_on.drive_range_s)
    return times.spread("transfer").at(quantile) + drive.at(quantile)


def landing_at(question: Question, door: Door) -> Question:
    return replace(question, hospital=door.hospital, pad=door.pad, onward=door.onward)


def secured_s(sites: Sequence[LandingSite | None]) -> dict[Quantile, Floats]:
    """From sending somebody until each site is secured; minus infinity where nobody has to, and where none is."""
    spreads = [site.secure if site else None for site in sites]
    return {q: np.array([spread.at(q) if spread else -np.inf for spread in spreads]) for q in QUANTILES}


def radians(places: Iterable[Place]) -> Floats:
    """Rows of latitude and longitude."""
    return np.radians(np.array([(place.lat, place.lon) for place in places], np.float64).reshape(-1, 2))


def distances_m(a: Floats, b: Floats) -> Floats:
    """Great-circle distances of all rows of a to all rows of b, by casebook/place.py's formula."""
    half = (b[None, :, :] - a[:, None, :]) / 2
    lat = np.cos(a[:, None, 0]) * np.cos(b[None, :, 0])
    h = np.sin(half[..., 0]) ** 2 + lat * np.sin(half[..., 1]) ** 2
    return 2 * EARTH_RADIUS_M * np.arcsin(np.minimum(1.0, np.sqrt(h)))
