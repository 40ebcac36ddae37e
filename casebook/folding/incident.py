"""How facts of the drill, the call and its tasks change the picture."""

from __future__ import annotations

from typing import Any

from casebook import events as e
from casebook.picture import (
    IncidentState,
    Occasion,
    Picture,
    TaskState,
    changed,
    enrolled_once,
    folds,
    step,
    with_one,
)
from casebook.place import HoistPlace


@folds(e.DrillStarted)
def _drill_started(picture: Picture, event: e.DrillStarted, occasion: Occasion) -> Picture:
    return changed(picture, drill=event)


@folds(e.IncidentOpened)
def _incident_opened(picture: Picture, event: e.IncidentOpened, occasion: Occasion) -> Picture:
    enrolled_once(picture.incidents, "incident", event.incident, event)
    state = IncidentState(
        event.incident, event.place, event.kind, event.priority, event.channel, event.summary, occasion.at,
        event.happened_at or occasion.at, event.drill, event.hazards, event.casualties_estimated,
    )  # fmt: skip
    return changed(picture, incidents=with_one(picture.incidents, event.incident, state))


@folds(e.AgencyLinked)
def _agency_linked(picture: Picture, event: e.AgencyLinked, occasion: Occasion) -> Picture:
    state = picture.get_incident(event.incident)
    state = changed(state, agencies=(*state.agencies, (event.agency, event.note, occasion.at)))
    return changed(picture, incidents=with_one(picture.incidents, state.id, state))


@folds(e.IncidentClosed)
def _incident_closed(picture: Picture, event: e.IncidentClosed, occasion: Occasion) -> Picture:
    state = picture.get_incident(event.incident)
    state = changed(state, stage=step("incident", state.id, state.stage, event))
    return changed(picture, incidents=with_one(picture.incidents, state.id, state))


@folds(e.HoistPlaceJudged)
def _hoist_place_judged(picture: Picture, event: e.HoistPlaceJudged, occasion: Occasion) -> Picture:
    """A vehicle may tell late what its crew said: what was said last holds, not what came last."""
    state = picture.get_incident(event.incident)
    if state.hoist_place is not None and state.hoist_place.at > occasion.at:
        return picture
    state = changed(state, hoist_place=HoistPlace(event.clear, occasion.at, occasion.by))
    return changed(picture, incidents=with_one(picture.incidents, state.id, state))


@folds(e.TaskOpened)
def _task_opened(picture: Picture, event: e.TaskOpened, occasion: Occasion) -> Picture:
    enrolled_once(picture.tasks, "task", event.task, event)
    picture.get_incident(event.incident)
    state = TaskState(event.task, event.incident, event.kind, event.to, event.due_at, occasion.at, event.note)
    return changed(picture, tasks=with_one(picture.tasks, event.task, state))


@folds(e.TaskApproved, e.TaskRefused, e.TaskDone, e.TaskEscalated)
def _task_moved(picture: Picture, event: Any, occasion: Occasion) -> Picture:
    state = picture.get_task(event.task)
    stage = step("task", state.id, state.stage, event)
    state = changed(state, stage=stage, to=getattr(event, "to", state.to), settled_at=occasion.at)
    state = changed(state, approver=getattr(event, "approver", state.approver))
    return changed(picture, tasks=with_one(picture.tasks, state.id, state))
