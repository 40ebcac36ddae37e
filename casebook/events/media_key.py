"""Facts of the key that a vehicle's media are sealed with: which one it is held to, which other was shown, who took it.

A fingerprint is that of the DTLS certificate: SHA-256 in hexadecimal pairs, as SDP writes it (RFC 8122).
"""

from __future__ import annotations

from dataclasses import dataclass

from casebook.events.fact import Event, fact


@fact("media_key_pinned")
@dataclass(frozen=True, slots=True)
class MediaKeyPinned(Event):
    """The vehicle's first kept key: its media are taken with this one only from now on."""

    unit: str
    fingerprint: str


@fact("media_key_refused")
@dataclass(frozen=True, slots=True)
class MediaKeyRefused(Event):
    """Somebody with the vehicle's badge wanted to publish with another key, and was not let in."""

    unit: str
    fingerprint: str


@fact("media_key_accepted")
@dataclass(frozen=True, slots=True)
class MediaKeyAccepted(Event):
    """A person said that the refused key is the vehicle's own from now on: it has a new machine."""

    unit: str
    fingerprint: str
