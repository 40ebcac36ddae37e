"""Time one thing over and over, as often as asked and as the budget allows. Milliseconds of the wall."""

from __future__ import annotations

import time
from collections.abc import Callable

AT_LEAST = 3  # values, however slow: a middle of three, never a single one


def times_ms(
    ask: Callable[[int], object], at_most: int = 200, *, budget_s: float = 10.0, at_least: int = AT_LEAST
) -> list[float]:
    """How long `ask(i)` took for i = 0, 1, ...; one call that is not counted goes before (it fills caches).

    Stops after `at_most` values, or when `budget_s` is spent and `at_least` are there.
    """
    ask(0)
    told: list[float] = []
    end_s = time.perf_counter() + budget_s
    while len(told) < at_most and (len(told) < at_least or time.perf_counter() < end_s):
        told.append(once_ms(lambda: ask(len(told))))
    return told


def once_ms(ask: Callable[[], object]) -> float:
    """How long it took, once."""
    began_s = time.perf_counter()
    ask()
    return 1000 * (time.perf_counter() - began_s)
