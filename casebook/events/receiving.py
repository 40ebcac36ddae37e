"""Facts of the receiving end: what it can take, the pre-alert, the team, messages, the handover."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from casebook.events.fact import Event, fact
from casebook.place import Place


@fact("hospital_enrolled")
@dataclass(frozen=True, slots=True)
class HospitalEnrolled(Event):
    hospital: str
    name_zh: str
    name_en: str
    place: Place
    capabilities: tuple[str, ...]
    trauma_level: int | None = None
    district: str = ""
    pad: Place | None = None


@fact("capacity_reported")
@dataclass(frozen=True, slots=True)
class CapacityReported(Event):
    """A count as somebody at the hospital stated it. `free` None: they say that they do not know.

    `author` and `stated_at`: who said so and when, where that is not whoever records it now (an import, a count that
    the flow itself changed). A count stated before the one that stands changes nothing.
    """

    hospital: str
    resource: str
    free: int | None = None
    total: int | None = None
    source: str = "board"
    in_use: int | None = None
    author: str = ""
    stated_at: datetime | None = None


@fact("service_closed")
@dataclass(frozen=True, slots=True)
class ServiceClosed(Event):
    """A resource, capability or the whole hospital ("*") takes no one (Diversion, 分流)."""

    hospital: str
    resource: str
    reason: str
    until: datetime | None = None


@fact("service_reopened")
@dataclass(frozen=True, slots=True)
class ServiceReopened(Event):
    hospital: str
    resource: str


@fact("prealert_sent")
@dataclass(frozen=True, slots=True)
class PrealertSent(Event):
    """Headline and ask first, then ATMIST. `due_at`: when it must be acknowledged."""

    casualty: str
    hospital: str
    due_at: datetime
    eta_at: datetime | None = None
    activation_level: int | None = None


@fact("prealert_repeated")
@dataclass(frozen=True, slots=True)
class PrealertRepeated(Event):
    casualty: str
    hospital: str
    due_at: datetime


@fact("prealert_escalated")
@dataclass(frozen=True, slots=True)
class PrealertEscalated(Event):
    """Nobody acknowledged; it went up to `to`."""

    casualty: str
    hospital: str
    to: str


@fact("prealert_acknowledged")
@dataclass(frozen=True, slots=True)
class PrealertAcknowledged(Event):
    """`answer`: accept, or query with a note. A refusal is a fact of its own (CaseRefused)."""

    casualty: str
    hospital: str
    by: str
    answer: str = "accept"
    note: str = ""


@fact("case_refused")
@dataclass(frozen=True, slots=True)
class CaseRefused(Event):
    """The hospital says that it cannot take this casualty, and why. The casualty keeps destination and hold until a
    person chooses another; dispatch is asked to decide again."""

    casualty: str
    hospital: str
    by: str
    reason: str


@fact("prealert_withdrawn")
@dataclass(frozen=True, slots=True)
class PrealertWithdrawn(Event):
    casualty: str
    hospital: str
    reason: str


@fact("bay_assigned")
@dataclass(frozen=True, slots=True)
class BayAssigned(Event):
    casualty: str
    hospital: str
    bay: str


@fact("bay_cleared")
@dataclass(frozen=True, slots=True)
class BayCleared(Event):
    """The patient has left the bay (theatre, ward, elsewhere) and it is ready for the next one."""

    casualty: str
    hospital: str
    bay: str


@fact("team_activated")
@dataclass(frozen=True, slots=True)
class TeamActivated(Event):
    """`members`: roles called (surgeon, anaesthetist, ct ...). `level` 1 is the full team."""

    casualty: str
    hospital: str
    team: str
    level: int
    members: tuple[str, ...]


@fact("team_member_reported")
@dataclass(frozen=True, slots=True)
class TeamMemberReported(Event):
    """`state`: called, coming, ready, unavailable."""

    casualty: str
    hospital: str
    member: str
    state: str


@fact("message_sent")
@dataclass(frozen=True, slots=True)
class MessageSent(Event):
    """Words between hospital, dispatch and crew. An `order` needs a read-back."""

    message: str
    casualty: str
    sender: str
    text: str
    order: bool = False


@fact("message_read")
@dataclass(frozen=True, slots=True)
class MessageRead(Event):
    """Opened by the crew; `read_back` is what they repeated, empty for a plain message."""

    message: str
    by: str
    read_back: str = ""


@fact("casualty_arrived")
@dataclass(frozen=True, slots=True)
class CasualtyArrived(Event):
    """Through the door of the ED: the end of incident-to-door."""

    casualty: str
    hospital: str
    unit: str


@fact("handover_started")
@dataclass(frozen=True, slots=True)
class HandoverStarted(Event):
    casualty: str
    hospital: str


@fact("handover_signed")
@dataclass(frozen=True, slots=True)
class HandoverSigned(Event):
    """One side signed. `side`: crew or hospital."""

    casualty: str
    side: str
    by: str


@fact("handover_completed")
@dataclass(frozen=True, slots=True)
class HandoverCompleted(Event):
    """Both sides signed (交接完成)."""

    casualty: str
    hospital: str
