"""A call becomes an incident: in the right place, under a number of its day, with the service that told us linked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from valley import CITY, SCENE, START, casualty, crash, enrolled, told

from casebook import events as e
from casebook.asking import read_command
from casebook.errors import RefusedInput
from casebook.picture import Picture
from casebook.place import Place
from dispatch.intake import CloseIncident, ReportCall, Whereabouts, close_incident, incident_id, place_of, take_call
from dispatch.rule_files import default_tasks

TASKS = default_tasks()
KNOWN = (SCENE, CITY, Place(31.5, 121.5, "新村", "New Village"), Place(31.6, 121.6, "新村", "New Village"))
OPENED = e.IncidentOpened("20210418-001", SCENE, "traffic", 1, "120", "")


def call(**fields) -> ReportCall:
    return ReportCall(place=Whereabouts(lat=31.0, lon=121.0), kind="traffic", **fields)


def test_numbers_count_within_the_day_of_shanghai():
    assert incident_id(Picture(), START) == "20210418-001"
    assert incident_id(told([OPENED]), START) == "20210418-002"
    assert incident_id(told([OPENED]), datetime(2021, 4, 18, 16, 0, tzinfo=UTC)) == "20210419-001"


def test_a_direct_call_opens_an_incident_and_links_nobody():
    (opened,) = take_call(Picture(), call(summary="two cars"), START, (), TASKS)
    assert isinstance(opened, e.IncidentOpened)
    assert (opened.incident, opened.channel, opened.drill) == ("20210418-001", "120", False)


@pytest.mark.parametrize("channel", ["110", "119"])
def test_a_linked_call_also_notes_who_told_us(channel):
    _, linked = take_call(Picture(), call(channel=channel), START, (), TASKS)
    assert linked == e.AgencyLinked("20210418-001", channel, "")


def test_in_a_drill_the_incident_is_marked_as_exercise():
    picture = told([e.DrillStarted("g60", 1, 6.0, "delta")])
    (opened,) = take_call(picture, call(channel="crash_alarm"), START, (), TASKS)
    assert isinstance(opened, e.IncidentOpened) and opened.drill


def test_coordinates_in_gcj02_are_brought_to_wgs84():
    where = Whereabouts(lat=31.027880, lon=121.231417, datum="gcj02", name="泗泾")
    place = place_of(where, ())
    assert (place.lat, place.lon) == pytest.approx((31.030, 121.227), abs=1e-6)
    assert place.name_zh == "泗泾"


def test_a_place_may_be_named_in_either_language():
    assert place_of(Whereabouts(name="城中"), KNOWN) == CITY
    assert place_of(Whereabouts(name=" city "), KNOWN) == CITY


@pytest.mark.parametrize(
    ("where", "error"),
    [
        (Whereabouts(), "place_unknown"),
        (Whereabouts(name="Nowhere"), "place_unknown"),
        (Whereabouts(name="新村"), "place_ambiguous"),
        (Whereabouts(lat=31.0), "bad_field"),
        (Whereabouts(lat=310.0, lon=121.0), "bad_field"),
    ],
)
def test_a_place_that_cannot_be_found_is_refused_not_guessed(where, error):
    with pytest.raises(RefusedInput) as refused:
        place_of(where, KNOWN)
    assert refused.value.key == error


@pytest.mark.parametrize(
    "field",
    [
        {"priority": 0}, {"priority": 9}, {"channel": "999"}, {"kind": ""}, {"casualties_estimated": -1},
        {"place": {"lat": "north"}}, {"place": {"lat": 1, "lon": 2, "datum": "bd09"}}, {"colour": "red"},
    ],
)  # fmt: skip
def test_a_malformed_call_is_refused_with_its_field(field):
    body = {"place": {"lat": 31.0, "lon": 121.0}, "kind": "traffic"} | field
    with pytest.raises(RefusedInput):
        read_command(msgspec.json.encode(body), ReportCall, "report_call")


def test_it_cannot_have_happened_in_the_future():
    with pytest.raises(RefusedInput):
        take_call(Picture(), call(happened_at=START + timedelta(seconds=1)), START, (), TASKS)


def test_an_incident_is_not_closed_while_somebody_is_on_the_way():
    facts = [*enrolled(), *crash(), *casualty()]
    with pytest.raises(RefusedInput) as refused:
        close_incident(told(facts), CloseIncident(incident="20210418-001"))
    assert refused.value.facts["casualties"] == "A"
    done = told([*facts, e.CasualtyClosed("20210418-001-A", "refused")])
    assert close_incident(done, CloseIncident(incident="20210418-001")) == [e.IncidentClosed("20210418-001")]
