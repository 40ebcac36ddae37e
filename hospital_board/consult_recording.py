"""Begin and end the recording of a vehicle's picture for a ward's own case, hold one against deletion. Pure.

Nothing is recorded unless a person asked for it, with the reason and what is known of the patient's consent. Files are
media's, when they go is `media.retention`'s.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from casebook import events as e
from casebook.asking import Command
from casebook.casualty import OVER
from casebook.desks import Due
from casebook.errors import IllegalStep, NotFound, RefusedInput
from casebook.picture import CasualtyState, Picture
from casebook.recording_state import WITHDRAWN, RecordingState
from casebook.recordings import find_running
from hospital_board.cases import get_own_case
from hospital_board.consult_marks import open_case

REASON_MAX = 200  # characters
RECORDINGS_MAX = 40  # of one casualty

Reason = Annotated[str, msgspec.Meta(max_length=REASON_MAX)]


class StartRecording(Command, frozen=True, kw_only=True):
    """Record the picture of the vehicle that carries this casualty. `consent`: given, or unable (to be asked)"""

    hospital: str
    casualty: str
    reason: Reason
    consent: Literal["given", "unable"]
    voice: bool = False


class StopRecording(Command, frozen=True, kw_only=True):
    """Record no more from now on; `reason` may stay empty."""

    hospital: str
    casualty: str
    reason: Reason = ""


class HoldRecording(Command, frozen=True, kw_only=True):
    """Keep a recording beyond its time (`held`), or let it go when its time comes."""

    hospital: str
    casualty: str
    recording: str
    held: bool
    reason: Reason


def start_recording(picture: Picture, command: StartRecording, by: str) -> list[e.Event]:
    """The wish as a fact; recording begins with it. Raises IllegalStep when one runs already, the case is over,
    or consent was withdrawn before and was not given anew."""
    state = open_case(picture, command.casualty, command.hospital, e.RecordingStarted.name)
    if state.unit is None:
        raise NotFound(what="unit", id="-")
    if find_running(picture, state.unit) is not None:
        raise IllegalStep("recording_runs", unit=state.unit)
    if len(state.recordings) >= RECORDINGS_MAX:
        raise IllegalStep("recordings_full", limit=RECORDINGS_MAX)
    if command.consent != "given" and any(
        one.stopped and one.stopped.why == WITHDRAWN for one in state.recordings.values()
    ):
        raise IllegalStep("recording_withdrawn")
    reason = _stated(command.reason)
    name = f"{state.unit}-{1 + sum(_of(picture, state.unit))}"
    return [e.RecordingStarted(name, state.id, state.unit, by, reason, command.consent, command.voice)]


def stop_recording(picture: Picture, command: StopRecording, by: str) -> list[e.Event]:
    """Any ward with a patient on that vehicle may stop it. Nothing when none runs."""
    state = get_own_case(picture, command.casualty, command.hospital)
    running = find_running(picture, state.unit) if state.unit else None
    running = running or next((one for one in state.recordings.values() if one.stopped is None), None)
    if running is None:
        return []
    return [_stopped(running, "asked", by, command.reason.strip())]


def hold_recording(picture: Picture, command: HoldRecording, by: str) -> list[e.Event]:
    """Nothing when it is so already. Raises NotFound for another case's recording, or one that is gone."""
    state = get_own_case(picture, command.casualty, command.hospital)
    recording = state.recordings.get(command.recording)
    if recording is None or recording.deleted_at is not None:
        raise NotFound(what="recording", id=command.recording[:80])
    reason = _stated(command.reason)
    if recording.held is command.held:
        return []
    return [e.RecordingHeld(command.recording, state.id, command.held, by, reason)]


def over(picture: Picture) -> list[Due]:
    """Recordings that end by themselves: the case is over, or the casualty is in another vehicle."""
    ended = []
    for state in picture.casualties.values():
        for running in [one for one in state.recordings.values() if one.stopped is None]:
            for why, fact in _ENDS.items():
                if _is_so(state, running, why):
                    at = max(state.times.get(fact.name, running.at), running.at)
                    ended.append(Due(at, (_stopped(running, why),)))
                    break
    return ended


_ENDS = {"case_over": e.HandoverCompleted, "moved": e.CasualtyTransferred}  # and the fact whose time it is


def _is_so(state: CasualtyState, running: RecordingState, why: str) -> bool:
    if why == "case_over":
        return state.stage in OVER
    return state.unit is not None and state.unit != running.started.unit


def _stopped(running: RecordingState, why: str, by: str = "", reason: str = "") -> e.RecordingStopped:
    return e.RecordingStopped(running.started.recording, running.started.casualty, why, by, reason)


def _stated(reason: str) -> str:
    if not (text := reason.strip()):
        raise RefusedInput("recording_reason")
    return text


def _of(picture: Picture, unit: str) -> list[bool]:
    """One for each recording of this vehicle, ever."""
    return [one.started.unit == unit for state in picture.casualties.values() for one in state.recordings.values()]
