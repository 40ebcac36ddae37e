"""Facts of the call, the incident, its tasks, and of the drill that plays it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from casebook.events.fact import Event, fact
from casebook.place import Place


@fact("drill_started")
@dataclass(frozen=True, slots=True)
class DrillStarted(Event):
    """A scenario is being played: everything after this is exercise, not emergency (演练)."""

    scenario: str
    seed: int
    rate: float
    region: str


@fact("drill_ended")
@dataclass(frozen=True, slots=True)
class DrillEnded(Event):
    scenario: str
    complete: bool


@fact("incident_opened")
@dataclass(frozen=True, slots=True)
class IncidentOpened(Event):
    """The call was received (接警). `channel`: 120, 110, 119, crash_alarm ...; `kind`: traffic, fall, chest_pain ..."""

    incident: str
    place: Place
    kind: str
    priority: int
    channel: str
    summary: str
    happened_at: datetime | None = None
    casualties_estimated: int | None = None
    hazards: tuple[str, ...] = ()
    drill: bool = False


@fact("agency_linked")
@dataclass(frozen=True, slots=True)
class AgencyLinked(Event):
    """Another service was told or told us (110, 119, air agency, a district's EMS)."""

    incident: str
    agency: str
    note: str = ""


@fact("incident_closed")
@dataclass(frozen=True, slots=True)
class IncidentClosed(Event):
    incident: str
    outcome: str = ""


@fact("hoist_place_judged")
@dataclass(frozen=True, slots=True)
class HoistPlaceJudged(Event):
    """Somebody said whether the incident's place is clear of wires, masts and trees, so that a helicopter may lift from
    it by hoist. The newest holds; until somebody does, nobody knows."""

    incident: str
    clear: bool


@fact("task_opened")
@dataclass(frozen=True, slots=True)
class TaskOpened(Event):
    """Somebody must do something by a time. `kind`: cross_district, air_standby, air_tasking ..."""

    task: str
    incident: str
    kind: str
    to: str
    due_at: datetime
    note: str = ""


@fact("task_approved")
@dataclass(frozen=True, slots=True)
class TaskApproved(Event):
    task: str
    approver: str


@fact("task_refused")
@dataclass(frozen=True, slots=True)
class TaskRefused(Event):
    task: str
    approver: str
    reason: str


@fact("task_done")
@dataclass(frozen=True, slots=True)
class TaskDone(Event):
    task: str


@fact("task_escalated")
@dataclass(frozen=True, slots=True)
class TaskEscalated(Event):
    """Its clock ran out; it went up to `to`."""

    task: str
    to: str
