"""Read OpenStreetMap files (.osm, .osm.gz, .osm.bz2, .osm.pbf) into a Network with pyosmium.

One pass, with the positions of the nodes kept by the reader; a second one only for nodes that stand behind their ways.
A way that refers to nodes outside the file is cut there, not refused: every extract has such ways at its rim. Caching
is left to loading.py.
"""

from __future__ import annotations

import gzip
import re
from array import array
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from casebook.errors import RefusedInput
from routing.roads.barriers import with_barriers
from routing.roads.islands import report_on
from routing.roads.kmposts import KmPost, read_km, with_posts
from routing.roads.network import COLUMNS, CONTRAFLOW, Column, LoadReport, Network, distances_m, parallel_keys
from routing.roads.restrictions import KEYS, Lines, Restriction, forbid, read_restriction
from routing.roads.rules import BARRIER_TAGS, access_by_direction, passage, who_may_use

SUFFIXES = (".osm", ".osm.gz", ".osm.bz2", ".osm.pbf", ".pbf")
#: Tags that say the same as maxspeed:type, in order of preference (wiki page Key:maxspeed:type).
MAXSPEED_TYPES = ("maxspeed:type", "source:maxspeed", "zone:maxspeed", "zone:traffic")
EXCEPTION_TAGS = ("psv", "bus", "busway", "oneway:bus", "oneway:psv", "oneway:emergency")
RULE_TAGS = ("area", "motorcar", "motor_vehicle", "vehicle", *EXCEPTION_TAGS, *MAXSPEED_TYPES)
POST_TAGS = ("distance", "pk")  # wiki page Tag:highway=milestone
NOWHERE = 2**31 - 1  # the reader's coordinate of a node that it has not seen
LINE = re.compile(r"line (\d+)")
QUOTED = re.compile(r"'(.*)'$")


@dataclass(slots=True)
class _Reading:
    """What one pass over a file collects: the driveable ways, one row each, with `refs` strung together, `count` of
    them per way and their positions in 1e-7 degrees; barriers by node id; restrictions."""

    osm_id: array[int] = field(default_factory=lambda: array("q"))
    tags: list[dict[str, str]] = field(default_factory=list)
    along: list[int] = field(default_factory=list)
    against: list[int] = field(default_factory=list)
    refs: array[int] = field(default_factory=lambda: array("q"))
    x: array[int] = field(default_factory=lambda: array("q"))
    y: array[int] = field(default_factory=lambda: array("q"))
    count: array[int] = field(default_factory=lambda: array("q"))
    seen: array[int] = field(default_factory=lambda: array("q"))
    dropped: Counter[str] = field(default_factory=Counter)
    barriers: dict[int, int] = field(default_factory=dict)
    restrictions: list[Restriction] = field(default_factory=list)
    posts: list[tuple[int, KmPost]] = field(default_factory=list)
    posts_read: int = 0
    turns_read: int = 0
    turns_dropped: Counter[str] = field(default_factory=Counter)


def read_osm(path: Path) -> tuple[Network, LoadReport]:
    """The network of the file's roads for cars, ambulances and buses, with its barriers and turn restrictions.

    Raises RefusedInput (`roads_malformed`) with the line where the reader can name one.
    """
    import osmium  # a cached network never needs it

    try:
        return _build(_read(path), path)
    except (RuntimeError, ValueError, osmium.InvalidLocationError) as broken:
        raise malformed(path, broken) from broken


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


def _read(path: Path) -> _Reading:
    import osmium
    from osmium.filter import KeyFilter

    reading = _Reading()
    keys = KeyFilter("highway", "barrier", *KEYS, *(f"{key}:conditional" for key in KEYS))
    source: Any = osmium.FileProcessor(str(path)).with_locations().with_filter(keys)
    for thing in source:
        if thing.is_way():
            _take_way(reading, thing)
        elif thing.is_node():
            _take_node(reading, thing)
        elif thing.is_relation():
            _take_restriction(reading, thing)
    return reading


def _take_way(reading: _Reading, way: Any) -> None:
    if "highway" not in way.tags:
        return
    reading.seen.append(way.id)
    tags = _chosen(way.tags, (*COLUMNS, *RULE_TAGS))
    along, against = access_by_direction(tags)
    if not along | against:
        reading.dropped[f"oneway={tags['oneway']}" if who_may_use(tags) else f"highway={tags['highway']}"] += 1
        return
    tags["maxspeed:type"] = next((tags[key] for key in MAXSPEED_TYPES if ":" in tags.get(key, "")), "")
    reading.osm_id.append(way.id)
    reading.tags.append(tags)
    reading.along.append(along)
    reading.against.append(against)
    nodes = list(way.nodes)
    reading.refs.extend([node.ref for node in nodes])
    reading.x.extend([node.x for node in nodes])
    reading.y.extend([node.y for node in nodes])
    reading.count.append(len(nodes))


def _take_node(reading: _Reading, node: Any) -> None:
    if "barrier" in node.tags:
        passed = passage(_chosen(node.tags, BARRIER_TAGS))
        if passed is not None:
            reading.barriers[node.id] = passed
    if node.tags.get("highway") == "milestone":
        reading.posts_read += 1
        km = next((found for key in POST_TAGS if (found := read_km(node.tags.get(key, ""))) is not None), None)
        if km is not None and node.location.valid():
            post = KmPost(node.tags.get("ref", ""), km, node.location.lat, node.location.lon)
            reading.posts.append((node.id, post))


def _take_restriction(reading: _Reading, relation: Any) -> None:
    if not relation.tags.get("type", "").startswith("restriction"):
        return
    reading.turns_read += 1
    tags = {tag.k: tag.v for tag in relation.tags}
    found = read_restriction(tags, [(member.role, member.type, member.ref) for member in relation.members])
    if isinstance(found, str):
        reading.turns_dropped[found] += 1
    else:
        reading.restrictions.append(found)


def _chosen(tags: Any, wanted: tuple[str, ...]) -> dict[str, str]:
    return {key: tags[key] for key in wanted if key in tags}


def _positions(reading: _Reading, path: Path) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Ids (sorted, unique), longitudes and latitudes of the nodes of the ways that the file holds on the globe."""
    refs, x, y = (np.array(part, np.int64) for part in (reading.refs, reading.x, reading.y))
    unseen = set(refs[x == NOWHERE].tolist())
    if unseen:
        late = _late_nodes(path, unseen)
        refs, x, y = (np.concatenate((part, more)) for part, more in zip((refs, x, y), late, strict=True))
    on_globe = (np.abs(x) <= 1_800_000_000) & (np.abs(y) <= 900_000_000)
    unique, row = np.unique(refs[on_globe], return_index=True)
    return unique, x[on_globe][row] / 1e7, y[on_globe][row] / 1e7


def _late_nodes(path: Path, wanted: set[int]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    import osmium.osm

    source: Any = osmium.FileProcessor(str(path), osmium.osm.NODE)
    found = [(node.id, node.location.x, node.location.y) for node in source if node.id in wanted]
    ids, x, y = np.array(found, np.int64).reshape(-1, 3).T
    return ids, x, y


def _build(reading: _Reading, path: Path) -> tuple[Network, LoadReport]:
    node_id, lon, lat = _positions(reading, path)
    refs = np.array(reading.refs, np.int64)
    owner = np.repeat(np.arange(len(reading.count), dtype=np.int32), np.array(reading.count, np.int64))
    row = np.minimum(np.searchsorted(node_id, refs), max(0, len(node_id) - 1)).astype(np.int32)
    there = node_id[row] == refs if len(node_id) else np.zeros(len(refs), np.bool_)
    link = (owner[1:] == owner[:-1]) & there[1:] & there[:-1] & (refs[1:] != refs[:-1])
    network = _arcs(reading, node_id, lon, lat, (row[:-1][link], row[1:][link], owner[:-1][link]))
    network, barriers = with_barriers(network, reading.barriers)
    kept, report = report_on(
        network,
        reading.dropped,
        ways_read=len(reading.seen),
        ways_kept=len(reading.osm_id),
        ways_clipped=len(np.unique(owner[~there])),
        nodes_missing=len(np.unique(refs[~there])),
        barriers=barriers,
    )
    posts = _posts(kept, reading)
    report = replace(report, posts_read=reading.posts_read, posts_kept=len(posts))
    return _with_turns(with_posts(kept, posts), report, reading)


def _arcs(
    reading: _Reading,
    node_id: NDArray[np.int64],
    lon: NDArray[np.float64],
    lat: NDArray[np.float64],
    links: tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]],
) -> Network:
    """Arcs along the ways, then against them, then against one-way roads: what is lawful is numbered first."""
    start, end, way = links
    along, against = np.array(reading.along, np.uint8)[way], np.array(reading.against, np.uint8)[way]
    access = np.concatenate((along, against))
    contraflow = np.concatenate((along == CONTRAFLOW, against == CONTRAFLOW))
    order = np.argsort(contraflow, kind="stable")
    order = order[access[order] > 0]
    tail, head = np.concatenate((start, end))[order], np.concatenate((end, start))[order]
    return Network(
        node_id=node_id,
        lon=lon,
        lat=lat,
        tail=tail,
        head=head,
        key=parallel_keys(tail, head),
        length_m=distances_m(lon[tail], lat[tail], lon[head], lat[head]),
        way=np.concatenate((way, way))[order],
        forward=order < len(way),
        access=access[order],
        origin=np.empty((0, 3), np.int64),
        way_id=np.array(reading.osm_id, np.int64),
        columns={name: Column.of([tags.get(name, "") for tags in reading.tags]) for name in COLUMNS},
    )


def _posts(network: Network, reading: _Reading) -> list[KmPost]:
    """The posts with a road number: their own, else that of the road on whose line they stand."""
    way_of = (
        dict(zip(network.node_id[network.tail].tolist(), network.way.tolist(), strict=True)) if reading.posts else {}
    )
    refs = network.columns["ref"]
    named = (replace(post, ref=post.ref or (refs[way_of[id]] if id in way_of else "")) for id, post in reading.posts)
    return [post for post in named if post.ref]


def _with_turns(network: Network, report: LoadReport, reading: _Reading) -> tuple[Network, LoadReport]:
    lines = Lines(reading.osm_id, reading.refs, reading.count, reading.seen)
    network, kept, dropped = forbid(network, reading.restrictions, lines)
    dropped += reading.turns_dropped
    counts = {"turns_read": reading.turns_read, "turns_kept": kept, "turns_dropped": dict(sorted(dropped.items()))}
    return network, replace(report, **counts)
