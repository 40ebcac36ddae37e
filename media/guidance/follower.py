"""The tracker in a thread of its own, fed by the camera: the newest frame is followed, none waits behind another.

What is asked of the tracker (marks, holds, pointers) is done between two frames, in order. Results are handed to
listeners in this thread; whoever listens takes them to where they belong.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Mapping

import cv2
import numpy as np

from casebook.errors import CoordinationError
from media.guidance.sight import small_grey
from media.guidance.tracker import Drawn, Places, Tracker, hidden_mask
from media.stamp import HEIGHT_PX, WIDTH_PX, Stamp

log = logging.getLogger(__name__)
Told = Callable[[Places, np.ndarray], None]  # places, and the I420 picture that they are of
Wish = Callable[[Tracker], object]


class Follower:
    """`take` is a listener of `media.camera.Camera`; `wish` runs on the tracker. `told` hears of every frame."""

    def __init__(self, told: Told) -> None:
        self._told = told
        self._wishes: queue.SimpleQueue[Wish | None] = queue.SimpleQueue()  # None: there is a newer frame, or the end
        self._over = False
        self._newest: tuple[Stamp, np.ndarray] | None = None
        self._marks: Mapping[str, Drawn] = {}
        self._lock = threading.Lock()
        self.followed = self.skipped = 0
        self._thread = threading.Thread(target=self._run, name="guidance", daemon=True)
        self._thread.start()

    def take(self, stamp: Stamp, planes: np.ndarray) -> None:
        """A new picture: I420, uint8, stamped. Never blocks; an earlier one that still waits is skipped."""
        with self._lock:
            waits, self._newest = self._newest is not None, (stamp, planes)
        if waits:
            self.skipped += 1
        else:
            self._wishes.put(None)

    def wish(self, wish: Wish) -> None:
        self._wishes.put(wish)

    def keep(self, marks: Mapping[str, Drawn]) -> None:
        """These marks are in force."""
        self._marks = dict(marks)
        self.wish(lambda tracker: tracker.keep(marks))

    def stop(self) -> None:
        self._over = True
        self._wishes.put(None)
        self._thread.join()

    def _run(self) -> None:
        tracker = Tracker()
        while True:
            wish = self._wishes.get()
            if self._over:
                return
            try:
                if wish is None:
                    self._follow(tracker)
                else:
                    wish(tracker)
            except (cv2.error, CoordinationError, ValueError, IndexError, ArithmeticError, RuntimeError) as wrong:
                log.exception("guidance begins anew: %s", wrong)  # a lost mark is said; a dead thread would be silent
                tracker = Tracker()
                tracker.keep(self._marks)

    def _follow(self, tracker: Tracker) -> None:
        with self._lock:
            newest, self._newest = self._newest, None
        if newest is None:
            return
        stamp, planes = newest
        height, width = planes.shape[0] * 2 // 3, planes.shape[1]
        grey = small_grey(planes[:height])
        hidden = hidden_mask(grey.shape, WIDTH_PX / width, HEIGHT_PX / height)
        places = tracker.see(stamp, grey, hidden)
        self.followed += 1
        self._told(places, planes)
