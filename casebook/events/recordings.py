"""Facts of recorded pictures: who began and ended a recording and why, what was kept of it, who watched, when it went.

The pictures themselves are no facts; their SHA-256 is. Who watched the live picture is here, too.
"""

from __future__ import annotations

from dataclasses import dataclass

from casebook.events.fact import Event, fact


@fact("recording_started")
@dataclass(frozen=True, slots=True)
class RecordingStarted(Event):
    """Somebody wants the picture of `unit` recorded for this casualty. `consent`: given (by the patient or who speaks
    for them), or unable (nobody can be asked now). `voice`: the talk about the vehicle's patient as well."""

    recording: str
    casualty: str
    unit: str
    author: str
    reason: str
    consent: str
    voice: bool = False


@fact("recording_stopped")
@dataclass(frozen=True, slots=True)
class RecordingStopped(Event):
    """No more is recorded from here on. `why`: asked (by `author`, with a `reason`), withdrawn (the consent, as crew
    `author` says, with a `reason`), case_over, moved (the casualty is in another vehicle), no_room (the disk),
    unreadable (pictures that cannot be written), no_engine (the hub does not have the pictures)."""

    recording: str
    casualty: str
    why: str
    author: str = ""
    reason: str = ""


@fact("recording_kept")
@dataclass(frozen=True, slots=True)
class RecordingKept(Event):
    """A file of a recording is complete. `skipped`: times a picture was missing and everything up to the next key frame
    was left out. `torn`: the hub died while it wrote; the file ends with the last piece that was written."""

    recording: str
    casualty: str
    file: str
    sha256: str
    bytes: int
    frames: int = 0
    lasted_ms: int = 0
    skipped: int = 0
    torn: bool = False


@fact("recording_held")
@dataclass(frozen=True, slots=True)
class RecordingHeld(Event):
    """Not to be deleted when its time is over (`held`), or again to be (not `held`)."""

    recording: str
    casualty: str
    held: bool
    author: str
    reason: str


@fact("recording_watched")
@dataclass(frozen=True, slots=True)
class RecordingWatched(Event):
    """The author of this entry was given a file of a recording."""

    recording: str
    casualty: str
    file: str


@fact("recording_deleted")
@dataclass(frozen=True, slots=True)
class RecordingDeleted(Event):
    """Its files are gone. `days`: how long the rule in force let them be kept."""

    recording: str
    casualty: str
    days: int


@fact("picture_opened")
@dataclass(frozen=True, slots=True)
class PictureOpened(Event):
    """The author of this entry began to watch a live stream; `viewing` names this one viewing."""

    unit: str
    stream: str
    viewing: str


@fact("picture_closed")
@dataclass(frozen=True, slots=True)
class PictureClosed(Event):
    """And watched it for so long."""

    unit: str
    stream: str
    viewing: str
    for_s: int
