"""What the desk knows of its area beyond the book: what flies there, where it may land, and places by name.

Plain values, handed in by whoever composes the hub; hospitals, units and closures are facts and stand in the book.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from casebook.errors import RefusedInput
from casebook.picture import HospitalState
from casebook.place import Place
from dispatch.rule_files import Rulebook, shipped
from routing.air import Aircraft, AirTimes, LandingSite, Weather


@dataclass(frozen=True, slots=True)
class Area:
    """`aircraft`: unit id -> the machine. `pads`: hospital id -> its pad, where more than its place is known.

    `weather` None: not reported. `places`: what a caller may name; names are matched whole, in either language.
    `rules`: the tables by which this area decides.
    `districts`: district id -> its names (zh, en), for the console; an id without names is shown as it is.
    """

    sites: tuple[LandingSite, ...] = ()
    aircraft: Mapping[str, Aircraft] = field(default_factory=dict)
    pads: Mapping[str, LandingSite] = field(default_factory=dict)
    air_times: AirTimes = field(default_factory=AirTimes)
    weather: Weather | None = None
    places: tuple[Place, ...] = ()
    districts: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    rules: Rulebook = field(default_factory=shipped)

    def get_site(self, id: str) -> LandingSite:
        site = next((site for site in self.sites if site.id == id), None)
        if site is None:
            raise RefusedInput("unknown_landing_site", id=id, known=", ".join(sorted(site.id for site in self.sites)))
        return site

    def find_pad(self, hospital: HospitalState) -> LandingSite | None:
        """Where an aircraft lands at this hospital; None where it has no pad."""
        if hospital.id in self.pads:
            return self.pads[hospital.id]
        return LandingSite(hospital.id, hospital.pad, "helipad") if hospital.pad else None


def find_place(name: str, known: Iterable[Place]) -> Place:
    """The one place of this name. Raises RefusedInput `place_unknown` or `place_ambiguous`; nothing is guessed."""
    wanted = name.strip().casefold()
    found = [place for place in known if wanted in (place.name_zh.casefold(), place.name_en.casefold())]
    spots = {(place.lat, place.lon) for place in found}
    if not wanted or not found:
        raise RefusedInput("place_unknown", name=name)
    if len(spots) > 1:
        raise RefusedInput("place_ambiguous", name=name, count=len(spots))
    return found[0]
