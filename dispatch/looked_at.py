"""Name what a decision looked at by hashes: what many decisions look at is written and hashed once, then kept.

A hospital is hashed anew when something of it changed, the rules and the times between hospitals when they are others.
What belongs to one decision alone is written by dispatch/destination.py.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any

import msgspec

from casebook.picture import HospitalState
from dispatch.judging import Way
from dispatch.policy import Policy
from dispatch.ranking import canonical
from dispatch.recent import Recent


def sorted_raw(values: Iterable[Any]) -> msgspec.Raw:
    """A JSON array in the order of its elements' own bytes."""
    return joined(sorted(map(canonical, values)))


def joined(written: Iterable[bytes]) -> msgspec.Raw:
    return msgspec.Raw(b"[" + b",".join(written) + b"]")


_place_and_mode = attrgetter("hospital", "mode")


def in_order(ways: Sequence[Way]) -> Sequence[Way] | msgspec.Raw:
    """Ways in an order that does not depend on how they came. Quick where they come nearly in order."""
    found = dict(zip(map(_place_and_mode, ways), ways, strict=True))
    if len(found) == len(ways):  # the rule: one way of each mode to each hospital
        return [found[key] for key in sorted(found)]
    several = {(one.hospital, one.mode, one.rendezvous or "", one.aircraft or ""): one for one in ways}
    return sorted_raw(ways) if len(several) < len(ways) else [several[key] for key in sorted(several)]


# By hospital: the state that was hashed, which of its closures were in force, and the hash.
_hospitals: dict[str, tuple[HospitalState, list[str], str]] = {}
# Of all hospitals of a picture: from when and until when the same closures are in force, and the hashes.
_all_hashes: Recent[tuple[datetime, datetime | None, dict[str, str]]] = Recent()
_written: Recent[str] = Recent()
KEPT_HOSPITALS = 4096


def hashes_of(hospitals: Mapping[str, HospitalState], now: datetime) -> dict[str, str]:
    """What each hospital has told, as it holds at this instant, by a hash. Not to be changed: where none of many
    decisions' hospitals changed, all are given the same."""
    kept = _all_hashes.find("hospitals", hospitals)
    if kept is not None and kept[0] <= now and (kept[1] is None or now < kept[1]):
        return kept[2]
    told = {id: _hash_of(one, now) for id, one in hospitals.items()}
    ends = [closure.until for one in hospitals.values() for closure in one.closures.values() if closure.until]
    _all_hashes.keep("hospitals", (now, min((end for end in ends if end > now), default=None), told), hospitals)
    return told


def _hash_of(hospital: HospitalState, now: datetime) -> str:
    in_force = [name for name, closure in hospital.closures.items() if closure.in_force(now)]
    kept = _hospitals.get(hospital.id)
    if kept is not None and kept[0] is hospital and kept[1] == in_force:
        return kept[2]
    if len(_hospitals) >= KEPT_HOSPITALS:
        _hospitals.clear()
    told = _sha(_looked_at(hospital, in_force))
    _hospitals[hospital.id] = hospital, in_force, told
    return told


def _looked_at(hospital: HospitalState, in_force: Collection[str]) -> dict[str, Any]:
    return {
        "capabilities": sorted(hospital.capabilities),
        "level": hospital.trauma_level,
        "figures": dict(hospital.figures),
        "closures": {name: hospital.closures[name] for name in in_force},
    }


def onward_hash(onward_s: Mapping[tuple[str, str], float]) -> str:
    """Of the times between hospitals."""
    found = _written.find("onward", onward_s)
    if found is None:
        told = sorted([*pair, seconds] for pair, seconds in onward_s.items())
        found = _written.keep("onward", _sha(told), onward_s)
    return found


def rules_hash(policy: Policy) -> str:
    return _written.find("rules", policy) or _written.keep("rules", _sha(policy), policy)


def _sha(value: Any) -> str:
    return hashlib.sha256(canonical(value)).hexdigest()
