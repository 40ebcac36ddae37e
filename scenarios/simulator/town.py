"""The place of a simulated run: a few streets, two hospitals with little room, and the clocks that are told there.

Small on purpose: a drive takes seconds, so that a run of a minute has whole missions in it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from random import Random

from casebook import events as e
from casebook.casualty import Category
from casebook.place import Place
from dispatch.area import Area
from routing.roads import Roadmap, load_roads
from scenarios.simulator.disks import memory_folder

BEGAN_AT = datetime(2026, 1, 5, 0, 0, tzinfo=UTC)
STEP_DEG = 0.002  # between two corners: some 220 m
CORNERS = {(x, y): Place(31.0 + y * STEP_DEG, 121.0 + x * STEP_DEG) for x in range(3) for y in range(2)}
CITY, MILL = "city", "mill"
HOSPITALS = {CITY: CORNERS[2, 0], MILL: CORNERS[2, 1]}
CAPABILITIES = ("trauma_centre", "ct", "theatre", "blood")
BAYS, BEDS = "resus_bay", "ed_bed"
CROWD = "20260104-001"


@cache
def town_roads() -> Roadmap:
    """Streets round two blocks, both ways."""
    number = {corner: place for place, corner in enumerate(CORNERS, start=1)}
    nodes = [
        f'<node id="{number[corner]}" version="1" lat="{at.lat:.6f}" lon="{at.lon:.6f}"/>'
        for corner, at in CORNERS.items()
    ]
    pairs = [((x, y), (x + 1, y)) for x in range(2) for y in range(2)] + [((x, 0), (x, 1)) for x in range(3)]
    ways = [
        f'<way id="{100 + place}" version="1"><nd ref="{number[one]}"/><nd ref="{number[other]}"/>'
        '<tag k="highway" v="secondary"/></way>'
        for place, (one, other) in enumerate(pairs)
    ]
    with memory_folder() as folder:
        file = Path(folder) / "town.osm"
        file.write_text("\n".join(["<osm version='0.6'>", *nodes, *ways, "</osm>"]), encoding="utf-8")
        return load_roads(file, name="town", country="CN", cache=Path(folder))


@cache
def town_area() -> Area:
    return Area(places=tuple(CORNERS.values()))


def first_facts(units: list[str], rng: Random) -> list[e.Event]:
    """What a hub's book begins with: both hospitals, with one or two of everything, the hub's own
    vehicles, and perhaps some casualties."""
    facts: list[e.Event] = [
        e.HospitalEnrolled(id, id, id, place, CAPABILITIES, 1, "town") for id, place in HOSPITALS.items()
    ]
    facts += [
        e.CapacityReported(hospital, resource, rng.randint(1, 2), 3)
        for hospital in HOSPITALS
        for resource in (BAYS, BEDS)
    ]
    bases = list(CORNERS.values())
    facts += [e.UnitEnrolled(unit, "ambulance_5g", unit, unit, "town", rng.choice(bases)) for unit in units]
    return [*facts, *_crowd(rng)]


def _crowd(rng: Random) -> list[e.Event]:
    """Some who were found and triaged before anybody looked for a place for them: all of them want the last bay."""
    facts: list[e.Event] = [e.IncidentOpened(CROWD, CORNERS[0, 0], "traffic", 1, "120", "")]
    for label in "KLM"[: rng.randint(0, 3)]:
        id = f"{CROWD}-{label}"
        facts.append(e.CasualtyFound(id, CROWD, label))
        facts.append(e.CasualtyTriaged(id, "manual", Category.RED, "crew"))
    return facts if len(facts) > 1 else []


@dataclass(slots=True)
class TownClock:
    """Virtual time as one machine shows it: ahead of the others by `skew_s`, and faster by `drift`."""

    time: Callable[[], float]
    skew_s: float = 0.0
    drift: float = 0.0
    rate: float = 1.0

    def now(self) -> datetime:
        return BEGAN_AT + timedelta(seconds=round(self.time() * (1 + self.drift) + self.skew_s, 6))

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(0.0, seconds))

    async def sleep_until(self, at: datetime) -> None:
        await self.sleep((at - self.now()).total_seconds())
