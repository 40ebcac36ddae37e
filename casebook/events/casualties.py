"""Facts of the casualties until they are handed over."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from casebook.casualty import Category, Findings
from casebook.events.fact import Event, fact


@fact("casualty_found")
@dataclass(frozen=True, slots=True)
class CasualtyFound(Event):
    """`label` is what people at the scene call them (A, B, tag number). Age in years, sex "m", "f" or None."""

    casualty: str
    incident: str
    label: str
    age_years: float | None = None
    sex: str | None = None


@fact("casualty_triaged")
@dataclass(frozen=True, slots=True)
class CasualtyTriaged(Event):
    """A newer tag replaces, never erases, the older. `inputs`: answers given; `table`: rule table version."""

    casualty: str
    method: str
    category: Category
    assessor: str
    inputs: dict[str, Any] = field(default_factory=dict)
    table: str = ""


@fact("findings_recorded")
@dataclass(frozen=True, slots=True)
class FindingsRecorded(Event):
    casualty: str
    findings: Findings


@fact("vitals_recorded")
@dataclass(frozen=True, slots=True)
class VitalsRecorded(Event):
    """One sample of numerics: field name of casebook.vitals.Vitals -> value, unmeasured ones absent."""

    casualty: str
    unit: str
    vitals: dict[str, Any]


@fact("signs_met")
@dataclass(frozen=True, slots=True)
class SignsMet(Event):
    """Fresh vital signs meet criteria of a score's table: they count as `field_triage` ("red") until they are cleared.

    `values`: what met them, field of casebook.vitals.Vitals -> value; `table`: the table's version.
    """

    casualty: str
    field_triage: str
    criteria: tuple[str, ...]
    values: dict[str, float]
    table: str


@fact("signs_cleared")
@dataclass(frozen=True, slots=True)
class SignsCleared(Event):
    """The same vital signs were measured again, and have met no criterion for long enough."""

    casualty: str
    criteria: tuple[str, ...]


@fact("wish_stated")
@dataclass(frozen=True, slots=True)
class WishStated(Event):
    """The patient or family wishes this hospital."""

    casualty: str
    hospital: str
    by: str


@fact("casualty_boarded")
@dataclass(frozen=True, slots=True)
class CasualtyBoarded(Event):
    """In the vehicle. 上车即入院: from now on the receiving hospital works on the case."""

    casualty: str
    unit: str


@fact("casualty_transferred")
@dataclass(frozen=True, slots=True)
class CasualtyTransferred(Event):
    """Handed from one crew to the next at the rendezvous."""

    casualty: str
    from_unit: str
    to_unit: str
    site: str


@fact("casualty_closed")
@dataclass(frozen=True, slots=True)
class CasualtyClosed(Event):
    """Not to hospital: died, refused, treated at the scene."""

    casualty: str
    outcome: str
