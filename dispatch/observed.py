"""Speeds that feeds told, in the book and out of it again. Pure; reading a feed is routing/live.py's.

A batch enters the log as one fact with what was news in it (docs/decisions/0017), so that every decision can be taken
again on the speeds that were known.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from itertools import pairwise

import numpy as np

from casebook import events as e
from casebook.picture import TrafficSeen
from routing.traffic import Observed

_last: tuple[tuple[TrafficSeen, ...], Observed | None] = ((), None)


def observed_of(seen: tuple[TrafficSeen, ...]) -> Observed | None:
    """All batches as one, per arc what was seen last; None when there are none. The last answer is kept."""
    global _last
    kept_for, kept = _last
    if seen is not kept_for:
        kept = reduce(Observed.merged, map(_read, seen)) if seen else None
        _last = (seen, kept)
    return kept


def _read(seen: TrafficSeen) -> Observed:
    runs = np.array(seen.told.runs, np.int64).reshape(-1, 3)
    rows = np.array(seen.told.rows, np.float64).reshape(-1, 4)
    counts = runs[:, 1] - runs[:, 0] + 1
    before = np.repeat(np.cumsum(counts) - counts, counts)
    arcs = np.repeat(runs[:, 0], counts) + np.arange(counts.sum()) - before
    of_row = np.repeat(runs[:, 2], counts)
    kph, low, high, age_s = rows[of_row].T
    return Observed.of(seen.told.roads, arcs, low, kph, high, seen.at.timestamp() - age_s)


def told_by(source: str, seen: Observed, at_s: float) -> e.TrafficObserved:
    """The fact of a batch, told at `at_s` (seconds since 1970). Speeds to 0.1 km/h, ages to the second."""
    age_s = np.maximum(0.0, np.rint(at_s - seen.seen_s))
    columns = (np.round(seen.kph, 1), np.round(seen.low_kph, 1), np.round(seen.high_kph, 1), age_s)
    rows, of_row = np.unique(np.column_stack(columns), axis=0, return_inverse=True)
    breaks = np.flatnonzero((np.diff(seen.arcs) != 1) | (np.diff(of_row.ravel()) != 0)) + 1
    edges: Sequence[int] = [0, *breaks.tolist(), len(seen)] if len(seen) else []
    runs = [(int(seen.arcs[a]), int(seen.arcs[b - 1]), int(of_row.ravel()[a])) for a, b in pairwise(edges)]
    return e.TrafficObserved(source, seen.roads, tuple(tuple(row) for row in rows.tolist()), tuple(runs))
