"""What the transport officer sees: a plan beside what really happened to each casualty. Pure.

Takes the picture as it is and the last answer; changes nothing. A casualty that the plan does not know, and one of
the plan that the picture does not know, are both told: the numbers on the board are those of the tags.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from casebook import events as e
from casebook.casualty import Stage
from casebook.picture import CasualtyState, Picture, PlanState
from dispatch.distribution.answer import Answer, Row
from dispatch.policy import NO_CATEGORY

NOWHERE = "-"
ON_THE_WAY = (Stage.ABOARD, Stage.ARRIVED, Stage.HANDING_OVER, Stage.HANDED_OVER, Stage.CLOSED)


def distribution_view(picture: Picture, incident: str, answer: Answer) -> dict[str, Any]:
    """`rows`: who goes (or went) where, by whom, when, in the order of leaving; `differs`: sent elsewhere than planned.

    `summary`: hospital -> category -> casualties by where they really go, else by plan; "-" for those without. `total`
    is the number of casualties of the incident, and the sum of the summary. `unplanned`: casualties of the incident
    that the plan does not know; `unknown`: tags of the plan that are no casualty of the incident.
    """
    states = {id: one for id, one in picture.casualties.items() if one.incident == incident}
    planned = {row.casualty: row for row in answer.rows}
    left = {one.casualty: one for one in answer.not_taken}
    rows = [_row(state, planned.get(id)) for id, state in states.items()]
    rows.sort(key=lambda row: (row.get("leaves_at", "~"), row["casualty"]))
    known = {*planned, *left, *answer.not_carried}
    summary: dict[str, Counter[str]] = {}
    for row in rows:
        summary.setdefault(row.get("hospital", NOWHERE), Counter())[row["category"]] += 1
    return {
        "plan": answer.id,
        "rows": rows,
        "left": [
            {"casualty": id, "reason": {"code": one.reason.code, "facts": dict(one.reason.facts)}}
            for id, one in sorted(left.items())
            if id in states
        ],
        "summary": {hospital: dict(sorted(counts.items())) for hospital, counts in sorted(summary.items())},
        "total": len(states),
        "unplanned": sorted(set(states) - known),
        "unknown": sorted(known - set(states)),
    }


def _row(state: CasualtyState, row: Row | None) -> dict[str, Any]:
    """One casualty; what is not known is absent."""
    chosen = state.option.hospital if state.option else None
    hospital = chosen or (row.hospital if row else None)
    told: dict[str, Any] = {
        "casualty": state.id,
        "category": _tag(state),
        "stage": str(state.stage),
        "gone": state.stage in ON_THE_WAY,
    }
    if hospital is not None:
        told["hospital"] = hospital
    if row is not None:
        told |= {
            "planned": row.hospital, "vehicle": row.vehicle, "trip": row.trip, "leaves_at": row.leaves_at.isoformat(),
            "arrives_at": row.arrives_at.isoformat(), "differs": chosen is not None and chosen != row.hospital,
        }  # fmt: skip
    return told


# --- the newest plan on record, as the board shows it


def plan_view(picture: Picture, state: PlanState) -> dict[str, Any]:
    """`rows`: what is proposed for each casualty, whether it `differs` from what is, and the `answer` it got (yes,
    lost, no with its `why`; absent: none yet). `open`: how many wait for a yes. `left`: who has no hospital, why, and
    who could be asked. `counts`: hospital -> category -> casualties by the plan, those already at a door where they
    are; `total` is the number of casualties and the sum of the counts.

    `retagged`: those whose tag is another one than the plan was made with; `unplanned`: those it does not know. Both
    are empty once the plan has been made again.
    """
    plan = state.proposed
    people = {id: one for id, one in picture.casualties.items() if one.incident == plan.incident}
    tags = {one.casualty: one.category for one in (*plan.rows, *plan.left)}
    known = {*tags, *plan.not_carried}
    counts: dict[str, Counter[str]] = {}
    for id, one in people.items():
        row = state.find_row(id)
        there = one.hospital if one.stage in ON_THE_WAY else row.hospital if row is not None else None
        counts.setdefault(there or NOWHERE, Counter())[_tag(one)] += 1
    rows = {row.casualty: _proposed(people[row.casualty], state, row) for row in plan.rows}
    waiting = [id for id, one in people.items() if one.stage not in ON_THE_WAY]
    return {
        "id": plan.id, "at": state.at, "by": state.by, "refused": state.refused_whole or None,
        "rows": rows, "open": sum(row["open"] for row in rows.values()),
        "left": {one.casualty: _left(one) for one in plan.left} | {id: _not_carried() for id in plan.not_carried},
        "counts": {id: dict(sorted(row.items())) for id, row in sorted(counts.items())},
        "hospitals": {id: row.total() for id, row in sorted(counts.items())}, "total": len(people),
        "outcome": _outcome(plan.outcome), "compared": {name: _outcome(one) for name, one in plan.compared.items()},
        "gap_pct": None if plan.quick else round(plan.gap * 100, 2), "hurried": plan.hurried or None,
        "rules": plan.rules, "fired": list(plan.fired), "inputs": plan.inputs[:12], "redirections": plan.redirections,
        "retagged": sorted(id for id in waiting if id in tags and tags[id] != _tag(people[id])),
        "unplanned": sorted(id for id in waiting if id not in known),
    }  # fmt: skip


def _proposed(one: CasualtyState, state: PlanState, row: e.PlannedTransport) -> dict[str, Any]:
    told: dict[str, Any] = {
        "hospital": row.hospital, "mode": row.mode, "vehicle": row.vehicle, "trip": row.trip,
        "leaves_at": row.leaves_at, "arrives_at": row.arrives_at, "care_at": row.care_at,
        "survival_pct": round(row.survival * 100), "place": row.place, "under_way": row.under_way,
        "redirected": row.redirected, "differs": one.hospital is not None and one.hospital != row.hospital,
        "open": is_open(one, state, row),
    }  # fmt: skip
    if one.id in state.reasons:
        told |= {"answer": "no", "why": state.reasons[one.id]}
    elif one.id in state.accepted or is_chosen(one, row):
        told["answer"] = "yes"
    elif one.id in state.lost:
        told["answer"] = "lost"
    return told


def is_open(one: CasualtyState, state: PlanState, row: e.PlannedTransport) -> bool:
    """Whether a row waits for a yes: not gone, not refused, and not going there already by a person's word."""
    gone = row.under_way or one.stage in ON_THE_WAY
    return not (gone or is_chosen(one, row) or one.id in state.reasons or state.refused_whole)


def is_chosen(one: CasualtyState, row: e.PlannedTransport) -> bool:
    """Whether it goes there by a person's word already, in this plan or before it."""
    return one.option is not None and (one.option.hospital, one.option.mode) == (row.hospital, row.mode)


def _left(one: e.LeftOut) -> dict[str, Any]:
    told = {"reason": _reason(one.reason), "stabilise_at": one.stabilise_at, "ask": list(one.ask) or None}
    return {name: value for name, value in told.items() if value is not None}


def _not_carried() -> dict[str, Any]:
    return {"reason": _reason(e.Reason("distribution.dead"))}


def _reason(reason: e.Reason) -> dict[str, Any]:
    return {"code": reason.code, "facts": dict(reason.facts)}


def _outcome(one: e.PlanOutcome) -> dict[str, Any]:
    told = {
        "deaths": round(one.deaths, 2), "taken": one.taken, "not_taken": one.not_taken,
        "care_min": one.mean_care_min, "red_min": one.red_care_min,
    }  # fmt: skip
    return {name: value for name, value in told.items() if value is not None}


def _tag(one: CasualtyState) -> str:
    return str(one.category) if one.category else NO_CATEGORY
