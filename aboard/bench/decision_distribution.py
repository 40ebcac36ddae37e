"""Who goes where: 100 casualties over 40 hospitals with 30 ambulances, how soon there is a plan and how good it is.

The same cases, places and first waves for the plan and for the rules it is compared with. Sharing out is
dispatch/distribution's; here cases are drawn and times taken.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np

from aboard.bench.figures import Case, once, ours_of
from aboard.bench.routing.questions import numbers
from dispatch.distribution.answer import Answer
from dispatch.distribution.reading import case_of_text
from dispatch.distribution.sharing import distribute
from dispatch.rule_files import default_distribution

CASUALTIES, HOSPITALS, AMBULANCES = 100, 40, 30
SCENES = ("north", "south")
SIDE_KM, SPEED_KMH, DETOUR = 40.0, 45.0, 1.3  # a city; roads are so much longer than the straight line; assumptions
TRIAGE = {"red": 0.2, "yellow": 0.3, "green": 0.45, "black": 0.05}  # a common share of a large accident; assumption
PATHWAYS = {"trauma": 0.6, "burns": 0.1, "general": 0.3}  # assumption
AT, BEFORE = "2026-03-01T02:00:00Z", "2026-03-01T01:50:00Z"
RULES = ("nearest", "round_robin", "red_first")


@dataclass(frozen=True, slots=True)
class Shared:
    """One case shared out twice: the first plan, and the one that was searched and proven. Times in seconds."""

    first_s: float
    whole_s: float
    first: Answer
    whole: Answer

    @property
    def shares(self) -> dict[str, float]:
        """Rule -> our loss as a share of that rule's."""
        return {rule: self.whole.outcome.loss / self.whole.compared[rule].loss for rule in RULES}


def bench_distribution(seeds: Sequence[int]) -> list[Case]:
    """One case per seed. A plan that the wall clock cut short counts as hurried: it may not come out again."""
    return cases_of([share_out(drawn(seed), seed) for seed in seeds])


def share_out(case: Mapping[str, Any], seed: int) -> Shared:
    ask = case_of_text(msgspec.json.encode({**case, "seed": seed}).decode(), "bench", default_distribution())
    began_s = time.perf_counter()
    first = distribute(ask, quick=True)
    between_s = time.perf_counter()
    whole = distribute(ask)
    return Shared(between_s - began_s, time.perf_counter() - between_s, first, whole)


def cases_of(shared: Sequence[Shared]) -> list[Case]:
    """The least, the middle and the worst of all seeds. Pure."""
    whole_s, gaps = [one.whole_s for one in shared], [100 * one.whole.proof.gap for one in shared]
    losses = {rule: ours_of([one.whole.compared[rule].loss for one in shared]).p50 or 0.0 for rule in RULES}
    worst = max(share for one in shared for share in one.shares.values())
    return [
        Case("distribution_first", "s", ours_of([one.first_s for one in shared]), goal={"p99": 0.5}),
        Case("distribution_whole", "s", ours_of(whole_s), goal={"p99": 5.0}),
        Case("distribution_whole_least", "s", once(min(whole_s))),
        Case("distribution_gap", "pct", ours_of(gaps), goal={"p99": 1.0}),
        Case("distribution_gap_least", "pct", once(min(gaps))),
        Case("distribution_loss", "deaths", ours_of([one.whole.outcome.loss for one in shared]), losses),
        Case("distribution_worst_share", "share", once(worst), goal={"p99": 1.0}),
        Case("distribution_hurried", "plans", once(sum(one.whole.proof.hurried for one in shared)), goal={"p99": 0.0}),
    ]  # fmt: skip


def drawn(
    seed: int, casualties: int = CASUALTIES, hospitals: int = HOSPITALS, ambulances: int = AMBULANCES
) -> dict[str, Any]:
    """A case file on a square plain: two scenes near its middle, hospitals and ambulances anywhere, places of few."""
    random = numbers(seed, "distribution")
    scenes = dict(zip(SCENES, random.uniform(0.35, 0.65, (len(SCENES), 2)) * SIDE_KM, strict=True))
    doors = {f"H{n:02}": place for n, place in enumerate(random.uniform(0, SIDE_KM, (hospitals, 2)))}
    bases = {f"A{n:02}": place for n, place in enumerate(random.uniform(0, SIDE_KM, (ambulances, 2)))}
    out = {scene: {door: _minutes(here, there) for door, there in doors.items()} for scene, here in scenes.items()}
    to = {unit: {scene: _minutes(base, here) for scene, here in scenes.items()} for unit, base in bases.items()}
    categories = random.choice(list(TRIAGE), casualties, p=list(TRIAGE.values()))
    return {
        "at": AT, "happened_at": BEFORE,
        "casualties": [
            {"id": f"T{n:03}", "category": str(category), "scene": str(random.choice(SCENES)),
             "pathway": str(random.choice(list(PATHWAYS), p=list(PATHWAYS.values()))),
             "boardable_min": int(random.integers(0, 31))}
            for n, category in enumerate(categories)
        ],
        "hospitals": [_hospital(id, random) for id in doors],
        "vehicles": [{"id": id} for id in bases],
        "travel": {"to_scene_min": to, "to_hospital_min": out},
    }  # fmt: skip


def _minutes(start: np.ndarray, end: np.ndarray) -> float:
    return round(60 * DETOUR * math.dist(start, end) / SPEED_KMH, 1)


def _hospital(id: str, random: np.random.Generator) -> dict[str, Any]:
    """About every third a trauma centre, every tenth for burns; few places, some of which come free again."""
    able, burns = random.uniform() < 1 / 3, random.uniform() < 1 / 10
    places = {
        "resus_bay": {"free": int(random.integers(0, 3)), "total": 5, "refill_per_h": float(random.choice([0, 1]))},
        "ed_bed": {"free": int(random.integers(0, 6)), "total": 30, "refill_per_h": float(random.choice([0, 2]))},
    }
    capabilities = [
        "ct",
        "theatre",
        "blood",
        *(["trauma_centre", "icu"] if able else []),
        *(["burns"] if burns else []),
    ]
    level = {"trauma_level": int(random.integers(1, 3))} if able else {}
    return {"id": id, "capabilities": capabilities, "places": places, **level}
