"""Small pictures are made only when somebody looks, once for all who do, and are never younger than they are."""

from __future__ import annotations

import asyncio
import json

import pytest

from casebook.errors import RefusedInput
from media.thumbnails import BYTES_MAX, EVERY_S, OVERDUE_S, WATCHED_S, Look, Thumbnails, VehicleSeat, read_look

JPEG = b"\xff\xd8\xff" + b"picture" * 20


class Story:
    """One hub with a clock that is moved by hand."""

    def __init__(self) -> None:
        self.now_s, self.looks = 100.0, 0
        self.thumbnails = Thumbnails(lambda: self.now_s)

    def look(self, **have: int) -> tuple[dict, bytes]:
        self.looks += 1
        told = self.thumbnails.look(Look(self.looks, have))
        length = int.from_bytes(told[:4], "big")
        return json.loads(told[4 : 4 + length]), told[4 + length :]

    async def ask(self, seat: VehicleSeat) -> int:
        """The number of the ask that goes out now."""
        async with asyncio.timeout(1):
            return json.loads(await seat.next_ask())["n"]

    def answer(self, seat: VehicleSeat, number: int, jpeg: bytes = JPEG) -> None:
        seat.hear(number.to_bytes(4, "big") + jpeg)


async def test_nothing_is_asked_of_a_vehicle_at_which_nobody_looks() -> None:
    story = Story()
    seat = story.thumbnails.sit("A01")
    assert seat.wait_s() is None
    assert story.look(A01=0)[0] == {"n": 1, "pictures": []} and seat.wait_s() == 0.0
    story.now_s += WATCHED_S
    assert seat.wait_s() is None, "the console is gone"


async def test_a_look_wakes_a_vehicle_that_waits() -> None:
    story = Story()
    seat = story.thumbnails.sit("A01")
    asking = asyncio.create_task(story.ask(seat))
    await asyncio.sleep(0)
    assert not asking.done()
    story.look(A01=0)
    assert await asking == 1


async def test_ten_consoles_cost_the_vehicle_one_picture_a_second() -> None:
    story = Story()
    seat = story.thumbnails.sit("A01")
    for _ in range(10):
        story.look(A01=0)
    number = await story.ask(seat)
    story.now_s += 0.2
    story.answer(seat, number)
    shown = [story.look(A01=0) for _ in range(10)]
    assert all(jpeg == JPEG for _, jpeg in shown) and seat.wait_s() == pytest.approx(EVERY_S - 0.2)
    assert shown[0][0]["pictures"] == [{"unit": "A01", "number": 1, "age_ms": 200, "bytes": len(JPEG)}]
    assert story.look(A01=1)[0]["pictures"] == [], "who has it is not sent it again"


async def test_a_thin_link_has_one_picture_on_its_way_and_a_lost_one_is_given_up() -> None:
    story = Story()
    seat = story.thumbnails.sit("A01")
    story.look(A01=0)
    first = await story.ask(seat)
    story.now_s += EVERY_S + 1
    story.look(A01=0)
    assert seat.wait_s() == pytest.approx(OVERDUE_S - EVERY_S - 1)
    story.now_s += OVERDUE_S
    story.look(A01=0)
    assert await story.ask(seat) == first + 1


async def test_what_lay_in_a_tunnel_is_as_old_as_it_is() -> None:
    story = Story()
    seat = story.thumbnails.sit("A01")
    story.look(A01=0)
    number = await story.ask(seat)
    story.now_s += 35.0
    story.answer(seat, number)
    assert story.look(A01=0)[0]["pictures"][0]["age_ms"] == 35_000
    story.now_s += 2.0
    assert story.look(A01=0)[0]["pictures"][0]["age_ms"] == 37_000, "and grows older where it lies"


async def test_an_answer_that_is_overtaken_or_was_never_asked_for_changes_nothing() -> None:
    story = Story()
    seat = story.thumbnails.sit("A01")
    story.answer(seat, 7)
    story.look(A01=0)
    first = await story.ask(seat)
    story.now_s += OVERDUE_S
    story.look(A01=0)
    second = await story.ask(seat)
    story.answer(seat, second)
    story.answer(seat, first, JPEG + b"old")
    assert story.look(A01=0)[1] == JPEG


async def test_why_there_is_no_picture_is_told_in_a_word() -> None:
    story = Story()
    seat = story.thumbnails.sit("A01")
    story.look(A01=0)
    seat.hear(json.dumps({"t": "none", "n": await story.ask(seat), "why": "link_thin"}))
    (told,) = story.look(A01=0)[0]["pictures"]
    assert told["why"] == "link_thin" and "bytes" not in told


async def test_a_vehicle_that_comes_anew_goes_on_counting_and_its_old_place_is_gone() -> None:
    story = Story()
    before = story.thumbnails.sit("A01")
    story.look(A01=0)
    story.answer(before, await story.ask(before))
    after = story.thumbnails.sit("A01")
    story.thumbnails.leave(before)
    story.look(A01=1)
    assert await story.ask(after) == 2 and before.unit == after.unit


@pytest.mark.parametrize(
    "raw",
    [b"", b"\0\0\0\x01GIF89a", b"\0\0\0\x01\xff\xd8\xff" + bytes(BYTES_MAX), "", "[]", '{"t":"none","n":-1,"why":""}'],
)
def test_what_is_no_small_picture_is_refused(raw: str | bytes) -> None:
    with pytest.raises(RefusedInput):
        Thumbnails(lambda: 0.0).sit("A01").hear(raw)


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "{}",
        '{"n": 1, "have": {"A01": "x"}}',
        json.dumps({"n": 1, "have": dict.fromkeys(map(str, range(65)), 0)}),
        "[" * 9000,
    ],
)
def test_what_is_no_look_is_refused(raw: str) -> None:
    with pytest.raises(RefusedInput):
        read_look(raw)
