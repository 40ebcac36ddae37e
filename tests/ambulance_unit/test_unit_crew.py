"""The crew's taps: what they become, what is refused; without a hub the tablet shows what the hub will show."""

from __future__ import annotations

import inspect
import re
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs
from unit_story import DECISION, OPTION, START, Story

from ambulance_unit import crew
from ambulance_unit import crew_commands as c
from ambulance_unit.crew import ASKS
from ambulance_unit.overlay import OwnFact, overlay
from casebook import events as e
from casebook.access import Badge, Role
from casebook.asking import Asker, read_command
from casebook.book import VEHICLE_FACTS
from casebook.casualty import Category
from casebook.errors import IllegalStep, NotFound, RefusedInput

CREW = Asker(Badge(Role.PARAMEDIC, "张急救", "A01"), key="tap-1")
DECIDE = {name: (command, decide) for name, command, decide in ASKS}


def tap(view: dict[str, Any], name: str, asker: Asker = CREW, **fields: Any) -> list[e.Event]:
    command, decide = DECIDE[name]
    return list(decide(view, read_command(msgspec.json.encode(fields), command, name), asker))


def test_a_tap_becomes_the_fact_of_that_name():
    view = Story().called().assigned().view()
    assert tap(view, "acknowledge") == [e.UnitAcknowledged("A01")]
    assert tap(view, "en_route") == [e.UnitEnRoute("A01")]


def test_the_same_tap_again_is_already_so():
    view = Story().at_scene().view()
    assert tap(view, "en_route") == [] and tap(view, "on_scene") == []
    assert tap(view, "found_casualty", label="A") == []


def test_a_tap_out_of_order_is_refused_by_the_table_of_steps():
    with pytest.raises(IllegalStep):
        tap(Story().called().assigned().view(), "on_scene")
    with pytest.raises(IllegalStep):
        tap(Story().at_scene().view(), "arrived", casualty="I1-A", hospital="sgh")


def test_without_a_mission_taps_say_so():
    for view in ({}, Story().view()):
        with pytest.raises(NotFound) as caught:
            tap(view, "found_casualty", label="A")
        assert caught.value.key == "no_mission"


def test_the_vehicle_names_the_casualty_after_incident_and_label():
    view = Story().called().assigned().view()
    assert tap(view, "found_casualty", label=" B ", age_years=7, sex="f") == [
        e.CasualtyFound("I1-B", "I1", "B", 7, "f")
    ]
    with pytest.raises(RefusedInput):
        tap(view, "found_casualty", label="  ")


def test_triage_is_scored_with_its_table_and_its_answers_are_kept():
    answers = {"walks": "0", "breathing": "1", "rr": 36}
    (tag,) = tap(Story().at_scene().view(), "triage", casualty="I1-A", method="start", answers=answers)
    assert isinstance(tag, e.CasualtyTriaged)
    assert (tag.category, tag.method, tag.assessor) == (Category.RED, "start", "张急救")
    assert tag.inputs == answers and tag.table.startswith("start")


def test_a_child_is_tagged_by_jumpstart():
    answers = {"walks": "0", "breathing": "1", "rr": 36, "palpable_pulse": "1", "avpu": "A"}
    (tag,) = tap(Story().at_scene().view(), "triage", casualty="I1-A", method="jumpstart", answers=answers)
    assert isinstance(tag, e.CasualtyTriaged) and tag.category is Category.YELLOW


def test_an_unfinished_triage_is_not_guessed():
    with pytest.raises(RefusedInput) as caught:
        tap(Story().at_scene().view(), "triage", casualty="I1-A", method="start", answers={"walks": "0"})
    assert caught.value.key == "triage_incomplete"
    assert "breathing" in caught.value.facts["missing"]


def test_a_category_by_hand_says_that_it_is():
    view = Story().at_scene().view()
    (tag,) = tap(view, "triage", casualty="I1-A", method="manual", category="yellow")
    assert isinstance(tag, e.CasualtyTriaged) and (tag.method, tag.category, tag.inputs) == ("manual", "yellow", {})
    with pytest.raises(RefusedInput):
        tap(view, "triage", casualty="I1-A", method="manual")


def test_one_tap_of_findings_leaves_the_others_as_they_were():
    view = Story().at_scene().decided().view()
    (found,) = tap(view, "findings", casualty="I1-A", treatments=["tourniquet"], needs=["trauma_centre"])
    assert isinstance(found, e.FindingsRecorded)
    assert found.findings.treatments == ("tourniquet",)
    assert (found.findings.mechanism, found.findings.injuries) == ("高速追尾", ("骨盆",))
    assert tap(view, "findings", casualty="I1-A", mechanism="高速追尾") == []


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("triage", {"casualty": "I1-A", "method": "salt"}),
        ("found_casualty", {"label": "B", "sex": "x"}),
        ("findings", {"casualty": "I1-A", "colour": "blue"}),
        ("wish", {"casualty": "I1-A"}),
    ],
)
def test_a_malformed_tap_names_its_field(name: str, fields: dict[str, Any]):
    with pytest.raises(RefusedInput) as caught:
        tap(Story().at_scene().view(), name, **fields)
    assert caught.value.key == "bad_field"


def test_a_crew_with_the_casualty_aboard_may_go_elsewhere_and_has_to_say_why():
    view = Story().at_scene().view()
    with pytest.raises(IllegalStep):
        tap(view, "divert", casualty="I1-A", hospital="jsh", reason="airway lost")
    aboard = {**view, "casualties": {"I1-A": {**view["casualties"]["I1-A"], "stage": "aboard"}}}
    (fact,) = tap(aboard, "divert", casualty="I1-A", hospital="jsh", reason=" airway lost ")
    assert isinstance(fact, e.CrewDiverted) and (fact.hospital, fact.reason) == ("jsh", "airway lost")
    for hospital, reason, error in (("nowhere", "x", NotFound), ("jsh", "  ", RefusedInput)):
        with pytest.raises(error):
            tap(aboard, "divert", casualty="I1-A", hospital=hospital, reason=reason)


def test_a_wish_is_for_a_hospital_that_exists():
    view = Story().at_scene().view()
    assert tap(view, "wish", casualty="I1-A", hospital="jsh", by="family") == [e.WishStated("I1-A", "jsh", "family")]
    with pytest.raises(NotFound):
        tap(view, "wish", casualty="I1-A", hospital="nowhere")


def test_whether_the_scene_is_clear_for_a_hoist_is_said_by_who_stands_there():
    story = Story().at_scene()
    assert tap(story.view(), "judge_hoist_place", clear=True) == [e.HoistPlaceJudged("I1", True)]
    story.tell(e.HoistPlaceJudged("I1", True), minute=7)
    assert tap(story.view(), "judge_hoist_place", clear=False) == [e.HoistPlaceJudged("I1", False)]
    with pytest.raises(IllegalStep):
        tap(Story().called().assigned().view(), "judge_hoist_place", clear=True)


def test_the_crew_is_asked_for_it_only_where_a_way_is_by_hoist():
    open_way = e.Rejection("sgh", "air", 2000.0, (e.Reason("air_hoist_place_unknown"),), terms_s={"hoist": 900.0})
    lifted = structs.replace(DECISION, rejected=(*DECISION.rejected, open_way))
    story = Story().at_scene().tell(e.DestinationProposed("I1-A", DECISION), minute=7)
    assert "hoist_asked" not in story.view()["casualties"]["I1-A"]
    story.tell(e.DestinationProposed("I1-A", lifted), minute=8)
    assert story.view()["casualties"]["I1-A"]["hoist_asked"] is True
    assert "hoist_place" not in story.view()["incident"]
    story.tell(e.DestinationChosen("I1-A", OPTION, lifted.rejected), minute=8.5)
    assert "hoist_asked" not in story.view()["casualties"]["I1-A"]  # another way was chosen
    hoisted = structs.replace(OPTION, mode="air", rendezvous=None, terms_s={"hoist": 900.0, "cruise": 1100.0})
    story.tell(e.DestinationChosen("I1-A", hoisted, ()), minute=8.6)
    assert story.view()["casualties"]["I1-A"]["hoist_asked"] is True
    story.tell(e.CasualtyBoarded("I1-A", "A01"), minute=9)
    assert "hoist_asked" not in story.view()["casualties"]["I1-A"]  # nobody is lifted out of a vehicle


def test_what_the_crew_says_of_the_scene_stands_until_somebody_says_otherwise_later():
    story = Story().at_scene().tell(e.HoistPlaceJudged("I1", False), minute=7)
    said = story.view()["incident"]["hoist_place"]
    assert (said["clear"], said["by"]) == (False, "hub")
    seven = story.now
    for minutes, shown_clear in ((-1, False), (1, True)):
        own = OwnFact(1, seven + timedelta(minutes=minutes), e.HoistPlaceJudged("I1", True), "crew")
        assert overlay(story.view(), [own])["incident"]["hoist_place"]["clear"] is shown_clear
    elsewhere = OwnFact(1, seven + timedelta(minutes=1), e.HoistPlaceJudged("I0", True), "crew")
    assert overlay(story.view(), [elsewhere]) == story.view()


def test_the_transfer_is_said_by_giver_or_taker():
    story = Story().at_scene().decided().at_fengjing()
    fact = e.CasualtyTransferred("I1-A", "A01", "H01", "fengjing")
    assert tap(story.view("A01"), "transfer", casualty="I1-A") == [fact]
    assert tap(story.view("A01"), "transfer", casualty="I1-A", to_unit="H01") == [fact]
    assert tap(story.view("H01"), "transfer", casualty="I1-A") == [fact]
    story.tell(fact, minute=16)
    assert tap(story.view("H01"), "transfer", casualty="I1-A") == []


def test_nobody_is_transferred_away_from_the_landing_site():
    story = Story().at_scene().decided().tell(e.CasualtyBoarded("I1-A", "A01"), e.UnitLeftScene("A01"), minute=9)
    with pytest.raises(IllegalStep):
        tap(story.view("A01"), "transfer", casualty="I1-A")


def test_nobody_is_forgotten_in_the_vehicle():
    story = Story().at_scene().decided().at_fengjing()
    with pytest.raises(IllegalStep) as caught:
        tap(story.view("A01"), "back_in_service")
    assert caught.value.facts["stage"] == "casualty_aboard"


def test_an_order_is_read_and_then_read_back():
    story = Story().at_scene().tell(e.MessageSent("m1", "I1-A", "王医生", "1 g", order=True), minute=7)
    assert tap(story.view(), "read_message", message="m1") == [e.MessageRead("m1", "张急救", "")]
    story.tell(e.MessageRead("m1", "张急救"), minute=7)
    assert tap(story.view(), "read_message", message="m1") == []
    assert tap(story.view(), "read_message", message="m1", read_back="1 g") == [e.MessageRead("m1", "张急救", "1 g")]
    with pytest.raises(NotFound):
        tap(story.view(), "read_message", message="m2")


def test_a_message_of_the_crew_is_named_after_the_tap_that_sent_it():
    (message,) = tap(Story().at_scene().view(), "send_message", casualty="I1-A", text="ETA 5")
    assert message == e.MessageSent("A01:tap-1", "I1-A", "A01", "ETA 5")


def test_the_crew_signs_once_and_only_for_itself():
    story = Story().at_scene().decided().tell(e.CasualtyBoarded("I1-A", "A01"), e.UnitLeftScene("A01"), minute=9)
    story.tell(e.UnitAtDestination("A01", "sgh"), e.CasualtyArrived("I1-A", "sgh", "A01"), minute=20)
    with pytest.raises(IllegalStep):
        tap(story.view(), "sign_handover", casualty="I1-A")
    story.tell(e.HandoverStarted("I1-A", "sgh"), minute=21)
    assert tap(story.view(), "sign_handover", casualty="I1-A") == [e.HandoverSigned("I1-A", "crew", "张急救")]
    story.tell(e.HandoverSigned("I1-A", "crew", "张急救"), minute=22)
    assert tap(story.view(), "sign_handover", casualty="I1-A") == []


def test_a_destination_is_asked_for_once_until_it_is_answered():
    story = Story().at_scene()
    assert tap(story.view(), "request_destination", casualty="I1-A") == [e.DestinationRequested("I1-A", "A01")]
    story.tell(e.DestinationRequested("I1-A", "A01"), minute=7)
    assert tap(story.view(), "request_destination", casualty="I1-A") == []


# --- the law of the overlay

TAPS: dict[str, Any] = {
    "acknowledge": {}, "en_route": {}, "on_scene": {}, "left_scene": {}, "back_in_service": {},
    "found_casualty": {"label": "B", "age_years": 30}, "at_patient": {"casualty": "I1-A"},
    "triage": {"casualty": "I1-A", "method": "manual", "category": "yellow"},
    "findings": {"casualty": "I1-A", "injuries": ["头部"]}, "wish": {"casualty": "I1-A", "hospital": "sj"},
    "request_destination": {"casualty": "I1-A"}, "board": {"casualty": "I1-A"},
    "at_landing_site": {"site": "fengjing"}, "transfer": {"casualty": "I1-A", "to_unit": "H01"},
    "at_destination": {"hospital": "sgh"}, "arrived": {"casualty": "I1-A", "hospital": "sgh"},
    "start_handover": {"casualty": "I1-A"}, "sign_handover": {"casualty": "I1-A"},
    "read_message": {"message": "m1", "read_back": "yes"}, "send_message": {"casualty": "I1-A", "text": "ETA"},
    "close_casualty": {"casualty": "I1-A", "outcome": "refused"}, "judge_hoist_place": {"clear": True},
}  # fmt: skip
BEGINNINGS = {
    "called": lambda: Story().called().assigned(),
    "at_scene": lambda: Story().at_scene(),
    "decided": lambda: Story().at_scene().decided(),
    "at_fengjing": lambda: Story().at_scene().decided().at_fengjing(),
}


def shown(view: dict[str, Any]) -> dict[str, Any]:
    """What the crew reads off: everything but what only the hub reckons (clocks, the leg's end)."""
    casualties = {
        id: {name: value for name, value in one.items() if name != "clocks"}
        for id, one in view.get("casualties", {}).items()
    }
    scene = view.get("incident", {}).get("hoist_place", {})
    said = {name: value for name, value in scene.items() if name != "by"}  # this story's hub says everything itself
    incident = view.get("incident", {}).get("id")
    return {"unit": view["unit"], "casualties": casualties, "incident": incident, "clear": said}


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(sorted(BEGINNINGS)), st.lists(st.sampled_from(sorted(TAPS)), max_size=14))
def test_what_the_tablet_shows_without_the_hub_is_what_the_hub_will_show(beginning: str, names: list[str]):
    story = BEGINNINGS[beginning]()
    if beginning != "called":
        story.tell(e.MessageSent("m1", "I1-A", "王医生", "1 g", order=True))
    before, own, at = story.view(), [], story.now
    for number, name in enumerate(names, start=1):
        at += timedelta(seconds=20)
        asker = Asker(CREW.badge, key=f"tap-{number}")
        try:
            facts = tap(overlay(before, own), name, asker, **TAPS[name])
        except RefusedInput:
            continue
        own += [OwnFact(len(own) + 1, at, fact) for fact in facts]
    for fact in own:
        story.tell(fact.fact, minute=(fact.at - START) / timedelta(minutes=1))
    after = story.view()
    assert shown(overlay(before, own)) == shown(after)
    assert shown(overlay(after, own)) == shown(after), "laid over once more, it changes nothing"


def test_a_fact_the_hub_refuses_to_show_does_not_bring_an_old_mission_back():
    story = Story().called().assigned(minute=20)
    old = OwnFact(1, START + timedelta(minutes=2), e.UnitAcknowledged("A01"))
    assert overlay(story.view(), [old])["unit"]["duty"] == "assigned"


def test_commands_refuse_fields_that_do_not_exist():
    with pytest.raises(RefusedInput):
        read_command(b'{"casualty": "x", "speed": 3}', c.Board, "board")


def test_every_fact_that_a_tap_can_make_is_one_that_the_hub_takes_from_a_vehicle():
    made = set(re.findall(r"\be\.([A-Z]\w+)\(", inspect.getsource(crew)))
    made |= set(re.findall(r"_unit_says\(e\.([A-Z]\w+)\)", inspect.getsource(crew)))
    assert len(made) > 15 and made <= {kind.__name__ for kind in VEHICLE_FACTS}


def recorded() -> Story:
    return Story().at_scene().tell(e.RecordingStarted("A01-1", "I1-A", "A01", "sgh", "teaching", "given"))


def test_the_crew_ends_a_recording_with_the_patients_reason_and_sees_that_the_hub_has_yet_to_hear_it():
    view = recorded().view()
    with pytest.raises(RefusedInput):
        tap(view, "stop_recording", recording="A01-1", reason="  ")
    with pytest.raises(NotFound):
        tap(view, "stop_recording", recording="A01-7", reason="no")
    (fact,) = tap(view, "stop_recording", recording="A01-1", reason=" patient says no ")
    assert fact == e.RecordingStopped("A01-1", "I1-A", "withdrawn", "张急救", "patient says no")
    seen = overlay(view, [OwnFact(1, START, fact)])
    told = seen["casualties"]["I1-A"]["recording"]
    assert told["on"] and told["ending"], "until the hub has it, it is not said to be over"
    assert tap(seen, "stop_recording", recording="A01-1", reason="again") == []
    after = recorded().tell(fact).view()
    assert overlay(after, [OwnFact(1, START, fact)]) == after
    assert after["casualties"]["I1-A"]["recording"]["why"] == "withdrawn"
    assert tap(after, "stop_recording", recording="A01-1", reason="again") == []
