"""What is asked: ambulances, hospitals, GPS fixes, closures and days of traffic, drawn on any road map from a seed.

Places stand exactly on a node or in the middle of an arc, where the road is unambiguous, so that every peer is asked
the same pair. All by one generator of numbers: the same map and seed give the same questions.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from casebook.errors import RefusedInput
from casebook.place import EARTH_RADIUS_M, Place
from routing.roads.roadmap import Roadmap

AT = datetime(2021, 4, 18, 1, 30, tzinfo=UTC)  # a Sunday morning; nothing here depends on the day
HOSPITALS, AMBULANCES, CLOSED = 40, 1000, 100
FIX_ERROR_M = 10.0  # standard deviation of a fix, each way; assumption: a phone's or a vehicle's receiver among houses
BARELY_OFF_M = 0.3  # a drawn place lies this near its road: well within what counts as on it
METRES_PER_DEGREE = EARTH_RADIUS_M * np.pi / 180


@dataclass(frozen=True, slots=True)
class Questions:
    """Rows of the network's nodes, and the same as places."""

    hospitals: tuple[int, ...]
    ambulances: tuple[int, ...]
    hospital_places: tuple[Place, ...]
    ambulance_places: tuple[Place, ...]


def numbers(seed: int, what: str) -> np.random.Generator:
    """A generator of its own for each purpose, so that one more draw here changes nothing there."""
    return np.random.default_rng([seed, *what.encode()])


def draw(roadmap: Roadmap, usable: NDArray[np.bool_], seed: int) -> Questions:
    """40 hospitals and 1,000 ambulances (fewer on a map that has not so many nodes), no node twice."""
    rows = list(nodes_drawn(roadmap, usable, numbers(seed, "nodes"), HOSPITALS + AMBULANCES))
    hospitals = rows[: min(HOSPITALS, len(rows) // 2)]
    ambulances = rows[len(hospitals) :]
    return Questions(
        tuple(hospitals),
        tuple(ambulances),
        tuple(place_of(roadmap, node) for node in hospitals),
        tuple(place_of(roadmap, node) for node in ambulances),
    )


def nodes_drawn(roadmap: Roadmap, usable: NDArray[np.bool_], random: np.random.Generator, count: int) -> Iterator[int]:
    """Nodes where the road is unambiguous, in random order, at most `count`. Refuses a map that has not even two."""
    found = 0
    for node in random.permutation(roadmap.network.nodes).tolist():
        if is_clear(roadmap, usable, node):
            found += 1
            yield node
        if found == count:
            return
    if found < 2:
        raise RefusedInput("roads_empty", file=roadmap.name, ways=roadmap.report.ways_read)


def is_clear(roadmap: Roadmap, usable: NDArray[np.bool_], node: int) -> bool:
    """Whether a place on this node joins the road there, and no bridge over it or second node beside it."""
    network, snaps = roadmap.network, roadmap.snap(place_of(roadmap, node), usable)
    leaving = (snap.fraction == 0 and network.tail[snap.arc] == node for snap in snaps)
    entering = (snap.fraction == 1 and network.head[snap.arc] == node for snap in snaps)
    return bool(snaps) and all(a or b for a, b in zip(leaving, entering, strict=True))


def place_of(roadmap: Roadmap, node: int) -> Place:
    network = roadmap.network
    return Place(float(network.lat[node]), float(network.lon[node]))


def middles_drawn(roadmap: Roadmap, usable: NDArray[np.bool_], random: np.random.Generator, count: int) -> list[Place]:
    """Places within an arc, 10 to 90 % along it, on the road and on no other."""
    found: list[Place] = []
    for arc in random.permutation(np.flatnonzero(usable)).tolist():
        place = point_on(roadmap, arc, random.uniform(0.1, 0.9))
        if is_within(roadmap, usable, place):
            found.append(place)
        if len(found) == count:
            break
    return found


def is_within(roadmap: Roadmap, usable: NDArray[np.bool_], place: Place) -> bool:
    """Whether a place lies on a road between its nodes."""
    snaps = roadmap.snap(place, usable)
    return bool(snaps) and all(0 < snap.fraction < 1 and snap.distance_m <= BARELY_OFF_M for snap in snaps)


def point_on(roadmap: Roadmap, arc: int, fraction: float) -> Place:
    network = roadmap.network
    tail, head = network.tail[arc], network.head[arc]
    lat = network.lat[tail] + (network.lat[head] - network.lat[tail]) * fraction
    lon = network.lon[tail] + (network.lon[head] - network.lon[tail]) * fraction
    return Place(float(lat), float(lon))


def fixes_drawn(roadmap: Roadmap, usable: NDArray[np.bool_], seed: int, count: int) -> list[Place]:
    """What a vehicle's receiver tells on the road: a point of an arc (longer arcs oftener) and an error both ways."""
    random, network = numbers(seed, "fixes"), roadmap.network
    length_m = np.where(usable, network.length_m, 0.0)
    arcs = random.choice(network.arcs, count, p=length_m / length_m.sum())
    fixes: list[Place] = []
    for arc in arcs.tolist():
        on_road = point_on(roadmap, arc, random.uniform())
        east_m, north_m = random.normal(0, FIX_ERROR_M, 2)
        scale = METRES_PER_DEGREE * np.cos(np.radians(on_road.lat))
        fixes.append(Place(on_road.lat + north_m / METRES_PER_DEGREE, on_road.lon + float(east_m / scale)))
    return fixes


def parallels(roadmap: Roadmap, weights_ms: NDArray[np.int64]) -> NDArray[np.intp]:
    """Arcs that have a dearer or cheaper twin between the same two nodes, in the same direction."""
    network = roadmap.network
    order = np.lexsort((network.head, network.tail))
    tail, head, weight = network.tail[order], network.head[order], weights_ms[order]
    twin = (tail[1:] == tail[:-1]) & (head[1:] == head[:-1]) & (weight[1:] != weight[:-1])
    return order[1:][twin]
