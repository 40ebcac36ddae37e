"""Who is driving: which arcs a vehicle may use and what its siren gains, as data; a switch is a changed copy.

All profiles share one topology: a profile changes weights only. Speeds by class are left to routing/speeds.py.
"""

from __future__ import annotations

from dataclasses import dataclass

from casebook.errors import RefusedInput
from routing.roads.network import CAR as CARS
from routing.roads.network import EMERGENCY


@dataclass(frozen=True, slots=True)
class Profile:
    """A kind of driving. `access`: bits of Network.access, of which an arc needs one. Costs are kept by its value."""

    name: str
    access: int
    siren: bool = False


CAR = Profile("car", CARS)
AMBULANCE = Profile("ambulance", EMERGENCY)
AMBULANCE_SIREN = Profile("ambulance_siren", EMERGENCY, siren=True)
PROFILES = {profile.name: profile for profile in (CAR, AMBULANCE, AMBULANCE_SIREN)}


def get_profile(name: str) -> Profile:
    """The shipped profile of this name. Raises RefusedInput `bad_field` and names the known ones."""
    if name not in PROFILES:
        raise RefusedInput("bad_field", where="routing", field="profile", why=f"{name}: {', '.join(PROFILES)}")
    return PROFILES[name]
