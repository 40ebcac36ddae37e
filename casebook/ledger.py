"""What became of every vital sample, by casualty and vehicle, from the log alone. Pure.

Decision 8 says what the words mean. What nobody told is None, never zero: a vehicle that never counted has not sampled
nothing, and a screen that never said what it showed may have shown all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise

from casebook import events as e
from casebook.log import Entry

LATE = timedelta(seconds=5)  # from measured to in the log, by the clocks of vehicle and hub
GAP = timedelta(seconds=3)  # between samples that follow each other: the monitor gives one a second
Row = tuple[str, int]  # (epoch, number) of a vehicle


@dataclass(frozen=True, slots=True)
class Screen:
    """`shown` of the samples in the log; `last_at`: the hub's instant of the last time it said so."""

    shown: int
    last_at: datetime


@dataclass(frozen=True, slots=True)
class Counted:
    """What the vehicle says of one casualty, beside what is in the log.

    `missed_s`: seconds in which the vehicle was asleep. `missing`: kept in the vehicle and not in the log: they wait
    there, or are lost; `lost` of them for certain (0 where none is missing, None where rows of the vehicle waited when
    it counted last: `waiting`). `uncounted`: in the log, and not within a count.
    """

    sampled: int
    unstored: int
    missed_s: int
    missing: int
    lost: int | None
    waiting: int
    uncounted: int


@dataclass(frozen=True, slots=True)
class Line:
    """One casualty in one vehicle. `gaps_s`: pauses between samples. `counted`: None where the vehicle never told."""

    casualty: str
    incident: str
    unit: str
    committed: int
    late: int
    gaps_s: Sequence[float]
    first_at: datetime | None
    last_at: datetime | None
    counted: Counted | None
    screens: Mapping[str, Screen]


@dataclass(slots=True)
class _Pile:
    """What the log holds of one casualty in one vehicle."""

    samples: list[tuple[datetime, datetime, Row]] = field(default_factory=list)  # (measured, in the log, row)
    counts: dict[datetime, tuple[datetime, e.SamplesCounted]] = field(default_factory=dict)  # since -> (told, newest)


def ledger(entries: Iterable[Entry]) -> list[Line]:
    """A line for each casualty and vehicle that sampled it, in the order of the first sample."""
    piles: dict[tuple[str, str], _Pile] = {}
    incidents: dict[str, str] = {}
    shown: dict[tuple[str, str], tuple[set[Row], datetime]] = {}  # (screen, unit)
    for entry in entries:
        body = entry.body
        if entry.kind == e.VitalsRecorded.name:
            row = (entry.source.epoch, entry.source.seq) if entry.source else ("", entry.seq)
            pile = piles.setdefault((body["casualty"], body["unit"]), _Pile())
            pile.samples.append((entry.at, entry.recorded_at, row))
        elif entry.kind == e.SamplesCounted.name:
            fact = e.decode(entry.kind, body)
            assert isinstance(fact, e.SamplesCounted)
            piles.setdefault((fact.casualty, fact.unit), _Pile()).counts[fact.since] = (entry.at, fact)
        elif entry.kind == e.SamplesShown.name:
            _add_shown(shown, entry)
        elif entry.kind == e.CasualtyFound.name:
            incidents[body["casualty"]] = body["incident"]
    return [_line(key, pile, incidents.get(key[0], ""), shown) for key, pile in piles.items()]


def _add_shown(shown: dict[tuple[str, str], tuple[set[Row], datetime]], entry: Entry) -> None:
    rows, _ = shown.get((entry.body["screen"], entry.body["unit"]), (set(), entry.at))
    for first, last in entry.body["rows"]:
        rows.update((entry.body["epoch"], seq) for seq in range(first, last + 1))
    shown[(entry.body["screen"], entry.body["unit"])] = (rows, entry.at)


def _line(
    key: tuple[str, str], pile: _Pile, incident: str, shown: Mapping[tuple[str, str], tuple[set[Row], datetime]]
) -> Line:
    casualty, unit = key
    times = sorted(measured for measured, _, _ in pile.samples)
    gaps = [(later - one).total_seconds() for one, later in pairwise(times) if later - one > GAP]
    rows = {row for _, _, row in pile.samples}
    screens = {
        screen: Screen(len(rows & seen), at)
        for (screen, of), (seen, at) in sorted(shown.items())
        if of == unit and rows & seen
    }
    late = sum(logged - measured > LATE for measured, logged, _ in pile.samples)
    first_at, last_at = (times[0], times[-1]) if times else (None, None)
    return Line(casualty, incident, unit, len(times), late, gaps, first_at, last_at, _counted(pile, times), screens)


def _counted(pile: _Pile, times: Sequence[datetime]) -> Counted | None:
    if not pile.counts:
        return None
    counts = [fact for _, fact in pile.counts.values()]
    within = sum(any(count.since <= at <= count.until for count in counts) for at in times)
    sampled, unstored = sum(count.sampled for count in counts), sum(count.unstored for count in counts)
    missing = max(0, sampled - unstored - within)
    _, newest = max(pile.counts.values(), key=lambda told: told[0])
    lost = 0 if missing == 0 else missing if newest.waiting == 0 else None
    missed_s, uncounted = sum(count.missed for count in counts), len(times) - within
    return Counted(sampled, unstored, missed_s, missing, lost, newest.waiting, uncounted)


def ranges_of(numbers: Iterable[int]) -> tuple[tuple[int, int], ...]:
    """Numbers as pairs (first, last) of what follows without a hole."""
    pairs: list[tuple[int, int]] = []
    for number in sorted(numbers):
        if pairs and number == pairs[-1][1] + 1:
            pairs[-1] = (pairs[-1][0], number)
        else:
            pairs.append((number, number))
    return tuple(pairs)
