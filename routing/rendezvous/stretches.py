"""Time all flights of one casualty at once, at one quantile: arrays over where they start and where they end.

What is said of each machine is handed in; refusals, and which flight is best, are routing/rendezvous/search.py's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from casebook.place import Place
from routing.air import LandingSite, Quantile
from routing.rendezvous.comparing import Sortie, Start, own_starts
from routing.rendezvous.landings import Floats, Landings, distances_m, radians, secured_s
from routing.rendezvous.question import Question

EACH = slice(None)
Cells = slice | NDArray[np.intp]


@dataclass(frozen=True)
class Spots:
    """Where one casualty may be taken over and where landed for the doors, and how far that is apart."""

    landings: Landings
    question: Question
    drive_to_site_s: Floats

    @cached_property
    def own_starts(self) -> list[Start]:
        """Those that only this casualty has."""
        return own_starts(self.question)

    @cached_property
    def starts(self) -> list[Start]:
        return self.landings.starts + self.own_starts

    @cached_property
    def hoists(self) -> NDArray[np.bool_]:
        """Starts where nobody lands."""
        own = [start.site is None for start in self.own_starts]
        return np.concatenate((np.zeros(len(self.landings.sites), np.bool_), np.array(own, np.bool_)))

    @cached_property
    def hoist(self) -> bool:
        """Whether there is a start where nobody lands."""
        return any(start.site is None for start in self.own_starts)

    @cached_property
    def longest_m(self) -> float:
        """From any start to any end."""
        return float(self.length_m.max(initial=0.0)) if self.own_starts else self.landings.longest_m

    def farthest_m(self, here: Place) -> float:
        """From there to any start."""
        return float(self.out_m(here).max(initial=0.0)) if self.own_starts else self.landings.out_m(here)[1]

    def out_m(self, here: Place) -> Floats:
        """From there to each start."""
        to_sites_m, _ = self.landings.out_m(here)
        if not self.own_starts:
            return to_sites_m
        return np.concatenate((to_sites_m, distances_m(radians([here]), self._own_radians)[0]))

    @cached_property
    def _own_radians(self) -> Floats:
        return radians(start.place for start in self.own_starts)

    @cached_property
    def length_m(self) -> Floats:
        """Starts x ends."""
        if not self.own_starts:
            return self.landings.length_m
        return np.concatenate((self.landings.length_m, distances_m(self._own_radians, self.landings.end_radians)))


class Stretches:
    """What does not depend on the aircraft, at one quantile: arrays over starts and ends."""

    def __init__(self, spots: Spots, quantile: Quantile) -> None:
        self._spots = spots
        self._quantile: Quantile = quantile

    def down_s(self, sortie: Sortie, leaves_s: Floats, start: Cells = EACH, end: Cells = EACH) -> Floats:
        """Seconds until the aircraft is down, if it has climbed from the start after `leaves_s`: starts x ends, or of
        each of these starts to the end beside it; `leaves_s` may then stand for several aircraft that fly alike, one a
        row."""
        crossed = isinstance(start, slice)
        pace = sortie.flight.pace(self._quantile)
        above_s = (leaves_s[:, None] if crossed else leaves_s) + self._spots.length_m[start, end] * pace.s_per_m
        if self._last_secured_s > -np.inf:
            above_s = np.maximum(above_s, self._end_secured_s[end])
        return above_s + pace.approach_s

    def all_door_s(self, sortie: Sortie, leaves_s: Floats) -> Floats:
        """Starts x ends: `door_s` of `down_s`."""
        spots, sites = self._spots, len(self._spots.landings.sites)
        if self._last_secured_s > -np.inf or spots.landings.with_second:
            return self.door_s(self.down_s(sortie, leaves_s))
        pace = sortie.flight.pace(self._quantile)
        beyond_s = spots.landings.beyond_s(pace.s_per_m, pace.approach_s, self._unloading_s, self._last_s)
        from_sites_s = leaves_s[:sites, None] + beyond_s
        if not spots.own_starts:
            return from_sites_s
        own_s = self.door_s(self.down_s(sortie, leaves_s[sites:], slice(sites, None)))
        return np.concatenate((from_sites_s, own_s))

    def door_s(self, land_s: Floats, end: Cells = EACH) -> Floats:
        """Seconds until the patient is at the door, for what is down at these ends after `land_s`."""
        out_s = land_s + self._unloading_s
        if self._spots.landings.with_second:
            out_s = np.maximum(out_s, self._second_there_s[end])
        return out_s + self._last_s[end]

    def latest_s(self, sortie: Sortie) -> float:
        """By when the aircraft is down, wherever it meets and lands: the latest drive or the farthest flight there,
        then the longest leg on, which nobody may fly; -infinity where nobody flies."""
        if self._latest_ground_s == -np.inf or not self._spots.length_m.size:
            return -np.inf
        s_per_m, approach_s, climb_s, climbed_s = sortie.flight.pace(self._quantile)
        above_s = climbed_s + self._spots.farthest_m(sortie.aircraft.here) * s_per_m
        there_s = max(above_s, self._last_start_secured_s) + approach_s
        leaves_s = max(self._latest_ground_s, there_s) + self._slowest_taken_s + climb_s
        return max(leaves_s + self._spots.longest_m * s_per_m, self._last_secured_s) + approach_s

    @cached_property
    def _latest_ground_s(self) -> float:
        return float(np.fmax.reduce(self._ground_arm_s, initial=-np.inf))  # passes over NaN

    @cached_property
    def _last_secured_s(self) -> float:
        return float(self._end_secured_s.max()) if self._spots.landings.secures_ends else -np.inf

    @cached_property
    def _last_start_secured_s(self) -> float:
        return float(self._start_secured_s.max()) if self._waits_for_secured else -np.inf

    def leaves_s(self, sorties: Sequence[Sortie]) -> Floats:
        """Sorties x starts: seconds until the aircraft, with the patient on board, has climbed from there."""
        paces = np.array([one.flight.pace(self._quantile) for one in sorties])
        s_per_m, approach_s, climb_s, climbed_s = (column[:, None] for column in paces.T)
        above_s = climbed_s + np.array([self._spots.out_m(one.aircraft.here) for one in sorties]) * s_per_m
        there_s = (np.maximum(above_s, self._start_secured_s) if self._waits_for_secured else above_s) + approach_s
        if self._spots.hoist:
            there_s = np.where(self._spots.hoists, above_s, there_s)
        return np.maximum(self._ground_arm_s, there_s) + self._taken_s + climb_s

    @cached_property
    def _ground_arm_s(self) -> Floats:
        spots, question = self._spots, self._spots.question
        drives = spots.drive_to_site_s
        if self._quantile == "p90" and question.drive_to_site_range_s:
            ranges, sites = question.drive_to_site_range_s, spots.landings.sites
            slow = [ranges[site.id][1] if site.id in ranges else np.nan for site in sites]
            drives = np.where(np.isnan(drives) | np.isnan(slow), drives, slow)
        none = np.zeros(len(spots.starts) - len(drives))
        return question.on_scene_term().at(self._quantile) + np.concatenate((drives, none))

    @cached_property
    def _waits_for_secured(self) -> bool:
        sites = (start.site for start in self._spots.own_starts)
        return self._spots.landings.secures_sites or any(site is not None and site.secure is not None for site in sites)

    @cached_property
    def _taken_s(self) -> Floats | float:
        times = self._spots.question.times
        loading_s, hoist_s = (times.spread(name).at(self._quantile) for name in ("loading", "hoist"))
        if not self._spots.hoist:
            return loading_s
        return np.where(self._spots.hoists, hoist_s, loading_s)

    @cached_property
    def _slowest_taken_s(self) -> float:
        return float(np.max(self._taken_s))

    @cached_property
    def _start_secured_s(self) -> Floats:
        landings, sites = self._spots.landings, [start.site for start in self._spots.starts]
        beyond = secured_s(sites[len(landings.sites) :])
        known_s = np.concatenate((landings.site_secured_s[self._quantile], beyond[self._quantile]))
        return known_s - self._sent_s_ago(sites)

    @cached_property
    def _end_secured_s(self) -> Floats:
        landings = self._spots.landings
        return landings.end_secured_s[self._quantile] - self._sent_s_ago([end.site for end in landings.ends])

    def _sent_s_ago(self, sites: Sequence[LandingSite | None]) -> Floats:
        """Since somebody was sent to secure them."""
        sent_s = self._spots.question.securing_s_ago
        if not sent_s:
            return np.zeros(len(sites))
        return np.array([sent_s.get(site.id, 0.0) if site else 0.0 for site in sites])

    @cached_property
    def _unloading_s(self) -> float:
        return self._spots.question.times.spread("unloading").at(self._quantile)

    @cached_property
    def _second_there_s(self) -> Floats:
        ends = self._spots.landings.ends
        return np.array([end.carry_on.there_s or 0.0 if end.carry_on else -np.inf for end in ends])

    @cached_property
    def _last_s(self) -> Floats:
        return self._spots.landings.last_s(self._spots.question.times, self._quantile)
