"""Speeds from our own vehicles' fixes: match each vehicle's drive, time it in windows, take the siren out again.

A run with siren is no evidence of the traffic by itself: its speed is divided by the siren's factor of the road's
class (routing/speeds.py), the low end by the highest factor and the high end by the lowest. Where the siren is not
known, nothing is learnt. A vehicle that stands for long has arrived somewhere; that is no queue.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from routing.roads.roadmap import Roadmap
from routing.speeds import interval_by_class
from routing.traffic.matching import METRES_PER_DEGREE, SIGMA_M, Fix, Matcher
from routing.traffic.observed import Observed

GAP_S = 120.0  # without a fix for longer, nothing is known of what lies between; assumption
STANDS_S, STANDS_M = 90.0, 30.0  # within this circle for longer = stopped, not queueing; assumption
WINDOW_M, WINDOW_S = 200.0, 60.0  # a window is timed when the drive was this long, or took this long
LEAST_M = 60.0  # a shorter window is mostly noise of its two fixes
SHARE_SEEN = 0.5  # of an arc's length; less of it says nothing about the arc
P90 = 1.2816  # of the normal distribution: 10th and 90th percentile
DRIVER = 1.15  # one driver against the mean of all, either way; assumption
SLOWEST_KPH, FASTEST_KPH = 3.0, 160.0  # stop and go still creeps; faster is an error of the fixes
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class VehicleFix:
    """A vehicle's position, WGS-84; `siren` None = not known. `at` is aware."""

    unit: str
    at: datetime
    lat: float
    lon: float
    siren: bool | None


@dataclass(frozen=True, slots=True)
class Floating:
    """What the fixes told: `observed`, and how many fixes were left out, by reason (word keys)."""

    observed: Observed
    fixes: int
    left_out: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class _Window:
    """A timed part of a drive: metres along it, km/h with its range, and when it ended."""

    begin_m: float
    end_m: float
    low_kph: float
    kph: float
    high_kph: float
    seen_s: float


def observe(roadmap: Roadmap, fixes: Iterable[VehicleFix], *, sigma_m: float = SIGMA_M) -> Floating:
    """Speeds of a plain car on the arcs that the vehicles drove along. The order of the fixes does not matter."""
    matcher, left_out = Matcher(roadmap, sigma_m=sigma_m), Counter[str]()
    ordered = sorted(fixes, key=lambda fix: (fix.unit, fix.at, fix.lat, fix.lon))
    columns = [np.empty((0, 5))]
    for _, of_unit in groupby(ordered, key=lambda fix: fix.unit):
        for run in _runs(list(of_unit), left_out):
            columns += _timed(roadmap, matcher, run, sigma_m, left_out)
    rows = np.concatenate(columns)
    arcs, low, kph, high, seen_s = rows.T
    observed = Observed.of(roadmap.digest, arcs.astype(np.int64), low, kph, high, seen_s)
    return Floating(observed, len(ordered), dict(sorted(left_out.items())))


def _runs(fixes: Sequence[VehicleFix], left_out: Counter[str]) -> list[list[VehicleFix]]:
    """Drives of one vehicle: cut at gaps, where the siren is switched, and round long stands."""
    known = [fix for fix in fixes if fix.siren is not None]
    left_out["siren_unknown"] += len(fixes) - len(known)
    runs: list[list[VehicleFix]] = []
    for moving in _between_stands(known, left_out):
        for fix in moving:
            last = runs[-1][-1] if runs and runs[-1] else None
            if last is None or last.siren != fix.siren or _seconds(last, fix) > GAP_S:
                runs.append([])
            if not runs[-1] or runs[-1][-1].at < fix.at:
                runs[-1].append(fix)
        runs.append([])
    return [run for run in runs if len(run) > 1]


def _between_stands(fixes: Sequence[VehicleFix], left_out: Counter[str]) -> list[list[VehicleFix]]:
    """The fixes without those of stands that lasted, cut there."""
    parts: list[list[VehicleFix]] = [[]]
    begin = 0
    while begin < len(fixes):
        end = begin
        while end + 1 < len(fixes) and _apart_m(fixes[begin], fixes[end + 1]) <= STANDS_M:
            end += 1
        if _seconds(fixes[begin], fixes[end]) > STANDS_S:
            left_out["stands"] += end - begin + 1
            parts.append([])
            begin = end + 1
        else:
            parts[-1].append(fixes[begin])
            begin += 1
    return parts


def _timed(
    roadmap: Roadmap, matcher: Matcher, run: Sequence[VehicleFix], sigma_m: float, left_out: Counter[str]
) -> list[Floats]:
    """(arc, low, likely, high km/h, seen_s) of every arc that the run says something about."""
    at_s = np.array([fix.at.timestamp() for fix in run])
    trips = matcher.trips([Fix(float(s), fix.lat, fix.lon) for s, fix in zip(at_s, run, strict=True)])
    if not trips:
        left_out["off_the_roads"] += len(run)
    found: list[Floats] = []
    for trip in trips:
        windows = _windows(at_s[trip.fixes], trip.along_m, sigma_m)
        rows = _on_arcs(roadmap, trip.arcs, windows)
        found.append(_without_siren(roadmap, rows) if run[0].siren else rows)
    return found


def _windows(at_s: Floats, along_m: Floats, sigma_m: float) -> list[_Window]:
    """The drive in parts long enough that the noise of two fixes does not decide their speed."""
    windows: list[_Window] = []
    begin = 0
    for end in range(1, len(at_s)):
        driven_m, took_s = float(along_m[end] - along_m[begin]), float(at_s[end] - at_s[begin])
        if driven_m < WINDOW_M and took_s < WINDOW_S:
            continue
        doubt_m = P90 * math.sqrt(2) * sigma_m
        if driven_m >= LEAST_M and driven_m / took_s * 3.6 <= FASTEST_KPH:
            ends = ((driven_m - doubt_m) / DRIVER, driven_m, (driven_m + doubt_m) * DRIVER)
            low, likely, high = (min(FASTEST_KPH, max(SLOWEST_KPH, metres / took_s * 3.6)) for metres in ends)
            windows.append(_Window(float(along_m[begin]), float(along_m[end]), low, likely, high, float(at_s[end])))
        begin = end
    return windows


def _on_arcs(roadmap: Roadmap, arcs: Sequence[int], windows: Sequence[_Window]) -> Floats:
    """Each arc's time is the sum of its parts in the windows; arcs of which too little was seen are left out."""
    length_m = roadmap.network.length_m[list(arcs)]
    ends_m = np.cumsum(length_m)
    starts_m = ends_m - length_m
    seen_m, seen_s = np.zeros(len(arcs)), np.zeros(len(arcs))
    hours = np.zeros((3, len(arcs)))
    for window in windows:
        part_m = np.maximum(0.0, np.minimum(ends_m, window.end_m) - np.maximum(starts_m, window.begin_m))
        seen_m += part_m
        seen_s[part_m > 0] = window.seen_s
        hours += part_m / np.array([[window.low_kph], [window.kph], [window.high_kph]])
    told = np.flatnonzero((seen_m > 0) & (seen_m >= SHARE_SEEN * length_m))
    return np.column_stack((np.array(arcs)[told], *(seen_m[told] / hours[:, told]), seen_s[told]))


def _without_siren(roadmap: Roadmap, rows: Floats) -> Floats:
    network = roadmap.network
    factors = [interval_by_class(network.tag("highway", int(arc)), True) for arc in rows[:, 0]]
    gains = np.array([(one.high, one.likely, one.low) for one in factors]).reshape(-1, 3)
    return np.column_stack((rows[:, 0], np.maximum(SLOWEST_KPH, rows[:, 1:4] / gains), rows[:, 4]))


def _seconds(a: VehicleFix, b: VehicleFix) -> float:
    return (b.at - a.at).total_seconds()


def _apart_m(a: VehicleFix, b: VehicleFix) -> float:
    east = (b.lon - a.lon) * math.cos(math.radians(a.lat))
    return math.hypot(east, b.lat - a.lat) * METRES_PER_DEGREE
