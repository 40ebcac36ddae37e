"""Play the G60 drill, or a variation of it, on the jump clock, and read what came out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from casebook.book import Book
from casebook.desks import Desk
from casebook.log import Entry
from dispatch.app import DispatchRoom
from hospital_board.app import HospitalRoom
from routing.roads import Roadmap
from scenarios.area import area_of
from scenarios.feeds import bodies_of, first_facts, monitors
from scenarios.format import Scenario, Step
from scenarios.player import Played
from scenarios.report import folded
from scenarios.story import tell

A = "20210418-001-A"  # the severe casualty: incident number and label
CREW = "SJ-5G-01"


@dataclass(frozen=True)
class Story:
    """A scenario that was played: its entries, in order, and what became of its steps."""

    scenario: Scenario
    entries: Sequence[Entry]
    played: Sequence[Played]
    sampled: int

    def all(self, kind: str, **fields: Any) -> list[Entry]:
        """The entries of this kind with these fields."""
        return [x for x in self.entries if x.kind == kind and all(x.body.get(f) == v for f, v in fields.items())]

    def first(self, kind: str, **fields: Any) -> Entry:
        return self.all(kind, **fields)[0]

    def minutes(self, kind: str, **fields: Any) -> float:
        """Minutes from the start to the first such entry."""
        return (self.first(kind, **fields).at - self.scenario.starts_at) / timedelta(minutes=1)

    def proposal(self, casualty: str = A) -> Mapping[str, Any]:
        return self.first("destination_proposed", casualty=casualty).body["decision"]

    def best(self, casualty: str = A) -> tuple[str, str]:
        """(hospital, mode) that was proposed."""
        option = self.proposal(casualty)["options"][0]
        return option["hospital"], option["mode"]

    def reasons(self, hospital: str, mode: str, casualty: str = A) -> set[str]:
        """Why this way did not win; empty when it was not refused."""
        for one in self.proposal(casualty)["rejected"]:
            if (one["hospital"], one["mode"]) == (hospital, mode):
                return {reason["code"] for reason in one["reasons"]}
        return set()

    def picture(self):
        return folded(self.entries)


def play(scenario: Scenario, roads: Roadmap, *, with_monitors: bool = False) -> Story:
    """Play it to its end through the desks and the crews' agents."""

    def rooms(book: Book) -> list[Desk]:
        area = area_of(scenario.region, [unit.id for unit in scenario.units])
        return [DispatchRoom(book, book.clock, roads, area, threaded=False), HospitalRoom(book, book.clock)]

    first = [*scenario.region.enrolments(), *first_facts(scenario, 1.0)]
    worn = monitors(bodies_of(scenario), "", scenario.starts_at, 1.0, scenario.seed)
    told = tell(scenario, rooms, first, worn if with_monitors else lambda label: None)
    return Story(scenario, told.entries, told.played, told.sampled)


def only(scenario: Scenario, keep: Callable[[Step], bool], minutes: float) -> Scenario:
    """The scenario's beginning with some of its steps."""
    return replace(scenario, steps=tuple(filter(keep, scenario.steps)), lasts_s=minutes * 60)


def of_the_severe(step: Step) -> bool:
    """What has to do with the road, the call, the first unit, the aircraft and casualty A."""
    said = f"{step.who} {step.after} {dict(step.command)}"
    others = ("$B", "$C", "$D", "$E", "JSH-", "JS-02", "SJ-04", "'B'", "'C'", "'D'", "'E'")
    return not any(name in said for name in others)


def severe_alone(scenario: Scenario, minutes: float = 12) -> Scenario:
    """The first minutes of the drill with casualty A alone: long enough for every decision on where to go."""
    alone = only(scenario, of_the_severe, minutes)
    return replace(alone, casualties=tuple(one for one in alone.casualties if one.label == "A"))


def without(scenario: Scenario, *asks: str) -> Scenario:
    return replace(scenario, steps=tuple(step for step in scenario.steps if step.ask not in asks))


def inserted(scenario: Scenario, *steps: Step) -> Scenario:
    """The scenario with more steps; they get numbers of their own."""
    last = max(step.number for step in scenario.steps)
    more = tuple(replace(step, number=last + place) for place, step in enumerate(steps, 1))
    return replace(scenario, steps=scenario.steps + more)


def with_free(scenario: Scenario, counts: Mapping[str, int], resource: str = "resus_bay") -> Scenario:
    """The scenario with other counts of free bays, by hospital."""
    capacity = {id: {name: dict(one) for name, one in counted.items()} for id, counted in scenario.capacity.items()}
    for hospital, free in counts.items():
        total = max(free, capacity.get(hospital, {}).get(resource, {}).get("total") or 0)
        capacity.setdefault(hospital, {})[resource] = {"free": free, "total": total}
    return replace(scenario, capacity=capacity)


def overlapping(entries: Iterable[Entry]) -> list[tuple[Entry, Entry]]:
    """Two holds of one slot at one time by two casualties; there must be none."""
    held: dict[tuple[str, str, int], Entry] = {}
    twice: list[tuple[Entry, Entry]] = []
    for entry in entries:
        if entry.kind not in ("hold_placed", "hold_released"):
            continue
        key = (entry.body["hospital"], entry.body["resource"], entry.body["slot"])
        holder = held.get(key)
        if entry.kind == "hold_released":
            held.pop(key, None)
        else:
            if holder is not None and holder.body["casualty"] != entry.body["casualty"]:
                twice.append((holder, entry))
            held[key] = entry
    return twice


def saying(scenario: Scenario, what: str, /, **command: Any) -> Scenario:
    """The scenario in which everyone who asks this says something else."""
    steps = [replace(s, command={**s.command, **command}) if s.ask == what else s for s in scenario.steps]
    return replace(scenario, steps=tuple(steps))
