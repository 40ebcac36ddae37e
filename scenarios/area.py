"""What dispatch knows of a region beyond the book."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

from dispatch.area import Area
from dispatch.rule_files import rulebook
from scenarios.region import Region


def area_of(region: Region, aircraft: Collection[str], on: date | None = None) -> Area:
    """The region for a desk; of its aircraft those in service. Rule tables beside the region, in a folder `rules`, take
    the place of the shipped ones; those in force on the day `on`, or the newest."""
    machines = {id: machine for id, machine in region.aircraft.items() if id in aircraft}
    return Area(
        sites=region.sites, aircraft=machines, pads=region.pads, air_times=region.air_times, weather=region.weather,
        places=tuple(region.places.values()), districts=region.districts,
        rules=rulebook(on, region.file.parent / "rules"),
    )  # fmt: skip
