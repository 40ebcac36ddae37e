"""What one hospital's count is worth to a patient on the way there: known or not, how old, how likely still free. Pure.

A screen shows it, a decision weighs it; the chance is casebook/capacity/ageing.py's, the rest is what was stated.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from casebook.capacity.ageing import p_free_on_arrival
from casebook.capacity.figures import WHOLE_HOSPITAL, Closure, Figure, Hold, free_now
from casebook.capacity.resources import ResourceTable, resource_table
from casebook.words import Language, say

State = Literal["known", "stale", "unknown"]


@dataclass(frozen=True, slots=True)
class Standing:
    """One resource of one hospital at one instant, for a patient who arrives in `arrival_in_s`.

    `state`: known; stale (older than its limit); unknown (never stated, or stated as not known). `left` is free less
    held and only there when known; `p_free` (0..1) is there whenever a count was ever stated, also when it is stale.
    """

    resource: str
    state: State
    held: int
    free: int | None = None
    total: int | None = None
    in_use: int | None = None
    left: int | None = None
    age_s: float | None = None
    at: datetime | None = None
    by: str = ""
    source: str = ""
    p_free: float | None = None
    arrival_in_s: float = 0.0
    closure: Closure | None = None


def standing(
    resource: str, figure: Figure | None, held: int, now: datetime, *, arrival_in_s: float = 0.0,
    closures: Mapping[str, Closure] | None = None, table: ResourceTable | None = None,
) -> Standing:  # fmt: skip
    """Raises RefusedInput (`unknown_resource`)."""
    row = (table or resource_table()).get(resource)
    closure = find_closure(closures or {}, resource, now)
    if figure is None:
        return Standing(resource, "unknown", held, arrival_in_s=arrival_in_s, closure=closure)
    age_s = figure.age_s(now)
    counted = figure.taken if row.is_load else figure.free
    state: State = "unknown" if counted is None else "stale" if age_s > row.limit_s else "known"
    return Standing(
        resource, state, held, figure.free, figure.total, figure.taken,
        left=free_now(figure, held, resource, now), age_s=age_s, at=figure.at, by=figure.by, source=figure.source,
        p_free=p_free_on_arrival(figure, held, arrival_in_s, age_s, row), arrival_in_s=arrival_in_s, closure=closure,
    )  # fmt: skip


def find_closure(closures: Mapping[str, Closure], resource: str, now: datetime) -> Closure | None:
    """The closure in force of this resource, else of the whole hospital."""
    for name in (resource, WHOLE_HOSPITAL):
        closure = closures.get(name)
        if closure is not None and closure.in_force(now):
            return closure
    return None


def standings(
    hospital: str, figures: Mapping[str, Figure], closures: Mapping[str, Closure], holds: Iterable[Hold],
    now: datetime, *, arrival_in_s: float = 0.0, table: ResourceTable | None = None,
) -> dict[str, Standing]:  # fmt: skip
    """Every resource of one hospital, in the table's order: a row of the region's overview."""
    table = table or resource_table()
    inbound = [hold.resource for hold in holds if hold.hospital == hospital and hold.until > now]
    return {
        name: standing(name, figures.get(name), inbound.count(name), now, arrival_in_s=arrival_in_s,
                       closures=closures, table=table)
        for name in table.rows
    }  # fmt: skip


def said(one: Standing, language: Language) -> str:
    """In words, for one line: "2 free, 6 min old, 84 % at your arrival", with what is held and why it is closed."""
    parts = [_counted(one, language)]
    if one.held:
        parts.append(say("capacity.held", language, n=one.held))
    if one.closure is not None:
        parts.append(say("capacity.closed", language, why=one.closure.reason))
    return say("capacity.join", language).join(parts)


def _counted(one: Standing, language: Language) -> str:
    if one.age_s is None:
        return say("capacity.never", language)
    age_min, count = round(one.age_s / 60), one.free if one.free is not None else one.in_use
    if one.state == "unknown" or count is None:
        return say("capacity.not_known", language, age_min=age_min)
    if one.p_free is None:
        return say("capacity.patients", language, n=count, age_min=age_min)
    words = "capacity.free" if one.state == "known" else "capacity.stale"
    return say(words, language, free=count, age_min=age_min, chance_pct=percent(one.p_free))


def percent(chance: float) -> int:
    """Whole per cent; never 0 or 100, for nobody knows that."""
    return min(99, max(1, round(chance * 100)))
