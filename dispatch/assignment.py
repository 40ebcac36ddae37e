"""Choose which unit goes to a call: the nearest suitable one, and why not each of the others.

Pure, given the driving times. A better suited kind goes first while it is not slower than the others by more than the
rules say it is worth waiting for. Routing computes the times, the desk records the assignment.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from casebook.events import Reason
from casebook.picture import UnitState
from casebook.steps import Duty
from dispatch.policy import AssignmentRules
from dispatch.reasons import seconds

NO_SUCH_KIND = 99


@dataclass(frozen=True, slots=True)
class Ranked:
    """A unit in its place. `fit`: it could be sent now. `eta_s` None: there is no way, or nobody asked for it."""

    unit: str
    eta_s: float | None
    fit: bool
    reasons: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True)
class _Weighed:
    unit: UnitState
    eta_s: float | None
    rank: int
    weight_s: float
    unfit: tuple[Reason, ...]

    @property
    def order(self) -> tuple[bool, float, float, str]:
        eta_s = float("inf") if self.eta_s is None else self.eta_s
        return bool(self.unfit), eta_s + self.weight_s, eta_s, self.unit.id


def rank_units(
    units: Iterable[UnitState], times_s: Mapping[str, float | None], priority: int, rules: AssignmentRules
) -> list[Ranked]:
    """All units, best first, those that cannot go at the end; each loser with its reasons.

    `times_s`: seconds by road from where the unit is to the scene, None where there is no way.
    """
    ranks = {row.kind: row.rank for row in rules.kinds(priority)}
    best_rank = min(ranks.values())
    weighed = sorted(
        (_weigh(unit, times_s.get(unit.id), ranks, best_rank, rules.worth_waiting_s.seconds) for unit in units),
        key=lambda one: one.order,
    )
    first = next((one for one in weighed if not one.unfit), None)
    second = next((one for one in weighed if not one.unfit and one is not first), None)
    return [_ranked(one, first, second) for one in weighed]


def _weigh(unit: UnitState, eta_s: float | None, ranks: Mapping[str, int], best_rank: int, worth_s: int) -> _Weighed:
    rank = ranks.get(unit.kind, NO_SUCH_KIND)
    unfit: list[Reason] = []
    if unit.kind not in ranks:
        unfit.append(Reason("unit_kind", {"kind": unit.kind}))
    if unit.duty is not Duty.AVAILABLE:
        unfit.append(Reason("unit_busy", {"duty": str(unit.duty)}))
    if eta_s is None and not unfit:  # a unit that cannot go anyway was not timed
        unfit.append(Reason("no_route"))
    return _Weighed(unit, eta_s, rank, float((rank - best_rank) * worth_s), tuple(unfit))


def _ranked(one: _Weighed, first: _Weighed | None, second: _Weighed | None) -> Ranked:
    if one.unfit or first is None:
        return Ranked(one.unit.id, one.eta_s, False, one.unfit)
    reasons = _merits(one, second) if one is first else _shortcomings(one, first)
    return Ranked(one.unit.id, one.eta_s, True, tuple(reasons))


def _merits(first: _Weighed, second: _Weighed | None) -> Iterable[Reason]:
    if second is None:
        yield Reason("only_unit")
        return
    lead_s = (second.eta_s or 0.0) - (first.eta_s or 0.0)
    if lead_s >= 0:
        yield Reason("unit_nearest", {"unit": second.unit.id} | seconds("faster", lead_s))
    else:
        yield Reason("unit_better_equipped", {"unit": second.unit.id} | seconds("slower", -lead_s))


def _shortcomings(one: _Weighed, first: _Weighed) -> list[Reason]:
    found: list[Reason] = []
    slower_s = (one.eta_s or 0.0) - (first.eta_s or 0.0)
    if slower_s > 0:
        found.append(Reason("time", seconds("slower", slower_s)))
    if one.rank > first.rank:
        found.append(Reason("unit_less_equipped", {"unit": first.unit.id}))
    return found or [Reason("equal", {"unit": first.unit.id})]
