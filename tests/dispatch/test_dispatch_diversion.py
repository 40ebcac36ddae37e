"""A crew that goes elsewhere says why; the desk follows, tells both hospitals, or says why it cannot."""

from __future__ import annotations

from test_dispatch_desk import A, stage
from valley import G1_EAST

from casebook import events as e
from routing.roads import Roadmap

BOARDED = e.CasualtyBoarded(A, "A1")


async def under_way(valley: Roadmap):
    desk = await stage(valley, BOARDED)
    await desk.ask("choose_destination", casualty=A, hospital="city", mode="road", override_reason="first")
    return desk


async def test_the_crews_hospital_becomes_the_destination_with_the_crews_reason(valley: Roadmap):
    desk = await under_way(valley)
    await desk.happen(e.CrewDiverted(A, "A1", "mill", "airway lost, mill is nearer"))
    await desk.react()
    state = desk.picture.get_casualty(A)
    assert state.option is not None and state.option.hospital == "mill"
    assert state.override_reason == "airway lost, mill is nearer"
    assert state.diverted is None
    chosen = [entry for entry in desk.book.log.read() if entry.kind == "destination_chosen"][-1]
    assert (chosen.by.role, chosen.by.who) == ("paramedic", "A1")
    assert {"prealert_withdrawn", "prealert_sent", "leg_given"} <= set(desk.kinds[-8:]), "both hospitals and the crew"


async def test_it_is_followed_once_also_after_another_look(valley: Roadmap):
    desk = await under_way(valley)
    await desk.happen(e.CrewDiverted(A, "A1", "mill", "nearer"))
    await desk.react()
    before = desk.picture.seq
    await desk.react()
    assert desk.picture.seq == before


async def test_where_no_way_leads_there_the_old_destination_stays_and_the_log_says_why(valley: Roadmap):
    desk = await under_way(valley)
    await desk.happen(G1_EAST, e.RoadClosed("X1", "flood", ref="X1"))
    await desk.happen(e.CrewDiverted(A, "A1", "mill", "nearer"))
    await desk.react()
    state = desk.picture.get_casualty(A)
    assert state.option is not None and state.option.hospital == "city"
    failed = [entry for entry in desk.book.log.read() if entry.kind == "diversion_failed"]
    assert [entry.body["why"] for entry in failed] == ["option_gone"]
    assert state.diverted is None


async def test_what_became_of_it_stays_known_until_another_hospital_is_chosen(valley: Roadmap):
    desk = await under_way(valley)
    await desk.happen(e.CrewDiverted(A, "A1", "mill", "nearer"))
    await desk.react()
    said = desk.picture.get_casualty(A).diversion
    assert said is not None and (said.hospital, said.reason, said.why) == ("mill", "nearer", "")
    await desk.ask("choose_destination", casualty=A, hospital="city", mode="road", override_reason="surgeon is back")
    assert desk.picture.get_casualty(A).diversion is None


async def test_why_it_could_not_be_followed_is_known(valley: Roadmap):
    desk = await under_way(valley)
    await desk.happen(G1_EAST, e.RoadClosed("X1", "flood", ref="X1"))
    await desk.happen(e.CrewDiverted(A, "A1", "mill", "nearer"))
    await desk.react()
    said = desk.picture.get_casualty(A).diversion
    assert said is not None and (said.hospital, said.why) == ("mill", "option_gone")


async def test_a_dispatcher_who_chooses_another_hospital_meanwhile_answers_it(valley: Roadmap):
    desk = await under_way(valley)
    await desk.happen(e.CrewDiverted(A, "A1", "mill", "nearer"))
    await desk.ask("choose_destination", casualty=A, hospital="quarry", mode="road", override_reason="spoken to crew")
    said = desk.picture.get_casualty(A).diversion
    assert said is not None and said.why == "chosen_otherwise"
