"""Judge one way to one hospital by the rules: what bars it, and everything its rank depends on. Pure.

The order between ways is dispatch/destination.py's, the words for it are dispatch/reasons.py's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import Any, NamedTuple

import msgspec
from msgspec import structs

from casebook.capacity import Hold
from casebook.capacity.resources import ResourceTable
from casebook.errors import NotFound
from casebook.events import Reason
from casebook.picture import HospitalState
from dispatch.care import Care, care_of, definitive_s
from dispatch.needs import Case, Needs
from dispatch.policy import MODES, NO_CATEGORY, Policy
from dispatch.seen import Look, Seen, Waits, lacking
from dispatch.tenths import tenth

MODE_ROWS = {mode: row for row, mode in enumerate(MODES)}
NEVER_S = float("inf")
NO_ROUTE = (Reason("no_route"),)
WITHIN, BEYOND = 0, 1  # capable within the limit; capable beyond it, or stabilises and transfers on


class Way(msgspec.Struct, frozen=True, gc=False):
    """One way to one hospital as it was timed. `eta_s` None: there is no way, and `barred` says why.

    `terms_s`: seconds by cause as the patient lives them, in order; they add up to `eta_s`; `eta_low_s`, `eta_high_s`
    are p10 and p90. `detours`: closures that the way had to go round, each a Reason of code `closure`. `unsettled`:
    what a person must settle before it can be done (weather not reported, a site not measured); such a way ranks as an
    unknown bay does.
    """

    hospital: str
    mode: str
    eta_s: float | None = None
    terms_s: dict[str, float] = {}
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


class Judged(msgspec.Struct, frozen=True, gc=False):
    """A way with everything its rank depends on. `barred`: why it may not be proposed at all.

    `order`: what decides, most important first; then what makes the order total, whatever the order of the input.
    `wish_cost_s` is set on the way that goes first because the patient wishes it: seconds more than the best.
    `onward`: the hospital that a casualty is transferred to from this one, which lacks `missing_needs`. `care` None:
    there is no way, or nothing there of what is needed.
    """

    way: Way
    barred: tuple[Reason, ...]
    beyond_limit_s: float
    unknown: bool
    level: int
    missing_wants: tuple[str, ...]
    weighed_s: float
    order: tuple[Any, ...]
    care: Care | None = None
    tier: int = WITHIN
    onward: str | None = None
    missing_needs: tuple[str, ...] = ()
    wish_cost_s: int | None = None

    @property
    def eta_s(self) -> float:
        return NEVER_S if self.way.eta_s is None else self.way.eta_s


def _last(way: Way, eta_s: float) -> tuple[Any, ...]:
    """What makes the order total."""
    return eta_s, MODE_ROWS[way.mode], way.hospital, way.rendezvous or "", way.aircraft or ""


def resource_for(category: str, policy: Policy) -> str:
    """The counted resource that a casualty of this category takes on arrival."""
    table = policy.resource.by_category
    return table.get(category, table[NO_CATEGORY])


class Onward(NamedTuple):
    """Where a casualty is transferred on to, how far it is, and whether nobody knows if there is a place."""

    hospital: str
    drive_s: float
    silent: bool


@dataclass(frozen=True)
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

    @cached_property
    def resource(self) -> str:
        """What this case takes."""
        return resource_for(self.case.category, self.policy)

    @cached_property
    def _look(self) -> Look:
        row = self.table.rows[self.resource]
        return Look(self.case, self.needs, self.resource, row, self.policy, self.now)

    @cached_property
    def _seen(self) -> dict[str, Seen]:
        return {}

    @cached_property
    def _waits(self) -> dict[str, Waits]:
        return {}

    @cached_property
    def _mode_s(self) -> Mapping[str, int]:
        return self.policy.change_costs_s.by_mode

    @cached_property
    def _flies(self) -> bool:
        return self.case.category in self.policy.change_costs_s.categories

    @cached_property
    def _limit_s(self) -> float:
        return NEVER_S if self.case.closest_any else self.policy.limit_s(self.case.pathway)

    def with_hospital(self, hospital: HospitalState) -> Room:
        """The same, but for this hospital."""
        return replace(self, hospitals={**self.hospitals, hospital.id: hospital})

    def orders_at(self, hospital: HospitalState, ways: Iterable[Way]) -> list[tuple[tuple[Any, ...], Way]]:
        """The order of each of these ways that would not be barred if their hospital were this one: the same as
        `with_hospital` and `judge` tell, without all else that they tell."""
        seen = self._look.at(hospital, self.held.get((hospital.id, self.resource), 0))
        if seen.bars:
            return []
        waits = self._look.waits_at(hospital, seen)
        able = [way for way in ways if way.eta_s is not None and (way.mode == "road" or self._flies)]
        return [(self._order(way, seen, waits, way.eta_s or 0.0, way.transport_s), way) for way in able]

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
            seen = self._seen[id] = self._look.at(hospital, self.held.get((id, self.resource), 0))
        return seen

    def see_all(self) -> None:
        """Before all ways are judged: take over what other cases have seen of the same hospitals."""
        seen = dict(self._look.lasting(self.hospitals))
        for id in (*self.case.refused_by, *(hospital for hospital, _ in self.held)):
            seen.pop(id, None)
        self._seen.update(seen)

    def waits(self, id: str) -> Waits:
        waits = self._waits.get(id)
        if waits is None:
            waits = self._waits[id] = self._look.waits_at(self.hospitals[id], self.seen(id))
        return waits

    def judge(self, way: Way) -> Judged:
        """Raises NotFound for an unknown hospital."""
        seen, eta_s = self._seen.get(way.hospital) or self.seen(way.hospital), way.eta_s
        goes = eta_s is not None and (self._flies or way.mode == "road")
        bars = seen.bars if goes else self._no_way(way) + seen.bars
        if not seen.lack:
            return self._judged(way, seen, bars)
        # A hospital that lacks what is needed gives no definitive care, whenever one is there.
        last_s, mode = NEVER_S if eta_s is None else eta_s, MODE_ROWS[way.mode]
        order = (True, last_s, mode, way.hospital, way.rendezvous or "", way.aircraft or "")
        return Judged(way, bars, 0.0, False, seen.level, seen.wanted, 0.0, order, None, WITHIN, None, seen.missing)

    def judge_transfer(self, way: Way) -> Judged | None:
        """The same as a way to a hospital that stabilises and transfers on; None where it would know nowhere to."""
        onward = self._onward(way.hospital)
        if onward is None:
            return None
        seen, able = self.seen(way.hospital), self.hospitals[way.hospital].capabilities
        lacks = lacking(word for word in self.policy.secondary_transfer.needs if word not in able)
        return self._judged(way, seen, (*self._no_way(way), *lacks, *seen.barred), onward)

    def _judged(self, way: Way, seen: Seen, barred: tuple[Reason, ...], onward: Onward | None = None) -> Judged:
        care = self._care_by(way, self._transfer_s(onward.drive_s if onward else None))
        beyond_s = max(0.0, way.transport_s - self._limit_s)
        tier = BEYOND if beyond_s > 0 or onward else WITHIN
        silent = seen.free is None and not self.case.closest_any
        unknown = bool(way.unsettled) or silent or (onward is not None and onward.silent)
        weighed_s = self._weighed_s(way.mode, seen, care.definitive_s if care else 0.0)
        last = _last(way, NEVER_S if way.eta_s is None else way.eta_s)
        order = (True, *last) if barred else (False, tier, unknown, seen.level, weighed_s, *last)
        return Judged(
            way, barred, beyond_s, unknown, seen.level, seen.wanted, weighed_s, order, care, tier,
            onward.hospital if onward else None, seen.missing,
        )  # fmt: skip

    def _no_way(self, way: Way) -> tuple[Reason, ...]:
        """Why this way cannot be gone, wherever it leads."""
        none = () if way.eta_s is not None else way.barred or NO_ROUTE
        if self._flies or way.mode == "road":
            return none
        return (*none, Reason("policy.no_flight", {"category": self.case.category}))

    def order_at(self, one: Judged, eta_s: float, transport_s: float) -> tuple[Any, ...]:
        """What the order of this way, which is neither barred nor leads on, would be if it took so long."""
        return self._order(one.way, self.seen(one.way.hospital), self.waits(one.way.hospital), eta_s, transport_s)

    def _order(self, way: Way, seen: Seen, waits: Waits, eta_s: float, transport_s: float) -> tuple[Any, ...]:
        """Of a way that is neither barred nor leads on."""
        tier = BEYOND if transport_s > self._limit_s else WITHIN
        unknown = bool(way.unsettled) or (seen.free is None and not self.case.closest_any)
        return (False, tier, unknown, seen.level, self._weighed_at(way, seen, waits, eta_s), *_last(way, eta_s))

    def weigher(self, way: Way) -> Callable[[float], float]:
        """What ranks of this way by how long it took, if it did not lead on."""
        seen, waits = self.seen(way.hospital), self.waits(way.hospital)
        return lambda eta_s: self._weighed_at(way, seen, waits, eta_s)

    def _weighed_at(self, way: Way, seen: Seen, waits: Waits, eta_s: float) -> float:
        p_bay = waits.chance.at(eta_s) if waits.chance else None
        care_s = definitive_s(eta_s, p_bay=p_bay, mean_s=waits.mean_s, offload_s=waits.offload_s)
        return self._weighed_s(way.mode, seen, care_s)

    def _weighed_s(self, mode: str, seen: Seen, definitive_s: float) -> float:
        """What ranks: with a change of vehicle and missing wishes as the rules weigh them."""
        return tenth(definitive_s + (self._mode_s[mode] + seen.wants_s))

    def _care_by(self, way: Way, transfer_s: float) -> Care | None:
        """The time to definitive care by this way, where there is one."""
        if way.eta_s is None:
            return None
        waits = self.waits(way.hospital)
        return care_of(
            way.eta_s, way.eta_low_s, way.eta_high_s, p_bay=waits.chance.at(way.eta_s) if waits.chance else None,
            mean_s=waits.mean_s, offload_s=waits.offload_s, transfer_s=transfer_s,
        )  # fmt: skip

    def _transfer_s(self, onward_s: float | None) -> float:
        if onward_s is None or self.case.closest_any:
            return 0.0
        return self.policy.secondary_transfer.leaves_after_s + onward_s

    def ranged(self, judged: Judged, way: Way) -> Judged:
        """The same judgement of the same way whose range is told."""
        onward_s = None if judged.onward is None else self.onward_s[way.hospital, judged.onward]
        sure_s = self.waits(way.hospital).offload_s + self._transfer_s(onward_s)
        return structs.replace(
            judged, way=way, care=judged.care and judged.care.within(way.eta_low_s, way.eta_high_s, sure_s)
        )

    def _onward(self, here: str) -> Onward | None:
        """The nearest hospital that has what this one lacks and is neither closed nor known to be full."""
        ways = ((self.onward_s.get((here, other)), other) for other in self._taking if other != here)
        nearest = min(((seconds, other) for seconds, other in ways if seconds is not None), default=None)
        return None if nearest is None else Onward(nearest[1], nearest[0], self.seen(nearest[1]).free is None)

    @cached_property
    def _taking(self) -> list[str]:
        seen = {id: self.seen(id) for id in self.hospitals}
        return [id for id, one in seen.items() if not one.missing and not one.closed and one.free != 0]

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
