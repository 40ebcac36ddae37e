"""An ask with a key is done once; whoever asks again gets the same answer: at once, after a restart, a day later."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from casebook_tales import START
from fastapi.testclient import TestClient

from casebook.access import Badge, Gate, Role
from casebook.answers import KEPT, KEY_MAX, Answers, what_of
from casebook.asking import Ask, Asker, Command
from casebook.clock import JumpClock
from casebook.door import add_asks, make_app
from casebook.errors import IllegalStep, RefusedInput

WHAT = what_of("state_beds", "李护士", b'{"free": 2}')


class Desk:
    """Counts how often it did what was asked."""

    def __init__(self) -> None:
        self.done = 0
        self.go = asyncio.Event()
        self.go.set()

    async def work(self) -> Any:
        await self.go.wait()
        self.done += 1
        return {"n": self.done, "at": START}

    async def refuse(self) -> Any:
        self.done += 1
        raise IllegalStep(what="x", entity="unit", id="A01", stage="available")


@pytest.fixture
def clock() -> JumpClock:
    return JumpClock(START)


async def test_the_same_key_gets_the_same_answer_and_nothing_is_done_twice(clock: JumpClock):
    answers, desk = Answers(clock), Desk()
    first = await answers.once("k1", WHAT, desk.work)
    again = await answers.once("k1", WHAT, desk.work)
    assert first == ({"n": 1, "at": START}, False)
    assert again == ({"n": 1, "at": "2021-04-18T01:30:00Z"}, True)  # as it goes out in JSON
    assert await answers.once("k2", WHAT, desk.work) == ({"n": 2, "at": START}, False)
    await answers.once("", WHAT, desk.work)
    await answers.once("", WHAT, desk.work)
    assert desk.done == 4  # without a key each is meant


async def test_two_that_come_together_are_one(clock: JumpClock):
    answers, desk = Answers(clock), Desk()
    desk.go.clear()
    asked = [asyncio.ensure_future(answers.once("k1", WHAT, desk.work)) for _ in range(5)]
    await asyncio.sleep(0)
    desk.go.set()
    assert [answer for answer, _ in await asyncio.gather(*asked)] == [{"n": 1, "at": START}] * 5
    assert desk.done == 1


async def test_who_hangs_up_finds_the_answer_when_he_asks_again(clock: JumpClock):
    answers, desk = Answers(clock), Desk()
    desk.go.clear()
    asked = asyncio.ensure_future(answers.once("k1", WHAT, desk.work))
    await asyncio.sleep(0)
    asked.cancel()
    await asyncio.gather(asked, return_exceptions=True)
    desk.go.set()
    answer, again = await answers.once("k1", WHAT, desk.work)
    assert (answer["n"], again, desk.done) == (1, True, 1)


async def test_answers_outlive_a_restart_and_a_day(tmp_path: Path, clock: JumpClock):
    desk, file = Desk(), tmp_path / "answers.sqlite"
    answers = Answers(clock, file)
    await answers.once("k1", WHAT, desk.work)
    answers.close()
    answers = Answers(JumpClock(START + timedelta(hours=24)), file)
    await answers.once("k2", WHAT, desk.work)
    assert (await answers.once("k1", WHAT, desk.work))[0]["n"] == 1
    answers.close()
    answers = Answers(JumpClock(START + KEPT + timedelta(hours=1)), file)
    await answers.once("k3", WHAT, desk.work)  # old ones go when a new one comes
    assert (await answers.once("k1", WHAT, desk.work))[1] is False
    answers.close()


async def test_a_key_used_for_something_else_is_refused(clock: JumpClock):
    answers, desk = Answers(clock), Desk()
    await answers.once("k1", WHAT, desk.work)
    others = (what_of("close", "李护士", b'{"free": 2}'), what_of("state_beds", "王护士", b'{"free": 2}'))
    for other in (*others, what_of("state_beds", "李护士", b'{"free": 3}')):
        with pytest.raises(RefusedInput) as caught:
            await answers.once("k1", other, desk.work)
        assert caught.value.key == "key_used_otherwise"
    with pytest.raises(RefusedInput):
        await answers.once("k" * (KEY_MAX + 1), WHAT, desk.work)
    assert desk.done == 1


async def test_a_refusal_is_not_kept(clock: JumpClock):
    answers, desk = Answers(clock), Desk()
    for _ in range(2):
        with pytest.raises(IllegalStep):
            await answers.once("k1", WHAT, desk.refuse)
    assert await answers.once("k1", WHAT, desk.work) == ({"n": 3, "at": START}, False)


def test_a_file_that_is_no_such_file_is_named(tmp_path: Path, clock: JumpClock):
    file = tmp_path / "answers.sqlite"
    file.write_bytes(b"this was a database once" * 500)
    with pytest.raises(RefusedInput) as caught:
        Answers(clock, file)
    assert caught.value.key == "answers_unreadable"


class StateBeds(Command, frozen=True):
    free: int


def test_the_door_gives_the_answer_again_and_says_that_it_does(clock: JumpClock):
    gate, states = Gate(), []
    token = gate.issue(Badge(Role.ED, "李护士", hospital="songjiang"))

    async def state(command: StateBeds, asker: Asker) -> dict[str, Any]:
        states.append(command.free)
        return {"bay": f"R{command.free}"}

    app = make_app("ward")
    ask = Ask("state_beds", StateBeds, (Role.ED,), state)
    add_asks(app, [ask], gate, drill=False, done_before=lambda key: [], answers=Answers(clock))
    client = TestClient(app)
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": "k1"}
    first = client.post("/api/v1/ask/state_beds", json={"free": 2}, headers=headers)
    again = client.post("/api/v1/ask/state_beds", json={"free": 2}, headers=headers)
    assert first.json() == again.json() == {"bay": "R2"} and states == [2]
    assert "idempotency-replayed" not in first.headers and again.headers["idempotency-replayed"] == "true"
    other = client.post("/api/v1/ask/state_beds", json={"free": 3}, headers=headers)
    assert (other.status_code, other.json()["error"], states) == (422, "key_used_otherwise", [2])
