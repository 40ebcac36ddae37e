"""Build a plan trip by trip: the next vehicle to reach a scene takes somebody somewhere, by a rule that is handed
in. Pure.

Every plan that comes out of here can be carried out: places, first waves and vehicles are kept count of. Rules as
dispatchers
use them are simple_rules.py's; the plan that looks ahead is improving.py's, the one that is proven is proving.py's.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from dispatch.distribution.problem import NO_WAY, Floats, Ints, Problem

NEVER = 10**6  # minutes; later than anything


@dataclass(frozen=True, slots=True, order=True)
class Trip:
    """`count` casualties of a group leave `scene` for `hospital` together. Loading begins at `starts_min`; they
    arrive at
    `arrives_min` and their places are open from `place_min` on. `vehicle` -1: any one of its kind."""

    starts_min: int
    kind: int
    scene: int
    group: int
    hospital: int
    count: int
    arrives_min: int
    place_min: int
    vehicle: int = -1


@dataclass(frozen=True, slots=True)
class Plan:
    """`cost`: the expected loss of all that are planned, those not taken included (deaths, and minutes as weighed)."""

    trips: tuple[Trip, ...]
    cost: float


@dataclass(slots=True)
class Offer:
    """What one vehicle could do now, per group (rows) and hospital (columns). `starts` when loading would begin,
    `busy_min`
    until it is back, `count` how many it would take; `possible` False: not at all."""

    possible: np.ndarray
    starts: Ints
    arrives: Ints
    places: Ints
    count: Ints
    loss: Floats
    loss_later: Callable[[int], Floats]
    busy_min: Ints
    kind: int


Choose = Callable[["Yard", Offer], tuple[int, int] | None]


@dataclass(slots=True)
class Yard:
    """The state while a plan is built: who is left, which places are left, what is left of the first wave."""

    problem: Problem
    left: Ints
    open: np.ndarray  # resource x hospital x place -> minute, rising; NEVER: none
    quota: np.ndarray  # hospital x group -> left
    turn: dict[str, int] = field(default_factory=dict)  # what a rule remembers from one trip to the next


class Builder:
    """What all plans of one problem share, worked out once."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        groups, hospitals = problem.groups, len(problem.hospitals)
        self.resources = sorted({group.resource for group in groups})
        self.resource = np.array([self.resources.index(group.resource) for group in groups], dtype=np.int64)
        self.scene = np.array([group.scene for group in groups], dtype=np.int64)
        self.count = np.array([group.count for group in groups], dtype=np.int64)
        self.allowed = np.array([group.allowed for group in groups]).reshape(len(groups), hospitals)
        self.delay = np.array([group.delay_min for group in groups], dtype=np.int64).reshape(len(groups), hospitals)
        self.soft = np.array([group.soft_cost for group in groups]).reshape(len(groups), hospitals)
        self.loss = np.array([group.loss for group in groups])
        self.untaken = np.array([group.untaken for group in groups])
        self.rows = np.arange(len(groups))[:, None]
        self.open = self._open()
        self.quota_key = [(group.category, h) for group in groups for h in range(hospitals)]
        self.quota = np.array(
            [[problem.quota.get((h, group.category), NEVER) for group in groups] for h in range(hospitals)],
            dtype=np.int64,
        ).reshape(hospitals, len(groups))
        self.same_category = np.array([[a.category == b.category for b in groups] for a in groups]).reshape(
            len(groups), len(groups)
        )
        self.out = [kind.out_min[self.scene] for kind in problem.kinds]
        self.load = [kind.load_min[self.scene] for kind in problem.kinds]
        self.back = [
            np.array([kind.back_min[:, s] for s in self.scene]).reshape(len(groups), hospitals)
            for kind in problem.kinds
        ]
        self.ready = [np.array(group.ready_min, dtype=np.int64) for group in groups]

    def _open(self) -> np.ndarray:
        """Places of each resource; where none is needed there is one for everybody."""
        problem = self.problem
        most = max([len(minutes) for minutes in problem.slots.values()] + [int(self.count.sum()), 1])
        table = np.full((len(self.resources), len(problem.hospitals), most), NEVER, dtype=np.int64)
        for r, resource in enumerate(self.resources):
            for h in range(len(problem.hospitals)):
                minutes = problem.slots.get((h, resource), ()) if resource else (0,) * most
                table[r, h, : len(minutes)] = minutes
        return table

    def build(self, choose: Choose) -> Plan:
        """The plan that a rule leads to. A vehicle for which the rule finds nothing stays where it is."""
        problem = self.problem
        yard = Yard(problem, self.count.copy(), self.open.copy(), self.quota.copy())
        at: dict[int, Ints] = {v: problem.starts[v] for v in range(len(problem.vehicles))}
        queue = [(self._first(yard, at[v]), v) for v in at]
        heapq.heapify(queue)
        trips: list[Trip] = []
        while queue and yard.left.any():
            when, v = heapq.heappop(queue)
            now = self._first(yard, at[v])
            if now >= NEVER:
                continue
            if now > when:
                heapq.heappush(queue, (now, v))
                continue
            offer = self.offer(yard, problem.kind_of[v], at[v])
            chosen = choose(yard, offer) if offer.possible.any() else None
            if chosen is not None:
                trip = self._take(yard, offer, *chosen, v)
                trips.append(trip)
                at[v] = self._back_at(trip)
                heapq.heappush(queue, (self._first(yard, at[v]), v))
        return self.priced(trips)

    def priced(self, trips: list[Trip]) -> Plan:
        """With the cost of the whole, summed in the same order however the trips were found."""
        trips = sorted(trips)
        left, cost = self.count.copy(), 0.0
        for trip in trips:
            left[trip.group] -= trip.count
            cost += trip.count * self.cost_of(trip)
        return Plan(tuple(trips), round(cost + float(left @ self.untaken), 9))

    def cost_of(self, trip: Trip) -> float:
        """Of one casualty on a trip."""
        care = max(trip.arrives_min, trip.place_min) + self.delay[trip.group, trip.hospital]
        soft = self.soft[trip.group, trip.hospital] + self.problem.kinds[trip.kind].soft_cost
        return float(self.loss[trip.group, care] + soft)

    def _first(self, yard: Yard, starts: Ints) -> int:
        """When it is at the nearest scene where somebody is left."""
        waiting = set(self.scene[yard.left > 0].tolist())
        return min((int(starts[s]) for s in waiting if starts[s] != NO_WAY), default=NEVER)

    def _back_at(self, trip: Trip) -> Ints:
        kind = self.problem.kinds[trip.kind]
        back = kind.back_min[trip.hospital]
        return np.where(back == NO_WAY, NO_WAY, trip.arrives_min + kind.turnaround_min + back)

    def _waiting(self, yard: Yard, group: int, by: int) -> int:
        """How many of those left in a group can be loaded by a minute; the first ones were taken first."""
        return int(np.searchsorted(self.ready[group], by, side="right")) - int(self.count[group] - yard.left[group])

    def offer(self, yard: Yard, kind: int, starts: Ints) -> Offer:
        """Everything a vehicle of this kind could do next."""
        problem, shape = self.problem, self.problem.kinds[kind]
        here = starts[self.scene]
        groups = [
            g for g in range(len(problem.groups)) if yard.left[g] > 0 and here[g] != NO_WAY and shape.takes[g] > 0
        ]
        begin, ready = (
            np.full(len(problem.groups), NEVER, dtype=np.int64),
            np.zeros(len(problem.groups), dtype=np.int64),
        )
        for g in groups:
            begin[g] = max(here[g], self.ready[g][self.count[g] - yard.left[g]])
            ready[g] = min(int(shape.takes[g]), self._waiting(yard, g, int(begin[g])))
        quota = yard.quota.T
        wave = (begin[:, None] < problem.wave_min) & (quota < 1)
        start = np.where(wave, max(problem.wave_min, 0), begin[:, None])
        out = self.out[kind]
        arrives = start + self.load[kind][:, None] + out
        opens = yard.open[self.resource]
        opened = (opens <= arrives[:, :, None]).sum(axis=2)
        count = np.minimum(ready[:, None], np.maximum(1, opened))
        count = np.where(start < problem.wave_min, np.minimum(count, np.maximum(quota, 1)), count)
        place = np.take_along_axis(opens, np.maximum(count - 1, 0)[:, :, None], axis=2)[:, :, 0]
        possible = self.allowed & (out != NO_WAY) & (start < problem.horizon_min) & (place < NEVER) & (count > 0)
        care = np.where(possible, np.maximum(arrives, place) + self.delay, 0)
        soft = self.soft + shape.soft_cost

        def later(minutes: int) -> Floats:
            return self.loss[self.rows, np.minimum(care + minutes, self.loss.shape[1] - 1)] + soft

        back = np.where(self.back[kind] == NO_WAY, 0, self.back[kind])
        busy = arrives - here[:, None] + shape.turnaround_min + back
        return Offer(possible, start, arrives, place, count, later(0), later, busy, kind)

    def _take(self, yard: Yard, offer: Offer, group: int, hospital: int, vehicle: int) -> Trip:
        count, arrives = int(offer.count[group, hospital]), int(offer.arrives[group, hospital])
        place = int(offer.places[group, hospital])
        starts = int(offer.starts[group, hospital])
        yard.left[group] -= count
        if self.resources[self.resource[group]]:
            self._fill(yard, self.resource[group], hospital, count, max(arrives, place))
        if starts < self.problem.wave_min:
            yard.quota[hospital, self.same_category[group]] -= count
        scene = int(self.scene[group])
        return Trip(starts, offer.kind, scene, group, hospital, count, arrives, place, vehicle)

    @staticmethod
    def _fill(yard: Yard, resource: int, hospital: int, count: int, at: int) -> None:
        """The places that opened last before `at` are taken, so that the early ones are left for who arrives early."""
        row = yard.open[resource, hospital]
        opened = int((row <= at).sum())
        yard.open[resource, hospital] = np.concatenate([row[: opened - count], row[opened:], np.full(count, NEVER)])
