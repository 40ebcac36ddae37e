"""Decide every step of a recorded log again and compare: replay as a test, not a film.

Folds the log; at each proposal, assignment and change of route the same question is asked of the same roads and rules,
on the picture as it then was. Whatever differs is named, the first first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from casebook import events as e
from casebook.book import occasion_of
from casebook.errors import CoordinationError, NoAnswer
from casebook.log import Entry
from casebook.picture import Picture, fold
from dispatch.area import Area
from dispatch.assigning import AssignUnit, assign
from dispatch.choosing import TO_MEET
from dispatch.desk import decision_on, legs_for, proposal_of
from dispatch.distribution.proposing import proposed
from dispatch.rerouting import reroute
from dispatch.timing import ways_for
from routing.roads import Roadmap


@dataclass(frozen=True, slots=True)
class Difference:
    """Entry `seq` says `recorded` at `field` (a path into its body); decided again it is `redecided`."""

    seq: int
    kind: str
    field: str
    recorded: Any
    redecided: Any


def redecide(entries: Iterable[Entry], roadmap: Roadmap, area: Area) -> Iterator[Difference]:
    """Every decision of the log that comes out differently, in order. Nothing: the log decides as it did.

    Raises what folding raises when the log itself does not hold together.
    """
    judge = _Judge(roadmap, area)
    picture = Picture()
    for entry in entries:
        fact = e.decode(entry.kind, entry.body)
        again = judge.again(picture, entry, fact)
        if again is not None:
            yield from differences(entry, again)
        picture = fold(picture, fact, occasion_of(entry))


@dataclass(frozen=True, slots=True)
class _Judge:
    roadmap: Roadmap
    area: Area

    def again(self, picture: Picture, entry: Entry, fact: e.Event) -> Mapping[str, Any] | None:
        """What this entry would say today; None for an entry that is no decision of ours."""
        try:
            match fact:
                case e.DestinationProposed(casualty=casualty) | e.NoDestination(casualty=casualty):
                    decided: e.Event = self._proposal(picture, casualty, entry)
                case e.UnitAssigned(purpose=purpose, leg=e.Leg()) if purpose == TO_MEET:
                    decided = self._meeting(picture, fact, entry)
                case e.UnitAssigned(leg=e.Leg()):
                    command = AssignUnit(incident=fact.incident, unit=fact.unit, purpose=fact.purpose)
                    decided = assign(self.roadmap, self.area, picture, command, entry.at, self.area.rules.assignment)
                case e.LegGiven(why=why) if why is not None:
                    decided = self._way(picture, fact.unit, entry)
                case e.DistributionProposed(hurried=False):
                    rules = self.area.rules
                    decided = proposed(
                        picture, fact.incident, entry.at, self.roadmap, rules.distribution, rules.destination,
                        quick=fact.quick, seed=fact.seed,
                    )  # fmt: skip
                case e.LegBlocked():
                    decided = self._way(picture, fact.unit, entry)
                case _:
                    return None
        except CoordinationError as wrong:
            return {"error": wrong.key}
        return {"kind": decided.name} | e.encode(decided)

    def _proposal(self, picture: Picture, casualty: str, entry: Entry) -> e.Event:
        ways = ways_for(self.roadmap, self.area, picture, casualty, entry.at, self.area.rules.destination)
        return proposal_of(
            casualty, decision_on(picture, casualty, ways, entry.at, self.area.rules.destination, self.roadmap)
        )

    def _way(self, picture: Picture, unit: str, entry: Entry) -> e.Event:
        """What the roads of that moment made of this unit's way."""
        decided = reroute(self.roadmap, picture, unit, entry.at, self.area.rules.rerouting)
        if decided is None:
            raise NoAnswer("no_other_way", unit=unit)
        return decided

    def _meeting(self, picture: Picture, fact: e.UnitAssigned, entry: Entry) -> e.Event:
        """The aircraft's flight to the meeting, as the choice just before it asks for."""
        served = next(c for c in picture.casualties.values() if c.option and c.option.aircraft == fact.unit)
        assert served.option is not None
        legs = legs_for(self.roadmap, self.area, picture, served.id, served.option, entry.at)
        return e.UnitAssigned(fact.unit, fact.incident, fact.purpose, legs.aircraft, fact.reasons)


def differences(entry: Entry, again: Mapping[str, Any]) -> Iterator[Difference]:
    """Field by field, in the order of the recorded body."""
    recorded = {"kind": entry.kind} | entry.body
    for path, was, now in _compare("", recorded, dict(again)):
        yield Difference(entry.seq, entry.kind, path, was, now)


def _compare(path: str, was: Any, now: Any) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(was, dict) and isinstance(now, dict):
        for name in [*was, *(name for name in now if name not in was)]:
            yield from _compare(f"{path}.{name}".lstrip("."), was.get(name), now.get(name))
    elif isinstance(was, list | tuple) and isinstance(now, list | tuple):
        for index in range(max(len(was), len(now))):
            a = was[index] if index < len(was) else None
            b = now[index] if index < len(now) else None
            yield from _compare(f"{path}[{index}]", a, b)
    elif was != now:
        yield path, was, now
