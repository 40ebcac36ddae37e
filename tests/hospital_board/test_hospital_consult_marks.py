"""The physician draws on what the crew's camera sees: for the ward's own case, named, numbered, taken back, kept."""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ward_story import AMBULANCE, HELICOPTER, JINSHAN, SONGJIANG, after, at, expected

from ambulance_unit.told import unit_view
from casebook import events as e
from casebook.access import Badge, Role
from casebook.asking import Asker, read_command
from casebook.book import Book
from casebook.clock import JumpClock
from casebook.errors import CoordinationError, IllegalStep, NotAllowed, NotFound, RefusedInput
from casebook.guidance import marks_view, snapshots_view
from casebook.log import MemoryLog
from casebook.picture import Picture
from hospital_board.app import HospitalRoom
from hospital_board.board import wall_view
from hospital_board.consult_marks import DrawMark, RemoveMarks, draw_mark, remove_marks, take_snapshot
from hospital_board.consult_stills import BYTES_MAX, Stills, need_still
from media.guidance.marks import COLOURS, KINDS, MARKS_MAX, TEXT_MAX, check_mark
from media.sealed_file import DiskSeal, SealedElsewhere

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


# --- stills

JPEG = b"\xff\xd8\xff\xe0" + b"picture" * 40 + b"\xff\xd9"


def test_a_still_lies_on_the_disk_under_its_own_name_and_is_written_once(tmp_path: Path):
    stills = Stills(tmp_path / "stills")
    sha256 = stills.keep(JPEG)
    assert sha256 == hashlib.sha256(JPEG).hexdigest() and stills.keep(JPEG) == sha256
    assert Stills(tmp_path / "stills").get(sha256) == JPEG
    assert [file.name for file in (tmp_path / "stills").iterdir()] == [f"{sha256}.jpg"]


def test_with_a_key_a_still_cannot_be_read_from_the_disk_and_those_from_before_are_given_still(tmp_path: Path):
    before, seal = Stills(tmp_path).keep(JPEG), DiskSeal(b"k" * 32)
    other = JPEG[:-2] + b"another" + JPEG[-2:]
    sha256 = Stills(tmp_path, seal).keep(other)
    assert [Stills(tmp_path, seal).get(one) for one in (before, sha256)] == [JPEG, other]
    assert b"another" not in (tmp_path / f"{sha256}.jpg").read_bytes()
    with pytest.raises(SealedElsewhere):
        Stills(tmp_path).get(sha256)


@pytest.mark.parametrize("image", [b"x", JPEG[:-2], b"<svg>" + JPEG, JPEG[:-2] + b"x" * BYTES_MAX + b"\xff\xd9"])
def test_what_is_no_jpeg_or_too_large_is_not_kept(tmp_path: Path, image: bytes):
    with pytest.raises(RefusedInput) as caught:
        Stills(tmp_path).keep(image)
    assert caught.value.key == "bad_still" and not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["../book", "a" * 64, "", "." * 64])
def test_a_still_that_is_not_there_is_not_found_and_no_path_leads_out(tmp_path: Path, name: str):
    (tmp_path / "book.jpg").write_bytes(JPEG)
    with pytest.raises(NotFound):
        Stills(tmp_path / "stills").get(name)


def test_only_the_ward_of_the_case_dispatch_and_the_director_see_a_still():
    still = {"frame": 900, "frame_wall_ms": 1, "sha256": SHA, "bytes": 41_000}
    picture = after(expected(), 520, *take_snapshot(expected(), A, SONGJIANG, "Dr Wang", **still))
    for badge in (Badge(Role.ED, "w", hospital=SONGJIANG), Badge(Role.DISPATCHER, "d"), Badge(Role.DIRECTOR, "x")):
        need_still(picture, badge, SHA)
    for badge in (Badge(Role.ED, "w", hospital=JINSHAN), Badge(Role.PARAMEDIC, "c", unit=AMBULANCE)):
        with pytest.raises(NotAllowed):
            need_still(picture, badge, SHA)
    with pytest.raises(NotFound):
        need_still(picture, Badge(Role.DIRECTOR, "x"), "b" * 64)


async def test_the_ask_keeps_the_file_and_the_fact_that_names_it():
    clock = JumpClock(at(600))
    book = Book(MemoryLog(), clock)
    book.picture = expected()
    room = HospitalRoom(book, clock)
    (ask,) = [one for one in room.asks() if one.name == "keep_still"]
    body = {"hospital": SONGJIANG, "casualty": A, "frame": 5, "frame_wall_ms": 6, "image": JPEG}
    command = read_command(msgspec.json.encode(body), ask.command, "keep_still")
    answer = await ask.handle(command, Asker(Badge(Role.ED, "Dr Wang", hospital=SONGJIANG)))
    assert answer is not None and room.stills.get(answer["sha256"]) == JPEG
    (kept,) = (snapshots_view(book.picture.casualties[A]) or {}).values()
    assert (kept["sha256"], kept["author"]) == (answer["sha256"], "Dr Wang")
    with pytest.raises(NotAllowed):
        await ask.handle(command, Asker(Badge(Role.ED, "other", hospital=JINSHAN)))
