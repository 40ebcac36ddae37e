"""What one case finds at a hospital, whichever way it comes: places, what is lacking, closures, the queue. Pure.

Looked at once per case and hospital; how a way there is judged by it is dispatch/judging.py's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

import msgspec

from casebook.capacity import WHOLE_HOSPITAL, Figure, Resource, free_now
from casebook.capacity.ageing import Chance, chance_of
from casebook.capacity.figures import believed_until
from casebook.events import Reason
from casebook.picture import HospitalState
from dispatch.care import mean_wait_s
from dispatch.needs import Case, Needs
from dispatch.policy import Policy
from dispatch.recent import Recent

NO_LEVEL = 99  # ranks behind every declared trauma level
REFUSED = (Reason("refused"),)
EVER, NEVER = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


class Seen(msgspec.Struct, frozen=True, gc=False):
    """`free` None: nobody knows. `lack`: the reason that is `missing`; `barred`: every other that forbids it; `bars`:
    both. `wants_s`: what missing wishes weigh; `full`: the reason where no place is left."""

    free: int | None
    held: int
    missing: tuple[str, ...]
    wanted: tuple[str, ...]
    closed: tuple[Reason, ...]
    lack: tuple[Reason, ...]
    barred: tuple[Reason, ...]
    bars: tuple[Reason, ...]
    level: int
    wants_s: int
    full: Reason | None


class Waits(msgspec.Struct, frozen=True, gc=False):
    """What comes between the door and definitive care. `chance` None: nobody knows; `mean_s`: the mean wait where all
    places are taken. Who is in immediate danger waits nowhere."""

    chance: Chance | None
    offload_s: float
    mean_s: float


NO_WAIT = Waits(None, 0.0, 0.0)

# By what is looked for: after which instant and until which one the same counts are known, and what is seen meanwhile.
_lasting: Recent[tuple[datetime, datetime, Mapping[str, Seen]]] = Recent()


@dataclass(frozen=True, slots=True)
class Look:
    """What a case looks for at every hospital. `resource`: the counted one that it takes on arrival, `row` its row."""

    case: Case
    needs: Needs
    resource: str
    row: Resource
    policy: Policy
    now: datetime

    def at(self, hospital: HospitalState, held: int) -> Seen:
        """`held`: slots of the resource that others hold there."""
        figure, able = hospital.figures.get(self.resource), hospital.capabilities
        free = free_now(figure, held, self.resource, self.now)
        missing, lack = lacked(self.needs.must, able)
        wanted = tuple([word for word in self.needs.helps if word not in able]) if self.needs.helps else ()
        barred = closed = tuple(self._closed(hospital)) if hospital.closures else ()
        full = self._full(figure, held) if free == 0 and figure is not None else None
        if not self.case.closest_any:
            refused = REFUSED if hospital.id in self.case.refused_by else ()
            barred = closed + refused + ((full,) if full is not None else ())
        wants_s = len(wanted) * self.policy.missing_want_costs_s.seconds if wanted else 0
        level = self._level(hospital)
        return Seen(free, held, missing, wanted, closed, lack, barred, lack + barred, level, wants_s, full)

    def lasting(self, hospitals: Mapping[str, HospitalState]) -> Mapping[str, Seen]:
        """What is seen of hospitals where others hold nothing and that did not refuse the case, but for those of which
        an age or an hour is told. The same for all cases that look for the same, while no hospital tells anything new
        and no count grows too old."""
        ranks = "by level" if self._ranks_levels else ""
        name = "|".join((self.resource, ranks, *self.needs.must, "", *self.needs.helps))
        kept = _lasting.find(name, hospitals, self.policy)
        if kept is None or not kept[0] < self.now <= kept[1]:
            after, until = self._same_counts(hospitals.values())
            refused_by = self.case.refused_by
            plain = {id: self.at(one, 0) for id, one in hospitals.items() if not one.closures and id not in refused_by}
            told = {id: seen for id, seen in plain.items() if seen.full is None}
            kept = _lasting.keep(name, (after, until, told), hospitals, self.policy)
        return kept[2]

    def _same_counts(self, hospitals: Iterable[HospitalState]) -> tuple[datetime, datetime]:
        """After which instant and until which one the same counts are known as now."""
        counts = [hospital.figures.get(self.resource) for hospital in hospitals]
        ends = [believed_until(one, self.resource) for one in counts if one is not None and one.free is not None]
        return max((end for end in ends if end < self.now), default=EVER), min(
            (end for end in ends if end >= self.now), default=NEVER
        )

    def waits_at(self, hospital: HospitalState, seen: Seen) -> Waits:
        """`seen`: what this case sees of the same hospital."""
        if self.case.closest_any:
            return NO_WAIT
        figure, known = hospital.figures.get(self.resource), seen.free is not None
        age_s = figure.age_s(self.now) if figure and known else 0.0
        chance = chance_of(figure, seen.held, age_s, self.row) if known else None
        return Waits(chance, self._offload_s(hospital), mean_wait_s(figure, self.row))

    def _closed(self, hospital: HospitalState) -> Iterable[Reason]:
        for resource in (WHOLE_HOSPITAL, self.resource, *self.needs.must):
            closure = hospital.closures.get(resource)
            if closure is not None and closure.in_force(self.now):
                until = closure.until.isoformat() if closure.until else None
                yield Reason("closed", {"resource": resource, "reason": closure.reason, "until": until})

    def _full(self, figure: Figure, held: int) -> Reason:
        facts = {"resource": self.resource, "free": figure.free, "held": held}
        return Reason("capacity", facts | {"age_s": round(figure.age_s(self.now)), "author": figure.by})

    @property
    def _ranks_levels(self) -> bool:
        rule = self.policy.highest_level
        return rule.need in self.needs.must and self.case.category in rule.categories

    def _level(self, hospital: HospitalState) -> int:
        """The trauma level where it ranks, 0 for all where it does not."""
        if not self._ranks_levels:
            return 0
        return NO_LEVEL if hospital.trauma_level is None else hospital.trauma_level

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


@lru_cache(maxsize=4096)
def lacked(needs: tuple[str, ...], able: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[Reason, ...]]:
    """What of the needs a hospital with these capabilities has not, and the reason; hospitals are alike in this."""
    missing = tuple([word for word in needs if word not in able])
    return missing, lacking(missing)


def lacking(words: Iterable[str]) -> tuple[Reason, ...]:
    """() where nothing is lacking."""
    missing = list(words)
    return (Reason("capability", {"missing": missing}),) if missing else ()
