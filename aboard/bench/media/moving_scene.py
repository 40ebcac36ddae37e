"""A drawn scene seen by a camera whose movement is known, so that one knows where every point of it has gone."""

from __future__ import annotations

import math
from collections.abc import Callable

import cv2
import numpy as np

from media.guidance.tags import draw_tag
from media.stamp import Stamp

WIDTH, HEIGHT = 640, 360  # in which movement is told; a picture may be larger
BEGAN_MS = 1_618_709_700_000


def drawn_world(seed: int = 0, *, width: int = 1300, height: int = 800) -> np.ndarray:
    """Boxes and discs of all sizes and greys, uint8."""
    rng = np.random.default_rng(seed)
    world = np.full((height, width), 120, np.uint8)
    for _ in range(700):
        x, y, size, grey = (int(rng.integers(low, high)) for low, high in ((0, width), (0, height), (5, 45), (20, 235)))
        if rng.random() < 0.5:
            cv2.rectangle(world, (x, y), (x + size, y + int(rng.integers(4, 45))), grey, -1)
        else:
            cv2.circle(world, (x, y), size // 2, grey, -1)
    return cv2.GaussianBlur(world, (3, 3), 0)


def with_tag(world: np.ndarray, number: int, left: int, top: int, side_px: int = 48) -> np.ndarray:
    """The world with a tag lying in it."""
    tagged = world.copy()
    tagged[top : top + side_px, left : left + side_px] = draw_tag(number, side_px)
    return tagged


def swaying(t_s: float) -> np.ndarray:
    """World to picture: the head turns, leans, comes nearer and tilts; up to a fifth of the width in a second."""
    angle, nearer = 0.10 * math.sin(0.9 * t_s), 1 + 0.15 * math.sin(0.5 * t_s)
    c, s = math.cos(angle) * nearer, math.sin(angle) * nearer
    x, y = -300 + 130 * math.sin(0.7 * t_s), -200 + 60 * math.sin(1.1 * t_s + 0.5)
    return np.array([[c, -s, x], [s, c, y], [8e-5 * math.sin(t_s), 6e-5 * math.cos(0.8 * t_s), 1]])


def standing(t_s: float) -> np.ndarray:
    """World to picture: nothing moves."""
    return np.array([[1.0, 0, -300], [0, 1, -200], [0, 0, 1]])


class MovingCamera:
    """Frames of a world by number, `fps` a second; each with sensor noise that differs from frame to frame.

    `width` is that of a frame, in the proportions of `WIDTH` to `HEIGHT`.
    """

    def __init__(
        self,
        world: np.ndarray,
        motion: Callable[[float], np.ndarray] = swaying,
        *,
        fps: int = 15,
        seed: int = 1,
        width: int = WIDTH,
    ) -> None:
        self.world, self.motion, self.fps, self.seed = world, motion, fps, seed
        self.size = (width, width * HEIGHT // WIDTH)
        self._larger = np.diag([width / WIDTH, width / WIDTH, 1.0])

    def stamp(self, frame: int) -> Stamp:
        return Stamp(frame, BEGAN_MS + frame * 1000 // self.fps)

    def grey(self, frame: int) -> np.ndarray:
        """Luma of a frame, uint8, rows x columns."""
        width, height = self.size
        noise = np.random.default_rng((self.seed, frame)).integers(-4, 5, (height, width), dtype=np.int16)
        seen = cv2.warpPerspective(self.world, self._larger @ self.motion(frame / self.fps), self.size)
        return np.clip(seen.astype(np.int16) + noise, 0, 255).astype(np.uint8)

    def true_place(self, point: tuple[float, float], drawn_on: int, now: int) -> np.ndarray:
        """Where a normalised point of frame `drawn_on` is on frame `now`, normalised."""
        way = self.motion(now / self.fps) @ np.linalg.inv(self.motion(drawn_on / self.fps))
        there = way @ (point[0] * WIDTH, point[1] * HEIGHT, 1.0)
        return there[:2] / there[2] / (WIDTH, HEIGHT)
