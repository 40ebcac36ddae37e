"""The people of a simulated run: dispatchers, wards and crews who ask for whatever is possible now, at random.

They look at what they could see and ask as a screen does: with a key, again when no answer comes, sometimes twice.
What they are answered goes into the history.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Any

import msgspec

from ambulance_unit.next_step import next_step
from casebook.access import Badge, Role
from casebook.casualty import Stage
from casebook.errors import CoordinationError
from casebook.picture import Picture
from casebook.steps import Affair, Duty, Prealert
from scenarios.simulator.history import Answered, History
from scenarios.simulator.network import Network
from scenarios.simulator.simulated_hub import SimulatedHub
from scenarios.simulator.simulated_vehicle import SimulatedVehicle
from scenarios.simulator.town import BAYS, BEDS, HOSPITALS
from scenarios.simulator.virtual_loop import OUTSIDE

Wanted = tuple[str, dict[str, Any]]  # the name of an ask, its command
TRIES = 3  # how often somebody asks the same again when no answer comes
TWICE = 0.1  # how often a button is pressed twice
TAP_S = 5.0  # how long a crew waits for its tablet
OTHERWISE = 0.15  # how often a crew does something else than what is next


@dataclass(slots=True)
class Desk:
    """A screen at the first of some hubs of one book: whose badge asks there."""

    hubs: Sequence[SimulatedHub]
    badge: Badge
    network: Network
    history: History
    asked: int = 0

    async def ask(self, name: str, command: dict[str, Any], *, twice: bool = False) -> None:
        """Until it is answered, refused, or given up. `twice`: the button was pressed twice, and both went out."""
        self.asked += 1
        here, book = self.hubs[0], self.hubs[0].keeper.name
        key, body = f"{here.name}:{self.badge.who}:{self.asked}", msgspec.json.encode(command)
        for number in range(TRIES):
            hub = self.hubs[number % len(self.hubs)]  # who does not answer is left for the next
            ways = [self._send(hub, name, body, key) for _ in range(2 if twice else 1)]
            told = await asyncio.gather(*ways, return_exceptions=True)
            try:
                answer, durable = _first(told)
            except TimeoutError:
                continue
            except CoordinationError:
                return
            entries = tuple(answer.get("entries", ()))
            self.history.told.append(Answered(here.loop.time(), book, self.badge.who, key, entries, durable))
            return

    async def _send(self, hub: SimulatedHub, name: str, body: bytes, key: str) -> Any:
        begin = partial(self._begin, hub, name, body, key)
        return await self.network.request(f"desk-{self.hubs[0].name}", hub.name, begin)

    def _begin(self, hub: SimulatedHub, name: str, body: bytes, key: str) -> asyncio.Task[Any] | None:
        if hub.up is None or hub.process is None:
            return None
        return hub.process.start(hub.up.ask(self.badge, name, body, key))


async def work_at(desk: Desk, rng: Random, wants: Any, pause_s: tuple[float, float]) -> None:
    """Look, ask for one of the things that are possible, and again; for ever."""
    while True:
        await asyncio.sleep(rng.uniform(*pause_s))
        up = next((hub.up for hub in desk.hubs if hub.up is not None), None)
        if up is not None and (possible := list(wants(up.book.picture, rng))):
            await desk.ask(*rng.choice(possible), twice=rng.random() < TWICE)


async def rush(desks: Sequence[Desk], rng: Random, pause_s: tuple[float, float]) -> None:
    """Everybody wants the same hospital at the same moment, now and then."""
    while True:
        await asyncio.sleep(rng.uniform(*pause_s))
        hospital = rng.choice(list(HOSPITALS))
        wanted: list[tuple[Desk, dict[str, Any]]] = []
        for desk in desks:
            for one in desk.hubs[0].up.book.picture.casualties.values() if desk.hubs[0].up is not None else ():
                if one.option is None and one.stage in (Stage.TRIAGED, Stage.ABOARD):
                    wanted.append((desk, {"casualty": one.id, "hospital": hospital, "override_reason": "the nearest"}))
        await asyncio.gather(*(desk.ask("choose_destination", command) for desk, command in wanted))


def _first(told: Sequence[Any]) -> Any:
    """An answer, where there is one; else the refusal is raised."""
    answers = [one for one in told if not isinstance(one, BaseException)]
    if not answers:
        raise told[0]
    return answers[0]


# --- what a dispatcher may want


def dispatcher_wants(picture: Picture, rng: Random) -> Iterator[Wanted]:
    open_ones = [one for one in picture.incidents.values() if one.stage is Affair.OPEN]
    free = [one for one in picture.units.values() if one.duty is Duty.AVAILABLE]
    if free and len(open_ones) < 4:
        yield "report_call", {"place": {"lat": 31.0 + rng.choice((0, 0.002)), "lon": 121.0}, "kind": "traffic"}
    for incident in open_ones:
        if free and not any(unit.incident == incident.id for unit in picture.units.values()):
            yield "assign_unit", {"incident": incident.id}
    for one in picture.casualties.values():
        if one.stage in (Stage.TRIAGED, Stage.DESTINED, Stage.ABOARD):
            if one.option is None or rng.random() < 0.2:
                yield "choose_destination", {"casualty": one.id}
            if rng.random() < 0.2:
                other, why = rng.choice(list(HOSPITALS)), rng.choice(("", "the family is there"))
                yield "choose_destination", {"casualty": one.id, "hospital": other, "override_reason": why}
            if one.option is None:
                yield "propose_destination", {"casualty": one.id}
    busy = [unit for unit in picture.units.values() if unit.duty in (Duty.ASSIGNED, Duty.EN_ROUTE)]
    if busy and rng.random() < 0.05:
        yield "stand_down", {"unit": rng.choice(busy).id, "reason": "not needed"}


# --- what a ward may want


def ward_wants(hospital: str) -> Any:
    def wants(picture: Picture, rng: Random) -> Iterator[Wanted]:
        here = {"hospital": hospital}
        for one in picture.casualties.values():
            if (one.prealert_hospital or one.hospital) != hospital:
                continue
            case = here | {"casualty": one.id}
            if one.prealert in (Prealert.SENT, Prealert.ESCALATED):
                answer = rng.choice(("accept", "accept", "accept", "query", "refuse"))
                yield "acknowledge_prealert", case | {"answer": answer, "note": "" if answer == "accept" else "why"}
            if one.stage not in (Stage.HANDED_OVER, Stage.CLOSED):
                yield "assign_bay", case | {"bay": rng.choice(("R1", "R2", "R3"))}
            if one.stage in (Stage.ARRIVED, Stage.HANDING_OVER) and "hospital" not in one.signatures:
                yield "sign_handover", case
            if one.stage is Stage.HANDED_OVER and one.bay:
                yield "clear_bay", case
        if rng.random() < 0.1:
            yield (
                "report_capacity",
                here | {"resource": rng.choice((BAYS, BEDS)), "free": rng.randint(0, 2), "total": 3},
            )

    return wants


# --- what a crew may want


async def crew(vehicle: SimulatedVehicle, rng: Random, pause_s: tuple[float, float]) -> None:
    """Tap what is next, now and then something else; again with the same key when the tablet fell silent."""
    count = 0
    while True:
        await asyncio.sleep(rng.uniform(*pause_s))
        if vehicle.agent is None or (wanted := crew_wants(vehicle.agent.view, rng)) is None:
            continue
        count += 1
        name, command = wanted
        for _ in range(TRIES):
            if await _tap(vehicle, name, msgspec.json.encode(command), f"{vehicle.unit}:{count}"):
                break


async def _tap(vehicle: SimulatedVehicle, name: str, body: bytes, key: str) -> bool:
    """Whether the tablet answered, yes or no."""
    if vehicle.agent is None or vehicle.process is None or not vehicle.process.alive:
        await asyncio.sleep(TAP_S)
        return False
    asking = vehicle.process.start(vehicle.ask(name, body, key))
    asking.add_done_callback(_look_at, context=OUTSIDE)
    done, _ = await asyncio.wait({asking}, timeout=TAP_S)
    for task in done:
        wrong = task.exception()
        if wrong is not None and not isinstance(wrong, CoordinationError):
            raise wrong
    return bool(done)


def _look_at(task: asyncio.Task[Any]) -> None:
    """Its refusal came when nobody waited for it any more."""
    if not task.cancelled():
        task.exception()


def crew_wants(view: dict[str, Any], rng: Random) -> Wanted | None:
    others = list(_besides(view, rng))
    step = next_step(view)
    if others and ("do" not in step or rng.random() < OTHERWISE):
        return rng.choice(others)
    return _of(step, view, rng) if "do" in step else None


def _of(step: dict[str, Any], view: dict[str, Any], rng: Random) -> Wanted:
    command = step["with"]
    match step["do"]:
        case "find":
            return "found_casualty", {"label": rng.choice("AB"), "age_years": rng.randint(1, 90)}
        case "triage":
            return "triage", command | {"method": "manual", "category": rng.choice(("red", "red", "yellow", "green"))}
        case "handover":
            arrived = view["casualties"][command["casualty"]]["stage"] == Stage.ARRIVED
            return ("start_handover" if arrived else "sign_handover"), command
        case name:
            return name, command


def _besides(view: dict[str, Any], rng: Random) -> Iterator[Wanted]:
    """Only now and then, and only while there is a mission. What is no ASCII does not take the short way in."""
    if "unit" not in view or "incident" not in view or rng.random() < 0.7:
        return
    yield "found_casualty", {"label": rng.choice("ABC")}
    for id in view.get("casualties", {}):
        yield "findings", {"casualty": id, "signs": f"{rng.choice(('pain', '疼痛'))} {rng.randint(0, 10)}"}
        yield "send_message", {"casualty": id, "text": rng.choice(("ten minutes", "十分钟"))}
        yield "divert", {"casualty": id, "hospital": rng.choice(list(HOSPITALS)), "reason": "nearer"}


def dispatcher_badge(hub: str) -> Badge:
    return Badge(Role.DISPATCHER, f"desk {hub}")


def ward_badge(hospital: str) -> Badge:
    return Badge(Role.ED, hospital, hospital=hospital)
