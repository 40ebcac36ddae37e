"""Facts of roads and feeds, and of what went wrong on the way."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from casebook.events.fact import Event, fact


@fact("road_closed")
@dataclass(frozen=True, slots=True)
class RoadClosed(Event):
    """No answer crosses it while in force: `ref` in direction `bearing_deg`, within `polygon` (lon, lat), between the
    kilometre posts `km`, only these `edges` (u, v, key): what meets all that is given. `since`: works to come."""

    closure: str
    reason: str
    polygon: tuple[tuple[float, float], ...] = ()
    ref: str = ""
    bearing_deg: float | None = None
    until: datetime | None = None
    km: tuple[float, float] | None = None
    edges: tuple[tuple[int, int, int], ...] = ()
    since: datetime | None = None


@fact("road_slowed")
@dataclass(frozen=True, slots=True)
class RoadSlowed(Event):
    """Works or a queue: speed there is at most `speed_kmh`. Where and when: as of RoadClosed."""

    closure: str
    reason: str
    speed_kmh: float
    polygon: tuple[tuple[float, float], ...] = ()
    ref: str = ""
    bearing_deg: float | None = None
    until: datetime | None = None
    km: tuple[float, float] | None = None
    edges: tuple[tuple[int, int, int], ...] = ()
    since: datetime | None = None


@fact("traffic_observed")
@dataclass(frozen=True, slots=True)
class TrafficObserved(Event):
    """What a feed told of a plain car's speeds, as far as it was news. `roads`: digest of the road network whose arcs
    are meant. `rows`: (speed_kmh, low_kmh, high_kmh, seconds before this fact); `runs`: (first arc, last arc, row).
    """

    source: str
    roads: str
    rows: tuple[tuple[float, float, float, float], ...]
    runs: tuple[tuple[int, int, int], ...]


@fact("road_reopened")
@dataclass(frozen=True, slots=True)
class RoadReopened(Event):
    closure: str


@fact("video_started")
@dataclass(frozen=True, slots=True)
class VideoStarted(Event):
    unit: str
    stream: str


@fact("video_stopped")
@dataclass(frozen=True, slots=True)
class VideoStopped(Event):
    unit: str
    stream: str
    reason: str = ""


@fact("alert_undelivered")
@dataclass(frozen=True, slots=True)
class AlertUndelivered(Event):
    """An alert reached nobody: that is a fact of the case, not a log line."""

    about: str
    to: str
    why: str


@fact("row_refused")
@dataclass(frozen=True, slots=True)
class RowRefused(Event):
    """A vehicle sent a row that does not fit the book; it is kept whole here and acknowledged, so nothing is lost."""

    unit: str
    kind: str
    body: dict[str, Any]
    error: str
    why: str
