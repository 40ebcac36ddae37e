"""Follow every mark of one vehicle's picture: begin it where it was drawn, carry it to now, say when it is lost.

Keeps the small greys of about two seconds, so that a mark drawn on a frame that the viewer saw 300 ms late starts where
it was meant. A frame that a viewer holds still to draw on is kept longer. Pure but for what it remembers: no clock, no
thread, no socket; time is that of the frames' own stamps.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from media.guidance import sight
from media.guidance.anchor import POINTS, Anchor, carried, follow
from media.guidance.relocate import Relocator
from media.guidance.tags import Tag, TagReader, nearest, way
from media.stamp import Stamp

KEPT_MS = 2000  # of frames: a viewer's picture is 0.1 to 0.3 s old, half a second on a bad link
KEPT_FRAMES = 64  # 15 MB at 640 x 360, whatever the rate
HOLDS_MAX = 4  # frames held still by viewers
POINTS_MAX = 240  # for all marks together: bounds the cost of a frame
POINTS_LEAST = 24
POINTER_POINTS = 24
POINTER_MS = 2500  # a pointer that does not move any more is gone
TAGS_EVERY, RELOCATE_EVERY = 6, 10  # frames
TAG_OFF_SHARE = 0.02  # of the frame's width: further from its tag's word than this, a mark is put right by it

Normalised = tuple[tuple[float, float], ...]  # points, 0 to 1 of width and height


@dataclass(frozen=True, slots=True)
class Drawn:
    """A mark as it was drawn: on which frame, and where in it."""

    on: Stamp
    points: Normalised


@dataclass(frozen=True, slots=True)
class Place:
    """Where a mark is on a frame: a 3 x 3 homography of normalised coordinates, or None and why it is lost."""

    matrix: np.ndarray | None
    why: str | None = None


@dataclass(frozen=True, slots=True)
class Places:
    """Everything that is followed, on one frame. `tags`: number -> four corners, normalised."""

    on: Stamp
    marks: Mapping[str, Place] = field(default_factory=dict)
    pointers: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    tags: Mapping[int, Normalised] = field(default_factory=dict)


@dataclass(slots=True)
class _Kept:
    on: Stamp
    grey: np.ndarray


@dataclass(slots=True)
class _Followed:
    drawn: Drawn
    anchor: Anchor | None  # None: the frame is not known any more
    tag: Tag | None = None  # in the reference, near enough to place the mark by it
    by_tag: np.ndarray | None = None  # of this frame only


class Tracker:
    """`see` a frame, `keep` the marks in force, `hold` a frame that a viewer draws on, `point` for somebody."""

    def __init__(self) -> None:
        self._ring: deque[_Kept] = deque(maxlen=KEPT_FRAMES)
        self._held: dict[Stamp, Anchor] = {}
        self._marks: dict[str, _Followed] = {}
        self._pointers: dict[str, tuple[int, Anchor]] = {}
        self._tags: dict[int, Tag] = {}
        self._hidden: np.ndarray | None = None
        self._reader, self._relocator = TagReader(), Relocator()
        self._frames = self._turn = 0

    # --- what is asked

    def see(self, on: Stamp, grey: np.ndarray, hidden: np.ndarray | None = None) -> Places:
        """Go on to this frame. `hidden`: mask of what is not scene (0 there), as the camera's own stamp."""
        if self._ring and grey.shape != self._ring[-1].grey.shape:
            self._forget_pictures()
        self._hidden = hidden
        self._forget_old(on.wall_ms)
        if self._ring:
            self._follow(self._ring[-1].grey, grey)
        self._ring.append(_Kept(on, grey))
        self._look_at_tags(grey)
        self._relocate(grey)
        self._frames += 1
        return self.places()

    def keep(self, marks: Mapping[str, Drawn]) -> None:
        """These marks are in force: new ones begin, others end."""
        self._marks = {id: one for id, one in self._marks.items() if marks.get(id) == one.drawn}
        for id, drawn in marks.items():
            if id not in self._marks:
                self._marks[id] = self._begin(drawn)
        share = max(POINTS_LEAST, min(POINTS, POINTS_MAX // max(1, len(self._marks))))
        for one in self._marks.values():
            if one.anchor is not None:
                one.anchor.points = share
        self._relocator.forget({*self._marks, *map(_held_name, self._held)})

    def hold(self, on: Stamp) -> bool:
        """Keep this frame for marks to come; False when it is not known any more."""
        if on in self._held:
            return True
        if (place := self._find(on)) is None:
            return False
        height, width = self._ring[place].grey.shape
        middle = np.array([(0.15, 0.2), (0.85, 0.8)]) * (width, height)
        self._held[on] = self._carry(Anchor.at(self._ring[place].grey, middle, self._hidden), place)
        while len(self._held) > HOLDS_MAX:
            del self._held[next(iter(self._held))]
        return True

    def point(self, who: str, on: Stamp, at: tuple[float, float] | None) -> None:
        """Somebody points there, on that frame; None: not any more. A frame that is not known points nowhere."""
        self._pointers.pop(who, None)
        place = None if at is None else self._find(on)
        if at is None or place is None:
            return
        reference = self._ring[place].grey
        anchor = Anchor.at(reference, _pixels((at,), reference.shape), self._hidden)
        anchor.points = POINTER_POINTS
        self._pointers[who] = (self._ring[-1].on.wall_ms, self._carry(anchor, place))

    def places(self) -> Places:
        """On the newest frame. Raises IndexError before the first one."""
        newest = self._ring[-1]
        shape = newest.grey.shape
        tags = {number: _normalised(tag.corners, shape) for number, tag in self._tags.items()}
        pointers = {
            who: _normalised(carried(anchor.matrix, anchor.spot), shape)[0]
            for who, (_, anchor) in self._pointers.items()
            if anchor.matrix is not None
        }
        return Places(newest.on, {id: _place(one, shape) for id, one in self._marks.items()}, pointers, tags)

    # --- beginning

    def _find(self, on: Stamp) -> int | None:
        return next((place for place, kept in enumerate(self._ring) if kept.on == on), None)

    def _begin(self, drawn: Drawn) -> _Followed:
        if (place := self._find(drawn.on)) is not None:
            reference = self._ring[place].grey
            spot = _pixels(drawn.points, reference.shape)
            anchor = self._carry(Anchor.at(reference, spot, self._hidden), place)
        elif (held := self._held.get(drawn.on)) is not None:
            reference, newest = held.reference, self._ring[-1].grey
            spot = _pixels(drawn.points, reference.shape)
            anchor = Anchor.at(reference, spot, self._hidden)
            if anchor.held:
                anchor.lose("moved") if held.matrix is None else anchor.jump(held.matrix, newest)
        else:
            return _Followed(drawn, None)
        return _Followed(drawn, anchor, nearest(self._reader.read(reference), spot))

    def _carry(self, anchor: Anchor, place: int) -> Anchor:
        """From the frame at `place` of the ring to its newest."""
        for before, now in pairwise(list(self._ring)[place:]):
            follow((anchor,), before.grey, now.grey)
        return anchor

    # --- going on

    def _follow(self, before: np.ndarray, now: np.ndarray) -> None:
        """Marks by their own points, tags between two readings by their corners: all four, or the tag is not told."""
        seen = list(self._tags.values())
        corners = np.concatenate([tag.corners for tag in seen]) if seen else None
        there, good = follow(self._anchors(), before, now, corners)
        self._tags = {
            tag.number: Tag(tag.number, there[4 * n : 4 * n + 4])
            for n, tag in enumerate(seen)
            if good[4 * n : 4 * n + 4].all()
        }

    def _anchors(self) -> list[Anchor]:
        marks = [one.anchor for one in self._marks.values() if one.anchor is not None]
        return [*marks, *self._held.values(), *(anchor for _, anchor in self._pointers.values())]

    def _forget_old(self, now_ms: int) -> None:
        while self._ring and not 0 <= now_ms - self._ring[0].on.wall_ms <= KEPT_MS:
            self._ring.popleft()
        self._pointers = {
            who: (since, anchor)
            for who, (since, anchor) in self._pointers.items()
            if 0 <= now_ms - since <= POINTER_MS and anchor.held
        }

    def _forget_pictures(self) -> None:
        """The camera gives pictures of another size: nothing that was followed leads to them."""
        self._ring.clear()
        self._held, self._pointers, self._tags = {}, {}, {}
        self._marks = {id: _Followed(one.drawn, None) for id, one in self._marks.items()}
        self._relocator.forget(set())

    def _look_at_tags(self, grey: np.ndarray) -> None:
        """Now and then; on every frame while a mark hangs on a tag alone."""
        hanging = [one for one in self._marks.values() if one.tag is not None and one.anchor and not one.anchor.held]
        for one in self._marks.values():
            one.by_tag = None
        if not hanging and self._frames % TAGS_EVERY:
            return
        self._tags = self._reader.read(grey)
        for one in self._marks.values():
            if one.anchor is not None and one.tag is not None and (seen := self._tags.get(one.tag.number)):
                self._put_right(one, one.anchor, way(one.tag, seen), grey)

    def _put_right(self, one: _Followed, anchor: Anchor, by_tag: np.ndarray, grey: np.ndarray) -> None:
        if anchor.matrix is not None:
            off = carried(anchor.matrix, anchor.spot).mean(axis=0) - carried(by_tag, anchor.spot).mean(axis=0)
            if np.linalg.norm(off) <= TAG_OFF_SHARE * grey.shape[1]:
                return
        anchor.jump(by_tag, grey)
        if not anchor.held:
            one.by_tag = by_tag

    def _relocate(self, grey: np.ndarray) -> None:
        """One lost mark in turn, or a held frame that was lost."""
        if self._frames % RELOCATE_EVERY:
            return
        known = {id: one.anchor for id, one in self._marks.items() if one.anchor is not None}
        known |= {_held_name(on): anchor for on, anchor in self._held.items()}
        lost = [(name, anchor) for name, anchor in known.items() if not anchor.held]
        height, width = grey.shape
        if not lost or sight.fault(grey, (0, 0, width, height)) is not None:
            return
        self._turn += 1
        name, anchor = lost[self._turn % len(lost)]
        reference = self._relocator.remember(name, anchor.reference, anchor.near(), self._hidden)
        guess = self._relocator.guess(reference, self._relocator.features(grey, self._hidden))
        if guess is not None:
            why = anchor.why
            anchor.jump(guess, grey)
            if not anchor.held and why is not None:
                anchor.lose(why)  # the reason that it was lost for is what people can act on


def _held_name(on: Stamp) -> str:
    return f"held {on.frame} {on.wall_ms}"


def hidden_mask(shape: tuple[int, ...], width_share: float, height_share: float) -> np.ndarray:
    """A mask of `shape` with the top left corner hidden, so large of the whole and a little more."""
    mask = np.full(shape[:2], 255, np.uint8)
    mask[: round(height_share * shape[0]) + 5, : round(width_share * shape[1]) + 5] = 0
    return mask


def _place(one: _Followed, shape: tuple[int, ...]) -> Place:
    if one.anchor is None:
        return Place(None, "too_old")
    matrix = one.by_tag if one.anchor.matrix is None else one.anchor.matrix
    if matrix is None:
        return Place(None, one.anchor.why or "moved")
    scale = np.diag((1 / shape[1], 1 / shape[0], 1.0))
    scaled = scale @ matrix @ np.linalg.inv(scale)
    return Place(scaled / scaled[2, 2])


def _pixels(points: Normalised, shape: tuple[int, ...]) -> np.ndarray:
    return np.array(points, np.float32).reshape(-1, 2) * np.array((shape[1], shape[0]), np.float32)


def _normalised(pixels: np.ndarray, shape: tuple[int, ...]) -> Normalised:
    return tuple((round(float(x) / shape[1], 5), round(float(y) / shape[0], 5)) for x, y in pixels)
