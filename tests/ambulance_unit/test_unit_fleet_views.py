"""The hub looks at a vehicle's view only when what it is made of changed, and then says what it would always say."""

from __future__ import annotations

import contextlib
import gc
import weakref
from collections.abc import Callable
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st
from unit_story import START, Story

from ambulance_unit.fleet_views import FleetViews, kept
from ambulance_unit.told import unit_view
from casebook import events as e
from casebook.casualty import Category
from casebook.errors import CoordinationError
from casebook.live import plain, same
from casebook.picture import Picture
from casebook.place import Place

SCENE = Place(30.863, 121.001)
UNITS = ("A01", "A02", "H01", "B77")


def happened(story: Story, what: int) -> Story:
    """One of the things that happen while a case is on its way."""
    later = story.now + timedelta(minutes=what % 7 - 1)
    things: list[Callable[[], e.Event]] = [
        lambda: e.VitalsRecorded("I1-A", "A01", {"hr_bpm": 90 + what}),
        lambda: e.PositionReported("A01", 30.9, 121.0 + what / 1000),
        lambda: e.PositionReported("H01", 30.9, 121.0 + what / 1000),
        lambda: e.PictureQualityChanged("A01", "video_360p8", "link_thin"),
        lambda: e.CapacityReported("jsh", "resus_bay", what % 3, 4),
        lambda: e.HoldPlaced("I1-A", "sgh", "resus_bay", 1, later),
        lambda: e.ServiceClosed("jsh", "ct", "维修", later),
        lambda: e.RoadClosed(f"works{what}", "施工", ref="G60", until=later),
        lambda: e.MessageSent(f"m{what}", "I1-A", "ward", "止血带时间？", order=True),
        lambda: e.CasualtyTriaged("I1-A", "start", "yellow", "crew", {}, "start@1"),  # type: ignore[arg-type]
        lambda: e.CasualtyFound(f"I1-{what}", "I1", f"{what}"),
        lambda: e.DestinationChosen("I1-A", e.Option("sgh", "air", 600, {}, aircraft="H01")),
        lambda: e.CasualtyBoarded("I1-A", ("A01", "A02", "H01")[what % 3]),
        lambda: e.CasualtyClosed("I1-A", "refused"),
        lambda: e.MarkDrawn(f"k{what}", "I1-A", ("A01", "A02")[what % 2], "ed", 1, "point", 1, 2, ((0.1, 0.2),), "red"),
        lambda: e.RecordingStarted(f"r{what}", "I1-A", ("A01", "A02")[what % 2], "li", "", "given"),
        lambda: e.RecordingStopped(f"r{what - 1}", "I1-A", "asked"),
        lambda: e.UnitAssigned("B77", "I1"),
    ]
    number, far = what % (len(things) + 1), timedelta(minutes=what % 5)
    if number == len(things):
        story.now += far
        return story
    with contextlib.suppress(CoordinationError):  # what does not fit does not happen
        story.tell(things[number]())
    return story


@given(st.lists(st.integers(0, 209), max_size=30, unique=True))
def test_a_view_made_of_the_same_objects_is_the_same_view(happening: list[int]):
    views, story = FleetViews(), Story().at_scene().decided()
    made_of: dict[str, tuple[object, ...]] = {}
    seen: dict[str, object] = {}
    for what in happening:
        happened(story, what)
        for unit in UNITS:
            parts = views.made_of(story.picture, unit, story.now)
            if unit not in made_of or not same(parts, made_of[unit]):
                made_of[unit], seen[unit] = parts, views.look(story.picture, unit, story.now)
            assert seen[unit] == plain(unit_view(story.picture, unit, story.now)), (unit, what)


def test_samples_and_a_vehicles_own_way_make_nobody_look_again():
    views, story = FleetViews(), Story().at_scene().decided()
    before = {unit: views.made_of(story.picture, unit, story.now) for unit in UNITS}
    story.tell(e.VitalsRecorded("I1-A", "A01", {"hr_bpm": 99}))
    first = {
        unit: views.made_of(story.picture, unit, story.now) for unit in UNITS
    }  # the first sample has a time of note
    story.tell(e.VitalsRecorded("I1-A", "A01", {"hr_bpm": 98}), e.PositionReported("A02", 30.9, 121.1))
    after = {unit: views.made_of(story.picture, unit, story.now) for unit in UNITS}
    assert all(same(first[unit], after[unit]) for unit in UNITS)
    assert not same(before["A01"], first["A01"])


def test_who_is_at_the_scene_is_told_of_once_for_all_vehicles_there():
    views, story = FleetViews(), Story().at_scene().decided()
    story.tell(*(e.CasualtyFound(f"I1-{number}", "I1", f"{number}") for number in range(5)))
    crews = [f"C{number}" for number in range(4)]
    for crew in crews:
        story.tell(e.UnitEnrolled(crew, "ambulance", crew, crew, "", SCENE), e.UnitAssigned(crew, "I1"))
    one, *others = (views.look(story.picture, crew, story.now)["casualties"] for crew in crews)
    assert len(one) == 6 and all(other is one for other in others)
    story.tell(e.VitalsRecorded("I1-3", "C0", {"hr_bpm": 90}), e.CasualtyTriaged("I1-3", "start", Category.RED, "crew"))
    after = views.look(story.picture, "C1", story.now)["casualties"]
    assert [id for id, part in after.items() if part is not one[id]] == ["I1-3"]


def test_what_all_vehicles_share_is_one_object_until_it_says_something_else():
    views, story = FleetViews(), Story().called()
    one, other = (views.look(story.picture, unit, story.now)["hospitals"] for unit in ("A01", "A02"))
    assert one is other
    story.tell(e.CapacityReported("jsh", "resus_bay", 1, 4))
    after = views.look(story.picture, "A01", story.now)["hospitals"]
    assert after is not one and after["sgh"] is one["sgh"] and after["jsh"] != one["jsh"]


def test_time_alone_ends_a_closure_for_everybody():
    views, story = FleetViews(), Story().called()
    story.tell(e.ServiceClosed("jsh", "ct", "维修", START + timedelta(minutes=30)))
    before = views.made_of(story.picture, "A01", story.now)
    still = START + timedelta(minutes=29)
    assert same(before, views.made_of(story.picture, "A01", still))
    over = START + timedelta(minutes=30)
    assert not same(before, views.made_of(story.picture, "A01", over))
    assert views.look(story.picture, "A01", over) == plain(unit_view(story.picture, "A01", over))


def test_what_says_the_same_stays_the_old_object():
    old = kept({}, {"a": {"x": 1}, "b": {"y": 2}})
    assert kept(old, {"a": {"x": 1}, "b": {"y": 2}}) is old
    new = kept(old, {"a": {"x": 1}, "b": {"y": 3}})
    assert new["a"] is old["a"] and new == {"a": {"x": 1}, "b": {"y": 3}}
    assert kept(old, {"a": {"x": 1}}) == {"a": {"x": 1}}


def test_an_empty_picture_has_a_view():
    assert FleetViews().look(Picture(), "A01", START) == {"hospitals": {}, "roads": {}}


def test_of_a_patient_whom_everybody_has_left_nothing_is_kept():
    views, story = FleetViews(), Story().at_scene().decided()
    story.tell(
        e.CasualtyBoarded("I1-A", "A01"), e.UnitLeftScene("A01"), e.UnitAtDestination("A01", "sgh"),
        e.CasualtyArrived("I1-A", "sgh", "A01"), e.HandoverStarted("I1-A", "sgh"),
        e.HandoverSigned("I1-A", "crew", "Chen"), e.HandoverSigned("I1-A", "hospital", "Li"),
        e.HandoverCompleted("I1-A", "sgh"),
    )  # fmt: skip
    part = weakref.ref(views.look(story.picture, "A01", story.now)["casualties"]["I1-A"])
    gc.collect()
    assert part() is not None, "the crew that carried it still sees it"
    story.tell(e.UnitBackInService("A01"))
    views.look(story.picture, "H01", story.now)
    gc.collect()
    assert part() is None
