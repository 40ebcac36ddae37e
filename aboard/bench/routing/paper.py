"""The question sheet that every peer gets: one graph as arrays, and who asks for where, on disk between processes.

The graph is the road map's for one vehicle in free flow, parallel arcs reduced by minimum beforehand, so that no peer
pays for it. Forbidden turns are not on it: no peer follows them.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aboard.bench.routing.questions import CLOSED, Questions, numbers
from routing.costs import Costs
from routing.roads.roadmap import Roadmap

UPDATES, PAIRS = 3, 200
FILE = "paper.npz"


@dataclass(frozen=True, slots=True)
class Paper:
    """n nodes, m arcs (no two parallel), whole ms. `updates` (UPDATES x m): all arcs re-weighted; `closed`: rows of
    arcs that are shut together; `pairs` (PAIRS x 2): start and end of single ways."""

    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    tail: NDArray[np.int32]
    head: NDArray[np.int32]
    ms: NDArray[np.int64]
    kph: NDArray[np.float64]
    updates: NDArray[np.int64]
    closed: NDArray[np.int64]
    hospitals: NDArray[np.int64]
    ambulances: NDArray[np.int64]
    pairs: NDArray[np.int64]

    def write(self, folder: Path) -> None:
        np.savez(folder / FILE, **{field.name: getattr(self, field.name) for field in fields(self)})

    @classmethod
    def read(cls, folder: Path) -> Paper:
        with np.load(folder / FILE, allow_pickle=False) as arrays:
            return cls(**{field.name: arrays[field.name] for field in fields(cls)})


def paper_of(roadmap: Roadmap, free: Costs, questions: Questions, seed: int) -> Paper:
    """Pure. The re-weighted arcs take between half and double of what they take in free flow."""
    network, random = roadmap.network, numbers(seed, "paper")
    arcs = lightest(network.tail, network.head, free.likely_ms, free.usable)
    ms = free.likely_ms[arcs]
    factors = random.uniform(0.5, 2.0, (UPDATES, len(arcs)))
    hospitals, ambulances = np.asarray(questions.hospitals), np.asarray(questions.ambulances)
    return Paper(
        lon=network.lon,
        lat=network.lat,
        tail=network.tail[arcs],
        head=network.head[arcs],
        ms=ms,
        kph=network.length_m[arcs] * 3600 / ms,
        updates=np.maximum(1, np.rint(ms * factors)).astype(np.int64),
        closed=random.choice(len(arcs), min(CLOSED, len(arcs) // 10), replace=False),
        hospitals=hospitals,
        ambulances=ambulances,
        pairs=np.column_stack([random.choice(ambulances, PAIRS), random.choice(hospitals, PAIRS)]),
    )


def lightest(tail: Any, head: Any, weights_ms: NDArray[np.int64], usable: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Rows of usable arcs, of parallel ones the lightest, ordered by tail and head."""
    there = np.flatnonzero(usable)
    order = there[np.lexsort((weights_ms[there], head[there], tail[there]))]
    first = np.ones(len(order), np.bool_)
    first[1:] = (tail[order][1:] != tail[order][:-1]) | (head[order][1:] != head[order][:-1])
    return order[first]
