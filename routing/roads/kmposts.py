"""Find a road number and kilometre on the map: a place, or the arcs between two kilometres.

Kilometres are those written on posts (milestone nodes of the road file, or a table beside it); between two posts of one
carriageway they are shared out along it. Beyond the outermost posts nothing is guessed. What a kilometre is closed for
is left to routing/traffic.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from casebook.errors import RefusedInput
from routing.roads.grid import METRES_PER_DEGREE
from routing.roads.network import CONTRAFLOW, Network, replaced
from routing.roads.twins import twins

#: A post stands this near the carriageway it numbers; the map's own accuracy comes on top. Assumption: the width of an
#: expressway with its verges (about 34 m for six lanes, JTG B01) with room for a post drawn on the other side.
BESIDE_M = 60.0
WRITTEN = re.compile(r"^\s*[Kk]?\s*(\d+)(?:\+(\d{1,3})|[.,](\d+))?\s*(?:km)?\s*$")
COLUMNS = ("ref", "km", "lat", "lon")


@dataclass(frozen=True, slots=True)
class KmPost:
    """A post of the road `ref` that reads `km`, at this place."""

    ref: str
    km: float
    lat: float
    lon: float


@dataclass(frozen=True, slots=True)
class OnRoad:
    """A point `fraction` of the way along `arc`, where traffic runs towards `bearing_deg`."""

    arc: int
    fraction: float
    lat: float
    lon: float
    bearing_deg: float


def read_km(text: str) -> float | None:
    """Kilometres as written on a post or said on the radio: ``38``, ``38.2``, ``K38+200``; None when it is no such."""
    found = WRITTEN.match(text)
    if not found:
        return None
    whole, metres, decimals = found.groups()
    return int(whole) + (int(metres) / 1000 if metres else float(f"0.{decimals}") if decimals else 0.0)


def read_posts(path: Path) -> tuple[KmPost, ...]:
    """The posts of a CSV table with the columns ref, km, lat, lon (WGS-84); more columns are for people.

    Raises RefusedInput `km_table` with the line.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as broken:
        raise RefusedInput("km_table", file=path.name, line="-", why=str(broken)) from broken
    return tuple(_post(path, line, row) for line, row in enumerate(rows, 2))


def _post(path: Path, line: int, row: dict[str, str | None]) -> KmPost:
    ref, km, lat, lon = ((row.get(name) or "").strip() for name in COLUMNS)
    try:
        number, at = read_km(km), (float(lat), float(lon))
    except ValueError as broken:
        raise RefusedInput("km_table", file=path.name, line=line, why=str(broken)) from broken
    if not ref or number is None or not (-90 <= at[0] <= 90 and -180 <= at[1] <= 180):
        raise RefusedInput("km_table", file=path.name, line=line, why=", ".join((ref, km, lat, lon)))
    return KmPost(ref, number, *at)


def with_posts(network: Network, posts: Sequence[KmPost]) -> Network:
    """The network with these posts besides its own."""
    if not posts:
        return network
    at = np.array([(post.km, post.lat, post.lon) for post in posts], np.float64)
    refs = np.array([post.ref for post in posts], np.str_)
    return replaced(
        network, post_at=np.concatenate((network.post_at, at)), post_ref=np.concatenate((network.post_ref, refs))
    )


class KmPosts:
    """The posts of one network. Roads without posts are known by name only."""

    def __init__(self, network: Network, accuracy_m: float | None = None) -> None:
        self._network = network
        self._posts = tuple(
            KmPost(ref.strip(), km, lat, lon)
            for refs, (km, lat, lon) in zip(network.post_ref.tolist(), network.post_at.tolist(), strict=True)
            for ref in refs.split(";")
        )
        self._beside_m = BESIDE_M + (accuracy_m or 0.0)
        self._carriageways: dict[str, list[_Carriageway]] = {}

    @cached_property
    def refs(self) -> tuple[str, ...]:
        """The road numbers that have posts."""
        return tuple(sorted({post.ref for post in self._posts}))

    def find(self, ref: str, km: float, bearing_deg: float | None = None) -> tuple[OnRoad, ...]:
        """The points at this kilometre, one on each carriageway; with `bearing_deg`, where traffic runs that way.

        Raises RefusedInput `km_road_unknown`, `km_no_posts`, `km_outside` or `km_no_carriageway`.
        """
        points = [way.point(km) for way in self._around(ref, km)]
        return tuple(_running(points, bearing_deg, ref, km))

    def arcs(self, ref: str, km_a: float, km_b: float, bearing_deg: float | None = None) -> NDArray[np.intp]:
        """Rows of the arcs that lie, wholly or in part, between two kilometres, ascending; both carriageways, or with
        `bearing_deg` the one where traffic runs that way. Arcs against a one-way carriageway are among them.

        Raises what `find` raises, for either kilometre.
        """
        low, high = min(km_a, km_b), max(km_a, km_b)
        reaching = [way for way in self._around(ref, low) if way.covers(high)]
        self._around(ref, high)
        if not reaching:
            raise self._outside(ref, f"{low:g}-{high:g}")
        wanted = {point.arc for point in _running([way.point(low) for way in reaching], bearing_deg, ref, low)}
        rows = [arc for way in reaching if way.point(low).arc in wanted for arc in way.between(low, high)]
        against = self._against[rows]
        return np.unique(np.concatenate((rows, against[against >= 0]))).astype(np.intp)

    @cached_property
    def _against(self) -> NDArray[np.intp]:
        return twins(self._network, self._network.access == CONTRAFLOW)

    def _around(self, ref: str, km: float) -> list[_Carriageway]:
        if ref not in self._carriageways:
            self._carriageways[ref] = self._read(ref)
        covering = [way for way in self._carriageways[ref] if way.covers(km)]
        if not covering:
            raise self._outside(ref, f"{km:g}")
        return covering

    def _outside(self, ref: str, km: str) -> RefusedInput:
        spans = sorted({(way.first_km, way.last_km) for way in self._carriageways[ref]})
        if not spans:
            return RefusedInput("km_no_posts", ref=ref, known=", ".join(self.refs) or "-")
        return RefusedInput("km_outside", ref=ref, km=km, spans=", ".join(f"{a:g}-{b:g}" for a, b in spans))

    def _read(self, ref: str) -> list[_Carriageway]:
        net = self._network
        arcs = np.flatnonzero(net.where_tag("ref", {ref}) & (net.access != CONTRAFLOW))
        if len(arcs) == 0:
            known = sorted({part.strip() for word in net.columns["ref"].words for part in word.split(";")} - {""})
            raise RefusedInput("km_road_unknown", ref=ref, known=", ".join(known[:40]) or "-")
        posts = [post for post in self._posts if post.ref == ref]
        found = (_Carriageway(net, chain, posts, self._beside_m) for chain in _chains(net, arcs) if posts)
        return [way for way in found if way.first_km < way.last_km]


def _running(points: Sequence[OnRoad], bearing_deg: float | None, ref: str, km: float) -> list[OnRoad]:
    if bearing_deg is None:
        return list(points)
    running = [point for point in points if abs((point.bearing_deg - bearing_deg + 180) % 360 - 180) < 90]
    if not running:
        there = ", ".join(f"{point.bearing_deg:.0f}" for point in points)
        raise RefusedInput("km_no_carriageway", ref=ref, km=f"{km:g}", bearing=f"{bearing_deg:.0f}", there=there)
    return running


class _Carriageway:
    """Arcs head to tail in driving order, and how its metres and the posts' kilometres answer to each other."""

    def __init__(self, network: Network, arcs: Sequence[int], posts: Sequence[KmPost], beside_m: float) -> None:
        self._network, self._arcs = network, np.array(arcs, np.intp)
        self._end_m = np.cumsum(network.length_m[self._arcs])
        metres, km = self._calibrated(posts, beside_m)
        self._metres, self._km = metres, km
        self.first_km, self.last_km = (float(km.min()), float(km.max())) if len(km) > 1 else (0.0, 0.0)

    def _calibrated(self, posts: Sequence[KmPost], beside_m: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Metres along and kilometres of the posts beside it, ascending in kilometres.

        The numbers must run one way along the road: a post that does not fit between its neighbours is left out.
        """
        placed = [(post.km, at_m) for post in posts if (at_m := self._beside(post, beside_m)) is not None]
        placed.sort()
        if len(placed) < 2:
            return np.empty(0), np.empty(0)
        steps = [b[1] - a[1] for a, b in pairwise(placed)]
        along = 1.0 if np.median(steps) > 0 else -1.0
        kept = _longest_rise([(km, at_m * along) for km, at_m in placed])
        return np.array([at_m * along for _, at_m in kept]), np.array([km for km, _ in kept])

    def _beside(self, post: KmPost, beside_m: float) -> float | None:
        net, arcs = self._network, self._arcs
        tail, head = net.tail[arcs], net.head[arcs]
        per_lon = METRES_PER_DEGREE * max(0.01, float(np.cos(np.radians(post.lat))))
        x, y = (net.lon[tail] - post.lon) * per_lon, (net.lat[tail] - post.lat) * METRES_PER_DEGREE
        east, north = (net.lon[head] - net.lon[tail]) * per_lon, (net.lat[head] - net.lat[tail]) * METRES_PER_DEGREE
        share = np.clip(-(x * east + y * north) / np.maximum(east**2 + north**2, 1e-12), 0.0, 1.0)
        off_m = np.hypot(x + east * share, y + north * share)
        best = int(off_m.argmin())
        if off_m[best] > beside_m:
            return None
        return float(self._end_m[best] - net.length_m[arcs[best]] * (1 - share[best]))

    def covers(self, km: float) -> bool:
        return len(self._km) > 1 and self.first_km <= km <= self.last_km

    def _metre(self, km: float) -> float:
        return float(np.interp(km, self._km, self._metres))

    def point(self, km: float) -> OnRoad:
        net, at_m = self._network, self._metre(km)
        row = min(int(np.searchsorted(self._end_m, at_m)), len(self._arcs) - 1)
        arc = int(self._arcs[row])
        length_m = float(net.length_m[arc])
        fraction = min(1.0, max(0.0, 1 - (float(self._end_m[row]) - at_m) / length_m)) if length_m else 0.0
        lon_a, lat_a, lon_b, lat_b = (
            float(degrees[node[arc]]) for node in (net.tail, net.head) for degrees in (net.lon, net.lat)
        )
        bearing_deg = float(np.degrees(np.arctan2((lon_b - lon_a) * np.cos(np.radians(lat_a)), lat_b - lat_a)) % 360)
        return OnRoad(
            arc, fraction, lat_a + (lat_b - lat_a) * fraction, lon_a + (lon_b - lon_a) * fraction, bearing_deg
        )

    def between(self, low: float, high: float) -> list[int]:
        begin_m, finish_m = sorted((self._metre(low), self._metre(high)))
        start_m = self._end_m - self._network.length_m[self._arcs]
        touched = (start_m < finish_m) & (self._end_m > begin_m)
        return self._arcs[touched].tolist() or [self.point(low).arc]


def _longest_rise(placed: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """The most posts that rise in kilometres and in metres together."""
    best: list[list[tuple[float, float]]] = []
    for here in placed:
        before = [run for run in best if run[-1][0] < here[0] and run[-1][1] < here[1]]
        best.append([*max(before, key=len, default=[]), here])
    return max(best, key=len)


def _chains(network: Network, arcs: NDArray[np.intp]) -> list[list[int]]:
    """The arcs strung head to tail in driving order; where several follow, the straightest goes on."""
    bearing = network.bearing_deg()
    out: dict[int, list[int]] = {}
    for arc in arcs.tolist():
        out.setdefault(int(network.tail[arc]), []).append(arc)
    pairs = [
        (abs(float((bearing[b] - bearing[a] + 180) % 360 - 180)), a, b)
        for a in arcs.tolist()
        for b in out.get(int(network.head[a]), ())
        if network.head[b] != network.tail[a]
    ]
    after: dict[int, int] = {}
    before: dict[int, int] = {}
    for _, a, b in sorted(pairs):
        if a not in after and b not in before:
            after[a], before[b] = b, a
    chains, left = [], set(arcs.tolist())
    for first in [*(arc for arc in arcs.tolist() if arc not in before), *arcs.tolist()]:  # rings have no first arc
        chain, arc = [], first
        while arc in left:
            left.remove(arc)
            chain.append(arc)
            arc = after.get(arc, -1)
        if chain:
            chains.append(chain)
    return chains
