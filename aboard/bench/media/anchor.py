"""How far a mark is from what it was drawn on while the camera moves in a known way, and what following it costs.

1280 x 720 at 30 a second; a mark is drawn on a picture 200 ms old and followed for five seconds, on several worlds. The
error is a share of the frame's width; its peer is ink that stays where it was drawn. CPU of one thread for a picture,
made small as the vehicle does.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import numpy as np

from aboard.bench.figures import Case, ours_of, peers_of
from aboard.bench.media.extent import Extent
from aboard.bench.media.moving_scene import HEIGHT, WIDTH, MovingCamera, drawn_world
from media.guidance.anchor import carried
from media.guidance.sight import small_grey
from media.guidance.tracker import Drawn, Tracker

FPS, WIDE = 30, 1280
LATE, BEFORE, AFTER = 6, 12, 150  # frames: 200 ms, before the mark is drawn, five seconds
MARK, MIDDLE = ((0.45, 0.40), (0.55, 0.50), (0.50, 0.45)), (0.50, 0.45)
ERROR_PCT, CPU_MS = 2.0, 5.0


@dataclass(slots=True)
class Followed:
    """Of every picture after the mark was drawn. Lost ones have no error; they say so on the screen."""

    error_pct: list[float] = field(default_factory=list)
    ink_pct: list[float] = field(default_factory=list)
    cpu_ms: list[float] = field(default_factory=list)
    lost: int = 0


async def anchor(extent: Extent) -> list[Case]:
    """Each seed a world of its own."""
    extent.said("anchor")
    followed = Followed()
    for seed in range(min(extent.seeds, 3)):
        follow(MovingCamera(drawn_world(seed), fps=FPS, width=WIDE), followed)
    return anchor_cases(followed)


def follow(camera: MovingCamera, followed: Followed, *, after: int = AFTER) -> None:
    """Draw one mark and follow it for so many pictures."""
    tracker = Tracker()
    for frame in range(BEFORE + after):
        if frame == BEFORE:
            tracker.keep({"m1": Drawn(camera.stamp(BEFORE - LATE), MARK)})
        luma = camera.grey(frame)
        began_s = time.thread_time()
        places = tracker.see(camera.stamp(frame), small_grey(luma))
        spent_ms = 1000 * (time.thread_time() - began_s)
        if frame >= BEFORE:
            followed.cpu_ms.append(spent_ms)
            true = camera.true_place(MIDDLE, BEFORE - LATE, frame)
            followed.ink_pct.append(_off_pct(np.array(MIDDLE), true))
            matrix = places.marks["m1"].matrix
            if matrix is None:
                followed.lost += 1
            else:
                followed.error_pct.append(_off_pct(carried(matrix, np.array([MIDDLE]))[0], true))


def _off_pct(place: np.ndarray, true: np.ndarray) -> float:
    """Of the width."""
    away = place - true
    return 100 * float(np.hypot(away[0], away[1] * HEIGHT / WIDTH))


def anchor_cases(followed: Followed) -> list[Case]:
    """Pure."""
    lost_pct = 100 * followed.lost / len(followed.cpu_ms) if followed.cpu_ms else None
    return [
        Case("anchor_error", "width_pct", ours_of(followed.error_pct), peers_of("unanchored", followed.ink_pct),
             {"p99": ERROR_PCT}),
        Case("anchor_lost", "pct", ours_of([] if lost_pct is None else [lost_pct])),
        Case("anchor_cpu", "ms", ours_of(followed.cpu_ms), {}, {"p50": CPU_MS}),
    ]  # fmt: skip
