"""What every arc costs this vehicle in today's traffic, in whole milliseconds, kept for the next question.

One set of costs per profile and what holds on the roads; the same topology serves them all: a further profile is a
further cost set, never a further network. A set that differs little from the last one is made from it: only the arcs
that changed are computed anew.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from functools import cached_property
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from routing.engine import DEFAULT_ENGINE, open_engine
from routing.engine.asking import SearchEngine
from routing.free_flow import HIGH, LIKELY, LOW, FreeFlow, free_flow
from routing.profiles import Profile
from routing.roads.roadmap import Roadmap
from routing.speeds import Interval
from routing.traffic import Holding

NOTHING = Holding()
KEPT_SETS = 8  # cost sets kept per road map: profiles, times the last few versions of the traffic


class Costs:
    """Times per arc: `likely_ms` decides the way; `low_ms` <= `likely_ms` <= `high_ms` give the range on it.

    `usable`: which arcs may be driven now. Arrays are not to be written to. Hashed by identity.
    """

    def __init__(self, free: FreeFlow, holding: Holding, engine: str, before: Costs | None = None) -> None:
        self.free, self.holding = free, holding
        self.likely_ms, self.usable, changed = self._today(before)
        self.engine: SearchEngine
        if before is None or changed is None:
            self.engine = open_engine(free.roadmap, self.likely_ms, engine, bound=free.bound)
        else:
            self.engine = before.engine.changed(changed, self.likely_ms) if len(changed) else before.engine

    @property
    def off_road_kph(self) -> Interval:
        return self.free.off_road_kph

    @cached_property
    def low_ms(self) -> NDArray[np.int64]:
        """The quickest tenth of runs."""
        return self._at_end(HIGH)

    @cached_property
    def high_ms(self) -> NDArray[np.int64]:
        """The slowest tenth of runs."""
        return self._at_end(LOW)

    def _today(self, before: Costs | None) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.intp] | None]:
        """Likely weights and usable arcs, made from those of `before`, else of free flow, where few arcs differ; and
        which arcs do, None when that may be most."""
        if before is None:
            likely_ms, usable, holding = self.free.free_ms(LIKELY), self.free.usable, NOTHING
        else:
            likely_ms, usable, holding = before.likely_ms, before.usable, before.holding
        rows = self.holding.changed_arcs(holding, self.free.roadmap)
        if rows is None:
            usable = self.free.usable.copy() if self.holding.closures else self.free.usable
            return self._weights(LIKELY, usable), usable, None
        some = self.free.usable[rows]
        today_ms = self._weights(LIKELY, some, rows)
        differs = (today_ms != likely_ms[rows]) | (some != usable[rows])
        rows = rows[differs]
        return _changed(likely_ms, rows, today_ms[differs]), _changed(usable, rows, some[differs]), rows

    def _at_end(self, end: int) -> NDArray[np.int64]:
        rows = self.holding.changed_arcs(NOTHING, self.free.roadmap)
        if rows is None:
            return self._weights(end, self.free.usable.copy())
        return _changed(self.free.free_ms(end), rows, self._weights(end, self.free.usable[rows], rows))

    def _weights(self, end: int, usable: NDArray[np.bool_], rows: NDArray[np.intp] | None = None) -> NDArray[np.int64]:
        """Today's weights of all arcs or of these; `usable` (theirs on empty roads) becomes today's in place."""
        which = slice(None) if rows is None else rows
        ends = {end, LIKELY}  # what was observed is laid over the likely speeds, whichever end is asked for
        kph, gains = self.free.kph(which, ends), self.free.gains(which, ends)
        self.holding.apply(self.free.roadmap, kph, usable, gains, rows, ends=(end,))
        return self.free.weights_ms(kph[end], usable, which)


def _changed(array: NDArray[Any], rows: NDArray[np.intp], values: NDArray[Any]) -> NDArray[Any]:
    if np.array_equal(array[rows], values):
        return array  # the same object: what was prepared for it still holds
    changed = array.copy()
    changed[rows] = values
    return changed


class _Kept:
    """The cost sets of one road map, last used last; each computed by one asker while the others wait for it alone."""

    def __init__(self) -> None:
        self._sets: OrderedDict[Any, Future[Costs]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, roadmap: Roadmap, engine: str, profile: Profile, holding: Holding) -> Costs:
        wanted = (engine, profile, holding)
        with self._lock:
            made = self._sets.get(wanted)
            before = None if made else self._last(engine, profile)
            found = made or self._sets.setdefault(wanted, Future())
            self._sets.move_to_end(wanted)
            while len(self._sets) > KEPT_SETS:
                self._sets.popitem(last=False)
        if made is None:
            self._compute(found, wanted, lambda: Costs(free_flow(roadmap, profile), holding, engine, before))
        return found.result()

    def _last(self, engine: str, profile: Profile) -> Costs | None:
        """The set that was last used of the same vehicle, if it is ready."""
        for (its_engine, its_profile, _), made in reversed(self._sets.items()):
            if (its_engine, its_profile) == (engine, profile) and made.done() and made.exception() is None:
                return made.result()
        return None

    def _compute(self, found: Future[Costs], wanted: Any, compute: Callable[[], Costs]) -> None:
        try:
            found.set_result(compute())
        except BaseException as failed:
            with self._lock:
                self._sets.pop(wanted, None)
            found.set_exception(failed)
            raise


_kept: WeakKeyDictionary[Roadmap, _Kept] = WeakKeyDictionary()
_lock = threading.Lock()


def costs_for(
    roadmap: Roadmap,
    *,
    profile: Profile,
    holding: Holding = NOTHING,
    engine: str = DEFAULT_ENGINE,
) -> Costs:
    """The costs of a vehicle under exactly what holds; computed once, then kept."""
    with _lock:
        kept = _kept.setdefault(roadmap, _Kept())
    return kept.get(roadmap, engine, profile, holding)
