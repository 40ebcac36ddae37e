"""The board of an incident with many casualties: who goes where, by what and when, and sums that always add up. Pure.

Casualties are counted once each by the tag they wear and the hospital they were given; who was given none has a column
of their own. Beside what is stands what the newest joint plan proposes; making one is dispatch/distribution's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from casebook.casualty import Category, Stage
from casebook.picture import CasualtyState, Picture
from dispatch.arrivals import door_at
from dispatch.distribution.officer import plan_view

NOBODY_SAID = "none"  # no tag yet
NO_HOSPITAL = "-"  # given none yet, or left the case without one
CATEGORIES = (*(str(one) for one in Category), NOBODY_SAID)


def boards(picture: Picture) -> dict[str, Any]:
    """Of every incident that has casualties, by its id."""
    return {id: board_with_plan(picture, id, people) for id, people in sorted(people_of(picture).items())}


def people_of(picture: Picture) -> dict[str, list[CasualtyState]]:
    """incident -> its casualties."""
    people: dict[str, list[CasualtyState]] = {}
    for one in picture.casualties.values():
        people.setdefault(one.incident, []).append(one)
    return people


def board_with_plan(picture: Picture, incident: str, people: Sequence[CasualtyState]) -> dict[str, Any]:
    """The board, and what the incident's newest joint plan says where there is one."""
    state = picture.plans.get(incident)
    return board_of(picture, people) | ({} if state is None else {"plan": plan_view(picture, state)})


def board_of(picture: Picture, people: Sequence[CasualtyState]) -> dict[str, Any]:
    """`counts`: hospital -> category -> how many; `hospitals`, `categories`: its sums; `total`: of both; `rows`: each
    casualty with hospital, mode, unit and the time at the door; `stages`: how many are how far."""
    cells: dict[str, Counter[str]] = {}
    for one in people:
        cells.setdefault(one.hospital or NO_HOSPITAL, Counter())[tag_of(one)] += 1
    return {
        "counts": {id: dict(sorted(row.items())) for id, row in sorted(cells.items())},
        "hospitals": {id: row.total() for id, row in sorted(cells.items())},
        "categories": dict(sorted(Counter(tag_of(one) for one in people).items())),
        "stages": dict(sorted(Counter(str(one.stage) for one in people).items())),
        "total": len(people),
        "rows": {one.id: _row(picture, one) for one in people},
    }


def tag_of(one: CasualtyState) -> str:
    return str(one.category) if one.category else NOBODY_SAID


def _row(picture: Picture, one: CasualtyState) -> dict[str, Any]:
    told: dict[str, Any] = {"hospital": one.hospital, "mode": one.option.mode if one.option else None}
    told |= {"unit": one.unit, "aircraft": one.option.aircraft if one.option else None}
    told |= {"at": one.arrived_at or _expected(picture, one), "there": one.arrived_at is not None}
    return {name: value for name, value in told.items() if value is not None}


def _expected(picture: Picture, one: CasualtyState) -> datetime | None:
    return None if one.stage is Stage.CLOSED else door_at(picture, one)
