"""Places put on the road once and asked about often: where a vehicle joins or leaves the search graph, at what cost.

Exact in whole milliseconds to the point within an arc. Which points of the road are near is left to
routing/roads/snapping.py; times between them are asked in routing/way.py.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from casebook.place import Place
from routing.costs import Costs
from routing.roads.roadmap import Roadmap
from routing.roads.snapping import Snap

ON_THE_ROAD_M = 0.5  # a place this near the road's line stands on it; below any map's accuracy
AT_THE_NODE = 1e-9  # of an arc: a point this near an end is that end but for rounding
MANY = 8  # places from which on they are put on the road together
KEPT_MASKS = 4  # sets of usable arcs for which snaps are kept: a few vehicles, today's and yesterday's closures

JOINING, LEAVING = 0, 1
Snaps = tuple[Snap, ...]


def off_road_ms(snap: Snap, kph: float) -> int:
    """Between a place and its point on the road, in a straight line."""
    return round(snap.distance_m * 3600 / kph) if snap.distance_m > ON_THE_ROAD_M else 0


def part_ms(weights_ms: NDArray[np.int64], arc: int, share: float) -> int:
    return round(int(weights_ms[arc]) * share)


@dataclass(frozen=True, slots=True, eq=False)
class Doors:
    """Where several places meet the search graph, place after place: door i of them is search node `nodes[i]`, `ms[i]`
    away from its place, by the point `snaps[i]`.

    `owners`: the places that have a door, ascending; `start`: the first door of each; `only`: for every place the door
    of one that has exactly one, else -1. `within`: the points within an arc, as arc -> (place, fraction, ms beside the
    road), for ways that pass no node. `arcs`: all on which one of the places has a point.
    """

    nodes: NDArray[np.uint32]
    ms: NDArray[np.int64]
    snaps: tuple[Snap, ...]
    owners: NDArray[np.intp]
    start: NDArray[np.intp]
    only: NDArray[np.intp]
    within: dict[int, list[tuple[int, float, int]]]
    arcs: frozenset[int]

    @property
    def single(self) -> bool:
        """Whether every place with a door has exactly one."""
        return len(self.owners) == len(self.nodes)


class Stops:
    """Places of one road map, prepared. Immutable to its users; safe to ask from several threads.

    The snaps of a place are kept for a set of usable arcs; where closures only take arcs away, only the places that
    lose one of their snaps are put on the road anew. `heading_deg` as in Roadmap.snap, for all places.
    """

    def __init__(self, roadmap: Roadmap, places: Sequence[Place], *, heading_deg: float | None = None) -> None:
        self.roadmap, self.places = roadmap, tuple(places)
        self.lat = np.array([place.lat for place in self.places])
        self.lon = np.array([place.lon for place in self.places])
        self._heading_deg = heading_deg
        self._snaps: OrderedDict[int, tuple[NDArray[np.bool_], list[Snaps]]] = OrderedDict()
        self._doors: tuple[WeakKeyDictionary[Costs, Doors], ...] = (WeakKeyDictionary(), WeakKeyDictionary())
        self._lock = threading.Lock()

    @classmethod
    def of(cls, roadmap: Roadmap, places: Sequence[Place] | Stops) -> Stops:
        """Prepared stops as they are, other places as stops for this one question."""
        if not isinstance(places, Stops):
            return cls(roadmap, places)
        assert places.roadmap is roadmap, "stops are prepared for one road map"
        return places

    def __len__(self) -> int:
        return len(self.places)

    def singly(self) -> list[Stops]:
        """Each place as stops of its own."""
        return [Stops(self.roadmap, [place], heading_deg=self._heading_deg) for place in self.places]

    def snaps(self, costs: Costs) -> list[Snaps]:
        """For each place its points on the roads that are usable now; () off the map."""
        with self._lock:
            kept = self._kept(costs.usable)
            if kept is None and costs.usable is not costs.free.usable and self._heading_deg is None:
                kept = self._kept(costs.free.usable) or self._keep(costs.free.usable, self._near(costs.free.usable))
                kept = self._keep(costs.usable, self._without(kept, costs.usable))
            return kept or self._keep(costs.usable, self._near(costs.usable))

    def _kept(self, usable: NDArray[np.bool_]) -> list[Snaps] | None:
        found = self._snaps.get(id(usable))
        return None if found is None else found[1]

    def _keep(self, usable: NDArray[np.bool_], snaps: list[Snaps]) -> list[Snaps]:
        self._snaps[id(usable)] = (usable, snaps)  # holding the mask keeps its id from being given again
        while len(self._snaps) > KEPT_MASKS:
            self._snaps.popitem(last=False)
        return snaps

    def _near(self, usable: NDArray[np.bool_]) -> list[Snaps]:
        if len(self.places) < MANY:
            return [self.roadmap.snap(place, usable, self._heading_deg) for place in self.places]
        return self.roadmap.snap_many(self.places, usable, [self._heading_deg] * len(self.places))

    def _without(self, snaps: list[Snaps], usable: NDArray[np.bool_]) -> list[Snaps]:
        """Fewer arcs are usable: what is nearest among all and still usable is nearest among those."""
        arcs = np.fromiter((snap.arc for snap in chain.from_iterable(snaps)), np.intp)
        if usable[arcs].all():
            return snaps
        return [
            some if all(usable[snap.arc] for snap in some) else self.roadmap.snap(place, usable)
            for place, some in zip(self.places, snaps, strict=True)
        ]

    def joins(self, costs: Costs) -> Doors:
        """Where a vehicle that starts at these places comes onto the search graph."""
        return self._made(JOINING, costs)

    def leaves(self, costs: Costs) -> Doors:
        """Where a vehicle that ends at these places leaves it."""
        return self._made(LEAVING, costs)

    def _made(self, which: int, costs: Costs) -> Doors:
        found = self._doors[which].get(costs)
        if found is None:
            found = _Builder(self.roadmap, costs, joining=which == JOINING).build(self.snaps(costs))
            with self._lock:
                self._doors[which][costs] = found
        return found


class _Builder:
    """Turns snaps into doors, for one vehicle's costs."""

    def __init__(self, roadmap: Roadmap, costs: Costs, *, joining: bool) -> None:
        self._net, self._costs, self._joining = roadmap.network, costs, joining
        self._topology = costs.engine.topology
        self._off_road_kph = costs.off_road_kph.likely

    def build(self, snaps: list[Snaps]) -> Doors:
        nodes: list[int] = []
        ms: list[int] = []
        by: list[Snap] = []
        owners: list[int] = []
        start: list[int] = []
        within: dict[int, list[tuple[int, float, int]]] = {}
        for place, some in enumerate(snaps):
            doors = self._of_place(place, some, within)
            if doors:
                owners.append(place)
                start.append(len(nodes))
            for node, (door_ms, snap) in doors.items():
                nodes.append(node)
                ms.append(door_ms)
                by.append(snap)
        rows, first = np.array(owners, np.intp), np.array(start, np.intp)
        single = np.diff(np.append(first, len(nodes))) == 1
        only = np.full(len(snaps), -1, np.intp)
        only[rows[single]] = first[single]
        arcs = frozenset([snap.arc for some in snaps for snap in some])
        return Doors(np.array(nodes, np.uint32), np.array(ms, np.int64), tuple(by), rows, first, only, within, arcs)

    def _of_place(
        self, place: int, snaps: Snaps, within: dict[int, list[tuple[int, float, int]]]
    ) -> dict[int, tuple[int, Snap]]:
        """The doors of one place, by search node: to each the quickest."""
        doors: dict[int, tuple[int, Snap]] = {}
        for snap in snaps:
            ms = off_road_ms(snap, self._off_road_kph)
            node = self._node_at(snap)
            if node is None:
                within.setdefault(snap.arc, []).append((place, snap.fraction, ms))
                nodes = self._mid_arc(snap.arc)
                ms += part_ms(self._costs.likely_ms, snap.arc, self._driven(snap))
            else:
                nodes = [node] if self._joining else self._topology.copies_of(node).tolist()
            for row in nodes:
                if row not in doors or ms < doors[row][0]:
                    doors[row] = ms, snap
        return doors

    def _mid_arc(self, arc: int) -> list[int]:
        if self._joining:
            return [self._topology.after(arc)]
        return self._topology.before(arc, self._costs.free.bound)

    def _driven(self, snap: Snap) -> float:
        return 1 - snap.fraction if self._joining else snap.fraction

    def _node_at(self, snap: Snap) -> int | None:
        """The road node that the point is, None within an arc."""
        if snap.fraction <= AT_THE_NODE:
            return int(self._net.tail[snap.arc])
        return int(self._net.head[snap.arc]) if snap.fraction >= 1 - AT_THE_NODE else None
