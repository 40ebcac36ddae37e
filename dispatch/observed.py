"""Speeds that feeds told, in the book and out of it again. Pure; reading a feed is routing/traffic/batch.py's.

A batch enters the log as one fact with what was news in it (docs/decisions/0017), so that every decision can be taken
again on the speeds that were known.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import reduce
from itertools import pairwise
from typing import Annotated

import msgspec
import numpy as np

from casebook import events as e
from casebook.asking import Command
from casebook.picture import Picture, TrafficSeen
from routing.traffic import Observed
from routing.traffic.batch import CLOSED_FOR, Batch


class ReportTraffic(Command, frozen=True):
    """A traffic feed's batch: `rows` as text in a shape of docs/traffic.md. `whole`: all rows or none."""

    source: Annotated[str, msgspec.Meta(min_length=1, max_length=60)]
    shape: str
    rows: str
    whole: bool = False


def facts_of(picture: Picture, batch: Batch, at: datetime) -> list[e.Event]:
    """What of the batch is news to the picture: speeds by source, roads that the feed closes, and opens again."""
    facts: list[e.Event] = []
    for source, seen in batch.observed.items():
        news = seen.news_to(observed_of(picture.observed))
        facts += [told_by(source, news, at.timestamp())] if len(news) else []
    for closure in batch.closures:
        known = picture.roads.get(closure.id)
        if known is None or known.until is None or known.until - at < CLOSED_FOR / 2:
            edges = tuple(sorted(closure.where.edges))
            facts.append(
                e.RoadClosed(closure.id, closure.reason, until=closure.until, edges=edges, since=closure.since)
            )
    opened = {id for id in batch.opened if id in picture.roads}
    return facts + [e.RoadReopened(id) for id in sorted(opened | _over(picture, batch, at))]


def _over(picture: Picture, batch: Batch, at: datetime) -> set[str]:
    """Closures of this feed that ended by themselves: its next batch clears them away."""
    mine, kept = f"{batch.report.source}:", {closure.id for closure in batch.closures}
    ended = (id for id, road in picture.roads.items() if road.until is not None and road.until <= at)
    return {id for id in ended if id.startswith(mine) and id not in kept}


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
