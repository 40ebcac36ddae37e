"""A decision's file as the picture that the desk would have, and the decision on it. Pure, given the roads.

Hospitals, counts, closures, roads and the casualty become facts and are folded as the hub folds them; where vehicles
stand is stated, not reckoned. Everything impossible is refused by the name of its field. Which region and which roads
are meant is for whoever reads the file (aboard/front/decide.py).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from msgspec import UNSET

from casebook import events as e
from casebook.capacity import CAPABILITIES, WHOLE_HOSPITAL, Hold, Refusal
from casebook.capacity.resources import resource_table
from casebook.casualty import Findings, Pathway
from casebook.errors import CoordinationError, RefusedInput
from casebook.events import Decision, Reason
from casebook.picture import Occasion, Picture, fold
from casebook.place import Place
from dispatch.area import Area
from dispatch.case_file import (
    AGE_MAX_YEARS,
    PREGNANCY_MAX_WEEKS,
    CaseCasualty,
    CaseFigure,
    CaseFile,
    CaseHospital,
    CaseRoad,
    CaseUnit,
    CaseWay,
    FieldRefused,
    Spot,
    Told,
    refuse,
)
from dispatch.desk import decision_on
from dispatch.destination import case_of, decide_destination
from dispatch.intake import Whereabouts, place_of
from dispatch.journeys import stretch_of
from dispatch.judging import Way
from dispatch.timing import Timed, ways_for
from dispatch.whereabouts import HELICOPTER
from routing.air import Weather
from routing.roads import Roadmap

INCIDENT = "case"
COUNT_MAX = 10_000  # of anything that one hospital counts
FIELD_TRIAGE = ("", "red", "yellow")
NOWHERE = Place(0.0, 0.0)  # of a hospital whose ways were timed elsewhere: nobody looks where it is
DAY_S = 86_400  # no way takes longer
CLOCKS_APART = dt.timedelta(seconds=60)  # so far another clock may be ahead; a figure is never of the future
TERMS_APART_S = 1.0  # so far the parts of a time may add up to something else: each was rounded


def decide_case(
    case: CaseFile, area: Area, enrolled: Sequence[e.HospitalEnrolled], roadmap: Roadmap | None
) -> Decision:
    """What the desk would decide. `enrolled`: the region's hospitals; `roadmap` None: the file brings its ways.

    Raises FieldRefused naming the field, NoAnswer and RefusedInput as the desk does.
    """
    picture = picture_of(case, area, enrolled)
    area = area_for(case, area)
    if case.ways:
        return _on_ways(case, picture, area)
    assert roadmap is not None
    for row, road in enumerate(case.closures):
        _refuse_off_the_map(f"closures[{row}]", picture, road, roadmap)
    timed = ways_for(roadmap, area, picture, case.casualty.id, _utc(case.at), area.rules.destination)
    return decision_on(picture, case.casualty.id, timed, _utc(case.at), area.rules.destination, roadmap)


def area_for(case: CaseFile, area: Area) -> Area:
    """The area in the file's weather, with those of its aircraft that the file lists."""
    listed = {unit.unit for unit in case.units}
    flying = {id: machine for id, machine in area.aircraft.items() if id in listed}
    weather = area.weather
    if case.weather is not None:
        weather = Weather(case.weather.ceiling_ft, case.weather.visibility_m, case.weather.wind_kt)
    return replace(area, aircraft=flying, weather=weather)


def picture_of(case: CaseFile, area: Area, enrolled: Sequence[e.HospitalEnrolled]) -> Picture:
    """Everything that the desk would know. Raises FieldRefused."""
    _refuse_impossible(case.casualty, case.at)
    telling = _Telling(_utc(case.at))
    _tell_hospitals(telling, case, area, enrolled)
    for row, road in enumerate(case.closures):
        telling.tell(f"closures[{row}]", _road(road), road.at, road.by)
    for row, seen in enumerate(case.observed):
        fact = e.TrafficObserved(seen.source, seen.roads, seen.rows, seen.runs)
        telling.tell(f"observed[{row}]", fact, seen.at, seq=seen.seq)
    _tell_casualty(telling, case, area)
    for row, unit in enumerate(case.units):
        _put_unit(telling, f"units[{row}]", unit, case, area)
    _put_aboard(telling, case)
    _put_holds(telling, case)
    return telling.picture


@dataclass(slots=True)
class _Telling:
    """A picture that grows fact by fact, all of them true by `at`."""

    at: dt.datetime
    picture: Picture = field(default_factory=Picture)

    def tell(self, field: str, fact: e.Event, at: dt.datetime | None = None, by: str = "", seq: int = 0) -> None:
        if at is not None and at > self.at + CLOCKS_APART:
            raise refuse(f"{field}.at", "decide_future", value=at.isoformat(), at=self.at.isoformat())
        try:
            self.picture = fold(self.picture, fact, Occasion(seq or self.picture.seq + 1, at or self.at, by))
        except CoordinationError as wrong:
            raise FieldRefused(field, wrong) from wrong


# --- hospitals


def _tell_hospitals(telling: _Telling, case: CaseFile, area: Area, enrolled: Sequence[e.HospitalEnrolled]) -> None:
    known = {one.hospital: one for one in enrolled}
    stated: dict[str, CaseHospital] = {}
    for row, one in enumerate(case.hospitals):
        if one.hospital in stated:
            raise refuse(f"hospitals[{row}].hospital", "decide_twice", value=one.hospital)
        stated[one.hospital] = one
        known[one.hospital] = _enrolment(f"hospitals[{row}]", one, known.get(one.hospital), case, area)
    if not known:
        raise refuse("hospitals", "decide_without_hospitals")
    for fact in known.values():
        telling.tell("hospitals", fact)
    for row, one in enumerate(case.hospitals):
        for resource, figure in one.figures.items():
            field = f"hospitals[{row}].figures.{resource}"
            _refuse_impossible_count(field, resource, figure)
            fact = e.CapacityReported(
                one.hospital, resource, figure.free, figure.total, figure.source, figure.in_use
            )  # fmt: skip
            telling.tell(field, fact, figure.at, figure.by)
        for place, closure in enumerate(one.closures):
            field = f"hospitals[{row}].closures[{place}]"
            _refuse_unknown(f"{field}.resource", closure.resource, (*_counted(), *CAPABILITIES, WHOLE_HOSPITAL))
            fact = e.ServiceClosed(one.hospital, closure.resource, closure.reason, closure.until)
            telling.tell(field, fact, closure.at, closure.by)


def _enrolment(
    field: str, one: CaseHospital, known: e.HospitalEnrolled | None, case: CaseFile, area: Area
) -> e.HospitalEnrolled:
    """The hospital as the region has it, with what the file says instead."""
    if known is None and (one.capabilities is UNSET or (one.place is UNSET and not case.ways)):
        raise refuse(f"{field}.hospital", "decide_unknown_hospital", value=one.hospital)
    base = known or e.HospitalEnrolled(one.hospital, one.hospital, one.hospital, NOWHERE, ())
    changes = {
        name: value
        for name in ("name_zh", "name_en", "capabilities", "trauma_level", "district")
        if (value := getattr(one, name)) is not UNSET
    }
    for word in changes.get("capabilities", ()):
        _refuse_unknown(f"{field}.capabilities", word, CAPABILITIES)
    if isinstance(one.place, Spot):
        changes["place"] = _place(f"{field}.place", one.place, area)
    if one.pad is not UNSET:
        changes["pad"] = _place(f"{field}.pad", one.pad, area) if isinstance(one.pad, Spot) else None
    return replace(base, **changes)


def _counted() -> tuple[str, ...]:
    return tuple(resource_table().rows)


def _refuse_impossible_count(field: str, resource: str, figure: CaseFigure) -> None:
    _refuse_unknown(field, resource, _counted())
    for name in ("free", "total", "in_use"):
        count = getattr(figure, name)
        if count is not None and not 0 <= count <= COUNT_MAX:
            raise refuse(f"{field}.{name}", "decide_impossible", value=count, low=0, high=COUNT_MAX)
    free, total, in_use = figure.free, figure.total, figure.in_use
    if resource_table().get(resource).is_load and (free is not None or total is not None):
        raise refuse(field, "counts_patients", resource=resource)
    if total is not None and (free or 0) + (in_use or 0) > total:
        raise refuse(field, "decide_more_than_total", free=free or 0, in_use=in_use or 0, total=total)


# --- the casualty


def _refuse_impossible(one: CaseCasualty, at: dt.datetime) -> None:
    stated = (one.pathway, one.category, one.needs, one.field_triage or None)
    if all(value is None for value in stated) and not (one.in_arrest or one.airway_unmanageable):
        raise refuse("casualty.needs", "decide_needs_missing")
    spans = (("age_years", one.age_years, AGE_MAX_YEARS), ("pregnancy_weeks", one.pregnancy_weeks, PREGNANCY_MAX_WEEKS))
    for name, value, high in spans:
        if value is not None and not 0 <= value <= high:
            raise refuse(f"casualty.{name}", "decide_impossible", value=f"{value:g}", low=0, high=f"{high:g}")
    for name in ("needs", "wants"):
        for word in getattr(one, name) or ():
            _refuse_unknown(f"casualty.{name}", word, CAPABILITIES)
    if one.field_triage not in FIELD_TRIAGE:
        raise refuse(
            "casualty.field_triage", "decide_unknown", value=one.field_triage, known=", ".join(FIELD_TRIAGE[1:])
        )
    if one.last_known_well is not None and one.last_known_well > at:
        when = one.last_known_well.isoformat()
        raise refuse("casualty.last_known_well", "decide_future", value=when, at=at.isoformat())


def _tell_casualty(telling: _Telling, case: CaseFile, area: Area) -> None:
    one, id, at = case.casualty, case.casualty.id, telling.at
    place = _scene(case, area)
    telling.tell("place", e.IncidentOpened(INCIDENT, place, "case", 1, "120", ""))
    if case.scene_clear is not None:
        telling.tell("scene_clear", e.HoistPlaceJudged(INCIDENT, case.scene_clear))
    telling.tell("casualty", e.CasualtyFound(id, INCIDENT, "", one.age_years, one.sex))
    if one.category is not None:
        telling.tell("casualty.category", e.CasualtyTriaged(id, "manual", one.category, ""))
    found = Findings(
        pathway=one.pathway or Pathway.GENERAL, needs=one.needs or (), wants=one.wants, scores=dict(one.scores),
        airway_unmanageable=one.airway_unmanageable, in_arrest=one.in_arrest, last_known_well=one.last_known_well,
        field_triage=one.field_triage, pregnancy_weeks=one.pregnancy_weeks,
    )  # fmt: skip
    telling.tell("casualty", e.FindingsRecorded(id, found))
    hospitals = telling.picture.hospitals
    if one.wish is not None:
        _refuse_unknown("casualty.wish", one.wish, hospitals)
        telling.tell("casualty.wish", e.WishStated(id, one.wish, ""))
    for hospital in one.refused_by:
        _refuse_unknown("casualty.refused_by", hospital, hospitals)
    state = telling.picture.casualties[id]
    refusals = {hospital: Refusal(hospital, "", at, "") for hospital in one.refused_by}
    telling.picture = replace(telling.picture, casualties={id: replace(state, refusals=refusals)})


def _scene(case: CaseFile, area: Area) -> Place:
    """Where the casualty is; a carrier that says where it is may say it for them."""
    if case.place is not None:
        return _place("place", case.place, area)
    carrier = next((unit for unit in case.units if unit.unit == case.casualty.aboard), None)
    if carrier is not None and carrier.place is not None:
        return _place("units.place", carrier.place, area)
    if case.ways:
        return NOWHERE
    raise refuse("place", "decide_no_place")


def _place(field: str, spot: Spot, area: Area) -> Place:
    """In WGS-84, to the last digit where it was given so."""
    if spot.datum == "wgs84" and spot.lat is not None and spot.lon is not None:
        try:
            return Place(spot.lat, spot.lon, spot.name_zh or spot.name, spot.name_en or spot.name, spot.radius_m)
        except RefusedInput as wrong:
            raise FieldRefused(field, wrong) from wrong
    where = Whereabouts(**{name: getattr(spot, name) for name in spot.__struct_fields__})
    try:
        return place_of(where, area.places)
    except RefusedInput as wrong:
        raise FieldRefused(field, wrong) from wrong


# --- vehicles, holds, roads


def _put_unit(telling: _Telling, field: str, unit: CaseUnit, case: CaseFile, area: Area) -> None:
    machine = area.aircraft.get(unit.unit)
    if unit.kind == HELICOPTER and machine is None and not case.ways:
        raise refuse(f"{field}.unit", "decide_unknown", value=unit.unit, known=", ".join(sorted(area.aircraft)) or "-")
    place = _place(f"{field}.place", unit.place, area) if unit.place is not None else None
    base = _place(f"{field}.base", unit.base, area) if unit.base is not None else machine.base if machine else place
    if base is None:
        raise refuse(f"{field}.place", "decide_no_place")
    zh, en = unit.name_zh or (machine.name_zh if machine else ""), unit.name_en or (machine.name_en if machine else "")
    telling.tell(field, e.UnitEnrolled(unit.unit, unit.kind, zh or unit.unit, en or unit.unit, "", base))
    if unit.alarmed_at is not None and unit.alarmed_at > telling.at:
        facts = {"value": unit.alarmed_at.isoformat(), "at": telling.at.isoformat()}
        raise refuse(f"{field}.alarmed_at", "decide_future", **facts)
    seen = e.PositionReported(unit.unit, place.lat, place.lon) if place else None
    times = {"unit_assigned": unit.alarmed_at} if unit.alarmed_at is not None else {}
    state = replace(
        telling.picture.units[unit.unit], duty=unit.duty, incident=INCIDENT if unit.for_case else None, position=seen,
        position_at=telling.at if seen else None, times=times,
    )  # fmt: skip
    telling.picture = replace(telling.picture, units={**telling.picture.units, unit.unit: state})


def _put_aboard(telling: _Telling, case: CaseFile) -> None:
    one, picture = case.casualty, telling.picture
    if one.aboard is None:
        return
    _refuse_unknown("casualty.aboard", one.aboard, picture.units)
    carrier = replace(picture.units[one.aboard], aboard=(one.id,))
    telling.picture = replace(
        picture, units={**picture.units, carrier.id: carrier},
        casualties={one.id: replace(picture.casualties[one.id], unit=carrier.id)},
    )  # fmt: skip


def _put_holds(telling: _Telling, case: CaseFile) -> None:
    holds: dict[str, Hold] = {}
    for row, one in enumerate(case.holds):
        field = f"holds[{row}]"
        _refuse_unknown(f"{field}.hospital", one.hospital, telling.picture.hospitals)
        _refuse_unknown(f"{field}.resource", one.resource, _counted())
        if one.slot < 1:
            raise refuse(f"{field}.slot", "decide_impossible", value=one.slot, low=1, high=COUNT_MAX)
        hold = Hold(one.hospital, one.resource, one.slot, one.casualty, one.until, one.elsewhere)
        if hold.key in holds:
            raise refuse(field, "decide_twice", value=hold.key)
        holds[hold.key] = hold
    telling.picture = replace(telling.picture, holds=holds)


def _road(road: CaseRoad) -> e.Event:
    where = {name: getattr(road, name) for name in ("polygon", "ref", "bearing_deg", "until", "km", "edges", "since")}
    if road.speed_kmh is None:
        return e.RoadClosed(road.id, road.reason, **where)
    return e.RoadSlowed(road.id, road.reason, road.speed_kmh, **where)


def _refuse_off_the_map(field: str, picture: Picture, road: CaseRoad, roadmap: Roadmap) -> None:
    try:
        if len(stretch_of(picture.roads[road.id]).arcs(roadmap)) == 0:
            raise RefusedInput("closure_meets_no_road", ref=road.ref or "-", roads=roadmap.name)
    except RefusedInput as wrong:
        raise FieldRefused(field, wrong) from wrong


# --- ways that were timed elsewhere


def _on_ways(case: CaseFile, picture: Picture, area: Area) -> Decision:
    ways = tuple(_way(f"ways[{row}]", way, picture) for row, way in enumerate(case.ways))
    what_ifs = tuple(
        (
            _reason(one.change),
            tuple(_way(f"what_ifs[{n}].ways[{row}]", way, picture) for row, way in enumerate(one.ways)),
        )
        for n, one in enumerate(case.what_ifs)
    )
    onward_s: dict[tuple[str, str], float] = {}
    for row, one in enumerate(case.onward):
        for id in (one.start, one.end):
            _refuse_unknown(f"onward[{row}]", id, picture.hospitals)
        onward_s[(one.start, one.end)] = one.seconds
    if case.unflown and any(way.mode == "air" for way in case.ways):
        raise refuse("unflown", "decide_unflown")
    timed = Timed(ways, what_ifs, onward_s, unflown=tuple(map(_reason, case.unflown)))
    return decide_destination(
        case_of(picture.get_casualty(case.casualty.id)), timed.ways, picture.hospitals, picture.holds.values(),
        _utc(case.at), area.rules.destination, traffic_version=case.traffic_version, roads=case.roads,
        onward_s=timed.onward_s, what_ifs=timed.what_ifs, unflown=timed.unflown,
    )  # fmt: skip


def _way(field: str, way: CaseWay, picture: Picture) -> Way:
    _refuse_unknown(f"{field}.hospital", way.hospital, picture.hospitals)
    spans = {"eta_s": way.eta_s, "eta_low_s": way.eta_low_s, "eta_high_s": way.eta_high_s}
    spans |= {f"terms_s.{name}": value for name, value in way.terms_s.items()}
    for name, value in spans.items():
        if value is not None and not 0 <= value < DAY_S:
            raise refuse(f"{field}.{name}", "decide_impossible", value=f"{value:g}", low=0, high=DAY_S)
    if way.eta_s is not None and way.terms_s and abs(sum(way.terms_s.values()) - way.eta_s) > TERMS_APART_S:
        raise refuse(f"{field}.terms_s", "decide_terms", total=f"{sum(way.terms_s.values()):g}", eta=f"{way.eta_s:g}")
    low_s, high_s = way.eta_low_s, way.eta_high_s
    if way.eta_s is not None and ((low_s or 0.0) > way.eta_s or (high_s is not None and high_s < way.eta_s)):
        raise refuse(f"{field}.eta_s", "decide_range", low=low_s, eta=way.eta_s, high=high_s)
    return Way(
        way.hospital, way.mode, way.eta_s, dict(way.terms_s), way.eta_low_s, way.eta_high_s, way.rendezvous,
        way.aircraft, way.decides, *(tuple(map(_reason, told)) for told in (way.barred, way.detours, way.unsettled)),
    )  # fmt: skip


def _reason(told: Told) -> Reason:
    return Reason(told.code, dict(told.facts))


def _refuse_unknown(field: str, value: str, known: Iterable[str] | Mapping[str, object]) -> None:
    if value not in known:
        raise refuse(field, "decide_unknown", value=value, known=", ".join(known) or "-")


def _utc(at: dt.datetime) -> dt.datetime:
    return at.astimezone(dt.UTC)
