"""Distribution as dispatchers do it without reckoning: nearest, round robin, red first. Pure; for comparison.

Each takes the next vehicle at the scene and keeps to the same places, first waves and needs as the plan that is
compared
with them; none looks at what the next casualty will need.
"""

from __future__ import annotations

import numpy as np

from dispatch.distribution.building import Builder, Offer, Plan, Yard

COLOURS = ("red", "none", "yellow", "grey", "green", "black")  # the order in which red first loads
RULES = ("nearest", "round_robin", "red_first")


def simple_plans(builder: Builder) -> dict[str, Plan]:
    """Name of a rule -> the plan that it leads to."""
    choices = {"nearest": nearest, "round_robin": round_robin, "red_first": red_first}
    return {name: builder.build(choices[name]) for name in RULES}


def nearest(yard: Yard, offer: Offer) -> tuple[int, int] | None:
    """Who was ready first goes to the nearest hospital that can take them on arrival."""
    group = _first_ready(yard, offer)
    return group, _nearest(offer, group)


def red_first(yard: Yard, offer: Offer) -> tuple[int, int] | None:
    """Red before yellow before green, each to the nearest hospital that can take them on arrival."""
    able = [group for group in range(len(offer.possible)) if offer.possible[group].any()]
    soonest = min(int(offer.starts[group].min()) for group in able)
    # Nobody drives past a casualty that can be loaded now to wait for one that cannot.
    now = [group for group in able if int(offer.starts[group].min()) == soonest]
    group = min(now, key=lambda one: (COLOURS.index(yard.problem.groups[one].category), _turn_of(yard, one)))
    return group, _nearest(offer, group)


def round_robin(yard: Yard, offer: Offer) -> tuple[int, int] | None:
    """Who was ready first goes to the next hospital in turn, in the order of their distance from the scene."""
    group = _first_ready(yard, offer)
    out = yard.problem.kinds[offer.kind].out_min[yard.problem.groups[group].scene]
    order = sorted(range(len(out)), key=lambda h: (out[h], h))
    turn = yard.turn.get("next", 0)
    ready = _free_on_arrival(offer, group)
    for step in range(len(order)):
        hospital = order[(turn + step) % len(order)]
        if ready[hospital]:
            yard.turn["next"] = (turn + step + 1) % len(order)
            return group, hospital
    return group, _nearest(offer, group)


def _first_ready(yard: Yard, offer: Offer) -> int:
    able = [group for group in range(len(offer.possible)) if offer.possible[group].any()]
    return min(able, key=lambda one: (int(offer.starts[one].min()), _turn_of(yard, one)))


def _turn_of(yard: Yard, group: int) -> tuple[int, str]:
    one = yard.problem.groups[group]
    first = one.count - int(yard.left[group])
    return one.ready_min[first], one.ids[first]


def _free_on_arrival(offer: Offer, group: int) -> np.ndarray:
    """Possible with a place on arrival; where there is none, all that are possible."""
    free = offer.possible[group] & (offer.places[group] <= offer.arrives[group])
    return free if free.any() else offer.possible[group]


def _nearest(offer: Offer, group: int) -> int:
    """By arrival; of those that would have to wait for a place, the one that has it first."""
    free = _free_on_arrival(offer, group)
    when = np.where(free, np.maximum(offer.arrives[group], offer.places[group]), 10**9)
    return int(np.argmin(when))
