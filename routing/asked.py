"""Read what somebody asks of the roads: places, vehicle, minutes; refuse what cannot be meant, with a hint.

Shared by the command line and both HTTP doors, so that each refuses the same in the same words.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from math import isfinite
from typing import Any

from casebook.errors import RefusedInput
from casebook.place import Place
from routing.profiles import PROFILES, Profile
from routing.roads.roadmap import Roadmap

YEARS = (1970, 2200)
NEAR_DEG = 0.1  # a place this near to the map's rim may still find a road of it
SWITCHES, NUMBERS = ("bus_lanes", "gates"), ("contraflow_m", "height_m", "width_m", "weight_t")


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


def read_instant(at: datetime) -> datetime:
    """An aware instant as UTC. Raises RefusedInput `bad_field` for one outside YEARS, where sums would run over."""
    if not YEARS[0] <= at.year <= YEARS[1]:
        raise RefusedInput("bad_field", where="at", field="year", why=f"{at.year} is not within {YEARS[0]}..{YEARS[1]}")
    return at.astimezone(UTC)


def read_profile(name: str, switches: Mapping[str, Any] | None = None) -> Profile:
    """A shipped profile with its switches set; its name then says so. Raises RefusedInput `no_profile`, `bad_switch`.

    Switches: `bus_lanes`, `gates` (True, False), `contraflow_m` (longest stretch driven against a one-way road, 0 =
    none), `height_m`, `width_m`, `weight_t` (of the vehicle). None and absent leave the profile as it is.
    """
    if name not in PROFILES:
        raise RefusedInput("no_profile", asked=name, known=", ".join(PROFILES))
    profile, said = PROFILES[name], [name]
    for switch, value in (switches or {}).items():
        if value is None:
            continue
        number = switch in NUMBERS and not isinstance(value, bool) and isfinite(value) and 0 <= value < 10_000
        if not number and not (switch in SWITCHES and isinstance(value, bool)):
            raise RefusedInput("bad_switch", switch=switch, value=value, known=", ".join((*SWITCHES, *NUMBERS)))
        profile = _switched(profile, switch, value)
        said.append(f"{switch}={value:g}" if number else switch if value else f"no_{switch}")
    return replace(profile, name="+".join(said))


def _switched(profile: Profile, switch: str, value: Any) -> Profile:
    match switch:
        case "bus_lanes":
            return profile.with_bus_lanes(value)
        case "gates":
            return profile.with_gates(value)
        case "contraflow_m":
            return profile.with_contraflow(value)
        case _:
            return replace(profile, **{switch: value})
