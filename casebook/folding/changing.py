"""Small changes that many facts share: of a casualty, of a unit, a step by the table."""

from __future__ import annotations

from typing import Any

from casebook import events as e
from casebook.picture import (
    Occasion,
    Picture,
    changed,
    step,
    with_one,
)


def change_casualty(picture: Picture, id: str, **changes: Any) -> Picture:
    state = changed(picture.get_casualty(id), **changes)
    return changed(picture, casualties=with_one(picture.casualties, id, state))


def step_casualty(picture: Picture, id: str, event: e.Event, occasion: Occasion, **changes: Any) -> Picture:
    """Move a casualty one step by the table, keeping the first time of each fact."""
    state = picture.get_casualty(id)
    stage = step("casualty", id, state.stage, event)
    return change_casualty(picture, id, stage=stage, times={event.name: occasion.at, **state.times}, **changes)


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
