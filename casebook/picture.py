"""The picture: what is so now, folded from the log. Pure; an illegal step raises and changes nothing.

States are frozen; `fold` returns a new picture that shares whatever did not change, so that a decision may look at a
picture for as long as it likes, and a batch that fails half way leaves the old picture untouched. What facts change
has no slots: `changed` copies its fields as one dict, many times faster than one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

import msgspec

from casebook import events as e
from casebook.capacity import Closure, Figure, Forced, Hold, Refusal
from casebook.casualty import Category, Findings, Stage
from casebook.errors import IllegalStep, NotFound
from casebook.place import HoistPlace, Place
from casebook.recording_state import RecordingState
from casebook.steps import Affair, Duty, Prealert, Task, next_stage

TREND_LENGTH = 600  # samples kept per casualty for trends: ten minutes at one a second
STILL_TOLD = 3  # of them stay when the case is over, with the newest of each field: an alarm stands on three in a row


@dataclass(frozen=True)
class IncidentState:
    id: str
    place: Place
    kind: str
    priority: int
    channel: str
    summary: str
    received_at: datetime
    happened_at: datetime
    drill: bool
    hazards: tuple[str, ...] = ()
    casualties_estimated: int | None = None
    stage: Affair = Affair.OPEN
    agencies: tuple[tuple[str, str, datetime], ...] = ()  # (agency, note, at)
    hoist_place: HoistPlace | None = None  # None: nobody has said whether its place is clear


@dataclass(frozen=True)
class UnitState:
    id: str
    kind: str
    name_zh: str
    name_en: str
    district: str
    base: Place
    station: str
    duty: Duty = Duty.AVAILABLE
    duty_at: datetime | None = None
    incident: str | None = None
    purpose: str = ""
    leg: e.Leg | None = None
    leg_at: datetime | None = None
    leg_why: tuple[e.Reason, ...] = ()  # why it took the place of an earlier leg
    leg_seen_at: datetime | None = None
    halted: Place | None = None  # where it waits because no way is left
    halted_by: tuple[str, ...] = ()  # closures
    position: e.PositionReported | None = None
    position_at: datetime | None = None
    quality: e.PictureQualityChanged | None = None  # of its live picture, as told last; see picture_quality
    quality_at: datetime | None = None
    uplink: e.UplinkChanged | None = None  # what became of the wish for a guaranteed one, as told last
    uplink_at: datetime | None = None
    media_key: str = ""  # fingerprint of the key that its media are held to; "": none was shown yet
    media_key_refused: str = ""  # another one that wanted in, until a person takes it or the right one is seen
    media_key_refused_at: datetime | None = None
    aboard: tuple[str, ...] = ()
    times: Mapping[str, datetime] = field(default_factory=dict)  # fact name -> when, of the present mission


class Sample(msgspec.Struct, frozen=True, gc=False):
    """One numerics sample with where it came from; `unit`, `epoch`, `seq` name it for the ledger."""

    at: datetime
    vitals: Mapping[str, Any]
    unit: str
    epoch: str
    seq: int


@dataclass(frozen=True, slots=True)
class Diversion:
    """What became of a crew's diversion. `why` "": the desk followed; else why not, a word of DiversionFailed, or
    "chosen_otherwise" where a person chose another hospital meanwhile."""

    hospital: str
    reason: str
    at: datetime
    answered_at: datetime
    why: str = ""


@dataclass(frozen=True, slots=True)
class MarkState:
    """A mark in force on the live picture."""

    at: datetime
    drawn: e.MarkDrawn


@dataclass(frozen=True, slots=True)
class SnapshotState:
    at: datetime
    taken: e.SnapshotTaken


@dataclass(frozen=True)
class GuidanceState:
    """What was drawn for this casualty. `drawn`: how many marks ever, for the next one's number."""

    marks: Mapping[str, MarkState] = field(default_factory=dict)
    drawn: int = 0
    snapshots: Mapping[str, SnapshotState] = field(default_factory=dict)


@dataclass(frozen=True)
class CasualtyState:
    id: str
    incident: str
    label: str
    age_years: float | None = None
    sex: str | None = None
    stage: Stage = Stage.FOUND
    category: Category | None = None
    triage: tuple[tuple[datetime, e.CasualtyTriaged], ...] = ()
    findings: Findings | None = None
    findings_at: datetime | None = None
    findings_told: Mapping[str, datetime] = field(default_factory=dict)  # field of Findings -> when it last changed
    trend: tuple[Sample, ...] = ()
    signs: e.SignsMet | None = None  # criteria that vital signs meet, until they are cleared
    unit: str | None = None
    wish: str | None = None
    requested_at: datetime | None = None
    diverted: e.CrewDiverted | None = None  # where the crew goes instead, until the desk has answered
    diverted_at: datetime | None = None
    diversion: Diversion | None = None  # the last one that was answered
    proposal: e.Decision | None = None
    proposed_at: datetime | None = None
    stranded: tuple[e.Rejection, ...] = ()
    stabilise_at: str | None = None  # of somebody stranded: the nearest hospital that can do anything
    ask: tuple[str, ...] = ()  # of somebody stranded: who has what is needed and would have to be persuaded
    option: e.Option | None = None
    chosen_at: datetime | None = None
    rejected: tuple[e.Rejection, ...] = ()
    override_reason: str = ""
    prealert: Prealert = Prealert.NONE
    prealert_hospital: str | None = None
    prealert_at: datetime | None = None
    prealert_due_at: datetime | None = None
    prealert_eta_at: datetime | None = None
    prealert_level: int | None = None
    prealert_repeats: int = 0
    acknowledged_at: datetime | None = None
    acknowledged_by: str = ""
    acknowledged_answer: str = ""
    acknowledged_note: str = ""
    refusals: Mapping[str, Refusal] = field(default_factory=dict)  # hospital -> its last no to this casualty
    bay: str | None = None
    team: str | None = None
    team_level: int | None = None
    team_at: datetime | None = None
    members: Mapping[str, tuple[str, datetime]] = field(default_factory=dict)
    arrived_at: datetime | None = None
    signatures: Mapping[str, tuple[str, datetime]] = field(default_factory=dict)
    times: Mapping[str, datetime] = field(default_factory=dict)  # fact name -> first time it happened
    guidance: GuidanceState | None = None  # marks and stills of its live picture
    tag: int | None = None  # number of the triage tag that hangs on them
    recordings: Mapping[str, RecordingState] = field(default_factory=dict)
    files: Mapping[str, tuple[datetime, e.FileReceived]] = field(default_factory=dict)  # by SHA-256

    @property
    def hospital(self) -> str | None:
        return self.option.hospital if self.option else None

    @property
    def latest(self) -> Sample | None:
        return self.trend[-1] if self.trend else None


@dataclass(frozen=True)
class HospitalState:
    id: str
    name_zh: str
    name_en: str
    place: Place
    capabilities: tuple[str, ...]
    trauma_level: int | None = None
    district: str = ""
    pad: Place | None = None
    figures: Mapping[str, Figure] = field(default_factory=dict)
    closures: Mapping[str, Closure] = field(default_factory=dict)
    forced: tuple[Forced, ...] = ()  # casualties sent although the hospital had said no


@dataclass(frozen=True)
class TaskState:
    id: str
    incident: str
    kind: str
    to: str
    due_at: datetime
    opened_at: datetime
    note: str = ""
    stage: Task = Task.OPEN
    approver: str = ""
    settled_at: datetime | None = None


@dataclass(frozen=True)
class MessageState:
    id: str
    casualty: str
    sender: str
    text: str
    order: bool
    at: datetime
    read_at: datetime | None = None
    read_by: str = ""
    read_back: str = ""


@dataclass(frozen=True)
class PlanState:
    """The newest joint plan of an incident, and what people said to it.

    `refused`: casualty -> the hospitals that a person did not want for it in this or an earlier plan. `refused_whole`:
    why the plan as a whole was not wanted.
    """

    proposed: e.DistributionProposed
    at: datetime
    by: str
    accepted: Mapping[str, datetime] = field(default_factory=dict)
    lost: tuple[str, ...] = ()
    refused: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    reasons: Mapping[str, str] = field(default_factory=dict)  # casualty -> why its row of this plan was not wanted
    refused_whole: str = ""

    def find_row(self, casualty: str) -> e.PlannedTransport | None:
        return next((row for row in self.proposed.rows if row.casualty == casualty), None)


@dataclass(frozen=True, slots=True)
class RoadState:
    """A closure (`speed_kmh` None) or a slowdown in force."""

    id: str
    reason: str
    polygon: tuple[tuple[float, float], ...]
    ref: str
    bearing_deg: float | None
    until: datetime | None
    speed_kmh: float | None
    at: datetime
    by: str
    km: tuple[float, float] | None = None
    edges: tuple[tuple[int, int, int], ...] = ()
    since: datetime | None = None  # works to come; None: since `at`


@dataclass(frozen=True, slots=True)
class TrafficSeen:
    """One batch of observed speeds, and the entry that told it."""

    seq: int
    at: datetime
    told: e.TrafficObserved


@dataclass(frozen=True)
class Picture:
    """Everything that is so after `seq` entries. Mappings are never changed in place."""

    seq: int = 0
    drill: e.DrillStarted | None = None
    incidents: Mapping[str, IncidentState] = field(default_factory=dict)
    units: Mapping[str, UnitState] = field(default_factory=dict)
    casualties: Mapping[str, CasualtyState] = field(default_factory=dict)
    hospitals: Mapping[str, HospitalState] = field(default_factory=dict)
    tasks: Mapping[str, TaskState] = field(default_factory=dict)
    messages: Mapping[str, MessageState] = field(default_factory=dict)
    holds: Mapping[str, Hold] = field(default_factory=dict)  # Hold.key -> Hold
    plans: Mapping[str, PlanState] = field(default_factory=dict)  # incident -> its newest joint plan
    roads: Mapping[str, RoadState] = field(default_factory=dict)
    observed: tuple[TrafficSeen, ...] = ()  # of the last hours, oldest first
    roads_seq: int = 0  # the last entry that changed roads or observed: the number of the traffic's version
    streams: Mapping[str, str] = field(default_factory=dict)  # stream -> unit

    def get_incident(self, id: str) -> IncidentState:
        return _get(self.incidents, "incident", id)

    def get_unit(self, id: str) -> UnitState:
        return _get(self.units, "unit", id)

    def get_casualty(self, id: str) -> CasualtyState:
        return _get(self.casualties, "casualty", id)

    def get_hospital(self, id: str) -> HospitalState:
        return _get(self.hospitals, "hospital", id)

    def get_task(self, id: str) -> TaskState:
        return _get(self.tasks, "task", id)

    def list_holds(self, hospital: str, resource: str, now: datetime) -> list[Hold]:
        """Holds in force at `now`, by slot."""
        found = [h for h in self.holds.values() if h.hospital == hospital and h.resource == resource and h.until > now]
        return sorted(found, key=lambda hold: hold.slot)

    def find_hold(self, casualty: str) -> Hold | None:
        return next((hold for hold in self.holds.values() if hold.casualty == casualty), None)


State = TypeVar("State")


def _get(mapping: Mapping[str, State], what: str, id: str) -> State:
    found = mapping.get(id)
    if found is None:
        raise NotFound(what=what, id=id)
    return found


@dataclass(frozen=True, slots=True)
class Occasion:
    """What surrounds a fact: when it happened, who says so, and the vehicle row that carried it."""

    seq: int
    at: datetime
    by: str = ""
    unit: str = ""
    epoch: str = ""
    unit_seq: int = 0


Folder = Callable[[Picture, Any, Occasion], Picture]
FOLDERS: dict[type[e.Event], Folder] = {}


def folds(*kinds: type[e.Event]) -> Callable[[Folder], Folder]:
    """Register how a fact changes the picture. A fact without a folder changes nothing but the count."""

    def register(folder: Folder) -> Folder:
        for kind in kinds:
            assert kind not in FOLDERS, kind
            FOLDERS[kind] = folder
        return folder

    return register


def fold(picture: Picture, event: e.Event, occasion: Occasion) -> Picture:
    """The picture after one more fact. Raises IllegalStep or NotFound, and then nothing has changed."""
    folder = FOLDERS.get(type(event))
    after = folder(picture, event, occasion) if folder else picture
    return changed(after, seq=occasion.seq)


def changed(state: State, **changes: Any) -> State:
    """A copy of a state (frozen, without slots) with other values in some fields; the state itself stays as it is.

    What dataclasses.replace does, without calling `__init__` for forty fields: a log is folded at two copies a fact.
    Raises TypeError for a field that the state does not have.
    """
    fields = state.__dict__ | changes
    if len(fields) != len(state.__dict__):
        raise TypeError(f"{type(state).__name__} has no {sorted(changes.keys() - state.__dict__.keys())}")
    copy = object.__new__(type(state))
    object.__setattr__(copy, "__dict__", fields)
    return copy


def with_one(mapping: Mapping[str, State], id: str, state: State) -> dict[str, State]:
    return {**mapping, id: state}


def without(mapping: Mapping[str, State], id: str) -> dict[str, State]:
    return {name: state for name, state in mapping.items() if name != id}


def enrolled_once(mapping: Mapping[str, Any], entity: str, id: str, event: e.Event) -> None:
    if id in mapping:
        raise IllegalStep(what=event.name, entity=entity, id=id, stage="present")


def step(entity: str, id: str, stage: Any, event: e.Event) -> Any:
    return next_stage(entity, id, stage, event)


import casebook.folding  # noqa: E402, F401 - registers the folders; below because they need the states above
