"""How facts of roads and feeds change the picture."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from casebook import events as e
from casebook.errors import IllegalStep
from casebook.picture import (
    Occasion,
    Picture,
    RoadState,
    folds,
    with_one,
    without,
)


@folds(e.RoadClosed, e.RoadSlowed)
def _road_changed(picture: Picture, event: Any, occasion: Occasion) -> Picture:
    speed = getattr(event, "speed_kmh", None)
    state = RoadState(
        event.closure, event.reason, event.polygon, event.ref, event.bearing_deg, event.until, speed, occasion.at,
        occasion.by,
    )  # fmt: skip
    return replace(picture, roads=with_one(picture.roads, event.closure, state))


@folds(e.RoadReopened)
def _road_reopened(picture: Picture, event: e.RoadReopened, occasion: Occasion) -> Picture:
    if event.closure not in picture.roads:
        raise IllegalStep(what=event.name, entity="road", id=event.closure, stage="open")
    return replace(picture, roads=without(picture.roads, event.closure))


@folds(e.VideoStarted)
def _video_started(picture: Picture, event: e.VideoStarted, occasion: Occasion) -> Picture:
    return replace(picture, streams=with_one(picture.streams, event.stream, event.unit))


@folds(e.VideoStopped)
def _video_stopped(picture: Picture, event: e.VideoStopped, occasion: Occasion) -> Picture:
    return replace(picture, streams=without(picture.streams, event.stream))
