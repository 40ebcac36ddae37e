"""What is worked out of one of the picture's mappings, kept for as long as that mapping is the newest.

Sixty walls look at the same picture one after the other, and each would go through all of a city's casualties. The
picture's mappings are never changed in place, so the same object has the same answer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

Of = TypeVar("Of")
Found = TypeVar("Found")


class OfNewest(Generic[Of, Found]):
    """`work` of the newest object it was asked about; only that one is kept. The answer is not to be changed."""

    def __init__(self, work: Callable[[Of], Found]) -> None:
        self._work = work
        self._kept: tuple[Of, Found] | None = None  # one tuple, so that threads see both or neither

    def __call__(self, of: Of) -> Found:
        kept = self._kept
        if kept is None or kept[0] is not of:
            kept = self._kept = (of, self._work(of))
        return kept[1]
