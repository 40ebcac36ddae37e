"""What a hospital can take now: figures with author and age, services that are closed, slots that are held.

A figure older than its limit is unknown, and unknown is never free. Who wins a slot is decided in the store
(casebook/log.py; casebook/holds where several hubs share it); what an old figure is worth is ageing.py's.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from casebook.capacity.resources import AGE_LIMIT_S

WHOLE_HOSPITAL = "*"
_BELIEVED = {resource: timedelta(seconds=limit_s) for resource, limit_s in AGE_LIMIT_S.items()}
_ELSE_BELIEVED = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Figure:
    """One reported count. `free` None: the hospital says that it does not know.

    `at` and `by`: when and by whom it was stated, which is not always who recorded it (an import, a telephone call).
    `in_use` is stated only where it is not what the other two say (a bay being cleaned is neither free nor in use).
    """

    free: int | None
    total: int | None
    at: datetime
    by: str
    source: str
    in_use: int | None = None

    def age_s(self, now: datetime) -> float:
        return max(0.0, (now - self.at).total_seconds())

    @property
    def taken(self) -> int | None:
        """How many are in use: as stated, else what is not free; None where nobody can say."""
        if self.in_use is not None or self.free is None or self.total is None:
            return self.in_use
        return self.total - self.free


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
class Refusal:
    """A hospital said no to one casualty, with its reason. The casualty keeps its destination until it has another."""

    hospital: str
    reason: str
    at: datetime
    by: str


@dataclass(frozen=True, slots=True)
class Forced:
    """A casualty was sent although the hospital had said no. `codes`: closed, capacity (known full), refused."""

    casualty: str
    codes: tuple[str, ...]
    reason: str
    at: datetime
    by: str


@dataclass(frozen=True, slots=True)
class Hold:
    """One slot of a resource kept for one casualty until `until`.

    `elsewhere`: another hub's case holds it, by what the shared store said; this book knows nothing else of it.
    """

    hospital: str
    resource: str
    slot: int
    casualty: str
    until: datetime
    elsewhere: bool = False

    @property
    def key(self) -> str:
        """The name under which the store lets only one holder in."""
        return f"{self.resource}:{self.hospital}:{self.slot}"


def believed_until(figure: Figure, resource: str) -> datetime:
    """When the figure gets too old to be believed: later it is unknown."""
    return figure.at + _BELIEVED.get(resource, _ELSE_BELIEVED)


def free_now(figure: Figure | None, held: int, resource: str, now: datetime) -> int | None:
    """How many are free for a further case: reported free less those held. None: unknown (unreported or too old)."""
    if figure is None or figure.free is None or now - figure.at > _BELIEVED.get(resource, _ELSE_BELIEVED):
        return None
    return max(0, figure.free - held)
