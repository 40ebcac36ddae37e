"""Make the fact of a joint plan out of its answer, and say when a newer one is due and worth telling. Pure.

Solving is dispatch/distribution/sharing.py's; when it is asked for and what a yes does is planning.py's.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec

from casebook import events as e
from casebook.picture import Picture, PlanState
from dispatch.distribution.answer import Answer, NotTaken, Outcome, Row
from dispatch.distribution.ask import Ask, Hospital
from dispatch.distribution.from_picture import AT_THE_DOOR, case_of_picture
from dispatch.distribution.reading import check_case
from dispatch.distribution.rules import DistributionRules
from dispatch.distribution.sharing import distribute
from dispatch.distribution.travel import with_roads
from dispatch.journeys import traffic_of, traffic_version
from dispatch.policy import Policy
from dispatch.ranking import canonical
from dispatch.switching import next_turn
from routing.roads import Roadmap


def proposed(
    picture: Picture, incident: str, at: datetime, roadmap: Roadmap, rules: DistributionRules, policy: Policy,
    *, quick: bool = False, seed: int = 0,
) -> e.DistributionProposed:  # fmt: skip
    """The joint plan of an incident as it is now, starting from the plan before. Raises NotFound."""
    case = check_case(case_of_picture(picture, incident, at, rules, seed), rules)
    answer = distribute(with_roads(case, roadmap, traffic_of(picture)), rules, policy, quick=quick)
    return proposal_of(
        answer, incident, quick=quick, traffic_version=traffic_version(picture, at), roads=roadmap.digest[:12]
    )


def proposal_of(
    answer: Answer, incident: str, *, quick: bool, traffic_version: str, roads: str
) -> e.DistributionProposed:
    """The answer as a fact, without what can be counted from it again."""
    proof = answer.proof
    return e.DistributionProposed(
        incident=incident, id=answer.id, rows=tuple(_planned(row) for row in answer.rows),
        left=tuple(_left(one) for one in answer.not_taken), not_carried=answer.not_carried,
        outcome=_outcome(answer.outcome),
        compared={name: _outcome(one) for name, one in answer.compared.items()},
        bound=proof.bound, gap=proof.gap, proven=proof.proven, hurried=proof.hurried, quick=quick,
        inputs=answer.inputs, rules=answer.rules, destination_rules=answer.destination_rules,
        traffic_version=traffic_version, roads=roads, seed=answer.seed, fired=answer.fired,
        redirections=answer.redirections,
    )  # fmt: skip


def _planned(row: Row) -> e.PlannedTransport:
    return e.PlannedTransport(
        row.casualty, row.category, row.hospital, row.mode, row.vehicle, row.trip, row.leaves_at, row.arrives_at,
        row.care_at, row.survival, row.place, row.under_way, row.redirected,
    )  # fmt: skip


def _left(one: NotTaken) -> e.LeftOut:
    return e.LeftOut(one.casualty, one.category, one.reason, one.stabilise_at, one.ask)


def _outcome(one: Outcome) -> e.PlanOutcome:
    return e.PlanOutcome(**msgspec.structs.asdict(one))


# --- when to plan again, and what is worth telling


def is_followed(picture: Picture, incident: str) -> bool:
    """Whether a plan is kept up to date: asked for, not refused as a whole, and somebody has not left yet."""
    state = picture.plans.get(incident)
    waiting = (one for one in picture.casualties.values() if one.incident == incident and one.stage not in AT_THE_DOOR)
    return state is not None and not state.refused_whole and any(True for _ in waiting)


def situation(picture: Picture, incident: str, at: datetime, rules: DistributionRules) -> str:
    """A name for all that a plan stands on but for time passing and vehicles moving: equal names, the same plan still.

    Whoever has left as planned, and hospitals that got who was meant for them, change it too; then the plan is made
    again and, being the same, is not told.
    """
    case = case_of_picture(picture, incident, at, rules)
    shut = sorted(id for id, road in picture.roads.items() if _in_force(road.since, road.until, at))
    looked_at: list[Any] = [
        case.casualties, [_standing(one, rules) for one in case.hospitals],
        sorted((one.id, one.kind) for one in case.vehicles),
        sorted((one.casualty, one.vehicle, one.hospital) for one in case.under_way), shut,
    ]  # fmt: skip
    return hashlib.sha256(canonical(looked_at)).hexdigest()


def _in_force(since: datetime | None, until: datetime | None, at: datetime) -> bool:
    return (since is None or since <= at) and (until is None or until > at)


def _standing(hospital: Hospital, rules: DistributionRules) -> Hospital:
    """A hospital without the ages of what it told: a count is believed, or it is too old."""
    places = {
        name: msgspec.structs.replace(one, age_min=float(one.age_min > rules.believed.minutes))
        for name, one in hospital.places.items()
    }
    closed = tuple(msgspec.structs.replace(one, until_min=None) for one in hospital.closed)
    return msgspec.structs.replace(hospital, places=places, closed=closed)


def turns_at(picture: Picture, at: datetime) -> datetime | None:
    """When something that a plan stands on runs out or begins by itself next; None: nothing will."""
    ends = [one for road in picture.roads.values() for one in (road.since, road.until)]
    ends.append(next_turn(picture, at))
    return min((end for end in ends if end is not None and end > at), default=None)


def is_news(state: PlanState, newer: e.DistributionProposed, has: Callable[[str], bool]) -> bool:
    """Whether a newer plan says something else than the one before: another hospital, means or tag for somebody,
    somebody new, lost or found a place, or a vehicle that is not to be `has` any more. Who left as planned is no news.
    """
    before, after = _said(state.proposed), _said(newer)
    rolling = {row.casualty for row in newer.rows if row.under_way}
    if any(before.get(id, ())[:1] != said[:1] for id, said in after.items() if id in rolling):
        return True
    if any(before.get(id) != said for id, said in after.items() if id not in rolling):
        return True
    return any(row.casualty in after.keys() - rolling and not has(row.vehicle) for row in state.proposed.rows)


def _said(plan: e.DistributionProposed) -> dict[str, tuple[str, ...]]:
    """Casualty -> (hospital, means, tag)."""
    said: dict[str, tuple[str, ...]] = {row.casualty: (row.hospital, row.mode, row.category) for row in plan.rows}
    said |= {one.casualty: ("", "", one.category) for one in plan.left}
    return said | dict.fromkeys(plan.not_carried, ("", "not_carried", ""))


def vehicles_of(ask: Ask) -> frozenset[str]:
    return frozenset(one.id for one in ask.vehicles)
