"""Read OpenStreetMap files (.osm, .osm.gz, .osm.bz2, .osm.pbf) into a Network with pyosmium.

Two passes, so the order of nodes and ways in the file does not matter. A way that refers to nodes outside the file is
cut there, not refused: every extract has such ways at its rim. Caching is left to loading.py.
"""

from __future__ import annotations

import gzip
import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import osmium
import osmium.filter
import osmium.osm
from numpy.typing import NDArray

from casebook.errors import RefusedInput
from routing.roads.islands import report_on
from routing.roads.network import COLUMNS, Column, LoadReport, Network, distances_m, parallel_keys
from routing.roads.rules import directions, who_may_use

SUFFIXES = (".osm", ".osm.gz", ".osm.bz2", ".osm.pbf", ".pbf")
#: Tags that say the same as maxspeed:type, in order of preference (wiki page Key:maxspeed:type).
MAXSPEED_TYPES = ("maxspeed:type", "source:maxspeed", "zone:maxspeed", "zone:traffic")
RULE_TAGS = ("area", "motorcar", "motor_vehicle", "vehicle", "psv", "bus", *MAXSPEED_TYPES)
LINE = re.compile(r"line (\d+)")
QUOTED = re.compile(r"'(.*)'$")


@dataclass(slots=True)
class _Ways:
    """The driveable ways of a file, one row each; `refs` strung together, `count` of them per way."""

    osm_id: list[int] = field(default_factory=list)
    tags: list[dict[str, str]] = field(default_factory=list)
    access: list[int] = field(default_factory=list)
    along: list[bool] = field(default_factory=list)
    against: list[bool] = field(default_factory=list)
    refs: list[int] = field(default_factory=list)
    count: list[int] = field(default_factory=list)
    read: int = 0
    dropped: Counter[str] = field(default_factory=Counter)


def read_osm(path: Path) -> tuple[Network, LoadReport]:
    """The network of the file's car roads and ambulance-only ways.

    Raises RefusedInput (`roads_malformed`) with the line where the reader can name one.
    """
    try:
        ways = _read_ways(path)
        node_id, lon, lat = _read_nodes(path, set(ways.refs))
    except (RuntimeError, ValueError, osmium.InvalidLocationError) as broken:
        raise malformed(path, broken) from broken
    return _build(ways, node_id, lon, lat)


def malformed(path: Path, broken: Exception) -> RefusedInput:
    """The refusal of a file that its reader gave up on; the line from the reader, else where its complaint stands."""
    why = str(broken)
    line, quoted = LINE.search(why), QUOTED.search(why)
    number = int(line[1]) if line else _line_with(path, quoted[1]) if quoted else None
    return RefusedInput("roads_malformed", file=path.name, line=number or "-", why=why)


def _line_with(path: Path, word: str) -> int | None:
    """The first line of an XML file that holds the word as an attribute's value."""
    if not path.name.endswith((".osm", ".osm.gz")):
        return None
    with gzip.open(path) if path.name.endswith(".gz") else path.open("rb") as file:
        wanted = (f'"{word}"'.encode(), f"'{word}'".encode())
        return next((n for n, text in enumerate(file, 1) if any(value in text for value in wanted)), None)


def _read_ways(path: Path) -> _Ways:
    ways = _Ways()
    source = osmium.FileProcessor(str(path), osmium.osm.WAY).with_filter(osmium.filter.KeyFilter("highway"))
    for way in source:
        assert isinstance(way, osmium.osm.Way)
        ways.read += 1
        tags = {key: way.tags[key] for key in (*COLUMNS, *RULE_TAGS) if key in way.tags}
        access, (along, against) = who_may_use(tags), directions(tags)
        if not access or not (along or against):
            ways.dropped[f"oneway={tags['oneway']}" if access else f"highway={tags['highway']}"] += 1
            continue
        _take(ways, way.id, tags, access, along, against, [node.ref for node in way.nodes])
    return ways


def _take(
    ways: _Ways, osm_id: int, tags: dict[str, str], access: int, along: bool, against: bool, refs: list[int]
) -> None:
    tags["maxspeed:type"] = next((tags[key] for key in MAXSPEED_TYPES if ":" in tags.get(key, "")), "")
    ways.osm_id.append(osm_id)
    ways.tags.append(tags)
    ways.access.append(access)
    ways.along.append(along)
    ways.against.append(against)
    ways.refs.extend(refs)
    ways.count.append(len(refs))


def _read_nodes(path: Path, wanted: set[int]) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Ids (sorted, unique) and coordinates of the wanted nodes that the file holds with a valid position."""
    ids: list[int] = []
    lon: list[float] = []
    lat: list[float] = []
    # A set, not osmium's IdFilter: its bit map over all of OSM's ids takes half a gigabyte for any file.
    for node in osmium.FileProcessor(str(path), osmium.osm.NODE) if wanted else ():
        if isinstance(node, osmium.osm.Node) and node.id in wanted and node.location.valid():
            ids.append(node.id)
            lon.append(node.location.lon)
            lat.append(node.location.lat)
    unique, row = np.unique(np.array(ids, np.int64), return_index=True)
    return unique, np.array(lon, np.float64)[row], np.array(lat, np.float64)[row]


def _build(
    ways: _Ways, node_id: NDArray[np.int64], lon: NDArray[np.float64], lat: NDArray[np.float64]
) -> tuple[Network, LoadReport]:
    refs = np.array(ways.refs, np.int64)
    owner = np.repeat(np.arange(len(ways.count), dtype=np.int32), np.array(ways.count, np.int64))
    row = np.minimum(np.searchsorted(node_id, refs), max(0, len(node_id) - 1)).astype(np.int32)
    there = node_id[row] == refs if len(node_id) else np.zeros(len(refs), np.bool_)
    link = (owner[1:] == owner[:-1]) & there[1:] & there[:-1] & (refs[1:] != refs[:-1])
    start, end, way = row[:-1][link], row[1:][link], owner[:-1][link]
    along, against = np.array(ways.along, np.bool_)[way], np.array(ways.against, np.bool_)[way]
    network = _arcs(ways, node_id, lon, lat, (start, end, way, along, against))
    return report_on(
        network,
        ways.dropped,
        ways_read=ways.read,
        ways_kept=len(ways.osm_id),
        ways_clipped=len(np.unique(owner[~there])),
        nodes_missing=len(np.unique(refs[~there])),
    )


def _arcs(
    ways: _Ways,
    node_id: NDArray[np.int64],
    lon: NDArray[np.float64],
    lat: NDArray[np.float64],
    links: tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32], NDArray[np.bool_], NDArray[np.bool_]],
) -> Network:
    start, end, way, along, against = links
    tail = np.concatenate((start[along], end[against]))
    head = np.concatenate((end[along], start[against]))
    arc_way = np.concatenate((way[along], way[against]))
    return Network(
        node_id=node_id,
        lon=lon,
        lat=lat,
        tail=tail,
        head=head,
        key=parallel_keys(tail, head),
        length_m=distances_m(lon[tail], lat[tail], lon[head], lat[head]),
        way=arc_way,
        forward=np.concatenate((np.ones(along.sum(), np.bool_), np.zeros(against.sum(), np.bool_))),
        access=np.array(ways.access, np.uint8)[arc_way],
        origin=np.empty((0, 3), np.int64),
        way_id=np.array(ways.osm_id, np.int64),
        columns={name: Column.of([tags.get(name, "") for tags in ways.tags]) for name in COLUMNS},
    )
