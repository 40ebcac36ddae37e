"""Draw what a paramedic's body camera sees at the roadside: road, verge, traffic, crash barrier, own hands and kit.

Procedural and deterministic: the picture depends on the seed and the time asked for, nothing else. It stands in for a
camera where there is none; stamping and pacing are the camera's.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

SKY, FIELD, VERGE, ASPHALT = (205, 190, 170), (86, 128, 96), (92, 132, 118), (92, 90, 88)  # BGR
PAINT, BARRIER, GLOVE, SLEEVE, BAG = (225, 228, 228), (150, 152, 155), (170, 120, 40), (40, 60, 190), (30, 90, 210)
TEXTURE_PX = 96  # extra rows and columns of the noise texture, so that it can move with the head


@dataclass(frozen=True, slots=True)
class _Vehicle:
    colour: tuple[int, int, int]
    lane: float  # 0 nearest lane .. 1 far lane
    speed: float  # trips from the far end to us per second
    phase: float


class RoadsideScene:
    """The picture at any time, as BGR. One scene holds about 1 MB; a frame costs about 1 ms at 640 x 360."""

    def __init__(self, width: int = 640, height: int = 360, *, seed: int = 0) -> None:
        self.width, self.height = width, height
        rng = np.random.default_rng(seed)
        grain = rng.integers(0, 22, (height + TEXTURE_PX, width + TEXTURE_PX, 1), np.uint8)
        self._grain = cv2.blur(np.repeat(grain, 3, axis=2), (3, 3))
        palette = [(200, 200, 205), (60, 60, 170), (120, 60, 40), (40, 40, 44), (70, 160, 190)]
        self._vehicles = [
            _Vehicle(palette[n % 5], float(rng.random()), 0.08 + 0.14 * float(rng.random()), float(rng.random()))
            for n in range(5)
        ]

    def picture(self, t_s: float) -> np.ndarray:
        """The scene `t_s` seconds after the start: uint8, height x width x 3, BGR."""
        frame = np.empty((self.height, self.width, 3), np.uint8)
        sway_x = int(10 * math.sin(0.9 * t_s) + 4 * math.sin(2.3 * t_s))
        sway_y = int(6 * math.sin(1.3 * t_s + 1) + 2 * math.sin(3.1 * t_s))
        horizon = self.height * 2 // 5 + sway_y
        vanish = self.width * 3 // 5 + sway_x
        self._draw_ground(frame, horizon, vanish)
        self._draw_lines(frame, horizon, vanish, t_s)
        self._draw_traffic(frame, horizon, vanish, t_s)
        self._draw_hands(frame, sway_x, sway_y, t_s)
        left, top = sway_x % TEXTURE_PX, sway_y % TEXTURE_PX
        return cv2.add(frame, self._grain[top : top + self.height, left : left + self.width], dst=frame)

    def _draw_ground(self, frame: np.ndarray, horizon: int, vanish: int) -> None:
        w, h = self.width, self.height
        frame[:horizon] = SKY
        frame[horizon:] = FIELD
        _fill(frame, [(vanish - w // 30, horizon), (vanish + w // 30, horizon), (w * 3 // 2, h), (-w // 4, h)], VERGE)
        _fill(frame, [(vanish - w // 40, horizon), (vanish + w // 40, horizon), (w * 5 // 4, h), (w // 12, h)], ASPHALT)
        _fill(frame, [(vanish, horizon - 2), (vanish, horizon + 2), (0, h * 3 // 4), (0, h * 5 // 8)], BARRIER)

    def _draw_lines(self, frame: np.ndarray, horizon: int, vanish: int, t_s: float) -> None:
        for dash in range(8):
            near = ((dash + 0.3 * math.sin(0.2 * t_s)) / 8) ** 2
            far = ((dash + 0.5) / 8) ** 2
            (x0, y0), (x1, y1) = (self._on_road(depth, 0.5, horizon, vanish) for depth in (near, far))
            cv2.line(frame, (x0, y0), (x1, y1), PAINT, max(1, int(8 * far)))

    def _draw_traffic(self, frame: np.ndarray, horizon: int, vanish: int, t_s: float) -> None:
        trips = [((t_s * vehicle.speed + vehicle.phase) % 1.0, vehicle) for vehicle in self._vehicles]
        for trip, vehicle in sorted(trips, key=lambda one: one[0]):
            depth = 0.02 + 0.9 * trip * trip
            x, y = self._on_road(depth, 0.55 + 0.4 * vehicle.lane, horizon, vanish)
            wide, high = int(self.width * 0.28 * depth) + 3, int(self.height * 0.30 * depth) + 3
            cv2.rectangle(frame, (x - wide // 2, y - high), (x + wide // 2, y), vehicle.colour, -1)
            cv2.rectangle(frame, (x - wide // 3, y - high), (x + wide // 3, y - high // 2), (70, 60, 50), -1)
            cv2.circle(frame, (x - wide // 3, y), max(1, high // 6), (25, 25, 25), -1)
            cv2.circle(frame, (x + wide // 3, y), max(1, high // 6), (25, 25, 25), -1)

    def _draw_hands(self, frame: np.ndarray, sway_x: int, sway_y: int, t_s: float) -> None:
        w, h = self.width, self.height
        reach = int(8 * math.sin(1.7 * t_s))
        bag = (w // 3 - sway_x // 2, h - h // 6 - sway_y)
        cv2.rectangle(frame, bag, (bag[0] + w // 4, h), BAG, -1)
        cv2.rectangle(frame, (bag[0] + w // 10, bag[1] + 8), (bag[0] + w // 7, h), PAINT, -1)
        for side, x in ((-1, w // 4), (1, w * 3 // 4)):
            hand = (x + side * reach - sway_x // 3, h - h // 9 - sway_y // 2)
            cv2.line(frame, (x + side * w // 8, h + 20), hand, SLEEVE, w // 14)
            cv2.ellipse(frame, hand, (w // 18, h // 12), 20 * side, 0, 360, GLOVE, -1)

    def _on_road(self, depth: float, across: float, horizon: int, vanish: int) -> tuple[int, int]:
        """Pixel of a point on the road: `depth` 0 horizon .. 1 at our feet, `across` 0 left edge .. 1 right edge."""
        left = vanish + (self.width / 12 - vanish) * depth
        right = vanish + (self.width * 1.25 - vanish) * depth
        return int(left + (right - left) * across), int(horizon + (self.height - horizon) * depth)


def _fill(frame: np.ndarray, corners: list[tuple[int, int]], colour: tuple[int, int, int]) -> None:
    cv2.fillConvexPoly(frame, np.array(corners, np.int32), colour)
