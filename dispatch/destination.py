"""Decide which hospital receives a casualty and by which way, and say why every other way was not taken.

Pure: takes what is known and how long each way takes, returns a ranked answer; the same input gives the same bytes.
dispatch/journeys.py computes the times, the desk records the answer, a person says yes.

A way is barred when there is none, when the hospital lacks a need, is closed, or is known to be full. What is left is
ranked by: within the bypass limit, known free before unknown, trauma centre level where the rule asks for it, then
minutes, where a change of vehicle and a missing wish of the crew weigh what the rules say. A patient's wish goes first
while it is safe and costs no more than its limit.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import msgspec

from casebook.capacity import Hold
from casebook.events import Decision
from casebook.picture import HospitalState
from dispatch.judging import Case, Judged, Room, Way, case_of, resource_for
from dispatch.policy import Policy
from dispatch.reasons import option_of, rejection_of

__all__ = ["Case", "Way", "case_of", "decide_destination", "resource_for"]


def decide_destination(
    case: Case,
    ways: Sequence[Way],
    hospitals: Mapping[str, HospitalState],
    holds: Iterable[Hold],
    now: datetime,
    policy: Policy,
    *,
    traffic_version: str = "",
    roads: str = "",
) -> Decision:
    """The ranked answer; `options` empty when nobody can take the casualty. Raises NotFound for an unknown hospital.

    Every way that does not win is among `rejected` with all its reasons: first those that could have been taken, in
    their order, then the barred ones by time.
    """
    room = Room(case, hospitals, tuple(holds), now, policy)
    judged = sorted((room.judge(way) for way in ways), key=lambda one: one.order)
    viable = _wish_first([one for one in judged if not one.barred], room)
    barred = [one for one in judged if one.barred]
    winner = viable[0] if viable else None
    return Decision(
        options=tuple(option_of(one, viable, room) for one in viable),
        rejected=tuple(rejection_of(one, winner, room) for one in (*viable[1:], *barred)),
        inputs=_digest(case, ways, room, traffic_version, roads),
        rules=policy.version,
        traffic_version=traffic_version,
        roads=roads,
    )


def _wish_first(viable: list[Judged], room: Room) -> list[Judged]:
    """The wished hospital's best way in front when that is safe and not too dear; else the order as it was."""
    wished = next((one for one in viable if one.way.hospital == room.case.wish), None)
    if wished is None or room.wish_refused(wished, viable[0]):
        return viable
    cost_s = room.wish_cost_s(wished, viable[0])
    return [replace(wished, wish_cost_s=cost_s), *(one for one in viable if one is not wished)]


def _digest(case: Case, ways: Sequence[Way], room: Room, traffic_version: str, roads: str) -> str:
    """SHA-256 over the canonical JSON of everything that was looked at, independent of the order it came in."""
    looked_at = {
        "case": case,
        "ways": sorted((msgspec.to_builtins(way) for way in ways), key=canonical),
        "hospitals": {way.hospital: _seen_of(room.hospitals[way.hospital], room.now) for way in ways},
        "holds": sorted((msgspec.to_builtins(hold) for hold in room.holds), key=canonical),
        "now": room.now,
        "rules": room.policy,
        "traffic": traffic_version,
        "roads": roads,
    }
    return hashlib.sha256(canonical(looked_at)).hexdigest()


def _seen_of(hospital: HospitalState, now: datetime) -> dict[str, Any]:
    in_force = {name: closure for name, closure in hospital.closures.items() if closure.in_force(now)}
    return {
        "capabilities": sorted(hospital.capabilities),
        "level": hospital.trauma_level,
        "figures": dict(hospital.figures),
        "closures": in_force,
    }


def canonical(value: Any) -> bytes:
    """JSON bytes that are the same for the same value."""
    return msgspec.json.encode(value, order="sorted")
