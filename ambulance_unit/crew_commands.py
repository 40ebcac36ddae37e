"""The words of the crew's taps: one frozen command per ask. What each one makes is decided in `crew`."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, UnsetType, field

from casebook.asking import Command
from casebook.casualty import Category, Pathway

Fields = tuple[str, ...]


class Acknowledge(Command, frozen=True):
    """We have the mission."""


class EnRoute(Command, frozen=True):
    """Wheels rolling, or lifted."""


class SeeLeg(Command, frozen=True):
    """We have seen that the route changed."""


class OnScene(Command, frozen=True):
    """At the scene."""


class AtPatient(Command, frozen=True):
    """At this casualty's side."""

    casualty: str


class JudgeHoistPlace(Command, frozen=True):
    """Whether wires, masts or trees stand over the scene: `clear`, a helicopter may lift from here by hoist."""

    clear: bool


class FoundCasualty(Command, frozen=True):
    """A casualty was found; `label` is what people at the scene call them."""

    label: str
    age_years: float | None = None
    sex: Literal["m", "f"] | None = None


class Triage(Command, frozen=True):
    """Answers to a method's questions, or a category set by hand (method "manual")."""

    casualty: str
    method: Literal["start", "jumpstart", "manual"]
    answers: dict[str, Any] = field(default_factory=dict)
    category: Category | None = None


class RecordFindings(Command, frozen=True):
    """What was found; fields that are left out keep what they said before."""

    casualty: str
    mechanism: str | UnsetType = UNSET
    injuries: Fields | UnsetType = UNSET
    signs: str | UnsetType = UNSET
    treatments: Fields | UnsetType = UNSET
    concern: str | UnsetType = UNSET
    ask: Fields | UnsetType = UNSET
    pathway: Pathway | UnsetType = UNSET
    needs: Fields | UnsetType = UNSET
    wants: Fields | UnsetType = UNSET
    airway_unmanageable: bool | UnsetType = UNSET
    in_arrest: bool | UnsetType = UNSET
    scores: dict[str, Annotated[float, Meta(ge=0, le=100)]] | UnsetType = UNSET
    last_known_well: datetime | UnsetType = UNSET
    field_triage: Literal["", "red", "yellow"] | UnsetType = UNSET
    pregnancy_weeks: Annotated[float, Meta(ge=0, le=45)] | UnsetType = UNSET


class Wish(Command, frozen=True):
    """The patient or family wishes this hospital; `by` says who."""

    casualty: str
    hospital: str
    by: str = "patient"


class Divert(Command, frozen=True):
    """We go to this hospital instead, and this is why: the crew at the patient may see what nobody else does."""

    casualty: str
    hospital: str
    reason: Annotated[str, Meta(min_length=1, max_length=500)]


class RequestDestination(Command, frozen=True):
    """Where shall we take this casualty?"""

    casualty: str


class Board(Command, frozen=True):
    """In the vehicle."""

    casualty: str


class LeftScene(Command, frozen=True):
    """Leaving with the patient."""


class AtLandingSite(Command, frozen=True):
    """At the place where ambulance and helicopter meet; default: the one of the decision."""

    site: str = ""


class Transfer(Command, frozen=True):
    """Handed to, or taken over from, the crew of another unit; default: this one is the other side."""

    casualty: str
    to_unit: str = ""
    from_unit: str = ""
    site: str = ""


class AtDestination(Command, frozen=True):
    """At the hospital, or on its pad; default: the one of the decision."""

    hospital: str = ""


class Arrived(Command, frozen=True):
    """Through the door of the emergency department."""

    casualty: str
    hospital: str = ""


class StartHandover(Command, frozen=True):
    """The handover begins: read out, hands off."""

    casualty: str


class SignHandover(Command, frozen=True):
    """The crew signs; default: whoever is signed on."""

    casualty: str
    by: str = ""


class ReadMessage(Command, frozen=True):
    """A message was opened; an order is repeated in `read_back`."""

    message: str
    read_back: str = ""


class SendMessage(Command, frozen=True):
    """Words to the hospital and the desk."""

    casualty: str
    text: str


class CloseCasualty(Command, frozen=True):
    """Not to hospital: died, refused, treated at the scene."""

    casualty: str
    outcome: str


class BackInService(Command, frozen=True):
    """Free for the next call."""


class TieTag(Command, frozen=True):
    """The triage tag with this number hangs on this casualty: a camera that sees the tag sees them."""

    casualty: str
    tag: Annotated[int, Meta(ge=0, le=249)]  # media/guidance/tags.py has so many


class StopRecording(Command, frozen=True):
    """The patient, or who speaks for them, does not want to be recorded any more: `reason` says who and why."""

    recording: str
    reason: Annotated[str, Meta(max_length=200)]


class AttachMonitor(Command, frozen=True):
    """Put the monitor on this casualty; None takes it off."""

    casualty: str | None = None
