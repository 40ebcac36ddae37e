"""Fit the outbox rows of vehicles onto a picture, one vehicle after the other, so that many share one commit.

A row that does not fit becomes RowRefused. When rows are taken, and what the log says to them: casebook/book.py.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from casebook import events as e
from casebook.drafting import draft_of
from casebook.errors import CoordinationError, RefusedInput
from casebook.log import By, Draft, Source
from casebook.picture import Occasion, Picture, fold

VEHICLE_FACTS: frozenset[type[e.Event]] = frozenset(
    {
        e.UnitAcknowledged, e.UnitEnRoute, e.UnitOnScene, e.UnitAtPatient, e.UnitLeftScene, e.UnitAtLandingSite,
        e.UnitAtDestination, e.UnitBackInService, e.PositionReported, e.CasualtyFound, e.CasualtyTriaged,
        e.FindingsRecorded, e.VitalsRecorded, e.WishStated, e.CasualtyBoarded, e.CasualtyTransferred, e.CasualtyClosed,
        e.CasualtyArrived, e.DestinationRequested, e.MessageSent, e.MessageRead, e.HandoverStarted, e.HandoverSigned,
        e.VideoStarted, e.VideoStopped, e.LegSeen, e.CrewDiverted, e.PictureQualityChanged, e.SamplesCounted,
    }
)  # fmt: skip
Lane = tuple[str, str]  # (unit, epoch): one outbox, counting for itself


@dataclass(frozen=True, slots=True)
class Row:
    """One fact as a vehicle's outbox sent it."""

    seq: int
    at: datetime
    kind: str
    body: dict
    who: str = ""
    origin: str = "device"


@dataclass(slots=True, eq=False)
class Turn:
    """A vehicle's rows on their way into the next commit, and who waits for how far the book is then."""

    lane: Lane
    rows: Sequence[Row]
    role: str
    answer: asyncio.Future[int]

    def hear(self, through: int) -> None:
        if not self.answer.done():
            self.answer.set_result(through)

    def fail(self, wrong: Exception) -> None:
        if not self.answer.done():
            self.answer.set_exception(wrong)


@dataclass(slots=True)
class Pool:
    """Rows of several vehicles, fitted one after the other onto a picture; nothing of it is in the log yet."""

    picture: Picture
    drafts: list[Draft] = field(default_factory=list)
    through: dict[Lane, int] = field(default_factory=dict)  # how far each outbox is, once the drafts are in the log
    ends: dict[Turn, int] = field(default_factory=dict)  # what each turn hears then


def fitted(turns: Sequence[Turn], picture: Picture, through: Mapping[Lane, int], now: datetime) -> Pool:
    """Every vehicle's rows, each on the picture that those before it left. `through` has every lane.

    A turn whose rows break the fitting itself fails at once and leaves no trace.
    """
    pool = Pool(picture)
    for turn in turns:
        done = pool.through.get(turn.lane, through[turn.lane])
        try:
            after, drafts = _rows_of(turn, pool.picture, done, now)
        except Exception as wrong:  # noqa: BLE001 - a fault of ours in one vehicle's rows is no other vehicle's
            turn.fail(wrong)
            continue
        pool.picture = after
        pool.drafts += drafts
        pool.through[turn.lane] = pool.ends[turn] = done + len(drafts)
    return pool


def _rows_of(turn: Turn, picture: Picture, through: int, now: datetime) -> tuple[Picture, list[Draft]]:
    """The picture with the rows that follow on `through` without a gap, and a draft for each of them."""
    (unit, epoch), drafts = turn.lane, []
    for row in turn.rows:
        if row.seq <= through:
            continue
        if row.seq != through + 1:
            break  # a gap: what comes after it waits for what is missing
        by = By(turn.role, row.who or unit, row.origin)
        fact, picture = _fitted(picture, unit, epoch, row, picture.seq + 1, by)
        drafts.append(draft_of(fact, row.at, now, by, Source(unit, epoch, row.seq), ""))
        through = row.seq
    return picture, drafts


def _fitted(picture: Picture, unit: str, epoch: str, row: Row, seq: int, by: By) -> tuple[e.Event, Picture]:
    """The row's fact and the picture with it, or RowRefused and why."""
    occasion = Occasion(seq, row.at, str(by), unit, epoch, row.seq)
    try:
        fact = e.decode(row.kind, row.body)
        speaks_for_itself(fact, unit)
        return fact, fold(picture, fact, occasion)
    except CoordinationError as wrong:
        refused = e.RowRefused(unit, row.kind, row.body, wrong.key, wrong.said("en"))
        return refused, fold(picture, refused, occasion)


def speaks_for_itself(fact: e.Event, unit: str) -> None:
    """A vehicle reports only what a vehicle can know, only of itself, and signs only for its crew."""
    if type(fact) not in VEHICLE_FACTS:
        raise RefusedInput("not_a_vehicle_fact", kind=fact.name)
    named = getattr(fact, "unit", unit)
    if named != unit:
        raise RefusedInput("not_your_unit", unit=unit, named=named)
    if isinstance(fact, e.HandoverSigned) and fact.side != "crew":
        raise RefusedInput("not_a_vehicle_fact", kind=f"{fact.name} ({fact.side})")
