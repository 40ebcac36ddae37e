"""Speeds that somebody saw on the roads: per arc what a plain car does, between which ends, and when it was seen.

Immutable. What is left of them later is routing/traffic/ageing.py's; how a feed becomes them, routing/traffic/feeds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from math import inf
from typing import Any

import numpy as np
from numpy.typing import NDArray

from routing.roads.roadmap import Roadmap
from routing.speeds import SHARE_OF_LIMIT
from routing.traffic.ageing import HALVING, Ageing

Floats = NDArray[np.float64]
#: A road is never believed to be faster than this times its free speed: free speeds are SHARE_OF_LIMIT of the limit,
#: and nobody is expected to be faster than the limit, whatever a feed says.
FASTEST_OVER_FREE = 1 / SHARE_OF_LIMIT
#: A speed within this share of the one that is known, and this soon after it, is no news. Assumption: it moves an ETA
#: by less than its own range does.
SAME_SHARE, FRESH_S = 0.10, HALVING.half_life_s / 2
BLOCK = 2**12  # of its arcs, so many say whether a batch is all new
READ_AT_ONCE = 2**15  # rows that the processor keeps at hand while all is asked of them; from memory each look is dear


@dataclass(frozen=True, slots=True, eq=False)
class Observed:
    """Rows of the road network with digest `roads`, ascending, each once; km/h with low <= likely <= high; `seen_s` in
    seconds since 1970, between `first_s` and `last_s`. Equal when all of it is equal."""

    roads: str
    arcs: NDArray[np.int64]
    low_kph: Floats
    kph: Floats
    high_kph: Floats
    seen_s: Floats
    first_s: float
    last_s: float
    _hash: int

    @classmethod
    def of(
        cls, roads: str, arcs: NDArray[np.integer], low_kph: Floats, kph: Floats, high_kph: Floats, seen_s: Floats
    ) -> Observed:
        """From rows in any order. Of several about one arc the one seen last counts, of those the one given last.

        A read-only array that owns its numbers is kept as it is when all its rows count; any other is copied.
        """
        given = (low_kph, kph, high_kph, seen_s)
        kept = slice(None) if (arcs[1:] > arcs[:-1]).all() else _last_seen(arcs, seen_s)
        rows = _own(arcs, kept, np.int64)
        low, likely, high, seen = (_own(column, kept, np.float64) for column in given)
        columns: tuple[NDArray[Any], ...] = (rows, low, likely, high, seen)
        for column in columns:
            column.flags.writeable = False
        # A hundred thousand arcs are hashed by the sum of their speeds; equality looks at all of them.
        first_s, last_s, all_kph = inf, -inf, 0.0
        for start in range(0, len(rows), READ_AT_ONCE):
            some = slice(start, start + READ_AT_ONCE)
            slow, usual = low[some], likely[some]
            assert slow.min() > 0 and bool((slow <= usual).all()) and bool((usual <= high[some]).all())
            first_s, last_s = min(first_s, float(seen[some].min())), max(last_s, float(seen[some].max()))
            all_kph += float(usual.sum())
        return cls(roads, *columns, first_s, last_s, hash((roads, len(low), all_kph)))

    def __eq__(self, other: object) -> bool:
        if self is other or not isinstance(other, Observed):
            return self is other
        pairs = zip(self._columns(), other._columns(), strict=True)
        return self._hash == other._hash and self.roads == other.roads and all(np.array_equal(a, b) for a, b in pairs)

    def __hash__(self) -> int:
        return self._hash

    def __len__(self) -> int:
        return len(self.arcs)

    def merged(self, newer: Observed) -> Observed:
        """Both; per arc what was seen last. Rows of other roads cannot be mixed: then `newer` alone counts."""
        if newer.roads != self.roads:
            return newer
        if newer.first_s >= self.last_s:  # as batches come: then nothing has to be weighed arc by arc
            return self._under(newer)
        both = zip(self._columns(), newer._columns(), strict=True)
        return Observed.of(self.roads, *(np.concatenate(pair) for pair in both))

    def _under(self, newer: Observed) -> Observed:
        """`newer`, and of this what it does not speak of."""
        there = np.zeros(1 + max(self.arcs.max(initial=0), newer.arcs.max(initial=0)), np.bool_)
        there[self.arcs] = there[newer.arcs] = True
        arcs = np.flatnonzero(there)
        if len(arcs) == len(newer):
            return newer
        place = np.cumsum(there) - 1
        mine, its = place[self.arcs], place[newer.arcs]
        columns = [np.empty(len(arcs)) for _ in range(4)]
        for column, old, new in zip(columns, self._columns()[1:], newer._columns()[1:], strict=True):
            column[mine] = old
            column[its] = new
            column.flags.writeable = False
        return Observed.of(self.roads, arcs, *columns)

    def between(self, after_s: float, until_s: float) -> Observed:
        """Only what was seen later than `after_s` and not later than `until_s` (seconds since 1970)."""
        if after_s < self.first_s and self.last_s <= until_s:
            return self
        kept = (self.seen_s > after_s) & (self.seen_s <= until_s)
        return Observed.of(self.roads, *(column[kept] for column in self._columns()))

    def news_to(self, known: Observed | None) -> Observed:
        """What of this is worth telling whoever holds `known`: new arcs, other speeds, the first word for a while."""
        if known is None or known.roads != self.roads or not len(known):
            return self
        at = np.minimum(np.searchsorted(known.arcs, self.arcs), len(known) - 1)
        there = known.arcs[at] == self.arcs
        same = np.abs(self.kph / known.kph[at] - 1) <= SAME_SHARE
        fresh = self.seen_s - known.seen_s[at] < FRESH_S
        news = ~(there & same & fresh)
        return self if news.all() else Observed.of(self.roads, *(column[news] for column in self._columns()))

    def _columns(self) -> tuple[NDArray[Any], ...]:
        return self.arcs, self.low_kph, self.kph, self.high_kph, self.seen_s

    def as_facts(self) -> dict[str, Any]:
        names = ("arcs", "low_kph", "kph", "high_kph", "seen_s")
        return {"roads": self.roads} | {name: getattr(self, name).tolist() for name in names}

    @classmethod
    def read(cls, facts: Mapping[str, Any]) -> Observed:
        figures = (np.array(facts[name], np.float64) for name in ("low_kph", "kph", "high_kph", "seen_s"))
        return cls.of(facts["roads"], np.array(facts["arcs"], np.int64), *figures)


def _own(column: NDArray[Any], kept: NDArray[np.intp] | slice, dtype: type[np.generic]) -> NDArray[Any]:
    """These rows of it, in an array that nobody writes to. A city's arcs take longer to copy than to reckon with."""
    locked = column.base is None and not column.flags.writeable and column.dtype == dtype
    return column if locked and isinstance(kept, slice) else np.array(column[kept], dtype)


def _last_seen(arcs: NDArray[np.integer], seen_s: Floats) -> NDArray[np.intp]:
    """For each arc the row that was seen last, the last of them on a tie; in the order of the arcs."""
    rows = np.lexsort((np.arange(len(arcs)), seen_s, arcs))
    last = np.ones(len(rows), np.bool_)
    last[:-1] = arcs[rows][1:] != arcs[rows][:-1]
    return rows[last]


@dataclass(frozen=True, slots=True)
class Aged:
    """Observed speeds as they are believed during one step of ageing. Hashable."""

    observed: Observed
    step: int
    ageing: Ageing = HALVING

    @classmethod
    def at(cls, observed: Observed, at: datetime, ageing: Ageing = HALVING) -> Aged | None:
        """What is known at `at` (aware) and not too old; None when that is nothing."""
        step, now_s = ageing.step_of(at), at.astimezone(UTC).timestamp()
        known = observed.between(step * ageing.step_s - ageing.oldest_s, now_s)
        return cls(known, step, ageing) if len(known) else None

    def concerns(self, roadmap: Roadmap) -> bool:
        """Whether the rows are this map's: on other roads nothing is known."""
        return self.observed.roads == roadmap.digest

    def slowness(self, rows: NDArray[np.intp] | slice, free_kph: Floats, end: int) -> Floats:
        """Today's time per metre of a plain car over that at its free speed, on these rows of `observed`; `end`: 0 the
        slow end of the range, 1 the likely one, 2 the fast one.

        Times per metre are mixed, not speeds: what halves with each half-life is the delay.
        """
        seen, shares = self.observed, self.ageing.shares_left()
        kph = (seen.low_kph, seen.kph, seen.high_kph)[end][rows]
        delay = free_kph * FASTEST_OVER_FREE  # worked on in place: fresh memory for a whole city costs more than sums
        np.minimum(kph, delay, out=delay)
        np.divide(free_kph, delay, out=delay)
        delay -= 1
        age_s = self.ageing.age_s(self._seen_s(rows), self.step)
        if end == 1:
            delay *= shares[1][age_s]
        else:
            late, soon = shares[0][age_s] * delay, shares[2][age_s] * delay
            delay = np.maximum(late, soon) if end == 0 else np.minimum(late, soon)
        delay += 1
        return delay

    def _seen_s(self, rows: NDArray[np.intp] | slice) -> Floats:
        """When these rows were seen; one number where all were seen at one instant, as those of one batch are."""
        seen = self.observed
        return seen.seen_s[:1] if seen.first_s == seen.last_s else seen.seen_s[rows]

    def changed_arcs(self, other: Aged | None, few: int) -> NDArray[np.int64] | None:
        """Arcs on which `other` may say something else; None when that may be more than `few`."""
        mine = self.observed
        if other is None:
            return mine.arcs if len(mine) <= few else None
        if len(mine) > few and self._seems_new_to(other):
            return None  # picking them out of so many would save nobody work
        changed = self._find_changed(other)
        return changed if len(changed) <= few else None

    def _seems_new_to(self, other: Aged) -> bool:
        """Whether this says something else of most arcs, judged by the first of them; False where it is not plain."""
        mine, theirs = self.observed, other.observed
        if self.step != other.step or self.ageing != other.ageing:
            return True
        if len(mine) != len(theirs) or not np.array_equal(mine.arcs[:BLOCK], theirs.arcs[:BLOCK]):
            return False
        differs = mine.kph[:BLOCK] != theirs.kph[:BLOCK]
        return 2 * int(np.count_nonzero(differs)) > len(differs)

    def _find_changed(self, other: Aged) -> NDArray[np.int64]:
        mine = self.observed
        if self.step != other.step or self.ageing != other.ageing or mine.roads != other.observed.roads:
            return _either(mine.arcs, other.observed.arcs)
        columns = list(zip(mine._columns()[1:], other.observed._columns()[1:], strict=True))
        if np.array_equal(mine.arcs, other.observed.arcs):  # a feed of the same roads, as most are
            return mine.arcs[np.logical_or.reduce([a != b for a, b in columns])]
        both, here, there = np.intersect1d(mine.arcs, other.observed.arcs, assume_unique=True, return_indices=True)
        same = np.logical_and.reduce([a[here] == b[there] for a, b in columns])
        return np.setdiff1d(_either(mine.arcs, other.observed.arcs), both[same], assume_unique=True)


def _either(a: NDArray[np.int64], b: NDArray[np.int64]) -> NDArray[np.int64]:
    """Rows of either, ascending, each once. np.union1d hashes, which takes seconds for a whole city's arcs."""
    rows = np.sort(np.concatenate((a, b)), kind="stable")
    return rows[np.append(True, rows[1:] != rows[:-1])] if len(rows) else rows
