"""Where units and casualties are, from recorded facts: the leg that a unit follows, its last fix, its base. Pure."""

from __future__ import annotations

from datetime import datetime

from casebook import events as e
from casebook.picture import CasualtyState, Picture, UnitState
from casebook.place import Place, between
from casebook.steps import Duty

HELICOPTER = "helicopter"
OVER_THE_SCENE = (Duty.ON_SCENE, Duty.AT_PATIENT)  # a helicopter that lifts somebody there, or has landed
TAKES_OVER = (Duty.AT_LANDING_SITE, *OVER_THE_SCENE)  # where an aircraft takes somebody on board
_SETS_OFF = {Duty.EN_ROUTE: "unit_en_route", Duty.TRANSPORTING: "unit_left_scene"}
_STOPS = ("unit_on_scene", "unit_at_landing_site", "unit_at_destination")


def departed_at(unit: UnitState) -> datetime | None:
    """When the present leg began to be driven; a leg given under way begins when it was given. None while standing,
    or when the leg is the one that led to the last stop."""
    left_at = unit.times.get(_SETS_OFF.get(unit.duty, ""))
    if left_at is None or unit.leg is None or unit.leg_at is None or not leg_is_ahead(unit):
        return None
    return max(left_at, unit.leg_at)


def leg_is_ahead(unit: UnitState) -> bool:
    """Whether the leg leads onward from where the unit stands or drives, and not to where it has been."""
    if unit.leg is None or unit.leg_at is None or unit.duty is Duty.AT_DESTINATION:
        return False
    return all(unit.times[stop] <= unit.leg_at for stop in _STOPS if stop in unit.times)


def where_is_unit(unit: UnitState, now: datetime) -> Place:
    """Where it waits for a way; along its leg while it carries somebody or flies, from the leg's own times; else its
    last fix; else its base."""
    if unit.halted is not None:
        return unit.halted
    moving = unit.duty is Duty.TRANSPORTING or (unit.kind == HELICOPTER and unit.duty is Duty.EN_ROUTE)
    if moving and unit.leg is not None and unit.duty_at is not None and unit.leg_at is not None:
        return along(unit.leg, (now - max(unit.duty_at, unit.leg_at)).total_seconds())
    stands = unit.duty in (Duty.AT_LANDING_SITE, Duty.AT_DESTINATION)
    if (stands or (unit.kind == HELICOPTER and unit.duty in OVER_THE_SCENE)) and unit.leg is not None:
        return unit.leg.to
    return Place(unit.position.lat, unit.position.lon) if unit.position else unit.base


def along(leg: e.Leg, passed_s: float) -> Place:
    """The point of a leg `passed_s` after departure; its ends outside its time."""
    line = leg.line
    if not line or passed_s >= leg.eta_s:
        return leg.to
    behind = [vertex for vertex in line if vertex[2] <= passed_s] or [line[0]]
    ahead = next((vertex for vertex in line if vertex[2] > passed_s), line[-1])
    (lon_a, lat_a, s_a), (lon_b, lat_b, s_b) = behind[-1], ahead
    share = (passed_s - s_a) / (s_b - s_a) if s_b > s_a and passed_s > s_a else 0.0
    return between(Place(lat_a, lon_a), Place(lat_b, lon_b), share)


def is_aboard(picture: Picture, casualty: CasualtyState) -> bool:
    """Whether a unit has taken the casualty in, at the scene or since."""
    unit = picture.units.get(casualty.unit or "")
    return unit is not None and casualty.id in unit.aboard


def where_is(picture: Picture, casualty: CasualtyState, now: datetime) -> tuple[Place, bool]:
    """(where the casualty is, whether the vehicle has left the scene with them)."""
    unit = picture.units.get(casualty.unit or "")
    if unit is not None and casualty.id in unit.aboard and unit.duty in (Duty.TRANSPORTING, Duty.AT_LANDING_SITE):
        return where_is_unit(unit, now), True
    return picture.get_incident(casualty.incident).place, False
