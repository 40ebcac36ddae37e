"""The physician draws on what the crew's camera sees: for the ward's own case, named, numbered, taken back, kept."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ward_story import AMBULANCE, HELICOPTER, JINSHAN, SONGJIANG, after, at, expected

from ambulance_unit.told import unit_view
from casebook import events as e
from casebook.errors import CoordinationError, IllegalStep, NotFound, RefusedInput
from casebook.guidance import marks_view, snapshots_view
from casebook.picture import Picture
from hospital_board.board import wall_view
from hospital_board.consult_marks import DrawMark, RemoveMarks, draw_mark, remove_marks, take_snapshot
from media.guidance.marks import COLOURS, KINDS, MARKS_MAX, TEXT_MAX, check_mark

A = "I1-A"
ARROW = [(0.2, 0.3), (0.45, 0.55)]
SHA = "a" * 64


def arrow(**changes) -> DrawMark:
    given = {"kind": "arrow", "points": ARROW, "frame": 812, "frame_wall_ms": 1_618_709_700_123}
    return DrawMark(**{"hospital": SONGJIANG, "casualty": A, "unit": AMBULANCE, **given, **changes})


def drawn(picture: Picture, seconds: float = 500, **changes) -> Picture:
    return after(picture, seconds, *draw_mark(picture, arrow(**changes), "Dr Wang"))


def removed(picture: Picture, *marks: str, seconds: float = 600) -> Picture:
    command = RemoveMarks(hospital=SONGJIANG, casualty=A, marks=marks)
    return after(picture, seconds, *remove_marks(picture, command, "Dr Wang"))


def test_a_mark_says_who_drew_it_when_on_which_frame_and_what():
    marks = marks_view(drawn(expected()).casualties[A])
    assert marks == {
        "I1-A/mark/1": {
            "number": 1,
            "kind": "arrow",
            "author": "Dr Wang",
            "at": at(500),
            "unit": AMBULANCE,
            "frame": 812,
            "frame_wall_ms": 1_618_709_700_123,
            "points": ((0.2, 0.3), (0.45, 0.55)),
            "colour": "yellow",
            "text": None,
        }
    }


def test_ward_and_crew_are_told_the_same_marks():
    picture = drawn(expected())
    wall = wall_view(picture, SONGJIANG, at(510))["cases"][A]["marks"]
    crew = unit_view(picture, AMBULANCE, at(510))["casualties"][A]["marks"]
    assert wall == crew and len(wall) == 1


def test_a_number_once_used_is_never_anothers():
    """The crew was told "at mark 2": it must not become another place."""
    picture = removed(drawn(drawn(expected())), "I1-A/mark/2")
    numbers = [mark["number"] for mark in (marks_view(drawn(picture, 620).casualties[A]) or {}).values()]
    assert numbers == [1, 3]


def test_one_mark_is_taken_back_and_all_are_wiped():
    picture = drawn(drawn(drawn(expected())))
    assert list(marks_view(removed(picture, "I1-A/mark/3").casualties[A]) or {}) == ["I1-A/mark/1", "I1-A/mark/2"]
    wiped = removed(picture)
    assert marks_view(wiped.casualties[A]) is None
    assert remove_marks(wiped, RemoveMarks(hospital=SONGJIANG, casualty=A), "Dr Wang") == []


def test_a_full_picture_takes_no_more_marks_until_some_are_wiped():
    picture = expected()
    for _ in range(MARKS_MAX):
        picture = drawn(picture)
    with pytest.raises(IllegalStep) as caught:
        drawn(picture)
    assert caught.value.key == "marks_full"
    assert len(marks_view(drawn(removed(picture), 700).casualties[A]) or {}) == 1


@pytest.mark.parametrize(
    ("changes", "kind"),
    [({"hospital": JINSHAN}, NotFound), ({"casualty": "I1-Z"}, NotFound), ({"unit": HELICOPTER}, NotFound)],
)
def test_nobody_draws_on_another_wards_case_or_on_a_vehicle_that_has_not_the_patient(changes, kind):
    with pytest.raises(kind):
        drawn(expected(), **changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": "pointer", "points": [(0.5, 0.5)]},
        {"kind": "ink", "points": [(0.5, 0.5)]},
        {"kind": "arrow", "points": [(0.5, 0.5)] * 3},
        {"points": [(0.5, 0.5), (1.2, 0.5)]},
        {"points": [(0.5, 0.5), (-0.1, 0.5)]},
        {"points": [(0.5, 0.5), (float("nan"), 0.5)]},
        {"colour": "#ff0000"},
        {"text": "words on an arrow"},
        {"kind": "text", "points": [(0.5, 0.5)], "text": "  "},
        {"kind": "text", "points": [(0.5, 0.5)], "text": "x" * (TEXT_MAX + 1)},
    ],
)
def test_what_is_no_mark_is_refused_and_said(changes):
    with pytest.raises(RefusedInput) as caught:
        drawn(expected(), **changes)
    assert caught.value.key == "bad_mark" and caught.value.facts["why"]


@given(
    st.sampled_from(["ink", "arrow", "text", "", "circle"]),
    st.lists(st.tuples(st.floats(), st.floats()), max_size=80),
    st.sampled_from([*COLOURS, "red"]),
    st.text(max_size=30),
)
def test_whatever_is_drawn_is_refused_or_kept_within_its_bounds(kind, points, colour, text):
    try:
        kept, words = check_mark(kind, points, colour, text)
    except CoordinationError:
        return
    fewest, most = KINDS[kind]
    assert fewest <= len(kept) <= most and all(0 <= share <= 1 for point in kept for share in point)
    assert len(words) <= TEXT_MAX and colour in COLOURS


def test_a_still_is_kept_once_with_the_marks_that_were_on_it():
    picture = drawn(drawn(expected()))
    still = {"frame": 900, "frame_wall_ms": 1_618_709_712_000, "sha256": SHA, "bytes": 41_000}
    (fact,) = take_snapshot(picture, A, SONGJIANG, "Dr Wang", **still)
    kept = after(picture, 520, fact)
    assert snapshots_view(kept.casualties[A]) == {
        "I1-A/still/1": {
            "author": "Dr Wang",
            "at": at(520),
            "unit": AMBULANCE,
            "sha256": SHA,
            "marks": ("I1-A/mark/1", "I1-A/mark/2"),
        }
    }
    assert take_snapshot(kept, A, SONGJIANG, "Dr Wang", **still) == []


def test_a_tag_tied_to_another_casualty_has_left_the_first():
    picture = after(expected(), 400, e.CasualtyFound("I1-B", "I1", "B"), e.TagTied(A, 7, "crew"))
    assert picture.casualties[A].tag == 7
    picture = after(picture, 410, e.TagTied("I1-B", 7, "crew"))
    assert (picture.casualties[A].tag, picture.casualties["I1-B"].tag) == (None, 7)
