"""Who is decided on again comes by need, nobody waits for ever, and the desk leaves the others their time."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from valley import SCENE, START

from casebook import events as e
from casebook.casualty import Category
from casebook.events import Decision, Option
from casebook.picture import Occasion, Picture, fold
from dispatch.taking_turns import LATEST_S, REST_MOST_S, SHARE, Behind, in_turn, rest_s

INCIDENT = "20210418-001"
WAY = Option("city", "road", 900.0, {})
OTHER = Option("mill", "road", 600.0, {})
LATEST = timedelta(seconds=LATEST_S)


def people(**categories: Category | None) -> Picture:
    """One casualty of each name at one incident, triaged so; None: by nobody yet."""
    facts: list[e.Event] = [e.IncidentOpened(INCIDENT, SCENE, "traffic", 1, "120", "")]
    facts += [e.HospitalEnrolled(id, id, id, SCENE, ("trauma_centre",), 1) for id in ("city", "mill")]
    facts.append(e.UnitEnrolled("A1", "ambulance_5g", "A1", "A1", "east", SCENE))
    for name, category in categories.items():
        facts.append(e.CasualtyFound(name, INCIDENT, name, 40, "m"))
        facts += [e.CasualtyTriaged(name, "manual", category, "A1")] if category else []
    return told(Picture(), *facts)


def told(picture: Picture, *facts: e.Event, after_s: float = 0.0) -> Picture:
    for fact in facts:
        picture = fold(picture, fact, Occasion(picture.seq + 1, START + timedelta(seconds=after_s), "desk:d"))
    return picture


def behind(picture: Picture, **since_s: float) -> dict[str, Behind]:
    """All of them since START, those named since so many seconds before it."""
    return {
        id: Behind(START - timedelta(seconds=since_s.get(id, 0)), START if id in since_s else None)
        for id in picture.casualties
    }


def test_red_comes_before_yellow_and_who_was_not_triaged_before_green():
    picture = people(a=Category.GREEN, b=None, c=Category.YELLOW, d=Category.RED, e=Category.BLACK)
    assert in_turn(picture, behind(picture), START) == ["d", "c", "b", "a", "e"]


def test_who_waits_for_a_yes_comes_before_everybody_who_has_one():
    picture = told(people(a=Category.RED, b=Category.GREEN), e.DestinationChosen("a", WAY))
    assert in_turn(picture, behind(picture), START) == ["b", "a"]


def test_who_has_a_yes_and_is_asked_again_waits_for_one_too():
    picture = told(
        people(a=Category.GREEN, b=Category.RED), e.DestinationChosen("a", WAY), e.DestinationChosen("b", WAY)
    )
    again = e.DestinationProposed("a", Decision((OTHER,), (), "inputs", "rules", "traffic", "roads"))
    assert in_turn(told(picture, again, after_s=5), behind(picture), START) == ["a", "b"]


def test_among_equals_who_waits_longest_comes_first():
    picture = people(a=Category.RED, b=Category.RED, c=Category.RED)
    assert in_turn(picture, behind(picture, b=3, c=9), START) == ["c", "b", "a"]


def test_who_has_waited_too_long_comes_next_whatever_others_need():
    picture = people(a=Category.RED, b=Category.GREEN, c=Category.BLACK)
    waiting = behind(picture, b=LATEST_S, c=LATEST_S + 1)
    assert in_turn(picture, waiting, START) == ["c", "b", "a"]
    assert in_turn(picture, waiting, START, rate=2.0) == ["a", "b", "c"], "seconds of the wall, not of the drill"


def test_what_changes_over_and_over_sends_nobody_to_the_end_of_the_row():
    first = Behind(START, START)
    again = first.again(START + LATEST)
    assert again.since == START, "it waits as long as it did"
    assert again.changed == START + LATEST, "and is decided on as of the newest"


CATEGORIES = st.sampled_from([None, *Category])


@given(st.lists(st.tuples(CATEGORIES, st.integers(0, 200)), max_size=8))
def test_everybody_has_a_turn_and_who_is_late_never_after_who_is_not(given_: list[tuple[Category | None, int]]):
    picture = people(**{f"p{number}": category for number, (category, _) in enumerate(given_)})
    waiting = behind(picture, **{f"p{number}": float(since_s) for number, (_, since_s) in enumerate(given_)})
    order = in_turn(picture, waiting, START)
    assert sorted(order) == sorted(waiting)
    late = [START - waiting[id].since >= LATEST for id in order]
    assert late == sorted(late, reverse=True)


@pytest.mark.parametrize("took_s", [0.0, 0.001, 0.015, 0.06])
def test_the_desk_thinks_for_its_share_of_the_time(took_s: float):
    assert took_s == pytest.approx(SHARE * (took_s + rest_s(took_s)))


def test_a_loaded_machine_and_a_fast_drill_get_on_all_the_same():
    assert rest_s(2.0) == REST_MOST_S
    assert rest_s(0.02, rate=6.0) == pytest.approx(rest_s(0.02) / 6)
    assert rest_s(0.02, rate=0.5) == rest_s(0.02)
