"""Play a scenario: do each step at its instant, or when the fact it waits for has happened.

The player asks as the people of the drill would, over whatever boards it is given: real sockets and vehicles, or the
desks in one process on a jump clock. It keeps its own picture from the facts that reach it and decides nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from casebook import events as e
from casebook.book import occasion_of
from casebook.casualty import Stage
from casebook.clock import Clock
from casebook.errors import CoordinationError
from casebook.log import Entry
from casebook.picture import Picture, fold
from casebook.steps import Duty
from scenarios.format import Scenario, Step

log = logging.getLogger(__name__)
NOT_YET = frozenset({"not_found", "no_mission", "illegal_step", "nothing_named"})  # may be true in a moment
# Clock seconds: how long to ask again, or to listen where nothing is left to do; and how often.
PATIENCE_S, AGAIN_S = 60.0, 5.0
PARKED = frozenset({Duty.AVAILABLE, Duty.STANDBY, Duty.AT_DESTINATION})  # nobody waits for it to come anywhere
OVER = frozenset({Stage.HANDED_OVER, Stage.CLOSED})
LATE_S = 30.0  # wall seconds by which everybody may lag behind the clock of a fast drill, on a machine that is busy


class Boards(Protocol):
    """What a drill is played on."""

    async def ask(self, who: str, name: str, command: Mapping[str, Any], at: datetime, key: str) -> dict[str, Any]:
        """Ask as `who` (dispatcher, director, crew:<unit>, hospital:<id>). Raises CoordinationError when refused."""
        ...

    def entries(self) -> AsyncIterator[Entry]:
        """Every entry of the book, in order, from the first on."""
        ...

    async def fault(self, name: str) -> None:
        """Break something on purpose (`kill_hub`)."""
        ...


@dataclass(frozen=True, slots=True)
class Played:
    """What became of a step. `error` is the key of a refusal, `unplayed` when its moment never came."""

    step: Step
    due_at: datetime | None
    error: str = ""
    why: str = ""


@dataclass(slots=True)
class Player:
    """One performance. `told` hears of every step as it is done (for the terminal); `over` may end it early."""

    scenario: Scenario
    stage: Boards
    clock: Clock
    told: Callable[[Played], None] = lambda played: None
    over: Callable[[Picture], bool] = lambda picture: False
    picture: Picture = field(default_factory=Picture)
    played: list[Played] = field(default_factory=list)
    _due: dict[int, datetime] = field(default_factory=dict)
    _news: asyncio.Event = field(default_factory=asyncio.Event)
    _waiting: list[Step] = field(default_factory=list)
    _again: dict[int, tuple[datetime, int]] = field(default_factory=dict)  # step -> when it is asked again, asks left
    _needless: set[int] = field(default_factory=set)  # steps that somebody at a screen was faster to do
    _still_since: datetime | None = None  # since when nothing is to be done and nobody is under way
    _heard: dict[str, tuple[str, datetime]] = field(default_factory=dict)  # unit -> whom it sampled last, and when

    async def play(self) -> list[Played]:
        """Play to the last step, or to the scenario's end; what never came about is told as unplayed."""
        self._waiting = list(self.scenario.steps)
        for step in self._waiting:
            if step.at_s is not None:
                self._due[step.number] = self.scenario.at(step.at_s + step.plus_s)
        listening = asyncio.create_task(self._listen())
        listening.add_done_callback(lambda _: self._news.set())
        try:
            while self.clock.now() < self._ends_at and not (self._is_played() or self.over(self.picture)):
                if listening.done():
                    listening.result()  # whoever hears nothing any more would wait in vain
                await self._turn()
        finally:
            listening.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await listening
        for step in self._waiting:
            if not self._may_stay_away(step):
                self._note(Played(step, self._due.get(step.number), "unplayed"))
        return self.played

    def _is_played(self) -> bool:
        """Nothing is left but optional steps whose moment has not come, and nobody is under way any more.

        Where others are left, they wait for something that took another way: a while without news ends the drill, too.
        """
        if any(step.number in self._due for step in self._waiting) or not self._is_everybody_there():
            self._still_since = None
            return False
        if all(self._may_stay_away(step) for step in self._waiting):
            return True
        if not self.picture.casualties or any(unit.duty not in PARKED for unit in self.picture.units.values()):
            self._still_since = None
            return False
        self._still_since = self._still_since or self.clock.now()
        return self.clock.now() >= self._still_since + self._patience

    def _may_stay_away(self, step: Step) -> bool:
        return step.optional or step.number in self._needless

    def _is_everybody_there(self) -> bool:
        return all(one.stage in OVER for one in self.picture.casualties.values())

    @property
    def _lag_s(self) -> float:
        """Clock seconds by which a fact may come late: none at the pace of the wall, minutes in a fast drill."""
        return LATE_S * max(0.0, self.clock.rate - 1)

    @property
    def _patience(self) -> timedelta:
        return timedelta(seconds=PATIENCE_S + self._lag_s)

    @property
    def _ends_at(self) -> datetime:
        return self.scenario.at(self.scenario.lasts_s + self._lag_s)

    async def _turn(self) -> None:
        """Do the earliest step that is due, or wait for the next instant or fact."""
        self._news.clear()
        step = self._next()
        when = self._when(step) if step else self._ends_at
        if step is not None and when <= self.clock.now():
            await self._do(step)
            return
        if self._still_since is not None:
            when = min(when, self._still_since + self._patience)
        sleep = asyncio.ensure_future(self.clock.sleep_until(when))
        news = asyncio.ensure_future(self._news.wait())
        _, unfinished = await asyncio.wait({sleep, news}, return_when=asyncio.FIRST_COMPLETED)
        for task in unfinished:
            task.cancel()

    def _next(self) -> Step | None:
        """Whose turn it is. Who asks for something again does nothing else meanwhile; all the others go on."""
        asking = {step.who for step in self._waiting if step.number in self._again}
        ready = [
            step for step in self._waiting
            if step.number in self._again or (step.number in self._due and step.who not in asking)
        ]  # fmt: skip
        return min(ready, key=lambda step: (self._when(step), step.number), default=None)

    def _when(self, step: Step) -> datetime:
        """When it is to be asked: at its instant, later where it was too early for it."""
        again_at, _ = self._again.get(step.number, (self._due[step.number], 0))
        return again_at

    async def _do(self, step: Step) -> None:
        """Do a step. What a screen does not show yet is asked again a little later, as people do."""
        due = self._due[step.number]
        if step.number in self._needless:
            self._waiting.remove(step)
            return
        _, left = self._again.pop(step.number, (due, int(self._patience.total_seconds() / AGAIN_S)))
        try:
            await self._ask(step, due)
            played = Played(step, due)
        except CoordinationError as wrong:
            if wrong.key in NOT_YET and left > 1:
                self._again[step.number] = (self.clock.now() + timedelta(seconds=AGAIN_S), left - 1)
                return
            log.warning("step %d (%s) was refused: %s", step.number, step.ask or step.fault, wrong)
            played = Played(step, due, wrong.key, wrong.said("en"))
        self._waiting.remove(step)
        if not (step.optional and played.error in NOT_YET):  # its moment never came
            self._note(played)

    async def _ask(self, step: Step, due: datetime) -> None:
        if step.fault:
            await self.stage.fault(step.fault)
            return
        key = f"{self.scenario.id}:{self.scenario.seed}:{step.number}"
        who, command = speaker(step.who, self.picture), resolved(step.command, self.picture)
        await self.stage.ask(who, step.ask, command, due, key)

    def behind_s(self) -> float:
        """Clock seconds by which the drill lags: a step that is overdue, or a vehicle whose samples have not come."""
        now = self.clock.now()
        step = self._next()
        late = [now - self._when(step)] if step else []
        late += [now - at for unit, (casualty, at) in self._heard.items() if self._is_monitored(unit, casualty)]
        return max((span.total_seconds() for span in late), default=0.0)

    def _is_monitored(self, unit: str, casualty: str) -> bool:
        state = self.picture.casualties[casualty]
        return state.unit == unit and state.stage not in OVER

    def _note(self, played: Played) -> None:
        self.played.append(played)
        self.told(played)

    async def _listen(self) -> None:
        async for entry in self.stage.entries():
            self.picture = fold(self.picture, e.decode(entry.kind, entry.body), occasion_of(entry))
            if self.over(self.picture):
                self._news.set()
            if entry.kind == "handover_completed":
                self._news.set()  # perhaps the last one
            if entry.kind == "vitals_recorded":
                self._heard[entry.body["unit"]] = (entry.body["casualty"], entry.at)
            for step in self._waiting:
                if step.unless and matches(step.unless, entry, self.picture):
                    self._needless.add(step.number)
                if step.after and step.number not in self._due and matches(step.after, entry, self.picture):
                    self._due[step.number] = entry.at + timedelta(seconds=step.plus_s)
                    self._news.set()


def matches(after: Mapping[str, Any], entry: Entry, picture: Picture) -> bool:
    """Is this the fact a step waits for, or is needless after: its kind, and every named field equal."""
    if after["fact"] != entry.kind:
        return False
    wanted = {name: value for name, value in after.items() if name != "fact"}
    try:
        return all(entry.body.get(name) == resolved(value, picture) for name, value in wanted.items())
    except CoordinationError:
        return False  # names something that does not exist yet


def speaker(who: str, picture: Picture) -> str:
    """Who does a step, with its $name filled in: hospital:$ward:A is the hospital that A goes to."""
    role, _, id = who.partition(":")
    return f"{role}:{_named(id[1:], picture)}" if id.startswith("$") else who


def resolved(value: Any, picture: Picture) -> Any:
    """A command with its $names filled in: $incident, $A (casualty A), $carrier:A, $ward:A, $task:kind[:to],
    $message."""
    if isinstance(value, Mapping):
        return {name: resolved(one, picture) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [resolved(one, picture) for one in value]
    if isinstance(value, str) and value.startswith("$"):
        return _named(value[1:], picture)
    return value


def _named(name: str, picture: Picture) -> str:
    kind, *rest = name.split(":")
    match kind:
        case "incident":
            found = next(iter(picture.incidents), None)
        case "task":
            found = next((t.id for t in picture.tasks.values() if [t.kind, t.to][: len(rest)] == rest), None)
        case "message":
            found = next(reversed(list(picture.messages)), None)
        case "carrier":
            found = next((c.unit for c in picture.casualties.values() if c.label == rest[0]), None)
        case "ward":
            found = next(
                (c.prealert_hospital or c.hospital for c in picture.casualties.values() if c.label == rest[0]), None
            )
        case _:
            found = next((c.id for c in picture.casualties.values() if c.label == kind), None)
    if found is None:
        raise CoordinationError("nothing_named", name=f"${name}")
    return found
