"""Who may drive on a way, and in which direction: the meaning of its OpenStreetMap tags.

Pure. Tag meanings: OpenStreetMap wiki, pages Key:highway, Key:access, Key:oneway, Tag:service=emergency_access,
as of 2025. Speeds are left to routing/speeds.py.
"""

from __future__ import annotations

from collections.abc import Mapping

from routing.roads.network import BUS, CAR, CONTRAFLOW, EMERGENCY, GATE

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
#: Classes on which nobody drives against the traffic, whatever the siren.
NO_CONTRAFLOW = frozenset({"motorway", "motorway_link", "trunk", "trunk_link"})
ROUNDABOUTS = frozenset({"roundabout", "circular"})

#: Barriers on a road, by what they are when their tags say nothing more. Who opens an untagged gate is unknown, and
#: unknown is not free: cars do not count on it, an ambulance does when its crew has the keys (the gates switch). But
#: on a classified road (THROUGH) it stands open, or the road would not be one: a railway's booms, a snow gate.
#: Meanings: OpenStreetMap wiki, Key:barrier, as of 2025.
GATES = frozenset({"gate", "lift_gate", "swing_gate", "sliding_gate", "hampshire_gate", "chain", "boom", "wicket_gate"})
WALLS = frozenset(
    {"bollard", "block", "jersey_barrier", "cycle_barrier", "motorcycle_barrier", "debris", "log", "stile", "turnstile"}
    | {"kissing_gate", "full-height_turnstile", "planter", "fence", "wall", "tank_trap", "chicane", "hole", "stone"}
    | {"barrier_board", "spikes", "horse_stile"}
)
BUS_TRAPS = frozenset({"bus_trap", "sump_buster"})
OPENING_BOLLARDS = frozenset({"removable", "rising", "foldable"})
OPEN = 0xFF
UNSAID = 32  # beside GATE in what `passage` answers: the tags do not say who may pass
THROUGH = frozenset(CAR_CLASSES[: CAR_CLASSES.index("tertiary_link") + 1])
BARRIER_TAGS = (
    "barrier",
    "access",
    "vehicle",
    "motor_vehicle",
    "motorcar",
    "emergency",
    "psv",
    "bus",
    "bollard",
    "locked",
)


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


def passage(tags: Mapping[str, str]) -> int | None:
    """The access bits that a barrier lets pass (OPEN = everyone, 0 = nobody); None when it is no hindrance at all.

    GATE | UNSAID for a gate whose tags say nothing.
    """
    kind = tags.get("barrier", "")
    if kind not in GATES | WALLS | BUS_TRAPS:
        return None
    word = _motor_access(tags)
    if word and word not in CLOSED_TO_CARS:
        return OPEN
    buses = (
        BUS if kind in BUS_TRAPS or word in ("psv", "bus") or tags.get("psv") in YES or tags.get("bus") in YES else 0
    )
    if tags.get("emergency") == "no":
        return buses
    if kind in GATES and not word and not buses and tags.get("emergency") is None and tags.get("locked") != "yes":
        return GATE | UNSAID
    opens = kind in GATES or tags.get("bollard") in OPENING_BOLLARDS or tags.get("emergency") in YES
    return buses | (GATE if opens or word == "emergency" else 0)


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
    implied = tags.get("junction") in ROUNDABOUTS or tags.get("highway") == "motorway"
    return True, not (implied and oneway not in ("no", "false", "0"))


def access_by_direction(tags: Mapping[str, str]) -> tuple[int, int]:
    """The access bits of a way along its drawing and against it; (0, 0) when it is not for us.

    Against a one-way road they are CONTRAFLOW (where an ambulance may use the road at all), or BUS where buses have a
    lane against the traffic, or EMERGENCY where the tags say that one-way does not bind emergency vehicles.
    """
    bits = who_may_use(tags)
    along, against = directions(tags)
    if along == against:
        return (bits, bits) if along else (0, 0)
    other = BUS if _buses_against(tags) else 0
    if bits & EMERGENCY and tags.get("highway") not in NO_CONTRAFLOW and tags.get("junction") not in ROUNDABOUTS:
        other |= CONTRAFLOW
    if tags.get("oneway:emergency") == "no":
        other |= bits & EMERGENCY
    other = other if bits else 0
    return (bits, other) if along else (other, bits)


def _buses_against(tags: Mapping[str, str]) -> bool:
    """Key:busway and Key:oneway:bus: a lane on which buses drive against a one-way road."""
    return tags.get("oneway:bus") == "no" or tags.get("oneway:psv") == "no" or tags.get("busway") == "opposite_lane"
