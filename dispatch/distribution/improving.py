"""A good plan at once: many plans built by rules that look ahead, the best one first. Pure; the same seed, the same
plan.

Each rule weighs what waiting costs a casualty against the time that its trip takes a vehicle away; which weights suit a
case is not known before, so a fixed number of them is tried.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from dispatch.distribution.building import Builder, Choose, Offer, Plan, Yard

LOOK_AHEAD_MIN = (5, 15, 30, 60)  # how much later another vehicle might come
VEHICLE_COST = (0.0, 0.0002, 0.0005, 0.001)  # deaths per minute that a vehicle is away


def good_plans(builder: Builder, starts: int, seed: int) -> list[Plan]:
    """`starts` plans, the best one first."""
    plans = [builder.build(choose) for choose in _rules(starts, seed)]
    return sorted(plans, key=lambda plan: plan.cost)


def kept_plan(builder: Builder) -> Plan | None:
    """The plan that moves nobody who had a hospital and can still go there; None where nobody had one."""
    before = np.array([group.before for group in builder.problem.groups], dtype=np.int64)
    if not (before >= 0).any():
        return None
    there = np.arange(len(builder.problem.hospitals))[None, :] == before[:, None]
    look = ahead_of(LOOK_AHEAD_MIN[1], 0.0)

    def choose(yard: Yard, offer: Offer) -> tuple[int, int] | None:
        same = offer.possible & there
        stays = np.where(same.any(axis=1)[:, None], same, offer.possible)
        return look(yard, replace(offer, possible=stays))

    return builder.build(choose)


def _rules(starts: int, seed: int) -> Iterator[Choose]:
    chance = random.Random(seed)
    fixed = [(ahead, cost) for ahead in LOOK_AHEAD_MIN for cost in VEHICLE_COST]
    for n in range(starts):
        if n < len(fixed):
            yield ahead_of(*fixed[n])
        else:
            yield ahead_of(
                round(chance.choice(LOOK_AHEAD_MIN) * chance.uniform(0.5, 2.0)), 0.003 * chance.random() ** 2
            )


def ahead_of(ahead_min: int, vehicle_cost: float) -> Choose:
    """Load whom waiting `ahead_min` more would cost most; take them where loss and time of the vehicle cost least."""

    def choose(yard: Yard, offer: Offer) -> tuple[int, int] | None:
        each = offer.loss + vehicle_cost * offer.busy_min / np.maximum(offer.count, 1)
        each = np.where(offer.possible, each, np.inf)
        best = each.argmin(axis=1)
        rows = np.arange(len(best))
        able = offer.possible[rows, best]
        count = offer.count[rows, best]
        waits = (offer.loss_later(ahead_min) - offer.loss)[rows, best] * count
        idle = (offer.starts - offer.starts.min(axis=1, keepdims=True).min())[rows, best]
        gain = np.where(able, waits - vehicle_cost * (offer.busy_min[rows, best] + idle), -np.inf)
        group = int(gain.argmax())
        return group, int(best[group])

    return choose
