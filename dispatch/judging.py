"""Judge one way to one hospital by the rules: what bars it, and everything its rank depends on. Pure.

The order between ways is dispatch/destination.py's, the words for it are dispatch/reasons.py's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from casebook.capacity import Hold, free_now
from casebook.casualty import Findings
from casebook.errors import NotFound
from casebook.events import Reason
from casebook.picture import CasualtyState, HospitalState
from dispatch.policy import MODES, NO_CATEGORY, NeedsRow, Policy

WHOLE_HOSPITAL = "*"
NO_LEVEL = 99  # ranks behind every declared trauma level


@dataclass(frozen=True, slots=True)
class Case:
    """What the decision knows of a casualty. `needs` and `wants` as the crew stated them."""

    casualty: str
    category: str = NO_CATEGORY
    pathway: str = "general"
    needs: tuple[str, ...] = ()
    wants: tuple[str, ...] = ()
    airway_unmanageable: bool = False
    in_arrest: bool = False
    wish: str | None = None

    @property
    def closest_any(self) -> bool:
        """An immediate threat to life: any hospital meets it better than the road does."""
        return self.airway_unmanageable or self.in_arrest


def case_of(state: CasualtyState) -> Case:
    """The case of a casualty as the picture has it."""
    found = state.findings or Findings()
    category = str(state.category) if state.category else NO_CATEGORY
    return Case(
        casualty=state.id, category=category, pathway=str(found.pathway), needs=found.needs, wants=found.wants,
        airway_unmanageable=found.airway_unmanageable, in_arrest=found.in_arrest, wish=state.wish,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Way:
    """One way to one hospital as it was timed. `eta_s` None: there is no way, and `barred` says why.

    `terms_s`: seconds by cause as the patient lives them, in order; they add up to `eta_s`. `detours`: closures that
    the way had to go round, each a Reason of code `closure`. `unsettled`: what a person must settle before it can be
    done (weather not reported, a site not measured); such a way ranks as an unknown bay does.
    """

    hospital: str
    mode: str
    eta_s: float | None = None
    terms_s: dict[str, float] = field(default_factory=dict)
    eta_low_s: float | None = None
    eta_high_s: float | None = None
    rendezvous: str | None = None
    aircraft: str | None = None
    decides: str = ""
    barred: tuple[Reason, ...] = ()
    detours: tuple[Reason, ...] = ()
    unsettled: tuple[Reason, ...] = ()

    @property
    def transport_s(self) -> float:
        """From leaving the scene to the door: what a bypass limit counts."""
        return (self.eta_s or 0.0) - self.terms_s.get("on_scene", 0.0)


@dataclass(frozen=True, slots=True)
class Judged:
    """A way with everything its rank depends on. `barred`: why it may not be proposed at all.

    `wish_cost_s` is set on the way that goes first because the patient wishes it: seconds more than the best.
    """

    way: Way
    barred: tuple[Reason, ...]
    beyond_limit_s: float
    unknown: bool
    level: int
    missing_wants: tuple[str, ...]
    weighed_s: float
    wish_cost_s: int | None = None

    @property
    def eta_s(self) -> float:
        return float("inf") if self.way.eta_s is None else self.way.eta_s

    @property
    def order(self) -> tuple[Any, ...]:
        """What decides, most important first; then what makes the order total, whatever the order of the input."""
        way = self.way
        last = (self.eta_s, MODES.index(way.mode), way.hospital, way.rendezvous or "", way.aircraft or "")
        if self.barred:
            return (True, *last)
        return (False, self.beyond_limit_s > 0, self.unknown, self.level, self.weighed_s, *last)


def resource_for(category: str, policy: Policy) -> str:
    """The counted resource that a casualty of this category takes on arrival."""
    table = policy.resource.by_category
    return table.get(category, table[NO_CATEGORY])


@dataclass(frozen=True, slots=True)
class Room:
    """What surrounds every way of one decision: the case, the hospitals, who holds what, when, by which rules."""

    case: Case
    hospitals: Mapping[str, HospitalState]
    holds: tuple[Hold, ...]
    now: datetime
    policy: Policy

    @property
    def resource(self) -> str:
        return resource_for(self.case.category, self.policy)

    @property
    def rows(self) -> list[NeedsRow]:
        """The rows of the needs table that fit this case; none where the closest hospital is meant."""
        if self.case.closest_any:
            return []
        fitting = [row for row in self.policy.needs if self.case.pathway in row.pathways]
        return [row for row in fitting if not row.categories or self.case.category in row.categories]

    @property
    def needs(self) -> tuple[str, ...]:
        if self.case.closest_any:
            return self.policy.closest_any.needs
        return tuple(dict.fromkeys([*self.case.needs, *(word for row in self.rows for word in row.needs)]))

    @property
    def wants(self) -> tuple[str, ...]:
        if self.case.closest_any:
            return ()
        wanted = [*self.case.wants, *(word for row in self.rows for word in row.wants)]
        return tuple(word for word in dict.fromkeys(wanted) if word not in self.needs)

    def held(self, hospital: str) -> int:
        """Slots that others hold now."""
        return sum(
            (hold.hospital, hold.resource) == (hospital, self.resource)
            and hold.casualty != self.case.casualty
            and hold.until > self.now
            for hold in self.holds
        )

    def free(self, hospital: HospitalState) -> int | None:
        """Free for this case: reported less held by others; None where nobody knows."""
        return free_now(hospital.figures.get(self.resource), self.held(hospital.id), self.resource, self.now)

    def judge(self, way: Way) -> Judged:
        """Raises NotFound for an unknown hospital."""
        hospital = self.hospitals.get(way.hospital)
        if hospital is None:
            raise NotFound(what="hospital", id=way.hospital)
        closest_any, limit_s = self.case.closest_any, self.policy.limit_s(self.case.pathway)
        missing = tuple(word for word in self.wants if word not in hospital.capabilities)
        costs_s = self.policy.change_costs_s.by_mode[way.mode] + len(missing) * self.policy.missing_want_costs_s.seconds
        return Judged(
            way=way,
            barred=tuple(self._bars(way, hospital)),
            beyond_limit_s=0.0 if closest_any else max(0.0, way.transport_s - limit_s),
            unknown=bool(way.unsettled) or (not closest_any and self.free(hospital) is None),
            level=self._level(hospital),
            missing_wants=missing,
            weighed_s=round((way.eta_s or 0.0) + costs_s, 1),
        )

    def _level(self, hospital: HospitalState) -> int:
        """The trauma level where it ranks, 0 for all where it does not."""
        rule = self.policy.highest_level
        if rule.need not in self.needs or self.case.category not in rule.categories:
            return 0
        return NO_LEVEL if hospital.trauma_level is None else hospital.trauma_level

    def _bars(self, way: Way, hospital: HospitalState) -> Iterable[Reason]:
        if way.eta_s is None:
            yield from way.barred or (Reason("no_route"),)
        if way.mode != "road" and self.case.category not in self.policy.change_costs_s.categories:
            yield Reason("policy.no_flight", {"category": self.case.category})
        lacking = [word for word in self.needs if word not in hospital.capabilities]
        if lacking:
            yield Reason("capability", {"missing": lacking})
        yield from self._closed(hospital)
        if self.free(hospital) == 0 and not self.case.closest_any:
            yield self.full(hospital)

    def _closed(self, hospital: HospitalState) -> Iterable[Reason]:
        for resource in (WHOLE_HOSPITAL, self.resource, *self.needs):
            closure = hospital.closures.get(resource)
            if closure is not None and closure.in_force(self.now):
                until = closure.until.isoformat() if closure.until else None
                yield Reason("closed", {"resource": resource, "reason": closure.reason, "until": until})

    def full(self, hospital: HospitalState) -> Reason:
        figure = hospital.figures[self.resource]
        facts = {"resource": self.resource, "free": figure.free, "held": self.held(hospital.id)}
        return Reason("capacity", facts | {"age_s": round(figure.age_s(self.now)), "author": figure.by})

    @property
    def wish_limit_s(self) -> int:
        table = self.policy.wish_limit_s.by_category
        return table.get(self.case.category, table[NO_CATEGORY])

    def wish_refused(self, wished: Judged, best: Judged) -> bool:
        """Not while life is at stake, not into the unknown, not beyond the limit, not for more than it may cost."""
        unsafe = self.case.closest_any or wished.unknown or wished.beyond_limit_s > 0
        return unsafe or self.wish_cost_s(wished, best) > self.wish_limit_s

    @staticmethod
    def wish_cost_s(wished: Judged, best: Judged) -> int:
        return max(0, round(wished.eta_s - best.eta_s))
