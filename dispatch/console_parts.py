"""The console's view made of parts that are kept, each remade only when what it is made of has changed.

A city has a thousand vehicles and hundreds of cases, and between two looks a few of them have moved. States of the
picture are never changed in place, so the same objects mean the same part; where time alone changes one, what it
changes is among the things compared. What the parts say is console_view.py's, and so is the whole: this gives the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from operator import attrgetter
from typing import Any

import msgspec

from casebook.atmist import newest_vitals
from casebook.capacity import AGE_LIMIT_S, Hold
from casebook.kept_parts import KeptParts
from casebook.live import PlainView, plain
from casebook.log import Entry
from casebook.picture import CasualtyState, HospitalState, Picture, UnitState
from dispatch import console_view as view
from dispatch.area import Area
from dispatch.board import board_with_plan, people_of
from dispatch.journeys import traffic_version
from dispatch.shift import of_the_shift
from routing.roads import Roadmap

STREAMED = frozenset({"position", "position_at", "quality", "quality_at", "trend"})
OF_UNIT = attrgetter(*(name for name in UnitState.__dataclass_fields__ if name not in STREAMED))
OF_CASUALTY = attrgetter(*(name for name in CasualtyState.__dataclass_fields__ if name not in STREAMED))
Part = dict[str, Any]


class ConsoleParts:
    """Of one console's feed. `look` gives what `console_view` gives, without the unknown."""

    def __init__(self, area: Area, roadmap: Roadmap | None = None) -> None:
        self._area, self._roadmap = plain(view.area_view(area)), roadmap
        self._version = ""
        names = ("incidents", "cases", "lasting", "vitals", "casualties", "units", "standing", "hospitals")
        self._kept = {name: KeptParts() for name in (*names, "tasks", "roads", "boards", "feeds", "log")}

    def look(self, picture: Picture, now: datetime, lines: Iterable[Entry] = ()) -> PlainView:
        """`lines`: the newest entries of the book, for the activity log."""
        picture = of_the_shift(picture, now)
        version, people = self._named(traffic_version(picture, now)), people_of(picture)
        holds = [hold for hold in picture.holds.values() if hold.until > now]
        drill = {"drill": picture.drill.scenario} if picture.drill else {}
        lasting = self._lasting(picture, holds, version)
        return PlainView(
            drill
            | {
                "traffic": version,
                "incidents": self._incidents(picture, people),
                "casualties": self._casualties(picture, now, lasting),
                "units": self._units(picture),
                "hospitals": self._hospitals(picture, now, holds),
                "tasks": self._each("tasks", picture.tasks, lambda one: (one,), msgspec.to_builtins),
                "roads": self._each(
                    "roads", picture.roads, lambda one: (one, view.is_in_force(one, now)),
                    lambda one: view.road_view(one, now, self._roadmap),
                ),
                "boards": self._boards(picture, people, lasting),
                "feeds": self._kept["feeds"].get(
                    "", (picture.observed, picture.hospitals), lambda: view.feeds_of(picture)
                ),
                "log": self._each("log", {str(line.seq): line for line in lines}, lambda one: (one,), view.log_line),
            }
            | self._area
        )  # fmt: skip

    def _named(self, version: str) -> str:
        """The same object while it is the same name."""
        self._version = self._version if self._version == version else version
        return self._version

    def _each(
        self, kind: str, states: Mapping[str, Any], made_of: Callable[[Any], tuple[Any, ...]],
        make: Callable[[Any], Any],
    ) -> Part:  # fmt: skip
        kept = self._kept[kind]
        kept.forget_but(states)
        return {id: kept.get(id, made_of(one), lambda one=one: make(one)) for id, one in states.items()}

    def _incidents(self, picture: Picture, people: Mapping[str, list[CasualtyState]]) -> Part:
        return self._each(
            "incidents", picture.incidents, lambda one: (one, *(each.times for each in people.get(one.id, ()))),
            lambda one: view.incident_view(one, people.get(one.id, ())),
        )  # fmt: skip

    def _lasting(self, picture: Picture, holds: Iterable[Hold], version: str) -> Part:
        """Of each casualty all but its vitals. They change with the carrier's drive, not with its place."""
        held: dict[str, Hold] = {}
        for hold in picture.holds.values():  # the first of a casualty counts, in force or not
            held.setdefault(hold.casualty, hold)
        in_force, cases, parts = {hold.key for hold in holds}, self._kept["cases"], self._kept["lasting"]
        told: Part = {}
        for kept in (cases, parts):
            kept.forget_but(picture.casualties)
        for id, one in picture.casualties.items():
            hold, carrier = held.get(id), picture.units.get(one.unit or "")
            hold = hold if hold is not None and hold.key in in_force else None

            def made(one: CasualtyState = one, hold: Hold | None = hold, carrier: UnitState | None = carrier) -> Part:
                drive = OF_UNIT(carrier) if carrier else ()
                return parts.get(
                    one.id, (version, hold, *OF_CASUALTY(one), *drive),
                    lambda: view.lasting_of_casualty(picture, one, hold, version),
                )  # fmt: skip

            told[id] = cases.get(id, (version, hold, one, carrier), made)
        return told

    def _casualties(self, picture: Picture, now: datetime, lasting: Part) -> Part:
        vitals, whole = self._kept["vitals"], self._kept["casualties"]
        told: Part = {}
        for kept in (vitals, whole):
            kept.forget_but(picture.casualties)
        for id, one in picture.casualties.items():
            ahead = bool(one.trend) and one.trend[-1].at > now  # of a clock that is fast: it counts once it is so late
            signs = vitals.get(id, (one.trend, now if ahead else None), lambda one=one: newest_vitals(one.trend, now))
            told[id] = whole.get(id, (lasting[id], signs), lambda id=id, signs=signs: _with(lasting[id], vitals=signs))
        return told

    def _units(self, picture: Picture) -> Part:
        units, parts, told = self._kept["units"], self._kept["standing"], {}
        for id, one in picture.units.items():
            films = id in picture.streams

            def made(one: UnitState = one, films: bool = films) -> Part:
                stays = parts.get(one.id, (films, *OF_UNIT(one)), lambda: view.lasting_of_unit(picture, one))
                return _with(stays, **plain(view.streamed_of_unit(picture, one)))

            told[id] = units.get(id, (films, one), made)
        return told

    def _hospitals(self, picture: Picture, now: datetime, holds: Iterable[Hold]) -> Part:
        held: dict[str, dict[str, Hold]] = {}
        for hold in holds:
            held.setdefault(hold.hospital, {})[hold.key] = hold
        inbound = Counter(filter(None, map(view.bound_for, picture.casualties.values())))
        return self._each(
            "hospitals", picture.hospitals,
            lambda one: (one, inbound[one.id], *held.get(one.id, {}).values(), *_by_time(one, now)),
            lambda one: view.hospital_view(one, held.get(one.id, {}), inbound[one.id], now),
        )  # fmt: skip

    def _boards(self, picture: Picture, people: Mapping[str, list[CasualtyState]], lasting: Part) -> Part:
        kept, told = self._kept["boards"], {}
        kept.forget_but(people)
        for id, members in sorted(people.items()):
            planned = object() if id in picture.plans else None  # a plan looks at everything of its incident
            told[id] = kept.get(
                id, (planned, *(lasting[one.id] for one in members)),
                lambda id=id, members=members: board_with_plan(picture, id, members),
            )  # fmt: skip
        return told


def _with(part: Part, **more: Any) -> PlainView:
    return PlainView(part | more)


def _by_time(state: HospitalState, now: datetime) -> Iterable[bool]:
    """What time alone changes: which figures are too old, which closures over."""
    for resource, figure in state.figures.items():
        yield figure.age_s(now) > AGE_LIMIT_S.get(resource, 15 * 60)
    for closure in state.closures.values():
        yield closure.in_force(now)
