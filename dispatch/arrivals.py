"""When a unit and a casualty will be where they are going: as chosen, and by what the vehicle drives since. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from casebook.picture import CasualtyState, Picture, UnitState
from dispatch.choosing import TO_HOSPITAL
from dispatch.whereabouts import departed_at

BEFORE_MEETING = ("on_scene", "drive", "wait_for_aircraft")  # terms that end at the meeting of a rendezvous


def leg_eta_at(state: UnitState) -> datetime | None:
    """When the unit will be at the end of its leg; None while it has not set off on it, or no way is left."""
    departed = departed_at(state)
    if departed is None or state.leg is None or state.halted is not None:
        return None
    return departed + timedelta(seconds=state.leg.eta_s)


def door_at(picture: Picture, state: CasualtyState) -> datetime | None:
    """When the casualty will be at the door: as chosen, and by the carrier's own leg once it drives.

    A carrier that is late at a meeting makes everything after it late; one that is early waits there.
    """
    if state.option is None or state.chosen_at is None:
        return None
    chosen = state.chosen_at + timedelta(seconds=state.option.eta_s)
    carrier = picture.units.get(state.unit or "")
    if carrier is None or state.id not in carrier.aboard or carrier.leg is None or carrier.leg.mode != "road":
        return chosen
    if carrier.halted is not None:
        return None
    there = leg_eta_at(carrier)
    if there is None or carrier.leg_at is None or carrier.leg_at < state.chosen_at:
        return chosen
    after_s = sum(s for name, s in state.option.terms_s.items() if name not in BEFORE_MEETING)
    return there if carrier.purpose == TO_HOSPITAL else max(chosen, there + timedelta(seconds=after_s))
