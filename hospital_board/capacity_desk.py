"""Take what a hospital says it can take - counts, closures, reopenings - and show what of it is known now.

Pure: decides which facts follow. Who asked and when stands with the fact (casebook/log.py); which figure is too old to
count, and how likely it still holds, is casebook/capacity; that two cases never hold the same bay is decided in the
store. Counts from a file are hospital_board/capacity_import.py.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from casebook import events as e
from casebook.asking import Command
from casebook.capacity import (
    AGE_LIMIT_S,
    CAPABILITIES,
    WHOLE_HOSPITAL,
    Closure,
    Figure,
    Forced,
    resource_table,
)
from casebook.capacity.standing import Standing, percent, standings
from casebook.errors import RefusedInput
from casebook.picture import HospitalState, Picture

COUNT_MAX = 999  # three digits are what the board shows; no emergency department counts more of anything
REASON_MAX = 200  # characters; a reason is a line on the board, not a letter
LOOK_AHEAD_S = 15 * 60  # the board says the chance for who arrives then; assumption: a common drive to an ED in a city
RECENT_FORCED = 5  # that many forced allocations are named; all are counted


class ReportCapacity(Command, frozen=True, kw_only=True):
    """State one count. `free` absent: the ward says that it does not know. `total` absent: as last stated.

    `in_use` absent: what is not free. A resource that counts patients (`resuscitation`) has only `in_use`.
    """

    hospital: str
    resource: str
    free: int | None = None
    total: int | None = None
    in_use: int | None = None


class CloseService(Command, frozen=True, kw_only=True):
    """Take no more cases for a resource, a capability or the whole hospital ("*"), with a reason.

    `until` absent: until further notice.
    """

    hospital: str
    resource: str
    reason: str
    until: datetime | None = None


class ReopenService(Command, frozen=True, kw_only=True):
    """Take cases again."""

    hospital: str
    resource: str


def report_capacity(picture: Picture, command: ReportCapacity) -> list[e.Event]:
    """The count as a fact. Raises RefusedInput as `checked_total` does, NotFound for an unknown hospital."""
    hospital = picture.get_hospital(command.hospital)
    total = checked_total(hospital, command.resource, command.free, command.total, command.in_use)
    return [e.CapacityReported(hospital.id, command.resource, command.free, total, "board", command.in_use)]


def checked_total(
    hospital: HospitalState, resource: str, free: int | None, total: int | None, in_use: int | None
) -> int | None:
    """The total that goes with a count: as given, else as last stated. Nothing is recorded of an impossible count.

    Raises RefusedInput: `unknown_resource`, `impossible_count` (negative, too large), `more_free_than_there_are`,
    `more_than_there_are` (free and in use together), `counts_patients` (free or total of what has none).
    """
    row = resource_table().get(resource)
    if row.is_load and (free is not None or total is not None):
        raise RefusedInput("counts_patients", resource=resource)
    for name, count in (("free", free), ("total", total), ("in_use", in_use)):
        if count is not None and not 0 <= count <= COUNT_MAX:
            raise RefusedInput("impossible_count", resource=resource, field=name, count=count, low=0, high=COUNT_MAX)
    last = hospital.figures.get(resource)
    total = total if total is not None else (last.total if last else None)
    if total is not None and free is not None and free > total:
        raise RefusedInput("more_free_than_there_are", resource=resource, free=free, total=total)
    if total is not None and in_use is not None and (free or 0) + in_use > total:
        raise RefusedInput("more_than_there_are", resource=resource, free=free or 0, in_use=in_use, total=total)
    return total


def close_service(picture: Picture, command: CloseService, now: datetime) -> list[e.Event]:
    """The closure as a fact.

    Raises RefusedInput (`unknown_resource`, `reason_missing`, `bad_field`, `already_over`).
    """
    hospital = picture.get_hospital(command.hospital)
    _refuse_unknown(command.resource, closable())
    reason = command.reason.strip()
    if not reason or len(reason) > REASON_MAX:
        raise RefusedInput("reason_missing", resource=command.resource, limit=REASON_MAX)
    if command.until is not None and command.until.tzinfo is None:
        raise RefusedInput("bad_field", where="close_service", field="until", why="a time needs its zone")
    if command.until is not None and command.until <= now:
        raise RefusedInput("already_over", until=command.until.isoformat())
    return [e.ServiceClosed(hospital.id, command.resource, reason, command.until)]


def reopen_service(picture: Picture, command: ReopenService) -> list[e.Event]:
    """The reopening as a fact. Raises RefusedInput (`not_closed`) when nothing was closed."""
    hospital = picture.get_hospital(command.hospital)
    if command.resource not in hospital.closures:
        raise RefusedInput("not_closed", resource=command.resource)
    return [e.ServiceReopened(hospital.id, command.resource)]


def closable() -> tuple[str, ...]:
    """What can be closed: what is counted (patients cannot), what is declared, the whole hospital."""
    counted = [name for name, row in resource_table().rows.items() if not row.is_load]
    return (*dict.fromkeys((*counted, *CAPABILITIES)), WHOLE_HOSPITAL)


def recounted(hospital: HospitalState, resource: str, taken: int, now: datetime) -> list[e.Event]:
    """The count after the flow itself took a bay (`taken` 1) or gave one back (-1), source "handover".

    It keeps the age of the count it was reckoned from: nobody looked again. Nothing when that count is unknown or too
    old: there is nothing to reckon from.
    """
    figure = hospital.figures.get(resource)
    if figure is None or figure.age_s(now) > AGE_LIMIT_S[resource]:
        return []
    load = resource_table().get(resource).is_load
    free, in_use = figure.free, figure.in_use
    if (in_use if load else free) is None:
        return []
    if free is not None:
        free = max(0, free - taken) if figure.total is None else min(max(0, free - taken), figure.total)
    if in_use is not None:
        in_use = max(0, in_use + taken)
        if figure.total is not None:
            in_use = min(in_use, figure.total - (free or 0))
    return [e.CapacityReported(hospital.id, resource, free, figure.total, "handover", in_use, figure.by, figure.at)]


def capacity_view(picture: Picture, hospital_id: str, now: datetime) -> dict[str, Any]:
    """What is known of one hospital: {resources: {name: {...}}, closures: {name: {...}}, forced: {...}, ahead_min}.

    A resource has `state`: known, stale (the figure is older than `limit_s`) or unknown (never stated, or stated as not
    known); `free`, `total`, `in_use`, `at`, `by`, `source` as stated; `held` for inbound cases; only when known `left`,
    which is free less held; and `chance_pct`, how likely one is left for who arrives in LOOK_AHEAD_S. The age is told
    from `at` by whoever shows it. `forced`: {count, recent: [{casualty, codes, reason, at, by}]}, newest first.
    """
    hospital = picture.get_hospital(hospital_id)
    closures = {name: _closure(closure) for name, closure in hospital.closures.items() if closure.in_force(now)}
    stand = standings(
        hospital.id, hospital.figures, hospital.closures, picture.holds.values(), now, arrival_in_s=LOOK_AHEAD_S
    )
    return {
        "resources": {name: _resource(one, hospital.figures.get(name)) for name, one in stand.items()},
        "closures": closures,
        "forced": forced_view(hospital),
        "ahead_min": LOOK_AHEAD_S // 60,
    }


def forced_view(hospital: HospitalState) -> dict[str, Any]:
    """How often casualties were sent here although the hospital had said no, and the last of them."""
    return {
        "count": len(hospital.forced),
        "recent": [_forced(one) for one in hospital.forced[: -RECENT_FORCED - 1 : -1]],
    }


def _resource(one: Standing, figure: Figure | None) -> dict[str, Any]:
    seen: dict[str, Any] = {"limit_s": AGE_LIMIT_S[one.resource], "held": one.held, "state": one.state}
    if figure is None:
        return seen
    seen |= {"free": one.free, "total": one.total, "in_use": one.in_use, "at": one.at, "by": one.by}
    seen |= {"source": one.source}
    if one.free is not None:
        seen |= {"left": one.left, "chance_pct": None if one.p_free is None else percent(one.p_free)}
    return seen


def _forced(one: Forced) -> dict[str, Any]:
    return {"casualty": one.casualty, "codes": list(one.codes), "reason": one.reason, "at": one.at, "by": one.by}


def _closure(closure: Closure) -> dict[str, Any]:
    return {"reason": closure.reason, "until": closure.until, "at": closure.at, "by": closure.by}


def _refuse_unknown(resource: str, known: tuple[str, ...]) -> None:
    if resource not in known:
        raise RefusedInput("unknown_resource", resource=resource, known=", ".join(known))
