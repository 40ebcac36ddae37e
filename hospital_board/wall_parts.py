"""One wall's view made of parts that are kept, so that a fresh sample costs its own case and not the whole wall.

What the parts say is board.py's, and so is the whole: this gives the same. A case is made anew when a state it is made
of is another object, or at the next instant at which time alone changes it; only the chance that a bay is left, which
falls all the time, may be told up to a second late.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from typing import Any

from casebook.capacity import Hold
from casebook.kept_parts import KeptParts
from casebook.live import PlainView, plain
from casebook.newest import OfNewest
from casebook.picture import CasualtyState, HospitalState, Picture, Sample, UnitState
from casebook.recordings import find_running
from casebook.scores import get_table
from hospital_board.bays import RESUS_BAY, bays_view
from hospital_board.board import (
    SCORES,
    Ledger,
    is_monitored,
    lasting_of_case,
    list_shown,
    order_view,
    streamed_of_case,
)
from hospital_board.capacity_desk import capacity_view
from hospital_board.cases import list_own_cases

OF_CASUALTY = attrgetter(*(name for name in CasualtyState.__dataclass_fields__ if name != "trend"))
OF_UNIT = attrgetter(*(name for name in UnitState.__dataclass_fields__ if name not in ("position", "position_at")))
CHANCE_FOR = timedelta(seconds=1)
TICK = timedelta(microseconds=1)  # what holds until an instant, that instant included, has changed so much later


class WallParts:
    """Of one hospital's wall. `look` gives what `wall_view` gives, without the unknown."""

    def __init__(self, hospital: str, ledger: Ledger = lambda casualty: None) -> None:
        self._hospital, self._ledger = hospital, ledger
        self._cases, self._lasting, self._rooms = KeptParts(), KeptParts(), KeptParts()

    def look(self, picture: Picture, now: datetime) -> PlainView:
        """Raises NotFound (hospital)."""
        hospital = picture.get_hospital(self._hospital)
        ordered = list_shown(picture, hospital, now)
        cases = {state.id: self._case(picture, state, hospital, now) for state in ordered}
        self._cases.forget_but(cases)
        self._lasting.forget_but(cases)
        return PlainView(
            order_view(picture, hospital, ordered)
            | {
                "cases": cases,
                "capacity": self._capacity(picture, hospital, now),
                "bays": self._bays_of(picture, hospital, now),
            }
        )

    def _case(self, picture: Picture, state: CasualtyState, hospital: HospitalState, now: datetime) -> Any:
        carrier = picture.units.get(state.unit) if state.unit else None
        option = state.option
        aircraft = picture.units.get(option.aircraft) if option and option.aircraft else None
        beside = (
            picture.incidents.get(state.incident), picture.messages, is_monitored(picture, state, carrier),
            *((find_running(picture, carrier.id), carrier.id in picture.streams) if carrier else ()),
        )  # fmt: skip
        hold, ledger = _held(picture.holds).get(state.id), self._ledger(state.id)
        made_of = (state, carrier, aircraft, hold, ledger, *beside)
        kept = self._cases.find(state.id, made_of, now)
        if kept is not None:
            return kept
        of = (*OF_CASUALTY(state), *_of_unit(carrier), *_of_unit(aircraft), *beside)
        lasting = self._lasting.get(state.id, of, lambda: lasting_of_case(picture, state, hospital))
        streamed = streamed_of_case(picture, state, now)
        told = PlainView(lasting | plain(streamed) | plain({"ledger": ledger}))
        return self._cases.keep(state.id, made_of, told, now, _next_change(streamed["report"], state, hold, now))

    def _capacity(self, picture: Picture, hospital: HospitalState, now: datetime) -> Any:
        made_of = (hospital, picture.holds)
        kept = self._rooms.find("capacity", made_of, now)
        if kept is not None:
            return kept
        told = capacity_view(picture, hospital.id, now)
        return self._rooms.keep("capacity", made_of, told, now, now + CHANCE_FOR)

    def _bays_of(self, picture: Picture, hospital: HospitalState, now: datetime) -> Any:
        given = (part for one in list_own_cases(picture, hospital.id) for part in (one.id, one.bay, one.stage))
        made_of = (hospital.figures.get(RESUS_BAY), picture.holds, *given)
        kept = self._rooms.find("bays", made_of, now)
        if kept is not None:
            return kept
        ends = [hold.until for hold in picture.holds.values() if hold.hospital == hospital.id]
        return self._rooms.keep("bays", made_of, bays_view(picture, hospital.id, now), now, _first_after(now, ends))


def _of_unit(unit: UnitState | None) -> tuple[Any, ...]:
    return OF_UNIT(unit) if unit is not None else ()


@OfNewest
def _held(holds: Mapping[str, Hold]) -> Mapping[str, Hold]:
    """casualty -> its first hold, in force or not, as `Picture.find_hold` finds it."""
    first: dict[str, Hold] = {}
    for hold in holds.values():
        first.setdefault(hold.casualty, hold)
    return first


def _next_change(report: Mapping[str, Any], state: CasualtyState, hold: Hold | None, now: datetime) -> datetime | None:
    """The next instant at which the case says something else although nothing happens: a hold ends, the patient is
    overdue, a value is too old for a score, another edition of a score comes into force, a sample of a fast clock is
    so late."""
    ends = [hold.until] if hold else []
    ends += [report["eta"]["at"] + TICK] if "eta" in report else []
    ends += _ends_of_values(report.get("signs", {}).get("vitals", {}), now)
    ends += _ahead(state.trend, now)
    return _first_after(now, ends)


def _ends_of_values(values: Mapping[str, Mapping[str, Any]], now: datetime) -> Iterable[datetime]:
    yield datetime.combine(now.astimezone(UTC).date() + timedelta(days=1), datetime.min.time(), UTC)
    for name in SCORES:
        if (limit := get_table(name, now).input_age) is not None:
            yield from (one["at"] + limit + TICK for one in values.values())


def _ahead(trend: tuple[Sample, ...], now: datetime) -> Iterable[datetime]:
    """Instants of samples that are not yet so late, latest first."""
    for sample in reversed(trend):
        if sample.at <= now:
            return
        yield sample.at


def _first_after(now: datetime, instants: Iterable[datetime]) -> datetime | None:
    return min((at for at in instants if at > now), default=None)
