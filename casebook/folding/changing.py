"""Small changes that many facts share: of a casualty, of a unit, a step by the table."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from casebook import events as e
from casebook.casualty import OVER, Stage
from casebook.folding.trend import still_told
from casebook.picture import (
    CasualtyState,
    Occasion,
    Picture,
    changed,
    step,
    with_one,
)

# The ways that were not taken with their reasons: ten times as much as all the rest of a case. They are in the log; the
# picture keeps them while a crew on its mission is told of them.
LOSERS_LET_GO: dict[str, Any] = {"proposal": None, "rejected": ()}
ENDS = {Stage.HANDED_OVER: e.HandoverCompleted.name, Stage.CLOSED: e.CasualtyClosed.name}


def change_casualty(picture: Picture, id: str, **changes: Any) -> Picture:
    state = changed(picture.get_casualty(id), **changes)
    return changed(picture, casualties=with_one(picture.casualties, id, state))


def step_casualty(picture: Picture, id: str, event: e.Event, occasion: Occasion, **changes: Any) -> Picture:
    """Move a casualty one step by the table, keeping the first time of each fact."""
    state = picture.get_casualty(id)
    stage = step("casualty", id, state.stage, event)
    return change_casualty(picture, id, stage=stage, times={event.name: occasion.at, **state.times}, **changes)


def end_casualty(picture: Picture, id: str, event: e.Event, occasion: Occasion) -> Picture:
    """The last step of a case: from here on the picture keeps of its samples what screens still tell, and of
    the decision what was chosen, as soon as the crew has left, too."""
    after = step_casualty(picture, id, event, occasion)
    state = after.get_casualty(id)
    carrier = after.units.get(state.unit or "")
    gone = carrier is None or carrier.incident != state.incident
    return change_casualty(
        after, id, trend=still_told(state.trend, occasion.at), **(LOSERS_LET_GO if gone else {})
    )  # fmt: skip


def let_losers_go(picture: Picture, unit: str, incident: str | None) -> Picture:
    """What a vehicle's mission of this incident leaves: nobody is told any more why the patient went nowhere else."""
    over = [
        one
        for one in picture.casualties.values()
        if one.unit == unit and one.incident == incident and one.stage in OVER
    ]
    if not over:
        return picture
    told = {one.id: changed(one, **LOSERS_LET_GO) for one in over}
    return changed(picture, casualties={**picture.casualties, **told})


def over_since(state: CasualtyState) -> datetime | None:
    """When a case ended; None: it goes on."""
    return state.times[ENDS[state.stage]] if state.stage in ENDS else None


def change_unit(picture: Picture, id: str, **changes: Any) -> Picture:
    state = changed(picture.get_unit(id), **changes)
    return changed(picture, units=with_one(picture.units, id, state))


def change_hospital(picture: Picture, id: str, **changes: Any) -> Picture:
    state = changed(picture.get_hospital(id), **changes)
    return changed(picture, hospitals=with_one(picture.hospitals, id, state))


def take_off(picture: Picture, casualty: str) -> Picture:
    carrier = next((unit for unit in picture.units.values() if casualty in unit.aboard), None)
    if carrier is None:
        return picture
    return change_unit(picture, carrier.id, aboard=tuple(one for one in carrier.aboard if one != casualty))
