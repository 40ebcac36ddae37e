"""The drill region's road file as plain XML and as networkx, without our loader, and its G60 assumptions."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import networkx as nx
import yaml

import scenarios
from scenarios.region import Region, find_region, load_region

REGIONS = Path(scenarios.__file__).parent / "regions"
FOLDER = REGIONS / "yangtze_delta"
ROADS = FOLDER / "roads.osm.gz"


@dataclass(frozen=True)
class Drawn:
    """`at`: lat, lon by node; `ways`: nodes and tags in order of the file."""

    text: str
    at: dict[int, tuple[float, float]]
    ways: list[tuple[list[int], dict[str, str]]]

    def of(self, **tags: str) -> list[tuple[list[int], dict[str, str]]]:
        return [way for way in self.ways if all(way[1].get(key) == value for key, value in tags.items())]

    def car_graph(self) -> nx.DiGraph:
        graph = nx.DiGraph()
        for nodes, tags in self.ways:
            if tags.get("access") == "no":
                continue
            nx.add_path(graph, nodes)
            if tags.get("oneway") != "yes":
                nx.add_path(graph, nodes[::-1])
        return graph


@cache
def drawn() -> Drawn:
    text = gzip.decompress(ROADS.read_bytes()).decode()
    root = ElementTree.fromstring(text)
    at = {int(node.attrib["id"]): (float(node.attrib["lat"]), float(node.attrib["lon"])) for node in root.iter("node")}
    ways = [
        (
            [int(nd.attrib["ref"]) for nd in way.iter("nd")],
            {tag.attrib["k"]: tag.attrib["v"] for tag in way.iter("tag")},
        )
        for way in root.iter("way")
    ]
    return Drawn(text, at, ways)


def region_file(name: str) -> dict[str, Any]:
    return yaml.safe_load((REGIONS / name / "region.yaml").read_text(encoding="utf-8"))


def assumptions() -> dict[str, Any]:
    return yaml.safe_load((FOLDER / "g60_assumptions.yaml").read_text(encoding="utf-8"))


def load(name: str) -> Region:
    file = find_region(name)
    assert file is not None
    return load_region(file)
