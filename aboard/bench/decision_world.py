"""A city drawn on any road map for the decision benchmark: hospitals with counts, landing sites, aircraft, casualties.

All by one generator of numbers: the same map and seed give the same questions.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import msgspec

from aboard.bench.routing.questions import nodes_drawn, numbers, place_of
from casebook import events as e
from casebook.casualty import Category, Findings, Pathway
from casebook.events import Decision
from casebook.picture import Occasion, Picture, fold
from casebook.place import Place
from dispatch.area import Area
from dispatch.desk import decision_on, proposal_of
from dispatch.timing import Timed, ways_for, ways_for_all
from routing.air import Aircraft, LandingSite, Weather
from routing.costs import costs_for
from routing.ground import Stops
from routing.profiles import AMBULANCE_SIREN
from routing.roads import Roadmap

AT = datetime(2021, 4, 18, 15, 0, tzinfo=UTC)  # a forenoon in New York: aircraft may fly
HOSPITALS, SITES, BASES = 60, 200, 5
TRAUMA, SMALL = ("trauma_centre", "ct", "theatre", "blood", "icu"), ("ct",)
EVERY_THIRD = 3  # hospital is a trauma centre
SILENT = 0.2  # share of counts that nobody has reported
WIDE_DEG = 0.01  # half the side of a closed square, about a kilometre


@dataclass(frozen=True, slots=True)
class City:
    """The area and what is known at an instant; `cases`: one casualty per scene, red trauma."""

    roadmap: Roadmap
    area: Area
    picture: Picture
    cases: tuple[str, ...]
    at: datetime = AT

    def ways(self, case: str) -> Timed:
        return ways_for(self.roadmap, self.area, self.picture, case, self.at, self.area.rules.destination)

    def decide(self, case: str, timed: Timed | None = None) -> Decision:
        """As the desk does it: every way timed, then ranked with reasons and counterfactuals."""
        policy, timed = self.area.rules.destination, timed or self.ways(case)
        return decision_on(self.picture, case, timed, self.at, policy, self.roadmap)

    def decide_all(self, cases: Sequence[str]) -> list[Decision]:
        """As the desk does it after a change of the roads: all timed together, then decided one by one."""
        timed = ways_for_all(self.roadmap, self.area, self.picture, cases, self.at, self.area.rules.destination)
        return [self.decide(case, timed[case]) for case in cases]

    @staticmethod
    def recorded(case: str, decision: Decision) -> bytes:
        """The body of the fact that the desk writes, as the log keeps it."""
        return msgspec.json.encode(e.encode(proposal_of(case, decision)))

    def later(self, seconds: float) -> City:
        return replace(self, at=self.at + timedelta(seconds=seconds))

    def native_s(self, decided: Mapping[str, Decision]) -> list[float]:
        """Seconds of the road engine alone, case by case: one table from the scene to all doors and sites, and the path
        of each drive whose range the decision tells."""
        costs = costs_for(self.roadmap, profile=AMBULANCE_SIREN)
        doors = {id: hospital.place for id, hospital in sorted(self.picture.hospitals.items())}
        places = doors | {site.id: site.place for site in self.area.sites}
        leaves = Stops(self.roadmap, list(places.values())).leaves(costs)
        node_at = dict(zip(places, leaves.nodes[leaves.only].tolist(), strict=True))
        took_s: list[float] = []
        for case, decision in decided.items():
            start = Stops(self.roadmap, [self.picture.incidents[case].place]).joins(costs).nodes
            told = {option.rendezvous or option.hospital for option in decision.options if option.mode != "air"}
            began_s = time.perf_counter()
            costs.engine.search_ms(start, leaves.nodes)
            costs.engine.search_paths(int(start[0]), [node_at[id] for id in sorted(told)])
            took_s.append(time.perf_counter() - began_s)
        return took_s

    def closed(self, number: int) -> City:
        """The same after one more square kilometre is closed, round the scene of another case each time."""
        here = self.picture.incidents[self.cases[number % len(self.cases)]].place
        west, south, east, north = here.lon - WIDE_DEG, here.lat - WIDE_DEG, here.lon + WIDE_DEG, here.lat + WIDE_DEG
        square = ((west + WIDE_DEG / 2, south), (east, south), (east, north), (west + WIDE_DEG / 2, north))
        fact = e.RoadClosed(f"closed-{number}", "works", polygon=square)
        return replace(self, picture=told(self.picture, [fact]))


def told(picture: Picture, facts: Sequence[e.Event]) -> Picture:
    for fact in facts:
        picture = fold(picture, fact, Occasion(picture.seq + 1, AT, "desk:bench"))
    return picture


def city_of(roadmap: Roadmap, seed: int, cases: int) -> City:
    """60 hospitals with pads, 200 landing sites, 5 bases, `cases` scenes, each on a node of its own."""
    random = numbers(seed, "decision")
    usable = costs_for(roadmap, profile=AMBULANCE_SIREN).usable
    nodes = nodes_drawn(roadmap, usable, random, HOSPITALS + SITES + BASES + cases)
    places = [place_of(roadmap, node) for node in nodes]
    doors, rest = places[:HOSPITALS], places[HOSPITALS:]
    sites, bases, scenes = rest[:SITES], rest[SITES : SITES + BASES], rest[SITES + BASES :]
    facts = [_hospital(number, place) for number, place in enumerate(doors)]
    for number in range(len(doors)):
        counts = [e.CapacityReported(f"h{number:02}", name, int(random.integers(0, 4)), 8) for name in COUNTED]
        facts += [fact for fact in counts if random.uniform() >= SILENT]
    facts += [e.UnitEnrolled(f"air{n}", "helicopter", "", "", "", place) for n, place in enumerate(bases)]
    for number, place in enumerate(scenes):
        facts += _case(f"case{number}", place)
    landing = tuple(
        LandingSite(f"site{n:03}", place, "helipad", size_m=(40.0, 40.0)) for n, place in enumerate(sites)
    )  # fmt: skip
    machines = {f"air{n}": Aircraft(f"air{n}", place, cruise_kmh=250.0, pilots=2) for n, place in enumerate(bases)}
    area = Area(landing, machines, weather=Weather(3000.0, 9999.0, 5.0))
    return City(roadmap, area, told(Picture(), facts), tuple(f"case{number}" for number in range(len(scenes))))


COUNTED = ("resus_bay", "ed_bed")


def _hospital(number: int, place: Place) -> e.Event:
    able = number % EVERY_THIRD == 0
    capabilities, level = (TRAUMA, 1 + number % 2) if able else (SMALL, None)
    return e.HospitalEnrolled(f"h{number:02}", "", "", place, capabilities, level, "", place)


def _case(id: str, place: Place) -> list[e.Event]:
    return [
        e.IncidentOpened(id, place, "traffic", 1, "120", ""),
        e.CasualtyFound(id, id, "A", 42),
        e.CasualtyTriaged(id, "manual", Category.RED, "bench"),
        e.FindingsRecorded(id, Findings(pathway=Pathway.TRAUMA)),
    ]
