"""How long a benchmark of media goes on: the full form, or a quick look that shows the way and claims little."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Extent:
    """`seeds` of each bad link; `seconds` of the fleet and `pictures` of each encoder; `said` hears what begins."""

    seeds: int = 10
    seconds: float = 60.0
    pictures: int = 150
    quick: bool = False
    said: Callable[[str], None] = lambda part: None

    def either(self, full: float, quick: float) -> float:
        return quick if self.quick else full
