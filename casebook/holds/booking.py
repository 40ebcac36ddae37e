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
        """Take in the store what these facts hold. Raises LostElsewhere; then nothing of the batch is held."""
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
        await self._give_back([page for page in done if page not in lost], gaining)
        _, leases, _ = done[lost[0]]
        holders = ", ".join(lease.case for lease in in_force(leases, now))
        raise LostElsewhere(lost[0], self._unknown_on(lost[0], leases, picture, now), holders or "-")

    async def settle(self, facts: Sequence[e.Event]) -> None:
        """Give back in the store what these written facts gave back, and what they left (`_applied`)."""
        for page, moves in _by_page(facts).items():
            held = {one.casualty for one in moves if isinstance(one, e.HoldPlaced)}
            if held:
                await self.store.change({page}, lambda _, leases: (self._without_left(leases), None))
            for gone in (one for one in moves if isinstance(one, e.HoldReleased) and one.casualty not in held):
                await self.store.release(page, self._name(gone.casualty))

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

        Who held here before may move freely; only a newcomer is asked whether there is room. A slot that this hub's
        cases leave stays the hub's, under a name of its own, until that is written: a hub whose disk is full, or that
        dies in between, still has every slot that its book says it has.
        """
        before, alive = leases, {lease.case for lease in in_force(leases, now)}
        for move in moves:
            leases = release(leases, self._left(move.slot))
            name = self._name(move.casualty)
            if isinstance(move, e.HoldReleased):
                leases = release(leases, name)
                continue
            limit = None if name in alive else _free(picture, page, now)
            lease_s = (move.until - now).total_seconds()
            leases, won = grant(leases, Wanted(page, name, lease_s, limit, move.slot), now)
            if won is None:
                return before, False
        taken, own = {lease.slot for lease in leases}, f"{self.hub}/"
        left = (one for one in in_force(before, now) if one.case.startswith(own) and one.slot not in taken)
        return (*leases, *(replace(one, case=self._left(one.slot)) for one in left)), True

    def _left(self, slot: int) -> str:
        return f"{self.hub}/~{slot}"

    def _without_left(self, leases: Leases) -> Leases:
        return tuple(lease for lease in leases if not lease.case.startswith(f"{self.hub}/~"))

    async def _give_back(self, pages: Iterable[Page], batch: Batch) -> None:
        for page in pages:
            for move in batch[page]:
                if isinstance(move, e.HoldPlaced):
                    await self.store.release(page, self._name(move.casualty))

    def _unknown_on(self, page: Page, leases: Leases, picture: Picture, now: datetime) -> list[e.HoldSeen]:
        """Leases of other hubs that the picture does not have so, and holds it believes in that are gone."""
        theirs = {lease.slot: lease for lease in in_force(leases, now) if not lease.case.startswith(f"{self.hub}/")}
        known = {hold.slot: hold for hold in picture.list_holds(page.hospital, page.resource, now) if hold.elsewhere}
        gone = [_seen(page, Lease(slot, hold.casualty, now)) for slot, hold in known.items() if slot not in theirs]
        fresh = [_seen(page, lease) for slot, lease in theirs.items() if _differs(lease, known.get(slot))]
        return sorted([*gone, *fresh], key=lambda fact: fact.slot)

    def _name(self, casualty: str) -> str:
        return f"{self.hub}/{casualty}"


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
