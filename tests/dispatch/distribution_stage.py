"""Small cases of many casualties, an independent enumeration of all plans for them, and a check that a plan can be
done."""

from __future__ import annotations

import itertools
import json
import math
from collections import defaultdict
from typing import Any

import msgspec
from hypothesis import strategies as st

from dispatch.distribution.answer import Answer
from dispatch.distribution.ask import Ask
from dispatch.distribution.reading import case_of_text
from dispatch.distribution.rules import DistributionRules
from dispatch.policy import Policy
from dispatch.rule_files import default_distribution, default_policy

RESOURCE = {"red": "resus_bay", "yellow": "ed_bed", "green": "ed_bed"}
NO_OFFLOAD = {"ed_bed": 0.0}


def exact_rules(**search: Any) -> DistributionRules:
    """The shipped table, searched to the end."""
    rules = default_distribution()
    return msgspec.structs.replace(
        rules, search=msgspec.structs.replace(rules.search, **{"gap": 0.0, "seconds": 60.0, "nodes": 100_000, **search})
    )


def calm_policy() -> Policy:
    """The shipped table without the queue at the door, which the enumeration does not know of."""
    policy = default_policy()
    return msgspec.structs.replace(policy, offload=msgspec.structs.replace(policy.offload, steps=(), unknown_s=0))


def case_text(case: dict[str, Any]) -> str:
    return json.dumps(case)


def read(case: dict[str, Any]) -> Ask:
    return case_of_text(case_text(case), "case.json", default_distribution())


def hospital(id: str, resus: int = 1, beds: int = 2, **more: Any) -> dict[str, Any]:
    places = {"resus_bay": {"free": resus, "total": 9}, "ed_bed": {"free": beds, "total": 90}}
    return {"id": id, "capabilities": ["trauma_centre", "ct", "theatre", "blood"], "places": places} | more


def casualty(id: str, category: str = "red", **more: Any) -> dict[str, Any]:
    return {"id": id, "category": category, "pathway": "general"} | more


def case(casualties: list[dict[str, Any]], hospitals: list[dict[str, Any]], vehicles: list[dict[str, Any]],
         out: dict[str, float], to: dict[str, float], **more: Any) -> dict[str, Any]:  # fmt: skip
    """One scene. `out`: minutes to each hospital; `to`: minutes of each vehicle to the scene."""
    travel = {"to_scene_min": {id: {"scene": m} for id, m in to.items()}, "to_hospital_min": {"scene": out}}
    whole = {"at": "2026-03-01T02:00:00Z", "happened_at": "2026-03-01T01:50:00Z", "casualties": casualties}
    return whole | {"hospitals": hospitals, "vehicles": vehicles, "travel": travel} | more


@st.composite
def small_cases(draw: st.DrawFn, casualties: int = 6, hospitals: int = 4, vehicles: int = 3) -> dict[str, Any]:
    """Up to 6 casualties, 4 hospitals with few places that refill, 3 vehicles, two scenes at times."""
    scenes = draw(st.sampled_from([["scene"], ["scene"], ["north", "south"]]))
    names = [f"H{i}" for i in range(draw(st.integers(1, hospitals)))]
    who = [
        casualty(f"T{i}", draw(st.sampled_from(["red", "red", "yellow", "green"])), scene=draw(st.sampled_from(scenes)),
                 boardable_min=draw(st.sampled_from([0, 0, 0, 7])), needs=draw(st.sampled_from([[], [], ["burns"]])))
        for i in range(draw(st.integers(1, casualties)))
    ]  # fmt: skip
    where = []
    for name in names:
        places = {}
        for resource in ("resus_bay", "ed_bed"):
            surge = draw(st.sampled_from([[], [{"after_min": 35, "places": 1}]]))
            places[resource] = {"free": draw(st.integers(0, 2)), "total": 9, "reserve": 0, "surge": surge,
                                "refill_per_h": draw(st.sampled_from([0, 0, 1.5]))}  # fmt: skip
        more = {"first_wave": {"red": draw(st.integers(1, 2))}} if draw(st.booleans()) else {}
        caps = ["burns"] if draw(st.booleans()) else []
        where.append({"id": name, "capabilities": caps, "places": places} | more)
    seats = draw(st.sampled_from([0, 2]))
    with_what = [{"id": f"A{i}", "seats": seats} for i in range(draw(st.integers(1, vehicles)))]
    minutes = st.integers(3, 45)
    travel = {
        "to_scene_min": {
            one["id"]: {s: draw(st.one_of(minutes, minutes, st.none())) for s in scenes} for one in with_what
        },
        "to_hospital_min": {s: {name: draw(minutes) for name in names} for s in scenes},
    }
    return {"at": "2026-03-01T02:00:00Z", "happened_at": "2026-03-01T01:50:00Z", "casualties": who, "hospitals": where,
            "vehicles": with_what, "travel": travel}  # fmt: skip


# --- an enumeration that shares nothing with the solver but the survival table


class World:
    """A case in plain numbers, as this module reads it."""

    def __init__(self, ask: Ask, rules: DistributionRules) -> None:
        self.ask, self.rules = ask, rules
        self.since = (ask.at - ask.happened_at).total_seconds() / 60 if ask.happened_at else 0
        self.wave = rules.first_wave.minutes
        self.hospitals = [one.id for one in ask.hospitals]
        self.byid = {one.id: one for one in ask.casualties}
        self.vehicle = rules.vehicles["ambulance"]
        self.most = {
            (one.id, "red"): {str(k): n for k, n in one.first_wave.items()}.get(
                "red", rules.first_wave.by_category["red"]
            )
            for one in ask.hospitals
        }
        self.opens = {(one.id, r): self._opens(one.places[r]) for one in ask.hospitals for r in ("resus_bay", "ed_bed")}

    def _opens(self, places: Any) -> list[int]:
        later = [math.ceil(s.after_min) for s in places.surge for _ in range(s.places)]
        if places.refill_per_h:
            later += [math.ceil(60 / places.refill_per_h * n) for n in range(1, 40)]
        now = [0] * max(0, places.free - places.held - (places.reserve or 0))
        return sorted(m for m in now + later if m <= self.rules.horizon.minutes)

    def loss(self, category: str, minute: int) -> float:
        weight = self.rules.minute_cost.deaths
        untaken = self.rules.horizon.untaken_min

        def at(m: int) -> float:
            return 1 - self.rules.survival_at(category, None, self.since + m) + weight * m

        return min(at(minute), at(untaken))

    def untaken(self, category: str) -> float:
        return self.loss(category, self.rules.horizon.untaken_min)

    def kind(self, id: str) -> tuple[Any, ...]:
        """Who may ride together: what each needs comes to the same hospitals here."""
        one = self.byid[id]
        return one.scene, one.category, tuple(h for h in self.hospitals if self.able(id, h))

    def able(self, id: str, h: str) -> bool:
        spot = next(one for one in self.ask.hospitals if one.id == h)
        return set(self.byid[id].needs) <= set(spot.capabilities)


def least_loss(ask: Ask, rules: DistributionRules, below: float) -> float:
    """The least loss of any plan, or `below` where no plan loses less. Depth first over all loads, orders and
    hospitals."""
    world = World(ask, rules)
    best = below
    ids = sorted(world.byid)
    floor = {id: _floor(world, id) for id in ids}

    def descend(
        v: int, at: dict[str, int] | None, left: frozenset[str], loads: list[tuple[Any, ...]], cost: float
    ) -> None:
        nonlocal best
        if cost + sum(floor[id] for id in left) >= best - 1e-9:
            return
        if v == len(ask.vehicles):
            total = _placed(world, loads) + sum(world.untaken(str(world.byid[id].category)) for id in left)
            best = min(best, total)
            return
        if at is None:
            row = ask.travel.to_scene_min[ask.vehicles[v].id]
            at = {s: math.ceil(m) for s, m in row.items() if m is not None}
        for load in _loads(world, ask.vehicles[v].seats or 0, left):
            scene = world.byid[load[0]].scene
            if scene not in at:
                continue
            early = max(at[scene], *(math.ceil(world.byid[id].boardable_min) for id in load))
            for start in {early, max(early, world.wave)} if world.byid[load[0]].category == "red" else {early}:
                if start >= rules.horizon.minutes:
                    continue
                for h in world.hospitals:
                    if not world.able(load[0], h):
                        continue
                    drive = math.ceil(ask.travel.to_hospital_min[scene][h] or 0)
                    arrives = start + world.vehicle.load_min + drive
                    again = {
                        s: arrives + world.vehicle.turnaround_min + math.ceil(ask.travel.to_hospital_min[s][h] or 0)
                        for s in ask.travel.to_hospital_min
                    }
                    category = str(world.byid[load[0]].category)
                    then = cost + len(load) * world.loss(category, arrives)
                    descend(v, again, left - set(load), [*loads, (h, category, len(load), start, arrives)], then)
        descend(v + 1, None, left, loads, cost)

    descend(0, None, frozenset(ids), [], 0.0)
    return best


def _floor(world: World, id: str) -> float:
    """What a casualty loses at least: the earliest vehicle, the nearest able hospital, a place at once."""
    one = world.byid[id]
    # A vehicle that cannot reach this scene from where it is may come from a hospital later: any start is a floor.
    comes = [
        minutes for row in world.ask.travel.to_scene_min.values() for minutes in row.values() if minutes is not None
    ]
    out = [world.ask.travel.to_hospital_min[one.scene][h] for h in world.hospitals if world.able(id, h)]
    if not comes or not out:
        return world.untaken(str(one.category))
    soonest = max(math.ceil(min(comes)), math.ceil(one.boardable_min))
    return world.loss(
        str(one.category), soonest + world.vehicle.load_min + math.ceil(min(m for m in out if m is not None))
    )


def _loads(world: World, seats: int, left: frozenset[str]) -> list[tuple[str, ...]]:
    """One of any, or several green who are the same but for when they are ready. Of equals the first only."""
    found: list[tuple[str, ...]] = []
    kinds: dict[Any, list[str]] = defaultdict(list)
    for id in sorted(left, key=lambda id: (world.byid[id].boardable_min, id)):
        kinds[world.kind(id)].append(id)
    for (_, category, _), ids in kinds.items():
        most = max(seats, 1) if category == "green" else 1
        seen = set()
        for n in range(1, most + 1):
            for load in itertools.combinations(ids, n):
                ready = (n, tuple(world.byid[id].boardable_min for id in load))
                if ready not in seen:
                    seen.add(ready)
                    found.append(load)
    return found


def _placed(world: World, loads: list[tuple[Any, ...]]) -> float:
    """The loss of these loads when places are given in the best order; infinite where the first wave is exceeded."""
    waves: dict[str, int] = defaultdict(int)
    at_door: dict[tuple[str, str], list[tuple[Any, ...]]] = defaultdict(list)
    for load in loads:
        h, category, count, start, _ = load
        at_door[h, RESOURCE[category]].append(load)
        if category == "red" and start < world.wave:
            waves[h] += count
            if waves[h] > world.most[h, "red"]:
                return math.inf
    return sum(
        min(_in_order(world, key, order) for order in itertools.permutations(ones)) for key, ones in at_door.items()
    )


def _in_order(world: World, key: tuple[str, str], order: tuple[tuple[Any, ...], ...]) -> float:
    opens, total = list(world.opens[key]), 0.0
    for _, category, count, _, arrives in order:
        if len(opens) < count:
            return math.inf
        place = max(arrives, opens[count - 1])
        usable = [m for m in opens if m <= place][-count:]
        for minute in usable:
            opens.remove(minute)
        total += count * world.loss(category, place)
    return total


def faults(ask: Ask, rules: DistributionRules, answer: Answer) -> list[str]:
    """Everything about the rows of an answer that could not be done, by plain counting."""
    world, found = World(ask, rules), []
    trips: dict[tuple[str, int], list[Any]] = defaultdict(list)
    for row in answer.rows:
        trips[row.vehicle, row.trip].append(row)
        if row.loads_min < world.byid[row.casualty].boardable_min:
            found.append(f"{row.casualty} loaded before it was ready")
        if not world.able(row.casualty, row.hospital):
            found.append(f"{row.casualty} at {row.hospital} lacks {world.byid[row.casualty].needs}")
    for (vehicle, number), rows in sorted(trips.items()):
        first = rows[0]
        if len(rows) > 1 and (any(row.category != "green" for row in rows) or len(rows) > max(1, _seats(ask, vehicle))):
            found.append(f"{vehicle} overloaded")
        if number == 1:
            come = ask.travel.to_scene_min[vehicle][first.scene]
        else:
            last = trips[vehicle, number - 1][0]
            come = (
                last.arrives_min
                + world.vehicle.turnaround_min
                + math.ceil(ask.travel.to_hospital_min[first.scene][last.hospital] or 0)
            )
        if come is None or come > first.loads_min:
            found.append(f"{vehicle} is not there for trip {number}")
        drive = math.ceil(ask.travel.to_hospital_min[first.scene][first.hospital] or 0)
        if first.arrives_min != first.loads_min + world.vehicle.load_min + drive:
            found.append(f"{vehicle} drives {first.arrives_min - first.loads_min}")
    found += _overfull(world, answer)
    return found


def _seats(ask: Ask, vehicle: str) -> int:
    return next(one.seats or 0 for one in ask.vehicles if one.id == vehicle)


def _overfull(world: World, answer: Answer) -> list[str]:
    found = []
    for (h, resource), opens in world.opens.items():
        care = sorted(row.care_min for row in answer.rows if row.hospital == h and RESOURCE[row.category] == resource)
        found += [f"{h} {resource} at {at}" for n, at in enumerate(care, 1) if n > sum(m <= at for m in opens)]
        reds = [
            row for row in answer.rows if row.hospital == h and row.category == "red" and row.loads_min < world.wave
        ]
        if len(reds) > world.most[h, "red"]:
            found.append(f"{h} has {len(reds)} red in the first wave")
    return found


def loss_of(ask: Ask, rules: DistributionRules, answer: Answer) -> float:
    """The loss of an answer, added up from its rows."""
    world = World(ask, rules)
    taken = sum(world.loss(row.category, row.care_min) for row in answer.rows)
    return taken + sum(world.untaken(one.category) for one in answer.not_taken)
