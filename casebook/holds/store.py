"""Hold slots for cases of several hubs: one conditional write per change, so that two cases never hold the same slot.

Every page (a resource of a hospital) has a number that each change counts up. A change reads the page, decides on
it (casebook/holds/granting.py) and writes it only if its number is still the one that was read; else it reads again.
So there are no locks to be left behind, and whoever finds the page full has lost without writing. Where pages are kept
is a shelf's business: a SQLite file (sqlite_shelf.py), PostgreSQL (postgres_shelf.py).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeVar

from casebook.errors import AlreadyHeld
from casebook.holds.granting import Held, Lease, Leases, Lost, Page, Wanted, grant, in_force, release, renew

Stand = tuple[int, Leases]  # a page's number of changes, its leases
EMPTY: Stand = (0, ())
Answer = TypeVar("Answer")


class Shelf(Protocol):
    """Where pages are kept. Raises FeedLost (`hold_store_silent`) when it does not answer."""

    async def read(self, pages: Sequence[Page]) -> dict[Page, Stand]:
        """What stands on these pages (all pages when none is named); a page never written is absent."""
        ...

    async def swap(self, changes: Mapping[Page, Stand]) -> set[Page]:
        """Write each page whose number is one less than the given one; durable when it returns. Those that were."""
        ...

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class _Asked:
    wanted: Wanted
    at: datetime
    answer: asyncio.Future[Held | Lost]


class HoldStore:
    """What hubs ask of the shared store. `at` is the asker's instant; everything is safe to ask again."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._asked: list[_Asked] = []  # what waits for the batch that is under way
        self._serving: asyncio.Task[None] | None = None

    async def acquire(self, wanted: Wanted, at: datetime) -> Held | Lost:
        """One slot for one case, or who has it. What is asked while the store is busy goes to it together."""
        answer: asyncio.Future[Held | Lost] = asyncio.get_running_loop().create_future()
        self._asked.append(_Asked(wanted, at, answer))
        if self._serving is None:
            self._serving = asyncio.create_task(self._serve())
        return await answer

    async def _serve(self) -> None:
        """Batch after batch until nobody asks. A batch is of one instant, in the order in which it was asked."""
        try:
            while self._asked:
                at = self._asked[0].at
                batch = [one for one in self._asked if one.at == at]
                self._asked = [one for one in self._asked if one.at != at]
                await self._answer_batch(batch, at)
        finally:
            self._serving = None

    async def _answer_batch(self, batch: Sequence[_Asked], at: datetime) -> None:
        """What goes wrong is each asker's own to be told."""
        work = self.acquire_all([one.wanted for one in batch], at)
        (told,) = await asyncio.gather(work, return_exceptions=True)
        answers = [told] * len(batch) if isinstance(told, BaseException) else told
        for one, answer in zip(batch, answers, strict=True):
            if one.answer.done():  # its asker has gone; the lease runs out by itself
                continue
            if isinstance(answer, BaseException):
                one.answer.set_exception(answer)
            else:
                one.answer.set_result(answer)

    async def acquire_all(self, wanted: Sequence[Wanted], at: datetime) -> list[Held | Lost]:
        """Many at once, answered in their order; on the same page the first in the list is the first to be served."""

        on: dict[Page, list[Wanted]] = {}
        for one in wanted:
            on.setdefault(one.page, []).append(one)

        def decide(page: Page, leases: Leases) -> tuple[Leases, list[tuple[Wanted, Lease | None]]]:
            given: list[tuple[Wanted, Lease | None]] = []
            for one in on[page]:
                leases, won = grant(leases, one, at)
                given.append((one, won))
            return leases, given

        done = await self.change(on, decide)
        answers: dict[Page, list[Held | Lost]] = {}
        for page, (seq, leases, given) in done.items():
            alive = in_force(leases, at)
            answers[page] = [_answer(page, one, won, alive, seq) for one, won in reversed(given)]
        return [answers[one.page].pop() for one in wanted]

    async def renew(self, page: Page, case: str, lease_s: float, at: datetime) -> Held | Lost:
        """A longer lease. Lost: it had run out and the slot is somebody else's, or was never this case's."""
        done = await self.change({page}, lambda _, leases: renew(leases, case, lease_s, at))
        seq, leases, won = done[page]
        if won is None:
            return Lost(page, case, in_force(leases, at), seq)
        return Held(page, case, won.slot, won.until, seq)

    async def release(self, page: Page, case: str) -> None:
        """The case holds nothing here any more; nothing happens when it did not."""
        await self.change({page}, lambda _, leases: (release(leases, case), None))

    async def expire(self, at: datetime) -> list[Lease]:
        """Strike what has run out from all pages and say what that was. Never needed to be right: a lease that has run
        out holds nothing; it keeps the pages short."""
        pages = [page for page, (_, leases) in (await self._shelf.read(())).items() if in_force(leases, at) != leases]
        done = await self.change(
            pages, lambda _, leases: (in_force(leases, at), set(leases) - set(in_force(leases, at)))
        )
        return sorted((one for _, _, gone in done.values() for one in gone), key=lambda one: (one.until, one.case))

    async def list_held(self, at: datetime) -> dict[Page, Leases]:
        """Every page with a lease in force at `at`."""
        alive = {page: in_force(leases, at) for page, (_, leases) in (await self._shelf.read(())).items()}
        return {page: alive[page] for page in sorted(alive) if alive[page]}

    async def change(
        self, pages: Iterable[Page], decide: Callable[[Page, Leases], tuple[Leases, Answer]]
    ) -> dict[Page, tuple[int, Leases, Answer]]:
        """Decide on each page as it stands and write what changed; {page: (number, leases, answer)}.

        `decide` may be asked again for a page that somebody else changed meanwhile: only its last answer counts.
        """
        open_pages, done = sorted(set(pages)), {}
        while open_pages:
            stands = await self._shelf.read(open_pages)
            wanted: dict[Page, Stand] = {}
            for page in open_pages:
                seq, before = stands.get(page, EMPTY)
                leases, answer = decide(page, before)
                done[page] = (seq, leases, answer)
                if leases != before:
                    wanted[page] = (seq + 1, leases)
                    done[page] = (seq + 1, leases, answer)
            written = await self._shelf.swap(wanted) if wanted else set()
            open_pages = [page for page in wanted if page not in written]
        return done

    async def close(self) -> None:
        if self._serving is not None:
            await self._serving
        await self._shelf.close()


def _answer(page: Page, one: Wanted, won: Lease | None, leases: Leases, seq: int) -> Held | Lost:
    if won is None:
        return Lost(page, one.case, leases, seq)
    return Held(page, one.case, won.slot, won.until, seq)


def refuse_lost(lost: Lost) -> AlreadyHeld:
    """The error that the loser is told."""
    return AlreadyHeld(resource=lost.page.resource, hospital=lost.page.hospital, holder=", ".join(lost.holders) or "-")
