"""Put a place on the road: the nearest point on an arc that the vehicle may use, exact to the point within the arc.

The spatial index is built once per network (osmnx builds one per call). Which arcs are usable now is the caller's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import STRtree

from casebook.place import EARTH_RADIUS_M, Place
from routing.roads.network import Network

SAME_POINT_M = 1.0  # arcs within this of the nearest count as equally near: both directions, and all arms of a junction
MAX_OFF_ROAD_M = 5_000.0  # beyond this the place is not on this map; assumption, rural China's stations reach 10-20 km
#: Fenced roads (motorways) are joined only by a place that stands on them. Assumption: half the width of a
#: carriageway's right of way plus the error of a phone's position; the map's own accuracy comes on top.
FENCE_M = 50.0
FENCED = {"motorway", "motorway_link"}
FIRST_LOOK_M = 100.0
METRES_PER_DEGREE = EARTH_RADIUS_M * np.pi / 180


@dataclass(frozen=True, slots=True)
class Snap:
    """A point `fraction` (0..1) of the way along `arc`, `distance_m` beside the place asked for."""

    arc: int
    fraction: float
    lon: float
    lat: float
    distance_m: float


class Snapper:
    """The index of one network. Coordinates in degrees; distances exact on a plane touching the asked place."""

    def __init__(self, network: Network, accuracy_m: float | None) -> None:
        self._a = np.column_stack((network.lon[network.tail], network.lat[network.tail]))
        self._b = np.column_stack((network.lon[network.head], network.lat[network.head]))
        self._bearing_deg = network.bearing_deg()
        self._fenced = network.where_tag("highway", FENCED)
        self._fence_m = FENCE_M + (accuracy_m or 0.0)
        lines = shapely.linestrings(np.stack((self._a, self._b), axis=1))
        self.tree = STRtree(np.asarray(lines, dtype=object))

    def near(self, place: Place, usable: NDArray[np.bool_], heading_deg: float | None = None) -> tuple[Snap, ...]:
        """The nearest points on usable arcs, nearest first; several when equally near; none beyond MAX_OFF_ROAD_M.

        `heading_deg` (a moving vehicle's course) prefers arcs within 90 degrees of it, where one is about as near as
        the nearest: the right carriageway of two, never a road of the next village.
        """
        radius_m = FIRST_LOOK_M
        while True:
            arcs, fractions, off_m = self._within(place, radius_m)
            good = usable[arcs] & (off_m <= radius_m) & (~self._fenced[arcs] | (off_m <= self._fence_m))
            if good.any():
                good = self._on_course(arcs, off_m, good, heading_deg)
                return self._snaps(arcs[good], fractions[good], off_m[good])
            if radius_m >= MAX_OFF_ROAD_M:
                return ()
            radius_m = min(radius_m * 4, MAX_OFF_ROAD_M)

    def _on_course(
        self, arcs: NDArray[np.intp], off_m: NDArray[np.float64], good: NDArray[np.bool_], heading_deg: float | None
    ) -> NDArray[np.bool_]:
        if heading_deg is None:
            return good
        turn_deg = np.abs((self._bearing_deg[arcs] - heading_deg + 180) % 360 - 180)
        on_course = good & (turn_deg < 90) & (off_m <= off_m[good].min() + self._fence_m)
        return on_course if on_course.any() else good

    def _within(
        self, place: Place, radius_m: float
    ) -> tuple[NDArray[np.intp], NDArray[np.float64], NDArray[np.float64]]:
        """Arcs whose box touches the square around the place; where on each the nearest point lies; how far off."""
        scale = np.array((METRES_PER_DEGREE * max(0.01, np.cos(np.radians(place.lat))), METRES_PER_DEGREE))
        point = np.array((place.lon, place.lat))
        half = radius_m / scale
        arcs = np.sort(self.tree.query(shapely.box(*(point - half), *(point + half))))
        a, b = (self._a[arcs] - point) * scale, (self._b[arcs] - point) * scale
        along = b - a
        length2 = np.maximum((along**2).sum(axis=1), 1e-12)
        fraction = np.clip(-(a * along).sum(axis=1) / length2, 0.0, 1.0)
        nearest = a + along * fraction[:, None]
        return arcs, fraction, np.hypot(nearest[:, 0], nearest[:, 1])

    def _snaps(
        self, arcs: NDArray[np.intp], fractions: NDArray[np.float64], off_m: NDArray[np.float64]
    ) -> tuple[Snap, ...]:
        same = off_m <= off_m.min() + SAME_POINT_M
        order = np.lexsort((arcs[same], off_m[same]))
        found = zip(arcs[same][order], fractions[same][order], off_m[same][order], strict=True)
        return tuple(self._snap(int(arc), float(fraction), float(m)) for arc, fraction, m in found)

    def _snap(self, arc: int, fraction: float, off_m: float) -> Snap:
        lon, lat = self._a[arc] + (self._b[arc] - self._a[arc]) * fraction
        return Snap(arc, fraction, float(lon), float(lat), off_m)
