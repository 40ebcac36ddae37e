"""What dispatch knows of a region beyond the book."""

from __future__ import annotations

from collections.abc import Collection

from dispatch.area import Area
from scenarios.region import Region


def area_of(region: Region, aircraft: Collection[str]) -> Area:
    """The region for a desk; of its aircraft those in service."""
    machines = {id: machine for id, machine in region.aircraft.items() if id in aircraft}
    return Area(
        sites=region.sites, aircraft=machines, pads=region.pads, air_times=region.air_times, weather=region.weather,
        places=tuple(region.places.values()), districts=region.districts,
    )  # fmt: skip
