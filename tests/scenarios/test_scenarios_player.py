"""The player does each step at its instant, or when the fact it waits for has happened."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from casebook import events as e
from casebook.book import Book
from casebook.clock import JumpClock
from casebook.errors import CoordinationError, FeedLost, NotFound, RefusedInput
from casebook.log import By, Entry, MemoryLog
from casebook.picture import CasualtyState, Picture
from casebook.place import Place
from scenarios.player import Player, matches, resolved, speaker

START = datetime(2021, 4, 18, 1, 30, tzinfo=UTC)


class Plan:
    """As much of a scenario as the player looks at."""

    id, seed = "plan", 1

    def __init__(self, *steps: Any, lasts_s: float = 600) -> None:
        self.steps, self.lasts_s = steps, lasts_s

    def at(self, offset_s: float) -> datetime:
        return START + timedelta(seconds=offset_s)


class DeskStage:
    """A stage over a real book in memory: `open` opens an incident, `find` finds a casualty, `refuse` refuses."""

    def __init__(self, book: Book) -> None:
        self.book = book
        self.asked: list[tuple[str, str, dict[str, Any], datetime, str]] = []
        self.faults: list[str] = []

    async def ask(self, who: str, name: str, command: Mapping[str, Any], at: datetime, key: str) -> dict[str, Any]:
        self.asked.append((who, name, dict(command), at, key))
        if name == "refuse":
            raise RefusedInput("bad_field", where="x", field="y", why="z")
        facts: dict[str, e.Event] = {
            "open": e.IncidentOpened("I1", Place(30.8, 121.0), "traffic", 1, "110", "crash"),
            "find": e.CasualtyFound("I1-A", "I1", "A"),
        }
        if name in facts:
            await self.book.write(lambda picture: [facts[name]], By("dispatcher", "d"), at=at)
        return {}

    async def entries(self) -> AsyncIterator[Entry]:
        queue: asyncio.Queue[Entry] = asyncio.Queue()
        self.book.listen(lambda entries: [queue.put_nowait(entry) for entry in entries] and None)
        while True:
            yield await queue.get()

    async def fault(self, name: str) -> None:
        self.faults.append(name)


def step(number: int, ask: str = "", at_s: float | None = None, **more: Any) -> Any:
    from scenarios.format import Step

    return Step(number, more.pop("who", "dispatcher"), ask=ask, at_s=at_s, **more)


def perform(*steps: Any, lasts_s: float = 600) -> tuple[Player, DeskStage, JumpClock]:
    clock = JumpClock(START)

    async def story() -> tuple[Player, DeskStage, JumpClock]:
        stage = DeskStage(Book(MemoryLog(), clock))
        player = Player(Plan(*steps, lasts_s=lasts_s), stage, clock)  # type: ignore[arg-type]
        await player.play()
        return player, stage, clock

    return asyncio.run(clock.run(story()))


def test_steps_are_done_at_their_instants_in_order_of_time():
    _, stage, _ = perform(step(1, "b", 60), step(2, "a", 30), step(3, "c", 60))
    assert [(name, (at - START).total_seconds()) for _, name, _, at, _ in stage.asked] == [
        ("a", 30),
        ("b", 60),
        ("c", 60),
    ]


def test_a_step_after_a_fact_waits_for_it_and_counts_from_its_instant():
    _, stage, _ = perform(step(1, "open", 40), step(2, "find", after={"fact": "incident_opened"}, plus_s=15))
    assert [(name, (at - START).total_seconds()) for _, name, _, at, _ in stage.asked] == [("open", 40), ("find", 55)]


def test_names_are_filled_in_from_what_has_happened():
    _, stage, _ = perform(
        step(1, "open", 1),
        step(2, "find", 2),
        step(3, "look", after={"fact": "casualty_found", "label": "A"}, plus_s=1,
             command={"casualty": "$A", "list": ["$incident"]}),
    )  # fmt: skip
    assert stage.asked[-1][2] == {"casualty": "I1-A", "list": ["I1"]}


def test_a_refused_step_is_noted_and_the_drill_goes_on():
    player, stage, _ = perform(step(1, "refuse", 1), step(2, "open", 2))
    assert [played.error for played in player.played] == ["bad_field", ""]
    assert [name for _, name, *_ in stage.asked] == ["refuse", "open"]


def test_a_step_whose_moment_never_comes_is_told_at_the_end():
    player, _, clock = perform(step(1, "x", after={"fact": "handover_completed"}), lasts_s=90)
    assert [played.error for played in player.played] == ["unplayed"]
    assert clock.now() == START + timedelta(seconds=90)


def test_a_name_that_stands_for_nothing_refuses_its_step_only():
    player, _, _ = perform(step(1, "x", 1, command={"casualty": "$Z"}), step(2, "open", 2))
    assert [played.error for played in player.played] == ["nothing_named", ""]


def test_an_optional_step_whose_moment_never_comes_is_no_refusal():
    player, _, _ = perform(
        step(1, "x", 1, command={"casualty": "$Z"}, optional=True), step(2, "refuse", 2, optional=True)
    )
    assert [(played.step.ask, played.error) for played in player.played] == [("refuse", "bad_field")]


def test_a_fault_is_given_to_the_stage():
    _, stage, _ = perform(step(1, at_s=5, fault="kill_hub"))
    assert stage.faults == ["kill_hub"]


def test_every_step_has_its_own_idempotency_key():
    _, stage, _ = perform(step(1, "a", 1), step(2, "a", 2))
    keys = [key for *_, key in stage.asked]
    assert len(set(keys)) == 2 and keys == ["plan:1:1", "plan:1:2"]


def test_a_fact_matches_on_every_named_field():
    entry = Entry(1, "casualty_found", 1, {"casualty": "I1-A", "label": "A"}, START, START, By("x", "y"))
    assert matches({"fact": "casualty_found", "label": "A"}, entry, Picture())
    assert not matches({"fact": "casualty_found", "label": "B"}, entry, Picture())
    assert not matches({"fact": "casualty_found", "casualty": "$A"}, entry, Picture())
    assert resolved({"n": 1, "t": "plain"}, Picture()) == {"n": 1, "t": "plain"}


def test_a_drill_that_is_over_ends_there_and_the_rest_is_told_as_unplayed():
    clock = JumpClock(START)

    async def story() -> Player:
        stage = DeskStage(Book(MemoryLog(), clock))
        steps = step(1, "open", 10), step(2, "find", 20), step(3, "open", 300)
        player = Player(Plan(*steps), stage, clock, over=lambda picture: "I1-A" in picture.casualties)  # type: ignore[arg-type]
        await player.play()
        return player

    player = asyncio.run(clock.run(story()))
    assert [(one.step.number, one.error) for one in player.played] == [(1, ""), (2, ""), (3, "unplayed")]
    assert clock.now() == START + timedelta(seconds=20)


def test_in_a_fast_drill_a_fact_that_comes_late_is_still_waited_for_and_its_step_keeps_its_instant():
    class FastClock(JumpClock):
        rate = 60.0

    clock = FastClock(START)

    async def story() -> tuple[Player, DeskStage]:
        stage = DeskStage(Book(MemoryLog(), clock))
        happened = START + timedelta(seconds=90)
        waiting = step(1, "send", after={"fact": "incident_opened"}, plus_s=5)
        player = Player(Plan(waiting, lasts_s=120), stage, clock)  # type: ignore[arg-type]

        async def late() -> None:
            await clock.sleep(900)
            fact = e.IncidentOpened("I1", Place(30.8, 121.0), "traffic", 1, "110", "crash")
            await stage.book.write(lambda picture: [fact], By("dispatcher", "d"), at=happened)

        slow = asyncio.ensure_future(late())
        await player.play()
        await slow
        return player, stage

    player, stage = asyncio.run(clock.run(story()))
    assert [one.error for one in player.played] == [""]
    assert stage.asked[0][3] == START + timedelta(seconds=95)


def test_a_drill_is_over_when_only_optional_steps_wait_and_nobody_is_under_way():
    player, _, clock = perform(
        step(1, "open", 5), step(2, "x", after={"fact": "handover_completed"}, optional=True), lasts_s=600
    )
    assert clock.now() == START + timedelta(seconds=5)
    assert [played.error for played in player.played] == [""]


def test_a_drill_goes_on_while_somebody_is_under_way():
    _, _, clock = perform(
        step(1, "open", 5), step(2, "find", 6), step(3, "x", after={"fact": "handover_completed"}, optional=True),
        lasts_s=600,
    )  # fmt: skip
    assert clock.now() >= START + timedelta(seconds=600)


def test_who_is_too_early_asks_again_and_holds_up_nobody_else():
    stage: DeskStage | None = None

    class TooEarly(DeskStage):
        async def ask(self, who: str, name: str, command: Mapping[str, Any], at: datetime, key: str) -> dict[str, Any]:
            if name == "treat" and "I1-A" not in self.book.picture.casualties:
                raise NotFound(what="casualty", id="I1-A")
            return await DeskStage.ask(self, who, name, command, at, key)

    clock = JumpClock(START)

    async def story() -> Player:
        nonlocal stage
        stage = TooEarly(Book(MemoryLog(), clock))
        steps = (
            step(1, "open", 1),
            step(2, "treat", 10, who="crew:U1"),
            step(3, "drive", 11, who="crew:U1"),  # one after the other: not while the crew asks again
            step(4, "find", 30),
        )
        player = Player(Plan(*steps, lasts_s=120), stage, clock)  # type: ignore[arg-type]
        await player.play()
        return player

    player = asyncio.run(clock.run(story()))
    assert [(one.step.ask, one.error) for one in player.played] == [
        ("open", ""), ("find", ""), ("treat", ""), ("drive", ""),
    ]  # fmt: skip
    assert stage and [(name, at) for _, name, _, at, _ in stage.asked if name == "treat"] == [
        ("treat", START + timedelta(seconds=10))  # as if in time
    ]


def test_what_somebody_at_a_screen_has_done_is_left_out_of_the_script():
    player, stage, _ = perform(
        step(1, "open", 1),
        step(2, "find", 20, unless={"fact": "incident_opened"}),
        step(3, "wait", after={"fact": "handover_completed"}, unless={"fact": "incident_opened"}),
        step(4, "look", 30, unless={"fact": "incident_closed"}),
    )
    assert [name for _, name, *_ in stage.asked] == ["open", "look"]
    assert [(one.step.ask, one.error) for one in player.played] == [("open", ""), ("look", "")]


def test_a_step_may_be_done_by_whoever_awaits_or_has_the_casualty():
    bound_for_h2 = CasualtyState("I1-A", "I1", "A", unit="U1", prealert_hospital="H2")
    picture = Picture(casualties={"I1-A": bound_for_h2})
    assert speaker("hospital:$ward:A", picture) == "hospital:H2"
    assert speaker("crew:$carrier:A", picture) == "crew:U1"
    assert speaker("hospital:H1", picture) == "hospital:H1"
    assert resolved({"hospital": "$ward:A"}, picture) == {"hospital": "H2"}
    with pytest.raises(CoordinationError, match="ward:B"):
        speaker("hospital:$ward:B", picture)


def test_a_drill_that_took_another_way_than_the_script_ends_when_everybody_is_there():
    closed = e.CasualtyClosed("I1-A", "refused_transport")

    class Elsewhere(DeskStage):
        async def ask(self, who: str, name: str, command: Mapping[str, Any], at: datetime, key: str) -> dict[str, Any]:
            if name == "close":
                await self.book.write(lambda picture: [closed], By("dispatcher", "d"), at=at)
            return await DeskStage.ask(self, who, name, command, at, key)

    clock = JumpClock(START)

    async def story() -> Player:
        stage = Elsewhere(Book(MemoryLog(), clock))
        steps = (
            step(1, "open", 1),
            step(2, "find", 2),
            step(3, "close", 40),
            step(4, "x", after={"fact": "case_refused"}),
        )
        player = Player(Plan(*steps, lasts_s=3600), stage, clock)  # type: ignore[arg-type]
        await player.play()
        return player

    player = asyncio.run(clock.run(story()))
    assert [(one.step.ask, one.error) for one in player.played][-1] == ("x", "unplayed")
    assert clock.now() == START + timedelta(seconds=100)  # 60 s after everybody was there


def test_a_player_that_hears_nothing_any_more_says_so_instead_of_waiting():
    class Deaf(DeskStage):
        async def entries(self) -> AsyncIterator[Entry]:
            raise FeedLost(feed="entries")
            yield

    clock = JumpClock(START)

    async def story() -> None:
        await Player(Plan(step(1, "open", 300)), Deaf(Book(MemoryLog(), clock)), clock).play()  # type: ignore[arg-type]

    with pytest.raises(FeedLost):
        asyncio.run(clock.run(story()))
