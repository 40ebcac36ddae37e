"""When each place of a hospital can be taken: free now, freed later, added by surge, less what is kept. Pure.

A place that opens at a minute may be taken from then on by whoever has arrived; who takes which is the plan's business.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from casebook.place import Place, distance_m
from dispatch.distribution.ask import Ask, Hospital, Places, Point
from dispatch.distribution.rules import DistributionRules

KNOWN, STANDING = "known", "standing"


@dataclass(frozen=True, slots=True)
class Opening:
    """All places of one resource in one hospital: the minutes at which they open, rising; `told`: known or standing.

    `kept`: how many of those free now are not given away.
    """

    minutes: tuple[int, ...]
    told: str = KNOWN
    kept: int = 0

    def upto(self, minute: int) -> int:
        return sum(1 for opens in self.minutes if opens <= minute)


def openings(ask: Ask, rules: DistributionRules, wanted: Mapping[str, int]) -> dict[tuple[str, str], Opening]:
    """(hospital, resource) -> its places, for every resource that casualties want (resource -> how many want one)."""
    walk_in = nearest_to_scene(ask, rules)
    return {
        (hospital.id, resource): opening_of(hospital, resource, rules, most, hospital.id in walk_in)
        for hospital in ask.hospitals
        for resource, most in wanted.items()
    }


def opening_of(hospital: Hospital, resource: str, rules: DistributionRules, most: int, walk_in: bool) -> Opening:
    """No more than `most` places, for nobody takes the rest. A count that is unknown or too old gives the standing
    number: a place that nobody vouches for, charged with a wait (`Group.delay_min`)."""
    places = hospital.places.get(resource, Places())
    known = places.free is not None and places.age_min <= rules.believed.minutes
    counted = places.free if known and places.free is not None else rules.standing.by_resource.get(resource, 0)
    kept = _kept(places, resource, rules, counted, walk_in)
    now = counted - places.held - kept  # below 0: what opens later goes to those who hold and to the reserve first
    later = [
        min_ for surge in places.surge for min_ in [math.ceil(surge.after_min)] * min(surge.places, most - min(now, 0))
    ]
    if places.refill_per_h > 0:
        span = 60 / places.refill_per_h
        later += [math.ceil(n * span) for n in range(1, most - min(now, 0) + 1)]
    opens = [0] * max(0, now) + sorted(later)[max(0, -now) :]
    soon = [minute for minute in opens if minute <= rules.horizon.minutes]
    return Opening(tuple(soon[:most]), KNOWN if known else STANDING, kept)


def _kept(places: Places, resource: str, rules: DistributionRules, counted: int, walk_in: bool) -> int:
    """What the hospital says, else what the rules say."""
    if places.reserve is not None:
        return places.reserve
    kept = rules.reserve.by_resource.get(resource, 0)
    rule = rules.walking_wounded
    if walk_in and resource == rule.resource:
        kept = max(kept, math.ceil(rule.share_kept * counted))
    return kept


def nearest_to_scene(ask: Ask, rules: DistributionRules) -> frozenset[str]:
    """The hospitals that who walks in goes to: the nearest of each scene in a straight line, whatever road is
    closed."""
    found: set[str] = set()
    placed = [(hospital.id, _place(hospital.place)) for hospital in ask.hospitals if hospital.place]
    for point in ask.scenes.values():
        scene = _place(point)
        near: Sequence[tuple[float, str]] = sorted((distance_m(scene, place), id) for id, place in placed)
        found |= {id for _, id in near[: rules.walking_wounded.nearest]}
    return frozenset(found)


def _place(point: Point) -> Place:
    return Place(point.lat, point.lon)
