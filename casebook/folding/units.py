"""How facts of the vehicles change the picture."""

from __future__ import annotations

from typing import Any

from casebook import events as e
from casebook.errors import IllegalStep
from casebook.folding.changing import change_casualty, change_unit, let_losers_go
from casebook.picture import (
    Occasion,
    Picture,
    UnitState,
    changed,
    enrolled_once,
    folds,
    step,
    with_one,
)

NOT_HALTED: dict[str, Any] = {"halted": None, "halted_by": ()}


@folds(e.UnitEnrolled)
def _unit_enrolled(picture: Picture, event: e.UnitEnrolled, occasion: Occasion) -> Picture:
    enrolled_once(picture.units, "unit", event.unit, event)
    state = UnitState(
        event.unit, event.kind, event.name_zh, event.name_en, event.district, event.base, event.station
    )  # fmt: skip
    return changed(picture, units=with_one(picture.units, event.unit, state))


@folds(e.UnitAssigned)
def _unit_assigned(picture: Picture, event: e.UnitAssigned, occasion: Occasion) -> Picture:
    picture.get_incident(event.incident)
    unit = picture.get_unit(event.unit)
    duty = step("unit", unit.id, unit.duty, event)
    return change_unit(
        picture, unit.id, duty=duty, duty_at=occasion.at, incident=event.incident, purpose=event.purpose,
        leg=event.leg, leg_at=occasion.at if event.leg else None, times={event.name: occasion.at}, leg_why=(),
        leg_seen_at=None, **NOT_HALTED,
    )  # fmt: skip


@folds(e.LegGiven)
def _leg_given(picture: Picture, event: e.LegGiven, occasion: Occasion) -> Picture:
    unit = picture.get_unit(event.unit)
    step("unit", unit.id, unit.duty, event)
    return change_unit(
        picture, unit.id, leg=event.leg, leg_at=occasion.at, purpose=event.purpose, leg_why=event.why or (),
        leg_seen_at=None, **NOT_HALTED,
    )  # fmt: skip


@folds(e.LegBlocked)
def _leg_blocked(picture: Picture, event: e.LegBlocked, occasion: Occasion) -> Picture:
    unit = picture.get_unit(event.unit)
    step("unit", unit.id, unit.duty, event)
    return change_unit(picture, unit.id, halted=event.here, halted_by=event.closures)


@folds(e.LegSeen)
def _leg_seen(picture: Picture, event: e.LegSeen, occasion: Occasion) -> Picture:
    if picture.get_unit(event.unit).leg_at != event.given_at:
        return picture  # of a leg that has been changed again meanwhile
    return change_unit(picture, event.unit, leg_seen_at=occasion.at)


@folds(
    e.UnitOnStandby, e.UnitAcknowledged, e.UnitEnRoute, e.UnitOnScene, e.UnitAtPatient, e.UnitLeftScene,
    e.UnitAtLandingSite, e.UnitAtDestination,
)  # fmt: skip
def _unit_moved(picture: Picture, event: Any, occasion: Occasion) -> Picture:
    unit = picture.get_unit(event.unit)
    duty = step("unit", unit.id, unit.duty, event)
    incident = getattr(event, "incident", unit.incident)
    times = {**unit.times, event.name: occasion.at}
    after = change_unit(picture, unit.id, duty=duty, duty_at=occasion.at, incident=incident, times=times, **NOT_HALTED)
    if isinstance(event, e.UnitAtPatient):
        after = change_casualty(after, event.casualty, unit=after.get_casualty(event.casualty).unit or unit.id)
    return after


@folds(e.UnitBackInService, e.UnitStoodDown)
def _unit_free(picture: Picture, event: Any, occasion: Occasion) -> Picture:
    unit = picture.get_unit(event.unit)
    if unit.aboard:
        raise IllegalStep(what=event.name, entity="unit", id=unit.id, stage="casualty_aboard")
    duty = step("unit", unit.id, unit.duty, event)
    times = {**unit.times, event.name: occasion.at}
    after = change_unit(
        picture, unit.id, duty=duty, duty_at=occasion.at, incident=None, purpose="", leg=None, leg_at=None, times=times,
        leg_why=(), leg_seen_at=None, **NOT_HALTED,
    )  # fmt: skip
    return let_losers_go(after, unit.id, unit.incident)


@folds(e.PositionReported)
def _position_reported(picture: Picture, event: e.PositionReported, occasion: Occasion) -> Picture:
    unit = picture.get_unit(event.unit)
    if unit.position_at is not None and occasion.at < unit.position_at:
        return picture  # history arriving behind the live edge is in the log, it does not move the unit back
    return change_unit(picture, event.unit, position=event, position_at=occasion.at)


@folds(e.PictureQualityChanged)
def _picture_quality_changed(picture: Picture, event: e.PictureQualityChanged, occasion: Occasion) -> Picture:
    unit = picture.get_unit(event.unit)
    if unit.quality_at is not None and occasion.at < unit.quality_at:
        return picture
    return change_unit(picture, event.unit, quality=event, quality_at=occasion.at)


@folds(e.MediaKeyPinned, e.MediaKeyAccepted)
def _media_key_held_to(picture: Picture, event: Any, occasion: Occasion) -> Picture:
    return change_unit(
        picture, event.unit, media_key=event.fingerprint, media_key_refused="", media_key_refused_at=None
    )


@folds(e.MediaKeyRefused)
def _media_key_refused(picture: Picture, event: e.MediaKeyRefused, occasion: Occasion) -> Picture:
    return change_unit(picture, event.unit, media_key_refused=event.fingerprint, media_key_refused_at=occasion.at)


@folds(e.UplinkChanged)
def _uplink_changed(picture: Picture, event: e.UplinkChanged, occasion: Occasion) -> Picture:
    return change_unit(picture, event.unit, uplink=event, uplink_at=occasion.at)
