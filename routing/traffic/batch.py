"""Take a feed's batch as a whole: what of it is true of these roads now, what is news, and what was refused and why.

Pure: reads the traffic that is known and changes nothing. Publishing is routing/live.py's, writing it into the book
dispatch's.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from casebook.errors import RefusedInput
from casebook.words import Language, say
from routing.roads.roadmap import Roadmap
from routing.traffic.changes import Closure
from routing.traffic.feeds import read_rows
from routing.traffic.floating import observe
from routing.traffic.observed import Observed
from routing.traffic.placing import Placer
from routing.traffic.stretch import Stretch
from routing.traffic.told import RefusedRow, RowError, Told
from routing.traffic.version import Traffic

CLOSED_FOR = timedelta(minutes=30)  # a feed's closure ends by itself when the feed falls silent; assumption
REFUSED_TOLD = 5  # of the refused rows, in a sentence; the report holds them all
Arcs = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Report:
    """What became of a batch. `refused` holds every refused row whole; `left_out`: fixes that told nothing, by reason.

    `version`: the traffic that the batch was laid over, or, once published, the one that holds it.
    """

    shape: str
    source: str
    version: int
    rows: int
    taken: int
    arcs: int
    refused: tuple[RefusedRow, ...] = ()
    left_out: Mapping[str, int] = field(default_factory=dict)
    closed: tuple[str, ...] = ()
    opened: tuple[str, ...] = ()

    def as_facts(self) -> dict[str, Any]:
        """Plain JSON; `why` in both languages."""
        told = {name: getattr(self, name) for name in ("shape", "source", "version", "rows", "taken", "arcs")}
        refused = [
            {"line": one.line, "column": one.column, "why": one.why, "row": one.row}
            | {language: say_refused(one, language) for language in ("zh", "en")}
            for one in self.refused
        ]
        many = {"closed": list(self.closed), "opened": list(self.opened), "left_out": dict(self.left_out)}
        return told | many | {"refused": refused}

    def said(self, language: Language) -> str:
        """A sentence, and one more for each of the first refused rows."""
        counts = {name: getattr(self, name) for name in ("source", "version", "rows", "taken", "arcs")}
        lines = [say("routing.feed.report", language, **counts, refused=len(self.refused))]
        lines += [say_refused(one, language) for one in self.refused[:REFUSED_TOLD]]
        return "\n".join(lines)


def say_refused(one: RefusedRow, language: Language) -> str:
    why = say(f"routing.feed.{one.why}", language, **one.facts)
    return say("routing.feed.refused", language, line=one.line, column=one.column, why=why)


@dataclass(frozen=True, slots=True)
class Batch:
    """`observed`: speeds by source. `closures` begin or go on; `opened`: ids of closures that the feed takes back."""

    observed: Mapping[str, Observed]
    closures: tuple[Closure, ...]
    opened: tuple[str, ...]
    report: Report

    def over(self, traffic: Traffic) -> Traffic:
        """The next version of the traffic with this batch in it; the same object when the batch changes nothing."""
        for seen in self.observed.values():
            traffic = traffic.with_observed(seen)
        for id in self.opened:
            if any(one.id == id for one in traffic.closures):
                traffic = traffic.without(id)
        for closure in self.closures:
            traffic = traffic.with_closure(closure)
        return traffic


def read_batch(
    roadmap: Roadmap,
    known: Traffic,
    raw: bytes,
    *,
    shape: str,
    source: str,
    now: datetime,
    whole: bool = False,
) -> Batch:
    """Read the batch against these roads and what is known. Good rows are taken, bad ones reported with line and why.

    `whole`: all or nothing. Raises RefusedInput: as read_rows; `feed_refused` when `whole` and a row was refused.
    """
    if not source.strip():
        raise RefusedInput("bad_field", where="traffic", field="source", why="-")
    rows = read_rows(raw, shape=shape, source=source, now=now)
    placed = _Placed(roadmap, known, rows.refused)
    for told in rows.told:
        placed.take(told)
    seen, left_out, taken = placed.observed(), dict[str, int](), placed.taken
    if rows.fixes:
        floating = observe(roadmap, rows.fixes)
        left_out = dict(floating.left_out)
        taken += len(rows.fixes) - sum(left_out.values())
        seen |= {source: floating.observed} if len(floating.observed) else {}
    refused = tuple(sorted(rows.refused, key=lambda one: one.line))
    if whole and refused:
        raise RefusedInput("feed_refused", count=len(refused), first=say_refused(refused[0], "en"))
    closures, opened = placed.closures()
    arcs = len(np.unique(np.concatenate([np.empty(0, np.int64), *(one.arcs for one in seen.values())])))
    report = Report(
        shape, source, known.version, rows.rows, taken, arcs, refused, left_out,
        tuple(one.id for one in closures), opened,
    )  # fmt: skip
    return Batch(seen, closures, opened, report)


class _Placed:
    """The rows of a batch laid on the roads, checked against each other and against what is known."""

    def __init__(self, roadmap: Roadmap, known: Traffic, refused: list[RefusedRow]) -> None:
        self._roadmap, self._known, self._refused = roadmap, known, refused
        self._placer = Placer(roadmap)
        self._rows: dict[tuple[str, bytes], tuple[Told, Arcs]] = {}  # one per source and place: the newest
        self._open = {one.id for one in known.closures}

    @property
    def taken(self) -> int:
        return len(self._rows)

    def take(self, told: Told) -> None:
        try:
            arcs = self._placer.arcs(told.where)
            self._refuse_old(told, arcs)
            self._keep_newest(told, arcs)
        except RowError as wrong:
            self._refuse(told, wrong)

    def _refuse(self, told: Told, wrong: RowError) -> None:
        self._refused.append(RefusedRow(told.line, wrong.column, wrong.why, told.row, wrong.facts))

    def _refuse_old(self, told: Told, arcs: Arcs) -> None:
        """A feed that jumps back in time tells nothing new, and one that repeats itself neither."""
        seen = self._known.observed
        if told.closed or seen is None or seen.roads != self._roadmap.digest or not len(seen):
            return
        at = np.minimum(np.searchsorted(seen.arcs, arcs), len(seen) - 1)
        known_s = np.where(seen.arcs[at] == arcs, seen.seen_s[at], -np.inf)
        told_s = told.at.timestamp()
        if (known_s > told_s).all():
            raise RowError("at", "back_in_time", value=told.at.isoformat())
        if (known_s == told_s).all() and (np.abs(seen.kph[at] - told.kph) < 0.05).all():
            raise RowError("at", "duplicate")

    def _keep_newest(self, told: Told, arcs: Arcs) -> None:
        key, newer = (told.source, arcs.tobytes()), told
        if key in self._rows:
            before = self._rows[key][0]
            older, newer = sorted((before, told), key=lambda one: one.at)  # on a tie the later line is the newer
            if older.at < newer.at:
                self._refuse(older, RowError("at", "superseded"))
            elif (older.kph, older.closed) == (newer.kph, newer.closed):
                self._refuse(newer, RowError("at", "duplicate"))
            else:
                self._refuse(older, RowError("at", "contradicted"))
        self._rows[key] = newer, arcs

    def observed(self) -> dict[str, Observed]:
        by_source: dict[str, list[tuple[Told, Arcs]]] = {}
        for told, arcs in self._rows.values():
            if not told.closed:
                by_source.setdefault(told.source, []).append((told, arcs))
        return {source: self._observed(rows) for source, rows in sorted(by_source.items())}

    def _observed(self, rows: list[tuple[Told, Arcs]]) -> Observed:
        counts = [len(arcs) for _, arcs in rows]
        figures = np.array([(told.low_kph, told.kph, told.high_kph, told.at.timestamp()) for told, _ in rows])
        columns = np.repeat(figures, counts, axis=0).T
        return Observed.of(self._roadmap.digest, np.concatenate([arcs for _, arcs in rows]), *columns)

    def closures(self) -> tuple[tuple[Closure, ...], tuple[str, ...]]:
        """What the feed says is closed, and which of its closures it says is open again."""
        closed, opened = list[Closure](), list[str]()
        for told, arcs in self._rows.values():
            id = _closure_id(told, arcs)
            if not told.closed:
                opened += [id] if id in self._open else []
                continue
            where = Stretch(edges=frozenset(self._roadmap.edge_of(int(arc)) for arc in arcs))
            closed.append(Closure(id, where, "feed", told.source, told.at, told.at + CLOSED_FOR))
        return tuple(self._going_on(one) for one in closed), tuple(opened)

    def _going_on(self, closure: Closure) -> Closure:
        """A closure that the feed repeats keeps its beginning."""
        before = next((one for one in self._known.closures if one.id == closure.id), None)
        return replace(closure, since=before.since) if before else closure


def _closure_id(told: Told, arcs: Arcs) -> str:
    return f"{told.source}:{told.segment or hashlib.blake2b(arcs.tobytes(), digest_size=4).hexdigest()}"
