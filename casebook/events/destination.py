"""Facts of the destination decision, with the decision itself as it was explained."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from casebook.events.fact import Event, Reason, fact


@dataclass(frozen=True, slots=True)
class Option:
    """One way to definitive care: hospital x mode (road, air, rendezvous). `terms_s`: seconds by cause, in order."""

    hospital: str
    mode: str
    eta_s: float
    terms_s: dict[str, float]
    eta_low_s: float | None = None
    eta_high_s: float | None = None
    rendezvous: str | None = None
    aircraft: str | None = None
    decides: str = ""
    reasons: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True)
class Rejection:
    """A way that was not taken, and why. `eta_s` None: there is no way at all."""

    hospital: str
    mode: str
    eta_s: float | None
    reasons: tuple[Reason, ...]
    rendezvous: str | None = None
    terms_s: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Decision:
    """The ranked answer of the destination function: first option wins. `inputs` is the hash of all it looked at."""

    options: tuple[Option, ...]
    rejected: tuple[Rejection, ...]
    inputs: str
    rules: str
    traffic_version: str
    roads: str


@fact("destination_requested")
@dataclass(frozen=True, slots=True)
class DestinationRequested(Event):
    casualty: str
    unit: str


@fact("destination_proposed")
@dataclass(frozen=True, slots=True)
class DestinationProposed(Event):
    """The desk's answer; nothing moves before a person says yes (DestinationChosen)."""

    casualty: str
    decision: Decision


@fact("destination_chosen")
@dataclass(frozen=True, slots=True)
class DestinationChosen(Event):
    """Dispatch fixed where a casualty goes. `override_reason` is set when it is not the proposal's first option."""

    casualty: str
    option: Option
    rejected: tuple[Rejection, ...] = ()
    override_reason: str = ""


@fact("no_destination")
@dataclass(frozen=True, slots=True)
class NoDestination(Event):
    """No hospital can take this casualty now; a person must act."""

    casualty: str
    rejected: tuple[Rejection, ...]


@fact("hold_placed")
@dataclass(frozen=True, slots=True)
class HoldPlaced(Event):
    """One slot is kept for one casualty; the store lets only one holder in until `until`."""

    casualty: str
    hospital: str
    resource: str
    slot: int
    until: datetime


@fact("hold_seen")
@dataclass(frozen=True, slots=True)
class HoldSeen(Event):
    """Another hub's case holds this slot until `until`: what the shared store said when this hub wanted it."""

    holder: str
    hospital: str
    resource: str
    slot: int
    until: datetime


@fact("hold_released")
@dataclass(frozen=True, slots=True)
class HoldReleased(Event):
    casualty: str
    hospital: str
    resource: str
    slot: int
    reason: str
