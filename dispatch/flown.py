"""Tell single flights of a question as ways: term by term the numbers of a built plan, without building it.

Nearly all that a flight consists of is the same for every hospital that is reached from one meeting, or for every way
to one pad; only the cruise belongs to the pair. Which flights are worth telling is dispatch/flights.py's.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import fsum
from typing import NamedTuple

from casebook.events import Reason
from dispatch.judging import Way
from dispatch.tenths import tenth
from routing.air import QUANTILES, Flight, Term, term, to_the_door, total_s
from routing.rendezvous.comparing import End, Sortie, Start
from routing.rendezvous.plan import Plan, air_decides, range_of
from routing.rendezvous.question import given

Range = tuple[float, float]
Three = tuple[float, float, float]  # at p10, p50 and p90


class Meeting(NamedTuple):
    """One aircraft and where it takes the patient over. `scene_s`, `air_s`: until the ambulance leaves the scene, and
    until the aircraft is there; `taken_s`: then until the patient is on board, loaded or by hoist; `told`: the terms
    until then, as the patient lives them, and their sum `told_s`. `unknown`: of the machine and the place."""

    aircraft: str
    site: str | None
    mode: str
    told: dict[str, float]
    told_s: float
    scene_s: Three
    drive_s: float | None
    air_s: Three
    taken_s: Three
    decides: str
    unknown: tuple[Reason, ...]

    def met_s(self, quantile: int, drive_s: float | None) -> float:
        """When both are there, with so long a drive; `quantile`: its row in QUANTILES."""
        ground_s = self.scene_s[quantile] if drive_s is None else fsum((self.scene_s[quantile], drive_s))
        return max(ground_s, self.air_s[quantile])


class Landing(NamedTuple):
    """One aircraft and where it lands for a hospital: all terms once the patient is on board but the cruise, which
    stands in `told` to keep its place; `told_s`: their sum."""

    told: dict[str, float]
    told_s: float
    rest_s: tuple[tuple[float, ...], ...]  # in the order of QUANTILES
    speeds_kmh: Three


class Flown(NamedTuple):
    """How one way is flown: what its range follows from."""

    meeting: Meeting
    landing: Landing
    length_m: float  # between them

    def range_s(self, drive_s: Range | None) -> Range:
        """p10 and p90 at the door, all terms moving together; `drive_s`: those of the drive to the meeting."""
        meeting, taken_s, rest_s = self.meeting, self.meeting.taken_s, self.landing.rest_s
        metres, (fast_kmh, likely_kmh, slow_kmh) = self.length_m * 3.6, self.landing.speeds_kmh
        quick_s, slow_s = drive_s or (meeting.drive_s, meeting.drive_s)
        low_s = fsum((taken_s[0], *rest_s[0], metres / fast_kmh)) + meeting.met_s(0, quick_s)
        likely_s = fsum((taken_s[1], *rest_s[1], metres / likely_kmh)) + meeting.met_s(1, meeting.drive_s)
        high_s = fsum((taken_s[2], *rest_s[2], metres / slow_kmh)) + meeting.met_s(2, slow_s)
        return min(low_s, likely_s), max(high_s, likely_s)


def meeting_of(sortie: Sortie, start: Start, unknown: tuple[Reason, ...]) -> Meeting:
    ground_arm, air_arm = sortie.arms(start)
    scene, air_s, taken = ground_arm[0], _thrice(air_arm), sortie.taken(start)
    drive_s = ground_arm[1].seconds if len(ground_arm) > 1 else None
    wait_s = air_s[1] - total_s(ground_arm)
    if wait_s > 0:
        told = terms_s((*ground_arm, Term("wait_for_aircraft", wait_s), taken))
        decides = air_decides(air_arm)
    else:
        told, decides = terms_s((*ground_arm, taken)), "on_scene" if drive_s is None else "drive"
    site = start.site.id if start.site else None
    return Meeting(
        sortie.aircraft.id, site, start.mode, told, sum(told.values()), _ends(scene), drive_s, air_s, _ends(taken),
        decides, unknown,
    )  # fmt: skip


def landing_of(sortie: Sortie, end: End) -> Landing | None:
    """None where more than distance decides: where somebody has to secure the pad, or a second ambulance to come."""
    if end.site.secure is not None or end.carry_on is not None:
        return None
    times, flight = sortie.question.times, sortie.flight
    unloading = term("unloading", times.spread("unloading"))
    before, after = (flight.climb(),), (flight.approach(), unloading, to_the_door(end.site, times))
    told = terms_s(before) | {"cruise": 0.0} | terms_s(after)
    rest_s = tuple(tuple(one.at(quantile) for one in (*before, *after)) for quantile in QUANTILES)
    return Landing(told, sum(told.values()), rest_s, speeds_kmh(flight))


def speeds_kmh(flight: Flight) -> Three:
    """Over ground, in the order of QUANTILES."""
    low, likely, high = (flight.speed_kmh(quantile) for quantile in QUANTILES)
    return low, likely, high


def _ends(one: Term) -> Three:
    return one.at("p10"), one.seconds, one.at("p90")


def _thrice(terms: Sequence[Term]) -> Three:
    low_s, likely_s, high_s = (total_s(terms, quantile) for quantile in QUANTILES)
    return low_s, likely_s, high_s


def flown(
    meeting: Meeting, landing: Landing, length_m: float, hospital: str, unsettled: tuple[Reason, ...] = ()
) -> tuple[Way, Flown]:
    """The way that these make, with `length_m` of flight between them."""
    told = meeting.told | landing.told
    if cruise_s := tenth(length_m * 3.6 / landing.speeds_kmh[1]):
        told["cruise"] = cruise_s
    else:
        del told["cruise"]
    eta_s = tenth(meeting.told_s + cruise_s + landing.told_s)  # of whole tenths, so in whichever order
    way = Way(
        hospital, meeting.mode, eta_s, told, rendezvous=meeting.site, aircraft=meeting.aircraft,
        decides=meeting.decides, unsettled=unsettled,
    )  # fmt: skip
    return way, Flown(meeting, landing, length_m)


def range_of_plan(plan: Plan, drive_s: Range | None) -> Range:
    """The same of a built plan."""
    drive = [given(one.name, one.seconds, drive_s) if one.name == "drive" else one for one in plan.ground_arm]
    return range_of((tuple(drive), plan.air_arm), plan.after)


def terms_s(terms: Sequence[Term]) -> dict[str, float]:
    """Seconds by cause to 0.1, in order; terms of the same name are added up, empty ones left out."""
    told: dict[str, float] = {}
    for one in terms:
        told[one.name] = tenth(told.get(one.name, 0.0) + one.seconds)
    return told if all(span_s > 0 for span_s in told.values()) else {n: s for n, s in told.items() if s > 0}
