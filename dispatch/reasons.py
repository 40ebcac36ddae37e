"""Say why: what speaks for an option, and every reason why another was not taken. Pure.

A reason is a word key (`reason.<code>`) with facts; spans stand twice, whole seconds for programs and minutes for the
sentence. Which ways there are and how they rank was decided before (dispatch/judging.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from casebook.events import Option, Reason, Rejection
from dispatch.judging import Judged, Room, Way
from dispatch.seen import NO_LEVEL
from dispatch.tenths import tenth, thousandth

HOIST = "hoist"  # routing's term where nobody lands at the scene
LEAST_TOLD_S = 60  # that a queue costs more than the winner's, to be worth a word
CAUSE_OF = {"offload": "offload", "wait_for_bay": "wait_for_bay", "wait_for_bay_unknown": "wait_for_bay"}
Reasons = tuple[Reason, ...]
NO_CAUSES: dict[str, float] = {}  # of all ways that lead to no definitive care; not to be changed


class Telling:
    """Tells the ways of one decision; what several of them have in common is made once. `viable`: best first."""

    def __init__(self, room: Room, viable: Sequence[Judged]) -> None:
        self._room, self._viable, self._wish = room, viable, room.case.wish
        self._winner = viable[0] if viable else None
        self._first = (Reason("policy.closest_any"),) if room.case.closest_any else ()
        self._rules = tuple(Reason("rule", {"rule": rule}) for rule in room.needs.rules)
        self._places: dict[str, Reason] = {}
        self._unknown: dict[str, Reason] = {}
        self._queues: dict[int, Reasons] = {}

    def option_of(self, one: Judged) -> Option:
        """A way that could be taken, with what speaks for it and what to know about it."""
        way, care = one.way, one.care
        assert way.eta_s is not None and care is not None
        return Option(
            way.hospital, way.mode, way.eta_s, way.terms_s, way.eta_low_s, way.eta_high_s, way.rendezvous,
            way.aircraft, way.decides, self._merits(one), _share(care.p_bay), care.causes_s, care.definitive_s,
            care.low_s, care.high_s, one.onward,
        )  # fmt: skip

    def rejection_of(self, one: Judged, would_win: Reason | None = None) -> Rejection:
        """A way that was not taken, with all its reasons, never none, and what would have to change."""
        way, care, winner, reasons = one.way, one.care, self._winner, one.barred
        eta_s = way.eta_s
        if eta_s is not None and HOIST in way.terms_s:
            reasons = (*_hoisted(way), *reasons)
        if way.detours or way.unsettled:
            reasons = (*reasons, *way.detours, *way.unsettled)
        if winner is not None:
            if not one.barred:
                reasons += self._shortcomings(one, winner)
            elif eta_s is not None:
                reasons += _slower(eta_s, winner)
            if self._wish == way.hospital and winner.way.hospital != way.hospital:
                reasons = (*reasons, _wish_declined(one, winner, self._room))
        if care is None:
            return Rejection(
                way.hospital, way.mode, eta_s, reasons, way.rendezvous, way.terms_s, None, NO_CAUSES, None, would_win
            )
        return Rejection(
            way.hospital, way.mode, eta_s, reasons, way.rendezvous, way.terms_s, _share(care.p_bay), care.causes_s,
            care.definitive_s, would_win,
        )  # fmt: skip

    def _merits(self, one: Judged) -> Reasons:
        way, found = one.way, self._first
        if one.wish_cost_s is not None:
            found = (*found, Reason("wish", {"hospital": way.hospital} | seconds("cost", one.wish_cost_s)))
        if HOIST in way.terms_s:
            found += _hoisted(way)
        if one is self._winner and len(self._viable) > 1:
            found += _lead(one, self._viable[1])
        found = (*found, self._place_at(way.hospital), *way.detours, *way.unsettled)
        if one.missing_wants:
            found += _wanting(one)
        if one.beyond_limit_s:
            found = (*found, _beyond_limit(one, self._room))
        if one.onward is not None:
            found += _transferred(one)
        return (*found, *self._dearer(one), *self._rules)

    def _shortcomings(self, one: Judged, winner: Judged) -> Reasons:
        """Why a way that could have been taken was not; never empty."""
        way, found = one.way, list[Reason]()
        if winner.wish_cost_s:
            found.append(Reason("wish", {"hospital": winner.way.hospital} | seconds("cost", winner.wish_cost_s)))
        if one.beyond_limit_s:
            found.append(_beyond_limit(one, self._room))
        if self._room.seen(way.hospital).free is None:
            found.append(self._capacity_unknown(way.hospital))
        if one.level > winner.level:
            level = None if one.level == NO_LEVEL else one.level
            found.append(Reason("policy.highest_level", {"level": level, "best": winner.level}))
        if one.onward is not None:
            found += _transferred(one)
        if queues := self._dearer(one):
            mine_s, best_s = _causes_s(one), _causes_s(winner)
            for told in queues:
                cause = CAUSE_OF[told.code]
                if mine_s.get(cause, 0.0) - best_s.get(cause, 0.0) >= LEAST_TOLD_S:
                    found.append(told)
        if one.missing_wants:
            found += _wanting(one)
        if way.mode != winner.way.mode:
            found += _change_of_vehicle(one, winner, self._room)
        found += _slower(one.eta_s, winner)
        if not found and not way.unsettled:
            found.append(Reason("equal", {"hospital": winner.way.hospital}))
        return tuple(found)

    def _dearer(self, one: Judged) -> Reasons:
        """What is expected to cost time after the door."""
        told = self._queues.get(id(one))
        if told is None:
            told = self._queues[id(one)] = _queues(one)
        return told

    def _place_at(self, hospital: str) -> Reason:
        told = self._places.get(hospital)
        if told is None:
            told = self._places[hospital] = self._told_place(hospital)
        return told

    def _told_place(self, hospital: str) -> Reason:
        room, seen = self._room, self._room.seen(hospital)
        if seen.free is None:
            return self._capacity_unknown(hospital)
        if seen.free == 0:
            assert seen.full is not None
            return seen.full
        figure = room.hospitals[hospital].figures[room.resource]
        facts = {"resource": room.resource, "free": seen.free, "author": figure.by}
        return Reason("free", facts | seconds("age", figure.age_s(room.now)))

    def _capacity_unknown(self, hospital: str) -> Reason:
        told = self._unknown.get(hospital)
        if told is None:
            told = self._unknown[hospital] = self._told_unknown(hospital)
        return told

    def _told_unknown(self, hospital: str) -> Reason:
        room = self._room
        figure = room.hospitals[hospital].figures.get(room.resource)
        if figure is None or figure.free is None:
            return Reason("capacity_unknown", {"resource": room.resource})
        return Reason("capacity_stale", {"resource": room.resource} | seconds("age", figure.age_s(room.now)))


def _share(chance: float | None) -> float | None:
    """To three digits: nobody knows more."""
    return None if chance is None else thousandth(chance)


def _transferred(one: Judged) -> Reasons:
    if one.onward is None:
        return ()
    facts = {"hospital": one.onward} | seconds("transfer", _causes_s(one).get("onward_transfer", 0.0))
    return Reason("transfer", facts), Reason("capability", {"missing": list(one.missing_needs)})


def _causes_s(one: Judged) -> Mapping[str, float]:
    return one.care.causes_s if one.care else NO_CAUSES


def _queues(one: Judged) -> Reasons:
    care = one.care
    if care is None:
        return ()
    found: Reasons = ()
    if offload_s := care.causes_s.get("offload"):
        found = (_offload(offload_s),)
    if wait_s := care.causes_s.get("wait_for_bay"):
        wait = {"wait_s": round(wait_s), "wait_min": tenth(wait_s / 60)}
        if care.p_bay is None:
            return (*found, Reason("wait_for_bay_unknown", wait))
        return (*found, Reason("wait_for_bay", {"chance_pct": round(care.p_bay * 100), **wait}))
    return found


@lru_cache(maxsize=256)
def _offload(span_s: float) -> Reason:
    """The queue at the door is as long as one of the few steps of the rules."""
    return Reason("offload", seconds("offload", span_s))


def _lead(first: Judged, second: Judged) -> Reasons:
    assert first.care is not None and second.care is not None
    lead_s = round(second.care.definitive_s - first.care.definitive_s)
    if lead_s <= 0:
        return ()
    return (Reason("faster", {"hospital": second.way.hospital, "mode": second.way.mode} | seconds("faster", lead_s)),)


def _hoisted(way: Way) -> Reasons:
    """That the aircraft does not land where it takes the patient, and how long the lift takes."""
    span_s = way.terms_s.get(HOIST)
    return () if span_s is None else (Reason("hoisted", seconds("hoist", span_s)),)


def _wanting(one: Judged) -> Reasons:
    return (Reason("wanted", {"missing": list(one.missing_wants)}),) if one.missing_wants else ()


def _change_of_vehicle(one: Judged, winner: Judged, room: Room) -> Reasons:
    costs_s = room.policy.change_costs_s.by_mode
    return _dearer_vehicle(costs_s[one.way.mode] - costs_s[winner.way.mode])


@lru_cache(maxsize=256)
def _dearer_vehicle(cost_s: int) -> Reasons:
    """By the few differences between the modes of the rules."""
    return (Reason("policy.change_of_vehicle", seconds("cost", cost_s)),) if cost_s > 0 else ()


def _slower(eta_s: float, winner: Judged) -> Reasons:
    span_s = eta_s - winner.eta_s
    if (told_s := round(span_s)) <= 0:
        return ()
    return (Reason("time", {"slower_s": told_s, "slower_min": tenth(span_s / 60)}),)


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
    return {f"{name}_s": round(span_s), f"{name}_min": tenth(span_s / 60)}
