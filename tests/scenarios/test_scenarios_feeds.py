"""What a drill plugs in: the first facts, and a monitor for each casualty."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ambulance_unit.monitor.generator import CourseMonitor
from ambulance_unit.monitor.record import RecordMonitor
from casebook.errors import RefusedInput
from scenarios.feeds import Body, bodies_of, first_facts, monitors
from scenarios.format import Scenario, find_scenario, load_scenario
from scenarios.vocabulary import all_asks

START = datetime(2021, 4, 18, 1, 30, tzinfo=UTC)
SICK = Body("A", ({"at": 0.0, "hr_bpm": 130.0, "sbp_mmhg": 80.0, "spo2_pct": 90.0, "rr_bpm": 30.0},))


@pytest.fixture(scope="module")
def g60() -> Scenario:
    return load_scenario(find_scenario("g60_fengjing"), all_asks())


def read(monitor, minutes: float = 2):
    assert monitor is not None
    return monitor.numerics(START + timedelta(minutes=minutes)).as_dict()


def test_a_drill_begins_by_saying_that_it_is_one(g60: Scenario):
    first, *facts = first_facts(g60, 6.0)
    assert (first.name, first.scenario, first.seed, first.rate) == ("drill_started", "g60_fengjing", 930, 6.0)
    enrolled = [fact.unit for fact in facts if fact.name == "unit_enrolled"]
    assert enrolled == [unit.id for unit in g60.units]


def test_what_was_not_reported_is_in_no_fact(g60: Scenario):
    reported = [fact for fact in first_facts(g60, 1.0) if fact.name == "capacity_reported"]
    assert "changzheng" not in {fact.hospital for fact in reported}
    bays = {fact.hospital: fact.free for fact in reported if fact.resource == "resus_bay"}
    assert (bays["sgh_south"], bays["sixth"]) == (2, 0)


def test_every_casualty_of_the_drill_has_a_body(g60: Scenario):
    assert [body.label for body in bodies_of(g60)] == list("ABCDE")
    assert all(body.course for body in bodies_of(g60))


def test_a_casualty_shows_the_same_on_every_vehicle_and_something_else_with_another_seed():
    here, there = (monitors([SICK], "", START, 1.0, seed=1)("A") for _ in range(2))
    other = monitors([SICK], "", START, 1.0, seed=2)("A")
    assert isinstance(here, CourseMonitor)
    minutes = [m / 10 for m in range(10, 40)]
    assert [read(here, m) for m in minutes] == [read(there, m) for m in minutes]
    assert [read(here, m) for m in minutes] != [read(other, m) for m in minutes]


def test_a_monitor_is_made_once_for_a_casualty_and_none_without_a_body_or_record():
    find = monitors([SICK], "", START, 1.0, seed=1)
    assert find("A") is find("A")
    assert find("stranger") is None


def test_a_record_is_played_where_the_scenario_names_one(shared_data: Path):
    find = monitors([Body("A", record=str(shared_data / "vitals" / "03700181"))], "", START, 1.0, seed=1)
    assert isinstance(find("A"), RecordMonitor)
    shown = read(find("A"))
    assert 30 < shown["hr_bpm"] < 200
    assert shown["sbp_mmhg"] < 90, "this patient's pressure is low"


def test_a_vehicles_own_record_is_for_those_the_drill_does_not_know(shared_data: Path):
    find = monitors([SICK], str(shared_data / "vitals" / "a103l"), START, 1.0, seed=1)
    assert isinstance(find("A"), CourseMonitor)
    assert isinstance(find("somebody"), RecordMonitor)


def test_a_record_that_is_not_there_is_refused():
    with pytest.raises(RefusedInput) as caught:
        monitors([Body("A", record="/nowhere/record")], "", START, 1.0, seed=1)("A")
    assert caught.value.key == "record_not_found"
