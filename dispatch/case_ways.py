"""Time the ways of one casualty, as it is and as it would be if one thing were different.

What of a way is the same in the supposed world is taken over, not timed again. Who is where, and what drives of many
casualties are asked for together, is dispatch/timing.py's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property, partial
from typing import Any

from msgspec import structs

from casebook.events import Reason
from casebook.picture import CasualtyState, HospitalState, Picture
from casebook.steps import Duty
from dispatch.area import Area
from dispatch.closure_named import name_of
from dispatch.drives import Drives, End
from dispatch.flights import Flights, prepared_for
from dispatch.flown import Flown, Range, range_of_plan, terms_s
from dispatch.judging import Way
from dispatch.needs import case_of, needs_of, rows_for
from dispatch.policy import Policy
from dispatch.seen import lacked
from dispatch.tenths import tenth
from routing.air import Term, Weather, check_weather
from routing.rendezvous import Plan, Question
from routing.roads import Roadmap

MODE_OF_PLAN = {"ground": "road", "air": "air", "rendezvous": "rendezvous"}
NOT_FROM_SCENE, FLOWN_MODES = ("rendezvous",), ("air", "rendezvous")
NO_LANDING_SITE = (Reason("no_landing_site"),)
REASONS_TOLD = 3  # of the refusals of many landing sites
# What a crew has judged by itself once it stands by.
OPEN_WEATHER = (
    "air_ceiling_unknown", "air_visibility_unknown", "air_wind_unknown", "air_night_unknown", "air_dusk_unknown",
)  # fmt: skip
CLEAR = Weather(ceiling_ft=10_000.0, visibility_m=10_000.0, wind_kt=0.0)  # refuses nobody
WhatIfs = tuple[tuple[Reason, tuple[Way, ...]], ...]


@dataclass
class CaseWays:
    """The ways of one casualty who is driven as `drives` say and flown as `asked` states, in one state of the picture.

    `ways`: every hospital by road, then the best flight of each mode or why there is none; without ranges. None by air
    where `unflown` tells it for all of them.
    """

    area: Area
    picture: Picture
    hospitals: Sequence[HospitalState]
    asked: Question
    drives: Drives
    before: CaseWays | None = None  # the same casualty in the real world, where this one is supposed
    ways: tuple[Way, ...] = field(init=False)
    flights: Flights = field(init=False)
    _on_scene_s: float = field(init=False)
    _plans: dict[tuple[str, str], Plan | Flown] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self._on_scene_s = round(self.asked.on_scene_s, 1)
        prepared, to_sites_s = prepared_for(self.area, self.hospitals), self.drives.row_to_sites
        before = self.before
        if before and self.asked is before.asked and to_sites_s.tolist() == before.drives.row_to_sites.tolist():
            self.flights = before.flights  # a road without which every site is reached just so
        else:
            # Nothing of this object: flights that led back to it would wait for the collector.
            self.flights = Flights(prepared, self.asked, to_sites_s, partial(_yet_to_settle, self.picture))
        self.ways = tuple(self._each())

    @property
    def unflown(self) -> tuple[Reason, ...]:
        """Why no aircraft takes the casualty over where they are, whatever the hospital; () where that is asked
        hospital by hospital, or there is nothing to say of flights. In the supposed worlds it is the same."""
        nobody = not self.flights.from_scene and any(self.flights.told(one.id) for one in self.hospitals)
        return NO_LANDING_SITE if nobody else ()

    def _each(self) -> Iterator[Way]:
        by_road, by_air, flown = self._by_road, self._by_air, self.flights.told
        if self.before is not None:
            by_road, by_air = self._by_road_anew, self._by_air_anew
        modes = FLOWN_MODES if self.flights.from_scene else NOT_FROM_SCENE
        for hospital in self.hospitals:
            yield by_road(hospital.id)
            if flown(hospital.id):
                for mode in modes:
                    yield by_air(hospital.id, mode)

    def _by_road_anew(self, hospital: str) -> Way:
        return self._same_as_before(hospital, "road") or self._by_road(hospital)

    def _by_air_anew(self, hospital: str, mode: str) -> Way:
        return self._same_as_before(hospital, mode) or self._by_air(hospital, mode)

    @cached_property
    def _told(self) -> dict[tuple[str, str], Way]:
        return {(way.hospital, way.mode): way for way in self.ways}

    def _same_as_before(self, hospital: str, mode: str) -> Way | None:
        """The way as it really is, where nothing of it is different in the supposed world."""
        before = self.before
        if before is None:
            return None
        way = before._told.get((hospital, mode))
        if mode == "road":
            plain = way is not None and not way.detours and not self.drives.detours(hospital)
            return way if plain and self.drives.to_door(hospital) == before.drives.to_door(hospital) else None
        return way if self.asked is before.asked and self.flights.has_same(before.flights, hospital, mode) else None

    def _by_road(self, hospital: str) -> Way:
        detours, drive_s = self.drives.detours(hospital), self.drives.to_door(hospital)
        if drive_s is None:
            return Way(hospital, "road", barred=(Reason("ground_no_road"),), detours=detours)
        scene_s, drive_s = self._on_scene_s, tenth(drive_s)
        terms = {"on_scene": scene_s, "drive": drive_s}
        if not (scene_s and drive_s):
            terms = {name: span_s for name, span_s in terms.items() if span_s}
        return Way(hospital, "road", tenth(scene_s + drive_s), terms, decides="drive", detours=detours)

    def _by_air(self, hospital: str, mode: str) -> Way:
        timed = self.flights.ways(hospital, mode) or self._built(hospital, mode)
        if timed:
            way, self._plans[hospital, mode] = min(timed, key=_settled_then_soonest) if len(timed) > 1 else timed[0]
            return way
        return Way(hospital, mode, barred=_why_not(self.flights.barred(hospital, mode)))

    def _built(self, hospital: str, mode: str) -> Sequence[tuple[Way, Plan | Flown]]:
        """The flights of which one is the best, as built plans."""
        return [(_way(plan, self.picture), plan) for plan in self.flights.plans(hospital, mode)]

    def drive_of(self, way: Way) -> End | None:
        """Where the drive of one of `ways` ends; None where nobody drives."""
        return None if way.mode == "air" else End(way.hospital, way.rendezvous)

    def range_s(self, way: Way, drive_s: Range | None) -> Range:
        """p10 and p90 at the door by one of `ways`, all its terms moving together (routing/air/spread.py), given those
        of its drive."""
        if way.mode != "road":
            plan = self._plans[way.hospital, way.mode]
            return plan.range_s(drive_s) if isinstance(plan, Flown) else range_of_plan(plan, drive_s)
        scene_s, likely_s = self.asked.on_scene_s, self.drives.to_door(way.hospital)
        assert likely_s is not None and self.asked.on_scene_range_s is None, "a way that was timed has a drive"
        low_s, high_s = drive_s or (likely_s, likely_s)
        return scene_s + min(low_s, likely_s), scene_s + max(high_s, likely_s)

    def what_ifs(self, roadmap: Roadmap) -> WhatIfs:
        """The same with each closure lifted that costs somebody time, with a scene that is clear for a hoist, by day,
        in flying weather, and with each busy aircraft free."""
        told: list[tuple[Reason, tuple[Way, ...]]] = []
        for id in self.drives.closed:
            opened = Reason("change.road_reopened", {"closure": id, "road": name_of(roadmap, self.picture.roads[id])})
            told.append((opened, self._supposed(self.asked, self.drives.with_open(id)).ways))
        for change, then in _skies(self.asked, meets_dusk=self.flights.meets_dusk):
            told.append((change, self._supposed(then, self.drives).ways))
        return tuple(told)

    def _supposed(self, asked: Question, drives: Drives) -> CaseWays:
        return CaseWays(self.area, self.picture, self.hospitals, asked, drives, before=self)


def able_hospitals(
    hospitals: Sequence[HospitalState], casualty: CasualtyState, policy: Policy, now: datetime
) -> set[str]:
    """The hospitals that have what is surely demanded: likely those that could be taken."""
    case = case_of(casualty)
    must = needs_of(case, policy, rows_for(case, policy, now), ()).must
    return {one.id for one in hospitals if not lacked(must, one.capabilities)[0]}


class Ranges:
    """p10 and p90 of a casualty's ways, by their plans; each drive is asked for once, those asked for together in one
    pass."""

    def __init__(self, case: CaseWays) -> None:
        self._case = case
        self._known: dict[tuple[str, str], Way] = {}

    def ask(self, ways: Sequence[Way]) -> None:
        new = [way for way in ways if way.eta_s is not None and (way.hospital, way.mode) not in self._known]
        ends = [self._case.drive_of(way) for way in new]
        drives_s = iter(self._case.drives.ranges_s([end for end in ends if end is not None]))
        for way, end in zip(new, ends, strict=True):
            low_s, high_s = self._case.range_s(way, None if end is None else next(drives_s))
            self._known[way.hospital, way.mode] = between(way, low_s, high_s)

    def __call__(self, ways: Sequence[Way]) -> Sequence[Way]:
        self.ask(ways)
        return [self._known.get((way.hospital, way.mode), way) for way in ways]


def _skies(asked: Question, *, meets_dusk: bool) -> Iterator[tuple[Reason, Question]]:
    """The same question with a scene that somebody has found clear for a hoist, by day, in weather that nobody is
    refused by, with each aircraft that is busy free.

    Only what could make a difference: not the day while night is far, not the weather while it is fine for all.
    """
    if asked.scene is not None and not asked.scene_clear:
        yield Reason("change.scene_clear"), replace(asked, scene_clear=True)
    if asked.aircraft and (asked.night or meets_dusk):
        yield Reason("change.daylight"), replace(asked, night=False, daylight_left_s=None)
    fine = all(check_weather(asked.weather, one, night=asked.night).allowed for one in asked.aircraft)
    if asked.aircraft and (meets_dusk or not fine):
        yield Reason("change.weather"), replace(asked, weather=CLEAR)
    for busy in asked.aircraft:
        if busy.status == "unavailable":
            free = [replace(one, status="at_base") if one is busy else one for one in asked.aircraft]
            yield Reason("change.aircraft_freed", {"aircraft": busy.id}), replace(asked, aircraft=free)


def between(way: Way, low_s: float, high_s: float) -> Way:
    """Rounding never puts the likely time outside its range."""
    assert way.eta_s is not None
    return structs.replace(way, eta_low_s=min(tenth(low_s), way.eta_s), eta_high_s=max(tenth(high_s), way.eta_s))


def _settled_then_soonest(timed: tuple[Way, Plan | Flown]) -> tuple[Any, ...]:
    way, _ = timed
    return bool(way.unsettled), way.eta_s, way.rendezvous or "", way.aircraft or ""


def _why_not(reasons: Iterable[Reason]) -> tuple[Reason, ...]:
    """The first distinct reasons, few enough to read."""
    found: list[Reason] = []
    for reason in reasons:
        if reason not in found:
            found.append(reason)
        if len(found) == REASONS_TOLD:
            break
    return tuple(found) or NO_LANDING_SITE


def _way(plan: Plan, picture: Picture) -> Way:
    """A plan as the patient lives it: to the meeting, the wait for the aircraft, then on to the door."""
    wait = (Term("wait_for_aircraft", plan.wait_s),) if plan.wait_s > 0 else ()
    terms = terms_s(plan.ground_arm + wait + plan.after)
    return Way(
        hospital=plan.hospital,
        mode=MODE_OF_PLAN[plan.mode],
        eta_s=tenth(sum(terms.values(), 0.0)),  # a casualty at the door: 0.0, as the log will have it
        terms_s=terms,
        rendezvous=plan.site.id if plan.site else None,
        aircraft=plan.aircraft.id if plan.aircraft else None,
        decides=plan.decides,
        unsettled=_yet_to_settle(picture, plan.aircraft.id if plan.aircraft else "", plan.unknown),
    )


def _yet_to_settle(picture: Picture, aircraft: str, reasons: Sequence[Reason]) -> tuple[Reason, ...]:
    """A crew that stands by or already flies has judged the weather; nobody else has."""
    unit = picture.units.get(aircraft)
    judged = unit is not None and unit.duty is not Duty.AVAILABLE
    return tuple(reason for reason in reasons if not (judged and reason.code in OPEN_WEATHER))
