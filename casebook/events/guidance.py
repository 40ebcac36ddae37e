"""Facts of guidance over the live picture: marks drawn on it, stills kept of it, the triage tag that names a casualty.

Where a mark is on the screen from frame to frame is no fact: it is computed on the vehicle and gone (media/guidance).
"""

from __future__ import annotations

from dataclasses import dataclass

from casebook.events.fact import Event, fact


@fact("mark_drawn")
@dataclass(frozen=True, slots=True)
class MarkDrawn(Event):
    """Somebody drew on the picture of `unit`. `frame` and `frame_wall_ms` name the frame that they saw (its stamp);
    `points` are shares of its width and height. `number` is how people call the mark."""

    mark: str
    casualty: str
    unit: str
    author: str
    number: int
    kind: str
    frame: int
    frame_wall_ms: int
    points: tuple[tuple[float, float], ...]
    colour: str
    text: str = ""


@fact("marks_removed")
@dataclass(frozen=True, slots=True)
class MarksRemoved(Event):
    """Taken back or wiped. That they were there stays in the log."""

    casualty: str
    marks: tuple[str, ...]
    by: str


@fact("snapshot_taken")
@dataclass(frozen=True, slots=True)
class SnapshotTaken(Event):
    """A still of the live picture with the marks as they were seen. `sha256` names its file; that is not in the log."""

    snapshot: str
    casualty: str
    unit: str
    author: str
    frame: int
    frame_wall_ms: int
    sha256: str
    bytes: int
    marks: tuple[str, ...] = ()


@fact("tag_tied")
@dataclass(frozen=True, slots=True)
class TagTied(Event):
    """The triage tag with this number hangs on this casualty: a camera that sees the tag sees them."""

    casualty: str
    tag: int
    by: str
