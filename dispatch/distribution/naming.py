"""Give a plan its names back: which casualty and which vehicle makes each trip. Pure.

The plan counts casualties of a group and vehicles of a kind; whoever was ready first goes first, and whoever has waited
longest drives. That it comes out even is a law of the plan, so a trip that nobody can make is a bug and is asserted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from dispatch.distribution.building import Plan, Trip
from dispatch.distribution.problem import NO_WAY, Problem


@dataclass(frozen=True, slots=True)
class Named:
    """A trip with its casualties, its vehicle and the how-manieth trip of that vehicle it is (from 1)."""

    trip: Trip
    casualties: tuple[str, ...]
    vehicle: str
    number: int


def named(problem: Problem, plan: Plan) -> list[Named]:
    """All trips by when loading begins."""
    trips = sorted(plan.trips)
    vehicles = vehicles_of(problem, trips)
    taken: Counter[int] = Counter()
    numbers: Counter[int] = Counter()
    found: list[Named] = []
    for trip, vehicle in zip(trips, vehicles, strict=True):
        group = problem.groups[trip.group]
        first = taken[trip.group]
        taken[trip.group] += trip.count
        numbers[vehicle] += 1
        assert taken[trip.group] <= group.count, "nobody goes twice"
        assert group.ready_min[taken[trip.group] - 1] <= trip.starts_min, "nobody goes before it can be loaded"
        ids = group.ids[first : taken[trip.group]]
        found.append(Named(trip, ids, problem.ask.vehicles[vehicle].id, numbers[vehicle]))
    return found


def vehicles_of(problem: Problem, trips: Sequence[Trip]) -> list[int]:
    """Index of the vehicle of each trip; trips in order of their start.

    Each trip follows another of the same kind, or is the first of a vehicle: a matching, by augmenting paths.
    """
    before: list[list[int]] = []  # of each trip what may precede it: trip n, or vehicle v as -1 - v
    for n, trip in enumerate(trips):
        firsts = [
            (int(problem.starts[v, trip.scene]), -1 - v)
            for v, kind in enumerate(problem.kind_of)
            if kind == trip.kind and problem.starts[v, trip.scene] != NO_WAY
        ]
        others = [(_again(problem, one, trip.scene), m) for m, one in enumerate(trips[:n]) if one.kind == trip.kind]
        able = [(at, who) for at, who in (*firsts, *others) if at is not None and at <= trip.starts_min]
        before.append([who for _, who in sorted(able)])
    followed_by = _matched(before)
    precedes = {n: who for who, n in followed_by.items()}
    vehicles: list[int] = []
    for n in range(len(trips)):
        who = precedes[n]
        vehicles.append(-1 - who if who < 0 else vehicles[who])
    return vehicles


def _matched(before: Sequence[Sequence[int]]) -> dict[int, int]:
    """Predecessor -> trip, every trip with one of its own."""
    followed_by: dict[int, int] = {}

    def settle(trip: int, seen: set[int]) -> bool:
        for who in before[trip]:
            if who not in seen:
                seen.add(who)
                if who not in followed_by or settle(followed_by[who], seen):
                    followed_by[who] = trip
                    return True
        return False

    for trip in range(len(before)):
        assert settle(trip, set()), "a trip that no vehicle can make"
    return followed_by


def _again(problem: Problem, trip: Trip, scene: int) -> int | None:
    kind = problem.kinds[trip.kind]
    drive = int(kind.back_min[trip.hospital, scene])
    return None if drive == NO_WAY else trip.arrives_min + kind.turnaround_min + drive
