"""Tell whether a small grey picture can be followed at all, and where in it there is something to hold on to.

Pure; pictures are uint8, height x width. Limits are of half-size greys of an 8-bit camera, chosen on the drawn roadside
scene and head-camera clips; a picture that fails is said to be dark, blank or blurred, and no mark is placed on it.
"""

from __future__ import annotations

import cv2
import numpy as np

WIDTH_MAX_PX = 640  # of a half-size grey: 720p is followed at 640 x 360, smaller cameras as they are
DARK_LEVEL = 24  # mean grey below which a camera sees nothing: covered, or night without light
CONTRAST_LEVELS = 4.0  # standard deviation: sensor noise of a blank wall is 2 to 3 levels
SHARP_SHARE = 0.08  # Laplacian variance, of the reference's; a Gaussian blur of 3 px leaves 0.02 or less
CORNER_SHARE = 0.01  # of the strongest corner of the region
CORNER_GAP_PX = 7

Box = tuple[int, int, int, int]  # left, top, right, bottom in pixels, the last two exclusive


def small_grey(luma: np.ndarray) -> np.ndarray:
    """The luma plane at no more than `WIDTH_MAX_PX` wide, for following."""
    height, width = luma.shape
    if width <= WIDTH_MAX_PX:
        return luma.copy()
    small = (WIDTH_MAX_PX, round(height * WIDTH_MAX_PX / width / 2) * 2)
    return cv2.resize(luma, small, interpolation=cv2.INTER_AREA)


def sharpness(grey: np.ndarray, box: Box) -> float:
    """Variance of the Laplacian inside `box`, after a light blur that takes sensor noise out."""
    inside = cv2.GaussianBlur(_cut(grey, box), (3, 3), 0)
    return float(cv2.meanStdDev(cv2.Laplacian(inside, cv2.CV_16S))[1][0, 0]) ** 2


def fault(grey: np.ndarray, box: Box, sharp_before: float = 0.0) -> str | None:
    """Why nothing can be followed inside `box`: "dark", "blank" or "blurred" (against `sharp_before`); None: it can."""
    inside = _cut(grey, box)
    if inside.size == 0:
        return "blank"
    mean, deviation = (float(one[0, 0]) for one in cv2.meanStdDev(inside))
    if deviation < CONTRAST_LEVELS:
        return "dark" if mean < DARK_LEVEL else "blank"
    return "blurred" if sharpness(grey, box) < SHARP_SHARE * sharp_before else None


def corners(grey: np.ndarray, box: Box, wanted: int, hidden: np.ndarray | None = None) -> np.ndarray:
    """Up to `wanted` corners inside `box`, n x 2 float32 pixels. `hidden`: uint8 mask, 0 where none may be taken."""
    left, top, right, bottom = box
    inside = grey[top:bottom, left:right]
    if wanted < 1 or min(inside.shape, default=0) < 2 * CORNER_GAP_PX:
        return np.empty((0, 2), np.float32)
    mask = None if hidden is None else hidden[top:bottom, left:right]
    found = cv2.goodFeaturesToTrack(inside, wanted, CORNER_SHARE, CORNER_GAP_PX, mask=mask)
    if found is None:
        return np.empty((0, 2), np.float32)
    return found.reshape(-1, 2) + np.array((left, top), np.float32)


def box_around(points: np.ndarray, margin_px: float, shape: tuple[int, ...]) -> Box:
    """The upright box around n x 2 points, `margin_px` wider on each side, inside a picture of `shape`."""
    height, width = shape[:2]
    low, high = points.min(axis=0) - margin_px, points.max(axis=0) + margin_px
    left, right = (int(np.clip(side, 0, width)) for side in (low[0], high[0]))
    top, bottom = (int(np.clip(side, 0, height)) for side in (low[1], high[1]))
    return left, top, right, bottom


def _cut(grey: np.ndarray, box: Box) -> np.ndarray:
    left, top, right, bottom = box
    return grey[top:bottom, left:right]
