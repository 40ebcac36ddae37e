"""Index straight arcs by the squares of a flat grid that they touch, so that a search looks at a few dozen of them.

Built in one go from arrays, much faster than a tree of geometries, and asked without making any object. What is done
with the arcs found is left to snapping.py and roadmap.py.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from casebook.place import EARTH_RADIUS_M

METRES_PER_DEGREE = EARTH_RADIUS_M * np.pi / 180
CELLS_PER_ARC = 2.0  # about as many squares as keep one dense square to a few arcs; measured on New York
MIN_CELL_M = 50.0
RIM = 1e-6  # of a square: an arc on the line between two squares is in both, whatever the rounding

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


class Grid:
    """m arcs in the squares of a grid: `arcs[start[s]:start[s + 1]]` touch square s, counted west to east, then north.

    `shape` holds the south-west corner (degrees), squares per degree (x, y), and the columns and rows. The three
    arrays are all there is to it, so that a grid is kept on disk with its network (store.py).
    """

    def __init__(self, arcs: NDArray[np.int32], start: NDArray[np.int32], shape: Floats) -> None:
        self.arcs, self.start, self.shape = arcs, start, shape
        west, south, across, up, columns, rows = shape.tolist()
        self._corner, self._per_degree = (west, south), (across, up)
        self._columns, self._rows = int(columns), int(rows)

    @classmethod
    def over(cls, line: Floats) -> Grid:
        """The grid of arcs given as m x 4 degrees: start (x, y), then the step to the end."""
        end = line[:, :2] + line[:, 2:]
        low, high = np.minimum(line[:, :2], end), np.maximum(line[:, :2], end)
        shape = _shape(low.min(axis=0), high.max(axis=0), len(line))
        cell, arc = _touched(line, low, high, shape)
        squares = int(shape[4] * shape[5])
        start = np.zeros(squares + 1, np.int32)
        np.cumsum(np.bincount(cell, minlength=squares), out=start[1:])
        return cls(arc[_sorted(cell)].astype(np.int32), start, shape)

    def check(self, arcs: int) -> None:
        """Raises ValueError when the arrays, read from disk, do not fit each other and a network of so many arcs."""
        if len(self.start) != self._columns * self._rows + 1 or self.start[0] != 0 or self.start[-1] != len(self.arcs):
            raise ValueError("a grid of another size")
        if len(self.arcs) and (self.arcs.min() < 0 or self.arcs.max() >= arcs or np.diff(self.start).min() < 0):
            raise ValueError("a grid points outside its network")

    def touching(self, west: float, south: float, east: float, north: float) -> NDArray[np.int32]:
        """Rows of all arcs in squares that touch this box; some lie outside it, some come twice."""
        x0, y0 = self._corner
        kx, ky = self._per_degree
        first, last = max(0, int((west - x0) * kx)), min(self._columns - 1, int((east - x0) * kx))
        bottom, top = max(0, int((south - y0) * ky)), min(self._rows - 1, int((north - y0) * ky))
        if east < x0 or north < y0 or first > last:
            return self.arcs[:0]
        start, wide = self.start, self._columns
        slices = [self.arcs[start[row * wide + first] : start[row * wide + last + 1]] for row in range(bottom, top + 1)]
        return np.concatenate(slices) if slices else self.arcs[:0]

    def touching_many(self, low: Floats, high: Floats) -> tuple[Ints, NDArray[np.int32]]:
        """`touching` for k boxes at once (corners k x 2): pairs of box and arc, ascending by box."""
        origin, per, cells = self.shape[:2], self.shape[2:4], self.shape[4:] - 1
        first = np.maximum(np.floor((low - origin) * per), 0).astype(np.int64)
        last = np.minimum(np.floor((high - origin) * per), cells).astype(np.int64)
        last[(last < first).any(axis=1)] = -1
        box, row = _spread(first[:, 1], np.where(last[:, 0] < 0, first[:, 1] - 1, last[:, 1]))
        begin = self.start[row * self._columns + first[box, 0]].astype(np.int64)
        end = self.start[row * self._columns + last[box, 0] + 1].astype(np.int64)
        part, entry = _spread(begin, end - 1)
        return box[part], self.arcs[entry]


def _shape(low: Floats, high: Floats, arcs: int) -> Floats:
    span = high - low
    wide = METRES_PER_DEGREE * max(0.01, float(np.cos(np.radians(low[1] + span[1] / 2))))
    area_m2 = max(1.0, float(span[0] * wide)) * max(1.0, float(span[1] * METRES_PER_DEGREE))
    cell_m = max(MIN_CELL_M, (area_m2 / (CELLS_PER_ARC * arcs)) ** 0.5)
    across, up = wide / cell_m, METRES_PER_DEGREE / cell_m
    return np.array([*low, across, up, int(span[0] * across) + 1, int(span[1] * up) + 1], np.float64)


def _touched(line: Floats, low: Floats, high: Floats, shape: Floats) -> tuple[Ints, Ints]:
    """Pairs of square and arc: for each row of squares that an arc crosses, those from its entry to its exit."""
    origin, per, columns, rows = shape[:2], shape[2:4], int(shape[4]), int(shape[5])
    low, high = (low - origin) * per, (high - origin) * per
    first = np.clip(np.floor(low[:, 1] - RIM), 0, rows - 1).astype(np.int64)
    last = np.clip(np.floor(high[:, 1] + RIM), 0, rows - 1).astype(np.int64)
    arc, row = _spread(first, last)
    x, y = ((line[arc, i] - origin[i]) * per[i] for i in (0, 1))
    step_x, step_y = (line[arc, i] * per[i - 2] for i in (2, 3))
    with np.errstate(divide="ignore", invalid="ignore"):
        inside = [np.clip((edge - y) / step_y, 0.0, 1.0) for edge in (row - RIM, row + 1 + RIM)]
    flat = np.abs(step_y) < 1e-12
    ends = [x + step_x * np.where(flat, whole, share) for whole, share in zip((0.0, 1.0), inside, strict=True)]
    west = np.clip(np.floor(np.minimum(*ends) - RIM), 0, columns - 1).astype(np.int64)
    east = np.clip(np.floor(np.maximum(*ends) + RIM), 0, columns - 1).astype(np.int64)
    pair, column = _spread(west, east)
    return row[pair] * columns + column, arc[pair]


def _spread(first: Ints, last: Ints) -> tuple[Ints, Ints]:
    """For each i, all numbers from first[i] to last[i]: their i, and they themselves."""
    count = last - first + 1
    index = np.repeat(np.arange(len(first)), count)
    begin = np.cumsum(count) - count
    return index, np.arange(len(index)) - begin[index] + first[index]


def _sorted(cell: Ints) -> NDArray[np.intp]:
    """Stable order by cell; numpy sorts 16-bit numbers by counting, so two such sorts beat one of 64 bits."""
    order = np.argsort((cell & 0xFFFF).astype(np.uint16), kind="stable")
    high = (cell >> 16).astype(np.uint16)
    assert cell.size == 0 or int(cell.max()) < 2**32
    return order[np.argsort(high[order], kind="stable")]
