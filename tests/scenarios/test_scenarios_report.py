"""What a drill proved: every number of the report equals the hand calculation of the small case."""

from __future__ import annotations

import pytest
from report_case import CENTRE, EXPECTED, GROUND_OPEN_S, GROUND_S, expected, played, reported

from casebook.log import Entry
from scenarios.report import Watched, vitals_of


@pytest.fixture(scope="module")
def entries() -> list[Entry]:
    return played()


def until(entries: list[Entry], kind: str, casualty: str = "I1-A") -> list[Entry]:
    """The log as it would be had this fact of this casualty (and all after it) never come."""
    end = next(i for i, x in enumerate(entries) if x.kind == kind and x.body.get("casualty") == casualty)
    return entries[:end]


def test_the_clocks_are_those_of_the_hand_calculation(entries: list[Entry]) -> None:
    assert reported(entries)["clocks_s"] == {
        "incident_to_first_data": 292.0,  # stored in the book, two seconds after it was measured
        "incident_to_rendezvous": 870.0,
        "incident_to_door": 1680.0,
        "decision_to_door": 1680.0 - 360.0,
        "handover_to_door": 1680.0 - 870.0,
        "ground_incident_to_door": GROUND_S,
        "ground_works_off_incident_to_door": GROUND_OPEN_S,
        "saved": GROUND_S - 1680.0,
    }


def test_saved_is_ground_less_actual_and_never_the_air_segment(entries: list[Entry]) -> None:
    clocks = reported(entries, ground_s=1000.0)["clocks_s"]
    assert clocks["saved"] == 1000.0 - 1680.0
    assert clocks["saved"] != 1000.0 - clocks["handover_to_door"]


def test_nothing_is_saved_without_a_run_by_road_or_without_a_door(entries: list[Entry]) -> None:
    assert reported(entries, ground_s=None)["clocks_s"]["saved"] is None
    assert reported(until(entries, "casualty_arrived"))["clocks_s"]["saved"] is None


def test_moments_that_never_came_are_absent_and_their_clocks_are_none(entries: list[Entry]) -> None:
    report = reported(until(entries, "casualty_transferred"))
    clocks = report["clocks_s"]
    assert clocks["incident_to_rendezvous"] is clocks["handover_to_door"] is clocks["incident_to_door"] is None
    assert clocks["incident_to_first_data"] == 292.0
    assert "casualty_transferred" not in report["moments_s"]
    assert report["moments_s"]["unit_at_landing_site"] == 840.0


def test_an_expectation_on_a_moment_that_never_came_fails(entries: list[Entry]) -> None:
    report = reported(until(entries, "casualty_transferred"))
    passed = {one["name"]: one["passed"] for one in report["expectations"]}
    actual = {one["name"]: one["actual"] for one in report["expectations"]}
    assert passed == {
        "first data": True,
        "meeting": False,
        "door": False,
        "saved": False,
        "hospital": True,
        "lost": True,
    }
    assert actual["meeting"] is None


def test_every_expectation_of_the_whole_case_is_met(entries: list[Entry]) -> None:
    assert [one["passed"] for one in reported(entries)["expectations"]] == [True] * len(EXPECTED)


@pytest.mark.parametrize(
    ("value", "bounds", "passed"),
    [
        ("clocks_s.saved", {"at_least": 2020}, True),
        ("clocks_s.saved", {"at_least": 2020.1}, False),
        ("decision.hospital", {"at_least": 1}, False),  # a word is neither more nor less than a number
        ("decision.hospital", {"equals": "county"}, False),
        ("no.such.path", {"at_most": 5}, False),
        ("casualties.count", {"equals": 5}, True),
        ("casualties.0.stage", {"equals": "handed_over"}, True),
        ("casualties.0.times.casualty_arrived", {"at_most": 1e12}, False),
    ],
)
def test_an_expectation_passes_on_its_value_alone(entries: list[Entry], value: str, bounds: dict, passed: bool) -> None:
    (one,) = reported(entries, expected("x", value, **bounds))["expectations"]
    assert one["passed"] is passed


def test_moments_count_from_the_crash_and_name_the_aircraft_apart(entries: list[Entry]) -> None:
    moments = reported(entries)["moments_s"]
    wanted = {
        "unit_assigned": 60.0, "unit_on_scene": 275.0, "casualty_triaged": 310.0, "destination_chosen": 360.0,
        "aircraft_en_route": 370.0, "prealert_acknowledged": 380.0, "team_complete": 590.0, "unit_left_scene": 630.0,
        "aircraft_at_landing_site": 800.0, "unit_at_landing_site": 840.0, "aircraft_at_destination": 1500.0,
        "handover_completed": 1730.0,
    }  # fmt: skip
    assert {name: moments[name] for name in wanted} == wanted
    assert list(moments.values()) == sorted(moments.values())


def test_the_decision_keeps_every_rejected_way_with_its_reasons(entries: list[Entry]) -> None:
    made = reported(entries)["decision"]
    assert (made["hospital"], made["mode"], made["rendezvous"], made["aircraft"]) == (
        CENTRE,
        "rendezvous",
        "site",
        "H01",
    )
    rejected = [(one["hospital"], one["mode"], one["eta_s"], one["reasons"]) for one in made["rejected"]]
    assert [
        (hospital, mode, eta_s, [why["code"] for why in reasons]) for hospital, mode, eta_s, reasons in rejected
    ] == [
        (CENTRE, "road", 3280.0, ["closure", "time"]),
        ("county", "road", 880.0, ["capability"]),
        ("", "air", None, ["no_landing_site"]),
    ]
    assert sum(made["terms_s"].values()) == made["eta_s"]


def test_without_a_destination_the_decision_is_empty(entries: list[Entry]) -> None:
    made = reported(until(entries, "destination_chosen"))["decision"]
    assert made["hospital"] is made["mode"] is made["rendezvous"] is None


def test_what_was_sampled_and_is_not_in_the_book_is_lost(entries: list[Entry]) -> None:
    stored = sum(entry.kind == "vitals_recorded" for entry in entries)
    assert stored == 1 + 3 + 5 + 26
    ledger = vitals_of(entries, Watched(sampled=stored + 3, shown=stored, late=2))
    assert (ledger["sampled"], ledger["stored"], ledger["shown"], ledger["late"], ledger["lost"]) == (38, 35, 35, 2, 3)


def test_every_casualty_is_told_with_where_they_are(entries: list[Entry]) -> None:
    lines = reported(entries)["casualties"]
    assert [(one["label"], one["category"], one["stage"], one["hospital"]) for one in lines] == [
        ("A", "red", "handed_over", CENTRE),
        ("B", "yellow", "handed_over", "county"),
        ("C", "green", "closed", None),
        ("D", None, "destined", "county"),
        ("E", "black", "closed", None),
    ]


def test_two_plays_of_one_case_give_one_report(entries: list[Entry]) -> None:
    assert reported(played()) == reported(entries)


def test_another_decision_changes_the_hash_of_what_was_decided(entries: list[Entry]) -> None:
    whole, cut = reported(entries)["log"], reported(until(entries, "destination_chosen"))["log"]
    assert whole["decided"] != cut["decided"] and whole["head"] == entries[-1].hash


def test_an_empty_log_proves_nothing() -> None:
    report = reported([])
    assert report["clocks_s"]["incident_to_door"] is None and report["moments_s"] == {} and report["casualties"] == []
    assert not any(one["passed"] for one in report["yardstick"])
    assert report["log"] == {"events": 0, "head": "", "decided": report["log"]["decided"]}
