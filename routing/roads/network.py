"""A road network as arrays: nodes, directed arcs, and the ways that the arcs belong to.

Every arc is straight between two nodes, so a closure, a snap or a vehicle is placed exactly. Arrays because live
weights must live in arrays (a Python loop over edge attributes costs more than the search itself); the networkx
graph is derived from them in routing/roads/roadmap.py. Reading files is left to osm.py and graphml.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from casebook.place import EARTH_RADIUS_M

#: Bits of Network.access. An arc is usable when (access & profile.access) != 0; with 0 it is nobody's.
CAR = 1  # every car
EMERGENCY = 2  # an ambulance on duty, siren or not
CONTRAFLOW = 4  # against a one-way road; never on motorways, trunk roads, their links and roundabouts
BUS = 8  # busways and bus lanes
GATE = 16  # behind a gate or barrier that opens for emergency vehicles
ACCESS_WORDS = {CAR: "car", EMERGENCY: "emergency", CONTRAFLOW: "contraflow", BUS: "bus", GATE: "gate"}

#: The tags kept of each way; all that speeds, legs, closures and vehicle sizes need.
COLUMNS = (
    "highway",
    "ref",
    "name",
    "name:zh",
    "name:en",
    "oneway",
    "maxspeed",
    "maxspeed:forward",
    "maxspeed:backward",
    "maxspeed:type",
    "lanes",
    "junction",
    "service",
    "access",
    "emergency",
    "bridge",
    "tunnel",
    "maxheight",
    "maxweight",
    "maxwidth",
)


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """One tag of all ways: distinct words once, and for each way the row of its word (word 0 is "", absent)."""

    words: tuple[str, ...]
    code: NDArray[np.int32]

    @classmethod
    def of(cls, values: Sequence[str]) -> Column:
        rows: dict[str, int] = {"": 0}
        code = np.fromiter((rows.setdefault(value, len(rows)) for value in values), np.int32, len(values))
        return cls(tuple(rows), code)

    def __getitem__(self, way: int) -> str:
        return self.words[self.code[way]]


@dataclass(frozen=True, slots=True, eq=False)
class Network:
    """n nodes (WGS-84 degrees), m directed straight arcs (metres), w ways, k forbidden turns.

    `access` holds the bits above; `key` numbers parallel arcs from 0; `forward` is False where the arc runs against
    the way's drawing. `origin` (m x 3: u, v, key) names the edge of a simplified GraphML file that the arc was cut
    from, and is empty (0 x 3) for OSM files.

    Turn t forbids driving the arcs `turn_arcs[turn_start[t]:turn_start[t + 1]]` (two or more, joined head to tail) one
    after the other; it does not bind a vehicle with one of the access bits `turn_exempt[t]`. `free_ms` (m, or empty)
    is the travel time that the file itself states for each arc; it overrides every speed table. `post_at` (p x 3: km,
    lat, lon) and `post_ref` (p road numbers) are the kilometre posts beside the roads.
    """

    node_id: NDArray[np.int64]
    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    tail: NDArray[np.int32]
    head: NDArray[np.int32]
    key: NDArray[np.int32]
    length_m: NDArray[np.float64]
    way: NDArray[np.int32]
    forward: NDArray[np.bool_]
    access: NDArray[np.uint8]
    origin: NDArray[np.int64]
    way_id: NDArray[np.int64]
    columns: Mapping[str, Column]
    turn_arcs: NDArray[np.int32] = field(default_factory=lambda: np.empty(0, np.int32))
    turn_start: NDArray[np.int64] = field(default_factory=lambda: np.zeros(1, np.int64))
    turn_exempt: NDArray[np.uint8] = field(default_factory=lambda: np.empty(0, np.uint8))
    free_ms: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    post_at: NDArray[np.float64] = field(default_factory=lambda: np.empty((0, 3), np.float64))
    post_ref: NDArray[np.str_] = field(default_factory=lambda: np.empty(0, np.dtype("<U1")))

    @property
    def turns(self) -> int:
        return len(self.turn_exempt)

    def turn(self, row: int) -> NDArray[np.int32]:
        """The arcs that may not be driven one after the other."""
        return self.turn_arcs[self.turn_start[row] : self.turn_start[row + 1]]

    @property
    def nodes(self) -> int:
        return len(self.node_id)

    @property
    def arcs(self) -> int:
        return len(self.tail)

    def tag(self, name: str, arc: int) -> str:
        """The tag `name` of the arc's way, "" when it has none."""
        return self.columns[name][int(self.way[arc])]

    def where_tag(self, name: str, wanted: set[str]) -> NDArray[np.bool_]:
        """For each arc, whether one of its way's ``;``-separated values of the tag is among `wanted`."""
        column = self.columns[name]
        hit = np.array([not wanted.isdisjoint(part.strip() for part in word.split(";")) for word in column.words])
        return hit[column.code[self.way]]

    def bearing_deg(self) -> NDArray[np.float64]:
        """Direction of travel of each arc, degrees clockwise from north, 0..360."""
        east = (self.lon[self.head] - self.lon[self.tail]) * np.cos(np.radians(self.lat[self.tail]))
        return np.degrees(np.arctan2(east, self.lat[self.head] - self.lat[self.tail])) % 360


@dataclass(frozen=True, slots=True)
class LoadReport:
    """What a road file held and what was dropped on the way, so that nothing is dropped in silence."""

    ways_read: int = 0
    ways_kept: int = 0
    ways_dropped: Mapping[str, int] = field(default_factory=dict)  # reason -> ways
    ways_clipped: int = 0  # cut where the file refers to nodes that it does not hold
    nodes_missing: int = 0
    nodes: int = 0
    arcs: int = 0
    arcs_car: int = 0
    nodes_islands: int = 0  # dropped: not in the largest part where every place reaches every other
    arcs_islands: int = 0
    turns_read: int = 0  # turn restrictions of the file
    turns_kept: int = 0  # of these, in force on the arcs kept
    turns_dropped: Mapping[str, int] = field(default_factory=dict)  # reason -> restrictions
    posts_read: int = 0  # kilometre posts of the file
    posts_kept: int = 0  # of these, with a road number and a kilometre that can be read
    barriers: Mapping[str, int] = field(default_factory=dict)  # open, gate or closed -> barriers on the roads

    def as_facts(self) -> dict[str, Any]:
        facts = {name: getattr(self, name) for name in self.__slots__}
        return {name: dict(value) if isinstance(value, Mapping) else value for name, value in facts.items()}

    @classmethod
    def read(cls, facts: Mapping[str, Any]) -> LoadReport:
        return cls(**facts)


def distances_m(
    lon_a: NDArray[np.float64], lat_a: NDArray[np.float64], lon_b: NDArray[np.float64], lat_b: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Great-circle metres between point pairs; the same formula and radius as casebook.place.distance_m."""
    a, b = np.radians(lat_a), np.radians(lat_b)
    half_lat, half_lon = (b - a) / 2, np.radians(np.asarray(lon_b) - np.asarray(lon_a)) / 2
    h = np.sin(half_lat) ** 2 + np.cos(a) * np.cos(b) * np.sin(half_lon) ** 2
    return 2 * EARTH_RADIUS_M * np.arcsin(np.minimum(1.0, np.sqrt(h)))


def parallel_keys(tail: NDArray[np.int32], head: NDArray[np.int32]) -> NDArray[np.int32]:
    """Number arcs with the same ends 0, 1, 2 ... in their order, as networkx would."""
    key = np.zeros(len(tail), np.int32)
    if len(tail) == 0:
        return key
    order = np.lexsort((np.arange(len(tail)), head, tail))
    same = (tail[order][1:] == tail[order][:-1]) & (head[order][1:] == head[order][:-1])
    position = np.arange(len(tail))
    run_start = np.maximum.accumulate(np.where(np.concatenate(([True], ~same)), position, 0))
    key[order] = position - run_start
    return key


def subset(network: Network, nodes: NDArray[np.bool_], arcs: NDArray[np.bool_]) -> Network:
    """Only these nodes and arcs (whose ends are among them); a turn over an arc that goes, goes with it."""
    row = np.cumsum(nodes, dtype=np.int32) - np.int32(1)
    tail, head = row[network.tail[arcs]], row[network.head[arcs]]
    return replaced(
        network,
        node_id=network.node_id[nodes],
        lon=network.lon[nodes],
        lat=network.lat[nodes],
        tail=tail,
        head=head,
        key=parallel_keys(tail, head),
        length_m=network.length_m[arcs],
        way=network.way[arcs],
        forward=network.forward[arcs],
        access=network.access[arcs],
        origin=network.origin[arcs] if len(network.origin) else network.origin,
        free_ms=network.free_ms[arcs] if len(network.free_ms) else network.free_ms,
        **_turns_over(network, arcs),
    )


def _turns_over(network: Network, arcs: NDArray[np.bool_]) -> dict[str, Any]:
    if network.turns == 0:
        return {}
    row = np.cumsum(arcs, dtype=np.int32) - np.int32(1)
    whole = np.logical_and.reduceat(arcs[network.turn_arcs], network.turn_start[:-1])
    size = np.diff(network.turn_start)
    return {
        "turn_arcs": row[network.turn_arcs[np.repeat(whole, size)]],
        "turn_start": np.concatenate(([0], np.cumsum(size[whole]))).astype(np.int64),
        "turn_exempt": network.turn_exempt[whole],
    }


def replaced(network: Network, **changed: Any) -> Network:
    return Network(**({name: getattr(network, name) for name in Network.__slots__} | changed))
