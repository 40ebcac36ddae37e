"""How facts of recordings change the picture: which run, which are kept, which are held or gone."""

from __future__ import annotations

from typing import Any

from casebook import events as e
from casebook.errors import IllegalStep, NotFound, RefusedInput
from casebook.folding.changing import change_casualty
from casebook.picture import Occasion, Picture, changed, folds, with_one
from casebook.recording_state import WITHDRAWN, RecordingState


@folds(e.RecordingStarted)
def _started(picture: Picture, event: e.RecordingStarted, occasion: Occasion) -> Picture:
    picture.get_unit(event.unit)
    before = picture.get_casualty(event.casualty).recordings
    if event.recording in before:
        raise IllegalStep(what=event.name, entity="recording", id=event.recording, stage="started")
    state = RecordingState(event, occasion.at)
    return change_casualty(picture, event.casualty, recordings=with_one(before, event.recording, state))


@folds(e.RecordingStopped)
def _stopped(picture: Picture, event: e.RecordingStopped, occasion: Occasion) -> Picture:
    """A crew's word that consent was withdrawn may come late: it is then the reason of a recording that is over."""
    state = _get(picture, event)
    if occasion.unit and occasion.unit != state.started.unit:
        raise RefusedInput("not_your_unit", unit=occasion.unit, named=state.started.unit)
    if state.stopped is not None and event.why == WITHDRAWN:
        return _change(picture, event, stopped=event)
    if state.stopped is not None:
        raise IllegalStep(what=event.name, entity="recording", id=event.recording, stage="stopped")
    return _change(picture, event, stopped=event, stopped_at=occasion.at)


@folds(e.RecordingKept)
def _kept(picture: Picture, event: e.RecordingKept, occasion: Occasion) -> Picture:
    return _change(picture, event, files=with_one(_get(picture, event).files, event.file, event))


@folds(e.RecordingHeld)
def _held(picture: Picture, event: e.RecordingHeld, occasion: Occasion) -> Picture:
    return _change(picture, event, held=event.held, hold=event, hold_at=occasion.at)


@folds(e.RecordingDeleted)
def _deleted(picture: Picture, event: e.RecordingDeleted, occasion: Occasion) -> Picture:
    return _change(picture, event, deleted_at=occasion.at)


def _get(picture: Picture, event: Any) -> RecordingState:
    state = picture.get_casualty(event.casualty).recordings.get(event.recording)
    if state is None:
        raise NotFound(what="recording", id=event.recording)
    return state


def _change(picture: Picture, event: Any, **changes: Any) -> Picture:
    before = picture.get_casualty(event.casualty).recordings
    state = changed(_get(picture, event), **changes)
    return change_casualty(picture, event.casualty, recordings=with_one(before, event.recording, state))
