"""How facts of roads and feeds change the picture."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from casebook import events as e
from casebook.errors import IllegalStep
from casebook.picture import (
    Occasion,
    Picture,
    RoadState,
    TrafficSeen,
    changed,
    folds,
    with_one,
    without,
)

OBSERVED_KEPT = timedelta(hours=6)  # longer than anybody believes an observed speed (routing/traffic/ageing.py)


@folds(e.RoadClosed, e.RoadSlowed)
def _road_changed(picture: Picture, event: Any, occasion: Occasion) -> Picture:
    speed = getattr(event, "speed_kmh", None)
    state = RoadState(
        event.closure, event.reason, event.polygon, event.ref, event.bearing_deg, event.until, speed, occasion.at,
        occasion.by, event.km, event.edges, event.since,
    )  # fmt: skip
    return changed(picture, roads=with_one(picture.roads, event.closure, state), roads_seq=occasion.seq)


@folds(e.RoadReopened)
def _road_reopened(picture: Picture, event: e.RoadReopened, occasion: Occasion) -> Picture:
    if event.closure not in picture.roads:
        raise IllegalStep(what=event.name, entity="road", id=event.closure, stage="open")
    return changed(picture, roads=without(picture.roads, event.closure), roads_seq=occasion.seq)


@folds(e.TrafficObserved)
def _traffic_observed(picture: Picture, event: e.TrafficObserved, occasion: Occasion) -> Picture:
    kept = tuple(one for one in picture.observed if occasion.at - one.at < OBSERVED_KEPT)
    seen = TrafficSeen(occasion.seq, occasion.at, event)
    return changed(picture, observed=(*kept, seen), roads_seq=occasion.seq)


@folds(e.VideoStarted)
def _video_started(picture: Picture, event: e.VideoStarted, occasion: Occasion) -> Picture:
    return changed(picture, streams=with_one(picture.streams, event.stream, event.unit))


@folds(e.VideoStopped)
def _video_stopped(picture: Picture, event: e.VideoStopped, occasion: Occasion) -> Picture:
    return changed(picture, streams=without(picture.streams, event.stream))
