"""Draw on a vehicle's live picture for a ward's own case, take marks back, keep a still of it. Pure.

What a mark may be is media's; where it is from frame to frame the vehicle tells. Words and orders are `consult`'s.
"""

from __future__ import annotations

import re
from typing import Annotated

import msgspec

from casebook import events as e
from casebook.asking import Command
from casebook.casualty import OVER
from casebook.errors import IllegalStep, NotFound, RefusedInput
from casebook.picture import CasualtyState, GuidanceState, Picture
from hospital_board.cases import get_own_case
from media.guidance.marks import MARKS_MAX, check_mark

SNAPSHOTS_MAX = 50  # of one casualty
FRAME_MAX, WALL_MS_MAX = 2**32 - 1, 2**48 - 1  # as the stamp in the picture has bits for
_SHA256 = re.compile(r"[0-9a-f]{64}")

Frame = Annotated[int, msgspec.Meta(ge=0, le=FRAME_MAX)]
WallMs = Annotated[int, msgspec.Meta(ge=0, le=WALL_MS_MAX)]


class DrawMark(Command, frozen=True, kw_only=True):
    """A mark on the picture of the vehicle that carries this casualty. `frame`, `frame_wall_ms`: the stamp of the frame
    that was seen; `points`: shares of its width and height."""

    hospital: str
    casualty: str
    unit: str
    kind: str
    frame: Frame
    frame_wall_ms: WallMs
    points: Annotated[list[tuple[float, float]], msgspec.Meta(max_length=64)]
    colour: str = "yellow"
    text: str = ""


class RemoveMarks(Command, frozen=True, kw_only=True):
    """Take marks back; without names, wipe all."""

    hospital: str
    casualty: str
    marks: Annotated[tuple[str, ...], msgspec.Meta(max_length=MARKS_MAX)] = ()


def draw_mark(picture: Picture, command: DrawMark, by: str) -> list[e.Event]:
    """The mark as a fact. Raises RefusedInput (`bad_mark`), NotFound (another vehicle), IllegalStep (`marks_full`)."""
    state = open_case(picture, command.casualty, command.hospital, e.MarkDrawn.name)
    if command.unit != state.unit:
        raise NotFound(what="unit", id=command.unit)
    points, text = check_mark(command.kind, command.points, command.colour, command.text)
    before = state.guidance or GuidanceState()
    if len(before.marks) >= MARKS_MAX:
        raise IllegalStep("marks_full", limit=MARKS_MAX)
    number = before.drawn + 1
    return [
        e.MarkDrawn(
            f"{state.id}/mark/{number}", state.id, command.unit, by, number, command.kind, command.frame,
            command.frame_wall_ms, points, command.colour, text,
        )
    ]  # fmt: skip


def remove_marks(picture: Picture, command: RemoveMarks, by: str) -> list[e.Event]:
    """What is there of the marks named; nothing when all of them are gone already."""
    state = get_own_case(picture, command.casualty, command.hospital)
    there = state.guidance.marks if state.guidance else {}
    gone = tuple(id for id in there if not command.marks or id in command.marks)
    return [e.MarksRemoved(state.id, gone, by)] if gone else []


def take_snapshot(
    picture: Picture, casualty: str, hospital: str, by: str, *, frame: int, frame_wall_ms: int, sha256: str, bytes: int
) -> list[e.Event]:
    """A still that lies in the hub's folder as a fact of the case; the marks in force were on it.

    The same still kept twice is one fact. Raises IllegalStep (`snapshots_full`).
    """
    state = open_case(picture, casualty, hospital, e.SnapshotTaken.name)
    if not _SHA256.fullmatch(sha256) or not 0 <= frame <= FRAME_MAX or not 0 <= frame_wall_ms <= WALL_MS_MAX:
        raise RefusedInput("bad_mark", field="frame", why="stamp")
    before = state.guidance or GuidanceState()
    if any(still.taken.sha256 == sha256 for still in before.snapshots.values()):
        return []
    if state.unit is None:
        raise NotFound(what="unit", id="-")
    if len(before.snapshots) >= SNAPSHOTS_MAX:
        raise IllegalStep("snapshots_full", limit=SNAPSHOTS_MAX)
    id, marks = f"{state.id}/still/{len(before.snapshots) + 1}", tuple(before.marks)
    return [e.SnapshotTaken(id, state.id, state.unit, by, frame, frame_wall_ms, sha256, bytes, marks)]


def open_case(picture: Picture, casualty: str, hospital: str, what: str) -> CasualtyState:
    """The ward's own casualty, not handed over yet. Raises NotFound, IllegalStep."""
    state = get_own_case(picture, casualty, hospital)
    if state.stage in OVER:
        raise IllegalStep(what=what, entity="casualty", id=state.id, stage=str(state.stage))
    return state
