"""A few sets of weights over one contraction order, shared by all engines of a road map, each asked by one at a time.

The native library ends the process when two threads use one metric, so each has its lock, and every native call on it
is made inside. An engine asks for a metric that shows its weights: one that does already; else the one that differs
least, changed in place where few arcs differ; else a spare, customised whole while the others go on answering.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

import numpy as np
from numpy.typing import NDArray
from pyroutingkit import CCHMetric, CCHTopology

#: Metrics per road map: three vehicles, each with a spare. One takes about 16 MB on New York's 264,346 nodes.
METRICS = 6
#: Up to this share of the arcs a partial update is quicker than customising whole. Measured where the changed arcs lie
#: all over the map, the worst case: even at 1 in 240 on New York (56 ms both ways), 1 in 240 on Heidelberg.
FEW = 1 / 240
ONE_THREAD = 1  # more gain nothing on a small machine and spin for over a second on a busy one


class Metrics:
    """The metrics of one contraction order."""

    def __init__(self, order: CCHTopology, arcs: int) -> None:
        self._order, self._few = order, max(1, int(arcs * FEW))
        self._all: list[_Metric] = []
        self._lock = threading.Lock()
        self._turns = count()

    @contextmanager
    def showing(self, weights: NDArray[np.uint32]) -> Iterator[CCHMetric]:
        """The native metric with exactly these weights, for nobody else until the end of the block."""
        metric = self._choose(weights)
        with metric.lock:
            yield metric.show(weights, self._few)

    def _choose(self, weights: NDArray[np.uint32]) -> _Metric:
        with self._lock:
            chosen = next((one for one in self._all if one.promised is weights), None) or self._nearest(weights)
            chosen.promised, chosen.turn = weights, next(self._turns)
            return chosen

    def _nearest(self, weights: NDArray[np.uint32]) -> _Metric:
        changed = [(int(np.count_nonzero(one.promised != weights)), one.turn, one) for one in self._all]
        few = [entry for entry in changed if entry[0] <= self._few]
        if few:
            return min(few)[-1]
        if len(self._all) < METRICS:
            self._all.append(_Metric(self._order))
            return self._all[-1]
        return min(self._all, key=lambda one: one.turn)


class _Metric:
    """One native metric, what it shows, and what it was last promised to show."""

    def __init__(self, order: CCHTopology) -> None:
        self.lock = threading.Lock()
        self.promised: NDArray[np.uint32] | None = None
        self.turn = -1
        self._native = CCHMetric(order)
        self._shown: NDArray[np.uint32] | None = None

    def show(self, weights: NDArray[np.uint32], few: int) -> CCHMetric:
        """Bring the native metric to these weights. Call it holding the lock."""
        if self._shown is weights:
            return self._native
        shown, self._shown = self._shown, None
        changed = None if shown is None else np.flatnonzero(shown != weights)
        if changed is None or len(changed) > few:
            self._native.customize(weights, ONE_THREAD)
        elif len(changed):
            self._native.update_weights(changed.astype(np.uint32), weights[changed])
        self._shown = weights
        return self._native
