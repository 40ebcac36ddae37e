"""What the wall says: this hospital's patients only, the most urgent first, nothing guessed."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest
from ward_story import (
    AMBULANCE,
    DOOR,
    HELICOPTER,
    JINSHAN,
    PAD,
    SEVERE,
    SONGJIANG,
    after,
    arrived,
    at,
    enrolled,
    expected,
    leg_to,
    on_scene,
    prealerted,
    stated,
)

from casebook import events as e
from casebook.casualty import Category
from casebook.errors import NotFound
from casebook.live import plain
from casebook.picture import Picture
from casebook.place import Place
from hospital_board.board import STAYS_AFTER_HANDOVER, wall_view

A = "I1-A"


def case(picture: Picture, seconds: float, casualty: str = A, hospital: str = SONGJIANG) -> dict:
    return wall_view(picture, hospital, at(seconds))["cases"][casualty]


def vitals(picture: Picture, seconds: float, casualty: str = A, **values) -> Picture:
    return after(picture, seconds, e.VitalsRecorded(casualty, AMBULANCE, values))


def aboard(picture: Picture, seconds: float = 500) -> Picture:
    return after(picture, seconds, e.CasualtyBoarded(A, AMBULANCE), e.UnitLeftScene(AMBULANCE))


def test_a_case_stands_on_its_own_hospitals_wall_and_on_no_other():
    assert wall_view(expected(), SONGJIANG, at(410))["order"] == [A]
    other = wall_view(expected(), JINSHAN, at(410))
    assert other["order"] == [] and other["cases"] == {}
    assert A not in msgspec.json.encode(plain(other)).decode()


def test_an_unknown_hospital_has_no_wall():
    with pytest.raises(NotFound):
        wall_view(expected(), "nowhere", at(0))


def test_a_case_diverted_elsewhere_leaves_the_wall_at_once():
    picture = after(expected(), 500, e.PrealertWithdrawn(A, SONGJIANG, "diverted"))
    picture = after(picture, 500, e.DestinationChosen(A, e.Option(JINSHAN, "road", 900, {})))
    assert wall_view(picture, SONGJIANG, at(500))["order"] == []
    assert wall_view(picture, JINSHAN, at(500))["order"] == [A]


def test_the_headline_and_the_ask_stand_in_the_report_before_atmist():
    report = case(expected(), 410)["report"]
    assert report["concern"] == "haemorrhagic shock" and report["ask"] == ("trauma team", "blood")
    names = list(report)
    assert names.index("concern") < names.index("ask") < names.index("age") < names.index("mechanism")


def test_the_most_urgent_come_first_and_within_a_colour_the_soonest():
    picture = stated(enrolled(), 5, 5)
    colours = {"A": Category.GREEN, "B": Category.RED, "C": Category.YELLOW, "D": None, "E": Category.RED}
    for slot, (label, colour) in enumerate(colours.items(), start=1):
        picture = prealerted(on_scene(picture, f"I1-{label}"), f"I1-{label}", slot=slot)
        state = replace(picture.casualties[f"I1-{label}"], category=colour)
        if label == "B":
            state = replace(state, prealert_eta_at=at(1200))
        picture = replace(picture, casualties={**picture.casualties, state.id: state})
    view = wall_view(picture, SONGJIANG, at(410))
    assert [id[-1] for id in view["order"]] == ["B", "E", "D", "C", "A"]
    assert view["large"] == 4


def test_the_countdown_follows_the_carriers_own_leg_once_it_leads_to_the_door():
    picture = aboard(expected())
    assert case(picture, 510)["route"]["eta_at"] == at(1300)  # as the pre-alert said
    picture = after(picture, 520, e.LegGiven(AMBULANCE, "hospital", leg_to(DOOR, 700)))
    assert case(picture, 530)["route"]["eta_at"] == at(1220)
    picture = after(picture, 600, e.LegGiven(AMBULANCE, "landing_site", leg_to(enrolled().units[AMBULANCE].base, 60)))
    assert case(picture, 610)["route"]["eta_at"] == at(1300)
    assert case(arrived(expected()), 1400)["route"]["eta_at"] == at(1300)


def test_a_rendezvous_names_where_and_with_whom_and_then_the_helicopter_carries():
    terms_s = {"ground": 200.0, "flight": 500.0, "unloading": 60.0, "pad_to_ed": 140.0}
    option = e.Option(SONGJIANG, "rendezvous", 900, terms_s, rendezvous="fengjing", aircraft=HELICOPTER)
    picture = after(on_scene(stated(enrolled())), 400, e.DestinationChosen(A, option))
    picture = after(picture, 400, e.PrealertSent(A, SONGJIANG, at(460), at(1680), 1))
    meeting = Place(30.897, 121.037, "枫泾服务区", "Fengjing service area")
    picture = after(picture, 400, e.UnitAssigned(HELICOPTER, "I1", "rendezvous", leg_to(meeting, 300)))
    picture = after(aboard(picture), 600, e.UnitEnRoute(HELICOPTER))
    route = case(picture, 610)["route"]
    assert (route["mode"], route["site"]["id"], route["unit"]["id"]) == ("rendezvous", "fengjing", AMBULANCE)
    assert route["site"]["name_en"] == "Fengjing service area"
    assert route["partner"]["id"] == HELICOPTER
    picture = after(
        picture, 900, e.UnitAtLandingSite(AMBULANCE, "fengjing"), e.UnitAtLandingSite(HELICOPTER, "fengjing"),
        e.CasualtyTransferred(A, AMBULANCE, HELICOPTER, "fengjing"),
        e.LegGiven(HELICOPTER, "hospital", leg_to(PAD, 500, "air")),
    )  # fmt: skip
    picture = after(picture, 960, e.UnitLeftScene(HELICOPTER))
    seen = case(picture, 970)
    assert seen["route"]["unit"]["id"] == HELICOPTER and seen["route"]["partner"] is None
    assert seen["route"]["eta_at"] == at(960 + 500 + 60 + 140), "from lift-off to the door, not to the pad"
    assert seen["streams"] == {"video": HELICOPTER, "waves": f"{HELICOPTER}.waves"}


def test_waves_belong_to_the_one_patient_aboard_who_is_on_the_monitor():
    picture = prealerted(on_scene(expected(), "I1-B"), "I1-B", slot=2)
    picture = after(picture, 500, e.CasualtyBoarded(A, AMBULANCE), e.CasualtyBoarded("I1-B", AMBULANCE))
    picture = vitals(picture, 510, "I1-B", hr_bpm=90)
    assert case(picture, 520)["streams"] == {"video": AMBULANCE, "waves": None}
    assert case(picture, 520, "I1-B")["streams"]["waves"] == f"{AMBULANCE}.waves"


def test_each_value_brings_its_own_instant_and_a_coma_score_outlives_the_stream():
    picture = vitals(aboard(expected()), 510, gcs_eye=2, gcs_verbal=2, gcs_motor=4)
    for second in range(511, 511 + 700):
        picture = vitals(picture, second, hr_bpm=120)
    signs = case(picture, 1211)["report"]["signs"]["vitals"]
    assert signs["hr_bpm"] == {"value": 120, "at": at(1210)}
    assert signs["gcs"] == {"value": 8, "at": at(510)}
    assert case(picture, 1211)["monitored_at"] == at(1210)


def test_one_odd_sample_is_no_alarm_but_three_are():
    picture = expected()
    for second, rate in enumerate((100, 100, 145), start=410):
        picture = vitals(picture, second, hr_bpm=rate)
    assert case(picture, 413)["alarms"] == {}
    for second in (413, 414):
        picture = vitals(picture, second, hr_bpm=146)
    alarm = case(picture, 415)["alarms"]["hr_bpm"]
    assert (alarm["priority"], alarm["key"], alarm["value"]) == ("high", "hr_extreme_high", 146)


def test_what_is_measured_once_alarms_at_once():
    picture = vitals(expected(), 410, gcs_eye=1, gcs_verbal=2, gcs_motor=4)
    assert case(picture, 411)["alarms"]["gcs"]["key"] == "gcs_low"


def test_adult_limits_do_not_alarm_for_a_child():
    picture = vitals(expected(), 410, hr_bpm=150)
    child = replace(picture.casualties[A], age_years=4.0)
    picture = replace(picture, casualties={A: child})
    assert case(picture, 411)["alarms"] == {}


def test_scores_are_complete_or_name_what_is_missing():
    picture = vitals(expected(), 410, hr_bpm=130, sbp_mmhg=80)
    scores = case(picture, 411)["scores"]
    assert scores["shock_index"]["status"] == "complete"
    assert scores["shock_index"]["outputs"]["si_4dp"] == "1.6250"
    assert scores["mews"]["status"] == "incomplete" and "total" in scores["mews"]
    assert scores["mews"]["total"] is None and set(scores["mews"]["missing"]) == {"rr_bpm", "temp_c", "avpu"}
    picture = vitals(picture, 420, rr_bpm=28, temp_c=36.0, avpu="V")
    assert case(picture, 421)["scores"]["mews"]["total"] == 3 + 2 + 2 + 0 + 1


def test_a_doubtful_value_is_marked_and_not_scored():
    picture = vitals(expected(), 410, hr_bpm=0, sbp_mmhg=120)
    seen = case(picture, 411)
    assert seen["doubts"]["hr_bpm"]["key"] == "asystole_or_lead_off"
    assert seen["scores"]["shock_index"]["missing"] == ["hr_bpm"]


def test_a_drill_is_said_to_be_one():
    assert wall_view(expected(), SONGJIANG, at(410))["drill"] is False
    picture = after(expected(), 410, e.DrillStarted("g60", 1, 6.0, "delta"))
    assert wall_view(picture, SONGJIANG, at(411))["drill"] is True


def test_a_case_handed_over_stays_a_while_at_the_end_and_then_goes():
    picture = after(arrived(expected()), 1310, e.HandoverStarted(A, SONGJIANG))
    picture = after(
        picture, 1320, e.HandoverSigned(A, "crew", "c"), e.HandoverSigned(A, "hospital", "h"),
        e.HandoverCompleted(A, SONGJIANG),
    )  # fmt: skip
    stays_s = STAYS_AFTER_HANDOVER.total_seconds()
    view = wall_view(picture, SONGJIANG, at(1320 + stays_s - 1))
    assert view["order"] == [A] and view["cases"][A]["streams"] == {}
    assert wall_view(picture, SONGJIANG, at(1320 + stays_s))["order"] == []


def test_the_view_changes_only_when_something_happens_not_with_every_second():
    picture = vitals(aboard(expected()), 510, hr_bpm=120)
    assert plain(wall_view(picture, SONGJIANG, at(520))) == plain(wall_view(picture, SONGJIANG, at(550)))


def test_findings_that_nobody_stated_are_listed_as_unknown():
    picture = after(on_scene(stated(enrolled()), A, replace(SEVERE, mechanism="", injuries=())), 350)
    assert {"mechanism", "injuries"} <= set(case(prealerted(picture), 410)["report"]["unknown"])


def test_what_became_of_a_patients_samples_is_told_beside_the_case():
    told = {"state": "waiting", "waiting": 12, "lost": 0, "pauses_s": 12, "until": at(400)}
    view = wall_view(expected(), SONGJIANG, at(410), lambda casualty: told if casualty == A else None)
    assert view["cases"][A]["ledger"] == told
    assert "ledger" not in plain(wall_view(expected(), SONGJIANG, at(410)))["cases"][A], "nobody told: nothing is said"
