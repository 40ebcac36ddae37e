"""A crash like the G60's, small enough to compute by hand, played through a real book on a jump clock.

Every number below is seconds after the crash. Ambulance A01 finds five casualties and carries A to the meeting, where
helicopter H01 takes over; A02 carries B; C and E are closed at the scene, D is only destined.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from casebook import events as e
from casebook.book import Book, Row
from casebook.casualty import Category, Findings, Pathway
from casebook.clock import JumpClock
from casebook.events import Decision, Leg, Option, Reason, Rejection
from casebook.log import By, Entry, MemoryLog
from casebook.place import Place, between
from scenarios.format import Expectation, Scenario
from scenarios.player import Played
from scenarios.report import Watched, make_report

START = datetime(2021, 4, 18, 1, 30, tzinfo=UTC)
CENTRE, COUNTY = "centre", "county"
SCENE = Place(30.8636, 121.0003, "枫泾以西", "west of Fengjing")
SITE = Place(30.8988, 121.0374, "枫泾服务区", "Fengjing service area")
DOOR, TOWN = Place(31.036, 121.236), Place(30.826, 120.93)
DISPATCHER, DIRECTOR, WARD = By("dispatcher", "dispatcher"), By("director", "director"), By("ed", CENTRE)
GROUND_S, GROUND_OPEN_S = 3700.0, 2100.0
SUMMARY = "两车追尾 two cars"

ROAD_CLOSED = Reason(
    "closure", {"closure": "works", "road": "G60", "reason": "works", "cost_s": 1500, "cost_min": 25.0}
)
SLOWER = Reason("time", {"slower_s": 1900, "slower_min": 31.7})
FASTER = Reason("faster", {"faster_s": 1900, "faster_min": 31.7})
TERMS_S = {
    "on_scene": 240.0, "drive": 210.0, "wait_for_aircraft": 60.0, "loading": 180.0, "cruise": 500.0, "pad_to_ed": 190.0,
}  # fmt: skip
CHOSEN = Option(
    CENTRE, "rendezvous", 1380.0, TERMS_S, rendezvous="site", aircraft="H01", decides="flight", reasons=(FASTER,)
)
REJECTED = (
    Rejection(CENTRE, "road", 3280.0, (ROAD_CLOSED, SLOWER), terms_s={"on_scene": 240.0, "drive": 3040.0}),
    Rejection(COUNTY, "road", 880.0, (Reason("capability", {"missing": ["trauma_centre"]}),)),
    Rejection("", "air", None, (Reason("no_landing_site"),)),
)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def leg(start: Place, to: Place, eta_s: float, mode: str = "road") -> Leg:
    return Leg(to, ((start.lon, start.lat, 0.0), (to.lon, to.lat, eta_s)), 5000.0, eta_s, mode=mode)


class Case:
    """The book and everybody who writes in it."""

    def __init__(self, summary: str = SUMMARY) -> None:
        self.clock = JumpClock(START)
        self.book = Book(MemoryLog(), self.clock)
        self.summary = summary
        self._sent: dict[str, int] = {}

    async def say(self, seconds: float, *facts: e.Event, by: By = DISPATCHER) -> None:
        """The desk, the ward or the director say what happened at this second."""
        await self.clock.sleep_until(at(seconds))
        await self.book.write(lambda picture: facts, by)

    async def crew(self, unit: str, seconds: float, *facts: e.Event, stored: float | None = None) -> None:
        """A vehicle's facts of this second; `stored`: when they reach the book, a break of the link later."""
        await self.clock.sleep_until(at(seconds if stored is None else stored))
        rows: list[Row] = []
        for fact in facts:
            self._sent[unit] = self._sent.get(unit, 0) + 1
            rows.append(Row(self._sent[unit], at(seconds), fact.name, e.encode(fact)))
        assert await self.book.take_rows(unit, "epoch", rows) == self._sent[unit]


async def play(case: Case) -> list[Entry]:
    await _set_stage(case)
    await _out(case)
    await _at_the_scene(case)
    await _to_the_meeting(case)
    await _to_the_door(case)
    await _the_others(case)
    return list(case.book.log.read())


async def _set_stage(case: Case) -> None:
    pad = Place(31.037, 121.237)
    await case.say(
        0,
        e.DrillStarted("small_g60", 7, 1.0, "region"),
        e.HospitalEnrolled(CENTRE, "创伤中心(松江)", "Trauma centre", DOOR, ("trauma_centre",), 1, pad=pad),
        e.HospitalEnrolled(COUNTY, "县医院", "County hospital", TOWN, ("ct",)),
        e.UnitEnrolled("A01", "ambulance_5g", "一号车", "Ambulance 1", "songjiang", SITE),
        e.UnitEnrolled("A02", "ambulance", "二号车", "Ambulance 2", "jiashan", TOWN),
        e.UnitEnrolled("H01", "helicopter", "直升机", "Helicopter", "songjiang", DOOR),
        e.CapacityReported(CENTRE, "resus_bay", 2, 6, "scenario"),
    )
    polygon = ((121.04, 30.89), (121.20, 31.01), (121.20, 31.03), (121.03, 30.91))
    await case.say(5, e.RoadClosed("works", "道路施工 works", polygon, "G60", 45.0))


async def _out(case: Case) -> None:
    opened = e.IncidentOpened("I1", SCENE, "traffic", 1, "110", case.summary, happened_at=START, drill=True)
    await case.say(15, opened, e.AgencyLinked("I1", "110"))
    await case.say(60, e.UnitAssigned("A01", "I1", leg=leg(SITE, SCENE, 200)))
    await case.crew("A01", 65, e.UnitAcknowledged("A01"))
    await case.crew("A01", 70, e.UnitEnRoute("A01"))
    await case.say(90, e.TaskOpened("T1", "I1", "cross_district", "jiashan", at(270)))
    await case.say(110, e.TaskApproved("T1", "jiashan"), by=DIRECTOR)
    await case.say(115, e.UnitOnStandby("H01", "I1"))
    await case.say(120, e.UnitAssigned("A02", "I1", leg=leg(TOWN, SCENE, 300)))
    await case.crew("A02", 180, e.UnitEnRoute("A02"))
    for seconds in range(70, 271, 20):
        await drive(case, "A01", seconds, SITE, SCENE, 70, 270)


async def drive(case: Case, unit: str, seconds: float, start: Place, end: Place, left: float, there: float) -> None:
    place = between(start, end, (seconds - left) / (there - left))
    await case.crew(unit, seconds, e.PositionReported(unit, round(place.lat, 6), round(place.lon, 6)))


async def vitals(case: Case, unit: str, seconds: float, hr: float, stored: float | None = None) -> None:
    sample = {
        "hr_bpm": hr,
        "spo2_pct": 92,
        "rr_bpm": 28,
        "sbp_mmhg": 88,
        "dbp_mmhg": 54,
        "nibp_at": at(285).isoformat(),
    }
    fact = e.VitalsRecorded("I1-A", unit, sample)
    await case.crew(unit, seconds, fact, stored=stored)


async def _at_the_scene(case: Case) -> None:
    await case.crew("A01", 275, e.UnitOnScene("A01"))
    await case.crew("A01", 280, e.CasualtyFound("I1-A", "I1", "A", 42, "m"))
    await case.crew("A01", 285, e.UnitAtPatient("A01", "I1-A"))
    await vitals(case, "A01", 290, 126, stored=292)
    for seconds in range(295, 310, 5):
        await vitals(case, "A01", seconds, 127)
    await case.crew("A01", 310, e.CasualtyTriaged("I1-A", "start", Category.RED, "crew"))
    findings = Findings(concern="失血性休克 shock", pathway=Pathway.TRAUMA, needs=("trauma_centre",))
    await case.crew("A01", 330, e.FindingsRecorded("I1-A", findings))
    await case.crew("A01", 340, e.DestinationRequested("I1-A", "A01"))
    decision = Decision((CHOSEN,), REJECTED, "inputs", "destination@2026-01-01", "works", "roads")
    await case.say(341, e.DestinationProposed("I1-A", decision))
    await case.say(
        360,
        e.DestinationChosen("I1-A", CHOSEN, REJECTED),
        e.HoldPlaced("I1-A", CENTRE, "resus_bay", 1, at(4000)),
        e.LegGiven("A01", "landing_site", leg(SCENE, SITE, 210)),
        e.UnitAssigned("H01", "I1", "rendezvous", leg(DOOR, SITE, 420, "air")),
        e.PrealertSent("I1-A", CENTRE, at(420), at(1740), 1),
    )
    await case.crew("H01", 370, e.UnitEnRoute("H01"))
    await case.say(380, e.PrealertAcknowledged("I1-A", CENTRE, "nurse"), by=WARD)
    await case.say(385, e.BayAssigned("I1-A", CENTRE, "R1"), by=WARD)
    await case.say(390, e.TeamActivated("I1-A", CENTRE, "trauma", 1, ("trauma_leader",)), by=WARD)
    await case.say(395, e.MessageSent("M1", "I1-A", CENTRE, "左侧减压 decompress left", order=True), by=WARD)
    for number, label in enumerate("BCDE"):
        await case.crew("A01", 400 + 2 * number, e.CasualtyFound(f"I1-{label}", "I1", label))
    await case.crew("A01", 420, e.MessageRead("M1", "crew", "左侧减压 decompress left"))
    for label, category in zip("BCE", (Category.YELLOW, Category.GREEN, Category.BLACK), strict=True):
        await case.crew("A01", 430, e.CasualtyTriaged(f"I1-{label}", "start", category, "crew"))


async def _to_the_meeting(case: Case) -> None:
    await case.say(590, e.TeamMemberReported("I1-A", CENTRE, "trauma_leader", "ready"), by=WARD)
    await case.crew("A01", 600, e.CasualtyBoarded("I1-A", "A01"))
    await case.crew("A01", 630, e.UnitLeftScene("A01"))
    for seconds in range(640, 690, 10):  # the link is down: sampled, and stored in order once it is back
        await vitals(case, "A01", seconds, 130, stored=705)
    for seconds in range(710, 841, 10):
        await drive(case, "A01", seconds, SCENE, SITE, 630, 840)
    await case.crew("H01", 800, e.PositionReported("H01", SITE.lat, SITE.lon), e.UnitAtLandingSite("H01", "site"))
    await case.crew("A01", 840, e.UnitAtLandingSite("A01", "site"))
    await case.crew("A01", 870, e.CasualtyTransferred("I1-A", "A01", "H01", "site"))


async def _to_the_door(case: Case) -> None:
    await case.say(880, e.LegGiven("H01", "hospital", leg(SITE, DOOR, 480, "air")))
    await case.crew("H01", 1000, e.UnitLeftScene("H01"))
    for seconds in range(1000, 1501, 20):
        await drive(case, "H01", seconds, SITE, DOOR, 1000, 1500)
        await vitals(case, "H01", seconds, 118 + (seconds == 1240) * 20)
    await case.crew("A01", 1100, e.UnitBackInService("A01"))
    await case.crew("H01", 1500, e.UnitAtDestination("H01", CENTRE))
    await case.crew("H01", 1680, e.CasualtyArrived("I1-A", CENTRE, "H01"))
    await case.crew("H01", 1690, e.HandoverStarted("I1-A", CENTRE))
    await case.crew("H01", 1720, e.HandoverSigned("I1-A", "crew", "crew"))
    await case.say(1730, e.HandoverSigned("I1-A", "hospital", "nurse"), e.HandoverCompleted("I1-A", CENTRE), by=WARD)
    await case.crew("H01", 1790, e.UnitBackInService("H01"))


async def _the_others(case: Case) -> None:
    """Told late, as a vehicle without signal tells it: the instants are those of the drill, the book hears them now."""
    told = 1800
    to_county = Option(COUNTY, "road", 800.0, {"drive": 800.0})
    await case.crew("A02", 500, e.UnitOnScene("A02"), stored=told)
    await case.say(told, e.DestinationChosen("I1-B", to_county), e.DestinationChosen("I1-D", to_county))
    await case.crew("A02", 620, e.CasualtyBoarded("I1-B", "A02"), stored=told)
    await case.crew("A02", 640, e.UnitLeftScene("A02"), stored=told)
    await case.crew("A02", 1400, e.UnitAtDestination("A02", COUNTY), stored=told)
    await case.crew("A02", 1410, e.CasualtyArrived("I1-B", COUNTY, "A02"), stored=told)
    await case.crew("A02", 1420, e.HandoverStarted("I1-B", COUNTY), stored=told)
    await case.crew("A02", 1430, e.HandoverSigned("I1-B", "crew", "crew"), stored=told)
    signed = e.HandoverSigned("I1-B", "hospital", "nurse"), e.HandoverCompleted("I1-B", COUNTY)
    await case.say(told, *signed, by=By("ed", COUNTY))
    await case.crew("A02", 1900, e.CasualtyClosed("I1-C", "treated"), e.CasualtyClosed("I1-E", "died"))


def played(summary: str = SUMMARY) -> list[Entry]:
    """The whole log."""
    case = Case(summary)
    return asyncio.run(case.clock.run(play(case)))


def expected(name: str, value: str, **bounds: Any) -> Expectation:
    return Expectation({"zh": f"要{name}", "en": name}, value, **bounds)


EXPECTED = (
    expected("first data", "clocks_s.incident_to_first_data", at_most=300, source="9:30 -> 9:35"),
    expected("meeting", "moments_s.casualty_transferred", at_least=780, at_most=1020, source="9:45"),
    expected("door", "clocks_s.incident_to_door", at_least=1500, at_most=1860, source="9:58"),
    expected("saved", "clocks_s.saved", at_least=1800),
    expected("hospital", "decision.hospital", equals=CENTRE),
    expected("lost", "vitals.lost", at_most=0),
)


def scenario(*expectations: Expectation, title: Mapping[str, str] | None = None) -> Scenario:
    """As much of a scenario as a report looks at."""
    return Scenario(
        id="small_g60", title=title or {"zh": "小型演练", "en": "Small drill"}, about={"zh": "", "en": ""},
        region=cast(Any, None), starts_at=START, lasts_s=3600, seed=7, severe="A",
        assumptions=({"zh": "日期是假设的。", "en": "The date is assumed."},), units=(), casualties=(), capacity={},
        steps=(), expectations=expectations or EXPECTED,
    )  # fmt: skip


def reported(
    entries: list[Entry], *expectations: Expectation, ground_s: float | None = GROUND_S, steps: tuple[Played, ...] = (),
    title: Mapping[str, str] | None = None,
) -> dict[str, Any]:  # fmt: skip
    """The report of these entries; every sample was sampled, all but one shown."""
    stored = sum(entry.kind == "vitals_recorded" for entry in entries)
    watched = Watched(stored, max(0, stored - 1), 1, (0.05, 0.06, 0.4), 120, 118, (70.0, 80.0, 90.0), {"ECG_II": 250})
    made = scenario(*expectations, title=title)
    return make_report(made, entries, steps, watched, rate=1.0, ground_s=ground_s, ground_open_s=GROUND_OPEN_S)


def roads() -> dict[str, Any]:
    """The G60 toward Songjiang and back, a national road, and a road in another country, as GeoJSON."""

    def line(osmid: int, points: list[list[float]], **properties: Any) -> dict[str, Any]:
        return {
            "type": "Feature", "properties": {"osmid": osmid, "oneway": False, **properties},
            "geometry": {"type": "LineString", "coordinates": points},
        }  # fmt: skip

    there = [[120.99, 30.855], [121.0374, 30.8988], [121.12, 30.96], [121.18, 31.01], [121.24, 31.03]]
    features = [
        line(1, there, highway="motorway", ref="G60", oneway=True),
        line(
            2, [[lon + 0.001, lat - 0.001] for lon, lat in reversed(there)], highway="motorway", ref="G60", oneway=True
        ),
        line(3, [[120.93, 30.83], [121.00, 30.87], [121.30, 30.92]], highway="primary", ref="G320"),
        line(4, [[8.0, 49.0], [9.0, 50.0]], highway="motorway", ref="A5"),
        line(5, [[120.95, 30.84], [120.96, 30.85]], highway="residential"),
    ]
    return {"type": "FeatureCollection", "attribution": "© OpenStreetMap contributors, ODbL 1.0", "features": features}
