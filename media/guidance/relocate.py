"""Find a lost mark again: match what the reference shows around it with what the camera sees now, by ORB features.

Pure and slow (a few ms): the tracker asks for it now and then, for one lost mark at a time. What it gives is a guess,
which the anchor's own flow must confirm.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np

from media.guidance.sight import Box

FEATURES = 600
MATCHES_MIN = 12
RATIO = 0.8  # of the best to the second-best match; Lowe 2004 gives 0.8
FIT_PX = 4.0


@dataclass(slots=True)
class Features:
    """Keypoints (n x 2 pixels) with their descriptors (n x 32 bytes)."""

    points: np.ndarray
    descriptors: np.ndarray | None


@dataclass(slots=True)
class Relocator:
    """Remembers the features of each reference, by any name, so that they are looked for once."""

    _orb: cv2.ORB = field(default_factory=lambda: cv2.ORB.create(FEATURES))
    _matcher: cv2.BFMatcher = field(default_factory=lambda: cv2.BFMatcher(cv2.NORM_HAMMING))
    _known: dict[str, Features] = field(default_factory=dict)

    def features(self, grey: np.ndarray, hidden: np.ndarray | None, near: Box | None = None) -> Features:
        """Of the whole picture, or inside `near`."""
        mask = hidden
        if near is not None:
            left, top, right, bottom = near
            mask = np.zeros(grey.shape, np.uint8)
            mask[top:bottom, left:right] = 255 if hidden is None else hidden[top:bottom, left:right]
        points, descriptors = self._orb.detectAndCompute(grey, mask)
        return Features(np.array([one.pt for one in points], np.float32).reshape(-1, 2), descriptors)

    def remember(self, name: str, reference: np.ndarray, near: Box, hidden: np.ndarray | None) -> Features:
        if name not in self._known:
            self._known[name] = self.features(reference, hidden, near)
        return self._known[name]

    def forget(self, keep: set[str]) -> None:
        self._known = {name: one for name, one in self._known.items() if name in keep}

    def guess(self, reference: Features, now: Features) -> np.ndarray | None:
        """Roughly where the reference is now, as a homography; None when too little of it is seen."""
        if reference.descriptors is None or now.descriptors is None or len(now.points) < MATCHES_MIN:
            return None
        pairs = self._matcher.knnMatch(reference.descriptors, now.descriptors, k=2)
        sure = [pair[0] for pair in pairs if len(pair) == 2 and pair[0].distance < RATIO * pair[1].distance]
        if len(sure) < MATCHES_MIN:
            return None
        start = reference.points[[one.queryIdx for one in sure]]
        end = now.points[[one.trainIdx for one in sure]]
        matrix, kept = cv2.findHomography(start, end, cv2.RANSAC, FIT_PX)
        return matrix if matrix is not None and kept is not None and int(kept.sum()) >= MATCHES_MIN else None
