"""What a hospital can take now: figures with author and age, services that are closed, and what a need is called.

A figure older than its limit is unknown, and unknown is never free. Holds are placed in the store (casebook/log.py),
so that two cases never hold the same bay.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

# Resources that are counted. Limits: how old a figure may be before it is unknown; source: reference default of
# 15 minutes for live capacity, 24 hours for services (configurable by region; no standard fixes them).
AGE_LIMIT_S: dict[str, int] = {
    "resus_bay": 15 * 60,
    "ed_bed": 15 * 60,
    "icu_bed": 15 * 60,
    "theatre": 15 * 60,
    "ct": 15 * 60,
    "cath_lab": 15 * 60,
    "ventilator": 15 * 60,
    "trauma_team": 15 * 60,
    "blood_o_neg": 15 * 60,
    "helipad": 24 * 3600,
}

# Services a hospital declares (capabilities); the vocabulary of regions, findings and decisions.
CAPABILITIES: tuple[str, ...] = (
    "trauma_centre", "ct", "theatre", "icu", "blood", "neurosurgery", "cardiothoracic", "vascular", "replantation",
    "burns", "paediatric", "obstetric", "pci", "thrombolysis", "thrombectomy", "hyperbaric", "ecmo", "helipad",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Figure:
    """One reported count. `free` None: the hospital says that it does not know."""

    free: int | None
    total: int | None
    at: datetime
    by: str
    source: str

    def age_s(self, now: datetime) -> float:
        return max(0.0, (now - self.at).total_seconds())


@dataclass(frozen=True, slots=True)
class Closure:
    """A service or the whole hospital (`resource` "*") takes no one until `until`; None means until further notice."""

    resource: str
    reason: str
    until: datetime | None
    at: datetime
    by: str

    def in_force(self, now: datetime) -> bool:
        return self.until is None or now < self.until


@dataclass(frozen=True, slots=True)
class Hold:
    """One slot of a resource kept for one casualty until `until`."""

    hospital: str
    resource: str
    slot: int
    casualty: str
    until: datetime

    @property
    def key(self) -> str:
        """The name under which the store lets only one holder in."""
        return f"{self.resource}:{self.hospital}:{self.slot}"


def free_now(figure: Figure | None, held: int, resource: str, now: datetime) -> int | None:
    """How many are free for a further case: reported free less those held. None: unknown (unreported or too old)."""
    if figure is None or figure.free is None or figure.age_s(now) > AGE_LIMIT_S.get(resource, 15 * 60):
        return None
    return max(0, figure.free - held)
