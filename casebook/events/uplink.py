"""The fact that a mobile network was asked for a guaranteed uplink of a vehicle, and what became of that."""

from __future__ import annotations

from dataclasses import dataclass

from casebook.events.fact import Event, fact


@fact("uplink_changed")
@dataclass(frozen=True, slots=True)
class UplinkChanged(Event):
    """`state`: asked, pending (the network works on it), granted, refused, lost (granted, then taken away),
    given_back, withdrawn (never granted, not needed any more).

    `why` of refused: not_allowed, unknown_device, conflict, too_many, not_applicable, silent; of lost: network,
    expired.
    `session`: the network's name for what it works on or granted; "" where there is none.
    """

    unit: str
    state: str
    why: str = ""
    session: str = ""
