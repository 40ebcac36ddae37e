"""A few sets of weights over one contraction order, shared by all engines of a road map, each asked by one at a time.

The native library ends the process when two threads use one metric, so each has its lock, and every native call on it
is made inside. An engine asks for a metric that shows its weights: one that does already; else the one that differs
least, changed in place where few arcs differ; else a spare, customised whole while the others go on answering.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Sequence
from itertools import count, pairwise

import numpy as np
from numpy.typing import NDArray
from pyroutingkit import CCHMetric, CCHTopology

#: Metrics per road map: three vehicles, each there and turned round (cch.py), and two spares. One takes about 16 MB on
#: New York's 264,346 nodes.
METRICS = 8
#: Up to this share of the arcs a partial update is quicker than customising whole. Measured where the changed arcs lie
#: all over the map, the worst case: even at 1 in 240 on New York (56 ms both ways), 1 in 240 on Heidelberg.
FEW = 1 / 240
ONE_THREAD = 1  # more gain nothing on a small machine and spin for over a second on a busy one
TAKEN_OFTEN = 8  # a set of weights that so often finds its metric taken gets one of its own
BLOCK = 2**12  # weights compared first, and sixteen times as many at once from then on


class Wish:
    """One set of weights that wants to be shown: per pair, in whole ms. Not to be written to. `before`: the set that it
    was made from, and the only rows in which it may differ from that."""

    def __init__(self, weights: NDArray[np.uint32], before: tuple[Wish, NDArray[np.intp]] | None = None) -> None:
        self.weights = weights
        self.turns_away = 0  # how often it was shown before and had to make room
        self._from, self._rows = (None, None) if before is None else (weakref.ref(before[0]), before[1])

    def differs(self, other: Wish, few: int) -> NDArray[np.intp] | None:
        """The rows in which they may differ, None where they do in more than `few`."""
        for one, its in ((self, other), (other, self)):
            if one._from is not None and one._from() is its and one._rows is not None and len(one._rows) <= few:
                return one._rows
        return _changed(other.weights, self.weights, few)


class Metrics:
    """The metrics of one contraction order."""

    def __init__(self, order: CCHTopology, pairs: int) -> None:
        self._order, self._few = order, max(1, int(pairs * FEW))
        self._all: list[_Metric] = []
        self._lock = threading.Lock()
        self._turns = count(1)

    def times(self, wish: Wish, sources: NDArray[np.uint32], targets: NDArray[np.uint32]) -> NDArray[np.uint32]:
        """Matrix of times under exactly these weights."""
        metric = self._choose(wish)
        sources, targets = np.ascontiguousarray(sources), np.ascontiguousarray(targets)  # it reads past strides
        with metric.lock:
            return metric.show(wish, self._few).distances_many_to_many(sources, targets)

    def paths(self, wish: Wish, source: int, targets: Sequence[int]) -> list[tuple[int, list[int]]]:
        """Time and pairs of one quickest way to each target under exactly these weights."""
        metric = self._choose(wish)
        with metric.lock:
            native = metric.show(wish, self._few)
            found = [native.query(source, target) for target in targets]
        return [(ms, pairs) for ms, _, pairs in found]

    def _choose(self, wish: Wish) -> _Metric:
        with self._lock:
            for metric in self._all:
                if metric.promised is wish:
                    break
            else:
                metric = self._nearest(wish)
                if metric.promised is not None:
                    metric.promised.turns_away += 1
                metric.promised = wish
            metric.turn = next(self._turns)
            return metric

    def _nearest(self, wish: Wish) -> _Metric:
        """The metric that is brought to the wish with the least work; a spare when that is much."""
        few: list[tuple[int, int, _Metric]] = []
        for metric in self._all:
            changed = None if metric.promised is None else wish.differs(metric.promised, self._few)
            if changed is not None:
                few.append((len(changed), metric.turn, metric))
        if few and (wish.turns_away < TAKEN_OFTEN or len(self._all) == METRICS):
            return min(few)[-1]
        wish.turns_away = 0
        if len(self._all) < METRICS:
            self._all.append(_Metric(self._order))
            return self._all[-1]
        return min(self._all, key=lambda metric: metric.turn)


class _Metric:
    """One native metric, what it shows, and what it was last promised to show."""

    def __init__(self, order: CCHTopology) -> None:
        self.lock = threading.Lock()
        self.promised: Wish | None = None
        self.turn = 0
        self._native = CCHMetric(order)
        self._shown: Wish | None = None

    def show(self, wish: Wish, few: int) -> CCHMetric:
        """Bring the native metric to these weights. Call it holding the lock."""
        if self._shown is wish:
            return self._native
        shown, self._shown = self._shown, None
        changed = None if shown is None else wish.differs(shown, few)
        if changed is None:
            self._native.customize(wish.weights, ONE_THREAD)
        elif len(changed):
            self._native.update_weights(changed.astype(np.uint32), wish.weights[changed])
        self._shown = wish
        return self._native


def _changed(before: NDArray[np.uint32], after: NDArray[np.uint32], few: int) -> NDArray[np.intp] | None:
    """The rows that differ, None where they are more than `few`: where all roads changed, the first block says so."""
    found: list[NDArray[np.intp]] = [np.empty(0, np.intp)]
    bounds = [0, *range(BLOCK, len(before), 16 * BLOCK), len(before)]
    for start, end in pairwise(bounds):
        differs = before[start:end] != after[start:end]
        few -= int(np.count_nonzero(differs))
        if few < 0:
            return None
        found.append(np.flatnonzero(differs) + start)
    return np.concatenate(found)
