"""Facts of the destination decision, with the decision itself as it was explained."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from casebook.events.fact import Event, Reason, fact


@dataclass(frozen=True, slots=True)
class Option:
    """One way to definitive care: hospital x mode (road, air, rendezvous). `terms_s`: seconds by cause, in order.

    `eta_s` to the door with p10 `eta_low_s` and p90 `eta_high_s`; `causes_s` what comes on top of it until definitive
    care, in all `definitive_s` with its p10 and p90. `p_bay`: chance of a free bay on arrival, None: nobody knows.
    `onward`: the hospital that a casualty is transferred to from this one.
    """

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
    p_bay: float | None = None
    causes_s: dict[str, float] = field(default_factory=dict)
    definitive_s: float | None = None
    definitive_low_s: float | None = None
    definitive_high_s: float | None = None
    onward: str | None = None


@dataclass(frozen=True, slots=True)
class Rejection:
    """A way that was not taken, and why. `eta_s` None: there is no way at all.

    `would_win`: the smallest single change by which it would be the first option; None: no single one would do.
    """

    hospital: str
    mode: str
    eta_s: float | None
    reasons: tuple[Reason, ...]
    rendezvous: str | None = None
    terms_s: dict[str, float] = field(default_factory=dict)
    p_bay: float | None = None
    causes_s: dict[str, float] = field(default_factory=dict)
    definitive_s: float | None = None
    would_win: Reason | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """The ranked answer of the destination function: first option wins. `inputs` is the hash of all it looked at.

    `id` names the decision, `rules`, `traffic_version`, `roads` and `capacity` the versions of what it stood on.
    `unmeasured`: rules that could not be asked. Without an option: `stabilise_at` the nearest hospital that can do
    anything, `ask` those that have what is needed and would have to be persuaded, nearest first.
    """

    options: tuple[Option, ...]
    rejected: tuple[Rejection, ...]
    inputs: str
    rules: str
    traffic_version: str
    roads: str
    id: str = ""
    capacity: str = ""
    unmeasured: tuple[Reason, ...] = ()
    stabilise_at: str | None = None
    ask: tuple[str, ...] = ()


@fact("destination_requested")
@dataclass(frozen=True, slots=True)
class DestinationRequested(Event):
    casualty: str
    unit: str


@fact("crew_diverted")
@dataclass(frozen=True, slots=True)
class CrewDiverted(Event):
    """The crew goes to this hospital, whatever was chosen, and says why. The desk makes it the destination."""

    casualty: str
    unit: str
    hospital: str
    reason: str


@fact("diversion_failed")
@dataclass(frozen=True, slots=True)
class DiversionFailed(Event):
    """The desk could not make the crew's hospital the destination; what was chosen before stays. `why`: a word key."""

    casualty: str
    hospital: str
    why: str


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
    stabilise_at: str | None = None
    ask: tuple[str, ...] = ()


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
