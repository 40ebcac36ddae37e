"""What the console shows: everything by id, every figure with its author and time, the clocks side by side."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest
from msgspec import structs
from valley import CITY, G1_EAST, SCENE, SERVICE, START, casualty, crash, enrolled, reported, told, valley_area

from casebook import events as e
from casebook.book import Book
from casebook.clock import JumpClock
from casebook.live import merge_patch, patched, plain
from casebook.log import By, MemoryLog
from casebook.picture import Picture
from dispatch.console_view import clock_of, console_view, drawn, is_told, leg_eta_at, log_line
from dispatch.desk import decision_on
from dispatch.destination import case_of, decide_destination
from dispatch.journeys import road_leg
from dispatch.rule_files import default_policy
from dispatch.timing import ways_for
from routing.roads import Roadmap

A = "20210418-001-A"
AREA = valley_area()
STANDBY = e.UnitOnStandby("H1", "20210418-001")
BASE = [*enrolled(), *reported(), *crash(), *casualty()]


def proposed(valley: Roadmap, *more: e.Event) -> list[e.Event]:
    """The base with a proposal, made on it as the desk would."""
    facts = [*BASE, *more]
    picture = told(facts)
    timed = ways_for(valley, AREA, picture, A, START, default_policy())
    decision = decision_on(picture, A, timed, START, default_policy(), valley)
    return [*facts, e.DestinationProposed(A, decision)]


def view(picture: Picture, at=START) -> dict:
    return plain(console_view(picture, at, AREA))


def test_an_empty_picture_has_an_empty_view():
    shown = view(Picture())
    assert shown["incidents"] == shown["units"] == shown["casualties"] == {}
    assert "drill" not in shown


def test_the_view_is_plain_json_and_patches_rebuild_it(valley: Roadmap):
    before, after = view(told(BASE)), view(told(proposed(valley, STANDBY, G1_EAST)))
    patch = merge_patch(before, after)
    assert patched(before, patch) == after
    assert msgspec.json.decode(msgspec.json.encode(after)) == msgspec.json.decode(msgspec.json.encode(after))
    assert "null" not in msgspec.json.encode(after).decode().replace('"null', "")


def test_a_figure_has_author_time_and_state(valley: Roadmap):
    held = e.HoldPlaced(A, "city", "resus_bay", 1, START + timedelta(hours=1))
    silent = e.CapacityReported("mill", "resus_bay", None)
    picture = told([*BASE, held, silent])
    figure = view(picture)["hospitals"]["city"]["figures"]["resus_bay"]
    assert (figure["free"], figure["held"], figure["left"], figure["state"]) == (2, 1, 1, "known")
    assert figure["by"] == "desk:test" and figure["at"]
    assert view(picture)["hospitals"]["mill"]["figures"]["resus_bay"]["state"] == "unknown"
    old = view(picture, START + timedelta(minutes=16))["hospitals"]["city"]["figures"]["resus_bay"]
    assert old["state"] == "stale" and "left" not in old


def test_the_three_clocks_stand_side_by_side_with_their_terms_in_order(valley: Roadmap):
    picture = told(proposed(valley, STANDBY, G1_EAST))
    clocks = view(picture)["casualties"][A]["proposal"]["clocks"]
    assert set(clocks) == {"road", "air", "rendezvous"}
    assert clocks["rendezvous"]["place"] == 1 and clocks["road"]["place"] > 1
    assert [name for name, _ in clocks["rendezvous"]["terms"]][:2] == ["on_scene", "drive"]
    assert [reason["code"] for reason in clocks["air"]["reasons"]] == ["no_landing_site"]
    assert clocks["air"]["hospital"] == ""  # which holds for all of them


def test_an_older_record_with_a_line_per_hospital_still_has_its_clock(valley: Roadmap):
    decision = proposed(valley)[-1].decision  # type: ignore[attr-defined]
    why = (e.Reason("no_landing_site"),)
    lines = tuple(e.Rejection(id, "air", None, why) for id in ("quarry", "city", "mill"))
    older = structs.replace(decision, rejected=(*decision.rejected[:-1], *lines))
    clock = clock_of(older, "air")
    assert clock is not None and clock["hospital"] == older.options[0].hospital
    assert [reason["code"] for reason in clock["reasons"]] == ["no_landing_site"]


def test_without_helicopters_there_is_no_clock_for_them(valley: Roadmap):
    facts = [f for f in BASE if not (isinstance(f, e.UnitEnrolled) and f.unit == "H1")]
    picture = told(facts)
    ways = ways_for(valley, AREA, picture, A, START, default_policy()).ways
    decision = decide_destination(
        case_of(picture.get_casualty(A)), ways, picture.hospitals, (), START, default_policy()
    )
    assert clock_of(decision, "air") is None and clock_of(decision, "rendezvous") is None


def test_a_proposal_on_other_traffic_is_marked_outdated(valley: Roadmap):
    facts = proposed(valley)
    assert view(told(facts))["casualties"][A]["outdated"] is False
    assert view(told([*facts, G1_EAST]))["casualties"][A]["outdated"] is True


def test_a_proposal_is_not_shown_any_more_once_the_casualty_has_arrived(valley: Roadmap):
    facts = proposed(valley)
    option = facts[-1].decision.options[0]  # type: ignore[attr-defined]
    there = [
        e.DestinationChosen(A, option), e.CasualtyBoarded(A, "A1"), e.UnitLeftScene("A1"),
        e.UnitAtDestination("A1", "city"), e.CasualtyArrived(A, "city", "A1"),
    ]  # fmt: skip
    shown = view(told([*facts, *there]))["casualties"][A]
    assert "proposal" not in shown and shown["arrived_at"]


def test_those_nobody_can_take_keep_their_reasons():
    rejected = (e.Rejection("city", "road", None, (e.Reason("no_route"),)),)
    shown = view(told([*BASE, e.NoDestination(A, rejected)]))["casualties"][A]
    assert shown["stranded"][0]["reasons"][0]["code"] == "no_route"


def test_a_leg_has_an_arrival_time_only_once_the_unit_has_set_off(valley: Roadmap):
    leg = road_leg(valley, SERVICE, SCENE, told(enrolled()), START)
    opened = e.IncidentOpened("I", SCENE, "traffic", 1, "120", "")
    waiting = told([*enrolled(), opened, e.UnitAssigned("A2", "I", "transport", leg)])
    assert leg_eta_at(waiting.get_unit("A2")) is None
    rolling = told([*enrolled(), opened, e.UnitAssigned("A2", "I", "transport", leg), e.UnitEnRoute("A2")])
    assert leg_eta_at(rolling.get_unit("A2")) == START + timedelta(seconds=leg.eta_s)
    assert view(rolling)["units"]["A2"]["leg"]["line"][-1] == pytest.approx([SCENE.lon, SCENE.lat])


def test_a_drawn_line_keeps_its_ends_and_its_bends():
    straight = tuple((121.0 + n / 100, 31.0, float(n)) for n in range(50))
    assert drawn(straight) == [[121.0, 31.0], [121.49, 31.0]]
    bent = (*straight, (121.49, 31.2, 60.0))
    assert drawn(bent) == [[121.0, 31.0], [121.49, 31.0], [121.49, 31.2]]


def test_first_data_of_an_incident_is_the_first_sample_of_anybody():
    assert "first_data_at" not in view(told(BASE))["incidents"]["20210418-001"]
    with_data = told([*BASE, e.VitalsRecorded(A, "A1", {"hr_bpm": 120})])
    assert view(with_data)["incidents"]["20210418-001"]["first_data_at"]
    assert view(with_data)["casualties"][A]["vitals"]["hr_bpm"]["value"] == 120


async def test_the_activity_log_has_words_and_leaves_the_stream_out():
    book = Book.open(MemoryLog(), JumpClock(START))
    facts = [*BASE, e.VitalsRecorded(A, "A1", {"hr_bpm": 120})]
    entries = await book.write(lambda picture: facts, By("desk", "test"))
    told_of = [entry for entry in entries if is_told(entry)]
    assert {entry.kind for entry in told_of}.isdisjoint({"vitals_recorded", "unit_enrolled"})
    chosen = e.DestinationChosen(A, e.Option("city", "road", 900.0, {"drive": 900.0}))
    (entry,) = await book.write(lambda picture: [chosen], By("dispatcher", "desk 1"))
    assert log_line(entry)["facts"] == {
        "casualty": A, "hospital": "city", "mode": "road", "eta_min": 15.0, "override_reason": ""
    }  # fmt: skip


def test_hospitals_count_who_is_coming():
    option = e.Option("city", "road", 900.0, {"drive": 900.0})
    picture = told([*BASE, e.DestinationChosen(A, option)])
    assert view(picture)["hospitals"]["city"]["inbound"] == 1
    assert (
        view(told([*BASE, e.DestinationChosen(A, option), e.CasualtyClosed(A, "died")]))["hospitals"]["city"]["inbound"]
        == 0
    )
    assert view(picture)["hospitals"]["city"]["place"]["lat"] == CITY.lat


def test_each_feed_tells_how_old_it_is_and_what_nobody_told_is_counted():
    hospitals = [fact for fact in enrolled() if isinstance(fact, e.HospitalEnrolled)]
    feeds = view(told(hospitals))["feeds"]
    assert feeds == {"traffic": {}, "capacity": {}, "silent": 3}
    known = told(
        [
            *hospitals,
            e.CapacityReported("city", "resus_bay", 2, 4),
            e.CapacityReported("city", "ct", 1, 1),
            e.CapacityReported("mill", "resus_bay", 1, 4, source="have"),
            e.CapacityReported("quarry", "resus_bay", None, 4),
            e.TrafficObserved("city-loops", "r", ((40.0, 30.0, 50.0, 5.0),), ((0, 0, 0),)),
        ]
    )
    feeds = view(known)["feeds"]
    assert feeds["traffic"]["city-loops"] == {
        "at": START.isoformat().replace("+00:00", "Z"),
        "late_s": 900,
        "limit_s": 10800,
    }
    assert {name: one["hospitals"] for name, one in feeds["capacity"].items()} == {"board": 1, "have": 1}
    assert feeds["silent"] == 1, "an empty figure tells nothing"
