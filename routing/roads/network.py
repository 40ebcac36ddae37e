"""A road network as arrays: nodes, directed arcs, and the ways that the arcs belong to.

Every arc is straight between two nodes, so a closure, a snap or a vehicle is placed exactly. Arrays because live
weights must live in arrays (a Python loop over edge attributes costs more than the search itself); the networkx
graph is derived from them in routing/roads/roadmap.py. Reading files is left to osm.py and graphml.py.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from casebook.place import EARTH_RADIUS_M

CAR, EMERGENCY = 1, 2  # bits of Network.access: who may use the arc

#: The tags kept of each way; all that speeds, legs, closures and later turn rules need.
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
    """n nodes (WGS-84 degrees), m directed straight arcs (metres), w ways.

    `access` holds the bits CAR and EMERGENCY; `key` numbers parallel arcs from 0; `forward` is False where the arc
    runs against the way's drawing. `origin` (m x 3: u, v, key) names the edge of a simplified GraphML file that the
    arc was cut from, and is empty (0 x 3) for OSM files.
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

    def as_facts(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__} | {"ways_dropped": dict(self.ways_dropped)}

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


def strong_part(network: Network, bit: int) -> NDArray[np.bool_]:
    """Which nodes lie in the largest part where every node reaches every other over arcs with this access bit."""
    from scipy.sparse import coo_matrix  # scipy costs about a second to import; a cached network never needs it
    from scipy.sparse.csgraph import connected_components

    usable = (network.access & bit) > 0
    ends = (network.tail[usable], network.head[usable])
    matrix = coo_matrix((np.ones(len(ends[0]), np.int8), ends), (network.nodes, network.nodes))
    _, part = connected_components(matrix, directed=True, connection="strong")
    return part == np.bincount(part).argmax()


def keep_strong_part(network: Network) -> tuple[Network, int, int]:
    """The part where an ambulance reaches everything, and how many nodes and arcs were dropped.

    Arcs that only an ambulance can leave lose the CAR bit, so a plain car is never sent into a dead end.
    """
    if network.nodes == 0:
        return network, 0, 0
    nodes = strong_part(network, EMERGENCY)
    arcs = nodes[network.tail] & nodes[network.head] & ((network.access & EMERGENCY) > 0)
    kept = _subset(network, nodes, arcs)
    cars = strong_part(kept, CAR)
    access = kept.access.copy()
    access[~(cars[kept.tail] & cars[kept.head])] &= np.uint8(0xFF ^ CAR)
    return _replace(kept, access=access), int((~nodes).sum()), int((~arcs).sum())


def _subset(network: Network, nodes: NDArray[np.bool_], arcs: NDArray[np.bool_]) -> Network:
    row = np.cumsum(nodes, dtype=np.int32) - np.int32(1)
    tail, head = row[network.tail[arcs]], row[network.head[arcs]]
    return _replace(
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
    )


def _replace(network: Network, **changed: Any) -> Network:
    return Network(**({name: getattr(network, name) for name in Network.__slots__} | changed))


def report_on(
    network: Network, dropped: Counter[str], *, ways_read: int, ways_kept: int, **counts: int
) -> tuple[Network, LoadReport]:
    """Keep the strong part of a freshly read network and write down what was dropped."""
    kept, nodes_islands, arcs_islands = keep_strong_part(network)
    report = LoadReport(
        ways_read=ways_read,
        ways_kept=ways_kept,
        ways_dropped=dict(sorted(dropped.items())),
        nodes=kept.nodes,
        arcs=kept.arcs,
        arcs_car=int(((kept.access & CAR) > 0).sum()),
        nodes_islands=nodes_islands,
        arcs_islands=arcs_islands,
        **counts,
    )
    return kept, report
