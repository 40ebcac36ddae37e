"""What became of each casualty's samples, as far as the log tells now; kept along while the log grows, for the wall.

The same words as casebook/ledger.py, which goes through a whole log and also says what was shown and what came late.
Eight bytes a sample. A case is forgotten a while after its end, when no wall shows it any more; beyond KEPT of them who
has not been heard of for longest is forgotten first.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right, insort
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import accumulate
from operator import sub
from typing import Any

import msgspec

from casebook import events as e
from casebook.ledger import GAP
from casebook.log import Entry

KEPT = 5000  # (casualty, vehicle): an hour of each is 150 MB at one sample a second
KEPT_AFTER = timedelta(minutes=30)  # of a case that is over; a wall shows it for ten (hospital_board/board.py)
ENDS = frozenset({e.HandoverCompleted.name, e.CasualtyClosed.name})
SAMPLE = e.VitalsRecorded.name
GAP_US = GAP // timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Tally:
    """Of one casualty, all its vehicles together. `pauses_s`: of the samples in the log, more than 3 s each.

    `missing`: kept in a vehicle by its own count and not in the log; `lost` of them for certain, or never stored;
    `waiting`: the others. `until`: how far the vehicles have counted; None where none has yet: then nothing is said of
    what is missing.
    """

    committed: int
    pauses_s: float
    missing: int
    lost: int
    until: datetime | None

    @property
    def waiting(self) -> int:
        return max(0, self.missing - self.lost)

    @property
    def state(self) -> str:
        """lost, waiting, complete (counted, and everything is here), or counting (nobody has counted yet)."""
        if self.lost:
            return "lost"
        if self.waiting:
            return "waiting"
        return "complete" if self.until is not None else "counting"

    def as_view(self) -> dict[str, Any]:
        """For a screen: it changes with counts and pauses only, not with every sample."""
        return {
            "state": self.state, "waiting": self.waiting, "lost": self.lost, "pauses_s": round(self.pauses_s),
            "until": self.until,
        }  # fmt: skip


@dataclass(slots=True)
class _Pile:
    """One casualty in one vehicle: instants of its samples in order (microseconds since 1970), the newest count of each
    stretch."""

    times_us: array[int] = field(default_factory=lambda: array("q"))
    pauses_us: int = 0
    counts: dict[datetime, e.SamplesCounted] = field(default_factory=dict)
    waits: int = 0  # rows of the vehicle that were not acknowledged when it counted last

    def add(self, at_us: int) -> None:
        """Mostly at the end; history goes where it belongs, and closes a pause."""
        times = self.times_us
        since_us = at_us - times[-1] if times else 0
        if since_us >= 0:
            if since_us > GAP_US:
                self.pauses_us += since_us
            times.append(at_us)
            return
        place = bisect_right(times, at_us)
        if place < len(times):  # whoever keeps the first so many of them, keeps them as they are
            times = self.times_us = times[:]
        before, after = times[place - 1 : place], times[place : place + 1]
        if before and after:
            self.pauses_us -= _pause_us(before[0], after[0])
        self.pauses_us += sum(_pause_us(one, at_us) for one in before) + sum(_pause_us(at_us, one) for one in after)
        insort(times, at_us)

    def missing(self) -> tuple[int, int]:
        """(not in the log, of these lost for certain); what was never stored is both."""
        unstored = sum(one.unstored for one in self.counts.values())
        missing = sum(max(0, one.sampled - one.unstored - self._within(one)) for one in self.counts.values())
        return missing + unstored, unstored + (missing if self.waits == 0 else 0)

    def _within(self, one: e.SamplesCounted) -> int:
        return bisect_right(self.times_us, _us_of(one.until)) - bisect_left(self.times_us, _us_of(one.since))


def _us_of(at: datetime) -> int:
    return round(at.timestamp() * 1e6)


def _pause_us(one_us: int, next_us: int) -> int:
    return next_us - one_us if next_us - one_us > GAP_US else 0


class KeptPile(msgspec.Struct, frozen=True):
    """All that the ledger knows of one casualty in one vehicle, to be written down and taken up again. `steps_us`: from
    1970 to the first sample, from there to the second and so on: short numbers, and much alike."""

    casualty: str
    unit: str
    steps_us: list[int]
    pauses_us: int
    counts: Sequence[e.SamplesCounted]
    waits: int
    over_at: datetime | None = None


def _kept(casualty: str, unit: str, times_us: array[int], first: int, *rest: Any) -> KeptPile:
    times = times_us[:first]
    return KeptPile(casualty, unit, [*times[:1], *map(sub, times[1:], times)], *rest)


class LedgerNow:
    """`hear` every entry in the order of the log; `find` what is so now."""

    def __init__(self) -> None:
        self._piles: OrderedDict[tuple[str, str], _Pile] = OrderedDict()
        self._units: dict[str, list[str]] = {}  # casualty -> the vehicles that sampled it
        self._views: dict[str, dict[str, Any]] = {}  # casualty -> what was said last, the same object while it is so
        self._heard: set[str] = set()  # casualties of which something came since
        self._over: dict[str, datetime] = {}  # casualties whose case ended -> when that was recorded, oldest first

    def hear(self, entries: Iterable[Entry]) -> None:
        pile, casualty, unit = None, "", ""  # of the last sample: a vehicle sends several together
        for entry in entries:
            if entry.kind == SAMPLE:
                body = entry.body
                if pile is None or casualty != body["casualty"] or unit != body["unit"]:
                    pile, casualty, unit = self._pile(body), body["casualty"], body["unit"]
                pile.add(_us_of(entry.at))
                continue
            pile = None
            if entry.kind == e.SamplesCounted.name:
                self._count(entry)
            elif entry.kind in ENDS:
                self._end(entry.body["casualty"], entry.recorded_at)

    def _count(self, entry: Entry) -> None:
        fact, pile = e.decode(entry.kind, entry.body), self._pile(entry.body)
        assert isinstance(fact, e.SamplesCounted)
        pile.counts[fact.since], pile.waits = fact, fact.waiting

    def kept(self) -> list[Callable[[], KeptPile]]:
        """What is so now, whoever was heard of last at the end. Each can be asked for in another thread, while this
        goes on: what it gives is of now."""
        return [
            partial(
                _kept, *key, one.times_us, len(one.times_us), one.pauses_us, tuple(one.counts.values()), one.waits,
                self._over.get(key[0]),
            )
            for key, one in self._piles.items()
        ]  # fmt: skip

    def take(self, piles: Iterable[KeptPile]) -> None:
        """Go on, having heard nothing yet, from what was kept."""
        for one in piles:
            pile = self._pile({"casualty": one.casualty, "unit": one.unit})
            pile.times_us, pile.pauses_us, pile.waits = array("q", accumulate(one.steps_us)), one.pauses_us, one.waits
            pile.counts = {count.since: count for count in one.counts}
            if one.over_at is not None:
                self._over[one.casualty] = one.over_at
        self._over = dict(sorted(self._over.items(), key=lambda one: one[1]))

    def find(self, casualty: str) -> Tally | None:
        """None: no vehicle has told of any sample."""
        piles = [self._piles[casualty, unit] for unit in self._units.get(casualty, ())]
        if not piles:
            return None
        counted = [pile.missing() for pile in piles]
        untils = [one.until.astimezone(UTC) for pile in piles for one in pile.counts.values()]
        return Tally(
            sum(len(pile.times_us) for pile in piles), sum(pile.pauses_us for pile in piles) / 1e6,
            sum(missing for missing, _ in counted), sum(lost for _, lost in counted), max(untils, default=None),
        )  # fmt: skip

    def view(self, casualty: str) -> dict[str, Any] | None:
        """The same object as long as it says the same; not to be changed."""
        before = self._views.get(casualty)
        if before is not None and casualty not in self._heard:
            return before
        self._heard.discard(casualty)
        tally = self.find(casualty)
        if tally is None:
            return None
        if (said := tally.as_view()) != before:
            self._views[casualty] = said
        return self._views[casualty]

    def _pile(self, body: dict[str, Any]) -> _Pile:
        key = body["casualty"], body["unit"]
        self._heard.add(key[0])
        pile = self._piles.get(key)
        if pile is None:
            pile = self._piles[key] = _Pile()
            self._units.setdefault(key[0], []).append(key[1])
            if len(self._piles) > KEPT:
                self._forget_oldest()
        else:
            self._piles.move_to_end(key)
        return pile

    def _end(self, casualty: str, at: datetime) -> None:
        """A case is over; those that have been so for long enough are forgotten."""
        if casualty in self._units:
            self._over[casualty] = at
        long_over = [one for one, since in self._over.items() if at - since >= KEPT_AFTER]
        for one in long_over:
            for unit in self._units.pop(one):
                del self._piles[one, unit]
            self._leave(one)

    def _leave(self, casualty: str) -> None:
        self._views.pop(casualty, None)
        self._heard.discard(casualty)
        self._over.pop(casualty, None)

    def _forget_oldest(self) -> None:
        (casualty, unit), _ = self._piles.popitem(last=False)
        self._units[casualty].remove(unit)
        if not self._units[casualty]:
            del self._units[casualty]
            self._leave(casualty)
        else:
            self._heard.add(casualty)
