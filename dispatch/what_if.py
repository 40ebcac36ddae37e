"""Answer "what if": the same casualty decided on a picture in which a few things are otherwise; nothing is recorded.

Roads open or closed, places free, hospitals open or closed, aircraft there or not, day or night. Pure; what is supposed
is folded as the facts that it would be. The real decision of the same instant stands beside it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any

import msgspec

from casebook import events as e
from casebook.asking import Command
from casebook.capacity import WHOLE_HOSPITAL, resource_table
from casebook.errors import NotFound, RefusedInput
from casebook.events import Decision, Option
from casebook.picture import Occasion, Picture, UnitState, fold
from casebook.place import Datum
from casebook.steps import Duty
from dispatch.area import Area
from dispatch.closures import Bearing, CloseRoad, Point, close_road, refuse_nowhere
from dispatch.console_view import proposal_view
from dispatch.desk import decision_on
from dispatch.policy import Policy
from dispatch.timing import ways_for
from dispatch.whereabouts import HELICOPTER
from routing.roads import Roadmap

WHAT_IF = "what_if"  # the author and the reason of what nobody reported
MANY = 40  # things supposed at once


class SupposedFigure(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """So many places free there now."""

    hospital: str
    resource: str
    free: Annotated[int, msgspec.Meta(ge=0, le=999)]


class SupposedClosure(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A road closed here: the fields of CloseRoad that say where, as a map or `find_stretch` gives them."""

    ref: str = ""
    polygon: tuple[Point, ...] = ()
    bearing_deg: Bearing | None = None
    datum: Datum = "wgs84"


class WhatIf(Command, frozen=True):
    """Decide for this casualty as if. `reopen`: closures, by id; `close`: road numbers, whole; `shut`: closures drawn
    on the map; `hospitals`, `aircraft`: by id, true is open or free; `daylight`: true by day, false by night, absent as
    it is."""

    casualty: str
    reopen: Annotated[tuple[str, ...], msgspec.Meta(max_length=MANY)] = ()
    close: Annotated[tuple[str, ...], msgspec.Meta(max_length=MANY)] = ()
    shut: Annotated[tuple[SupposedClosure, ...], msgspec.Meta(max_length=MANY)] = ()
    figures: Annotated[tuple[SupposedFigure, ...], msgspec.Meta(max_length=MANY)] = ()
    hospitals: dict[str, bool] = msgspec.field(default_factory=dict)
    aircraft: dict[str, bool] = msgspec.field(default_factory=dict)
    daylight: bool | None = None


def what_if(
    command: WhatIf, picture: Picture, at: datetime, roadmap: Roadmap, area: Area, policy: Policy
) -> dict[str, Any]:
    """`real` and `supposed` as the console shows proposals, and `moves`: what changed its place or its time.

    Takes two decisions' time: run it in a thread. Raises NotFound and RefusedInput for what there is not.
    """
    real = _decided(picture, command.casualty, at, roadmap, area, policy, None)
    then = supposed(picture, command, at, roadmap)
    answer = _decided(then, command.casualty, at, roadmap, area, policy, command.daylight)
    return {"real": proposal_view(real), "supposed": proposal_view(answer), "moves": moves(real, answer)}


def _decided(
    picture: Picture, casualty: str, at: datetime, roadmap: Roadmap, area: Area, policy: Policy, daylight: bool | None
) -> Decision:
    timed = ways_for(roadmap, area, picture, casualty, at, policy, daylight=daylight)
    return decision_on(picture, casualty, timed, at, policy, roadmap)


def supposed(picture: Picture, command: WhatIf, at: datetime, roadmap: Roadmap) -> Picture:
    """The picture as it would be."""
    picture.get_casualty(command.casualty)
    for closure in _closures(command):
        refuse_nowhere(closure, at, roadmap)
    for fact in _facts(picture, command):
        picture = fold(picture, fact, Occasion(picture.seq + 1, at, WHAT_IF))
    changed = {id: _aircraft(picture, id, free=free) for id, free in command.aircraft.items()}
    return replace(picture, units={**picture.units, **changed})


def _facts(picture: Picture, command: WhatIf) -> Iterator[e.Event]:
    for closure in command.reopen:
        if closure not in picture.roads:
            raise NotFound(what="closure", id=closure)
        yield e.RoadReopened(closure)
    for closure in _closures(command):
        yield from close_road(picture, closure)
    for one in command.figures:
        yield _reported(picture, one)
    for id, is_open in command.hospitals.items():
        hospital = picture.get_hospital(id)
        if is_open:
            yield from (e.ServiceReopened(id, resource) for resource in hospital.closures)
        else:
            yield e.ServiceClosed(id, WHOLE_HOSPITAL, WHAT_IF)


def _closures(command: WhatIf) -> Iterator[CloseRoad]:
    for ref in command.close:
        yield CloseRoad(reason=WHAT_IF, closure=f"{WHAT_IF}:{ref}", ref=ref)
    for number, one in enumerate(command.shut, start=1):
        where = {"ref": one.ref, "polygon": one.polygon, "bearing_deg": one.bearing_deg, "datum": one.datum}
        yield CloseRoad(reason=WHAT_IF, closure=f"{WHAT_IF}:map-{number}", **where)


def _reported(picture: Picture, one: SupposedFigure) -> e.Event:
    """As if the hospital had just said so; its total is known still, or grows with the places."""
    if resource_table().get(one.resource).is_load:
        raise RefusedInput("counts_patients", resource=one.resource)
    was = picture.get_hospital(one.hospital).figures.get(one.resource)
    total = None if was is None or was.total is None else max(was.total, one.free)
    return e.CapacityReported(one.hospital, one.resource, one.free, total)


def _aircraft(picture: Picture, id: str, *, free: bool) -> UnitState:
    """At its base and free, or away with others."""
    unit = picture.get_unit(id)
    if unit.kind != HELICOPTER:
        raise NotFound(what="aircraft", id=id)
    if free:
        return replace(unit, duty=Duty.AVAILABLE, incident=None, purpose="", leg=None, aboard=())
    return replace(unit, duty=Duty.TRANSPORTING, incident=WHAT_IF, aboard=())


def moves(real: Decision, then: Decision) -> list[dict[str, Any]]:
    """Every way that has another place or time now, in the order of `then`; what fell out of it comes last.

    `was`, `now`: place in the ranking from 1, absent: not possible; `was_s`, `now_s`: seconds to definitive care.
    """
    before, after = _places(real.options), _places(then.options)
    told = []
    for way in [*after, *(one for one in before if one not in after)]:
        was, now = before.get(way), after.get(way)
        if was == now:
            continue
        row = {"hospital": way[0], "mode": way[1]}
        row |= {"was": was[0], "was_s": was[1]} if was else {}
        row |= {"now": now[0], "now_s": now[1]} if now else {}
        told.append(row)
    return told


def _places(options: tuple[Option, ...]) -> dict[tuple[str, str], tuple[int, float]]:
    """(hospital, mode) -> (place, seconds); the better one where a mode goes by two ways."""
    places: dict[tuple[str, str], tuple[int, float]] = {}
    for place, one in enumerate(options, start=1):
        span_s = one.definitive_s if one.definitive_s is not None else one.eta_s
        places.setdefault((one.hospital, one.mode), (place, round(span_s, 1)))
    return places
