"""A console tells what somebody works on and what the last shift ended; what is older is in the book."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from valley import SCENE, START, enrolled, valley_area

from casebook import events as e
from casebook.live import merge_patch, patched
from casebook.picture import Occasion, Picture, fold
from dispatch.console_parts import ConsoleParts
from dispatch.shift import SHIFT, of_the_shift

ID = "20210418-001"
A, B = f"{ID}-A", f"{ID}-B"
FOUND = (e.CasualtyFound(A, ID, "A"), e.CasualtyFound(B, ID, "B"))
ENDED = START + timedelta(hours=1)
LATER = ENDED + SHIFT


def told(*facts: e.Event, at: datetime = START, on: Picture | None = None) -> Picture:
    picture = on or Picture()
    for fact in facts:
        picture = fold(picture, fact, Occasion(picture.seq + 1, at, "desk:test"))
    return picture


BEGUN = told(*enrolled(), e.IncidentOpened(ID, SCENE, "traffic", 1, "120", ""))


def closed(*casualties: str, on: Picture) -> Picture:
    return told(*(e.CasualtyClosed(one, "refused") for one in casualties), at=ENDED, on=on)


def is_told(picture: Picture, now: datetime) -> bool:
    seen = of_the_shift(picture, now)
    people = {one.incident for one in seen.casualties.values()}
    assert people <= set(seen.incidents) and {task.incident for task in seen.tasks.values()} <= set(seen.incidents)
    return ID in seen.incidents


def test_an_incident_that_ended_a_shift_ago_is_told_no_more_with_all_that_was_of_it():
    over = closed(A, B, on=told(*FOUND, on=BEGUN))
    assert of_the_shift(over, LATER - timedelta(seconds=1)) is over
    seen = of_the_shift(over, LATER)
    assert not seen.incidents and not seen.casualties
    assert seen.units == over.units and seen.hospitals == over.hospitals


@pytest.mark.parametrize(
    "still",
    [
        pytest.param(lambda over: told(e.CasualtyFound(f"{ID}-C", ID, "C"), on=over), id="somebody else was found"),
        pytest.param(lambda over: told(e.UnitAssigned("A1", ID), on=over), id="a vehicle is on its mission"),
        pytest.param(lambda over: told(e.TaskOpened("t", ID, "standby", "x", ENDED), on=over), id="a task is open"),
    ],
)
def test_an_incident_on_which_somebody_works_is_told_whole_for_as_long_as_they_do(still):
    over = still(closed(A, B, on=told(*FOUND, on=BEGUN)))
    assert is_told(over, LATER + timedelta(days=7))
    assert {A, B} <= set(of_the_shift(over, LATER + timedelta(days=7)).casualties)


def test_an_incident_goes_as_a_whole_a_shift_after_the_last_of_its_casualties():
    one_left = closed(A, on=told(*FOUND, on=BEGUN))
    assert is_told(one_left, LATER + timedelta(days=1))
    last = told(e.CasualtyClosed(B, "refused"), at=LATER, on=one_left)
    assert is_told(last, LATER + SHIFT - timedelta(seconds=1)) and not is_told(last, LATER + SHIFT)


def test_a_call_on_which_nobody_was_found_stays_until_it_is_closed():
    assert is_told(BEGUN, START + timedelta(days=3))
    done = told(e.IncidentClosed(ID), at=ENDED, on=BEGUN)
    assert is_told(done, START + SHIFT - timedelta(seconds=1)) and not is_told(done, START + SHIFT)


def test_a_console_lets_go_of_it_by_a_patch_and_keeps_no_parts_of_it():
    parts, over = ConsoleParts(valley_area()), closed(A, B, on=told(*FOUND, on=BEGUN))
    over = told(e.IncidentOpened("20210418-002", SCENE, "fall", 2, "120", ""), at=ENDED, on=over)
    before, after = parts.look(over, ENDED), parts.look(over, LATER)
    assert set(before["casualties"]) == {A, B} and set(after["incidents"]) == {"20210418-002"}
    assert patched(before, merge_patch(before, after)) == after
    assert all(not parts._kept[kind]._parts for kind in ("cases", "lasting", "vitals", "casualties", "boards"))
