"""Take a vehicle's new media key: the dispatcher's word that it has a new machine. Pure.

Which keys are refused, and why, is media/vehicle_key.py's.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from casebook import events as e
from casebook.asking import Command
from casebook.errors import RefusedInput
from casebook.picture import Picture


class AcceptMediaKey(Command, frozen=True):
    """The key that was refused is this vehicle's own from now on. `fingerprint`: the one that was read."""

    unit: str
    fingerprint: Annotated[str, msgspec.Meta(max_length=200)]


def accept_media_key(picture: Picture, command: AcceptMediaKey) -> list[e.Event]:
    """Raises RefusedInput (`media_key_other`) when another key than the one that was read waits now, or none."""
    unit = picture.get_unit(command.unit)
    if not unit.media_key_refused or unit.media_key_refused != command.fingerprint:
        raise RefusedInput("media_key_other", unit=unit.id)
    return [e.MediaKeyAccepted(unit.id, unit.media_key_refused)]
