"""How the destination decision and its holds change the picture."""

from __future__ import annotations

from dataclasses import replace

from casebook import events as e
from casebook.capacity import Hold
from casebook.errors import AlreadyHeld, IllegalStep
from casebook.folding.changing import change_casualty, step_casualty
from casebook.picture import (
    Occasion,
    Picture,
    folds,
    with_one,
    without,
)


@folds(e.DestinationRequested)
def _destination_requested(picture: Picture, event: e.DestinationRequested, occasion: Occasion) -> Picture:
    return change_casualty(picture, event.casualty, requested_at=occasion.at)


@folds(e.DestinationProposed)
def _destination_proposed(picture: Picture, event: e.DestinationProposed, occasion: Occasion) -> Picture:
    state = picture.get_casualty(event.casualty)
    times = {event.name: occasion.at, **state.times}
    return change_casualty(
        picture, state.id, proposal=event.decision, proposed_at=occasion.at, requested_at=None, stranded=(), times=times
    )


@folds(e.NoDestination)
def _no_destination(picture: Picture, event: e.NoDestination, occasion: Occasion) -> Picture:
    return change_casualty(picture, event.casualty, stranded=event.rejected, requested_at=None, proposal=None)


@folds(e.DestinationChosen)
def _destination_chosen(picture: Picture, event: e.DestinationChosen, occasion: Occasion) -> Picture:
    picture.get_hospital(event.option.hospital)
    return step_casualty(
        picture, event.casualty, event, occasion, option=event.option, chosen_at=occasion.at,
        rejected=event.rejected, override_reason=event.override_reason, stranded=(),
    )  # fmt: skip


@folds(e.HoldPlaced)
def _hold_placed(picture: Picture, event: e.HoldPlaced, occasion: Occasion) -> Picture:
    picture.get_casualty(event.casualty)
    hold = Hold(event.hospital, event.resource, event.slot, event.casualty, event.until)
    present = picture.holds.get(hold.key)
    if present is not None and present.casualty != hold.casualty and present.until > occasion.at:
        raise AlreadyHeld(resource=hold.resource, hospital=hold.hospital, holder=present.casualty)
    return replace(picture, holds=with_one(picture.holds, hold.key, hold))


@folds(e.HoldReleased)
def _hold_released(picture: Picture, event: e.HoldReleased, occasion: Occasion) -> Picture:
    key = Hold(event.hospital, event.resource, event.slot, event.casualty, occasion.at).key
    present = picture.holds.get(key)
    if present is None or present.casualty != event.casualty:
        raise IllegalStep(what=event.name, entity="hold", id=key, stage="not_held")
    return replace(picture, holds=without(picture.holds, key))
