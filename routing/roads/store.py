"""Keep a read network on disk as one file of plain arrays, so that the second start takes no parsing.

The format is numpy's npz without pickles (nothing in it can run code), with a JSON member for words and counts; zip
checks every member's CRC. Which file belongs to which source is left to loading.py.
"""

from __future__ import annotations

import json
import os
import tempfile
import zipfile
import zlib
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from routing.roads.grid import Grid
from routing.roads.network import COLUMNS, Column, LoadReport, Network

#: Raise it when the loader reads the same file differently, so that old caches are rebuilt.
LOADER_VERSION = 7
SUFFIX = ".roads"
GRID = ("arcs", "start", "shape")
ARRAYS = tuple(name for name in Network.__slots__ if name != "columns")


class OtherLoader(ValueError):
    """The file was written by another version of the loader."""


class Stored(NamedTuple):
    """What a file holds: the network, what was dropped when it was read, what was said about it, and its grid."""

    network: Network
    report: LoadReport
    about: dict[str, Any]
    grid: Grid


BROKEN = (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile, zlib.error)


def write_network(path: Path, stored: Stored) -> None:
    """Write whole or not at all: a reader never sees half a file."""
    network, report, about, grid = stored
    path.parent.mkdir(parents=True, exist_ok=True)
    arrays = {name: getattr(network, name) for name in ARRAYS}
    arrays |= {f"tag {name}": column.code for name, column in network.columns.items()}
    arrays |= {f"grid {name}": getattr(grid, name) for name in GRID}
    words = {name: column.words for name, column in network.columns.items()}
    meta = {"loader": LOADER_VERSION, "words": words, "report": report.as_facts(), "about": about}
    arrays["meta"] = np.frombuffer(json.dumps(meta, ensure_ascii=False).encode(), np.uint8)
    with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as part:
        np.savez(part, **arrays)
    os.chmod(part.name, 0o644)  # noqa: PTH101 - NamedTemporaryFile gives 0600
    Path(part.name).replace(path)


def read_network(path: Path) -> Stored:
    """What `write_network` wrote. Raises one of BROKEN when the file is damaged or older."""
    with np.load(path, allow_pickle=False) as arrays:
        meta = json.loads(bytes(arrays["meta"]).decode())
        if meta["loader"] != LOADER_VERSION:
            raise OtherLoader(meta["loader"])
        columns = {name: Column(tuple(meta["words"][name]), arrays[f"tag {name}"]) for name in COLUMNS}
        network = Network(columns=columns, **{name: arrays[name] for name in ARRAYS})
        grid = Grid(*(arrays[f"grid {name}"] for name in GRID))
    _check(network)
    grid.check(network.arcs)
    return Stored(network, LoadReport.read(meta["report"]), meta["about"], grid)


def _check(network: Network) -> None:
    """Arrays of one length and rows within bounds: a damaged file fails here, not in the middle of a case."""
    per_arc = (network.head, network.key, network.length_m, network.way, network.forward, network.access)
    if any(len(array) != network.arcs for array in per_arc) or len(network.lon) != len(network.lat):
        raise ValueError("arrays of different lengths")
    if len(network.lon) != network.nodes or network.nodes == 0 or network.arcs == 0:
        raise ValueError("no roads")
    for rows, count in (
        (network.tail, network.nodes),
        (network.head, network.nodes),
        (network.way, len(network.way_id)),
    ):
        if rows.min() < 0 or rows.max() >= count:
            raise ValueError("a row points outside its table")
    _check_turns(network)
    if len(network.free_ms) not in (0, network.arcs):
        raise ValueError("arrays of different lengths")
    if network.post_at.shape != (len(network.post_ref), 3):
        raise ValueError("posts of another length")
    for column in network.columns.values():
        if len(column.code) != len(network.way_id) or column.code.min() < 0 or column.code.max() >= len(column.words):
            raise ValueError("a tag points outside its words")


def _check_turns(network: Network) -> None:
    start, arcs = network.turn_start, network.turn_arcs
    if len(start) != network.turns + 1 or start[0] != 0 or start[-1] != len(arcs):
        raise ValueError("turns of another length")
    if network.turns and (np.diff(start).min() < 2 or arcs.min() < 0 or arcs.max() >= network.arcs):
        raise ValueError("a turn points outside its table")
