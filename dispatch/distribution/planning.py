"""The desk's side of a joint plan: propose it when asked, follow what changes, carry out a yes, record a no.

A plan is only ever proposed. A yes goes the way of every yes, casualty by casualty (dispatch/choosing.py): what was
taken meanwhile is refused there, and the loser gets its next best. What a plan is, is proposing.py's and sharing.py's.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

import msgspec

from casebook import events as e
from casebook.asking import Asker, Command
from casebook.errors import CoordinationError, NotFound, RefusedInput
from casebook.log import By, Entry
from casebook.picture import Picture, PlanState
from casebook.steps import Affair, Duty
from dispatch.assigning import AssignUnit
from dispatch.case_watch import STREAMING
from dispatch.choosing import ChooseDestination
from dispatch.desk import DESK, Desk, Overtaken, refuse_stale, until_fresh
from dispatch.distribution.from_picture import case_of_picture
from dispatch.distribution.officer import is_open
from dispatch.distribution.proposing import is_followed, is_news, proposed, situation, turns_at, vehicles_of
from dispatch.whereabouts import HELICOPTER

Reason = Annotated[str, msgspec.Meta(min_length=1, max_length=500)]
Seed = Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]


class ProposeDistribution(Command, frozen=True):
    """Who of an incident would go where, on record. `quick`: the first good plan, without a proof."""

    incident: str
    quick: bool = False
    seed: Seed = 0


class AcceptDistribution(Command, frozen=True):
    """A person's yes to the newest plan: for these casualties, or for all that it has a hospital for. A screen names
    the `plan` that was seen; a script, which cannot know its id, leaves it out."""

    incident: str
    plan: str = ""
    casualties: tuple[str, ...] = ()


class RefuseDistribution(Command, frozen=True):
    """A person's no, with the reason: to these rows of the newest plan, or to the whole of it. `plan` as for a yes."""

    incident: str
    reason: Reason
    plan: str = ""
    casualties: tuple[str, ...] = ()


class PlanDesk:
    """`hear` every batch, `look` now and then; the asks are the room's to offer."""

    def __init__(self, desk: Desk) -> None:
        self._desk, self._rules, self._policy = desk, desk.area.rules.distribution, desk.policy
        self._seen: dict[str, str] = {}  # incident -> the situation that its plan was last made in
        self._changed_at: datetime | None = desk.clock.now()  # since when somebody should look; None: nothing changed
        self._turns_at: datetime | None = None

    # --- proposing

    async def propose(self, command: ProposeDistribution, asker: Asker) -> dict[str, Any]:
        at = self._desk.instant(asker)
        entries = await self._propose(command.incident, at, asker.by, asker.key, command.quick, command.seed)
        return {"entries": [entry.seq for entry in entries], "plan": entries[0].body["id"]}

    async def _propose(
        self, incident: str, at: datetime, by: By, asked: str = "", quick: bool = False, seed: int = 0,
        *, only_news: bool = False,
    ) -> list[Entry]:  # fmt: skip
        """Plan outside the book; write if the situation is still the same, else plan again."""
        desk = self._desk
        await desk.think(lambda: desk.book.picture.get_incident(incident))

        async def attempt(last: bool) -> list[Entry]:
            picture = desk.book.picture
            stood_on = situation(picture, incident, at, self._rules)
            plan = await desk.think(
                lambda: proposed(picture, incident, at, desk.roadmap, self._rules, self._policy, quick=quick, seed=seed)
            )

            def decide(newest: Picture) -> list[e.Event]:
                refuse_stale(stood_on, situation(newest, incident, at, self._rules), last)
                return [plan] if not only_news or self._is_news(newest, plan, at) else []

            entries = await desk.book.write(decide, by, at, asked)
            self._seen[incident] = stood_on
            return entries

        return await until_fresh(attempt)

    def _is_news(self, newest: Picture, plan: e.DistributionProposed, at: datetime) -> bool:
        has = vehicles_of(case_of_picture(newest, plan.incident, at, self._rules))
        return is_news(newest.plans[plan.incident], plan, has.__contains__)

    # --- following

    def hear(self, entries: Sequence[Entry]) -> None:
        if self._changed_at is None and any(entry.kind not in STREAMING for entry in entries):
            self._changed_at = entries[-1].at

    async def look(self) -> None:
        """Plan again where the situation is another than the plan was made in; tell it if it says something else."""
        desk = self._desk
        now = desk.clock.now()
        if self._turns_at is not None and self._turns_at <= now and self._changed_at is None:
            self._changed_at = self._turns_at
        if self._changed_at is None:
            return
        at, self._changed_at = desk.fresh(self._changed_at), None
        self._turns_at = turns_at(desk.book.picture, at)
        for incident in sorted(desk.book.picture.plans):
            if self._is_behind(incident, at):
                quick = desk.book.picture.plans[incident].proposed.quick
                seed = desk.book.picture.plans[incident].proposed.seed
                await self._propose(incident, at, DESK, quick=quick, seed=seed, only_news=True)

    def _is_behind(self, incident: str, at: datetime) -> bool:
        picture = self._desk.book.picture
        if picture.incidents[incident].stage is not Affair.OPEN or not is_followed(picture, incident):
            return False
        return self._seen.get(incident) != situation(picture, incident, at, self._rules)

    # --- a yes and a no

    async def accept(self, command: AcceptDistribution, asker: Asker) -> dict[str, Any]:
        """`chosen`, `sent`, `lost`: what a yes came to; of each who lost why, and the next best, which is proposed."""
        rows = rows_of(self._desk.book.picture, command.incident, command.plan, command.casualties)
        plan = newest_plan(self._desk.book.picture, command.incident, command.plan).proposed.id
        at, chosen, lost = self._desk.instant(asker), list[str](), list[dict[str, Any]]()
        for row in rows:
            try:
                await self._desk.choose(
                    ChooseDestination(casualty=row.casualty, plan=plan), self._one(asker, at, row.casualty)
                )
                chosen.append(row.casualty)
            except CoordinationError as wrong:
                lost.append({"casualty": row.casualty} | await self._next_best(row.casualty, wrong, at))
        sent = await self._send([row for row in rows if row.casualty in chosen], command.incident, asker, at)
        fact = e.DistributionAccepted(
            command.incident, plan, tuple(chosen), tuple(one["casualty"] for one in lost), tuple(sent)
        )
        entries = await self._desk.book.write(lambda newest: [fact], asker.by, at, asker.key)
        return {"entries": [entry.seq for entry in entries], "chosen": chosen, "sent": sent, "lost": lost}

    def _one(self, asker: Asker, at: datetime, of: str) -> Asker:
        """The same person for one part of a yes, under a key of its own: the log tells the parts apart, and a yes that
        is sent again does none of them twice."""
        return Asker(asker.badge, at, f"{asker.key or self._desk.book.picture.seq}/{of}", asker.origin)

    async def _next_best(self, casualty: str, wrong: CoordinationError, at: datetime) -> dict[str, Any]:
        if not isinstance(wrong, Overtaken) and self._desk.book.picture.get_casualty(casualty).option is None:
            await self._desk.propose(casualty, at, DESK)
        return wrong.as_answer()

    async def _send(self, rows: Sequence[e.PlannedTransport], incident: str, asker: Asker, at: datetime) -> list[str]:
        """Vehicles of the plan that stand free are told to come; an aircraft is tasked by the choice itself."""
        sent: list[str] = []
        for id in dict.fromkeys(row.vehicle for row in rows):
            unit = self._desk.book.picture.units.get(id)
            if unit is None or unit.duty is not Duty.AVAILABLE or unit.kind == HELICOPTER:
                continue
            try:
                await self._desk.assign(AssignUnit(incident=incident, unit=id), self._one(asker, at, id))
                sent.append(id)
            except CoordinationError:
                continue  # another incident got it: the plan is made again without it
        return sent

    async def refuse(self, command: RefuseDistribution, asker: Asker) -> dict[str, Any]:
        at = self._desk.instant(asker)

        def decide(newest: Picture) -> list[e.Event]:
            plan = newest_plan(newest, command.incident, command.plan).proposed.id
            rows_of(newest, command.incident, command.plan, command.casualties)
            if not command.reason.strip():
                raise RefusedInput("override_needs_reason", hospital="-", proposed=plan)
            return [e.DistributionRefused(command.incident, plan, command.reason, command.casualties)]

        entries = await self._desk.book.write(decide, asker.by, at, asker.key)
        return {"entries": [entry.seq for entry in entries]}


def newest_plan(picture: Picture, incident: str, plan: str) -> PlanState:
    """`plan` "": whichever is the newest. Raises NotFound for an unknown incident, RefusedInput `plan_outdated` where
    there is none, or another one."""
    picture.get_incident(incident)
    state = picture.plans.get(incident)
    if state is None or (plan and state.proposed.id != plan):
        raise RefusedInput("plan_outdated", plan=plan or "-", newest=state.proposed.id if state else "-")
    return state


def rows_of(picture: Picture, incident: str, plan: str, casualties: Sequence[str]) -> list[e.PlannedTransport]:
    """The rows that an answer is about, in the order of leaving; without names, of all who wait for a yes.

    Raises as `newest_plan`, and NotFound for somebody whom the plan has no hospital for.
    """
    state = newest_plan(picture, incident, plan)
    for id in casualties:
        if state.find_row(id) is None:
            raise NotFound(what="casualty", id=id)
    if casualties:
        return [row for row in state.proposed.rows if row.casualty in casualties]
    return [row for row in state.proposed.rows if is_open(picture.get_casualty(row.casualty), state, row)]
