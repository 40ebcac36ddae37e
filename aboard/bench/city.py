"""A city as first facts of a hub: hospitals, vehicles, and cases on their way to a ward, each in its own vehicle.

Shanghai's size (1,000 vehicles, 400 of them with a casualty, 60 hospitals): what the hub's own figures are asked of.
"""

from __future__ import annotations

from dataclasses import dataclass

from casebook import events as e
from casebook.place import Place

WEST, SOUTH, STEP_DEG = 121.0, 30.7, 0.02  # places in rows of ten, about two kilometres apart
DRIVE_S = 1500.0


@dataclass(frozen=True, slots=True)
class City:
    """Ids in order; `aboard`: vehicle -> its casualty, `bound`: casualty -> hospital."""

    hospitals: tuple[str, ...]
    units: tuple[str, ...]
    aboard: dict[str, str]
    bound: dict[str, str]


def city_of(hospitals: int, vehicles: int, cases: int) -> City:
    """`cases` at most `vehicles`."""
    wards = tuple(f"W{number:02}" for number in range(hospitals))
    units = tuple(f"V{number:04}" for number in range(vehicles))
    aboard = {unit: f"case-{unit}" for unit in units[:cases]}
    bound = {casualty: wards[number % len(wards)] for number, casualty in enumerate(aboard.values())}
    return City(wards, units, aboard, bound)


def facts_of(city: City) -> list[e.Event]:
    """What has to have happened for the city to be as it is."""
    facts: list[e.Event] = []
    for number, ward in enumerate(city.hospitals):
        place = place_of(number)
        facts.append(e.HospitalEnrolled(ward, ward, ward, place, ("trauma_centre",), 1 + number % 3))
        facts.append(e.CapacityReported(ward, "resus_bay", 40, 60))
    for number, unit in enumerate(city.units):
        facts.append(e.UnitEnrolled(unit, "ambulance_5g", unit, unit, "songjiang", place_of(number)))
    for number, (unit, casualty) in enumerate(city.aboard.items()):
        facts += _case(number, unit, casualty, city.bound[casualty])
    return facts


def _case(number: int, unit: str, casualty: str, ward: str) -> list[e.Event]:
    """From the call to the drive to the ward."""
    incident, scene = f"call-{number}", place_of(number)
    way = e.Option(ward, "road", DRIVE_S, {"drive": DRIVE_S})
    return [
        e.IncidentOpened(incident, scene, "traffic", 1, "120", ""),
        e.UnitAssigned(unit, incident), e.UnitAcknowledged(unit), e.UnitEnRoute(unit), e.UnitOnScene(unit),
        e.CasualtyFound(casualty, incident, "A", 40 + number % 40, "m"), e.UnitAtPatient(unit, casualty),
        e.DestinationChosen(casualty, way), e.CasualtyBoarded(casualty, unit), e.UnitLeftScene(unit),
    ]  # fmt: skip


def place_of(number: int) -> Place:
    row, column = divmod(number % 100, 10)
    return Place(SOUTH + row * STEP_DEG, WEST + column * STEP_DEG)
