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
    """{on, name, at, author, reason, consent, voice, why}: what runs on this vehicle, else how the last one of this
    casualty ended (`why`, RecordingStopped; `at` is then its end). None: nothing was ever recorded."""
    running = find_running(picture, unit) if unit else None
    last = running or max(state.recordings.values(), key=lambda one: one.at, default=None)
    if last is None:
        return None
    told = {"name": last.started.recording, "author": last.started.author, "voice": last.started.voice}
    if running is not None:
        return told | {"on": True, "at": last.at, "reason": last.started.reason, "consent": last.started.consent}
    stopped = last.stopped
    return told | {"on": False, "at": last.stopped_at, "why": stopped.why if stopped else None}


def recordings_view(state: CasualtyState) -> dict[str, Any] | None:
    """{name: {at, until, files, ms, bytes, held, deleted_at}} of a casualty; `files`: names of those with pictures.
    None: there are none."""
    return {
        name: {
            "at": one.at, "until": one.stopped_at, "held": one.held, "deleted_at": one.deleted_at,
            "files": sorted(file for file, kept in one.files.items() if kept.frames and file.count(".") == 1),
            "ms": sum(kept.lasted_ms for file, kept in one.files.items() if file.count(".") == 1),
            "bytes": sum(kept.bytes for kept in one.files.values()),
        }
        for name, one in state.recordings.items()
    } or None  # fmt: skip
