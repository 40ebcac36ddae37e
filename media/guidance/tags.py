"""Read printed triage tags in a picture: 4 x 4 ArUco squares, numbered, one on each casualty.

A tag says which casualty is seen, and is a place that cannot be mistaken: a mark near one is found again by it. Which
number hangs on whom is the crew's word (casebook), never guessed from the picture.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

TAGS = 250  # of the dictionary DICT_4X4_250: numbers 0 to 249
REACH_SIDES = (
    3.0  # a mark so many sides of the tag away may be placed by it: beyond, an error of its corners grows too large
)


@dataclass(frozen=True, slots=True)
class Tag:
    """`corners`: 4 x 2 pixels, clockwise from the tag's own top left."""

    number: int
    corners: np.ndarray

    @property
    def side_px(self) -> float:
        return float(np.sqrt(abs(cv2.contourArea(self.corners.astype(np.float32)))))


class TagReader:
    """One per vehicle: making the detector is dear."""

    def __init__(self) -> None:
        dictionary = cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_4X4_250)
        how = cv2.aruco.DetectorParameters()
        how.cornerRefinementMethod = cv2.aruco.CORNER_REFINE_SUBPIX
        self._detector = cv2.aruco.ArucoDetector(dictionary, how)

    def read(self, grey: np.ndarray) -> dict[int, Tag]:
        """Tags by number; a number seen twice is believed nowhere."""
        found, numbers, _ = self._detector.detectMarkers(grey)
        tags: dict[int, Tag] = {}
        twice: set[int] = set()
        read = [] if numbers is None else [int(number) for number in numbers.ravel()]
        for corners, number in zip(found, read, strict=True):
            twice |= {number} & tags.keys()
            tags[number] = Tag(number, corners.reshape(4, 2))
        return {number: tag for number, tag in tags.items() if number not in twice}


def nearest(tags: dict[int, Tag], spot: np.ndarray) -> Tag | None:
    """The tag by which a mark with these points can be placed, or None."""
    middle = spot.mean(axis=0)
    near = [tag for tag in tags.values() if _sides_away(tag, middle) <= REACH_SIDES]
    return min(near, key=lambda tag: _sides_away(tag, middle), default=None)


def _sides_away(tag: Tag, middle: np.ndarray) -> float:
    return float(np.linalg.norm(tag.corners.mean(axis=0) - middle)) / max(tag.side_px, 1.0)


def way(before: Tag, now: Tag) -> np.ndarray:
    """The homography from where the tag was to where it is."""
    return cv2.getPerspectiveTransform(before.corners.astype(np.float32), now.corners.astype(np.float32))


def draw_tag(number: int, side_px: int) -> np.ndarray:
    """The tag as it is printed, with its white rim, for tests and for printing: uint8, side x side."""
    dictionary = cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_4X4_250)
    inner = cv2.aruco.generateImageMarker(dictionary, number, side_px * 6 // 8)
    rim = (side_px - inner.shape[0]) // 2
    return cv2.copyMakeBorder(inner, rim, rim, rim, rim, cv2.BORDER_CONSTANT, value=255)
