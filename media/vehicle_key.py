"""Hold a vehicle to the key of its media: whose certificate an offer names, and what is said to one that is not known.

Pure. A vehicle keeps one certificate (`media.kept_certificate`) and says so with its offer; the first one that it shows
is remembered, any other is refused until a person takes it. What never kept a key (a browser, OBS) goes by its badge
alone, as long as its vehicle has shown no kept one. Facts are written, and the doors kept, by the hub.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from casebook import events as e
from casebook.errors import NotAllowed
from casebook.picture import UnitState

HEADER, KEPT = "Aboard-Certificate", "kept"  # of a vehicle's offer: hold me to this one
TOLD_EVERY = timedelta(minutes=1)  # a refused key at least this far from the one before is a fact of its own

_FINGERPRINT = "a=fingerprint:"
_SHA_256 = "sha-256 "


class WrongKey(NotAllowed):
    """The badge is the vehicle's, the key is not."""

    key = "media_key_wrong"


def fingerprint_of(offer: str) -> str:
    """The one SHA-256 fingerprint of an offer, in capitals; "" where it has none, or several that differ."""
    values = (line.removeprefix(_FINGERPRINT) for line in offer.splitlines() if line.startswith(_FINGERPRINT))
    found = {value[len(_SHA_256) :].strip().upper() for value in values if value.lower().startswith(_SHA_256)}
    return found.pop() if len(found) == 1 else ""


def short(fingerprint: str) -> str:
    """Its first eight bytes: what two people compare over the radio."""
    return fingerprint[:23]


def held_to(offer: str, fingerprint: str) -> str:
    """The offer with this fingerprint and no other: one by a second hash would be a second key to be let in with."""
    kept = (line for line in offer.splitlines() if not line.startswith(_FINGERPRINT) or _names(line, fingerprint))
    return "\r\n".join(kept) + "\r\n"


def _names(line: str, fingerprint: str) -> bool:
    return line.removeprefix(_FINGERPRINT).lower().strip() == f"{_SHA_256}{fingerprint.lower()}"


def key_facts(unit: UnitState, fingerprint: str, at: datetime, *, kept: bool) -> list[e.Event]:
    """What is to be written of an offer. `kept`: the vehicle says that it keeps this key."""
    if unit.media_key in ("", fingerprint):
        return [e.MediaKeyPinned(unit.id, fingerprint)] if kept and fingerprint and not unit.media_key else []
    told_at = unit.media_key_refused_at
    if told_at is not None and at - told_at < TOLD_EVERY:
        return []
    return [e.MediaKeyRefused(unit.id, fingerprint)]


def need_key(unit: UnitState, fingerprint: str) -> None:
    """Raises WrongKey when the vehicle is held to another key."""
    if unit.media_key not in ("", fingerprint):
        raise WrongKey(unit=unit.id)
