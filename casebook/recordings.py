"""Say which recordings there are and whether one runs now, for every screen alike. Pure.

Beginning and ending them is the ward's ask (hospital_board/consult_recording.py); the pictures are media's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from casebook.newest import OfNewest
from casebook.picture import CasualtyState, Picture
from casebook.recording_state import RecordingState


def find_running(picture: Picture, unit: str) -> RecordingState | None:
    """The recording of this vehicle's picture that runs now, whichever casualty it was begun for."""
    return next((one for one in list_running(picture) if one.started.unit == unit), None)


def list_running(picture: Picture) -> Sequence[RecordingState]:
    return _running(picture.casualties)


@OfNewest
def _running(casualties: Mapping[str, CasualtyState]) -> Sequence[RecordingState]:
    found = (one for state in casualties.values() if state.recordings for one in state.recordings.values())
    return tuple(one for one in found if one.stopped is None and one.deleted_at is None)


def find_recording(picture: Picture, name: str) -> tuple[CasualtyState, RecordingState] | None:
    """A recording by its name, with the casualty it belongs to."""
    for state in picture.casualties.values():
        if name in state.recordings:
            return state, state.recordings[name]
    return None


def recording_view(picture: Picture, unit: str | None, state: CasualtyState) -> dict[str, Any] | None:
    """{on, name, casualty, at, author, reason, consent, voice}: what runs on this vehicle (perhaps begun for another
    casualty), else how the last one of this casualty ended: {.., why, by, reason} of RecordingStopped; `at` is then its
    end. None: nothing was ever recorded."""
    running = find_running(picture, unit) if unit else None
    last = running or max(state.recordings.values(), key=lambda one: one.at, default=None)
    if last is None:
        return None
    told = {
        "name": last.started.recording, "casualty": last.started.casualty, "author": last.started.author,
        "voice": last.started.voice,
    }  # fmt: skip
    if running is not None:
        return told | {"on": True, "at": last.at, "reason": last.started.reason, "consent": last.started.consent}
    stopped = last.stopped
    ended = {"why": stopped.why, "by": stopped.author or None, "reason": stopped.reason or None} if stopped else {}
    return told | {"on": False, "at": last.stopped_at} | ended


def recordings_view(state: CasualtyState) -> dict[str, Any] | None:
    """{name: {at, until, files, ms, bytes, held, hold, deleted_at}} of a casualty; `files`: names of those with
    pictures; `hold`: `hold_view`. None: there are none."""
    return {
        name: {
            "at": one.at, "until": one.stopped_at, "held": one.held, "hold": hold_view(one),
            "deleted_at": one.deleted_at,
            "files": sorted(file for file, kept in one.files.items() if kept.frames and file.count(".") == 1),
            "ms": sum(kept.lasted_ms for file, kept in one.files.items() if file.count(".") == 1),
            "bytes": sum(kept.bytes for kept in one.files.values()),
        }
        for name, one in state.recordings.items()
    } or None  # fmt: skip


def hold_view(one: RecordingState) -> dict[str, Any] | None:
    """{author, reason, at} of who last said that it is to be kept, or no longer; None: nobody did."""
    return {"author": one.hold.author, "reason": one.hold.reason, "at": one.hold_at} if one.hold else None
