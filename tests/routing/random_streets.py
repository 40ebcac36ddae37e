"""Small random towns: a bent grid of streets, some one-way, some missing, with real street names' classes."""

from __future__ import annotations

import numpy as np
from paper_towns import roadmap_of

from routing.roads import Roadmap

STEP_DEG = 0.002  # about 200 m


def random_streets(seed: int, size: int = 6) -> Roadmap:
    """size x size junctions, streets between neighbours; every junction stays within reach (a ring road round it)."""
    rng = np.random.default_rng(seed)
    nodes = {
        1 + row * size + column: (
            31.0 + (row + float(rng.uniform(-0.25, 0.25))) * STEP_DEG,
            121.0 + (column + float(rng.uniform(-0.25, 0.25))) * STEP_DEG,
        )
        for row in range(size)
        for column in range(size)
    }
    arcs: list[tuple[int, int, float | None]] = []
    for row in range(size):
        for column in range(size):
            here = 1 + row * size + column
            for there, on_ring in ((here + 1, row in (0, size - 1)), (here + size, column in (0, size - 1))):
                inside = column < size - 1 if there == here + 1 else row < size - 1
                if not inside:
                    continue
                kind = 0.0 if on_ring else float(rng.random())
                arcs += [(here, there, None)] if kind < 0.9 else []
                arcs += [(there, here, None)] if kind < 0.75 else []
    return roadmap_of(nodes, arcs)
