"""How fast one drives on a road, with and without siren: dated tables with their sources, and the reading of maxspeed.

Free flow only; works, congestion and closures are left to routing/traffic. A time that the road file itself states
wins over a tagged limit, and that over the class table; an unreadable limit counts as unknown, never as free.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from routing.roads.network import Network
from routing.roads.roadmap import Roadmap

KPH_PER_UNIT = {"": 1.0, "km/h": 1.0, "kmh": 1.0, "kph": 1.0, "mph": 1.609344, "knots": 1.852}
LIMIT = re.compile(r"(\d+(?:\.\d+)?)\s*(km/h|kmh|kph|mph|knots)?$")
NO_LIMIT_KPH = 130.0  # maxspeed=none: Germany's advisory speed (Autobahn-Richtgeschwindigkeits-Verordnung, 1978)
WALK_KPH = 7.0  # maxspeed=walk: walking pace as German courts read it, 4-7 km/h
SANE_KPH = (5.0, 160.0)  # a limit outside is a typing error and counts as unknown

#: A car's mean speed on a free road as a share of the limit.
#: Source: OSRM's car profile (profiles/car.lua, speed_reduction = 0.8), as of 2025, from memory.
SHARE_OF_LIMIT = 0.8


@dataclass(frozen=True, slots=True)
class SpeedTable:
    """Driving speeds by class where no limit is tagged, in km/h. `implied_kph` reads limits like ``CN:urban``."""

    name: str
    as_of: date
    source: str
    driving_kph: Mapping[str, float]

    def of_class(self, highway: str) -> float:
        return self.driving_kph.get(highway, self.driving_kph["road"])


#: Limits in China where no sign stands, times SHARE_OF_LIMIT. Regulation = Regulation on the Implementation of the
#: Road Traffic Safety Law of the PRC, State Council order 405 of 2004, as amended 2017.
_CHINA_LIMIT_KPH = {
    "motorway": 120.0,  # expressway, art. 78: at most 120, small passenger cars
    "motorway_link": 50.0,  # ramps: design speed 30-80, JTG D20-2017; the middle, an assumption
    "trunk": 80.0,  # national road built as class-1 highway: design speed 100/80/60, JTG B01-2014 3.5.1
    "trunk_link": 40.0,  # interchange ramp at 80 km/h roads: 40-50, JTG D20-2017; the lower, an assumption
    "primary": 70.0,  # provincial road, one lane each way outside town, art. 45 (2)
    "primary_link": 40.0,
    "secondary": 60.0,  # urban main road (zhuganlu): 60/50/40, CJJ 37-2012 3.2.1
    "secondary_link": 30.0,
    "tertiary": 50.0,  # one lane each way in town, art. 45 (2)
    "tertiary_link": 30.0,
    "unclassified": 40.0,  # no centre line outside town, art. 45 (1)
    "residential": 30.0,  # no centre line in town, art. 45 (1)
    "living_street": 20.0,
    "road": 40.0,
    "service": 20.0,
    "busway": 40.0,
    "track": 20.0,
    "pedestrian": 10.0,
}
CHINA = SpeedTable(
    "china-2017",
    date(2017, 10, 7),
    "State Council order 405 (2004, amended 2017) art. 45 and 78; JTG B01-2014; JTG D20-2017; CJJ 37-2012",
    {highway: limit * SHARE_OF_LIMIT for highway, limit in _CHINA_LIMIT_KPH.items()},
)
ELSEWHERE = SpeedTable(
    "osrm-car",
    date(2025, 1, 1),
    "OSRM car profile, class speeds (profiles/car.lua); busway, track and pedestrian are our assumptions",
    {
        "motorway": 90.0,
        "motorway_link": 45.0,
        "trunk": 85.0,
        "trunk_link": 40.0,
        "primary": 65.0,
        "primary_link": 30.0,
        "secondary": 55.0,
        "secondary_link": 25.0,
        "tertiary": 40.0,
        "tertiary_link": 20.0,
        "unclassified": 25.0,
        "residential": 25.0,
        "living_street": 10.0,
        "road": 25.0,
        "service": 15.0,
        "busway": 30.0,
        "track": 15.0,
        "pedestrian": 10.0,
    },
)

#: Legal limits that OSM writes as a word, km/h. Sources: China as above; the others from OpenStreetMap wiki
#: Default_speed_limits (which cites each law), as of 2025.
IMPLIED_KPH = {
    "cn:motorway": 120.0,
    "cn:trunk": 80.0,
    "cn:rural": 70.0,
    "cn:urban": 50.0,
    "de:motorway": NO_LIMIT_KPH,
    "de:rural": 100.0,
    "de:urban": 50.0,
    "de:living_street": WALK_KPH,
    "at:motorway": 130.0,
    "at:rural": 100.0,
    "at:urban": 50.0,
    "ch:motorway": 120.0,
    "ch:rural": 80.0,
    "ch:urban": 50.0,
    "fr:motorway": 130.0,
    "fr:rural": 80.0,
    "fr:urban": 50.0,
    "gb:motorway": 70 * 1.609344,
    "gb:nsl_dual": 70 * 1.609344,
    "gb:nsl_single": 60 * 1.609344,
    "gb:nsl_restricted": 30 * 1.609344,
    "nz:motorway": 100.0,
    "nz:rural": 100.0,
    "nz:urban": 50.0,
}


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure with its honest spread: at least `low`, probably `likely`, at most `high`."""

    low: float
    likely: float
    high: float

    def __post_init__(self) -> None:
        assert 0 < self.low <= self.likely <= self.high


#: Speed with lights and siren over speed without, by class. Published whole-run factors span 1.10 (Utrecht, JEMSS.jl)
#: over 1.33 (Manhattan, JEMSS.jl), 1.43 (Auckland, JEMSS.jl), 1.45 (rural: 8.51 against 12.14 min, Prehosp Emerg Care
#: 2001;5:159) to 1.63 (urban: 4.46 against 7.48 min, Ann Emerg Med 1998;32:585). No source splits by class: a free
#: motorway leaves least to gain, signalled streets most, and that split is our assumption; so is reading the ends as
#: the slowest and the fastest tenth of runs.
SIREN_MOTORWAY = Interval(1.0, 1.10, 1.25)
SIREN_RURAL_MAIN = Interval(1.10, 1.25, 1.45)
SIREN_STREET = Interval(1.10, 1.33, 1.63)
SIREN: Mapping[str, Interval] = {
    "motorway": SIREN_MOTORWAY,
    "motorway_link": SIREN_MOTORWAY,
    "trunk": SIREN_RURAL_MAIN,
    "trunk_link": SIREN_RURAL_MAIN,
    "primary": SIREN_RURAL_MAIN,
    "primary_link": SIREN_RURAL_MAIN,
}
#: Speed of one run over the likely one without siren, when no live traffic says more: the slowest and fastest tenth of
#: runs. Assumption, no source with a split by class at hand. Skewed to the slow side, as every measured travel time is
#: (lognormal: Westgate et al., Eur J Oper Res 2016;252:322, Toronto ambulances), and narrower without signals.
PLAIN_MOTORWAY = Interval(0.90, 1.0, 1.05)
PLAIN_STREET = Interval(0.80, 1.0, 1.10)
PLAIN: Mapping[str, Interval] = {"motorway": PLAIN_MOTORWAY, "motorway_link": PLAIN_MOTORWAY}

#: Nobody is faster against the traffic of a one-way road (assumption: walking speed of those who make way is the
#: measure of a crew's care), nor over an arc with a gate that has to open (assumption).
CONTRAFLOW_KPH = 20.0
GATE_KPH = 10.0

#: Between the road and the place itself, straight line, km/h. Source: JEMSS.jl: Auckland 33 plain and 47 with siren,
#: Edmonton 31 and 45; the slow end of plain is our assumption.
OFF_ROAD_PLAIN_KPH = Interval(30.0, 33.0, 33.0)
OFF_ROAD_SIREN_KPH = Interval(33.0, 45.0, 47.0)


def table_for(roadmap: Roadmap) -> SpeedTable:
    return CHINA if roadmap.country == "CN" else ELSEWHERE


def limit_kph(maxspeed: str) -> float | None:
    """The limit that a maxspeed tag states, km/h; the lowest of several (``80;60``); None when unknown."""
    known = [limit for part in re.split(r"[;|]", maxspeed.lower()) if (limit := _one_limit(part.strip())) is not None]
    return min(known, default=None)


def _one_limit(word: str) -> float | None:
    if word == "none":
        return NO_LIMIT_KPH
    if word == "walk":
        return WALK_KPH
    number = LIMIT.match(word)
    kph = float(number[1]) * KPH_PER_UNIT[number[2] or ""] if number else IMPLIED_KPH.get(word)
    return kph if kph is not None and SANE_KPH[0] <= kph <= SANE_KPH[1] else None


def driving_kph(network: Network, table: SpeedTable) -> NDArray[np.float64]:
    """For each arc, the free-flow speed of a plain car in km/h: what the file states, else SHARE_OF_LIMIT of its limit,
    else its class's."""
    if len(network.free_ms):
        return span_m(network) * 3600 / np.maximum(network.free_ms, 1)
    limit = np.full(network.arcs, np.nan)
    directed = ("maxspeed:type", None), ("maxspeed", None), ("maxspeed:forward", True), ("maxspeed:backward", False)
    for name, forward in directed:
        stated = _by_arc(network, name, limit_kph)
        applies = np.isfinite(stated) if forward is None else np.isfinite(stated) & (network.forward == forward)
        limit[applies] = stated[applies]
    of_class = _by_arc(network, "highway", table.of_class)
    return np.where(np.isfinite(limit), limit * SHARE_OF_LIMIT, of_class)


def span_m(network: Network) -> NDArray[np.float64]:
    """The length of each arc, at least a millimetre: an arc without length still has a speed if it has a time."""
    return np.maximum(network.length_m, 0.001)


def interval_by_class(highway: str, siren: bool) -> Interval:
    """A run's speed over a plain car's likely one on this class of road: slowest tenth, likely, fastest tenth."""
    return SIREN.get(highway, SIREN_STREET) if siren else PLAIN.get(highway, PLAIN_STREET)


def _by_arc(network: Network, column: str, read: Callable[[str], float | None]) -> NDArray[np.float64]:
    """`read` applied to each distinct word once, spread over the arcs; None becomes NaN."""
    words = network.columns[column]
    value = np.array([np.nan if (read_value := read(word)) is None else read_value for word in words.words], np.float64)
    return value[words.code[network.way]]
