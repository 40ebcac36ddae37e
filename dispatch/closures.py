"""Close a road, slow it, open it again. Pure; what a closure does to a way is routing's and dispatch/journeys.py's."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Protocol

import msgspec

from casebook import events as e
from casebook.asking import Command
from casebook.errors import NotFound, RefusedInput
from casebook.picture import Picture, RoadState
from casebook.place import Datum
from dispatch.datum import to_wgs84
from dispatch.journeys import stretch_of
from routing.roads import Roadmap

Lon = Annotated[float, msgspec.Meta(ge=-180, le=180)]
Lat = Annotated[float, msgspec.Meta(ge=-90, le=90)]
Point = tuple[Lon, Lat]
Why = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Bearing = Annotated[float, msgspec.Meta(ge=0, lt=360)]


class CloseRoad(Command, frozen=True):
    """Nobody drives here: a road number, in a direction, between kilometre posts, within a polygon of (lon, lat), or
    edges (u, v, key) of the network; at least one of them, and what meets all that is given.

    `closure` names it, else it gets a number. `since` absent: from now; `until` absent: until somebody opens it.
    """

    reason: Why
    closure: str = ""
    ref: str = ""
    polygon: tuple[Point, ...] = ()
    bearing_deg: Bearing | None = None
    until: datetime | None = None
    datum: Datum = "wgs84"
    km: tuple[float, float] | None = None
    edges: tuple[tuple[int, int, int], ...] = ()
    since: datetime | None = None


class SlowRoad(CloseRoad, frozen=True, kw_only=True):
    """Works or a queue: nobody is faster here than `speed_kmh`. The reason "congestion" lets a siren gain on it."""

    speed_kmh: Annotated[float, msgspec.Meta(gt=0, lt=200)]


class ReopenRoad(Command, frozen=True):
    """The closure or slow stretch is lifted."""

    closure: str


def refuse_nowhere(command: CloseRoad, at: datetime, roadmap: Roadmap) -> None:
    """Raise RefusedInput unless it means at least one road on this map and ends later than now."""
    if command.until is not None and (command.until.tzinfo is None or command.until <= at):
        raise RefusedInput("bad_field", where="close_road", field="until", why=str(command.until))
    if command.since is not None and (command.since.tzinfo is None or (command.until or command.since) < command.since):
        raise RefusedInput("bad_field", where="close_road", field="since", why=str(command.since))
    if len(stretch_of(probe_of(command, at)).arcs(roadmap)) == 0:
        raise RefusedInput("closure_meets_no_road", ref=command.ref or "-", roads=roadmap.name)


class Where(Protocol):
    """The fields of a closure that say where it lies."""

    @property
    def ref(self) -> str: ...
    @property
    def polygon(self) -> tuple[Point, ...]: ...
    @property
    def bearing_deg(self) -> float | None: ...
    @property
    def datum(self) -> Datum: ...
    @property
    def km(self) -> tuple[float, float] | None: ...
    @property
    def edges(self) -> tuple[tuple[int, int, int], ...]: ...


def probe_of(where: Where, at: datetime) -> RoadState:
    """The closure as the picture would hold it, to ask routing which roads are meant. Raises RefusedInput."""
    if where.polygon and len(where.polygon) < 3:
        raise RefusedInput("bad_field", where="close_road", field="polygon", why="< 3")
    return RoadState(
        "", "", _wgs84(where), where.ref, where.bearing_deg, None, None, at, "", where.km, tuple(where.edges)
    )


def close_road(picture: Picture, command: CloseRoad) -> list[e.Event]:
    """The closure, or the slow stretch, as a fact."""
    id = command.closure or f"R{picture.seq + 1}"
    where = (
        _wgs84(command), command.ref, command.bearing_deg, command.until, command.km, command.edges, command.since,
    )  # fmt: skip
    if isinstance(command, SlowRoad):
        return [e.RoadSlowed(id, command.reason, command.speed_kmh, *where)]
    return [e.RoadClosed(id, command.reason, *where)]


def reopen_road(picture: Picture, command: ReopenRoad) -> list[e.Event]:
    if command.closure not in picture.roads:
        raise NotFound(what="closure", id=command.closure)
    return [e.RoadReopened(command.closure)]


def _wgs84(command: Where) -> tuple[Point, ...]:
    moved = [to_wgs84(lat, lon, command.datum) for lon, lat in command.polygon]
    return tuple((round(lon, 7), round(lat, 7)) for lat, lon in moved)
