"""Carry one mark from the frame it was drawn on to the newest frame: optical flow there and back, then a homography.

The flow is pyramidal Lucas-Kanade, kept only where following back leads to where it came from; the homography (RANSAC)
leads from the reference frame straight to now, so that errors of single steps do not add up. A mark whose scene cannot
be followed is lost and says why; finding it again is `relocate`'s. Pictures are small greys of one size, points pixels.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from media.guidance.sight import Box, box_around, corners, fault, sharpness

POINTS = 60  # followed for one mark; with 60 the homography of a shaky clip is as good as with 200
INLIERS_MIN = 10  # four fix a homography; fewer than ten may agree by chance
RESEED_BELOW = 0.6  # of the points wanted
BACK_PX = 0.8  # following forth and back must lead to the start within this
FIT_PX = 2.0  # RANSAC: a point this far from its place does not belong to the mark's surface
SCALE_MAX = 4.0  # nearer or further than four times: the reference tells nothing any more
REACH_SHARE = 0.12  # of the frame's width: how far around a mark its points may lie
LOOK_EVERY = 5  # frames between looks whether the place still looks like the reference
LIKENESS_MIN = 0.45  # correlation of the marked patch with the reference's: something else is there now
PATCH_PX = 48
PATCH_SEEN_SHARE = 0.25  # of the patch: with less in the picture nobody can tell
FLOW: dict[str, Any] = {
    "winSize": (15, 15), "maxLevel": 3,
    "criteria": (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 20, 0.03), "minEigThreshold": 5e-4,
    "flags": cv2.OPTFLOW_USE_INITIAL_FLOW,
}  # fmt: skip


@dataclass(slots=True)
class Anchor:
    """One mark's hold on the scene. `matrix` leads from the reference to the newest frame; None while it is lost.

    `why` tells why it is lost: dark, blank, blurred (see `sight`), moved (what was followed is gone), away (it has left
    the picture), changed (something else is in its place). `hidden` is the mask of `sight.corners`.
    """

    reference: np.ndarray
    spot: np.ndarray  # n x 2: the mark's own points in the reference
    hidden: np.ndarray | None = None
    points: int = POINTS
    matrix: np.ndarray | None = None
    why: str | None = None
    _from: np.ndarray | None = None  # the followed points in the reference, and now
    _now: np.ndarray | None = None
    _sharp: float = 0.0
    _steps: int = 0

    @classmethod
    def at(cls, reference: np.ndarray, spot: np.ndarray, hidden: np.ndarray | None = None) -> Anchor:
        """Hold on to the scene around `spot` in its own frame."""
        anchor = cls(reference, np.asarray(spot, np.float32).reshape(-1, 2), hidden)
        if (wrong := fault(reference, anchor.near())) is not None:
            return anchor.lose(wrong)
        anchor._sharp = sharpness(reference, anchor.near())
        seeds = corners(reference, anchor.near(), anchor.points, hidden)
        return anchor.hold(np.eye(3), seeds, seeds) if len(seeds) >= INLIERS_MIN else anchor.lose("blank")

    @property
    def held(self) -> bool:
        return self.matrix is not None

    @property
    def followed(self) -> np.ndarray:
        """The followed points on the newest frame, n x 2; none of a lost anchor."""
        return np.empty((0, 2), np.float32) if self._now is None else self._now

    def near(self) -> Box:
        """The box of the reference in which points are taken."""
        return box_around(self.spot, REACH_SHARE * self.reference.shape[1], self.reference.shape)

    def hold(self, matrix: np.ndarray, reference_points: np.ndarray, points: np.ndarray) -> Anchor:
        self.matrix, self.why = matrix, None
        self._from, self._now = reference_points[: self.points], points[: self.points]
        return self

    def lose(self, why: str) -> Anchor:
        self.matrix, self.why, self._from, self._now = None, why, None, None
        return self

    def step(self, there: np.ndarray, good: np.ndarray, grey: np.ndarray) -> Anchor:
        """To the next frame, `grey`, given what `flow` says of the followed points. A lost anchor stays lost."""
        if self._now is None or self._from is None:
            return self
        if (wrong := fault(grey, box_around(self._now, 2.0, grey.shape), self._sharp)) is not None:
            return self.lose(wrong)
        return self._fit(self._from[good], there[good], grey)

    def jump(self, guess: np.ndarray, now: np.ndarray) -> Anchor:
        """Take hold in a frame far from the last one, given roughly where the reference is in it."""
        seeds = corners(self.reference, self.near(), self.points, self.hidden)
        if len(seeds) < INLIERS_MIN:
            return self.lose("blank")
        start = carried(guess, seeds)
        inside = _inside(start, now.shape)
        if inside.sum() < INLIERS_MIN:
            return self.lose("moved")
        there, good = flow(self.reference, now, seeds[inside], start[inside])
        self._steps = 0  # looked at once, below
        return self._fit(seeds[inside][good], there[good], now)

    def _fit(self, reference_points: np.ndarray, points: np.ndarray, grey: np.ndarray) -> Anchor:
        """Accept the points if they are one surface, seen from a sane place, that still looks as it did."""
        if len(points) < INLIERS_MIN:
            return self.lose("moved")
        matrix, kept = cv2.findHomography(reference_points, points, cv2.RANSAC, FIT_PX, maxIters=300)
        inliers = np.zeros(len(points), bool) if kept is None else kept.ravel().astype(bool)
        if matrix is None or inliers.sum() < max(INLIERS_MIN, len(points) // 2) or not self._sane(matrix):
            return self.lose("moved")
        if not _inside(carried(matrix, self.spot).mean(axis=0, keepdims=True), grey.shape)[0]:
            return self.lose("away")
        look, self._steps = self._steps % LOOK_EVERY == 0, self._steps + 1
        if look and likeness(self.reference, grey, matrix, self.spot) < LIKENESS_MIN:
            return self.lose("changed")
        self.hold(matrix, reference_points[inliers], points[inliers])
        if inliers.sum() < RESEED_BELOW * self.points:
            self._reseed(grey)
        return self

    def _reseed(self, grey: np.ndarray) -> None:
        """More points, taken now; where they were in the reference follows from the homography."""
        assert self.matrix is not None and self._now is not None and self._from is not None
        free = np.full(grey.shape, 255, np.uint8) if self.hidden is None else self.hidden.copy()
        for x, y in self._now:
            cv2.circle(free, (int(x), int(y)), 8, 0, -1)
        here = carried(self.matrix, self.spot)
        near = box_around(here, REACH_SHARE * grey.shape[1], grey.shape)
        fresh = corners(grey, near, self.points - len(self._now), free)
        if len(fresh):
            back = carried(np.linalg.inv(self.matrix), fresh)
            known = _inside(back, self.reference.shape)
            self._now = np.concatenate([self._now, fresh[known]])
            self._from = np.concatenate([self._from, back[known]])

    def _sane(self, matrix: np.ndarray) -> bool:
        """The box around the mark stays a box: not turned inside out, not torn, at most `SCALE_MAX` times the size."""
        left, top, right, bottom = self.near()
        box = np.array([(left, top), (right, top), (right, bottom), (left, bottom)], np.float32)
        depths = np.column_stack([box, np.ones(4)]) @ matrix[2]
        if depths.min() <= 1e-6:
            return False
        there = carried(matrix, box)
        before, after = (float(cv2.contourArea(one, oriented=True)) for one in (box, there))
        grown = after / before if before else 0.0
        return bool(cv2.isContourConvex(there)) and SCALE_MAX**-2 < grown < SCALE_MAX**2


def follow(
    anchors: Iterable[Anchor], before: np.ndarray, now: np.ndarray, others: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """One step of all anchors, from one frame to the next, and of `others` (n x 2), for which `flow`'s answer is given.

    All points are followed together: a call costs more for making the pictures' pyramids than for the points.
    """
    held = [anchor for anchor in anchors if anchor.held]
    others = np.empty((0, 2), np.float32) if others is None else others
    points = np.concatenate([*(anchor.followed for anchor in held), others])
    if len(points) == 0:
        return others, np.zeros(0, bool)
    there, good = flow(before, now, points)
    at = 0
    for anchor in held:
        end = at + len(anchor.followed)
        anchor.step(there[at:end], good[at:end], now)
        at = end
    return there[at:], good[at:]


def flow(
    before: np.ndarray, now: np.ndarray, points: np.ndarray, start: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Where `points` went (n x 2), and which of them followed back lead to where they came from (n bools).

    `start`: a guess of where they are now.
    """
    points = np.ascontiguousarray(points, np.float32)
    there, found, _ = cv2.calcOpticalFlowPyrLK(before, now, points, _copied(points if start is None else start), **FLOW)
    back, found_back, _ = cv2.calcOpticalFlowPyrLK(
        now, before, there, _copied(there if start is None else points), **FLOW
    )
    close = np.linalg.norm(back - points, axis=1) < BACK_PX
    good = found.ravel().astype(bool) & found_back.ravel().astype(bool) & close & _inside(there, now.shape)
    return there, good


def _copied(points: np.ndarray) -> np.ndarray:
    """A guess that the flow may write over."""
    return np.array(points, np.float32, order="C")


def carried(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    """n x 2 points through a homography."""
    return cv2.perspectiveTransform(np.asarray(points, np.float32).reshape(-1, 1, 2), matrix).reshape(-1, 2)


def likeness(reference: np.ndarray, grey: np.ndarray, matrix: np.ndarray, spot: np.ndarray) -> float:
    """Correlation, -1 to 1, of the patch around the mark's middle in the reference with the same patch now, as far as
    it is in the picture."""
    x, y = spot.mean(axis=0)
    height, width = reference.shape
    side = min(PATCH_PX, height, width)
    left, top = (float(np.clip(at - side / 2, 0, limit - side)) for at, limit in ((x, width), (y, height)))
    place = np.array([[1, 0, left], [0, 1, top], [0, 0, 1]], float)
    how = {"dsize": (side, side), "flags": cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP}
    before, now = (cv2.warpPerspective(one, way, **how) for one, way in ((reference, place), (grey, matrix @ place)))
    rows, columns = np.mgrid[0:side, 0:side]
    seen = _inside(carried(matrix @ place, np.column_stack([columns.ravel(), rows.ravel()])), grey.shape)
    if seen.sum() < PATCH_SEEN_SHARE * seen.size:
        return 0.0
    return float(np.nan_to_num(np.corrcoef(before.ravel()[seen], now.ravel()[seen])[0, 1]))


def _inside(points: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    return (points >= 0).all(axis=1) & (points[:, 0] < shape[1] - 1) & (points[:, 1] < shape[0] - 1)
