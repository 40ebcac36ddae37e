"""Compare the ways to one hospital's door: by road, by air from the scene, or both with a rendezvous between.

Pure, given the driving times: routing/rendezvous/driving.py asks the road map for them. The clock starts at the
decision. A plan's arms and terms add up to its time. Choosing the hospital is left to dispatch.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from casebook.events import Reason
from casebook.place import Place
from routing.air import (
    Aircraft,
    Check,
    Flight,
    LandingSite,
    Spread,
    Term,
    check_aircraft,
    check_hoist,
    check_site,
    check_weather,
    term,
    to_the_door,
    total_s,
    wait_terms,
)
from routing.air.checks import FINE, refuse, unknown
from routing.rendezvous.plan import Arms, Comparison, Mode, Plan, Refusal, ends_at, rank
from routing.rendezvous.question import CarryOn, Question, given

KEPT_FLIGHTS = 64  # machines, each in some state, under some sky


class Start(NamedTuple):
    """Where the aircraft takes the patient over; `site` None: it lifts them from the scene by hoist."""

    mode: Mode
    place: Place
    site: LandingSite | None


class End(NamedTuple):
    """Where the aircraft lands for the hospital; `carry_on`: a second ambulance goes on from there."""

    site: LandingSite
    carry_on: CarryOn | None


def compare(question: Question) -> Comparison:
    """Every possible plan, ranked by the time at the door; ties by mode, site and aircraft, so the order is fixed."""
    outcomes = [ground(question), *_by_air(question)]
    plans = [outcome for outcome in outcomes if isinstance(outcome, Plan)]
    refused = tuple(outcome for outcome in outcomes if isinstance(outcome, Refusal))
    return Comparison(tuple(sorted(plans, key=rank)), refused, question.incident_s_ago)


def ground(question: Question) -> Plan | Refusal:
    if question.drive_to_door_s is None:
        return Refusal("ground", question.hospital, (Reason("ground_no_road"),))
    drive = given("drive", question.drive_to_door_s, question.drive_to_door_range_s)
    return driven(question.hospital, question.on_scene_term(), drive)


def driven(hospital: str, on_scene: Term, drive: Term) -> Plan:
    """The plan by road."""
    return Plan("ground", hospital, (on_scene, drive))


def starts(question: Question) -> list[Start]:
    return [*(Start("rendezvous", site.place, site) for site in question.sites), *own_starts(question)]


def own_starts(question: Question) -> list[Start]:
    """At the scene: those that only this casualty has."""
    found: list[Start] = []
    if question.scene_landing:
        found.append(Start("air", question.scene_landing.place, question.scene_landing))
    if question.scene:
        found.append(Start("air", question.scene, None))
    return found


def ends(question: Question) -> list[End]:
    pads = [End(question.pad, None)] if question.pad else []
    return [*pads, *(End(one.site, one) for one in question.onward)]


def _by_air(question: Question) -> Iterator[Plan | Refusal]:
    """One outcome per aircraft, place to meet and place to land; one refusal for all when there is no place to land."""
    landings = ends(question)
    if question.aircraft and not landings:
        yield Refusal("rendezvous", question.hospital, (Reason("air_no_pad"),))
        return
    for aircraft in question.aircraft:
        sortie = Sortie.of(question, aircraft)
        if sortie.check.refused:
            yield Refusal("rendezvous", question.hospital, sortie.check.refused, aircraft=aircraft)
            continue
        possible: list[tuple[End, Check]] = []
        for end in landings:
            check = sortie.check_end(end)
            if check.refused:
                yield Refusal("rendezvous", question.hospital, check.refused, end.site, aircraft)
            else:
                possible.append((end, check))
        if possible:
            for start in starts(question):
                yield from _from_start(sortie, start, possible)


def _from_start(sortie: Sortie, start: Start, possible: list[tuple[End, Check]]) -> Iterator[Plan | Refusal]:
    check = sortie.check_start(start)
    if check.refused:
        yield Refusal(start.mode, sortie.question.hospital, check.refused, start.site, sortie.aircraft)
        return
    for end, end_check in possible:
        yield sortie.outcome(start, end, check.also(end_check))


def _looked_at(question: Question, aircraft: Aircraft) -> tuple[Flight, Check, tuple[Term, ...]]:
    """How it flies, whether it goes and the terms until it may: the same whomever it is to carry, and so kept."""
    times, weather, night, load_kg = question.times, question.weather, question.night, question.load_kg
    key = (id(aircraft), id(times), id(weather), night, load_kg)
    found = _kept.get(key)
    if found is None:
        check = check_aircraft(aircraft, night=night, load_kg=load_kg)
        check = check.also(check_weather(weather, aircraft, night=night))
        flight = Flight(aircraft, times, weather, night)
        found = _kept[key] = flight, check, flight.ready_terms()
        while len(_kept) > KEPT_FLIGHTS:
            _kept.popitem(last=False)
    return found


# By identities, for to hash a machine takes as long as to look at it; the flight holds what they are of.
_kept: OrderedDict[Any, tuple[Flight, Check, tuple[Term, ...]]] = OrderedDict()


@dataclass(frozen=True)
class Sortie:
    """One aircraft asked to carry this casualty.

    `check`: whether it flies at all, wherever it lands. `ready`: the terms until it may leave the ground.
    """

    question: Question
    aircraft: Aircraft
    flight: Flight
    check: Check
    ready: tuple[Term, ...]

    @classmethod
    def of(cls, question: Question, aircraft: Aircraft) -> Sortie:
        return cls(question, aircraft, *_looked_at(question, aircraft))

    def check_start(self, start: Start) -> Check:
        question = self.question
        if start.site is None:
            return check_hoist(self.aircraft, question.weather, night=question.night, clear=question.scene_clear)
        check = check_site(start.site, self.aircraft, night=question.night)
        if start.mode == "rendezvous" and question.drive_to_site_s.get(start.site.id) is None:
            check = check.also(refuse("air_no_road", **start.site.named))
        return check

    def check_end(self, end: End) -> Check:
        check = check_site(end.site, self.aircraft, night=self.question.night)
        if end.carry_on is None:
            return check
        if end.carry_on.drive_s is None:
            check = check.also(refuse("air_no_road_on", **end.site.named))
        return (
            check.also(unknown("air_no_second_ambulance", **end.site.named)) if end.carry_on.there_s is None else check
        )

    def outcome(self, start: Start, end: End, check: Check, hospital: str | None = None) -> Plan | Refusal:
        """The plan from this start to this end; a refusal where night would overtake it. `hospital`: None = the
        question's."""
        arms, hospital = self.arms(start), self.question.hospital if hospital is None else hospital
        flown = self._flown_terms(start, end, arms)
        dusk = self._check_dusk(arms, flown)
        if dusk.refused:
            return Refusal(start.mode, hospital, dusk.refused, start.site, self.aircraft)
        return Plan(
            start.mode,
            hospital,
            *arms,
            flown + self._door_terms(end, arms, flown),
            start.site,
            self.aircraft,
            self.check.also(check).unknown + dusk.unknown,
            end.site,
            end.carry_on,
            hoist=start.site is None,
        )

    def arms(self, start: Start) -> Arms:
        """Both until they meet; many hospitals are reached from one meeting."""
        key = start.mode, start.site.id if start.site else start.place
        if key not in self._kept:
            self._kept[key] = self._ground_arm(start), self._air_arm(start)
        return self._kept[key]

    @cached_property
    def _kept(self) -> dict[Any, Arms]:
        return {}

    def taken(self, start: Start) -> Term:
        """Until the patient is on board: loaded, or lifted where nobody lands."""
        return self._hoist if start.site is None else self._loading

    @cached_property
    def _hoist(self) -> Term:
        return term("hoist", self.question.times.spread("hoist"))

    @cached_property
    def _loading(self) -> Term:
        return term("loading", self.question.times.spread("loading"))

    @cached_property
    def _unloading(self) -> Term:
        return term("unloading", self.question.times.spread("unloading"))

    @cached_property
    def _on_scene(self) -> Term:
        return self.question.on_scene_term()

    def _ground_arm(self, start: Start) -> tuple[Term, ...]:
        on_scene = self._on_scene
        if start.mode == "air" or start.site is None:
            return (on_scene,)
        drive_s = self.question.drive_to_site_s[start.site.id]
        assert drive_s is not None
        return on_scene, given("drive", drive_s, self.question.drive_to_site_range_s.get(start.site.id))

    def _air_arm(self, start: Start) -> tuple[Term, ...]:
        above = self.ready + self.flight.leg_terms(self.aircraft.here, start.place, climbs=not self.flight.flies)
        if start.site is None:
            return above
        return above + self.flight.landing_terms(start.site, above, self._secured_s_ago(start.site))

    def _flown_terms(self, start: Start, end: End, arms: Arms) -> tuple[Term, ...]:
        """From the meeting to the ground at the hospital's pad."""
        leg = (self.taken(start), *self.flight.leg_terms(start.place, end.site.place))
        if end.site.secure is None:
            return leg + self.flight.landing_terms(end.site, ())
        before = (joined(arms), *leg)
        return leg + self.flight.landing_terms(end.site, before, self._secured_s_ago(end.site))

    def _door_terms(self, end: End, arms: Arms, flown: tuple[Term, ...]) -> tuple[Term, ...]:
        """From the pad to the door: on foot, or with a second ambulance that may be late."""
        unloading = self._unloading
        if end.carry_on is None:
            return unloading, to_the_door(end.site, self.question.times)
        there_s = end.carry_on.there_s or 0.0
        before = (joined(arms), *flown, unloading)
        waits = wait_terms("wait_for_second_ambulance", Spread(there_s, there_s, there_s), before)
        assert end.carry_on.drive_s is not None
        drive = given("onward_drive", end.carry_on.drive_s, end.carry_on.drive_range_s)
        return unloading, *waits, term("transfer", self.question.times.spread("transfer")), drive

    def _check_dusk(self, arms: Arms, flown: tuple[Term, ...]) -> Check:
        """A machine that does not fly by night has to be down before it begins, also on a slow day."""
        left_s, able = self.question.daylight_left_s, self.aircraft.night_capable
        if left_s is None or self.question.night or able or ends_at(arms, flown, "p90") <= left_s:
            return FINE
        facts = self.aircraft.named | {"left_min": round(left_s / 60, 1)}
        return unknown("air_dusk_unknown", **facts) if able is None else refuse("air_dusk", **facts)

    def _secured_s_ago(self, site: LandingSite) -> float:
        return self.question.securing_s_ago.get(site.id, 0.0)


def joined(arms: Arms) -> Term:
    """Both arms until they meet, as one term."""
    low_s, likely_s, high_s = (max(total_s(arm, quantile) for arm in arms) for quantile in ("p10", "p50", "p90"))
    return Term("meeting", likely_s, low_s, high_s)
