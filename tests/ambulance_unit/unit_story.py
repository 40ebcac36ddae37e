"""A small case for the vehicle's tests: one crash, two ambulances, a helicopter, three hospitals; the hub's picture."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from ambulance_unit.told import unit_view
from casebook import events as e
from casebook.casualty import Findings
from casebook.live import plain
from casebook.picture import Occasion, Picture, fold
from casebook.place import Place

START = datetime(2021, 4, 18, 1, 30, tzinfo=UTC)
BASE, SCENE = Place(30.93467, 121.06147, "新浜", "Xinbang"), Place(30.863, 121.001, "G60", "G60")
SITE, WARD = Place(30.897, 121.037, "枫泾服务区", "Fengjing"), Place(31.036, 121.236, "市一南院", "SGH South")
BED = ("resus_bay", 2, 4)


def leg(to: Place, start: Place, eta_s: float, mode: str = "road") -> e.Leg:
    """Straight there in three pieces, evenly timed."""
    line = tuple(
        (start.lon + (to.lon - start.lon) * n / 3, start.lat + (to.lat - start.lat) * n / 3, eta_s * n / 3)
        for n in range(4)
    )
    return e.Leg(to, line, 9000.0, eta_s, mode=mode)


OPTION = e.Option("sgh", "rendezvous", 1680.0, {"road": 300.0, "air": 780.0}, rendezvous="fengjing", aircraft="H01")
BY_ROAD = e.Rejection("sgh", "road", 3900.0, (e.Reason("time", {"slower_s": 2220}),))
ELSEWHERE = e.Rejection("jsh", "road", 1200.0, (e.Reason("capability", {"lacks": "trauma_centre"}),))
DECISION = e.Decision((OPTION,), (BY_ROAD, ELSEWHERE), "abc", "rules@1", "v1", "roads@1")


class Story:
    """The hub's side: facts in, picture and views out. `at` is minutes after the crash."""

    def __init__(self) -> None:
        self.picture = Picture()
        self.now = START
        for id, kind in (("A01", "ambulance_5g"), ("A02", "ambulance"), ("H01", "helicopter")):
            self.tell(e.UnitEnrolled(id, kind, f"{id}车", f"Unit {id}", "songjiang", BASE))
        for id, zh in (("sgh", "市一"), ("jsh", "金山"), ("sj", "松江")):
            self.tell(e.HospitalEnrolled(id, zh, id.upper(), WARD, ("trauma_centre",), 1))
        self.tell(e.CapacityReported("sgh", *BED))

    def tell(self, *facts: e.Event, minute: float | None = None) -> Story:
        for fact in facts:
            at = self.now if minute is None else START + timedelta(minutes=minute)
            self.now = max(self.now, at)
            self.picture = fold(self.picture, fact, Occasion(self.picture.seq + 1, at, "desk:hub"))
        return self

    def called(self) -> Story:
        return self.tell(e.IncidentOpened("I1", SCENE, "traffic", 1, "110", "追尾", hazards=("fuel",), drill=True))

    def assigned(self, unit: str = "A01", minute: float = 1) -> Story:
        to, mode = (SITE, "air") if unit == "H01" else (SCENE, "road")
        return self.tell(e.UnitAssigned(unit, "I1", "transport", leg(to, BASE, 240, mode)), minute=minute)

    def at_scene(self) -> Story:
        """A01 is with casualty A, whom it found and tagged."""
        self.called().assigned()
        self.tell(e.UnitAcknowledged("A01"), e.UnitEnRoute("A01"), minute=1)
        self.tell(e.UnitOnScene("A01"), minute=5)
        self.tell(e.CasualtyFound("I1-A", "I1", "A", 41, "m"), e.UnitAtPatient("A01", "I1-A"), minute=5.5)
        return self.tell(e.CasualtyTriaged("I1-A", "start", "red", "crew", {"walks": "0"}, "start@1"), minute=6)  # type: ignore[arg-type]

    def decided(self) -> Story:
        """The desk chose the rendezvous, the pre-alert is out, H01 is on its way."""
        self.tell(e.FindingsRecorded("I1-A", Findings("高速追尾", ("骨盆",), concern="失血性休克")), minute=7)
        self.tell(e.DestinationRequested("I1-A", "A01"), e.DestinationProposed("I1-A", DECISION), minute=7)
        self.tell(e.DestinationChosen("I1-A", OPTION, (BY_ROAD, ELSEWHERE)), minute=8)
        self.tell(e.LegGiven("A01", "rendezvous", leg(SITE, SCENE, 300)), minute=8)
        self.tell(e.PrealertSent("I1-A", "sgh", START + timedelta(minutes=9), START + timedelta(minutes=28), 1))
        self.assigned("H01", minute=8)
        return self.tell(e.UnitEnRoute("H01"), minute=9)

    def at_fengjing(self) -> Story:
        self.tell(e.CasualtyBoarded("I1-A", "A01"), e.UnitLeftScene("A01"), minute=9)
        self.tell(e.UnitAtLandingSite("A01", "fengjing"), minute=14)
        return self.tell(e.UnitAtLandingSite("H01", "fengjing"), minute=14.5)

    def view(self, unit: str = "A01") -> dict[str, Any]:
        """As it arrives at the vehicle: plain JSON."""
        return json.loads(msgspec.json.encode(plain(unit_view(self.picture, unit, self.now))))
