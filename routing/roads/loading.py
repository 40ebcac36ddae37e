"""Open a road file of any known kind, from the cache when its content was read before.

The cache key is the file's content and the loader's version, so a changed file or loader is never served from old
arrays; a damaged cache is rebuilt. The folder is ABOARD_CACHE, else ~/.cache/aboard.
"""

from __future__ import annotations

import gzip
import hashlib
import logging
import os
import re
from collections.abc import Callable
from pathlib import Path
from xml.sax.saxutils import unescape

import numpy as np

from casebook.errors import RefusedInput
from routing.roads import dimacs, graphml, osm, store
from routing.roads.grid import Grid
from routing.roads.kmposts import read_posts, with_posts
from routing.roads.network import LoadReport, Network
from routing.roads.roadmap import Roadmap
from routing.roads.snapping import lines_of

log = logging.getLogger(__name__)

OSM_ATTRIBUTION = "© OpenStreetMap contributors, ODbL 1.0"
KNOWN = (*osm.SUFFIXES, *graphml.SUFFIXES, *dimacs.SUFFIXES, store.SUFFIX)
POSTS_SUFFIX = ".kmposts.csv"
#: A rough box and road numbers as in China (G60, S32, X101): decides the speed table when nobody names the country.
CHINA_BOX = (73.5, 18.0, 135.1, 53.6)
CHINA_REF = re.compile(r"^[GSXY]\d{1,4}$")
HEADER = re.compile(rb"<osm\b[^>]*>")
HEADER_ATTRIBUTE = re.compile(rb'\b(attribution|copyright|license)="([^"]*)"')


def load_roads(
    path: str | Path,
    *,
    name: str | None = None,
    attribution: str | None = None,
    accuracy_m: float | None = None,
    country: str | None = None,
    kmposts: Path | None = None,
    cache: Path | None = None,
) -> Roadmap:
    """The road map of a file (.osm, .osm.gz, .osm.bz2, .osm.pbf, .graphml, DIMACS .gr and .co beside each other,
    or .roads written by `save_roads`).

    What is given here wins over what the file says about itself. `kmposts` is a table of kilometre posts
    (kmposts.read_posts); without it, ``NAME.kmposts.csv`` beside the roads is taken where it is there. Raises
    RefusedInput: `roads_missing`, `roads_kind`, `roads_malformed` (with the line where there is one), `roads_empty`,
    and what dimacs.py and kmposts.py refuse.
    """
    path = Path(path)
    digest = _digest(path)
    if path.name.endswith(store.SUFFIX):
        network, report, about, grid = _read_stored(path)
    else:
        network, report, about, grid = _through_cache(path, digest, cache or cache_folder())
    table = kmposts or path.with_name(_stem(path) + POSTS_SUFFIX)
    if kmposts or table.exists():
        network = with_posts(network, read_posts(table))
    return Roadmap(
        network,
        report,
        name=name or about["name"],
        digest=about.get("digest", digest),
        attribution=attribution or about["attribution"],
        accuracy_m=accuracy_m if accuracy_m is not None else about.get("accuracy_m"),
        country=country or about.get("country"),
        grid=grid,
    )


def _stem(path: Path) -> str:
    return path.name.removesuffix(
        next(kind for kind in sorted(KNOWN, key=len, reverse=True) if path.name.endswith(kind))
    )


def save_roads(roadmap: Roadmap, path: str | Path) -> None:
    """Write the read network to one file: ``.roads`` (arrays, opens at once) or ``.graphml`` (for osmnx users)."""
    path = Path(path)
    if path.name.endswith(graphml.SUFFIXES):
        import osmnx

        osmnx.save_graphml(roadmap.graph, path)
        return
    if not path.name.endswith(store.SUFFIX):
        raise RefusedInput("roads_kind", file=path.name, known=", ".join((store.SUFFIX, *graphml.SUFFIXES)))
    told = ("name", "digest", "attribution", "accuracy_m", "country")
    about = {word: getattr(roadmap, word) for word in told}
    store.write_network(path, store.Stored(roadmap.network, roadmap.report, about, roadmap.grid))


def cache_folder() -> Path:
    return Path(os.environ.get("ABOARD_CACHE") or Path.home() / ".cache" / "aboard")


def _digest(path: Path) -> str:
    if not path.is_file():
        raise RefusedInput("roads_missing", file=str(path))
    if not path.name.endswith(KNOWN):
        raise RefusedInput("roads_kind", file=path.name, known=", ".join(KNOWN))
    digests = [_file_digest(file) for file in (dimacs.find_parts(path).files if _is_dimacs(path) else (path,))]
    return digests[0] if len(digests) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest()


def _file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _is_dimacs(path: Path) -> bool:
    return path.name.endswith(dimacs.SUFFIXES)


def _read_stored(path: Path) -> store.Stored:
    try:
        return store.read_network(path)
    except store.OtherLoader as other:
        raise RefusedInput("roads_version", file=path.name, told=str(other), ours=store.LOADER_VERSION) from other
    except store.BROKEN as broken:
        raise RefusedInput("roads_malformed", file=path.name, line="-", why=str(broken)) from broken


def _through_cache(path: Path, digest: str, folder: Path) -> store.Stored:
    kept = folder / "roads" / f"{digest[:32]}-{store.LOADER_VERSION}{store.SUFFIX}"
    if kept.exists():
        try:
            return store.read_network(kept)
        except store.BROKEN as broken:
            log.warning("road cache %s is damaged (%s), rebuilding", kept.name, broken)
    network, report = _reader(path)(path)
    if network.nodes < 2 or network.arcs == 0:
        raise RefusedInput("roads_empty", file=path.name, ways=report.ways_read)
    about = {"name": path.name.split(".")[0], "attribution": _attribution(path), "country": country_of(network)}
    stored = store.Stored(network, report, about, Grid.over(lines_of(network)))
    try:
        store.write_network(kept, stored)
    except OSError as refused:
        log.warning("road cache %s could not be written (%s)", kept, refused)
    return stored


def _reader(path: Path) -> Callable[[Path], tuple[Network, LoadReport]]:
    if _is_dimacs(path):
        return dimacs.read_dimacs
    return graphml.read_graphml if path.name.endswith(graphml.SUFFIXES) else osm.read_osm


def _attribution(path: Path) -> str:
    """What the file's own header says (XML only); OpenStreetMap's line otherwise, for that is where roads come from."""
    if _is_dimacs(path):
        return dimacs.TIGER
    if not path.name.endswith((".osm", ".osm.gz")):
        return OSM_ATTRIBUTION
    try:
        with gzip.open(path) if path.name.endswith(".gz") else path.open("rb") as file:
            header = HEADER.search(file.read(4096))
    except OSError:
        return OSM_ATTRIBUTION
    said = dict(HEADER_ATTRIBUTE.findall(header[0])) if header else {}
    words = [
        unescape(said[key].decode("utf-8", "replace"))
        for key in (b"copyright", b"attribution", b"license")
        if key in said
    ]
    return ", ".join(words) or OSM_ATTRIBUTION


def country_of(network: Network) -> str | None:
    """ "CN" for roads in China's box that carry China's road numbers, None for all others: not known."""
    west, south, east, north = CHINA_BOX
    lon, lat = float(np.median(network.lon)), float(np.median(network.lat))
    inside = west <= lon <= east and south <= lat <= north
    numbered = any(CHINA_REF.match(part) for word in network.columns["ref"].words for part in word.split(";"))
    return "CN" if inside and numbered else None
