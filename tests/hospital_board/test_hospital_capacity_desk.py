"""What a hospital can take: stated with author and time, refused when impossible, unknown when nobody said so."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ward_story import SONGJIANG, START, after, at, enrolled, expected, stated

from casebook import events as e
from casebook.capacity import AGE_LIMIT_S
from casebook.errors import NotFound, RefusedInput
from hospital_board.capacity_desk import (
    COUNT_MAX,
    CloseService,
    ReopenService,
    ReportCapacity,
    capacity_view,
    close_service,
    recounted,
    reopen_service,
    report_capacity,
)


def refused(call, *given) -> RefusedInput:
    with pytest.raises(RefusedInput) as caught:
        call(*given)
    assert "?" not in caught.value.said("zh") + caught.value.said("en")
    return caught.value


def report(**counts) -> ReportCapacity:
    return ReportCapacity(hospital=SONGJIANG, resource=counts.pop("resource", "resus_bay"), **counts)


def test_what_nobody_stated_is_unknown_and_never_free():
    view = capacity_view(enrolled(), SONGJIANG, START)
    assert set(view["resources"]) == set(AGE_LIMIT_S)
    for resource in view["resources"].values():
        assert resource["state"] == "unknown"
        assert "free" not in resource and "left" not in resource


def test_a_stated_count_stands_with_author_and_time():
    picture = after(enrolled(), 10, *report_capacity(enrolled(), report(free=2, total=3)), by="ed:sister Li")
    bay = capacity_view(picture, SONGJIANG, at(20))["resources"]["resus_bay"]
    assert (bay["state"], bay["free"], bay["total"], bay["left"]) == ("known", 2, 3, 2)
    assert (bay["at"], bay["by"], bay["source"]) == (at(10), "ed:sister Li", "board")


def test_a_figure_too_old_is_stale_and_leaves_nothing():
    limit_s = AGE_LIMIT_S["resus_bay"]
    picture = stated(enrolled())
    assert capacity_view(picture, SONGJIANG, at(limit_s))["resources"]["resus_bay"]["state"] == "known"
    old = capacity_view(picture, SONGJIANG, at(limit_s + 1))["resources"]["resus_bay"]
    assert old["state"] == "stale" and old["left"] is None and old["free"] == 2


def test_a_ward_may_say_that_it_does_not_know():
    picture = after(stated(enrolled()), 10, *report_capacity(stated(enrolled()), report()))
    bay = capacity_view(picture, SONGJIANG, at(10))["resources"]["resus_bay"]
    assert bay["state"] == "unknown" and bay["total"] == 3


def test_what_is_held_for_the_inbound_is_no_longer_left():
    bay = capacity_view(expected(free=2), SONGJIANG, at(410))["resources"]["resus_bay"]
    assert (bay["free"], bay["held"], bay["left"]) == (2, 1, 1)


@pytest.mark.parametrize(
    ("counts", "key"),
    [
        ({"free": -1}, "impossible_count"),
        ({"free": COUNT_MAX + 1}, "impossible_count"),
        ({"free": 0, "total": -2}, "impossible_count"),
        ({"free": 4, "total": 3}, "more_free_than_there_are"),
        ({"free": 4}, "more_free_than_there_are"),  # three were stated before
        ({"resource": "cinema", "free": 1}, "unknown_resource"),
    ],
)
def test_impossible_counts_are_refused(counts, key):
    assert refused(report_capacity, stated(enrolled(), 2, 3), report(**counts)).key == key


def test_an_unknown_hospital_is_refused():
    with pytest.raises(NotFound):
        report_capacity(enrolled(), ReportCapacity(hospital="nowhere", resource="ct", free=1))


@given(free=st.none() | st.integers(-5, COUNT_MAX + 5), total=st.none() | st.integers(-5, COUNT_MAX + 5))
def test_whatever_is_asked_a_recorded_count_is_possible(free, total):
    picture = stated(enrolled(), 1, 2)
    try:
        (fact,) = report_capacity(picture, report(free=free, total=total))
    except RefusedInput:
        return
    assert isinstance(fact, e.CapacityReported)
    assert fact.free is None or 0 <= fact.free <= (COUNT_MAX if fact.total is None else fact.total)


def test_a_closure_keeps_its_reason_and_ends_by_itself():
    command = CloseService(hospital=SONGJIANG, resource="ct", reason=" scanner down ", until=at(600))
    picture = after(enrolled(), 0, *close_service(enrolled(), command, START))
    closed = capacity_view(picture, SONGJIANG, at(599))["closures"]["ct"]
    assert (closed["reason"], closed["until"]) == ("scanner down", at(600))
    assert capacity_view(picture, SONGJIANG, at(600))["closures"] == {}


def test_the_whole_hospital_can_close_until_further_notice_and_reopen():
    command = CloseService(hospital=SONGJIANG, resource="*", reason="power cut")
    picture = after(enrolled(), 0, *close_service(enrolled(), command, START))
    assert "until" in capacity_view(picture, SONGJIANG, at(10**6))["closures"]["*"]
    picture = after(picture, 1, *reopen_service(picture, ReopenService(hospital=SONGJIANG, resource="*")))
    assert capacity_view(picture, SONGJIANG, at(2))["closures"] == {}


@pytest.mark.parametrize(
    ("resource", "reason", "until", "key"),
    [
        ("cinema", "full", None, "unknown_resource"),
        ("ct", "  ", None, "reason_missing"),
        ("ct", "x" * 201, None, "reason_missing"),
        ("ct", "full", START, "already_over"),
        ("ct", "full", datetime(2031, 1, 1), "bad_field"),  # noqa: DTZ001 - the missing zone is the point
    ],
)
def test_a_closure_that_makes_no_sense_is_refused(resource, reason, until, key):
    command = CloseService(hospital=SONGJIANG, resource=resource, reason=reason, until=until)
    assert refused(close_service, enrolled(), command, START).key == key


def test_nothing_closed_cannot_be_reopened():
    assert refused(reopen_service, enrolled(), ReopenService(hospital=SONGJIANG, resource="ct")).key == "not_closed"


@given(free=st.integers(0, 5), total=st.none() | st.integers(0, 5), moves=st.lists(st.sampled_from([1, -1])))
def test_however_bays_come_and_go_no_count_leaves_its_bounds(free, total, moves):
    picture = stated(enrolled(), free if total is None else min(free, total), total)
    for taken in moves:
        picture = after(picture, 1, *recounted(picture.hospitals[SONGJIANG], "resus_bay", taken, at(1)))
        figure = picture.hospitals[SONGJIANG].figures["resus_bay"]
        assert figure.free is not None and figure.free >= 0
        assert figure.total is None or figure.free <= figure.total


def test_a_bay_taken_from_an_unknown_or_old_count_makes_no_new_figure():
    late = START + timedelta(seconds=AGE_LIMIT_S["resus_bay"] + 1)
    assert recounted(enrolled().hospitals[SONGJIANG], "resus_bay", 1, START) == []
    assert recounted(stated(enrolled(), None).hospitals[SONGJIANG], "resus_bay", 1, START) == []
    assert recounted(stated(enrolled()).hospitals[SONGJIANG], "resus_bay", 1, late) == []


def test_patients_in_resuscitation_are_counted_by_one_tap_and_have_no_free_places():
    picture = after(enrolled(), 0, *report_capacity(enrolled(), report(resource="resuscitation", in_use=2)))
    load = capacity_view(picture, SONGJIANG, at(60))["resources"]["resuscitation"]
    assert (load["state"], load["in_use"]) == ("known", 2) and "left" not in load and "chance_pct" not in load
    assert refused(report_capacity, picture, report(resource="resuscitation", free=1)).key == "counts_patients"


def test_more_taken_and_free_than_there_are_is_refused_and_a_bay_being_cleaned_is_neither():
    assert refused(report_capacity, stated(enrolled(), 2, 3), report(free=2, in_use=2)).key == "more_than_there_are"
    picture = after(enrolled(), 0, *report_capacity(enrolled(), report(free=1, total=3, in_use=1)))
    assert capacity_view(picture, SONGJIANG, at(0))["resources"]["resus_bay"]["in_use"] == 1


def test_the_chance_for_who_comes_next_sinks_as_bays_are_held():
    free = capacity_view(stated(enrolled(), 2, 5), SONGJIANG, at(60))["resources"]["resus_bay"]
    one_held = capacity_view(expected(2, 5), SONGJIANG, at(410))["resources"]["resus_bay"]
    assert 0 < one_held["chance_pct"] < free["chance_pct"] < 100


def test_what_the_flow_itself_changes_keeps_the_age_and_author_of_the_count():
    picture = after(enrolled(), 0, e.CapacityReported(SONGJIANG, "resus_bay", 2, 3), by="ed:sister Li")
    picture = after(picture, 300, *recounted(picture.hospitals[SONGJIANG], "resus_bay", 1, at(300)))
    figure = picture.hospitals[SONGJIANG].figures["resus_bay"]
    assert (figure.free, figure.at, figure.by, figure.source) == (1, at(0), "ed:sister Li", "handover")
    assert recounted(picture.hospitals[SONGJIANG], "resus_bay", 1, at(901)) == [], "still as old as it was"


@given(in_use=st.integers(0, 4), moves=st.lists(st.sampled_from([1, -1])))
def test_patients_in_resuscitation_never_become_fewer_than_none(in_use, moves):
    picture = after(enrolled(), 0, e.CapacityReported(SONGJIANG, "resuscitation", in_use=in_use))
    for taken in moves:
        picture = after(picture, 1, *recounted(picture.hospitals[SONGJIANG], "resuscitation", taken, at(1)))
        assert (picture.hospitals[SONGJIANG].figures["resuscitation"].in_use or 0) >= 0
