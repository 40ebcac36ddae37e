"""Build the drill region's road file from the table of main roads and our labels; ordinary OSM XML, same bytes always.

    python -m scenarios.regions.build_yangtze_delta STEM [--out FILE]

STEM is the table's path without `.nodes.csv` / `.edges.csv`. What the result is good for: yangtze_delta/README.md.
"""

from __future__ import annotations

import argparse
import gzip
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

import yaml

from scenarios.regions.carriageways import (
    ASSUMED,
    INFERRED,
    KNOWN,
    Expressways,
    Works,
    add_opening,
    add_service_area,
    along,
    join,
    project,
)
from scenarios.regions.junctions import Junctions, gather
from scenarios.regions.milestones import add_milestones
from scenarios.regions.table import Point, Tags, lay_lines, metres, read_table

FOLDER = Path(__file__).parent / "yangtze_delta"
HEADER = (
    '<osm version="0.6" generator="aboard" copyright="© OpenStreetMap contributors" '
    'attribution="https://www.openstreetmap.org/copyright" license="ODbL 1.0">'
)
LONG_M = 1500.0  # an unlabelled edge at least this long is taken for a main road of the country, else of a town; a rule
AT_VERTEX_M = 60.0  # an access way ends at a vertex that is this near instead of cutting the road


def build(stem: Path, folder: Path = FOLDER) -> str:
    """The road file's text. Raises ValueError where labels and table do not fit."""
    labels = yaml.safe_load((folder / "labels.yaml").read_text(encoding="utf-8"))
    region = yaml.safe_load((folder / "region.yaml").read_text(encoding="utf-8"))
    graph = read_table(stem)
    junctions = gather(graph, lay_lines(graph, labels))
    works = Works()
    surface = _surface_nodes(works, junctions)
    expressways = Expressways(works, junctions.lines, junctions.at)
    join(works, expressways, surface)
    for area in labels["service_areas"]:
        add_service_area(works, expressways, area)
    for opening in labels["openings"]:
        add_opening(works, expressways, opening)
    _surface_ways(works, junctions, [*region["hospitals"], *region["stations"]])
    works.ways.extend(expressways.ways())
    for numbered in labels["milestones"]:
        add_milestones(works, junctions.lines, junctions.at, numbered)
    return "".join(line + "\n" for line in _xml(works))


def _surface_nodes(works: Works, junctions: Junctions) -> dict[int, int]:
    """Ordinary roads keep the table's ids."""
    vertices = sorted({vertex for edge in junctions.surface for vertex in edge})
    works.nodes.update((vertex, junctions.at[vertex]) for vertex in vertices)
    return {vertex: vertex for vertex in vertices}


def _surface_ways(works: Works, junctions: Junctions, places: Iterable[Mapping[str, Any]]) -> None:
    """Each ordinary edge as a way, cut where an access way joins it; and the access ways."""
    cuts: dict[tuple[int, int], list[tuple[float, int]]] = {}
    for place in sorted(places, key=lambda place: place["id"]):
        here = (float(place["lat"]), float(place["lon"]))
        edge, share = _nearest_edge(junctions, here)
        joint = _joint(works, junctions, cuts, edge, share)
        tags = {"highway": "residential", "name": place["name_zh"], "name:en": place["name_en"]}
        note = "access drawn straight; the local street is not in the table"
        works.way((works.node(here), joint), {**tags, "note": note, "source": ASSUMED})
    for edge, tags in junctions.surface.items():
        inside = [node for _, node in sorted(cuts.get(edge, []))]
        works.way((edge[0], *inside, edge[1]), _surface_tags(junctions, edge, tags))


def _nearest_edge(junctions: Junctions, here: Point) -> tuple[tuple[int, int], float]:
    at = junctions.at
    off = {edge: project(here, at[edge[0]], at[edge[1]]) for edge in junctions.surface}
    edge = min(off, key=lambda edge: (off[edge][1], edge))
    return edge, off[edge][0]


def _joint(
    works: Works, junctions: Junctions, cuts: dict[tuple[int, int], list[tuple[float, int]]], edge: tuple[int, int],
    share: float,
) -> int:  # fmt: skip
    place = along(junctions.at[edge[0]], junctions.at[edge[1]], share)
    for vertex in edge:
        if metres(place, junctions.at[vertex]) < AT_VERTEX_M:
            return vertex
    node = works.node(place)
    cuts.setdefault(edge, []).append((share, node))
    return node


def _surface_tags(junctions: Junctions, edge: tuple[int, int], tags: Tags) -> Tags:
    if tags:
        return {**tags, "source": KNOWN}
    long = metres(junctions.at[edge[0]], junctions.at[edge[1]]) >= LONG_M
    return {"highway": "primary" if long else "secondary", "source": INFERRED}


def _xml(works: Works) -> Iterable[str]:
    yield '<?xml version="1.0" encoding="UTF-8"?>'
    yield HEADER
    nodes = {id: works.nodes[id] for id in works.used}
    (south, north), (west, east) = ((min(side), max(side)) for side in zip(*nodes.values(), strict=True))
    yield f'<bounds minlat="{south:.6f}" minlon="{west:.6f}" maxlat="{north:.6f}" maxlon="{east:.6f}"/>'
    for id, (lat, lon) in nodes.items():
        head = f'<node id="{id}" version="1" lat="{lat:.6f}" lon="{lon:.6f}"'
        tags = works.node_tags.get(id)
        yield head + (">" + "".join(_tag(*tag) for tag in tags.items()) + "</node>" if tags else "/>")
    for id, way in enumerate(works.ways, start=1):
        refs = "".join(f'<nd ref="{node}"/>' for node in way.nodes)
        yield f'<way id="{id}" version="1">{refs}{"".join(_tag(*tag) for tag in way.tags.items())}</way>'
    yield "</osm>"


def _tag(key: str, value: str) -> str:
    return f"<tag k={quoteattr(key)} v={quoteattr(value)}/>"


def main() -> None:
    parser = argparse.ArgumentParser(description="Build the Yangtze delta road file.")
    parser.add_argument("stem", type=Path, help="the table's path without .nodes.csv / .edges.csv")
    parser.add_argument("--out", type=Path, default=FOLDER / "roads.osm.gz")
    asked = parser.parse_args()
    try:
        text = build(asked.stem)
    except (OSError, ValueError) as refused:
        parser.error(str(refused))
    with asked.out.open("wb") as file, gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0) as packed:
        packed.write(text.encode())


if __name__ == "__main__":
    main()
