"""Say why: what speaks for an option, and every reason why another was not taken. Pure.

A reason is a word key (`reason.<code>`) with facts; spans stand twice, whole seconds for programs and minutes for the
sentence. Which ways there are and how they rank was decided before (dispatch/judging.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from casebook.events import Option, Reason, Rejection
from casebook.picture import HospitalState
from dispatch.judging import Judged, Room
from dispatch.seen import NO_LEVEL

LEAST_TOLD_S = 60  # that a queue costs more than the winner's, to be worth a word
CAUSE_OF = {"offload": "offload", "wait_for_bay": "wait_for_bay", "wait_for_bay_unknown": "wait_for_bay"}


def option_of(one: Judged, viable: Sequence[Judged], room: Room) -> Option:
    """A way that could be taken, with what speaks for it and what to know about it."""
    way, care = one.way, one.care
    assert way.eta_s is not None and care is not None
    return Option(
        hospital=way.hospital, mode=way.mode, eta_s=way.eta_s, terms_s=way.terms_s, eta_low_s=way.eta_low_s,
        eta_high_s=way.eta_high_s, rendezvous=way.rendezvous, aircraft=way.aircraft, decides=way.decides,
        reasons=tuple(_merits(one, viable, room)), p_bay=_share(care.p_bay), causes_s=dict(care.causes_s),
        definitive_s=care.definitive_s, definitive_low_s=care.low_s, definitive_high_s=care.high_s, onward=one.onward,
    )  # fmt: skip


def _share(chance: float | None) -> float | None:
    """To three digits: nobody knows more."""
    return None if chance is None else round(chance, 3)


def rejection_of(one: Judged, winner: Judged | None, room: Room, would_win: Reason | None = None) -> Rejection:
    """A way that was not taken, with all its reasons, never none, and what would have to change."""
    way, care = one.way, one.care
    reasons = [*one.barred, *way.detours, *way.unsettled]
    if winner is not None:
        reasons += _slower(one, winner) if one.barred else _shortcomings(one, winner, room)
    if room.case.wish == way.hospital and winner is not None and winner.way.hospital != way.hospital:
        reasons.append(_wish_declined(one, winner, room))
    return Rejection(
        way.hospital, way.mode, way.eta_s, tuple(reasons), way.rendezvous, way.terms_s,
        p_bay=_share(care.p_bay) if care else None, causes_s=dict(care.causes_s) if care else {},
        definitive_s=care.definitive_s if care else None, would_win=would_win,
    )  # fmt: skip


def _merits(one: Judged, viable: Sequence[Judged], room: Room) -> Iterable[Reason]:
    if room.case.closest_any:
        yield Reason("policy.closest_any")
    if one.wish_cost_s is not None:
        yield Reason("wish", {"hospital": one.way.hospital} | seconds("cost", one.wish_cost_s))
    if one is viable[0] and len(viable) > 1:
        yield from _lead(one, viable[1])
    yield _room_at(room.hospitals[one.way.hospital], room)
    yield from (*one.way.detours, *one.way.unsettled)
    yield from _wanting(one)
    if one.beyond_limit_s:
        yield _beyond_limit(one, room)
    yield from _transferred(one)
    yield from _dearer(one)
    for rule in room.needs.rules:
        yield Reason("rule", {"rule": rule})


def _transferred(one: Judged) -> Iterable[Reason]:
    if one.onward is not None:
        yield Reason("transfer", {"hospital": one.onward} | seconds("transfer", _cause(one, "onward_transfer")))
        yield Reason("capability", {"missing": list(one.missing_needs)})


def _extra_s(one: Judged, winner: Judged, cause: str) -> float:
    return _cause(one, cause) - _cause(winner, cause)


def _cause(one: Judged, name: str) -> float:
    return one.care.causes_s.get(name, 0.0) if one.care else 0.0


def _dearer(one: Judged) -> Iterable[Reason]:
    """What is expected to cost time after the door."""
    if offload_s := _cause(one, "offload"):
        yield Reason("offload", seconds("offload", offload_s))
    if wait_s := _cause(one, "wait_for_bay"):
        chance = one.care.p_bay if one.care else None
        percent = {} if chance is None else {"chance_pct": round(chance * 100)}
        yield Reason("wait_for_bay" if percent else "wait_for_bay_unknown", percent | seconds("wait", wait_s))


def _lead(first: Judged, second: Judged) -> Iterable[Reason]:
    assert first.care is not None and second.care is not None
    lead_s = round(second.care.definitive_s - first.care.definitive_s)
    if lead_s > 0:
        yield Reason("faster", {"hospital": second.way.hospital, "mode": second.way.mode} | seconds("faster", lead_s))


def _room_at(hospital: HospitalState, room: Room) -> Reason:
    free = room.free(hospital)
    if free is None:
        return _capacity_unknown(hospital, room)
    if free == 0:
        full = room.seen(hospital.id).full
        assert full is not None
        return full
    figure = hospital.figures[room.resource]
    facts = {"resource": room.resource, "free": free, "author": figure.by}
    return Reason("free", facts | seconds("age", figure.age_s(room.now)))


def _capacity_unknown(hospital: HospitalState, room: Room) -> Reason:
    figure = hospital.figures.get(room.resource)
    if figure is None or figure.free is None:
        return Reason("capacity_unknown", {"resource": room.resource})
    return Reason("capacity_stale", {"resource": room.resource} | seconds("age", figure.age_s(room.now)))


def _shortcomings(one: Judged, winner: Judged, room: Room) -> list[Reason]:
    """Why a way that could have been taken was not; never empty."""
    found: list[Reason] = []
    if winner.wish_cost_s:
        found.append(Reason("wish", {"hospital": winner.way.hospital} | seconds("cost", winner.wish_cost_s)))
    if one.beyond_limit_s:
        found.append(_beyond_limit(one, room))
    if room.free(room.hospitals[one.way.hospital]) is None:
        found.append(_capacity_unknown(room.hospitals[one.way.hospital], room))
    if one.level > winner.level:
        level = None if one.level == NO_LEVEL else one.level
        found.append(Reason("policy.highest_level", {"level": level, "best": winner.level}))
    found += _transferred(one)
    found += [reason for reason in _dearer(one) if _extra_s(one, winner, CAUSE_OF[reason.code]) >= LEAST_TOLD_S]
    found += _wanting(one)
    found += _change_of_vehicle(one, winner, room)
    found += _slower(one, winner)
    if not found and not one.way.unsettled:
        found.append(Reason("equal", {"hospital": winner.way.hospital}))
    return found


def _wanting(one: Judged) -> list[Reason]:
    return [Reason("wanted", {"missing": list(one.missing_wants)})] if one.missing_wants else []


def _change_of_vehicle(one: Judged, winner: Judged, room: Room) -> list[Reason]:
    costs_s = room.policy.change_costs_s.by_mode
    cost_s = costs_s[one.way.mode] - costs_s[winner.way.mode]
    return [Reason("policy.change_of_vehicle", seconds("cost", cost_s))] if cost_s > 0 else []


def _slower(one: Judged, winner: Judged) -> list[Reason]:
    if one.way.eta_s is None or round(one.eta_s - winner.eta_s) <= 0:
        return []
    return [Reason("time", seconds("slower", one.eta_s - winner.eta_s))]


def _beyond_limit(one: Judged, room: Room) -> Reason:
    limit_s = room.policy.limit_s(room.case.pathway)
    return Reason("policy.bypass_limit", {"limit_min": limit_s // 60} | seconds("over", one.beyond_limit_s))


def _wish_declined(one: Judged, winner: Judged, room: Room) -> Reason:
    if one.barred or one.unknown or one.beyond_limit_s or room.case.closest_any:
        return Reason("wish_unsafe")
    cost = seconds("cost", room.wish_cost_s(one, winner))
    return Reason("wish_declined", cost | {"limit_min": room.wish_limit_s // 60})


def seconds(name: str, span_s: float) -> dict[str, Any]:
    """A span twice: `<name>_s` in whole seconds, `<name>_min` in minutes to 0.1."""
    return {f"{name}_s": round(span_s), f"{name}_min": round(span_s / 60, 1)}
