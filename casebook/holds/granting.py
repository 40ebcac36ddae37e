"""Decide who gets a slot of a resource: pure changes of one page of leases.

A page is everything that is held of one resource of one hospital. Who writes it, so that of several hubs only one can,
is casebook/holds/store.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True, order=True)
class Page:
    """Names what leases stand on: one resource of one hospital."""

    hospital: str
    resource: str


@dataclass(frozen=True, slots=True)
class Lease:
    """`slot` is `case`'s until `until`. `case` must be one name in all hubs that share the store."""

    slot: int
    case: str
    until: datetime


@dataclass(frozen=True, slots=True)
class Wanted:
    """One slot for one case. `limit`: how many may be held here now, None where the count is not known; it is not asked
    of a case that holds here already. `slot`: this one and no other."""

    page: Page
    case: str
    lease_s: float
    limit: int | None = None
    slot: int | None = None


@dataclass(frozen=True, slots=True)
class Held:
    """The case holds `slot` until `until`. `seq`: the page's number of changes when that was so."""

    page: Page
    case: str
    slot: int
    until: datetime
    seq: int


@dataclass(frozen=True, slots=True)
class Lost:
    """Somebody else was there first. `leases`: who holds what here now; `next_at`: when the first of them runs out."""

    page: Page
    case: str
    leases: tuple[Lease, ...]
    seq: int

    @property
    def holders(self) -> tuple[str, ...]:
        return tuple(lease.case for lease in self.leases)

    @property
    def next_at(self) -> datetime | None:
        return min((lease.until for lease in self.leases), default=None)


Leases = tuple[Lease, ...]


def in_force(leases: Sequence[Lease], at: datetime) -> Leases:
    return tuple(lease for lease in leases if lease.until > at)


def find(leases: Sequence[Lease], case: str) -> Lease | None:
    return next((lease for lease in leases if lease.case == case), None)


def grant(leases: Leases, wanted: Wanted, at: datetime) -> tuple[Leases, Lease | None]:
    """The leases afterwards and the one that was won; None when it was lost, and then nothing but the dead is gone.

    Who holds here already keeps the slot (or moves to the one it names) and its lease never gets shorter: asked twice
    it is done once. Else the lowest slot that nobody has, while fewer than `limit` are held.
    """
    alive = in_force(leases, at)
    own = find(alive, wanted.case)
    others = tuple(lease for lease in alive if lease is not own)
    if own is None and wanted.limit is not None and len(others) >= wanted.limit:
        return alive, None
    taken = {lease.slot for lease in others}
    slot = wanted.slot or (own.slot if own else next(n for n in range(1, len(taken) + 2) if n not in taken))
    if slot in taken:
        return alive, None
    until = at + timedelta(seconds=wanted.lease_s)
    won = Lease(slot, wanted.case, max(until, own.until) if own else until)
    return (*others, won), won


def renew(leases: Leases, case: str, lease_s: float, at: datetime) -> tuple[Leases, Lease | None]:
    """A longer lease, also of one that has run out while nobody took the slot; None when there is nothing to renew."""
    own = find(leases, case)
    if own is None or any(lease.slot == own.slot and lease is not own for lease in in_force(leases, at)):
        return leases, None
    until = max(own.until, at + timedelta(seconds=lease_s))
    return (*(lease for lease in leases if lease is not own), Lease(own.slot, case, until)), Lease(
        own.slot, case, until
    )


def release(leases: Leases, case: str) -> Leases:
    """Without this case; the same leases when it holds nothing, so that asking twice is asking once."""
    return leases if find(leases, case) is None else tuple(lease for lease in leases if lease.case != case)
