"""What a driver sees at a node of the road map: the roads ahead, how far each turns, and whether that is a choice.

Only roads open to every car count as seen: nobody takes the wrong way up a one-way road for a fork. Built once per map.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Literal
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from routing.roads.network import CAR
from routing.roads.roadmap import Roadmap

#: Importance of a road to a driver, 0 first; a link ranks with its road.
RANK = {
    "motorway": 0, "trunk": 1, "primary": 2, "secondary": 3, "tertiary": 4, "unclassified": 5, "road": 5,
    "residential": 5, "busway": 6, "living_street": 6, "service": 7, "pedestrian": 7, "track": 8,
}  # fmt: skip
#: Degrees off straight ahead. Assumptions, in the manner of navigation devices: below the first it is straight on.
STRAIGHT_DEG, SLIGHT_DEG, SHARP_DEG, BACK_DEG = 25.0, 60.0, 120.0, 165.0
FORK_DEG = 50.0  # two roads that both lead ahead within this are a fork
CLEARLY_DEG = 35.0  # a road that is straighter than every other by this is the way on
Turning = Literal["turn", "keep", "ramp", "exit", "merge", "uturn"]


@dataclass(frozen=True, slots=True)
class Move:
    """From arc `here` to arc `on`, `angle_deg` to the right (left negative); `others`: (arc, angle) not taken."""

    here: int
    on: int
    angle_deg: float
    others: tuple[tuple[int, float], ...]


class Junctions:
    """Classes and directions of all arcs of one map, and the arcs that leave each node."""

    def __init__(self, roadmap: Roadmap) -> None:
        net = self._net = roadmap.network
        self.bearing_deg: NDArray[np.float64] = net.bearing_deg()
        self.ring = net.where_tag("junction", {"roundabout", "circular"})
        self._fast = net.where_tag("highway", {"motorway", "trunk"})
        self.link = net.where_tag("highway", {"motorway_link", "trunk_link"})
        self.slip: NDArray[np.bool_] = net.where_tag("highway", {"primary_link", "secondary_link", "tertiary_link"})
        self._branch = self.link | self.slip
        ranks = [RANK.get(word.removesuffix("_link"), 5) for word in net.columns["highway"].words]
        self.rank = np.array(ranks, np.int8)[net.columns["highway"].code[net.way]]
        seen = np.flatnonzero((net.access & CAR) > 0)
        self._leaving = seen[np.argsort(net.tail[seen], kind="stable")]
        self._start = np.searchsorted(net.tail[self._leaving], np.arange(net.nodes + 1))

    def leaving(self, node: int) -> NDArray[np.intp]:
        """Arcs that a car may take out of the node."""
        return self._leaving[self._start[node] : self._start[node + 1]]

    def ahead(self, here: int) -> list[int]:
        """Arcs that a car may take at the end of `here`, without turning back."""
        back = int(self._net.tail[here])
        return [int(arc) for arc in self.leaving(int(self._net.head[here])) if int(self._net.head[arc]) != back]

    def is_choice(self, node: int) -> bool:
        """Whether more than a road through meets here."""
        return len(self.leaving(node)) > 2

    def leaves_ring(self, node: int) -> bool:
        """Whether a car may leave a roundabout here."""
        return any(not self.ring[arc] for arc in self.leaving(node))

    def leaving_deg(self, arc: int, look_m: float) -> float:
        """The direction in which a road leaves: over `look_m` of it, as far as it has no choice."""
        net = self._net
        first, last, seen_m = arc, arc, float(net.length_m[arc])
        while seen_m < look_m and len(onward := self.ahead(last)) == 1 and not self.is_choice(int(net.head[last])):
            last = onward[0]
            seen_m += float(net.length_m[last])
        tail, head = int(net.tail[first]), int(net.head[last])
        east = (net.lon[head] - net.lon[tail]) * np.cos(np.radians(net.lat[tail]))
        north = net.lat[head] - net.lat[tail]
        if east == 0 and north == 0:
            return float(self.bearing_deg[arc])
        return float(np.degrees(np.arctan2(east, north)) % 360)

    def kind_of(self, move: Move) -> Turning | None:
        """What there is to tell at a node; None where the road simply goes on."""
        net = self._net
        if net.head[move.on] == net.tail[move.here] or (abs(move.angle_deg) > BACK_DEG and move.others):
            return "uturn"
        if self.link[move.on] and not self.link[move.here] and (move.others or self._fast[move.here]):
            return "exit" if self._fast[move.here] and self._goes_on(move) else "ramp"
        if self.link[move.here] and self._fast[move.on]:
            return "merge"
        return self._turn(move) if move.others else None

    def _goes_on(self, move: Move) -> bool:
        """Whether the fast road itself goes on past the ramp."""
        return any(self._fast[arc] for arc, _ in move.others)

    def _turn(self, move: Move) -> Turning | None:
        size, rank = abs(move.angle_deg), int(self.rank[move.on])
        # Whoever stays on the road passes its ramps and slip lanes without a word.
        passed = not self._branch[move.on]
        branches = [(arc, angle) for arc, angle in move.others if not (passed and self._branch[arc])]
        alike = [angle for arc, angle in branches if self.rank[arc] <= rank + 1]
        if size < FORK_DEG and any(self._forks(move.angle_deg, angle) for angle in alike):
            return "keep"
        if size < STRAIGHT_DEG:
            return None
        straightest = size + CLEARLY_DEG <= min(abs(angle) for _, angle in move.others)
        if size < SLIGHT_DEG and (straightest or (not alike and self._same_class(move))):
            return None
        yards_only = all(self.rank[arc] >= RANK["service"] for arc, _ in move.others)
        return None if yards_only and self._same_class(move) and rank < RANK["service"] else "turn"

    def _same_class(self, move: Move) -> bool:
        return bool(self.rank[move.here] == self.rank[move.on])

    def _forks(self, ours: float, other: float) -> bool:
        """Both lead ahead, neither much straighter than the other."""
        return abs(other) < FORK_DEG and abs(abs(ours) - abs(other)) < STRAIGHT_DEG + 5

    def side_at(self, move: Move, kind: Turning) -> str:
        """The side to name: of a turn by its angle, of a fork or ramp by where the other road lies; else ""."""
        if kind == "turn":
            return side_of(move.angle_deg)
        if kind in ("uturn", "merge"):
            return ""
        ahead = [angle for _, angle in move.others if abs(angle) < FORK_DEG]
        if kind == "ramp" and not ahead:
            return "left" if move.angle_deg < -STRAIGHT_DEG else "right" if move.angle_deg > STRAIGHT_DEG else ""
        if not ahead:
            return "left" if move.angle_deg < 0 else "right"
        return "left" if move.angle_deg < sum(ahead) / len(ahead) else "right"


def turned_deg(before: float, after: float) -> float:
    """From one direction to another, to the right positive, within -180..180."""
    return (after - before + 180) % 360 - 180


def side_of(angle_deg: float) -> str:
    """One of left, right, slight_left ... sharp_right, straight, uturn."""
    size, hand = abs(angle_deg), "right" if angle_deg > 0 else "left"
    if size < STRAIGHT_DEG:
        return "straight"
    if size > BACK_DEG:
        return "uturn"
    return f"slight_{hand}" if size < SLIGHT_DEG else f"sharp_{hand}" if size > SHARP_DEG else hand


_kept: WeakKeyDictionary[Roadmap, Junctions] = WeakKeyDictionary()
_lock = threading.Lock()


def junctions_of(roadmap: Roadmap) -> Junctions:
    """The junctions of a map, made when first asked for."""
    with _lock:
        if roadmap not in _kept:
            _kept[roadmap] = Junctions(roadmap)
        return _kept[roadmap]
