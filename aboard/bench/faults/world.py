"""Where a fault is played: a folder of its own, a seed, and whether it is the short form or the long one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path


def _silent(done: int, of: int) -> None:
    return


@dataclass(frozen=True, slots=True)
class World:
    """`said`: told how far a long fault is."""

    folder: Path
    full: bool = False
    seed: int = 1
    said: Callable[[int, int], None] = field(default=_silent)

    def times(self, short: int, full: int) -> int:
        return full if self.full else short
