"""What the transport officer sees: the plan beside what really happened to each casualty. Pure.

Takes the picture as it is and the last answer; changes nothing. A casualty that the plan does not know, and one of
the plan that the picture does not know, are both told: the numbers on the board are those of the tags.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from casebook.casualty import Stage
from casebook.picture import CasualtyState, Picture
from dispatch.distribution.answer import Answer, Row
from dispatch.policy import NO_CATEGORY

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
        summary.setdefault(row.get("hospital", "-"), Counter())[row["category"]] += 1
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
        "category": str(state.category) if state.category else NO_CATEGORY,
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
