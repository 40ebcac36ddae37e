"""What every arc costs this vehicle in today's traffic, in whole milliseconds, kept for the next question.

One set of costs per profile and what holds on the roads; the same topology serves them all: a further profile is a
further cost set, never a further network.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from routing.engine import ABSENT_MS, DEFAULT_ENGINE, Engine, open_engine
from routing.profiles import Profile
from routing.roads.roadmap import Roadmap
from routing.speeds import OFF_ROAD_PLAIN_KPH, OFF_ROAD_SIREN_KPH, Interval, driving_kph, siren_factor, table_for
from routing.traffic import Holding, Speeds

NOTHING = Holding()
KEPT_SETS = 8  # cost sets kept per road map: profiles, times the last few versions of the traffic


@dataclass(frozen=True, slots=True, eq=False)
class Costs:
    """Times per arc: `likely_ms` decides the way; `low_ms` <= `likely_ms` <= `high_ms` give the range on it."""

    likely_ms: NDArray[np.int64]
    low_ms: NDArray[np.int64]
    high_ms: NDArray[np.int64]
    usable: NDArray[np.bool_]
    off_road_kph: Interval
    engine: Engine


_kept: WeakKeyDictionary[Roadmap, OrderedDict[Any, Costs]] = WeakKeyDictionary()
_lock = threading.Lock()


def costs_for(
    roadmap: Roadmap,
    *,
    profile: Profile,
    holding: Holding = NOTHING,
    engine: str = DEFAULT_ENGINE,
) -> Costs:
    """The costs of a vehicle under exactly what holds; computed once, then kept."""
    wanted = (engine, profile, holding)
    with _lock:
        kept = _kept.setdefault(roadmap, OrderedDict())
        if wanted not in kept:
            kept[wanted] = _costs(roadmap, profile, holding, engine)
        kept.move_to_end(wanted)
        while len(kept) > KEPT_SETS:
            kept.popitem(last=False)
        return kept[wanted]


def _costs(roadmap: Roadmap, profile: Profile, holding: Holding, engine: str) -> Costs:
    usable = (roadmap.network.access & profile.access) > 0
    speeds, factors = _free_kph(roadmap, profile.siren)
    holding.apply(roadmap, speeds, usable, factors)
    slow, likely, fast = (_weights_ms(roadmap, kph, usable) for kph in speeds)
    off_road_kph = OFF_ROAD_SIREN_KPH if profile.siren else OFF_ROAD_PLAIN_KPH
    return Costs(likely, fast, slow, usable, off_road_kph, open_engine(roadmap, likely, engine))


def _free_kph(roadmap: Roadmap, siren: bool) -> tuple[Speeds, Speeds | None]:
    """Free-flow speeds per arc at the low, likely and high end of the siren's interval, and the siren's factors."""
    free = driving_kph(roadmap.network, table_for(roadmap))
    if not siren:
        return [free.copy() for _ in range(3)], None
    factors = siren_factor(roadmap.network)
    return [free * factor for factor in factors], factors


def _weights_ms(roadmap: Roadmap, kph: NDArray[np.float64], usable: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Metres over km/h in whole ms, at least 1 so that no way is free, and ABSENT_MS where nobody may drive."""
    weights = np.maximum(1, np.rint(roadmap.network.length_m * 3600 / kph)).astype(np.int64)
    weights[~usable] = ABSENT_MS
    return weights
