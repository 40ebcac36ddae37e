"""Read what somebody asks of the roads: places, vehicle, minutes; refuse what cannot be meant, with a hint.

Shared by the command line and both HTTP doors, so that each refuses the same in the same words.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import isfinite
from typing import Any

from casebook.errors import RefusedInput
from casebook.place import Place
from routing.profiles import PROFILES, Profile
from routing.roads.network import BUS, CONTRAFLOW, GATE
from routing.roads.roadmap import Roadmap

NEAR_DEG = 0.1  # a place this near to the map's rim may still find a road of it
SWITCHES = ("bus_lanes", "gates", "contraflow_m", "height_m", "weight_t")


def read_place(roadmap: Roadmap, lat: float, lon: float, name: str = "") -> Place:
    """A place that somebody wrote. Raises RefusedInput: `bad_field` when it is nowhere on earth, `place_swapped` when
    it is only on this map with latitude and longitude the other way round."""
    if _on_map(roadmap, lon, lat) and not _on_map(roadmap, lat, lon):
        raise RefusedInput("place_swapped", place=f"{lat:g},{lon:g}", meant=f"{lon:g},{lat:g}", roads=roadmap.name)
    return Place(lat, lon, name_zh=name, name_en=name)


def _on_map(roadmap: Roadmap, lat: float, lon: float) -> bool:
    west, south, east, north = roadmap.bounds
    fits = isfinite(lat) and isfinite(lon)
    return fits and south - NEAR_DEG <= lat <= north + NEAR_DEG and west - NEAR_DEG <= lon <= east + NEAR_DEG


def read_profile(name: str, switches: Mapping[str, Any] | None = None) -> Profile:
    """A shipped profile with its switches set; its name then says so. Raises RefusedInput `no_profile`, `bad_switch`.

    Switches: `bus_lanes`, `gates` (bool), `contraflow_m` (longest stretch against a one-way road), `height_m`,
    `weight_t` (what the vehicle measures). False, None and absent are off.
    """
    if name not in PROFILES:
        raise RefusedInput("no_profile", asked=name, known=", ".join(PROFILES))
    profile = PROFILES[name]
    asked = {switch: value for switch, value in (switches or {}).items() if value is not None and value is not False}
    changed: dict[str, Any] = {"access": profile.access}
    for switch, value in asked.items():
        number = switch not in ("bus_lanes", "gates")
        if switch not in SWITCHES or (number and not (isfinite(value) and value > 0)):
            raise RefusedInput("bad_switch", switch=switch, value=value, known=", ".join(SWITCHES))
        bit = {"bus_lanes": BUS, "gates": GATE, "contraflow_m": CONTRAFLOW}.get(switch, 0)
        changed["access"] |= bit
        if number:
            changed["max_contraflow_m" if switch == "contraflow_m" else switch] = float(value)
    said = [f"{switch}={value:g}" if switch.endswith(("_m", "_t")) else switch for switch, value in asked.items()]
    return replace(profile, **changed | {"name": "+".join([name, *said])}) if asked else profile
