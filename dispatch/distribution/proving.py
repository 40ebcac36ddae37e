"""The best plan, and how far from the best it can be at most: a linear program with trips as columns, then whole
numbers.

HiGHS does the arithmetic, on one thread with a seed. First only trips of plans that are known are columns; prices tell
which trips are worth adding, until none is: then the program's value is a floor that no plan goes below. A plan that is
better than the one in hand can only use trips whose reduced cost is less than the gap, so the search for whole numbers
is given those and no others, and what it proves holds for all. How far it looks is counted (rounds, trips, nodes of the
tree), so that a busy machine finds the same plan, only later; the wall clock is the last guard.
docs/decisions/0018-who-goes-where-as-flows.md, 0020-a-joint-plan-is-proposed.md.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import highspy
import msgspec
import numpy as np

from dispatch.distribution.building import Builder, Plan, Trip
from dispatch.distribution.columns import Columns, Priced
from dispatch.distribution.problem import NO_WAY, Floats
from dispatch.distribution.rules import Search

TINY = 1e-7
ADDED_PER_ROUND = 1200  # trips
PROOF_COLUMNS = 8  # so many times the usual columns are tried where that settles the question


@dataclass(frozen=True, slots=True)
class Proof:
    """`bound`: no plan costs less. `proven`: the plan is within the asked gap of it. `hurried`: the wall clock cut it
    short. `nodes`: of the tree that was searched."""

    plan: Plan
    bound: float
    proven: bool
    hurried: bool
    rounds: int
    columns: int
    nodes: int = 0

    @property
    def gap(self) -> float:
        """Share of the cost that could be saved at most."""
        return 0.0 if self.plan.cost <= 0 else max(0.0, (self.plan.cost - self.bound) / self.plan.cost)


def prove(builder: Builder, known: Sequence[Plan], search: Search, seed: int) -> Proof:
    """The best plan found, never worse than the best that is known."""
    best = min(known, key=lambda plan: plan.cost)
    if not builder.problem.groups:
        return Proof(best, best.cost, True, False, 0, 0)
    return _Prover(builder, search, seed).prove(best, known)


class _Prover:
    def __init__(self, builder: Builder, search: Search, seed: int) -> None:
        self.builder, self.search, self.seed = builder, search, seed
        self.until = time.monotonic() + search.seconds  # a limit of the machine's time, not of the case's
        self.columns = Columns(builder, highspy.kHighsInf)

    def prove(self, best: Plan, known: Sequence[Plan]) -> Proof:
        master = _Master(self.columns, self.seed)
        master.add(self._trips_of(known))
        bound, dual, rounds, hurried = self._floor(master, best)
        if dual is None or self._proven(best, bound):
            return Proof(best, bound, self._proven(best, bound), hurried, rounds, len(master.trips))
        floor, plan, tried, nodes = bound, best, 0, 0
        for most in (self.search.columns, self.search.columns * PROOF_COLUMNS):
            chosen, rest = self._worth(dual, plan.cost - floor, self._trips_of([plan]), most)
            if tried and rest < highspy.kHighsInf:
                break  # too many to settle it: the floor stands
            plan, least, hurried, looked = self._whole(chosen, plan)
            bound, tried, nodes = max(bound, min(least, floor + rest)), len(chosen), nodes + looked
            if hurried or self._proven(plan, bound):
                break
        return Proof(plan, min(bound, plan.cost), self._proven(plan, bound), hurried, rounds, tried, nodes)

    def _proven(self, plan: Plan, bound: float) -> bool:
        return plan.cost - bound <= self.search.gap * plan.cost + TINY

    def _left_s(self) -> float:
        return self.until - time.monotonic()

    def _trips_of(self, plans: Iterable[Plan]) -> list[tuple[Trip, int]]:
        """The distinct trips of plans, each with the scene that its vehicle went on to."""
        found: dict[tuple[Trip, int], None] = {}
        for plan in plans:
            last: dict[int, Trip] = {}
            for trip in plan.trips:
                if trip.vehicle in last:
                    found[_same(last[trip.vehicle]), trip.scene] = None
                last[trip.vehicle] = trip
            for trip in last.values():
                found[_same(trip), trip.scene] = None
        return list(found)

    # --- the floor

    def _floor(self, master: _Master, best: Plan) -> tuple[float, Floats | None, int, bool]:
        """(bound, prices once no trip is worth adding any more, rounds, whether the wall clock ended it)."""
        bound, dual, round_ = 0.0, None, 0
        for round_ in range(1, self.search.rounds + 1):
            value, dual = master.solve()
            priced = self.columns.priced(dual)
            floor = value + self._slack(priced)
            bound = max(bound, floor)
            wanted = list(self._worth_adding(priced))
            if not wanted or best.cost - bound <= self.search.gap * best.cost:
                return floor if not wanted else bound, dual, round_, False
            if self._left_s() <= 0:
                return bound, None, round_, True
            master.add(wanted)
        return bound, None, round_, False

    def _slack(self, priced: Sequence[Priced]) -> float:
        """What the value of the program lacks at most to be a floor: every casualty makes one trip."""
        least = [0.0] * len(self.builder.problem.groups)
        for one in priced:
            least[one.group] = min(least[one.group], float((one.reduced / one.count).min()))
        return sum(group.count * low for group, low in zip(self.builder.problem.groups, least, strict=True))

    def _worth_adding(self, priced: Sequence[Priced]) -> Iterable[tuple[Trip, int]]:
        """Of each kind and group the best trip per minute and per hospital, as far as they lower the cost."""
        cells: dict[tuple[int, int, int], float] = {}
        for n, one in enumerate(priced):
            for h, t in enumerate(one.reduced.argmin(axis=1).tolist()):
                cells[n, h, t] = float(one.reduced[h, t])
            for t, h in enumerate(one.reduced.argmin(axis=0).tolist()):
                cells[n, h, t] = float(one.reduced[h, t])
        worth = sorted((reduced, cell) for cell, reduced in cells.items() if reduced < -TINY)
        for _, (n, h, t) in worth[:ADDED_PER_ROUND]:
            one = priced[n]
            trip = self.columns.trip(one.kind, one.group, h, t, int(one.count[h, t]), int(one.place[h, t]))
            yield trip, int(one.back[h, t])

    # --- whole numbers

    def _worth(
        self, dual: Floats, gap: float, kept: list[tuple[Trip, int]], most: int
    ) -> tuple[list[tuple[Trip, int]], float]:
        """All trips that a better plan could use, the cheapest first as many as are allowed; reduced cost of the
        rest."""
        cells = [one for one in self.columns.below(dual, gap + TINY) if len(one.reduced)]
        reduced = np.concatenate([one.reduced for one in cells]) if cells else np.array([])
        limit = float(np.partition(reduced, most)[most]) if len(reduced) > most else highspy.kHighsInf
        chosen = dict.fromkeys(kept)
        for one in cells:
            for n in np.nonzero(one.reduced < limit)[0].tolist():
                at = int(one.hospital[n]), int(one.minute[n])
                chosen[self.columns.trip(one.kind, one.group, *at, one.count, int(one.place[n])), one.back] = None
        return list(chosen), limit

    def _whole(self, chosen: list[tuple[Trip, int]], best: Plan) -> tuple[Plan, float, bool, int]:
        """(plan, floor of the plans that these trips can make, whether the wall clock ended it, nodes)."""
        whole = _Master(self.columns, self.seed)
        whole.add(chosen)
        limit = msgspec.structs.replace(self.search, seconds=max(0.5, self._left_s()))
        found, floor, hurried, nodes = whole.solve_whole(best, limit)
        plan = best if found is None else self.builder.priced(found)
        return (plan if plan.cost < best.cost - 1e-12 else best), floor, hurried, nodes


def _same(trip: Trip) -> Trip:
    """A trip of any vehicle of its kind, its place counted from when it can be taken."""
    return replace(trip, vehicle=-1, place_min=max(trip.arrives_min, trip.place_min))


class _Master:
    """The program in HiGHS: casualties not taken, vehicles that wait and that choose a scene, and trips as they are
    added."""

    def __init__(self, columns: Columns, seed: int) -> None:
        self.columns = columns
        self.highs = highspy.Highs()
        for option, value in (("output_flag", False), ("threads", 1), ("random_seed", seed), ("parallel", "off")):
            self.highs.setOptionValue(option, value)
        rows = columns.rows
        none = np.array([], dtype=np.int32)
        count = len(rows.lower)
        self.highs.addRows(
            count, np.array(rows.lower), np.array(rows.upper), 0, np.zeros(count, dtype=np.int32), none, np.array([])
        )
        self.trips: dict[tuple[Trip, int], int] = {}
        self.size = 0
        self._add_standing()

    def _add(self, costs: list[float], uppers: list[float], entries: list[tuple[list[int], list[float]]]) -> None:
        starts = np.cumsum([0, *(len(rows) for rows, _ in entries)])[:-1].astype(np.int32)
        indices = np.array([row for rows, _ in entries for row in rows], dtype=np.int32)
        values = np.array([value for _, values in entries for value in values], dtype=float)
        self.highs.addCols(
            len(costs), np.array(costs), np.zeros(len(costs)), np.array(uppers), len(indices), starts, indices, values
        )
        self.size += len(costs)

    def _add_standing(self) -> None:
        columns, problem = self.columns, self.columns.problem
        costs = [group.untaken for group in problem.groups]
        uppers: list[float] = [group.count for group in problem.groups]
        entries: list[tuple[list[int], list[float]]] = [([row], [1.0]) for row in columns.group_row]
        for k in range(len(problem.kinds)):
            for s in range(len(problem.scenes)):
                row = columns.flow_row[k, s]
                for t in range(columns.minutes):
                    later = [int(row[t + 1])] if t + 1 < columns.minutes else []
                    entries.append(([int(row[t]), *later], [1.0, *([-1.0] * len(later))]))
                    costs.append(0.0)
                    uppers.append(highspy.kHighsInf)
        self.first_mover = len(costs)
        for (kind, starts, many), row in zip(columns.movers, columns.mover_row, strict=True):
            for s, t in enumerate(starts):
                if t != NO_WAY and t < columns.minutes:
                    entries.append(([row, int(columns.flow_row[kind, s, t])], [1.0, -1.0]))
                    costs.append(0.0)
                    uppers.append(float(many))
        self.first_trip = len(costs)
        self._add(costs, uppers, entries)

    def add(self, trips: Iterable[tuple[Trip, int]]) -> None:
        """Trips that are there already are left out."""
        new = [one for one in dict.fromkeys(trips) if one not in self.trips]
        if not new:
            return
        for one in new:
            self.trips[one] = self.first_trip + len(self.trips)
        entries = [self.columns.entries(trip, back) for trip, back in new]
        self._add([self.columns.cost(trip) for trip, _ in new], [highspy.kHighsInf] * len(new), entries)

    def solve(self) -> tuple[float, Floats]:
        """(value, price of each row) of the program without whole numbers."""
        self.highs.run()
        return self.highs.getInfo().objective_function_value, np.array(self.highs.getSolution().row_dual)

    def solve_whole(self, best: Plan, search: Search) -> tuple[list[Trip] | None, float, bool, int]:
        """(trips, floor, whether the wall clock ended it, nodes); no trips: nothing better than `best` was found."""
        whole = np.arange(self.first_mover, self.size, dtype=np.int32)
        kinds = np.array([highspy.HighsVarType.kInteger] * len(whole))
        self.highs.changeColsIntegrality(len(whole), whole, kinds)
        for option, value in (
            ("time_limit", search.seconds), ("mip_max_nodes", search.nodes), ("mip_rel_gap", search.gap),
            ("mip_abs_gap", TINY), ("objective_bound", best.cost + TINY),
        ):  # fmt: skip
            self.highs.setOptionValue(option, value)
        self.highs.run()
        info, status = self.highs.getInfo(), self.highs.getModelStatus()
        hurried = status == highspy.HighsModelStatus.kTimeLimit
        floor, nodes = info.mip_dual_bound, max(0, info.mip_node_count)
        if info.primal_solution_status != highspy.SolutionStatus.kSolutionStatusFeasible:
            return None, min(floor, best.cost) if floor == floor else 0.0, hurried, nodes
        values = np.round(np.array(self.highs.getSolution().col_value)).astype(int)
        found = [trip for (trip, _), at in self.trips.items() for _ in range(values[at])]
        return found, floor, hurried, nodes


__all__ = ["Proof", "prove"]
