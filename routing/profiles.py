"""Who is driving: which arcs a vehicle may use and what binds it, as data; a switch is a changed copy.

All profiles share one topology: a profile changes weights only, so that changing it is a customise, never a rebuild.
Speeds by class are left to routing/speeds.py, what a tag says of a road's size to routing/clearance.py.

Why the siren profile may what it may: Road Traffic Safety Law of the PRC (2003, amended 2021), art. 53: an ambulance on
an urgent task that uses siren and lights is, where it is safe, not bound by rules of route, direction, speed and
signals; others give way. Driving against the traffic stays off: art. 53 allows it, the law's "where it is safe" is the
driver's judgement and not the router's. Without siren an ambulance is bound as a car is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from casebook.errors import RefusedInput
from routing.roads.network import BUS, CONTRAFLOW, EMERGENCY, GATE, Network
from routing.roads.network import CAR as CARS


@dataclass(frozen=True, slots=True)
class Profile:
    """A kind of driving. Costs are kept by its value.

    `access`: bits of Network.access, of which an arc needs one. `obeys_turns`: whether turn restrictions bind it.
    `max_contraflow_m`: the longest one-way stretch, junction to junction, that it drives against; 0 = none.
    `height_m`, `width_m`, `weight_t` of the vehicle; None = not looked at.
    """

    name: str
    access: int
    siren: bool = False
    obeys_turns: bool = True
    max_contraflow_m: float = 0.0
    height_m: float | None = None
    width_m: float | None = None
    weight_t: float | None = None

    def __post_init__(self) -> None:
        sizes = {name: getattr(self, name) for name in ("height_m", "width_m", "weight_t")}
        for field, value in {"max_contraflow_m": self.max_contraflow_m, **sizes}.items():
            if value is not None and not 0 <= value < 10_000:  # also refuses NaN
                raise RefusedInput("bad_field", where=self.name, field=field, why=str(value))

    def with_bus_lanes(self, on: bool = True) -> Profile:
        return self._with_bit(BUS, on)

    def with_gates(self, on: bool = True) -> Profile:
        """Through gates and barriers that open for emergency vehicles."""
        return self._with_bit(GATE, on)

    def with_contraflow(self, max_m: float) -> Profile:
        """Against one-way roads on stretches up to `max_m`; 0 switches it off."""
        return replace(self._with_bit(CONTRAFLOW, max_m > 0), max_contraflow_m=max_m)

    def _with_bit(self, bit: int, on: bool) -> Profile:
        return replace(self, access=self.access | bit if on else self.access & ~bit)

    def bound_turns(self, network: Network) -> NDArray[np.bool_]:
        """For each forbidden turn, whether it binds this vehicle."""
        if not self.obeys_turns:
            return np.zeros(network.turns, np.bool_)
        return (network.turn_exempt & np.uint8(self.access)) == 0


CAR = Profile("car", CARS)
AMBULANCE = Profile("ambulance", EMERGENCY)
AMBULANCE_SIREN = Profile("ambulance_siren", EMERGENCY | BUS | GATE, siren=True, obeys_turns=False)
PROFILES = {profile.name: profile for profile in (CAR, AMBULANCE, AMBULANCE_SIREN)}


def get_profile(name: str) -> Profile:
    """The shipped profile of this name. Raises RefusedInput `bad_field` and names the known ones."""
    if name not in PROFILES:
        raise RefusedInput("bad_field", where="routing", field="profile", why=f"{name}: {', '.join(PROFILES)}")
    return PROFILES[name]
