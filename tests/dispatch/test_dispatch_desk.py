"""The desk on a real book: proposals, choices, races, refusals, and what it does by itself."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from valley import G1_EAST, START, Stage, casualty, crash, enrolled, reported, valley_area

from casebook import events as e
from casebook.access import Badge, Role, need
from casebook.asking import Asker, read_command
from casebook.casualty import Category
from casebook.desks import do_due
from casebook.errors import CoordinationError, IllegalStep, NoAnswer, NotAllowed, NotFound, RefusedInput
from casebook.steps import Duty, Prealert, Task
from dispatch.app import DispatchRoom
from dispatch.desk import Overtaken
from dispatch.redecide import redecide
from routing.roads import Roadmap

ID = "20210418-001"
A, B = f"{ID}-A", f"{ID}-B"
STANDBY = e.UnitOnStandby("H1", ID)


class Desk(Stage):
    """The stage with the dispatch room on it, asked by name as the door would."""

    def __init__(self, roads: Roadmap, *facts: e.Event, threaded: bool = False) -> None:
        super().__init__(*facts)
        self.roads = roads
        self._threaded = threaded

    async def open(self) -> Desk:
        await super().open()
        self.room = DispatchRoom(self.book, self.clock, self.roads, valley_area(), threaded=self._threaded)
        self._asks = {ask.name: ask for ask in self.room.asks()}
        return self

    async def ask(self, name: str, asker: Asker | None = None, **fields: Any) -> dict[str, Any]:
        ask, asker = self._asks[name], asker or self.dispatcher
        need(asker.badge, *ask.roles, what=name)
        command = read_command(msgspec.json.encode(fields), ask.command, name)
        return await ask.handle(command, asker) or {}

    async def react(self) -> None:
        """What the hub does after every change."""
        await self.room.react()
        await do_due(self.book, self.room)

    @property
    def picture(self):
        return self.book.picture


async def stage(roads: Roadmap, *facts: e.Event, **kw: Any) -> Desk:
    base = [*enrolled(), *reported(), *crash(), *casualty()]
    return await Desk(roads, *base, *facts, **kw).open()


# --- a call, a unit


async def test_a_call_opens_an_incident_and_answers_with_the_units_best_first(valley: Roadmap):
    desk = await Desk(valley, *enrolled(), *reported()).open()
    answer = await desk.ask("report_call", place={"lat": 31.0, "lon": 121.0}, kind="traffic", channel="110")
    assert answer["incident"] == ID
    assert desk.kinds[-2:] == ["incident_opened", "agency_linked"]
    assert answer["units"][0]["unit"] == "A2"
    assert [one["unit"] for one in answer["units"] if not one["fit"]] == ["H1"]


async def test_accepting_the_ranking_sends_the_first_unit_with_its_leg_and_reasons(valley: Roadmap):
    desk = await Desk(valley, *enrolled(), *reported()).open()
    await desk.ask("report_call", place={"name": "Crash site"}, kind="traffic", priority=3)
    answer = await desk.ask("assign_unit", incident=ID)
    unit = desk.picture.get_unit(answer["unit"])
    assert (unit.id, unit.duty) == ("A2", Duty.ASSIGNED)
    assert unit.leg is not None and unit.leg.eta_s > 0
    recorded = list(desk.book.log.read())[-1].body
    assert [reason["code"] for reason in recorded["reasons"]] == ["unit_nearest"]


async def test_another_unit_than_the_first_is_sent_by_hand_and_the_log_says_so(valley: Roadmap):
    desk = await Desk(valley, *enrolled(), *reported()).open()
    await desk.ask("report_call", place={"name": "Crash site"}, kind="traffic", priority=3)
    await desk.ask("assign_unit", incident=ID, unit="A3")
    recorded = list(desk.book.log.read())[-1].body
    assert recorded["reasons"][0]["code"] == "unit_chosen_by_hand"


async def test_nobody_is_free_says_so(valley: Roadmap):
    desk = await Desk(valley, *[f for f in enrolled() if not isinstance(f, e.UnitEnrolled)]).open()
    await desk.ask("report_call", place={"name": "Crash site"}, kind="traffic")
    with pytest.raises(NoAnswer) as refused:
        await desk.ask("assign_unit", incident=ID)
    assert refused.value.key == "no_unit_free"


async def test_a_busy_unit_cannot_be_sent_again(valley: Roadmap):
    desk = await stage(valley)
    with pytest.raises(IllegalStep):
        await desk.ask("assign_unit", incident=ID, unit="A1")


async def test_the_helicopter_on_standby_settles_the_task_in_the_same_batch(valley: Roadmap):
    desk = await stage(valley)
    await desk.ask("open_task", incident=ID, kind="air_standby")
    await desk.ask("order_standby", incident=ID, unit="H1")
    assert desk.kinds[-2:] == ["unit_on_standby", "task_done"]
    with pytest.raises(RefusedInput):
        await desk.ask("order_standby", incident=ID, unit="A2")


async def test_a_unit_that_is_not_needed_is_stood_down(valley: Roadmap):
    desk = await stage(valley, STANDBY)
    await desk.ask("stand_down", unit="H1", reason="not needed")
    assert desk.picture.get_unit("H1").duty is Duty.AVAILABLE


# --- tasks


async def test_three_districts_approve_and_one_that_does_not_answer_goes_up(valley: Roadmap):
    desk = await stage(valley)
    for district in ("嘉善", "金山", "松江"):
        await desk.ask("open_task", incident=ID, kind="cross_district", to=district)
    await desk.ask("approve_task", task=f"{ID}-T1", approver="Wang")
    await desk.ask("refuse_task", task=f"{ID}-T2", reason="no crew")
    desk.pass_s(181)
    await desk.react()
    await desk.react()
    tasks = desk.picture.tasks
    assert [tasks[f"{ID}-T{n}"].stage for n in (1, 2, 3)] == [Task.APPROVED, Task.REFUSED, Task.ESCALATED]
    assert desk.kinds.count("task_escalated") == 1
    await desk.ask("finish_task", task=f"{ID}-T1")
    with pytest.raises(IllegalStep):
        await desk.ask("approve_task", task=f"{ID}-T2")


# --- the destination


async def test_a_request_is_answered_as_of_its_own_instant_and_only_once(valley: Roadmap):
    desk = await stage(valley, e.DestinationRequested(A, "A1"))
    desk.pass_s(2)
    await desk.react()
    await desk.react()
    assert desk.kinds.count("destination_proposed") == 1
    entry = list(desk.book.log.read())[-1]
    assert entry.at == START and entry.recorded_at == START + timedelta(seconds=2)


async def test_a_request_from_behind_a_broken_link_is_answered_as_of_now(valley: Roadmap):
    desk = await stage(valley, e.DestinationRequested(A, "A1"))
    desk.pass_s(600)
    await desk.react()
    assert list(desk.book.log.read())[-1].at == START + timedelta(seconds=600)


async def test_nobody_can_take_the_casualty_is_an_answer_too(valley: Roadmap):
    closed = [e.ServiceClosed(id, "*", "flood") for id in ("city", "mill")]
    desk = await stage(valley, *closed, e.DestinationRequested(A, "A1"))
    await desk.react()
    state = desk.picture.get_casualty(A)
    assert state.proposal is None and state.requested_at is None
    assert {reason.code for one in state.stranded for reason in one.reasons} >= {"closed", "capability"}
    with pytest.raises(NoAnswer) as refused:
        await desk.ask("choose_destination", casualty=A)
    assert refused.value.key == "no_capable_centre"


async def test_a_yes_writes_the_whole_consequence_in_one_batch(valley: Roadmap):
    desk = await stage(valley, STANDBY, G1_EAST, e.DestinationRequested(A, "A1"))
    await desk.react()
    answer = await desk.ask("choose_destination", casualty=A)
    assert (answer["option"]["hospital"], answer["option"]["mode"]) == ("city", "rendezvous")
    assert desk.kinds[-7:] == [
        "destination_chosen", "hold_placed", "leg_given", "unit_assigned", "task_opened", "task_opened",
        "prealert_sent",
    ]  # fmt: skip
    state, picture = desk.picture.get_casualty(A), desk.picture
    assert state.prealert is Prealert.SENT and state.prealert_hospital == "city" and state.prealert_level == 1
    assert state.prealert_due_at == START + timedelta(seconds=60)
    assert state.prealert_eta_at == START + timedelta(seconds=state.option.eta_s)
    assert picture.get_unit("A1").purpose == "landing_site" and picture.get_unit("A1").leg.mode == "road"
    assert picture.get_unit("H1").duty is Duty.ASSIGNED and picture.get_unit("H1").leg.mode == "air"
    assert [task.kind for task in picture.tasks.values()] == ["air_tasking", "landing_site_police"]
    assert picture.find_hold(A).slot == 1


async def test_by_road_the_carrier_gets_its_leg_to_the_hospital(valley: Roadmap):
    desk = await stage(valley, e.DestinationRequested(A, "A1"))
    await desk.react()
    await desk.ask("choose_destination", casualty=A)
    unit = desk.picture.get_unit("A1")
    assert (unit.purpose, unit.leg.to) == ("hospital", desk.picture.get_hospital("city").place)


async def test_another_option_needs_a_reason_and_keeps_it(valley: Roadmap):
    desk = await stage(valley, e.DestinationRequested(A, "A1"))
    await desk.react()
    with pytest.raises(RefusedInput) as refused:
        await desk.ask("choose_destination", casualty=A, hospital="mill")
    assert refused.value.key == "override_needs_reason"
    await desk.ask("choose_destination", casualty=A, hospital="mill", override_reason="family waits there")
    assert desk.picture.get_casualty(A).override_reason == "family waits there"
    assert desk.picture.get_casualty(A).hospital == "mill"


async def test_a_flight_from_where_nobody_is_flown_is_refused_with_that_reason_to_any_hospital(valley: Roadmap):
    desk = await stage(valley, e.DestinationRequested(A, "A1"))
    await desk.react()
    for hospital in ("city", "mill"):
        with pytest.raises(Overtaken) as refused:
            await desk.ask("choose_destination", casualty=A, hospital=hospital, mode="air", override_reason="no road")
        assert (refused.value.key, refused.value.facts["why"]) == ("option_gone", "no_landing_site")


async def test_a_closed_or_full_hospital_can_be_forced_with_a_reason_without_taking_a_bay(valley: Roadmap):
    full = e.CapacityReported("mill", "resus_bay", 0, 4)
    desk = await stage(valley, full, e.DestinationRequested(A, "A1"))
    await desk.react()
    await desk.ask("choose_destination", casualty=A, hospital="mill", mode="road", override_reason="nearest blood")
    state = desk.picture.get_casualty(A)
    assert state.hospital == "mill" and desk.picture.find_hold(A) is None
    assert state.option.reasons[0].code == "capacity"


async def test_a_barred_flight_cannot_be_forced(valley: Roadmap):
    desk = await stage(valley, e.DestinationRequested(A, "A1"))
    await desk.react()
    with pytest.raises(Overtaken) as refused:
        await desk.ask("choose_destination", casualty=A, hospital="mill", mode="rendezvous", override_reason="please")
    assert refused.value.key == "option_gone"
    assert refused.value.as_answer()["next"]["hospital"] == "city"


async def test_two_cases_race_for_one_bay_and_the_loser_gets_the_next_best_in_the_same_answer(valley: Roadmap):
    one_bay = e.CapacityReported("city", "resus_bay", 1, 4)
    second = casualty("B", Category.RED)
    requests = [e.DestinationRequested(A, "A1"), e.DestinationRequested(B, "A1")]
    desk = await stage(valley, one_bay, *second, *requests, threaded=True)
    await desk.react()
    answers = await asyncio.gather(
        desk.ask("choose_destination", casualty=A), desk.ask("choose_destination", casualty=B), return_exceptions=True
    )
    lost = [one for one in answers if isinstance(one, Overtaken)]
    won = [one for one in answers if isinstance(one, dict)]
    assert len(lost) == len(won) == 1
    told = lost[0].as_answer()
    assert told["error"] == "already_held" and told["next"]["hospital"] == "mill"
    assert desk.kinds.count("hold_placed") == 1
    loser = B if desk.picture.get_casualty(A).option else A
    assert desk.picture.get_casualty(loser).proposal.options[0].hospital == "mill"
    await desk.ask("choose_destination", casualty=loser)
    assert desk.picture.get_casualty(loser).hospital == "mill"


async def test_twelve_cases_and_the_last_bays_no_bay_twice_and_nobody_without_a_plan(valley: Roadmap):
    labels = [f"N{number}" for number in range(12)]
    facts = [fact for label in labels for fact in casualty(label)]
    bays = [e.CapacityReported("city", "resus_bay", 3, 4), e.CapacityReported("mill", "resus_bay", 2, 4)]
    desk = await stage(valley, *bays, *facts)
    ids = [f"{ID}-{label}" for label in labels]
    await desk.happen(*[e.DestinationRequested(id, "A1") for id in ids])
    await desk.react()
    answers = await asyncio.gather(*(desk.ask("choose_destination", casualty=id) for id in ids), return_exceptions=True)
    held = [(hold.hospital, hold.slot) for hold in desk.picture.holds.values()]
    assert len(held) == len(set(held)) == sum(isinstance(one, dict) for one in answers) == 3
    assert all(isinstance(one, dict | Overtaken) for one in answers)


async def test_two_cases_cannot_both_have_the_helicopter(valley: Roadmap):
    requests = [e.DestinationRequested(A, "A1"), e.DestinationRequested(B, "A1")]
    desk = await stage(valley, STANDBY, G1_EAST, *casualty("B"), *requests)
    await desk.react()
    assert desk.picture.get_casualty(B).proposal.options[0].mode == "rendezvous"
    await desk.ask("choose_destination", casualty=A)
    with pytest.raises(Overtaken) as refused:
        await desk.ask("choose_destination", casualty=B)
    assert refused.value.next_best.mode == "road"


async def test_going_elsewhere_gives_back_what_the_first_choice_took(valley: Roadmap):
    desk = await stage(valley, STANDBY, G1_EAST, e.DestinationRequested(A, "A1"))
    await desk.react()
    await desk.ask("choose_destination", casualty=A)
    await desk.ask("choose_destination", casualty=A, hospital="mill", mode="road", override_reason="wind")
    assert desk.kinds[-7:] == [
        "hold_released", "prealert_withdrawn", "unit_stood_down", "destination_chosen", "hold_placed", "leg_given",
        "prealert_sent",
    ]  # fmt: skip
    assert desk.picture.find_hold(A).hospital == "mill"
    assert desk.picture.get_unit("H1").duty is Duty.AVAILABLE


async def test_choosing_the_same_again_keeps_the_bay_and_the_pre_alert(valley: Roadmap):
    desk = await stage(valley, e.DestinationRequested(A, "A1"))
    await desk.react()
    await desk.ask("choose_destination", casualty=A)
    await desk.ask("choose_destination", casualty=A)
    assert desk.kinds.count("prealert_sent") == 1
    assert desk.picture.find_hold(A).slot == 1 and len(desk.picture.holds) == 1


async def test_news_between_question_and_answer_are_thought_again(valley: Roadmap):
    """A closure that comes while the desk thinks is in the answer."""
    desk = await stage(valley, e.DestinationRequested(A, "A1"), threaded=True)
    proposing = asyncio.create_task(desk.room.react())
    await asyncio.sleep(0)  # the desk has begun to think
    await desk.happen(G1_EAST)
    await proposing
    first = desk.picture.get_casualty(A).proposal
    assert first.options[0].reasons and first.traffic_version != "free"
    assert list(redecide(desk.book.log.read(), valley, valley_area())) == []


# --- by itself


async def test_holds_of_those_on_the_way_are_renewed_and_of_the_dead_released(valley: Roadmap):
    desk = await stage(valley, e.DestinationRequested(A, "A1"))
    await desk.react()
    await desk.ask("choose_destination", casualty=A)
    until = desk.picture.find_hold(A).until
    desk.pass_s((until - START).total_seconds() - 500)
    await desk.react()
    assert desk.picture.find_hold(A).until > until
    assert desk.room.due(desk.picture, desk.clock.now()) == []
    await desk.happen(e.CasualtyClosed(A, "died"))
    await desk.react()
    assert desk.picture.find_hold(A) is None


async def test_after_the_meeting_the_helicopter_gets_its_leg_to_the_pad_once(valley: Roadmap):
    desk = await stage(valley, STANDBY, G1_EAST, e.DestinationRequested(A, "A1"))
    await desk.react()
    await desk.ask("choose_destination", casualty=A)
    await desk.happen(
        e.UnitEnRoute("H1"), e.UnitAtLandingSite("H1", "service"), e.CasualtyBoarded(A, "A1"), e.UnitLeftScene("A1"),
        e.UnitAtLandingSite("A1", "service"), e.CasualtyTransferred(A, "A1", "H1", "service"),
    )  # fmt: skip
    await desk.react()
    await desk.react()
    unit = desk.picture.get_unit("H1")
    assert unit.purpose == "hospital" and unit.leg.to == desk.picture.get_hospital("city").pad
    assert desk.kinds.count("leg_given") == 2  # the ambulance's to the meeting, the helicopter's to the pad
    tasking = next(task for task in desk.picture.tasks.values() if task.kind == "air_tasking")
    assert tasking.stage is Task.DONE


# --- roads


async def test_a_road_is_closed_slowed_and_opened_again(valley: Roadmap):
    desk = await stage(valley)
    await desk.ask("close_road", reason="works", ref="G1", bearing_deg=90)
    await desk.ask("slow_road", reason="congestion", ref="X1", speed_kmh=20, closure="jam")
    assert len(desk.picture.roads) == 2
    await desk.ask("reopen_road", closure="jam")
    assert [road.reason for road in desk.picture.roads.values()] == ["works"]
    with pytest.raises(NotFound):
        await desk.ask("reopen_road", closure="jam")


@pytest.mark.parametrize(
    ("fields", "key"),
    [
        ({"reason": "works"}, "stretch_empty"),
        ({"reason": "works", "ref": "G999"}, "closure_meets_no_road"),
        ({"reason": "works", "ref": "G1", "until": "2021-04-18T01:00:00Z"}, "bad_field"),
        ({"reason": "works", "polygon": [[121.0, 31.0], [121.1, 31.0]]}, "bad_field"),
        ({"reason": "", "ref": "G1"}, "bad_field"),
        ({"reason": "works", "polygon": [[121, 31], [121.3, 31.1], [121.3, 31], [121, 31.1]]}, "stretch_area"),
    ],
)
async def test_a_closure_that_means_nothing_is_refused(valley: Roadmap, fields: dict[str, Any], key: str):
    desk = await stage(valley)
    with pytest.raises(RefusedInput) as refused:
        await desk.ask("close_road", **fields)
    assert refused.value.key == key
    assert desk.picture.roads == {}


async def test_a_polygon_in_gcj02_is_brought_to_wgs84(valley: Roadmap):
    desk = await stage(valley)
    ring = [[121.05, 30.95], [121.25, 30.95], [121.25, 31.05], [121.05, 31.05]]
    await desk.ask("close_road", reason="works", polygon=ring, datum="gcj02")
    (road,) = desk.picture.roads.values()
    assert road.polygon[0][0] == pytest.approx(121.0455, abs=1e-3)


# --- refusals


ASKS: list[tuple[str, dict[str, Any]]] = [
    ("report_call", {"place": {"name": "Crash site"}, "kind": "traffic"}),
    ("rank_units", {"incident": ID}), ("assign_unit", {"incident": ID}),
    ("link_agency", {"incident": ID, "agency": "110"}), ("judge_hoist_place", {"incident": ID, "clear": True}),
    ("order_standby", {"incident": ID, "unit": "H1"}), ("stand_down", {"unit": "H1", "reason": "x"}),
    ("open_task", {"incident": ID, "kind": "duty_head"}), ("approve_task", {"task": "T"}),
    ("refuse_task", {"task": "T", "reason": "x"}), ("finish_task", {"task": "T"}),
    ("propose_destination", {"casualty": A}), ("choose_destination", {"casualty": A}),
    ("close_road", {"reason": "x", "ref": "G1"}), ("slow_road", {"reason": "x", "ref": "G1", "speed_kmh": 20}),
    ("reopen_road", {"closure": "x"}), ("close_incident", {"incident": ID}),
    ("report_traffic", {"source": "feed", "shape": "jsonl", "rows": "{}"}),
    ("preview_closure", {"ref": "G1"}), ("find_stretch", {"lat": 31.0, "lon": 121.0}),
    ("what_if", {"casualty": A}), ("region_overview", {}), ("preview_distribution", {"incident": ID}),
    ("propose_distribution", {"incident": ID}), ("accept_distribution", {"incident": ID, "plan": "DP"}),
    ("refuse_distribution", {"incident": ID, "plan": "DP", "reason": "x"}),
    ("accept_media_key", {"unit": "A1", "fingerprint": "x"}),
]  # fmt: skip


async def test_every_ask_is_in_this_list(valley: Roadmap):
    desk = await stage(valley)
    assert {ask.name for ask in desk.room.asks()} == {name for name, _ in ASKS}


@pytest.mark.parametrize(("name", "fields"), ASKS)
@pytest.mark.parametrize("role", [Role.PARAMEDIC, Role.ED])
async def test_only_dispatch_may_ask_dispatch(valley: Roadmap, name: str, fields: dict[str, Any], role: Role):
    desk = await stage(valley)
    with pytest.raises(NotAllowed):
        await desk.ask(name, Asker(Badge(role, "somebody")), **fields)


@pytest.mark.parametrize(("name", "fields"), ASKS)
async def test_unknown_fields_are_refused_and_nothing_is_written(valley: Roadmap, name: str, fields: dict[str, Any]):
    desk = await stage(valley)
    before = len(desk.kinds)
    with pytest.raises(RefusedInput):
        await desk.ask(name, **fields, colour="red")
    assert len(desk.kinds) == before


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("rank_units", {"incident": "nowhere"}), ("assign_unit", {"incident": "nowhere"}),
        ("assign_unit", {"incident": ID, "unit": "Z9"}), ("link_agency", {"incident": "nowhere", "agency": "110"}),
        ("order_standby", {"incident": "nowhere", "unit": "H1"}), ("order_standby", {"incident": ID, "unit": "Z9"}),
        ("stand_down", {"unit": "Z9", "reason": "x"}), ("open_task", {"incident": "nowhere", "kind": "duty_head"}),
        ("approve_task", {"task": "T"}), ("refuse_task", {"task": "T", "reason": "x"}), ("finish_task", {"task": "T"}),
        ("propose_destination", {"casualty": "Z"}), ("choose_destination", {"casualty": "Z"}),
        ("choose_destination", {"casualty": A, "hospital": "nowhere"}), ("reopen_road", {"closure": "x"}),
        ("close_incident", {"incident": "nowhere"}), ("what_if", {"casualty": "Z"}),
        ("what_if", {"casualty": A, "reopen": ["x"]}), ("what_if", {"casualty": A, "hospitals": {"nowhere": True}}),
        ("what_if", {"casualty": A, "aircraft": {"A2": True}}),
    ],
)  # fmt: skip
async def test_what_does_not_exist_is_not_found(valley: Roadmap, name: str, fields: dict[str, Any]):
    desk = await stage(valley)
    before = len(desk.kinds)
    with pytest.raises(NotFound):
        await desk.ask(name, **fields)
    assert len(desk.kinds) == before


async def test_every_refusal_has_its_words(valley: Roadmap):
    desk = await stage(valley, e.DestinationRequested(A, "A1"))
    await desk.react()
    for name, fields in [
        ("choose_destination", {"casualty": A, "hospital": "mill"}),
        ("choose_destination", {"casualty": A, "hospital": "mill", "mode": "air", "override_reason": "x"}),
        ("order_standby", {"incident": ID, "unit": "A2"}),
        ("close_incident", {"incident": ID}),
        ("close_road", {"reason": "x", "ref": "G999"}),
    ]:
        with pytest.raises(CoordinationError) as refused:
            await desk.ask(name, **fields)
        for language in ("zh", "en"):
            assert "?" not in refused.value.said(language) and "{" not in refused.value.said(language)


# --- replay


async def test_a_recorded_case_decides_again_as_it_did(valley: Roadmap):
    desk = await Desk(valley, *enrolled(), *reported()).open()
    await desk.ask("report_call", place={"name": "Crash site"}, kind="traffic")
    sent = await desk.ask("assign_unit", incident=ID)
    unit = sent["unit"]
    await desk.happen(e.UnitEnRoute(unit), e.UnitOnScene(unit), *casualty("A", unit=unit), STANDBY, G1_EAST)
    await desk.happen(e.DestinationRequested(A, unit))
    await desk.react()
    await desk.ask("choose_destination", casualty=A)
    assert list(redecide(desk.book.log.read(), valley, valley_area())) == []


async def test_replay_names_the_first_field_that_comes_out_differently(valley: Roadmap):
    desk = await stage(valley, STANDBY, G1_EAST, e.DestinationRequested(A, "A1"))
    await desk.react()
    other = valley_area()
    area = replace(other, aircraft={"H1": replace(other.aircraft["H1"], cruise_kmh=200.0)})
    first = next(redecide(desk.book.log.read(), valley, area))
    assert first.kind == "destination_proposed" and first.field.startswith("decision.options[0]")
    assert first.recorded != first.redecided
