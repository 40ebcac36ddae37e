"""The dispatcher's desk: think outside the book, then write what follows in one batch on the newest picture.

Thinking (routes over a city) runs in a thread. An answer that went stale meanwhile is thought again before anything is
written; whoever loses a race for a bay or an aircraft gets the next-best plan in the same answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any, TypeVar

import msgspec

from casebook import events as e
from casebook.asking import Asker
from casebook.book import Book
from casebook.clock import Clock
from casebook.errors import AlreadyHeld, CoordinationError, NoAnswer
from casebook.events import Decision, Option
from casebook.holds.booking import LostElsewhere
from casebook.log import By, Entry
from casebook.picture import CasualtyState, Picture
from casebook.spans import span
from dispatch.area import Area
from dispatch.assigning import AssignUnit, assign, rank_for, standing_units
from dispatch.choosing import TO_HOSPITAL, TO_SITE, ChooseDestination, Legs, choose, option_for, wanted_of
from dispatch.destination import case_of, decide_destination
from dispatch.journeys import flight_leg, road_leg, standing, traffic_version
from dispatch.policy import Policy
from dispatch.recent import Recent
from dispatch.timing import Timed, ways_for, ways_for_all
from dispatch.whereabouts import HELICOPTER, where_is, where_is_unit
from routing.roads import Roadmap

DESK = By("desk", "dispatch", "rule")
TRIES = 5  # how often an answer that went stale is thought again; the last one is written as it is
FRESH_S = 60.0  # wall seconds for which a request is answered as of its own instant: a busy machine decides the same
Thought = TypeVar("Thought")
Worth = Callable[[Picture, Decision], bool]
Thoughts = Mapping[str, tuple[Timed, str]]  # by casualty: the ways, and what they stand on


class Overtaken(CoordinationError):
    """Somebody else took it first, or it is gone. `as_answer` carries the next-best option, newly proposed."""

    http_status = 409

    def __init__(self, lost: CoordinationError, next_best: Option | None) -> None:
        super().__init__(lost.key, **lost.facts)
        self.next_best = next_best

    def as_answer(self) -> dict[str, Any]:
        return super().as_answer() | {"next": msgspec.to_builtins(self.next_best)}


class _Stale(Exception):
    """The picture moved on while we thought."""


class Desk:
    """Decisions that need routes. `threaded` False: think on the spot (for tests on a clock that jumps)."""

    def __init__(self, book: Book, clock: Clock, roadmap: Roadmap, area: Area, *, threaded: bool = True) -> None:
        self.book, self.clock, self.roadmap, self.area = book, clock, roadmap, area
        self.policy, self.assignment, self.tasks = area.rules.destination, area.rules.assignment, area.rules.tasks
        self._threaded = threaded
        self._timed, self._decided = Recent[Timed](), Recent[Decision]()

    async def think(self, work: Callable[[], Thought]) -> Thought:
        return await asyncio.to_thread(work) if self._threaded else work()

    async def rest(self, wall_s: float) -> None:
        """Let everybody else go on for a moment."""
        if self._threaded:
            await asyncio.sleep(wall_s)

    def instant(self, asker: Asker) -> datetime:
        return asker.at or self.clock.now()

    # --- proposing

    async def propose(
        self, casualty: str, at: datetime, by: By, asked: str = "", worth: Worth = lambda picture, decision: True,
        ahead: Thoughts | None = None,
    ) -> list[Entry]:  # fmt: skip
        """Decide for this casualty and record the answer: a proposal, or that nobody can take them, and why.

        Nothing is recorded where the answer is not `worth` it. `ahead`: what was thought for many at once; what of it
        went stale is thought again.
        """
        first = [ahead[casualty]] if ahead else []

        def thought() -> tuple[Timed, str]:
            return self._ways(self.book.picture, casualty, at)

        async def attempt(last: bool) -> list[Entry]:
            ways, stood_on = first.pop() if first else await self.think(thought)

            def decide(newest: Picture) -> list[e.Event]:
                refuse_stale(stood_on, standing(newest, casualty, at), last)
                decision = self._decision(newest, casualty, ways, at)
                return [proposal_of(casualty, decision)] if worth(newest, decision) else []

            return await self.book.write(decide, by, at, asked)

        return await until_fresh(attempt)

    async def think_ahead(self, casualties: Sequence[str], at: datetime) -> Thoughts:
        """Time the ways of these, their drives together."""

        def thought() -> Thoughts:
            picture = self.book.picture
            timed = ways_for_all(self.roadmap, self.area, picture, casualties, at, self.policy)
            return {id: (timed[id], standing(picture, id, at)) for id in casualties}

        return await self.think(thought)

    @property
    def is_asked(self) -> bool:
        """Whether a crew waits for an answer."""
        people = self.book.picture.casualties.values()
        return any(one.requested_at is not None or one.diverted is not None for one in people)

    async def answer_requests(self) -> None:
        """Propose for every crew that asked. Looks at the picture only, so a restart loses no request."""
        waiting = [one for one in self.book.picture.casualties.values() if one.requested_at is not None]
        for state in sorted(waiting, key=lambda one: (one.requested_at, one.id)):
            await self.propose(state.id, self._answered_at(state), DESK, worth=partial(_still_asked, state))

    async def follow_diversions(self) -> None:
        """Make the hospital that a crew goes to its destination. Where that cannot be, what was chosen stays, and why
        is recorded: the crew is never left without an answer."""
        waiting = [one for one in self.book.picture.casualties.values() if one.diverted is not None]
        for state in sorted(waiting, key=lambda one: (one.diverted_at, one.id)):
            assert state.diverted is not None and state.diverted_at is not None
            fact, at = state.diverted, self.fresh(state.diverted_at)
            command = ChooseDestination(
                casualty=fact.casualty, hospital=fact.hospital, mode="road", override_reason=fact.reason
            )
            try:
                await self._chosen(command, By("paramedic", fact.unit, "crew"), at)
            except CoordinationError as lost:
                failed = e.DiversionFailed(fact.casualty, fact.hospital, lost.key)
                await self.book.write(lambda newest, failed=failed: [failed], DESK, at)

    def _answered_at(self, state: CasualtyState) -> datetime:
        assert state.requested_at is not None
        return self.fresh(state.requested_at)

    def fresh(self, asked_at: datetime) -> datetime:
        """The instant of the request while it is fresh, so that a drill decides the same each time; else now."""
        now = self.clock.now()
        return asked_at if now - asked_at <= timedelta(seconds=FRESH_S * self.clock.rate) else now

    def _ways(self, picture: Picture, casualty: str, at: datetime) -> tuple[Timed, str]:
        """Every way, and the name of what they stand on. Who is overtaken is answered on the ways of that request."""
        stands_on = standing(picture, casualty, at)
        found = self._timed.find(casualty, at, stands_on)
        if found is None:
            timed = ways_for(self.roadmap, self.area, picture, casualty, at, self.policy)
            found = self._timed.keep(casualty, timed, at, stands_on)
        return found, stands_on

    def _decision(self, picture: Picture, casualty: str, ways: Timed, at: datetime) -> Decision:
        case = picture.get_casualty(casualty)
        looked_at = (at, ways, case, picture.hospitals, picture.holds, picture.roads, picture.observed)
        found = self._decided.find(casualty, *looked_at)
        if found is None:
            decision = decision_on(picture, casualty, ways, at, self.policy, self.roadmap)
            found = self._decided.keep(casualty, decision, *looked_at)
        return found

    # --- choosing

    async def choose(self, command: ChooseDestination, asker: Asker) -> dict[str, Any]:
        """Record a person's yes with all that follows. Raises Overtaken with the next-best option."""
        at = self.instant(asker)
        try:
            entries = await self._chosen(command, asker.by, at, asker.key)
        except (AlreadyHeld, NoAnswer) as lost:
            if lost.key == "no_capable_centre":
                raise
            raise await self._overtaken(command.casualty, at, lost) from lost
        chosen = next(entry for entry in entries if entry.kind == "destination_chosen")
        return {"entries": [entry.seq for entry in entries], "option": chosen.body["option"]}

    async def _chosen(self, command: ChooseDestination, by: By, at: datetime, asked: str = "") -> list[Entry]:
        """Raises AlreadyHeld, NoAnswer or RefusedInput when it cannot be."""

        async def attempt(last: bool) -> list[Entry]:
            picture = self.book.picture
            ways, stood_on, option, legs = await self.think(lambda: self._plan(picture, command, at))

            def decide(newest: Picture) -> list[e.Event]:
                refuse_stale(stood_on, standing(newest, command.casualty, at), last)
                fresh = self._decision(newest, command.casualty, ways, at)
                wanted = (option.hospital, option.mode)
                taken = option_for(wanted, fresh, command.override_reason)
                reason = command.override_reason.strip()
                return choose(
                    newest, command.casualty, taken, fresh, legs, at, self.policy, self.tasks, reason, command.plan
                )  # fmt: skip

            return await self.book.write(decide, by, at, asked)

        return await until_fresh(attempt)

    def _plan(self, picture: Picture, command: ChooseDestination, at: datetime) -> tuple[Timed, str, Option, Legs]:
        ways, stood_on = self._ways(picture, command.casualty, at)
        fresh = self._decision(picture, command.casualty, ways, at)
        option = option_for(wanted_of(picture, command, fresh), fresh, command.override_reason)
        legs = legs_for(self.roadmap, self.area, picture, command.casualty, option, at)
        return ways, stood_on, option, legs

    async def _overtaken(self, casualty: str, at: datetime, lost: CoordinationError) -> Overtaken:
        await self.propose(casualty, at, DESK)
        proposal = self.book.picture.get_casualty(casualty).proposal
        return Overtaken(lost, proposal.options[0] if proposal and proposal.options else None)

    # --- assigning

    async def assign(self, command: AssignUnit, asker: Asker) -> dict[str, Any]:
        """Send a unit: the one named, else the first of the ranking. Raises NoAnswer `no_unit_free`."""
        at = self.instant(asker)

        async def attempt(last: bool) -> list[Entry]:
            picture = self.book.picture
            stood_on = standing_units(picture, at)
            fact = await self.think(lambda: assign(self.roadmap, self.area, picture, command, at, self.assignment))

            def decide(newest: Picture) -> list[e.Event]:
                refuse_stale(stood_on, standing_units(newest, at), last)
                return [fact]

            return await self.book.write(decide, asker.by, at, asker.key)

        entries = await until_fresh(attempt)
        return {"entries": [entry.seq for entry in entries], "unit": entries[0].body["unit"]}

    async def rank(self, incident: str, at: datetime) -> list[dict[str, Any]]:
        """Every unit for this incident, best first, with reasons; records nothing."""
        picture = self.book.picture
        ranked = await self.think(lambda: rank_for(self.roadmap, picture, incident, at, self.assignment))
        return [msgspec.to_builtins(one) for one in ranked]


def decision_on(
    picture: Picture, casualty: str, timed: Timed, at: datetime, policy: Policy, roadmap: Roadmap
) -> Decision:
    """The decision on what the picture knows of the case, the hospitals and the holds."""
    return decide_destination(
        case_of(picture.get_casualty(casualty)), timed.ways, picture.hospitals, picture.holds.values(), at, policy,
        traffic_version=traffic_version(picture, at), roads=roadmap.digest[:12], onward_s=timed.onward_s,
        what_ifs=timed.what_ifs, ranged=timed.ranged, unflown=timed.unflown,
    )  # fmt: skip


def proposal_of(casualty: str, decision: Decision) -> e.Event:
    if decision.options:
        return e.DestinationProposed(casualty, decision)
    return e.NoDestination(casualty, decision.rejected, decision.stabilise_at, decision.ask)


def legs_for(roadmap: Roadmap, area: Area, picture: Picture, casualty: str, option: Option, at: datetime) -> Legs:
    """The drive of whoever has the patient, and the flight of the aircraft to the meeting. Raises NoAnswer."""
    state = picture.get_casualty(casualty)
    carrier, hospital = picture.units.get(state.unit or ""), picture.get_hospital(option.hospital)
    here, _ = where_is(picture, state, at)
    if carrier is not None and carrier.kind == HELICOPTER:
        return Legs(onward_leg(area, picture, carrier.id, option.hospital, at), TO_HOSPITAL)
    site = area.get_site(option.rendezvous) if option.rendezvous else None
    flight = None
    if option.aircraft is not None and (site is not None or option.mode == "air"):
        start, machine = where_is_unit(picture.get_unit(option.aircraft), at), area.aircraft[option.aircraft]
        # A hoist lifts from where the casualty is.
        flight = flight_leg(start, site.place if site else here, machine, area.air_times, lands=site is not None)
    if carrier is None or option.mode == "air":
        return Legs(aircraft=flight)
    if site is not None:
        return Legs(road_leg(roadmap, here, site.place, picture, at), TO_SITE, flight)
    return Legs(road_leg(roadmap, here, hospital.place, picture, at), TO_HOSPITAL)


def onward_leg(area: Area, picture: Picture, aircraft: str, hospital: str, at: datetime) -> e.Leg | None:
    """From where the aircraft is to the hospital's pad; None when nothing is known of either."""
    pad, machine = area.find_pad(picture.get_hospital(hospital)), area.aircraft.get(aircraft)
    if pad is None or machine is None:
        return None
    return flight_leg(where_is_unit(picture.get_unit(aircraft), at), pad.place, machine, area.air_times)


def _still_asked(asked: CasualtyState, newest: Picture, decision: Decision) -> bool:
    """Whether this request still waits: another hub may have answered it while we thought."""
    return newest.get_casualty(asked.id).requested_at == asked.requested_at


def refuse_stale(stood_on: str, stands_on: str, last: bool) -> None:
    if stood_on != stands_on and not last:
        raise _Stale


async def until_fresh(attempt: Callable[[bool], Any]) -> list[Entry]:
    with span("decision") as work:
        for number in range(1, TRIES + 1):
            work.tell(tries=number)
            try:
                return await attempt(number == TRIES)
            except (_Stale, LostElsewhere) as overtaken:
                # What another hub took is in the book by now: there may be room beside it.
                if isinstance(overtaken, LostElsewhere) and number == TRIES:
                    raise
    raise AssertionError("the last attempt is never stale")
