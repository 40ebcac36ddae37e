"""Read road graphs of the 9th DIMACS Implementation Challenge: arcs (.gr) and coordinates (.co), plain or gzipped.

Travel times of such a graph stand in Network.free_ms; no speed table is asked. Parallel arcs are kept. Caching is
left to loading.py.
"""

from __future__ import annotations

import gzip
import re
import warnings
import zlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from casebook.errors import RefusedInput
from routing.roads.islands import report_on
from routing.roads.network import CAR, COLUMNS, EMERGENCY, Column, LoadReport, Network, distances_m, parallel_keys

SUFFIXES = (".gr", ".gr.gz", ".co", ".co.gz")
#: Unit of the TIGER graphs' distances: 0.1 m. Source: measured against the coordinates of New York (the Challenge's
#: pages name no unit).
DISTANCE_M = 0.1
#: Unit of the TIGER graphs' travel times. The Challenge divides the distance by 1.0, 0.8, 0.6 or 0.4 for the four road
#: categories (the four ratios found in the files) and names no unit: that 1.0 stands for 100 km/h is an assumption,
#: which makes the categories 100, 80, 60 and 40 km/h and the unit 3.6 ms.
TIME_MS = 3.6
#: Time over distance -> class. TIGER/Line 2000 road features: A1 primary highway with limited access, A2 primary road
#: without, A3 secondary and connecting road, A4 local road. The last comes first: an arc too short to tell is local.
CLASSES = ((1 / 0.4, "residential"), (1 / 0.6, "secondary"), (1 / 0.8, "primary"), (1 / 1.0, "motorway"))
UNCLASSED = "road"
SAME_RATIO = 0.1  # a time this near (relative) to a category's is of it, or one within a unit of rounding
TIGER = "US Census Bureau, TIGER/Line; 9th DIMACS Implementation Challenge"

KIND = re.compile(r"[.-](distance|dist|traveltime|time|d|t)(?=[.-]|$)")
TITLE = re.compile(rb"^c .*USA-road-([dt])\b", re.MULTILINE)
PROBLEM = re.compile(rb"^p\s+(?:aux\s+)?sp\s+(?:co\s+)?(\d+)(?:[ \t]+(\d+))?[ \t\r]*$", re.MULTILINE)
COMMENT = re.compile(rb"^c.*$", re.MULTILINE)
LINE = {b"a": re.compile(rb"a\s+\d+\s+\d+\s+\d+\s*$"), b"v": re.compile(rb"v\s+\d+\s+-?\d+\s+-?\d+\s*$")}


@dataclass(frozen=True, slots=True)
class Parts:
    """The files of one graph."""

    coordinates: Path
    distance: Path | None
    time: Path | None

    @property
    def files(self) -> tuple[Path, ...]:
        return tuple(path for path in (self.coordinates, self.distance, self.time) if path)


def find_parts(path: Path) -> Parts:
    """The partners of a .gr or .co file in its folder, by name (``x.co.gz``, ``x.distance.gr.gz``, ``x.traveltime.gr``;
    ``USA-road-d.NY.gr``). Raises RefusedInput `dimacs_alone`, `dimacs_kind`.
    """
    near = [
        file for file in sorted(path.parent.iterdir()) if file.name.endswith(SUFFIXES) and _stem(file) == _stem(path)
    ]
    coordinates = [file for file in near if ".co" in file.name[-6:]]
    arcs = {_kind(file): file for file in near if ".gr" in file.name[-6:]}
    if path.name.endswith(SUFFIXES[:2]):
        coordinates.sort(key=lambda file: _shared(file, path), reverse=True)
    if not coordinates or not arcs:
        raise RefusedInput("dimacs_alone", file=path.name, wanted=".gr" if coordinates else ".co")
    return Parts(coordinates[0], arcs.get("d"), arcs.get("t"))


def _stem(path: Path) -> str:
    name = path.name
    for suffix in (".gz", ".gr", ".co"):
        name = name.removesuffix(suffix)
    return KIND.sub("", name)


def _shared(a: Path, b: Path) -> int:
    return next((n for n, (x, y) in enumerate(zip(a.name, b.name, strict=False)) if x != y), len(a.name))


def _kind(path: Path) -> str:
    """ "d" for a file of distances, "t" of times: by its title line, else by its name."""
    title = TITLE.search(_text(path, 2048))
    if title:
        return title[1].decode()
    named = KIND.search(path.name)
    if not named:
        raise RefusedInput("dimacs_kind", file=path.name)
    return named[1][0]


def _open(path: Path) -> BinaryIO | gzip.GzipFile:
    return gzip.open(path) if path.name.endswith(".gz") else path.open("rb")


def _text(path: Path, size: int = -1) -> bytes:
    try:
        with _open(path) as file:
            return file.read(size)
    except (OSError, EOFError, zlib.error) as broken:
        raise RefusedInput("roads_malformed", file=path.name, line="-", why=str(broken)) from broken


def read_dimacs(path: Path) -> tuple[Network, LoadReport]:
    """The network of the graph that the file belongs to. Raises RefusedInput (`roads_malformed` with the line,
    `dimacs_...`)."""
    parts = find_parts(path)
    lon, lat = _read_coordinates(parts.coordinates)
    graphs = {name: _read_arcs(file, len(lon)) for name, file in (("d", parts.distance), ("t", parts.time)) if file}
    first = next(iter(graphs.values()))
    for graph in graphs.values():
        if not np.array_equal(graph[:, :2], first[:, :2]):
            raise RefusedInput("dimacs_differ", file=parts.files[1].name, other=parts.files[-1].name)
    tail, head = (first[:, column].astype(np.int32) - np.int32(1) for column in (0, 1))
    length_m = distances_m(lon[tail], lat[tail], lon[head], lat[head])
    if "d" in graphs:
        length_m = (graphs["d"][:, 2] * DISTANCE_M).astype(np.float64)
    free_ms = np.maximum(1, np.rint(graphs["t"][:, 2] * TIME_MS)).astype(np.int64) if "t" in graphs else _NO_TIMES
    way, words = _classes(graphs)
    network = Network(
        node_id=np.arange(1, len(lon) + 1, dtype=np.int64),
        lon=lon,
        lat=lat,
        tail=tail,
        head=head,
        key=parallel_keys(tail, head),
        length_m=length_m,
        way=way,
        forward=tail < head,
        access=np.full(len(tail), CAR | EMERGENCY, np.uint8),
        origin=np.empty((0, 3), np.int64),
        way_id=np.arange(1, len(words) + 1, dtype=np.int64),
        columns={name: Column.of(words if name == "highway" else [""] * len(words)) for name in COLUMNS},
        free_ms=free_ms,
    )
    return report_on(network, Counter(), ways_read=len(tail), ways_kept=len(tail))


_NO_TIMES = np.empty(0, np.int64)


def _classes(graphs: dict[str, NDArray[np.int64]]) -> tuple[NDArray[np.int32], list[str]]:
    """For each arc the row of its class, and the classes. One "way" per class: such files know no roads by name."""
    words = [*(word for _, word in CLASSES), UNCLASSED]
    if len(graphs) < 2:
        return np.full(len(next(iter(graphs.values()))), len(CLASSES), np.int32), words
    expected = graphs["d"][:, 2:] * np.array([ratio for ratio, _ in CLASSES])
    off = np.abs(graphs["t"][:, 2:] - expected)
    near = off <= np.maximum(1.0, SAME_RATIO * expected)
    return np.where(near.any(axis=1), near.argmax(axis=1), len(CLASSES)).astype(np.int32), words


def _read_coordinates(path: Path) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    table, counts = _read(path, b"v")
    nodes = counts[0]
    if len(table) != nodes:
        raise RefusedInput("dimacs_count", file=path.name, told=nodes, found=len(table))
    ids = table[:, 0]
    _refuse(path, b"v", (ids < 1) | (ids > nodes), f"id not within 1..{nodes}")
    _refuse(path, b"v", np.bincount(ids, minlength=nodes + 1)[ids] > 1, "id twice")
    off_globe = (np.abs(table[:, 1]) > 180_000_000) | (np.abs(table[:, 2]) > 90_000_000)
    _refuse(path, b"v", off_globe, "not WGS-84 degrees")
    order = np.argsort(ids)
    return table[order, 1] / 1e6, table[order, 2] / 1e6


def _read_arcs(path: Path, nodes: int) -> NDArray[np.int64]:
    """Rows of tail, head, weight, ids from 1."""
    table, counts = _read(path, b"a")
    if counts[0] != nodes or len(table) != counts[1]:
        told, found = (counts[0], nodes) if counts[0] != nodes else (counts[1], len(table))
        raise RefusedInput("dimacs_count", file=path.name, told=told, found=found)
    ends = table[:, :2]
    outside = np.logical_or.reduce((ends < 1) | (ends > nodes), axis=1)
    _refuse(path, b"a", outside, f"id not within 1..{nodes}")
    _refuse(path, b"a", table[:, 2] < 0, "negative weight")
    return table


def _read(path: Path, letter: bytes) -> tuple[NDArray[np.int64], tuple[int, int]]:
    """The numbers of all lines with this letter, and the two counts of the problem line (the second 0 in .co)."""
    text = _text(path)
    problem = PROBLEM.search(text)
    if not problem:
        raise RefusedInput("roads_malformed", file=path.name, line=1, why="no problem line (p sp NODES ARCS)")
    rows = COMMENT.sub(b"", text[problem.end() :])
    numbers = _numbers(rows.replace(b"\n" + letter + b" ", b"\n"))
    lines = rows.count(b"\n" + letter + b" ")
    if numbers is None or len(numbers) != 3 * lines:
        line, why = _bad_line(text, letter)
        raise RefusedInput("roads_malformed", file=path.name, line=line, why=why)
    return numbers.reshape(-1, 3), (int(problem[1]), int(problem[2] or 0))


def _numbers(text: bytes) -> NDArray[np.int64] | None:
    """All whole numbers of the text; None when there is anything else in it."""
    if not text.strip():
        return np.empty(0, np.int64)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # how numpy says that it stopped before the end
            return np.fromstring(text, np.int64, sep=" ")
    except (ValueError, DeprecationWarning):
        return None


def _bad_line(text: bytes, letter: bytes) -> tuple[int | str, str]:
    for number, line in enumerate(text.split(b"\n"), 1):
        if line.strip() and line[:1] not in (b"c", b"p") and not LINE[letter].match(line):
            return number, line[:60].decode("utf-8", "replace")
    return "-", "?"


def _refuse(path: Path, letter: bytes, bad: NDArray[np.bool_], why: str) -> None:
    if not bad.any():
        return
    wanted = int(bad.argmax())
    lines = enumerate(_text(path).split(b"\n"), 1)
    rows = (number for number, line in lines if line[:2] == letter + b" ")
    line = next(number for row, number in enumerate(rows) if row == wanted)
    raise RefusedInput("roads_malformed", file=path.name, line=line, why=why)
