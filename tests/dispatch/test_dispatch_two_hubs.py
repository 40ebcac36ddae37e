"""Two hubs send to the same hospital: one gets the last bay, the other the next-best plan in the same answer."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest
from valley import Stage, casualty, crash, enrolled, reported, valley_area

from casebook import events as e
from casebook.asking import read_command
from casebook.capacity import Hold
from casebook.casualty import Stage as Step
from casebook.errors import RefusedInput
from casebook.holds import HoldStore, open_holds
from casebook.holds.booking import SharedHolds
from casebook.holds.watch import HoldWatch
from casebook.steps import Prealert
from dispatch.app import DispatchRoom
from dispatch.choosing import Legs, choose
from dispatch.desk import Overtaken
from dispatch.timing import ways_for
from routing.roads import Roadmap

A = "20210418-001-A"
ONE_BAY = e.CapacityReported("city", "resus_bay", 1, 4)


class Hub(Stage):
    """A hub with its own book and one red casualty who asks where to go."""

    async def ready(self, roads: Roadmap, store: HoldStore | None = None, name: str = "") -> Hub:
        await super().open()
        if store is not None:
            self.book.holds = SharedHolds(store, name)
        self.room = DispatchRoom(self.book, self.clock, roads, valley_area(), threaded=False)
        await self.happen(e.DestinationRequested(A, "A1"))
        await self.room.react()
        return self

    async def choose(self, **fields: Any) -> dict[str, Any]:
        ask = next(ask for ask in self.room.asks() if ask.name == "choose_destination")
        command = read_command(msgspec.json.encode({"casualty": A, **fields}), ask.command, ask.name)
        return await ask.handle(command, self.dispatcher) or {}

    @property
    def case(self):
        return self.book.picture.get_casualty(A)

    @property
    def hold(self) -> Hold | None:
        return self.book.picture.find_hold(A)


def hub() -> Hub:
    return Hub(*enrolled(helicopter=False), *reported(), *crash(), *casualty(), ONE_BAY)


@pytest.fixture(params=["sqlite", "postgres"])
async def store(request: pytest.FixtureRequest, tmp_path: Path):
    sqlite = request.param == "sqlite"
    url = f"sqlite:///{tmp_path / 'holds.sqlite'}" if sqlite else request.getfixturevalue("postgres_url")
    opened = await open_holds(url)
    yield opened
    for page, leases in (await opened.list_held(Stage().clock.now())).items():
        for lease in leases:
            await opened.release(page, lease.case)
    await opened.close()


async def test_the_last_bay_goes_once_and_the_loser_has_a_plan_in_the_same_answer(valley: Roadmap, store: HoldStore):
    hubs = [await hub().ready(valley, store, name) for name in ("north", "south")]
    assert [one.case.proposal.options[0].hospital for one in hubs] == ["city", "city"]
    answers = await asyncio.gather(*(one.choose() for one in hubs), return_exceptions=True)
    (lost,) = [answer for answer in answers if isinstance(answer, Overtaken)]
    assert lost.as_answer()["next"]["hospital"] == "mill"
    loser = hubs[answers.index(lost)]
    await loser.choose()
    assert loser.case.hospital == "mill"
    holds = [one.hold for one in hubs]
    assert sorted((hold.hospital, hold.slot) for hold in holds if hold) == [("city", 1), ("mill", 1)]


async def test_two_hubs_that_reach_for_the_same_of_two_bays_get_one_each(valley: Roadmap, store: HoldStore):
    two_bays = e.CapacityReported("city", "resus_bay", 2, 4)
    hubs = [Hub(*enrolled(helicopter=False), *reported(), *crash(), *casualty(), two_bays) for _ in range(2)]
    for one, name in zip(hubs, ("north", "south"), strict=True):
        await one.ready(valley, store, name)
    await asyncio.gather(*(one.choose() for one in hubs))
    assert sorted((one.hold.hospital, one.hold.slot) for one in hubs if one.hold) == [("city", 1), ("city", 2)]


async def test_who_is_overtaken_is_answered_without_timing_the_ways_again(valley: Roadmap, store: HoldStore):
    north, south = [await hub().ready(valley, store, name) for name in ("north", "south")]
    await north.choose()
    assert south.book.holds is not None
    await HoldWatch(south.book, south.book.holds).react()
    south.pass_s(1)  # another instant than that of the proposal
    timed: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("dispatch.desk.ways_for", lambda *asked: timed.append(asked[3]) or ways_for(*asked))
        with pytest.raises(Overtaken):
            await south.choose()
    assert timed == [A]


async def test_who_says_yes_to_what_was_taken_meanwhile_is_told_so_and_not_asked_for_a_reason(
    valley: Roadmap, store: HoldStore
):
    """The screen still shows the bay; the desk has heard that it is gone and proposes another way by now."""
    north, south = [await hub().ready(valley, store, name) for name in ("north", "south")]
    await north.choose()
    assert south.book.holds is not None
    await HoldWatch(south.book, south.book.holds).react()
    await south.room.react()
    assert south.case.proposal.options[0].hospital == "mill"
    with pytest.raises(Overtaken) as lost:
        await south.choose(hospital="city", mode="road")
    assert (lost.value.key, lost.value.as_answer()["next"]["hospital"]) == ("already_held", "mill")


async def test_who_has_heard_of_it_does_not_even_propose_the_bay_that_is_gone(valley: Roadmap, store: HoldStore):
    north = await hub().ready(valley, store, "north")
    await north.choose()
    south = Hub(*enrolled(helicopter=False), *reported(), *crash(), *casualty(), ONE_BAY)
    await Stage.open(south)
    south.book.holds = SharedHolds(store, "south")
    await HoldWatch(south.book, south.book.holds).react()
    south.room = DispatchRoom(south.book, south.clock, valley, valley_area(), threaded=False)
    await south.happen(e.DestinationRequested(A, "A1"))
    await south.room.react()
    assert south.case.proposal.options[0].hospital == "mill"


async def test_a_refusal_is_answered_with_a_new_proposal_and_strands_nobody(valley: Roadmap):
    desk = await hub().ready(valley)
    await desk.choose()
    proposed_at = desk.book.picture.seq
    await desk.happen(e.CaseRefused(A, "city", "doctor Wu", "no theatre staff"))
    assert desk.case.hospital == "city" and desk.hold is not None and desk.case.stage is Step.DESTINED
    await desk.room.react()
    kinds = [entry.kind for entry in desk.book.log.read(proposed_at)]
    assert kinds == ["case_refused", "destination_proposed"]


async def test_sending_where_they_said_no_is_counted_and_told_again(valley: Roadmap):
    desk = await hub().ready(valley)
    await desk.choose()
    await desk.happen(e.CaseRefused(A, "city", "doctor Wu", "no theatre staff"))
    await desk.choose(hospital="city", mode="road", override_reason="only theatre within reach")
    assert desk.book.picture.get_hospital("city").forced[0].reason == "only theatre within reach"
    assert desk.case.prealert is Prealert.SENT, "the ward is told again and must answer"


@pytest.mark.parametrize(
    "no", [e.CaseRefused(A, "city", "doctor Wu", "no staff"), e.ServiceClosed("city", "*", "power")]
)
async def test_sending_where_they_said_no_needs_a_reason(valley: Roadmap, no: e.Event):
    desk = await hub().ready(valley)
    await desk.choose()
    await desk.happen(no)
    decision, option = desk.case.proposal, desk.case.option
    follow = partial(choose, desk.book.picture, A, option, decision, Legs(), desk.clock.now(), desk.room._policy)
    with pytest.raises(RefusedInput) as caught:
        follow(desk.room._tasks)
    assert caught.value.key == "forcing_needs_reason" and "?" not in caught.value.said("zh")
    assert follow(desk.room._tasks, "only theatre within reach")
