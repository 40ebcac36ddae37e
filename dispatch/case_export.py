"""A moment of a picture as the file of one decision: what the desk knew of one casualty, to be decided once more.

The file says where vehicles were at that instant, not the legs that brought them there. Reading it is
dispatch/case_file.py's.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from casebook import events as e
from casebook.casualty import Findings
from casebook.hoist_place import is_clear
from casebook.picture import CasualtyState, HospitalState, Picture, TrafficSeen, UnitState
from casebook.place import Place
from dispatch.area import Area
from dispatch.case_file import (
    CaseCasualty,
    CaseClosure,
    CaseFigure,
    CaseFile,
    CaseHold,
    CaseHospital,
    CaseObserved,
    CaseRoad,
    CaseUnit,
    Spot,
)
from dispatch.journeys import helicopters
from dispatch.needs import field_triage_of
from dispatch.timing import serves_only
from dispatch.whereabouts import where_is, where_is_unit


def case_at(
    picture: Picture, casualty: str, at: datetime, region: str, area: Area, enrolled: Iterable[e.HospitalEnrolled]
) -> CaseFile:
    """What the desk knows of this casualty at `at`. `enrolled`: the region's hospitals, which need not be repeated.

    Raises NotFound for an unknown casualty.
    """
    state = picture.get_casualty(casualty)
    scene, _ = where_is(picture, state, at)
    known = {one.hospital: one for one in enrolled}
    carrier = next((unit for unit in picture.units.values() if casualty in unit.aboard), None)
    flying = [unit for unit in helicopters(picture) if unit.id in area.aircraft and unit is not carrier]
    vehicles = [_helicopter(one, picture, state, at) for one in flying]
    vehicles += [_carrier(carrier, scene)] if carrier else []
    return CaseFile(
        at=at, region=region, casualty=_casualty(state, carrier), place=_spot(scene), units=tuple(vehicles),
        scene_clear=is_clear(picture.get_incident(state.incident)),
        hospitals=tuple(_hospital(one, known.get(one.id)) for _, one in sorted(picture.hospitals.items())),
        holds=tuple(CaseHold(**_fields(hold)) for _, hold in sorted(picture.holds.items())),
        closures=tuple(CaseRoad(**_fields(road)) for _, road in sorted(picture.roads.items())),
        observed=tuple(_observed(one) for one in picture.observed),
    )  # fmt: skip


def _observed(seen: TrafficSeen) -> CaseObserved:
    told = seen.told
    return CaseObserved(source=told.source, roads=told.roads, rows=told.rows, runs=told.runs, at=seen.at, seq=seen.seq)


def _casualty(state: CasualtyState, carrier: UnitState | None) -> CaseCasualty:
    found = state.findings or Findings()
    names = ("wants", "last_known_well", "pregnancy_weeks", "airway_unmanageable", "in_arrest")
    return CaseCasualty(
        id=state.id, age_years=state.age_years, sex=_sex(state.sex), category=state.category, wish=state.wish,
        pathway=found.pathway if state.findings else None, needs=found.needs, scores=dict(found.scores),
        refused_by=tuple(sorted(state.refusals)), aboard=carrier.id if carrier else None,
        field_triage=field_triage_of(state),
        **{name: getattr(found, name) for name in names},
    )  # fmt: skip


def _sex(told: str | None) -> Any:
    return told if told in ("m", "f") else None


def _helicopter(unit: UnitState, picture: Picture, state: CasualtyState, at: datetime) -> CaseUnit:
    return CaseUnit(
        unit=unit.id, kind=unit.kind, duty=unit.duty, for_case=serves_only(picture, unit, state),
        place=_spot(where_is_unit(unit, at)), base=_spot(unit.base), alarmed_at=unit.times.get("unit_assigned"),
        name_zh=unit.name_zh, name_en=unit.name_en,
    )  # fmt: skip


def _carrier(unit: UnitState, here: Place) -> CaseUnit:
    return CaseUnit(
        unit=unit.id, kind=unit.kind, duty=unit.duty, for_case=True, place=_spot(here), base=_spot(unit.base),
        name_zh=unit.name_zh, name_en=unit.name_en,
    )  # fmt: skip


def _spot(place: Place) -> Spot:
    return Spot(
        lat=place.lat, lon=place.lon, name_zh=place.name_zh, name_en=place.name_en, radius_m=place.radius_m
    )  # fmt: skip


def _hospital(one: HospitalState, known: e.HospitalEnrolled | None) -> CaseHospital:
    stated: dict[str, Any] = {}
    if known is None or enrolment_of(one) != known:
        pad = _spot(one.pad) if one.pad else None
        names = ("name_zh", "name_en", "capabilities", "trauma_level", "district")
        stated = {name: getattr(one, name) for name in names} | {"place": _spot(one.place), "pad": pad}
    figures = {name: CaseFigure(**_fields(figure)) for name, figure in one.figures.items()}
    closures = tuple(CaseClosure(**_fields(closure)) for _, closure in sorted(one.closures.items()))
    return CaseHospital(hospital=one.id, figures=figures, closures=closures, **stated)


def enrolment_of(one: HospitalState) -> e.HospitalEnrolled:
    return e.HospitalEnrolled(
        one.id, one.name_zh, one.name_en, one.place, one.capabilities, one.trauma_level, one.district, one.pad
    )


def _fields(state: Any) -> dict[str, Any]:
    return {name: getattr(state, name) for name in state.__slots__}
