"""Guidance passes between a vehicle and its viewers: nothing is kept, nobody slow or rude disturbs the others."""

from __future__ import annotations

import asyncio
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from casebook.errors import RefusedInput
from media.guidance.relay import BURST, PER_S, WAITING_MAX, GuidanceRelay, Seat
from media.guidance.wire import MAX_BYTES, read_from_hub, read_from_vehicle, read_from_viewer

MATRIX = [1, 0, 0.1, 0, 1, -0.05, 0, 0, 1]


class Room:
    """A relay whose clock is set by hand."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.relay = GuidanceRelay(lambda: self.now_s)


@pytest.fixture
def room() -> Room:
    return Room()


def places(frame: int = 5, **more: object) -> str:
    return json.dumps({"t": "places", "frame": frame, "wall_ms": 1000, "marks": {"m1": MATRIX, "m2": "dark"}} | more)


async def heard(seat: Seat) -> list[dict]:
    """Everything that waits for a seat."""
    said = []
    while seat._words or seat._places is not None:
        said.append(json.loads(await seat.next()))
    return said


async def test_places_go_to_every_viewer_of_that_vehicle_and_to_nobody_else(room) -> None:
    vehicle = room.relay.sit("A01", "A01", is_vehicle=True)
    one, two = room.relay.sit("A01", "Dr Wang"), room.relay.sit("A01", "Dr Li")
    other = room.relay.sit("B02", "Dr Zhao")
    room.relay.hear(vehicle, places())
    for seat in (one, two):
        told = (await heard(seat))[-1]
        assert told["marks"] == {"m1": MATRIX, "m2": "dark"} and told["frame"] == 5
    said = [*await heard(vehicle), *await heard(other)]
    assert all(word["t"] != "places" for word in said)


async def test_a_slow_viewer_gets_the_newest_places_and_never_a_queue_of_old_ones(room) -> None:
    vehicle, slow = room.relay.sit("A01", "A01", is_vehicle=True), room.relay.sit("A01", "Dr Wang")
    for frame in range(100):
        room.relay.hear(vehicle, places(frame))
    assert [word["frame"] for word in await heard(slow) if word["t"] == "places"] == [99]


async def test_a_pointer_reaches_the_vehicle_with_the_viewers_own_name(room) -> None:
    vehicle, viewer = room.relay.sit("A01", "A01", is_vehicle=True), room.relay.sit("A01", "Dr Wang")
    room.relay.hear(viewer, '{"t": "point", "frame": 7, "wall_ms": 9, "x": 0.25, "y": 0.5, "who": "somebody else"}')
    room.relay.hear(viewer, '{"t": "hold", "frame": 7, "wall_ms": 9}')
    point, hold = (await heard(vehicle))[-2:]
    assert point == {"t": "point", "frame": 7, "wall_ms": 9, "x": 0.25, "y": 0.5, "who": "Dr Wang"}
    assert hold == {"t": "hold", "frame": 7, "wall_ms": 9, "who": "Dr Wang"}
    assert all(read_from_hub(json.dumps(word)) for word in (point, hold))


async def test_everybody_knows_who_looks_and_whether_the_vehicle_is_there(room) -> None:
    viewer = room.relay.sit("A01", "Dr Wang")
    assert (await heard(viewer))[-1] == {"t": "viewers", "names": ["Dr Wang"], "vehicle": False}
    vehicle = room.relay.sit("A01", "A01", is_vehicle=True)
    second = room.relay.sit("A01", "Dr Li")
    assert (await heard(viewer))[-1] == {"t": "viewers", "names": ["Dr Li", "Dr Wang"], "vehicle": True}
    room.relay.leave(second)
    assert (await heard(vehicle))[-1] == {"t": "viewers", "names": ["Dr Wang"], "vehicle": True}
    room.relay.leave(vehicle)
    assert (await heard(viewer))[-1] == {"t": "viewers", "names": ["Dr Wang"], "vehicle": False}


async def test_whoever_leaves_points_no_more(room) -> None:
    vehicle, viewer = room.relay.sit("A01", "A01", is_vehicle=True), room.relay.sit("A01", "Dr Wang")
    room.relay.leave(viewer)
    assert {"t": "point", "frame": 0, "wall_ms": 0, "who": "Dr Wang"} in await heard(vehicle)


async def test_a_vehicle_that_connects_anew_takes_its_own_old_place(room) -> None:
    old = room.relay.sit("A01", "A01", is_vehicle=True)
    new, viewer = room.relay.sit("A01", "A01", is_vehicle=True), room.relay.sit("A01", "Dr Wang")
    room.relay.hear(viewer, '{"t": "hold", "frame": 7, "wall_ms": 9}')
    assert not any(word["t"] == "hold" for word in await heard(old))
    assert any(word["t"] == "hold" for word in await heard(new))
    room.relay.leave(old)
    assert (await heard(viewer))[-1]["vehicle"] is True


async def test_who_says_too_much_is_not_passed_on_until_time_has_gone_by(room) -> None:
    vehicle, viewer = room.relay.sit("A01", "A01", is_vehicle=True), room.relay.sit("A01", "Dr Wang")
    for _ in range(1000):
        room.relay.hear(viewer, '{"t": "hold", "frame": 7, "wall_ms": 9}')
    assert room.relay.dropped == 1000 - BURST
    assert len(await heard(vehicle)) == WAITING_MAX
    room.now_s += 1.0
    for _ in range(1000):
        room.relay.hear(viewer, '{"t": "hold", "frame": 7, "wall_ms": 9}')
    assert room.relay.dropped == 2000 - BURST - PER_S


async def test_a_seat_waits_for_words(room) -> None:
    viewer = room.relay.sit("A01", "Dr Wang")
    await viewer.next()
    waiting = asyncio.ensure_future(viewer.next())
    await asyncio.sleep(0)
    assert not waiting.done()
    room.relay.sit("A01", "Dr Li")
    assert json.loads(await waiting)["names"] == ["Dr Li", "Dr Wang"]


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "[]",
        '{"t": "places", "frame": 1, "wall_ms": 1}',
        '{"t": "point", "frame": -1, "wall_ms": 1}',
        '{"t": "point", "frame": 1, "wall_ms": 1, "x": 1.5, "y": 0}',
        '{"t": "point", "frame": 1, "wall_ms": 1, "x": NaN, "y": 0}',
        '{"t": "hold", "frame": 4294967296, "wall_ms": 1}',
        '{"t": "draw", "frame": 1}',
        '{"t": "hold", "frame": 1, "wall_ms": 1, "who": "' + "x" * MAX_BYTES + '"}',
    ],
)
def test_a_viewers_word_that_is_none_is_refused(raw) -> None:
    with pytest.raises(RefusedInput) as caught:
        read_from_viewer(raw)
    assert caught.value.key == "bad_json"


@pytest.mark.parametrize(
    "wrong",
    [
        {"marks": {"m1": [1] * 8}},
        {"marks": {"m1": [1e9] * 9}},
        {"marks": {f"m{n}": "dark" for n in range(100)}},
        {"marks": {"m1": "x" * 30}},
        {"pointers": {"Dr Wang": [0.5]}},
        {"tags": {"7": [[0, 0]]}},
        {"frame": "5"},
    ],
)
def test_a_vehicles_places_that_are_none_are_refused(wrong) -> None:
    with pytest.raises(RefusedInput):
        read_from_vehicle(places(**wrong))


@given(st.binary(max_size=200) | st.text(max_size=200))
def test_whatever_comes_is_read_or_refused(raw) -> None:
    for read in (read_from_viewer, read_from_vehicle, read_from_hub):
        try:
            read(raw)
        except RefusedInput as why:
            assert why.key == "bad_json"
