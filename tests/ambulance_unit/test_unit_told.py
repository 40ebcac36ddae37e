"""What the hub tells one vehicle: all that it needs, and nothing of casualties that are not its concern."""

from __future__ import annotations

from datetime import timedelta

from msgspec import structs
from unit_story import BED, BY_ROAD, DECISION, ELSEWHERE, OPTION, START, WARD, Story

from ambulance_unit.told import unit_view
from casebook import events as e


def test_a_parked_unit_sees_the_hospitals_and_no_case():
    view = Story().called().view()
    assert set(view) == {"unit", "hospitals", "roads"}
    assert view["unit"]["duty"] == "available"


def test_a_vehicle_nobody_enrolled_still_sees_the_hospitals():
    assert "unit" not in Story().view("B77")


def test_the_mission_is_place_hazards_leg_and_when_it_ends():
    story = Story().called().assigned().tell(e.UnitEnRoute("A01"), minute=2)
    view = story.view()
    assert view["incident"]["hazards"] == ["fuel"]
    assert view["incident"]["place"]["name_en"] == "G60"
    assert view["leg"]["eta_s"] == 240
    assert view["leg"]["eta_at"] == "2021-04-18T01:36:00Z"


def test_a_capacity_figure_comes_with_author_instant_and_limit_and_what_is_held():
    story = Story().at_scene()
    story.tell(e.HoldPlaced("I1-A", "sgh", "resus_bay", 1, story.now + timedelta(minutes=40)))
    figure = story.view()["hospitals"]["sgh"]["figures"]["resus_bay"]
    assert (figure["free"], figure["total"], figure["held"], figure["limit_s"]) == (BED[1], BED[2], 1, 900)
    assert figure["by"] and figure["at"]


def test_an_unreported_figure_is_absent_not_zero():
    story = Story().tell(e.CapacityReported("jsh", "icu_bed", None))
    assert "free" not in story.view()["hospitals"]["jsh"]["figures"]["icu_bed"]
    assert "ct" not in story.view()["hospitals"]["jsh"]["figures"]


def test_closures_in_force_are_told_and_expired_ones_are_not():
    story = Story().called().assigned()
    story.tell(e.ServiceClosed("jsh", "ct", "维修", START + timedelta(minutes=30)))
    story.tell(e.RoadClosed("works", "施工", ref="G60", until=START + timedelta(minutes=30)))
    assert "ct" in story.view()["hospitals"]["jsh"]["closures"] and "works" in story.view()["roads"]
    later = unit_view(story.picture, "A01", START + timedelta(minutes=31))
    assert not later["hospitals"]["jsh"]["closures"] and not later["roads"]


def test_the_decision_is_told_with_reasons_rejected_ways_and_the_clocks_side_by_side():
    view = Story().at_scene().decided().view()
    destination = view["casualties"]["I1-A"]["destination"]
    assert (destination["hospital"], destination["mode"], destination["name_zh"]) == ("sgh", "rendezvous", "市一")
    assert [one["hospital"] for one in destination["rejected"]] == ["sgh", "jsh"]
    assert destination["rejected"][0]["reasons"] == [{"code": "time", "facts": {"slower_s": 2220}}]
    clocks = view["casualties"]["I1-A"]["clocks"]
    assert (clocks["rendezvous"]["eta_s"], clocks["road"]["eta_s"]) == (1680, 3900)
    assert "air" not in clocks  # nobody reckoned it: absent, not zero


def test_what_holds_for_all_hospitals_is_told_once_and_says_why_there_is_no_flight():
    why = (e.Reason("no_landing_site"),)
    for hospital in ("", "sgh"):  # once for all, and as older records have it
        line = e.Rejection(hospital, "air", None, why)
        story = Story().at_scene().tell(e.DestinationChosen("I1-A", OPTION, (BY_ROAD, ELSEWHERE, line)), minute=8)
        told = story.view()["casualties"]["I1-A"]
        assert told["clocks"]["air"] == {"reasons": [{"code": "no_landing_site", "facts": {}}]}
        assert told["destination"]["rejected"][-1]["hospital"] == hospital
        assert "runner_up" not in told["destination"]


def test_the_crew_is_told_the_chance_of_a_bay_the_slot_that_is_held_and_who_comes_second():
    option = structs.replace(OPTION, p_bay=0.84, definitive_s=1800.0)
    full = e.Rejection("jsh", "road", 1000.0, (e.Reason("capacity", {"resource": "resus_bay"}),))
    second = e.Rejection("sj", "road", 2000.0, (e.Reason("time", {"slower_s": 320}),),
                         would_win=e.Reason("change.eta_shorter", {"minutes": 6}))  # fmt: skip
    story = Story().at_scene().tell(e.DestinationChosen("I1-A", option, (BY_ROAD, full, second)), minute=8)
    story.tell(e.HoldPlaced("I1-A", "sgh", "resus_bay", 2, story.now + timedelta(minutes=40)))
    told = story.view()["casualties"]["I1-A"]
    assert told["destination"]["p_bay"] == 0.84 and told["hold"] == {"resource": "resus_bay", "slot": 2}
    assert told["destination"]["runner_up"]["hospital"] == "sj", "neither the same hospital nor one that was full"
    assert told["destination"]["runner_up"]["would_win"]["code"] == "change.eta_shorter"
    assert "runner_up" not in Story().at_scene().decided().view()["casualties"]["I1-A"]["destination"]


def test_where_nobody_can_take_them_the_crew_is_told_where_to_stabilise_and_who_is_asked():
    story = Story().at_scene().tell(e.NoDestination("I1-A", (ELSEWHERE,), "jsh", ("sgh",)), minute=8)
    told = story.view()["casualties"]["I1-A"]
    assert (told["stabilise_at"], told["ask"]) == ("jsh", ["sgh"])
    story.tell(e.DestinationProposed("I1-A", DECISION), minute=9)
    assert not {"stranded", "stabilise_at", "ask"} & story.view()["casualties"]["I1-A"].keys()


def test_a_proposal_is_shown_until_somebody_says_yes():
    story = Story().at_scene()
    story.tell(e.DestinationRequested("I1-A", "A01"), minute=7)
    assert "requested_at" in story.view()["casualties"]["I1-A"]
    story.tell(e.DestinationProposed("I1-A", DECISION), minute=7)
    assert story.view()["casualties"]["I1-A"]["proposal"]["hospital"] == "sgh"
    story.tell(e.DestinationChosen("I1-A", OPTION), minute=8)
    assert "proposal" not in story.view()["casualties"]["I1-A"]


def test_the_wards_answers_reach_the_crew():
    story = Story().at_scene().decided()
    story.tell(e.PrealertAcknowledged("I1-A", "sgh", "王医生"), e.BayAssigned("I1-A", "sgh", "R2"), minute=10)
    story.tell(e.TeamActivated("I1-A", "sgh", "trauma", 1, ("surgeon", "ct")), minute=10)
    story.tell(e.TeamMemberReported("I1-A", "sgh", "ct", "ready"), minute=11)
    story.tell(e.MessageSent("m1", "I1-A", "王医生", "氨甲环酸 1 g", order=True), minute=11)
    story.tell(e.MessageRead("m1", "crew", "氨甲环酸 1 g"), minute=11.5)
    told = story.view()["casualties"]["I1-A"]
    assert told["bay"] == "R2"
    assert (told["prealert"]["stage"], told["prealert"]["by"]) == ("acknowledged", "王医生")
    assert {name: one["state"] for name, one in told["team"]["members"].items()} == {"surgeon": "called", "ct": "ready"}
    assert told["messages"]["m1"]["order"] and told["messages"]["m1"]["read_back"] == "氨甲环酸 1 g"


def test_each_side_of_a_rendezvous_sees_the_other_coming():
    story = Story().at_scene().decided()
    story.tell(e.PositionReported("H01", 30.95, 121.1), minute=9.5)
    partner = story.view("A01")["partners"]["H01"]
    assert partner["duty"] == "en_route"
    assert partner["eta_at"] == "2021-04-18T01:43:00Z"  # lifted at +9, 240 s
    assert partner["position"]["lat"] == 30.95
    assert story.view("H01")["partners"]["A01"]["duty"] == "at_patient"


def test_other_ambulances_of_the_incident_are_no_partners():
    story = Story().at_scene().decided()
    story.tell(e.CasualtyFound("I1-B", "I1", "B"), minute=9).assigned("A02", minute=9)
    story.tell(e.UnitEnRoute("A02"), e.UnitOnScene("A02"), e.UnitAtPatient("A02", "I1-B"), minute=10)
    assert set(story.view("A01")["partners"]) == {"H01"}
    assert set(story.view("H01")["partners"]) == {"A01"}


def test_a_casualty_who_was_transferred_concerns_the_taker_only():
    story = Story().at_scene().decided().at_fengjing()
    story.tell(e.CasualtyTransferred("I1-A", "A01", "H01", "fengjing"), minute=15)
    assert "I1-A" not in story.view("A01")["casualties"]
    assert story.view("H01")["unit"]["aboard"] == ["I1-A"]
    assert "I1-A" in story.view("H01")["casualties"]


def test_another_crew_of_the_same_incident_sees_who_is_still_at_the_scene_and_no_one_else():
    story = Story().at_scene()
    story.tell(e.CasualtyFound("I1-B", "I1", "B"), minute=6)
    story.assigned("A02", minute=6)
    assert set(story.view("A02")["casualties"]) == {"I1-A", "I1-B"}
    story.tell(e.CasualtyBoarded("I1-A", "A01"), minute=9)
    assert set(story.view("A02")["casualties"]) == {"I1-B"}


def test_an_aircraft_that_was_sent_to_another_casualty_sees_only_that_one():
    story = Story().at_scene().decided()
    story.tell(e.CasualtyFound("I1-B", "I1", "B"), minute=9)
    assert set(story.view("H01")["casualties"]) == {"I1-A"}


def test_a_closed_casualty_is_told_no_more():
    story = Story().at_scene()
    story.tell(e.CasualtyClosed("I1-A", "refused"), minute=7)
    assert story.view()["casualties"] == {}


def test_a_hospitals_place_is_told_with_the_choice():
    view = Story().at_scene().decided().view()
    assert view["casualties"]["I1-A"]["destination"]["place"]["lat"] == WARD.lat


def test_a_crew_is_told_what_became_of_the_wish_for_a_guaranteed_uplink():
    story = Story().called().assigned()
    assert "uplink" not in story.view()["unit"]
    story.tell(e.UplinkChanged("A01", "refused", "silent"))
    assert story.view()["unit"]["uplink"] == {"state": "refused", "why": "silent"}
    story.tell(e.UplinkChanged("A01", "granted", "", "s-1"))
    assert story.view()["unit"]["uplink"] == {"state": "granted"}
    assert "uplink" not in story.tell(e.UplinkChanged("A01", "given_back", "", "s-1")).view()["unit"]
