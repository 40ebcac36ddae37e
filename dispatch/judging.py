"""Judge one way to one hospital by the rules: what bars it, and everything its rank depends on. Pure.

The order between ways is dispatch/destination.py's, the words for it are dispatch/reasons.py's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from casebook.capacity import WHOLE_HOSPITAL, Figure, Hold, Resource, free_now
from casebook.capacity.ageing import p_free_on_arrival
from casebook.capacity.resources import ResourceTable
from casebook.errors import NotFound
from casebook.events import Reason
from casebook.picture import HospitalState
from dispatch.care import Care, care_of, mean_wait_s
from dispatch.needs import Case, Needs
from dispatch.policy import MODES, NO_CATEGORY, Policy

NO_LEVEL = 99  # ranks behind every declared trauma level
WITHIN, BEYOND = 0, 1  # capable within the limit; capable beyond it, or stabilises and transfers on


@dataclass(frozen=True, slots=True)
class Way:
    """One way to one hospital as it was timed. `eta_s` None: there is no way, and `barred` says why.

    `terms_s`: seconds by cause as the patient lives them, in order; they add up to `eta_s`; `eta_low_s`, `eta_high_s`
    are p10 and p90. `detours`: closures that the way had to go round, each a Reason of code `closure`. `unsettled`:
    what a person must settle before it can be done (weather not reported, a site not measured); such a way ranks as an
    unknown bay does.
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
    `onward`: the hospital that a casualty is transferred to from this one, which lacks `missing_needs`. `care` None:
    there is no way.
    """

    way: Way
    barred: tuple[Reason, ...]
    beyond_limit_s: float
    unknown: bool
    level: int
    missing_wants: tuple[str, ...]
    weighed_s: float
    care: Care | None = None
    tier: int = WITHIN
    onward: str | None = None
    missing_needs: tuple[str, ...] = ()
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
        return (False, self.tier, self.unknown, self.level, self.weighed_s, *last)


def resource_for(category: str, policy: Policy) -> str:
    """The counted resource that a casualty of this category takes on arrival."""
    table = policy.resource.by_category
    return table.get(category, table[NO_CATEGORY])


@dataclass(frozen=True, slots=True)
class Seen:
    """What a case finds at one hospital, whichever way it comes. `full`: the reason where no place is left."""

    free: int | None
    held: int
    figure: Figure | None
    missing: tuple[str, ...]
    wanted: tuple[str, ...]
    closed: tuple[Reason, ...]
    level: int
    offload_s: float
    mean_s: float
    age_s: float
    full: Reason | None


@dataclass(frozen=True, slots=True)
class Room:
    """What surrounds every way of one decision, worked out once: see `room_for` in dispatch/ranking.py.

    `onward_s`: between hospitals, (from, to) -> seconds; what is not there is not known. `held`: (hospital, resource)
    -> slots that others hold. What is seen of a hospital is kept for its other ways: mappings are not to be changed.
    """

    case: Case
    hospitals: Mapping[str, HospitalState]
    holds: tuple[Hold, ...]
    now: datetime
    policy: Policy
    table: ResourceTable
    needs: Needs
    onward_s: Mapping[tuple[str, str], float] = field(default_factory=dict)
    held: Mapping[tuple[str, str], int] = field(default_factory=dict)
    resource: str = field(init=False)  # what this case takes; looked up once, asked for at every way
    _row: Resource = field(init=False, repr=False, compare=False)
    _flies: bool = field(init=False, repr=False, compare=False)
    _limit_s: float = field(init=False, repr=False, compare=False)
    _seen: dict[str, Seen] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        resource, policy = resource_for(self.case.category, self.policy), self.policy
        object.__setattr__(self, "resource", resource)
        object.__setattr__(self, "_row", self.table.rows[resource])
        object.__setattr__(self, "_flies", self.case.category in policy.change_costs_s.categories)
        object.__setattr__(
            self, "_limit_s", float("inf") if self.case.closest_any else policy.limit_s(self.case.pathway)
        )
        object.__setattr__(self, "_seen", {})

    def with_hospital(self, hospital: HospitalState) -> Room:
        """The same, but for this hospital."""
        return replace(self, hospitals={**self.hospitals, hospital.id: hospital})

    def free(self, hospital: HospitalState) -> int | None:
        """Free for this case: reported less held by others; None where nobody knows."""
        return self.seen(hospital.id).free

    def seen(self, id: str) -> Seen:
        """Raises NotFound for an unknown hospital."""
        seen = self._seen.get(id)
        if seen is None:
            hospital = self.hospitals.get(id)
            if hospital is None:
                raise NotFound(what="hospital", id=id)
            seen = self._seen[id] = self._look(hospital)
        return seen

    def _look(self, hospital: HospitalState) -> Seen:
        figure, held = hospital.figures.get(self.resource), self.held.get((hospital.id, self.resource), 0)
        free = free_now(figure, held, self.resource, self.now)
        able = hospital.capabilities
        return Seen(
            free, held, figure,
            missing=tuple(word for word in self.needs.must if word not in able),
            wanted=tuple(word for word in self.needs.helps if word not in able),
            closed=tuple(self._closed(hospital)),
            level=self._level(hospital),
            offload_s=self._offload_s(hospital),
            mean_s=mean_wait_s(figure, self._row),
            age_s=figure.age_s(self.now) if figure is not None else 0.0,
            full=self._full(figure, held) if free == 0 and figure is not None else None,
        )  # fmt: skip

    def judge(self, way: Way, *, transfer: bool = False) -> Judged:
        """`transfer`: as a hospital that stabilises and transfers on. Raises NotFound for an unknown hospital."""
        seen, policy = self.seen(way.hospital), self.policy
        onward = self._onward(way.hospital) if transfer else None
        care = self.care(way, onward[1] if onward else None)
        costs_s = policy.change_costs_s.by_mode[way.mode] + len(seen.wanted) * policy.missing_want_costs_s.seconds
        beyond_s = max(0.0, way.transport_s - self._limit_s)
        silent = seen.free is None and not self.case.closest_any
        return Judged(
            way,
            tuple(self._bars(way, seen, onward)),
            beyond_s,
            bool(way.unsettled) or silent or self._silent(onward),
            seen.level,
            seen.wanted,
            round((care.definitive_s if care else 0.0) + costs_s, 1),
            care,
            BEYOND if beyond_s > 0 or onward else WITHIN,
            onward[0] if onward else None,
            seen.missing,
        )

    def care(self, way: Way, onward_s: float | None = None) -> Care | None:
        """The time to definitive care by this way, where there is one; `onward_s`: with a transfer that far."""
        if way.eta_s is None:
            return None
        if self.case.closest_any:
            return care_of(way.eta_s, way.eta_low_s, way.eta_high_s, p_bay=None, mean_s=0.0, offload_s=0.0)
        seen, p_bay = self.seen(way.hospital), None
        if seen.free is not None:
            p_bay = p_free_on_arrival(seen.figure, seen.held, way.eta_s, seen.age_s, self._row)
        transfer_s = 0.0 if onward_s is None else self.policy.secondary_transfer.leaves_after_s + onward_s
        return care_of(
            way.eta_s, way.eta_low_s, way.eta_high_s, p_bay=p_bay, mean_s=seen.mean_s, offload_s=seen.offload_s,
            transfer_s=transfer_s,
        )  # fmt: skip

    def ranged(self, judged: Judged, way: Way) -> Judged:
        """The same judgement of the same way whose range is told."""
        onward_s = None if judged.onward is None else self.onward_s[way.hospital, judged.onward]
        return replace(judged, way=way, care=self.care(way, onward_s))

    def _offload_s(self, hospital: HospitalState) -> float:
        """The queue at the door by the share of beds taken; what is not known counts as crowded."""
        rule = self.policy.offload
        if self.resource != rule.resource:
            return 0.0
        figure = hospital.figures.get(rule.resource)
        known = free_now(figure, 0, rule.resource, self.now) is not None
        if figure is None or not known or figure.taken is None or not figure.total:
            return float(rule.unknown_s)
        share = figure.taken / figure.total
        return float(max((step.seconds for step in rule.steps if share >= step.share_taken), default=0))

    def _onward(self, here: str) -> tuple[str, float] | None:
        """The nearest hospital that has what this one lacks and is neither closed nor known to be full."""
        ways = ((self.onward_s.get((here, other)), other) for other in self.hospitals if other != here)
        able = ((seconds, other) for seconds, other in ways if seconds is not None and self._takes(other))
        nearest = min(able, default=None)
        return None if nearest is None else (nearest[1], nearest[0])

    def _silent(self, onward: tuple[str, float] | None) -> bool:
        """Whether nobody knows if the hospital that a casualty is transferred on to has a place."""
        return onward is not None and self.seen(onward[0]).free is None

    def _takes(self, id: str) -> bool:
        seen = self.seen(id)
        return not seen.missing and not seen.closed and seen.free != 0

    def _level(self, hospital: HospitalState) -> int:
        """The trauma level where it ranks, 0 for all where it does not."""
        rule = self.policy.highest_level
        if rule.need not in self.needs.must or self.case.category not in rule.categories:
            return 0
        return NO_LEVEL if hospital.trauma_level is None else hospital.trauma_level

    def _bars(self, way: Way, seen: Seen, onward: tuple[str, float] | None) -> Iterable[Reason]:
        if way.eta_s is None:
            yield from way.barred or (Reason("no_route"),)
        if way.mode != "road" and not self._flies:
            yield Reason("policy.no_flight", {"category": self.case.category})
        lacking = seen.missing if onward is None else self._lacks_to_stabilise(way.hospital)
        if lacking:
            yield Reason("capability", {"missing": list(lacking)})
        yield from seen.closed
        if way.hospital in self.case.refused_by and not self.case.closest_any:
            yield Reason("refused")
        if seen.full is not None and not self.case.closest_any:
            yield seen.full

    def _lacks_to_stabilise(self, id: str) -> list[str]:
        able = self.hospitals[id].capabilities
        return [word for word in self.policy.secondary_transfer.needs if word not in able]

    def _closed(self, hospital: HospitalState) -> Iterable[Reason]:
        if not hospital.closures:
            return
        for resource in (WHOLE_HOSPITAL, self.resource, *self.needs.must):
            closure = hospital.closures.get(resource)
            if closure is not None and closure.in_force(self.now):
                until = closure.until.isoformat() if closure.until else None
                yield Reason("closed", {"resource": resource, "reason": closure.reason, "until": until})

    def _full(self, figure: Figure, held: int) -> Reason:
        facts = {"resource": self.resource, "free": figure.free, "held": held}
        return Reason("capacity", facts | {"age_s": round(figure.age_s(self.now)), "author": figure.by})

    @property
    def wish_limit_s(self) -> int:
        table = self.policy.wish_limit_s.by_category
        return table.get(self.case.category, table[NO_CATEGORY])

    def wish_refused(self, wished: Judged, best: Judged) -> bool:
        """Not while life is at stake, not into the unknown, not beyond the limit, not for more than it may cost."""
        unsafe = self.case.closest_any or wished.unknown or wished.tier != WITHIN
        return unsafe or self.wish_cost_s(wished, best) > self.wish_limit_s

    @staticmethod
    def wish_cost_s(wished: Judged, best: Judged) -> int:
        return max(0, round(wished.eta_s - best.eta_s))


def held_by_others(case: Case, holds: Iterable[Hold], now: datetime) -> Counter[tuple[str, str]]:
    """(hospital, resource) -> slots that others hold now."""
    return Counter(
        (hold.hospital, hold.resource) for hold in holds if hold.casualty != case.casualty and hold.until > now
    )
