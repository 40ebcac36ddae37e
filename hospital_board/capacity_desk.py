"""Take what a hospital says it can take - counts, closures, reopenings - and show what of it is known now.

Pure: decides which facts follow. Who asked and when stands with the fact (casebook/log.py); which figure is too old to
count is casebook/capacity.py; that two cases never hold the same bay is decided in the store.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from casebook import events as e
from casebook.asking import Command
from casebook.capacity import AGE_LIMIT_S, CAPABILITIES, Closure, free_now
from casebook.errors import RefusedInput
from casebook.picture import HospitalState, Picture

WHOLE_HOSPITAL = "*"
COUNT_MAX = 999  # three digits are what the board shows; no emergency department counts more of anything
REASON_MAX = 200  # characters; a reason is a line on the board, not a letter


class ReportCapacity(Command, frozen=True, kw_only=True):
    """State one count. `free` absent: the ward says that it does not know. `total` absent: as last stated."""

    hospital: str
    resource: str
    free: int | None = None
    total: int | None = None


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
    """The count as a fact. Raises RefusedInput (`unknown_resource`, `impossible_count`, `more_free_than_there_are`)."""
    hospital = picture.get_hospital(command.hospital)
    _refuse_unknown(command.resource, tuple(AGE_LIMIT_S))
    last = hospital.figures.get(command.resource)
    total = command.total if command.total is not None else (last.total if last else None)
    for name, count in (("free", command.free), ("total", command.total)):
        if count is not None and not 0 <= count <= COUNT_MAX:
            raise RefusedInput(
                "impossible_count", resource=command.resource, field=name, count=count, low=0, high=COUNT_MAX
            )
    if command.free is not None and total is not None and command.free > total:
        raise RefusedInput("more_free_than_there_are", resource=command.resource, free=command.free, total=total)
    return [e.CapacityReported(hospital.id, command.resource, command.free, total, "board")]


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
    """What can be closed: what is counted, what is declared, the whole hospital."""
    return (*dict.fromkeys((*AGE_LIMIT_S, *CAPABILITIES)), WHOLE_HOSPITAL)


def recounted(hospital: HospitalState, resource: str, taken: int, now: datetime) -> list[e.Event]:
    """The count after the flow itself took a bay (`taken` 1) or gave one back (-1), source "handover".

    Nothing when the figure is unknown or too old: there is nothing to count from, and a new date on an old figure
    would make it look known.
    """
    figure = hospital.figures.get(resource)
    if figure is None or figure.free is None or free_now(figure, 0, resource, now) is None:
        return []
    free = max(0, figure.free - taken)
    if figure.total is not None:
        free = min(free, figure.total)
    return [e.CapacityReported(hospital.id, resource, free, figure.total, "handover")]


def capacity_view(picture: Picture, hospital_id: str, now: datetime) -> dict[str, Any]:
    """What is known of one hospital: {resources: {name: {...}}, closures: {name: {...}}}.

    A resource has `state`: known, stale (the figure is older than `limit_s`) or unknown (never stated, or stated as not
    known); `free`, `total`, `at`, `by`, `source` as stated; `held` for inbound cases; and only when known `left`, which
    is free less held. The age is told from `at` by whoever shows it.
    """
    hospital = picture.get_hospital(hospital_id)
    closures = {name: _closure(closure) for name, closure in hospital.closures.items() if closure.in_force(now)}
    return {"resources": {name: _resource(picture, hospital, name, now) for name in AGE_LIMIT_S}, "closures": closures}


def _resource(picture: Picture, hospital: HospitalState, name: str, now: datetime) -> dict[str, Any]:
    figure = hospital.figures.get(name)
    held = len(picture.list_holds(hospital.id, name, now))
    seen: dict[str, Any] = {"limit_s": AGE_LIMIT_S[name], "held": held, "state": "unknown"}
    if figure is None:
        return seen
    left = free_now(figure, held, name, now)
    seen |= {"free": figure.free, "total": figure.total, "at": figure.at, "by": figure.by, "source": figure.source}
    if figure.free is not None:
        seen |= {"state": "stale" if left is None else "known", "left": left}
    return seen


def _closure(closure: Closure) -> dict[str, Any]:
    return {"reason": closure.reason, "until": closure.until, "at": closure.at, "by": closure.by}


def _refuse_unknown(resource: str, known: tuple[str, ...]) -> None:
    if resource not in known:
        raise RefusedInput("unknown_resource", resource=resource, known=", ".join(known))
