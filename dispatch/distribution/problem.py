"""What a solver counts: groups of casualties, kinds of vehicles, places by minute, costs. Shapes; compiling.py fills
them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from casebook.events import Reason
from dispatch.distribution.ask import Ask, Casualty, Vehicle
from dispatch.distribution.rules import DistributionRules

NO_WAY = -1
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Group:
    """Casualties that are the same to the plan. `ids` and `ready_min` by the minute from which each can be loaded.

    `allowed`, `delay_min`, `soft_min` per hospital: may receive them; minutes at the door before care; minutes that a
    missing wish weighs (they cost as minutes do, nobody dies of them). `soft_cost` the same in deaths: a changed plan.
    `before`: index of the hospital planned before, -1: none. `resource` "": needs no counted place. `loss[m]`: what
    care at minute m costs; `untaken`: what no care costs.
    """

    ids: tuple[str, ...]
    ready_min: tuple[int, ...]
    scene: int
    category: str
    rpm: float | None
    resource: str
    sits: bool
    needs: tuple[str, ...]
    allowed: NDArray[np.bool_]
    delay_min: Ints
    soft_cost: Floats
    loss: Floats
    untaken: float
    before: int = -1
    barred: Mapping[str, tuple[Reason, ...]] = field(default_factory=dict)

    @property
    def count(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, slots=True)
class Kind:
    """Vehicles that are the same but for where they are. `out_min` scene x hospital, `back_min` hospital x scene,
    NO_WAY
    where there is none. `load_min` per scene. `takes` per group: how many per trip. `soft_cost`: of the mode, per
    casualty."""

    mode: str
    out_min: Ints
    back_min: Ints
    load_min: Ints
    turnaround_min: int
    takes: Ints
    soft_cost: float
    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Fixed:
    """A casualty under way that its hospital can take: not planned anew. `care_min`: when care begins."""

    casualty: Casualty
    vehicle: str
    hospital: str
    arrives_min: int
    care_min: int
    resource: str


@dataclass(frozen=True, slots=True)
class Problem:
    """`starts[v, s]`: minute at which vehicle v can load at scene s first, NO_WAY: never. `slots`: (hospital, resource)
    -> opening minutes. `quota`: (hospital, category) -> most that leave for it before `wave_min`."""

    ask: Ask
    rules: DistributionRules
    scenes: tuple[str, ...]
    hospitals: tuple[str, ...]
    groups: tuple[Group, ...]
    kinds: tuple[Kind, ...]
    kind_of: tuple[int, ...]  # of each vehicle
    starts: Ints
    slots: Mapping[tuple[int, str], tuple[int, ...]]
    quota: Mapping[tuple[int, str], int]
    wave_min: int
    horizon_min: int
    since_min: float
    fixed: tuple[Fixed, ...] = ()
    left: tuple[tuple[Casualty, Reason], ...] = ()  # not carried at all
    standing: frozenset[tuple[str, str]] = frozenset()
    kept: Mapping[tuple[str, str], int] = field(default_factory=dict)

    @property
    def vehicles(self) -> tuple[Vehicle, ...]:
        return self.ask.vehicles
