"""Facts of the destination decision, with the decision itself as it was explained."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import msgspec

from casebook.events.fact import Event, Reason, fact


class Option(msgspec.Struct, frozen=True, gc=False):
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
    causes_s: dict[str, float] = {}
    definitive_s: float | None = None
    definitive_low_s: float | None = None
    definitive_high_s: float | None = None
    onward: str | None = None


class Rejection(msgspec.Struct, frozen=True, gc=False):
    """A way that was not taken, and why. `eta_s` None: there is no way at all; `definitive_s`: nor where the hospital
    lacks what is needed.

    `hospital` "": by this mode to no hospital at all, told once for all of them. `would_win`: the smallest single
    change by which it would be the first option; None: no single one would do.
    """

    hospital: str
    mode: str
    eta_s: float | None
    reasons: tuple[Reason, ...]
    rendezvous: str | None = None
    terms_s: dict[str, float] = {}
    p_bay: float | None = None
    causes_s: dict[str, float] = {}
    definitive_s: float | None = None
    would_win: Reason | None = None


def find_rejection(rejected: Iterable[Rejection], hospital: str, mode: str) -> Rejection | None:
    """Why this way was not taken: its own rejection, else the one that holds for all hospitals of this mode."""
    of_mode = [one for one in rejected if one.mode == mode]
    of_all = next((one for one in of_mode if not one.hospital), None)
    return next((one for one in of_mode if one.hospital == hospital), of_all)


class Decision(msgspec.Struct, frozen=True, gc=False):
    """The ranked answer of the destination function: first option wins. `inputs` is the hash of all it looked at.

    `id` names the decision, `rules`, `traffic_version`, `roads` and `capacity` the versions of what it stood on.
    `unmeasured`: rules that could not be asked. What holds for all hospitals stands last in `rejected`. Without an
    option: `stabilise_at` the nearest hospital that can do anything, `ask` those that have what is needed and would
    have to be persuaded, nearest first.
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
    """Dispatch fixed where a casualty goes. `override_reason` is set when it is not the proposal's first option, unless
    it follows a joint plan (`plan`: the id of a DistributionProposed that says so)."""

    casualty: str
    option: Option
    rejected: tuple[Rejection, ...] = ()
    override_reason: str = ""
    plan: str | None = None


@dataclass(frozen=True, slots=True)
class PlannedTransport:
    """One casualty of a joint plan: where, by which vehicle on which of its trips (0: under way already), and when.

    `survival` 0..1 with definitive care at `care_at`. `place`: known, standing (nobody vouches for it) or none (no
    counted place is needed). `redirected`: the plan before, or a person, had said another hospital.
    """

    casualty: str
    category: str
    hospital: str
    mode: str
    vehicle: str
    trip: int
    leaves_at: datetime
    arrives_at: datetime
    care_at: datetime
    survival: float
    place: str
    under_way: bool = False
    redirected: bool = False


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A casualty that a joint plan has no hospital for, and why. `ask`: who would have to be persuaded, nearest
    first."""

    casualty: str
    category: str
    reason: Reason
    stabilise_at: str | None = None
    ask: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PlanOutcome:
    """What a joint plan, or a simple rule in its place, comes to. `loss` is what is made small: expected deaths, with
    minutes and wishes as the rules weigh them. Mean minutes to definitive care, None: nobody is taken."""

    loss: float
    deaths: float
    taken: int
    not_taken: int
    mean_care_min: float | None
    red_care_min: float | None


@fact("distribution_proposed")
@dataclass(frozen=True, slots=True)
class DistributionProposed(Event):
    """Who of an incident would go where, with what, in which order. Nothing moves before a person says yes.

    `rows` in the order of leaving; with `left` and `not_carried` every casualty not yet at a door stands once. `gap`:
    at most this share of the loss could be saved by any plan; `quick`: that was not asked. `hurried`: the wall clock
    cut the search short. `inputs`: hash of all it looked at; `fired`: ids of the rules that shaped it; `compared`:
    simple rule -> outcome.
    """

    incident: str
    id: str
    rows: tuple[PlannedTransport, ...]
    left: tuple[LeftOut, ...]
    not_carried: tuple[str, ...]
    outcome: PlanOutcome
    compared: dict[str, PlanOutcome]
    bound: float
    gap: float
    proven: bool
    hurried: bool
    quick: bool
    inputs: str
    rules: str
    destination_rules: str
    traffic_version: str
    roads: str
    seed: int
    fired: tuple[str, ...]
    redirections: int


@fact("distribution_accepted")
@dataclass(frozen=True, slots=True)
class DistributionAccepted(Event):
    """A person said yes to a joint plan. `casualties` got what it says; `lost` did not, for something was taken
    meanwhile. `sent`: vehicles that were told to come."""

    incident: str
    plan: str
    casualties: tuple[str, ...]
    lost: tuple[str, ...] = ()
    sent: tuple[str, ...] = ()


@fact("distribution_refused")
@dataclass(frozen=True, slots=True)
class DistributionRefused(Event):
    """A person said no to a joint plan, and why. No `casualties`: to the whole; else these are planned elsewhere."""

    incident: str
    plan: str
    reason: str
    casualties: tuple[str, ...] = ()


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
