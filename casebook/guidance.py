"""Tell the marks in force and the stills kept of a casualty, for every screen alike. Pure.

What may be drawn is media/guidance/marks.py; where a mark is now comes from the vehicle, live.
"""

from __future__ import annotations

from typing import Any

from casebook.picture import CasualtyState


def marks_view(state: CasualtyState, unit: str | None = None) -> dict[str, Any] | None:
    """{mark: {number, kind, author, at, unit, frame, frame_wall_ms, points, colour, text}}, those on the picture of
    `unit` only where it is given. None: there are none."""
    if state.guidance is None:
        return None
    told = {id: mark for id, mark in state.guidance.marks.items() if unit in (None, mark.drawn.unit)}
    return {
        id: {
            "number": mark.drawn.number, "kind": mark.drawn.kind, "author": mark.drawn.author, "at": mark.at,
            "unit": mark.drawn.unit, "frame": mark.drawn.frame, "frame_wall_ms": mark.drawn.frame_wall_ms,
            "points": mark.drawn.points, "colour": mark.drawn.colour, "text": mark.drawn.text or None,
        }
        for id, mark in told.items()
    } or None  # fmt: skip


def snapshots_view(state: CasualtyState) -> dict[str, Any] | None:
    """{snapshot: {author, at, unit, sha256, marks}}. None: there are none."""
    if state.guidance is None:
        return None
    return {
        id: {
            "author": still.taken.author, "at": still.at, "unit": still.taken.unit, "sha256": still.taken.sha256,
            "marks": still.taken.marks,
        }
        for id, still in state.guidance.snapshots.items()
    } or None  # fmt: skip
