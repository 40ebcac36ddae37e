"""Decide which hospital receives a casualty and by which way, and say why every other way was not taken.

Pure: takes what is known and how long each way takes, returns a ranked answer; the same input gives the same bytes.
dispatch/journeys.py computes the times, the desk records the answer, a person says yes. dispatch/ranking.py says how
ways rank, dispatch/counterfactual.py what would have to change for a loser to win.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import msgspec
from msgspec import structs

from casebook.capacity import Hold
from casebook.capacity.resources import ResourceTable, resource_table
from casebook.events import Decision, Reason, Rejection
from casebook.picture import HospitalState
from dispatch.counterfactual import changes_for
from dispatch.judging import Judged, Way, resource_for
from dispatch.looked_at import hashes_of, in_order, joined, onward_hash, rules_hash, sorted_raw
from dispatch.needs import Case, case_of
from dispatch.policy import Policy
from dispatch.ranking import Ranged, Ranking, World, as_told, canonical, rank
from dispatch.reasons import Telling

__all__ = ["Case", "Way", "canonical", "case_of", "decide", "decide_destination", "resource_for"]

ID_LENGTH = 12  # hexadecimal digits of a hash that people read out


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
    onward_s: Mapping[tuple[str, str], float] | None = None,
    what_ifs: Sequence[tuple[Reason, Sequence[Way]]] = (),
    table: ResourceTable | None = None,
    ranged: Ranged = as_told,
    unflown: tuple[Reason, ...] = (),
) -> Decision:
    """`decide` on these parts of a World."""
    world = World(
        case, tuple(ways), hospitals, tuple(holds), now, policy, table or resource_table(), onward_s or {},
        tuple((change, tuple(then)) for change, then in what_ifs), traffic_version, roads, ranged,
        unflown,
    )  # fmt: skip
    return decide(world)


def decide(world: World) -> Decision:
    """The ranked answer; `options` empty when nobody can take the casualty. Raises NotFound for an unknown hospital.

    Every way that does not win is among `rejected` with all its reasons and, where there is one, the smallest single
    change that would make it win: first those that could have been taken, in their order, then the barred ones by time.
    Last, where nobody is flown from where the casualty is, one that says so for all hospitals.
    """
    ranking = rank(world)
    viable, barred = with_ranges(world, ranking), ranking.barred
    telling = Telling(ranking.room, viable)
    losers = (*viable[1:], *barred)
    changes = changes_for(world, ranking, losers)
    told = hashes_of(world.hospitals, world.now)
    inputs = digest(world, ways_looked_at(world, ranking, viable), told)
    return Decision(
        options=tuple(map(telling.option_of, viable)),
        rejected=(*map(telling.rejection_of, losers, changes), *_unflown(world)),
        inputs=inputs,
        rules=world.policy.version,
        traffic_version=world.traffic_version,
        roads=world.roads,
        id=f"D-{inputs[:ID_LENGTH]}",
        capacity=capacity_version(world, told),
        unmeasured=ranking.room.needs.unmeasured,
        stabilise_at=_stabilise_at(ranking),
        ask=_to_be_asked(ranking),
    )


def _unflown(world: World) -> tuple[Rejection, ...]:
    return (Rejection("", "air", None, world.unflown),) if world.unflown else ()


def _stabilise_at(ranking: Ranking) -> str | None:
    """Where nobody can be proposed: the nearest hospital that there is a way to, whatever bars it otherwise."""
    reachable = [] if ranking.viable else [one for one in ranking.barred if one.way.eta_s is not None]
    able = [one for one in reachable if not {"closed", "policy.no_flight"} & {reason.code for reason in one.barred}]
    nearest = min(able or reachable, key=lambda one: one.order, default=None)
    return nearest.way.hospital if nearest else None


def _to_be_asked(ranking: Ranking) -> tuple[str, ...]:
    """Where nobody can be proposed: hospitals that have all that is needed but are full, closed or said no; by time."""
    if ranking.viable:
        return ()
    able = [one for one in ranking.barred if one.way.eta_s is not None and _only_unwilling(one)]
    return tuple(dict.fromkeys(one.way.hospital for one in sorted(able, key=lambda one: one.order)))


def _only_unwilling(one: Judged) -> bool:
    return all(reason.code in ("capacity", "closed", "refused") for reason in one.barred)


def with_ranges(world: World, ranking: Ranking) -> tuple[Judged, ...]:
    """The ways that could be taken, with their ranges: only of these anybody is told."""
    ways = world.ranged([one.way for one in ranking.viable])
    return tuple(ranking.room.ranged(one, way) for one, way in zip(ranking.viable, ways, strict=True))


def ways_looked_at(world: World, ranking: Ranking, viable: Sequence[Judged]) -> list[Way]:
    """All ways, as they came: with their ranges where they could be taken (`viable`), without where they could not, for
    nobody looks at those."""
    ranged = {id(before.way): after.way for before, after in zip(ranking.viable, viable, strict=True)}
    return [ranged.get(id(one)) or (one if one.eta_low_s is None else _unranged(one)) for one in world.ways]


def _unranged(way: Way) -> Way:
    return structs.replace(way, eta_low_s=None, eta_high_s=None)


def digest(world: World, ways: Sequence[Way], told: Mapping[str, str]) -> str:
    """SHA-256 over the canonical JSON of everything that was looked at, independent of the order it came in; `ways` as
    they were looked at, `told`: a hash per hospital."""
    looked_at = {
        "case": world.case,
        "ways": in_order(ways),
        "hospitals": {id: told[id] for id in {way.hospital for way in world.ways}},
        "holds": sorted_raw(world.holds),
        "onward": onward_hash(world.onward_s),
        "what_ifs": _what_ifs(world),
        "unflown": world.unflown,
        "now": world.now,
        "rules": rules_hash(world.policy),
        "resources": world.table.version,
        "traffic": world.traffic_version,
        "roads": world.roads,
    }
    return hashlib.sha256(canonical(looked_at)).hexdigest()


def _what_ifs(world: World) -> msgspec.Raw:
    written: dict[int, bytes] = {}  # a way that a change leaves as it is, is the same object

    def write(way: Way) -> bytes:
        return written.get(id(way)) or written.setdefault(id(way), canonical(way))

    return sorted_raw([{"change": change, "ways": joined(map(write, ways))} for change, ways in world.what_ifs])


def capacity_version(world: World, told: Mapping[str, str]) -> str:
    """A name for all figures, closures and holds that were looked at."""
    seen = [told, sorted_raw(world.holds)]
    return hashlib.sha256(canonical(seen)).hexdigest()[:ID_LENGTH]
