"""Put the ways of one decision in order. Pure.

A way is barred when there is none, when the hospital lacks a need, is closed, refused the case or is known to be full.
What is left is ranked by: capable within the bypass limit; where nobody is, capable beyond it against stabilising at a
nearer hospital and going on, by minutes; known free before unknown; trauma centre level where the rule asks
for it; then the expected minutes to definitive care, where a change of vehicle and a missing wish of the crew weigh
what the rules say. A patient's wish goes first while it is safe and costs no more than its limit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from operator import attrgetter
from typing import Any

import msgspec
from msgspec import structs

from casebook.capacity import Hold
from casebook.capacity.resources import ResourceTable
from casebook.events import Reason
from casebook.picture import HospitalState
from dispatch.judging import WITHIN, Judged, Room, Way, held_by_others
from dispatch.needs import Case, Needs, Rows, needs_of, rows_for
from dispatch.policy import NeedsRow, Policy

Ranged = Callable[[Sequence[Way]], Sequence[Way]]
_order = attrgetter("order")


def as_told(ways: Sequence[Way]) -> Sequence[Way]:
    """Ways that came with their ranges."""
    return ways


@dataclass(frozen=True, slots=True)
class World:
    """Everything that a destination decision looks at.

    `what_ifs`: changes outside the hospitals (a road open again, daylight), each with all ways as they would then be.
    `onward_s`: by road between hospitals, (from, to) -> seconds, for those that would have to transfer on.
    `ranged`: gives ways of `ways` their p10 and p90, asked for those only that could be taken: no rank depends on them.
    `unflown`: why no aircraft takes the casualty over where they are, whatever the hospital; then no way is by air. ()
    where that is asked hospital by hospital. Nothing ranks by it.
    """

    case: Case
    ways: tuple[Way, ...]
    hospitals: Mapping[str, HospitalState]
    holds: tuple[Hold, ...]
    now: datetime
    policy: Policy
    table: ResourceTable
    onward_s: Mapping[tuple[str, str], float] = field(default_factory=dict)
    what_ifs: tuple[tuple[Reason, tuple[Way, ...]], ...] = ()
    traffic_version: str = ""
    roads: str = ""
    ranged: Ranged = as_told
    unflown: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True)
class Ranking:
    """`viable`: what could be taken, best first; `barred`: what could not, by time. `rows`: rules that fit the case."""

    room: Room
    rows: Rows
    viable: tuple[Judged, ...]
    barred: tuple[Judged, ...]

    @property
    def all(self) -> tuple[Judged, ...]:
        return (*self.viable, *self.barred)


def rank(world: World) -> Ranking:
    """Raises NotFound for a way to an unknown hospital."""
    rows = rows_for(world.case, world.policy, world.now)
    return rank_with(world, rows, room_for(world, rows))


def room_for(world: World, rows: Rows) -> Room:
    """The room of a decision: which needs are demanded depends on who can meet them within the limit."""
    room = Room(
        world.case, world.hospitals, world.holds, world.now, world.policy, world.table,
        needs_of(world.case, world.policy, rows, ()), world.onward_s,
        held_by_others(world.case, world.holds, world.now),
    )  # fmt: skip
    met = [row for row in rows.within if _met_within(world, room, row)]
    return replace(room, needs=needs_of(world.case, world.policy, rows, met)) if met else room


def _met_within(world: World, room: Room, row: NeedsRow) -> bool:
    """Whether a hospital that could be proposed and is reached within the limit has what this row demands."""
    must = tuple(dict.fromkeys((*room.needs.must, *row.needs)))
    demanding = replace(room, needs=Needs(must, ()))
    return any(not one.barred and one.tier == WITHIN for one in map(demanding.judge, world.ways))


def rank_with(world: World, rows: Rows, room: Room) -> Ranking:
    room.see_all()
    return ranked(rows, room, [room.judge(way) for way in world.ways])


def ranked(rows: Rows, room: Room, judged: Sequence[Judged]) -> Ranking:
    """In order; where nobody capable is within the limit, with those that stabilise and transfer on."""
    if not room.case.closest_any and not any(not one.barred and one.tier == WITHIN for one in judged):
        judged = [_or_transfer(one, room) for one in judged]
    viable = sorted([one for one in judged if not one.barred], key=_order)
    barred = sorted([one for one in judged if one.barred], key=_order)
    return Ranking(room, rows, tuple(wish_first(viable, room)), tuple(barred))


def _or_transfer(one: Judged, room: Room) -> Judged:
    """The same way as one to a hospital that transfers on, where only a capability bars it and that is possible."""
    if [reason.code for reason in one.barred] != ["capability"]:
        return one
    transferring = room.judge_transfer(one.way)
    return one if transferring is None or transferring.beyond_limit_s else transferring


def wish_first(viable: list[Judged], room: Room) -> list[Judged]:
    """The wished hospital's best way in front when that is safe and not too dear; else the order as it was."""
    wished = next((one for one in viable if one.way.hospital == room.case.wish), None)
    if wished is None or room.wish_refused(wished, viable[0]):
        return viable
    cost_s = room.wish_cost_s(wished, viable[0])
    return [structs.replace(wished, wish_cost_s=cost_s), *(one for one in viable if one is not wished)]


def canonical(value: Any) -> bytes:
    """JSON bytes that are the same for the same value."""
    return msgspec.json.encode(value, order="sorted")
