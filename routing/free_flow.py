"""What every arc costs a vehicle when nothing holds on the roads: usable or not, how fast, how many milliseconds.

Speeds and intervals are routing/speeds.py's data, access and switches routing/profiles.py's; what the day changes is
laid over it by routing/costs.py.
"""

from __future__ import annotations

import threading
from collections.abc import Collection
from typing import Any
from weakref import WeakKeyDictionary, ref

import numpy as np
from numpy.typing import NDArray

from routing.clearance import fits
from routing.profiles import Profile
from routing.roads.network import CONTRAFLOW, GATE
from routing.roads.roadmap import Roadmap
from routing.roads.stretches import stretch_m
from routing.speeds import (
    CONTRAFLOW_KPH,
    GATE_KPH,
    OFF_ROAD_PLAIN_KPH,
    OFF_ROAD_SIREN_KPH,
    Interval,
    driving_kph,
    interval_by_class,
    span_m,
    table_for,
)
from routing.topology import ABSENT_MS

LOW, LIKELY, HIGH = ENDS = range(3)  # the ends of a speed's interval, in the order of routing.traffic.Speeds
Rows = NDArray[np.intp] | slice
ALL = slice(None)


class RoadSpeeds:
    """What all vehicles share on one road map, per arc: ms at 1 km/h, a plain car's km/h, and the row of its class."""

    def __init__(self, roadmap: Roadmap) -> None:
        network = roadmap.network
        self.ms_at_one_kph = span_m(network) * 3600
        self.kph = driving_kph(network, table_for(roadmap))
        self.highway = network.columns["highway"].code[network.way]


class FreeFlow:
    """One vehicle on empty roads. `bound` says which forbidden turns bind it."""

    def __init__(self, roadmap: Roadmap, profile: Profile, speeds: RoadSpeeds) -> None:
        network = roadmap.network
        self._roadmap = ref(roadmap)  # kept for as long as the road map lives, so it must not keep it alive
        self.network, self.profile, self._speeds = network, profile, speeds
        self.off_road_kph: Interval = OFF_ROAD_SIREN_KPH if profile.siren else OFF_ROAD_PLAIN_KPH
        self.bound = profile.bound_turns(network)
        self.usable = self._usable()
        self._slow_rows, self._slow_kph = self._slow()
        words = network.columns["highway"].words
        ends = [interval_by_class(word, profile.siren) for word in words]
        self._factor = np.array([(one.low, one.likely, one.high) for one in ends]).T
        self._kept_ms: dict[int, NDArray[np.int64]] = {}

    @property
    def roadmap(self) -> Roadmap:
        roadmap = self._roadmap()
        assert roadmap is not None, "whoever asks holds the road map"
        return roadmap

    def _usable(self) -> NDArray[np.bool_]:
        network, profile = self.network, self.profile
        usable = (network.access & np.uint8(profile.access)) > 0
        if profile.access & CONTRAFLOW:
            usable &= ~self._only_by(CONTRAFLOW) | (stretch_m(network) <= profile.max_contraflow_m)
        fitting = fits(network, profile)
        return usable if fitting is None else usable & fitting

    def _only_by(self, bit: int) -> NDArray[np.bool_]:
        """The arcs that this vehicle may use for this one reason."""
        return (self.network.access & np.uint8(self.profile.access)) == bit

    def _slow(self) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
        """The arcs where the way of using them caps the speed, ascending, and the cap in km/h."""
        against, gated = np.flatnonzero(self._only_by(CONTRAFLOW)), np.flatnonzero(self._only_by(GATE))
        rows = np.concatenate((against, gated))
        caps = np.repeat((CONTRAFLOW_KPH, GATE_KPH), (len(against), len(gated)))
        order = np.argsort(rows)
        return rows[order], caps[order]

    def kph(self, rows: Rows = ALL, ends: Collection[int] = ENDS) -> list[NDArray[np.float64]]:
        """Speeds of these arcs (ascending) at the low, likely and high end; without arcs at those not in `ends`."""
        found = [self._speeds.kph[rows] if end in ends else np.empty(0) for end in ENDS]
        at, of = (self._slow_rows, ALL) if isinstance(rows, slice) else _where(self._slow_rows, rows)
        for end in ends:
            found[end] = found[end] * self._gain(end, rows)
            found[end][at] = np.minimum(found[end][at], self._slow_kph[of])
        return found

    def gains(self, rows: Rows = ALL, ends: Collection[int] = ENDS) -> list[NDArray[np.float64]] | None:
        """The siren's gain on these arcs at the same ends; None without siren."""
        if not self.profile.siren:
            return None
        return [self._factor[end][self._speeds.highway[rows]] if end in ends else np.empty(0) for end in ENDS]

    def _gain(self, end: int, rows: Rows) -> NDArray[np.float64] | float:
        """What this vehicle makes of a plain car's likely speed; one number where it is the same on all roads."""
        factor = self._factor[end]
        return float(factor[0]) if (factor == factor[0]).all() else factor[self._speeds.highway[rows]]

    def weights_ms(self, kph: NDArray[np.float64], usable: NDArray[np.bool_], rows: Rows = ALL) -> NDArray[np.int64]:
        """Metres over km/h in whole ms, at least 1 so that no way is free, and ABSENT_MS where nobody may drive.

        `kph` is worked on in place: fresh memory for a whole city costs more than sums.
        """
        whole = np.divide(self._speeds.ms_at_one_kph[rows], kph, out=kph)
        np.clip(np.rint(whole, out=whole), 1, ABSENT_MS, out=whole)
        weights = whole.astype(np.int64)
        if not usable.all():
            np.copyto(weights, ABSENT_MS, where=~usable)
        return weights

    def free_ms(self, end: int) -> NDArray[np.int64]:
        """The weights of all arcs at one end of the interval; kept, not to be written to."""
        if end not in self._kept_ms:
            self._kept_ms[end] = self.weights_ms(self.kph()[end], self.usable)
            self._kept_ms[end].flags.writeable = False
        return self._kept_ms[end]


def _where(some: NDArray[np.intp], rows: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Where in `rows` the arcs of `some` stand (both ascending), and which of `some` those are."""
    at = np.searchsorted(rows, some)
    there = np.flatnonzero(at < len(rows))
    there = there[rows[at[there]] == some[there]]
    return at[there], there


_kept: WeakKeyDictionary[Roadmap, dict[Any, Any]] = WeakKeyDictionary()
_lock = threading.Lock()


def free_flow(roadmap: Roadmap, profile: Profile) -> FreeFlow:
    """One vehicle on this road map's empty roads; computed once."""
    with _lock:
        kept = _kept.setdefault(roadmap, {})
        if RoadSpeeds not in kept:
            kept[RoadSpeeds] = RoadSpeeds(roadmap)
        if profile not in kept:
            kept[profile] = FreeFlow(roadmap, profile, kept[RoadSpeeds])
        return kept[profile]
