"""Fit the outbox rows of vehicles onto a picture, one vehicle after the other, so that many share one commit.

A row that does not fit becomes RowRefused. When rows are taken, and what the log says to them: casebook/book.py.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from casebook import events as e
from casebook.drafting import draft_of
from casebook.errors import CoordinationError, RefusedInput
from casebook.folding.course import Course
from casebook.link import OutboxRow, Unread
from casebook.log import By, Draft, Source
from casebook.picture import Occasion, Picture
from casebook.recording_state import WITHDRAWN

VEHICLE_FACTS: frozenset[type[e.Event]] = frozenset(
    {
        e.UnitAcknowledged, e.UnitEnRoute, e.UnitOnScene, e.UnitAtPatient, e.UnitLeftScene, e.UnitAtLandingSite,
        e.UnitAtDestination, e.UnitBackInService, e.PositionReported, e.CasualtyFound, e.CasualtyTriaged,
        e.FindingsRecorded, e.VitalsRecorded, e.WishStated, e.CasualtyBoarded, e.CasualtyTransferred, e.CasualtyClosed,
        e.CasualtyArrived, e.DestinationRequested, e.MessageSent, e.MessageRead, e.HandoverStarted, e.HandoverSigned,
        e.VideoStarted, e.VideoStopped, e.LegSeen, e.CrewDiverted, e.PictureQualityChanged, e.SamplesCounted,
        e.TagTied, e.RecordingStopped, e.HoistPlaceJudged,
    }
)  # fmt: skip
SAMPLE, SAMPLE_VERSION = e.VitalsRecorded.name, e.VitalsRecorded.version
SAMPLE_FIELDS = ("casualty", "unit", "vitals")
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
    """A vehicle's rows on their way into the next commit. `told` hears once how far the book is then, or what went
    wrong."""

    lane: Lane
    came: Sequence[Row | OutboxRow] | Unread
    role: str
    told: Callable[[int | BaseException], None]
    is_done: bool = False

    @property
    def rows(self) -> Sequence[Row | OutboxRow]:
        """Raises RefusedInput where they cannot be read."""
        return self.came.read() if isinstance(self.came, Unread) else self.came

    def hear(self, outcome: int | BaseException) -> None:
        if not self.is_done:
            self.is_done = True
            self.told(outcome)


def answer_with(answer: asyncio.Future[int], outcome: int | BaseException) -> None:
    """Whoever asked may have gone meanwhile."""
    if answer.done():
        return
    if isinstance(outcome, int):
        answer.set_result(outcome)
    elif isinstance(outcome, asyncio.CancelledError):
        answer.cancel()
    else:
        answer.set_exception(outcome)


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
    pool, course = Pool(picture), Course(picture)
    for turn in turns:
        done = pool.through.get(turn.lane, through[turn.lane])
        try:
            drafts = _rows_of(turn, course, done, now)
        except Exception as wrong:  # noqa: BLE001 - a fault of ours in one vehicle's rows is no other vehicle's
            turn.hear(wrong)
            return fitted([one for one in turns if one is not turn], picture, through, now)
        pool.drafts += drafts
        pool.through[turn.lane] = pool.ends[turn] = done + len(drafts)
    pool.picture = course.picture
    return pool


def _rows_of(turn: Turn, course: Course, through: int, now: datetime) -> list[Draft]:
    """A draft for each of the rows that follow on `through` without a gap; the course goes on with them."""
    (unit, epoch), drafts = turn.lane, []
    by = By(turn.role, unit, "device")
    for row in turn.rows:
        seq = row.seq
        if seq <= through:
            continue
        if seq != through + 1:
            break  # a gap: what comes after it waits for what is missing
        if (row.who or unit) != by.who or row.origin != by.origin:
            by = By(turn.role, row.who or unit, row.origin)
        source = Source(unit, epoch, seq)
        drafts.append(_sampled(course, source, row, now, by) or _fitted(course, source, row, now, by))
        through = seq
    return drafts


def _sampled(course: Course, source: Source, row: Row | OutboxRow, now: datetime, by: By) -> Draft | None:
    """The draft of a row that is plainly a sample; None for any other, and for one that is not as it should be.

    What `_fitted` does with it, without the ways for facts of all kinds: of a fleet's rows nearly all are samples.
    """
    body, unit = row.body, source.unit
    if row.kind != SAMPLE or len(body) != 3 or body.get("unit") != unit:
        return None
    casualty, vitals = body.get("casualty"), body.get("vitals")
    if type(casualty) is not str or type(vitals) is not dict:
        return None
    try:
        course.take(casualty, unit, vitals, row.at, source.epoch, source.seq)
    except CoordinationError:
        return None
    told = body if tuple(body) == SAMPLE_FIELDS else {"casualty": casualty, "unit": unit, "vitals": vitals}
    return Draft(SAMPLE, SAMPLE_VERSION, told, row.at, now, by, source)


def _fitted(course: Course, source: Source, row: Row | OutboxRow, now: datetime, by: By) -> Draft:
    """The draft of a row's fact, or of RowRefused and why."""
    unit = source.unit
    occasion = Occasion(course.seq + 1, row.at, str(by), unit, source.epoch, row.seq)
    try:
        fact = e.decode(row.kind, row.body)
        speaks_for_itself(fact, unit)
        course.fold(fact, occasion)
    except CoordinationError as wrong:
        fact = e.RowRefused(unit, row.kind, row.body, wrong.key, wrong.said("en"))
        course.fold(fact, occasion)
    return draft_of(fact, row.at, now, by, source, "")


def speaks_for_itself(fact: e.Event, unit: str) -> None:
    """A vehicle reports only what a vehicle can know, only of itself, and signs only for its crew."""
    if type(fact) not in VEHICLE_FACTS:
        raise RefusedInput("not_a_vehicle_fact", kind=fact.name)
    named = getattr(fact, "unit", unit)
    if named != unit:
        raise RefusedInput("not_your_unit", unit=unit, named=named)
    if isinstance(fact, e.HandoverSigned) and fact.side != "crew":
        raise RefusedInput("not_a_vehicle_fact", kind=f"{fact.name} ({fact.side})")
    if isinstance(fact, e.RecordingStopped) and fact.why != WITHDRAWN:
        raise RefusedInput("not_a_vehicle_fact", kind=f"{fact.name} ({fact.why})")
