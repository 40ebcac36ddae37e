"""Let a hub's book and the shared store of holds go together: the store decides, the facts are the record.

Before a batch of facts is written, what it holds is won in the store; if that fails nothing is written but what the
store said instead (`hold_seen`), so that the next plan reckons with it. What the batch gives back is given back
after it was written. A hub that dies in between leaves a lease, and a lease runs out by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from casebook import events as e
from casebook.capacity import Hold, free_now
from casebook.errors import AlreadyHeld
from casebook.holds.granting import Lease, Leases, Page, Wanted, grant, in_force, release
from casebook.holds.store import HoldStore
from casebook.picture import Picture

Batch = dict[Page, list[e.HoldPlaced | e.HoldReleased]]


class LostElsewhere(AlreadyHeld):
    """Another hub's case has the slot. `seen`: what this hub's book did not know of that page, as facts."""

    def __init__(self, page: Page, seen: Sequence[e.HoldSeen], holders: str) -> None:
        super().__init__(resource=page.resource, hospital=page.hospital, holder=holders)
        self.seen = tuple(seen)


@dataclass(frozen=True, slots=True)
class SharedHolds:
    """The store as one hub uses it. `hub`: a name that no other hub has; it stands before its cases' names."""

    store: HoldStore
    hub: str

    async def win(self, facts: Sequence[e.Event], picture: Picture, now: datetime) -> None:
        """Take in the store what these facts hold. `picture`: the book before them. Raises LostElsewhere; then nothing
        of the batch is held."""
        batch = _by_page(facts)
        gaining = {page: moves for page, moves in batch.items() if any(isinstance(one, e.HoldPlaced) for one in moves)}
        if not gaining:
            return
        done = await self.store.change(
            gaining, lambda page, leases: self._applied(leases, page, gaining[page], picture, now)
        )
        lost = [page for page, (_, _, won) in done.items() if not won]
        if not lost:
            return
        await self._follow([page for page in done if page not in lost], picture, now)
        _, leases, _ = done[lost[0]]
        holders = ", ".join(lease.case for lease in in_force(leases, now))
        raise LostElsewhere(lost[0], self._unknown_on(lost[0], leases, picture, now), holders or "-")

    async def settle(self, facts: Sequence[e.Event], picture: Picture, now: datetime) -> None:
        """Give back in the store what these written facts gave back, and what they left. `picture`: with them."""
        await self._follow(_by_page(facts), picture, now)

    def news(self, held: Mapping[Page, Leases], picture: Picture, now: datetime) -> list[e.HoldSeen]:
        """What other hubs took and gave back since this book last heard of it. `held`: HoldStore.list_held."""
        pages = {page: leases for page, leases in held.items() if page.hospital in picture.hospitals}
        for hold in picture.holds.values():
            if hold.elsewhere and hold.until > now:
                pages.setdefault(Page(hold.hospital, hold.resource), ())
        return [fact for page in sorted(pages) for fact in self._unknown_on(page, pages[page], picture, now)]

    def _applied(
        self, leases: Leases, page: Page, moves: Sequence[e.HoldPlaced | e.HoldReleased], picture: Picture,
        now: datetime,
    ) -> tuple[Leases, bool]:  # fmt: skip
        """The page after the moves; unchanged and False when one of them cannot be had.

        Who holds here before may move freely; only a newcomer is asked whether there is room. A slot that this hub's
        cases leave stays the hub's, under a name of its own, until that is written: a hub whose disk is full, or that
        dies in between, still has every slot that its book says it has.
        """
        before, leases = leases, self._as_in_book(leases, page, picture, now)
        alive = {lease.case for lease in in_force(leases, now)}
        for move in moves:
            name = self._name(move.casualty)
            if isinstance(move, e.HoldReleased):
                leases = release(leases, name)
                continue
            limit = None if name in alive else _free(picture, page, now)
            lease_s = (move.until - now).total_seconds()
            leases, won = grant(leases, Wanted(page, name, lease_s, limit, move.slot), now)
            if won is None:
                return before, False
        taken = {lease.slot for lease in leases}
        left = (one for one in in_force(before, now) if self._is_own(one) and one.slot not in taken)
        return (*leases, *(replace(one, case=f"{self.hub}/~{one.slot}") for one in left)), True

    async def _follow(self, pages: Iterable[Page], picture: Picture, now: datetime) -> None:
        await self.store.change(pages, lambda page, leases: (self._as_in_book(leases, page, picture, now), None))

    def _as_in_book(self, leases: Leases, page: Page, picture: Picture, now: datetime) -> Leases:
        """The page with this hub's leases as its book has them; the same leases when they are so already.

        What was won for a batch that could not be written may stand otherwise: two cases that were to exchange their
        bays, say, each under the other's slot. Given back by its name, the wrong one would be free. A slot that
        another hub has meanwhile stays with it: the store decides.
        """
        others = tuple(lease for lease in leases if not self._is_own(lease))
        taken = {lease.slot for lease in in_force(others, now)}
        held = (one for one in picture.list_holds(page.hospital, page.resource, now) if not one.elsewhere)
        own = [Lease(one.slot, self._name(one.casualty), one.until) for one in held if one.slot not in taken]
        return leases if {*others, *own} == set(leases) else (*others, *own)

    def _unknown_on(self, page: Page, leases: Leases, picture: Picture, now: datetime) -> list[e.HoldSeen]:
        """Leases of other hubs that the picture does not have so, and holds it believes in that are gone."""
        theirs = {lease.slot: lease for lease in in_force(leases, now) if not self._is_own(lease)}
        known = {hold.slot: hold for hold in picture.list_holds(page.hospital, page.resource, now) if hold.elsewhere}
        gone = [_seen(page, Lease(slot, hold.casualty, now)) for slot, hold in known.items() if slot not in theirs]
        fresh = [_seen(page, lease) for slot, lease in theirs.items() if _differs(lease, known.get(slot))]
        return sorted([*gone, *fresh], key=lambda fact: fact.slot)

    def _name(self, casualty: str) -> str:
        return f"{self.hub}/{casualty}"

    def _is_own(self, lease: Lease) -> bool:
        return lease.case.startswith(f"{self.hub}/")


def _by_page(facts: Sequence[e.Event]) -> Batch:
    batch: Batch = {}
    for fact in facts:
        if isinstance(fact, e.HoldPlaced | e.HoldReleased):
            batch.setdefault(Page(fact.hospital, fact.resource), []).append(fact)
    return batch


def _free(picture: Picture, page: Page, now: datetime) -> int | None:
    figure = picture.get_hospital(page.hospital).figures.get(page.resource)
    return free_now(figure, 0, page.resource, now)


def _differs(lease: Lease, known: Hold | None) -> bool:
    return known is None or (known.casualty, known.until) != (lease.case, lease.until)


def _seen(page: Page, lease: Lease) -> e.HoldSeen:
    return e.HoldSeen(lease.case, page.hospital, page.resource, lease.slot, lease.until)
