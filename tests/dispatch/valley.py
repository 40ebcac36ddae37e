"""A valley on paper: a motorway G1 from the crash in the west to the city in the east, an old road round the north.

quarry --------- old road ---------- mill
  |                                    |
scene ==G1== service area ==G1== ... city
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from xml.sax.saxutils import quoteattr

from casebook import events as e
from casebook.access import Badge, Role
from casebook.asking import Asker
from casebook.book import Book
from casebook.casualty import Category, Findings, Pathway
from casebook.clock import JumpClock
from casebook.log import By, MemoryLog
from casebook.picture import Occasion, Picture, fold
from casebook.place import Place
from dispatch.area import Area
from routing.air import Aircraft, AirTimes, LandingSite, Weather
from routing.roads import Roadmap, load_roads

START = datetime(2021, 4, 18, 1, 30, tzinfo=UTC)  # 9:30 in Shanghai
SCENE = Place(31.0, 121.0, "事故点", "Crash site")
SERVICE = Place(31.0, 121.03, "服务区", "Service area")
CITY = Place(31.0, 121.3, "城中", "City")
QUARRY = Place(31.1, 121.0, "采石场", "Quarry")
MILL = Place(31.1, 121.3, "磨坊", "Mill")
NODES = {1: SCENE, 2: SERVICE, 3: CITY, 4: QUARRY, 5: MILL}
MOTORWAY = {"highway": "motorway", "ref": "G1", "oneway": "yes"}
OLD_ROAD = {"highway": "secondary", "ref": "X1"}
WAYS = [
    (11, [1, 2, 3], MOTORWAY),
    (12, [3, 2, 1], MOTORWAY),
    (13, [1, 4, 5, 3], OLD_ROAD),
]
TRAUMA = ("trauma_centre", "ct", "theatre", "blood")
SEVERE = Findings(
    mechanism="trapped driver", injuries=("pelvis",), concern="shock", ask=("blood",), pathway=Pathway.TRAUMA
)
FAIR = Weather(ceiling_ft=3000, visibility_m=9999, wind_kt=6)
BEYOND_SERVICE = ((121.05, 30.99), (121.29, 30.99), (121.29, 31.01), (121.05, 31.01))
G1_EAST = e.RoadClosed("G1-east", "works", BEYOND_SERVICE, ref="G1", bearing_deg=90.0)


def valley_roads(folder: Path) -> Roadmap:
    lines = ["<osm version='0.6'>"]
    lines += [f'<node id="{id}" version="1" lat="{at.lat}" lon="{at.lon}"/>' for id, at in NODES.items()]
    for id, nodes, tags in WAYS:
        parts = [f'<nd ref="{node}"/>' for node in nodes]
        parts += [f"<tag k={quoteattr(key)} v={quoteattr(value)}/>" for key, value in tags.items()]
        lines.append(f'<way id="{id}" version="1">{"".join(parts)}</way>')
    file = folder / "valley.osm"
    file.write_text("\n".join([*lines, "</osm>"]), encoding="utf-8")
    return load_roads(file, name="valley", country="CN", cache=folder)


def valley_area(weather: Weather | None = FAIR) -> Area:
    site = LandingSite("service", SERVICE, "service_area", size_m=(60, 40))
    machine = Aircraft("H1", QUARRY, pilots=2)
    pad = LandingSite("city", CITY, "helipad", pad_to_ed_s=60)
    times = AirTimes(loading_s=120)
    return Area((site,), {"H1": machine}, {"city": pad}, times, weather, places=(SCENE, SERVICE, CITY, QUARRY, MILL))


def enrolled(helicopter: bool = True) -> list[e.Event]:
    """Two trauma centres, a small hospital, three ambulances, and (unless said otherwise) a helicopter."""
    facts: list[e.Event] = [
        e.HospitalEnrolled("city", "城中医院", "City Hospital", CITY, TRAUMA, 1, "east", CITY),
        e.HospitalEnrolled("mill", "磨坊医院", "Mill Hospital", MILL, TRAUMA, 1, "east"),
        e.HospitalEnrolled("quarry", "采石场医院", "Quarry Hospital", QUARRY, ("ct",), None, "west"),
        e.UnitEnrolled("A1", "ambulance_5g", "西1车", "West 1", "west", QUARRY, "west"),
        e.UnitEnrolled("A2", "ambulance", "西2车", "West 2", "west", SERVICE, "west"),
        e.UnitEnrolled("A3", "ambulance_5g", "东3车", "East 3", "east", MILL, "east"),
    ]
    if helicopter:
        facts.append(e.UnitEnrolled("H1", "helicopter", "直升机1", "Helicopter 1", "air", QUARRY))
    return facts


def reported(free: int = 2) -> list[e.Event]:
    return [
        e.CapacityReported(hospital, resource, free, 4)
        for hospital in ("city", "mill", "quarry")
        for resource in ("resus_bay", "ed_bed")
    ]


def crash() -> list[e.Event]:
    return [
        e.IncidentOpened("20210418-001", SCENE, "traffic", 1, "120", "two cars"),
        e.UnitAssigned("A1", "20210418-001"),
        e.UnitEnRoute("A1"),
        e.UnitOnScene("A1"),
    ]


def casualty(label: str = "A", category: Category = Category.RED, unit: str = "A1") -> list[e.Event]:
    id = f"20210418-001-{label}"
    return [
        e.CasualtyFound(id, "20210418-001", label, 42, "m"),
        e.UnitAtPatient(unit, id),
        e.CasualtyTriaged(id, "start", category, unit),
        e.FindingsRecorded(id, SEVERE),
    ]


def told(facts: Iterable[e.Event], at: datetime = START) -> Picture:
    picture = Picture()
    for seq, fact in enumerate(facts, start=1):
        picture = fold(picture, fact, Occasion(seq, at, "desk:test"))
    return picture


class Stage:
    """A book on a clock that stands still until told, with badges for everyone."""

    def __init__(self, *facts: e.Event) -> None:
        self.clock = JumpClock(START)
        self.book = Book.open(MemoryLog(), self.clock)
        self.dispatcher = Asker(Badge(Role.DISPATCHER, "desk 1"))
        self._facts = facts

    async def happen(self, *facts: e.Event, by: By | None = None) -> None:
        await self.book.write(lambda picture: facts, by or By("desk", "test"))

    async def open(self) -> Stage:
        await self.happen(*self._facts)
        return self

    def pass_s(self, seconds: float) -> None:
        self.clock._now += timedelta(seconds=seconds)

    @property
    def kinds(self) -> list[str]:
        return [entry.kind for entry in self.book.log.read()]
