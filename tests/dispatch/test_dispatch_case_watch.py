"""Anything changes for somebody on the way: the desk thinks again, proposes a switch only for enough, takes nothing."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from valley import G1_EAST, MILL, SEVERE, START, Stage, casualty, crash, enrolled, reported, valley_area

from casebook import events as e
from casebook.asking import Asker, read_command
from casebook.casualty import Category
from casebook.desks import look_after
from casebook.picture import CasualtyState, Occasion, fold
from dispatch.app import DispatchRoom
from dispatch.case_watch import CaseWatch
from dispatch.desk import Desk, decision_on
from dispatch.redecide import redecide
from dispatch.rule_files import default_rerouting
from dispatch.switching import is_worth_telling, situations
from dispatch.timing import ways_for
from routing.roads import Roadmap

ID = "20210418-001"
A = f"{ID}-A"
RULES = default_rerouting()


class Case(Stage):
    """The crew of A1 has asked where to with casualty A; without a helicopter unless one is wanted."""

    def __init__(self, roads: Roadmap, *more: e.Event, helicopter: bool = False) -> None:
        super().__init__(*enrolled(helicopter), *reported(), *crash(), *casualty(), *more)
        self.roads = roads

    async def asked_for(self) -> Case:
        await self.open()
        self.begin()
        await self.tell(e.DestinationRequested(A, "A1"))
        return self

    def begin(self) -> None:
        """The room, as a hub starts it on this book."""
        self.room = DispatchRoom(self.book, self.clock, self.roads, valley_area(), threaded=False)
        self.asks = {ask.name: ask for ask in self.room.asks()}

    async def tell(self, *facts: e.Event) -> list[str]:
        """These happen; the kinds of entries that the desk wrote because of them."""
        before = len(self.kinds) + len(facts)
        await self.happen(*facts)
        await look_after(self.book, self.room)
        return self.kinds[before:]

    async def choose(self, **fields: Any) -> Case:
        command = read_command(
            json.dumps({"casualty": A} | fields).encode(), self.asks["choose_destination"].command, "choose_destination"
        )
        await self.asks["choose_destination"].handle(command, Asker(self.dispatcher.badge))
        await look_after(self.book, self.room)
        return self

    async def leave(self) -> Case:
        await self.tell(e.CasualtyBoarded(A, "A1"), e.UnitLeftScene("A1"))
        return self

    @property
    def state(self) -> CasualtyState:
        return self.book.picture.get_casualty(A)

    @property
    def first(self) -> tuple[str, str]:
        assert self.state.proposal is not None
        option = self.state.proposal.options[0]
        return option.hospital, option.mode


def full(hospital: str, free: int | None = 0) -> e.Event:
    return e.CapacityReported(hospital, "resus_bay", free, 4)


async def test_an_open_proposal_follows_when_its_bays_are_full(valley: Roadmap):
    case = await Case(valley).asked_for()
    assert case.first == ("city", "road")
    assert await case.tell(full("city")) == ["destination_proposed"]
    assert case.first == ("mill", "road")


async def test_an_open_proposal_that_stays_the_same_is_not_told_again(valley: Roadmap):
    case = await Case(valley).asked_for()
    assert await case.tell(e.CapacityReported("city", "resus_bay", 3, 4)) == []
    assert await case.tell(e.CapacityReported("quarry", "ct", 1, 1)) == []


async def test_new_findings_change_the_needs_and_the_proposal(valley: Roadmap):
    case = await Case(valley).asked_for()
    assert await case.tell(e.FindingsRecorded(A, replace(SEVERE, airway_unmanageable=True))) == ["destination_proposed"]
    assert case.state.proposal is not None
    assert "policy.closest_any" in {reason.code for reason in case.state.proposal.options[0].reasons}


async def test_triage_that_fires_another_rule_is_told(valley: Roadmap):
    case = await Case(valley).asked_for()
    case.pass_s(1)
    assert await case.tell(e.CasualtyTriaged(A, "start", Category.YELLOW, "A1")) == ["destination_proposed"]


async def test_a_helicopter_that_is_given_to_others_and_comes_back_is_heard_of(valley: Roadmap):
    elsewhere = e.IncidentOpened("20210418-002", MILL, "fall", 1, "120", "")
    case = await Case(valley, G1_EAST, elsewhere, helicopter=True).asked_for()
    assert case.first == ("city", "rendezvous")
    assert await case.tell(e.UnitOnStandby("H1", "20210418-002")) == ["destination_proposed"]
    assert case.first[1] == "road"
    assert await case.tell(e.UnitStoodDown("H1", "not needed")) == ["destination_proposed"]
    assert case.first == ("city", "rendezvous")


async def test_somebody_on_the_way_whose_hospital_closes_gets_another_proposed_and_keeps_the_old(valley: Roadmap):
    case = await (await (await Case(valley).asked_for()).choose()).leave()
    assert await case.tell(e.ServiceClosed("city", "*", "power cut")) == ["destination_proposed"]
    assert case.first == ("mill", "road")
    assert case.state.option is not None and case.state.option.hospital == "city", "a person says yes, not the desk"


async def test_the_yes_to_a_switch_tells_the_hospital_that_is_let_go_the_new_one_and_the_crew(valley: Roadmap):
    case = await (await (await Case(valley).asked_for()).choose()).leave()
    await case.tell(e.ServiceClosed("city", "*", "power cut"))
    before = case.book.picture.seq
    await case.choose()
    written = {(entry.kind, entry.body.get("hospital")) for entry in case.book.log.read(before)}
    assert {("hold_released", "city"), ("prealert_withdrawn", "city"), ("prealert_sent", "mill")} <= written
    assert ("leg_given", None) in written and ("hold_placed", "mill") in written


async def test_a_refusal_with_a_reason_proposes_the_next_and_strands_nobody(valley: Roadmap):
    case = await (await (await Case(valley).asked_for()).choose()).leave()
    assert await case.tell(e.CaseRefused(A, "city", "sister", "no surgeon")) == ["destination_proposed"]
    assert case.first[0] == "mill" and case.state.option is not None and case.state.option.hospital == "city"


async def test_a_gain_below_the_rule_is_not_worth_a_word(valley: Roadmap):
    """Between city and mill lies less than the rule asks: freeing the nearer one changes nothing for who drives."""
    case = await (await (await Case(valley, full("city")).asked_for()).choose()).leave()
    assert case.state.option is not None and case.state.option.hospital == "mill"
    gained_s = gain_of(case)
    told = await case.tell(full("city", 4))
    assert (told == ["destination_proposed"]) is (gained_s >= RULES.other_destination_s.seconds)


def gain_of(case: Case) -> float:
    """How much sooner at definitive care over the city if it had four bays, by the desk's own reckoning."""
    picture = fold(case.book.picture, full("city", 4), Occasion(case.book.picture.seq + 1, START, "desk:test"))
    policy = valley_area().rules.destination
    timed = ways_for(case.roads, valley_area(), picture, A, START, policy)
    options = decision_on(picture, A, timed, START, policy, case.roads).options
    city, mill = (next(one for one in options if one.hospital == id) for id in ("city", "mill"))
    assert city.definitive_s is not None and mill.definitive_s is not None
    return mill.definitive_s - city.definitive_s


async def test_in_the_last_minutes_nothing_is_proposed(valley: Roadmap):
    case = await (await (await Case(valley).asked_for()).choose()).leave()
    leg = case.book.picture.units["A1"].leg
    assert leg is not None
    case.pass_s(leg.eta_s - RULES.last_s.seconds + 1)
    assert await case.tell(e.ServiceClosed("city", "*", "power cut")) == []


async def test_who_was_sent_by_hand_to_a_closed_hospital_is_not_asked_again_why(valley: Roadmap):
    shut = e.ServiceClosed("city", "*", "power cut")
    case = await Case(valley, shut).asked_for()
    await (await case.choose(hospital="city", mode="road", override_reason="family doctor waits there")).leave()
    assert await case.tell(e.CapacityReported("quarry", "resus_bay", 1, 4)) == []


async def test_at_the_door_nothing_is_decided_any_more(valley: Roadmap):
    case = await (await (await Case(valley).asked_for()).choose()).leave()
    await case.tell(e.UnitAtDestination("A1", "city"), e.CasualtyArrived(A, "city", "A1"))
    assert await case.tell(full("city")) == []


async def test_at_the_door_what_was_decided_in_is_let_go(valley: Roadmap):
    case = await (await (await Case(valley).asked_for()).choose()).leave()
    before = situations(case.book.picture, "", START)
    before.of(case.state)
    assert set(situations(case.book.picture, "", START, before).cases) == {A}
    await case.tell(e.UnitAtDestination("A1", "city"), e.CasualtyArrived(A, "city", "A1"))
    assert situations(case.book.picture, "", START, before).cases == {}


async def test_a_closure_that_runs_out_by_itself_is_followed_at_the_instant_it_ended(valley: Roadmap):
    until = START + timedelta(minutes=10)
    case = await Case(valley, e.ServiceClosed("city", "*", "power cut", until)).asked_for()
    assert case.first == ("mill", "road")
    case.pass_s(11 * 60)
    assert await case.tell() == ["destination_proposed"]
    assert case.first == ("city", "road") and case.state.proposed_at == until
    assert await case.tell() == []
    assert list(redecide(case.book.log.read(), valley, valley_area())) == []


async def test_the_bay_that_another_takes_or_gives_back_is_noticed(valley: Roadmap):
    case = await Case(valley, e.CapacityReported("city", "resus_bay", 1, 4), *casualty("B")).asked_for()
    taken = e.HoldPlaced(f"{ID}-B", "city", "resus_bay", 1, START + timedelta(hours=1))
    assert await case.tell(taken) == ["destination_proposed"]
    assert case.first == ("mill", "road")
    assert await case.tell(e.HoldReleased(f"{ID}-B", "city", "resus_bay", 1, "closed")) == ["destination_proposed"]
    assert case.first == ("city", "road")


async def test_vitals_and_positions_alone_ask_nobody(valley: Roadmap, monkeypatch: pytest.MonkeyPatch):
    case = await (await (await Case(valley).asked_for()).choose()).leave()
    thought: list[str] = []
    monkeypatch.setattr("dispatch.desk.ways_for", lambda *told: thought.append(told[3]))
    await case.tell(e.PositionReported("A1", 31.0, 121.05), e.MessageSent("M1", A, "dispatch", "drive on"))
    assert thought == []


async def test_after_a_restart_everybody_on_the_way_is_looked_at_once(valley: Roadmap):
    case = await Case(valley).asked_for()
    await case.happen(full("city"))  # nobody looked after it: the hub was down
    case.begin()
    assert await case.tell() == ["destination_proposed"]
    assert case.first == ("mill", "road")
    assert await case.tell() == []


async def test_a_crew_that_asks_ends_the_turns_of_those_who_have_an_answer(valley: Roadmap):
    """One turn is always taken, so that nobody waits for ever behind crews that ask."""
    case = await Case(valley).asked_for()
    await case.happen(*(fact for label in "BCD" for fact in casualty(label)))
    await case.tell(*(e.DestinationRequested(f"{ID}-{label}", "A1") for label in "BC"))
    watch = CaseWatch(Desk(case.book, case.clock, valley, valley_area(), threaded=False), RULES, asyncio.Lock())
    case.book.listen(watch.hear)
    await case.happen(full("city"), e.DestinationRequested(f"{ID}-D", "A1"))
    told = []
    for _ in range(3):
        before = case.book.picture.seq
        await watch.look()
        told.append([entry.body["casualty"] for entry in case.book.log.read(before)])
    assert told == [[f"{ID}-{label}"] for label in "ABC"]
    assert not watch.owing


async def test_the_desk_rests_between_turns_and_not_after_the_last(valley: Roadmap, monkeypatch: pytest.MonkeyPatch):
    case = await Case(valley).asked_for()
    other = f"{ID}-B"
    await case.happen(e.CasualtyFound(other, ID, "B", 30, "m"))
    await case.tell(e.DestinationRequested(other, "A1"))
    rests: list[float] = []

    async def rest(desk: Desk, wall_s: float) -> None:
        rests.append(wall_s)

    monkeypatch.setattr(Desk, "rest", rest)
    await case.tell(full("city"))
    assert len(rests) == 1


async def test_the_log_of_switches_decides_again_as_it_did(valley: Roadmap):
    case = await (await (await Case(valley).asked_for()).choose()).leave()
    case.pass_s(120)
    await case.tell(e.ServiceClosed("city", "*", "power cut"))
    await case.choose()
    await case.tell(e.ServiceReopened("city", "*"))
    assert list(redecide(case.book.log.read(), valley, valley_area())) == []


async def test_an_answer_that_would_leave_nobody_is_not_told_while_the_chosen_hospital_can_be_reached(valley: Roadmap):
    case = await (await (await Case(valley).asked_for()).choose()).leave()
    shut = [e.ServiceClosed(id, "*", "power cut") for id in ("city", "mill")]
    told = await case.tell(*shut, e.ServiceClosed("quarry", "*", "power cut"))
    assert "no_destination" not in told


async def test_a_reopened_decision_is_kept_up_to_date_and_closes_when_the_reason_goes(valley: Roadmap):
    case = await (await (await Case(valley).asked_for()).choose()).leave()
    case.pass_s(1)
    await case.tell(e.ServiceClosed("city", "*", "power cut"))
    assert await case.tell(e.ServiceReopened("city", "*")) == ["destination_proposed"]
    assert case.first == ("city", "road")
    decision = case.state.proposal
    assert decision is not None
    assert not is_worth_telling(case.book.picture, decision, id=A, at=START, rules=RULES), "told already"
