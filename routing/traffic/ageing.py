"""How long a speed that somebody saw is believed: a dated table and the share of it that is left after a while.

An observed delay halves with every half-life, so it tends to free flow and never jumps past it. How long queues really
last is not known here, so the half-life itself is in doubt: the slow end of the range forgets a delay late, the fast
end early. Ages advance in steps, so that within a step everything costs the same and is worked out once.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from functools import cache

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Ageing:
    """`half_life_s` may be `doubt` times shorter or longer; beyond `oldest_s` an observation counts no more."""

    name: str
    as_of: date
    source: str
    half_life_s: float
    doubt: float
    oldest_s: float
    step_s: int

    def __post_init__(self) -> None:
        assert self.half_life_s > 0 and self.doubt >= 1 and self.oldest_s > 0 and self.step_s > 0

    def step_of(self, at: datetime) -> int:
        """The number of the step that `at` (aware) lies in."""
        return int(at.timestamp() // self.step_s)

    def age_s(self, seen_s: NDArray[np.float64], step: int) -> NDArray[np.int32]:
        """Whole seconds from what was seen at `seen_s` (since 1970) to the beginning of the step, 0 to `oldest_s`."""
        return np.clip(step * self.step_s - seen_s, 0, self.oldest_s).astype(np.int32)

    def shares_left(self) -> tuple[NDArray[np.float64], ...]:
        """By age in seconds, what is left of an observation: (forgotten latest, as the table says, forgotten soonest).

        A table, so that a part of the roads is worked out to the same bits as the whole.
        """
        return _shares_left(self)


@cache
def _shares_left(ageing: Ageing) -> tuple[NDArray[np.float64], ...]:
    lives = np.arange(int(ageing.oldest_s) + 1) / ageing.half_life_s
    shares = tuple(np.exp2(-lives * speed) for speed in (1 / ageing.doubt, 1.0, ageing.doubt))
    for share in shares:
        share[-1] = 0.0
    return shares


#: No published half-life of urban delays was found: 15 min, a doubt of 2 and three hours are our assumptions. They err
#: to believing a delay: after 15 min the likely speed has half of it, the slow end seven tenths.
HALVING = Ageing(
    "halving-1", date(2026, 11, 22), "assumption, no published figure found",
    half_life_s=900.0, doubt=2.0, oldest_s=10_800.0, step_s=60,
)  # fmt: skip
