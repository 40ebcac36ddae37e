"""The hierarchy over a search graph: its order is computed once (ordering.py), then kept on disk.

It depends on which nodes arcs join and on nothing else: no weight, closure or vehicle. The native library ends the
process on a damaged file, so every byte is checked against its hash before it reads one.
"""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pyroutingkit import CCHTopology

from routing.engine import ordering
from routing.roads.loading import cache_folder
from routing.topology import Topology

log = logging.getLogger(__name__)

FORMAT = "pyroutingkit-0.2-b"  # raise it when the files change, so that old ones are computed anew
CHECKS, ROWS = "checks.json", "rows"
SMALL = 10_000  # search nodes; below, the library's own order is as good, and there in a tenth of a second


@dataclass(frozen=True, slots=True, eq=False)
class BothWays:
    """The pairs of a search graph, then the opposite of each that has none: never driven, but with them the same order
    serves the graph turned round. `twin[i]` is the opposite of arc i."""

    tail: NDArray[np.uint32]
    head: NDArray[np.uint32]
    twin: NDArray[np.intp]

    @classmethod
    def of(cls, topology: Topology) -> BothWays:
        tail, head = topology.pair_tail.astype(np.int64), topology.pair_head.astype(np.int64)
        ends, opposite = tail * topology.nodes + head, head * topology.nodes + tail
        twin = np.searchsorted(ends, opposite)  # pairs stand in the order of their ends
        twin[twin == len(ends)] = 0
        missing = np.flatnonzero(ends[twin] != opposite) if len(ends) else twin
        twin[missing] = len(ends) + np.arange(len(missing))
        tail, head = np.concatenate((tail, head[missing])), np.concatenate((head, tail[missing]))
        return cls(tail.astype(np.uint32), head.astype(np.uint32), np.concatenate((twin, missing)))


@dataclass(frozen=True, slots=True, eq=False)
class Order:
    """A contraction order as the library holds it. Its arc i is row `rows[i]` of BothWays: they stand in the order in
    which it lays weights over them, since picking each from anywhere is a tenth of that work."""

    native: CCHTopology
    rows: NDArray[np.intp]


def order_of(topology: Topology, arcs: BothWays, folder: Path | None = None) -> Order:
    """The contraction order of a search graph, from the cache where it is there and whole."""
    if topology.nodes < SMALL:
        return _built(topology, arcs)
    kept = (folder or cache_folder()) / "orders" / f"{_digest(topology, arcs)[:32]}-{FORMAT}-{ordering.WAY}"
    return _read(kept) or _write(_compute(topology, arcs), kept)


def _built(topology: Topology, arcs: BothWays) -> Order:
    """In the library's own order."""
    native = CCHTopology()
    native.build(arcs.tail, arcs.head, *_coordinates(topology), topology.nodes)
    return Order(native, np.arange(len(arcs.tail)))


def _compute(topology: Topology, arcs: BothWays) -> Order:
    """In ours. The library takes an order from files only, laid out as it saves its own."""
    order = ordering.contraction_order(arcs.tail, arcs.head, *_coordinates(topology))
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order), dtype=np.uint32)
    low, high = np.minimum(rank[arcs.tail], rank[arcs.head]), np.maximum(rank[arcs.tail], rank[arcs.head])
    rows = np.lexsort((high, low))
    columns = {"order": order, "rank": rank, "tail": arcs.tail[rows], "head": arcs.head[rows]}
    columns["node_count"] = np.array([topology.nodes], np.uint32)
    native = CCHTopology()
    with tempfile.TemporaryDirectory() as place:
        for name, column in columns.items():
            column.tofile(Path(place) / name)
        native.load(place)
    return Order(native, rows)


def _coordinates(topology: Topology) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    net = topology.network
    return net.lat[topology.road_node].astype(np.float32), net.lon[topology.road_node].astype(np.float32)


def _digest(topology: Topology, arcs: BothWays) -> str:
    digest = hashlib.sha256(str(topology.nodes).encode())
    for array in (arcs.tail, arcs.head, *_coordinates(topology)):
        digest.update(array.tobytes())
    return digest.hexdigest()


def _read(kept: Path) -> Order | None:
    if not kept.is_dir():
        return None
    try:
        told = json.loads((kept / CHECKS).read_text(encoding="utf-8"))
        if told != _checks(kept):
            raise ValueError("a file differs from what was written")
        native = CCHTopology()
        native.load(str(kept))
        rows = np.fromfile(kept / ROWS, np.uint32).astype(np.intp)
    except (OSError, ValueError, RuntimeError) as broken:
        log.warning("road order cache %s is damaged (%s), computing it anew", kept.name, broken)
        return None
    return Order(native, rows)


def _write(order: Order, kept: Path) -> Order:
    """Whole or not at all: a reader never sees half a folder."""
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(dir=kept.parent, suffix=".part"))
        order.native.save(str(part))
        order.rows.astype(np.uint32).tofile(part / ROWS)
        (part / CHECKS).write_text(json.dumps(_checks(part)), encoding="utf-8")
        part.chmod(0o755)
        if kept.exists():
            shutil.rmtree(kept)
        part.rename(kept)
    except (OSError, RuntimeError) as refused:
        log.warning("road order cache %s could not be written (%s)", kept, refused)
    return order


def _checks(folder: Path) -> dict[str, str]:
    files = sorted(file for file in folder.iterdir() if file.name != CHECKS)
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}
