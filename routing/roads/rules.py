"""Who may drive on a way, and in which direction: the meaning of its OpenStreetMap tags.

Pure. Tag meanings: OpenStreetMap wiki, pages Key:highway, Key:access, Key:oneway, Tag:service=emergency_access,
as of 2025. Speeds are left to routing/speeds.py.
"""

from __future__ import annotations

from collections.abc import Mapping

from routing.roads.network import BUS, CAR, EMERGENCY

#: Classes for all motor traffic, fastest first.
CAR_CLASSES = (
    "motorway",
    "motorway_link",
    "trunk",
    "trunk_link",
    "primary",
    "primary_link",
    "secondary",
    "secondary_link",
    "tertiary",
    "tertiary_link",
    "unclassified",
    "residential",
    "living_street",
    "road",
    "service",
)
#: Classes that only an ambulance uses, and only where they say so.
EMERGENCY_CLASSES = ("busway", "track", "pedestrian")
#: Service ways that lead nowhere: parking rows, drive-through lanes. Hospital drives are plain highway=service.
IDLE_SERVICE = frozenset({"parking_aisle", "drive-through"})
CLOSED_TO_CARS = frozenset(
    {"no", "private", "agricultural", "forestry", "delivery", "emergency", "psv", "bus", "military", "official"}
)
YES = frozenset({"yes", "designated", "official", "permissive"})
#: Named here because osmnx drops these ways: a crossing in a motorway's median, a gate behind a hospital.
EMERGENCY_SERVICE = "emergency_access"


def who_may_use(tags: Mapping[str, str]) -> int:
    """The access bits of a way, of CAR, EMERGENCY and BUS; 0 = not for us."""
    highway = tags.get("highway", "")
    if tags.get("area") == "yes" or (highway == "service" and tags.get("service") in IDLE_SERVICE):
        return 0
    if (
        highway in CAR_CLASSES
        and tags.get("service") != EMERGENCY_SERVICE
        and _motor_access(tags) not in CLOSED_TO_CARS
    ):
        return CAR if tags.get("emergency") == "no" else CAR | EMERGENCY
    if tags.get("emergency") == "no" or highway not in (*CAR_CLASSES, *EMERGENCY_CLASSES):
        return 0
    return (EMERGENCY if _for_ambulances(tags) else 0) | (BUS if _for_buses(highway, tags) else 0)


def _motor_access(tags: Mapping[str, str]) -> str:
    """The most specific access word of a way for motor cars; "" when it says nothing."""
    return next((tags[key] for key in ("motorcar", "motor_vehicle", "vehicle", "access") if key in tags), "")


def _for_ambulances(tags: Mapping[str, str]) -> bool:
    return (
        tags.get("emergency") in YES or tags.get("service") == EMERGENCY_SERVICE or _motor_access(tags) == "emergency"
    )


def _for_buses(highway: str, tags: Mapping[str, str]) -> bool:
    """A busway, or a road that is closed to cars and open to buses."""
    own = highway == "busway" or _motor_access(tags) in ("psv", "bus")
    return own or (highway in CAR_CLASSES and (tags.get("psv") in YES or tags.get("bus") in YES))


def directions(tags: Mapping[str, str]) -> tuple[bool, bool]:
    """(along the drawing, against it). Motorways and roundabouts are one-way unless they say otherwise.

    A reversible road is closed both ways: which way it runs now is unknown, and unknown is not free.
    """
    oneway = tags.get("oneway", "").lower()
    if oneway in ("yes", "true", "1"):
        return True, False
    if oneway in ("-1", "reverse"):
        return False, True
    if oneway in ("reversible", "alternating"):
        return False, False
    implied = tags.get("junction") in ("roundabout", "circular") or tags.get("highway") == "motorway"
    return True, not (implied and oneway not in ("no", "false", "0"))
