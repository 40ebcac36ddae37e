"""Intervals of every mission and the exercise yardstick, against the hand calculation of the small case."""

from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec.structs import replace
from report_case import CENTRE, START, played, reported

from casebook.log import Entry
from casebook.words import LANGUAGES, catalogue
from scenarios.report_intervals import INTERVALS, incident_moments, missions_of, yardstick, yardstick_lines


@pytest.fixture(scope="module")
def entries() -> list[Entry]:
    return played()


@pytest.fixture(scope="module")
def intervals(entries: list[Entry]) -> dict[str, dict[str, float | None]]:
    return {line["unit"]: line["intervals_s"] for line in reported(entries)["intervals"]}


def test_an_ambulance_at_the_meeting_hands_over_to_the_aircraft(intervals: dict) -> None:
    assert intervals["A01"] == {
        "dispatch": 45, "chute": 10, "response": 205, "call_to_scene": 260, "scene": 355, "transport": 210,
        "handover": 30, "clear": 230,
    }  # fmt: skip


def test_a_helicopters_scene_is_the_landing_site_and_its_handover_the_hospitals(intervals: dict) -> None:
    assert intervals["H01"] == {
        "dispatch": 345, "chute": 10, "response": 430, "call_to_scene": 785, "scene": 200, "transport": 500,
        "handover": 50, "clear": 60,
    }  # fmt: skip


def test_an_ambulance_to_the_hospital_hands_over_at_its_door_and_what_never_came_is_none(intervals: dict) -> None:
    second = intervals["A02"]
    assert (second["scene"], second["transport"], second["handover"], second["clear"]) == (140, 760, 390, None)


def test_a_second_mission_of_a_vehicle_is_counted_by_itself(entries: list[Entry]) -> None:
    assigned = next(x for x in entries if x.kind == "unit_assigned" and x.body["unit"] == "A01")
    again = replace(assigned, seq=len(entries) + 1, at=START + timedelta(seconds=2000))
    missions = [one for one in missions_of([*entries, again]) if one.unit == "A01"]
    assert [one.times["unit_assigned"] for one in missions] == [assigned.at, again.at]
    assert "unit_on_scene" not in missions[1].times and missions[1].span == (again.at, None)


def test_the_yardstick_counts_scene_region_and_hospital_from_their_own_beginnings(entries: list[Entry]) -> None:
    found = {one["item"]: (one["actual_s"], one["passed"]) for one in yardstick_lines(entries)}
    assert found == {
        "first_report": (280 - 275, True),
        "liaison": (0, True),  # the police brought the call
        "first_evacuated": (630 - 275, True),
        "extra_resources": (90 - 15, True),  # the next district was asked
        "receiving_hospitals": (360 - 15, False),
        "scene_contact": (280 - 15, True),
        "hospital_prepared": (390 - 360, True),
        "hospital_resources": (0, True),  # stated before, and still fresh
    }


def test_what_never_came_fails_the_yardstick(entries: list[Entry]) -> None:
    before = [x for x in entries if x.at < START + timedelta(seconds=275)]
    found = {one["item"]: (one["actual_s"], one["passed"]) for one in yardstick_lines(before)}
    assert found["first_report"] == found["hospital_prepared"] == (None, False)
    assert found["extra_resources"] == (75, True)


def test_a_figure_too_old_at_the_pre_alert_does_not_count_as_told(entries: list[Entry]) -> None:
    old = [replace(x, at=x.at - timedelta(hours=1)) if x.kind == "capacity_reported" else x for x in entries]
    assert "capacity_told" not in incident_moments(old)
    said = next(x for x in entries if x.kind == "capacity_reported")
    later = replace(said, seq=len(entries) + 1, at=START + timedelta(seconds=600))
    assert incident_moments([*old, later])["capacity_told"] == later.at
    implied = replace(later, body={**said.body, "source": "handover"})
    assert "capacity_told" not in incident_moments([*old, implied])
    assert said.body["hospital"] == CENTRE


def test_the_table_names_its_sources_and_known_moments(entries: list[Entry]) -> None:
    rules = yardstick()
    used = [*rules["measured"], *rules["intervals"], *rules["readiness"]]
    assert {one["source"] for one in used} == set(rules["sources"])
    known = set(incident_moments(entries))
    assert {one[end] for one in rules["measured"] for end in ("from", "to")} <= known
    assert {one["interval"] for one in rules["intervals"]} <= set(INTERVALS)
    assert {one["of"] for one in rules["intervals"]} == {"each", "mean"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_everything_in_the_table_has_its_words(language) -> None:
    words, rules = catalogue(language), yardstick()
    keys = [f"report.item.{one['item']}" for one in rules["measured"]]
    keys += [f"report.level.{one['level']}" for one in rules["measured"]]
    keys += [f"report.moment.{one[end]}" for one in rules["measured"] for end in ("from", "to")]
    keys += [f"report.unmeasured.{one}" for one in rules["not_measured"]]
    keys += [f"report.interval.{one}{more}" for one in INTERVALS for more in ("", ".means")]
    keys += [f"report.ready.{one['to']}" for one in rules["readiness"]]
    assert not [key for key in keys if key not in words]
    assert all(source["text"][language].strip() for source in rules["sources"].values())
