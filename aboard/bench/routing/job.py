"""What a child process of the routing benchmark is told, and the road map and questions that each makes of it alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aboard.bench.routing.questions import Questions, draw
from routing.costs import Costs, costs_for
from routing.profiles import AMBULANCE, AMBULANCE_SIREN, CAR
from routing.roads import Roadmap, load_roads

PROFILE = AMBULANCE  # who drives in all cases; the gate asks for the others too
PROFILES = (AMBULANCE, AMBULANCE_SIREN.with_contraflow(200.0), CAR)
FULL_S, QUICK_S = 6.0, 0.2  # budget of one case of one peer
TURMOIL_S, TURMOIL_QUICK_S = 30.0, 5.0  # how long the traffic keeps changing


@dataclass(frozen=True, slots=True)
class Job:
    """`folder`: where the question sheet and everything else of this run lies; `osrm_dir`, `valhalla_dir`: where
    they were unpacked; `budget_s`: for one case of one peer; `turmoil_s`: how long the traffic keeps changing."""

    graph: str
    folder: str
    seed: int
    osrm_dir: str | None = None
    valhalla_dir: str | None = None
    budget_s: float = FULL_S
    turmoil_s: float = TURMOIL_S

    @property
    def place(self) -> Path:
        return Path(self.folder)

    def roads(self) -> Roadmap:
        """From the cache, as any program opens it."""
        return load_roads(self.graph)

    def questions(self, roadmap: Roadmap) -> tuple[Costs, Questions]:
        """Free-flow costs of who drives, and the places that every case uses."""
        free = costs_for(roadmap, profile=PROFILE)
        return free, draw(roadmap, free.usable, self.seed)

    def as_facts(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}

    @classmethod
    def read(cls, facts: Mapping[str, Any]) -> Job:
        return cls(**facts)
