"""Know which numbers of a numbered stream are there and which are missing, whatever order they come in. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator

Range = tuple[int, int]  # first, and the one after the last


class Held:
    """A set of whole numbers kept as few ranges; `count` of them."""

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []
        self.count = 0

    def add(self, number: int) -> bool:
        """Whether it is new."""
        place = bisect_right(self._starts, number)
        if place and number < self._ends[place - 1]:
            return False
        self.count += 1
        joins_before = place > 0 and self._ends[place - 1] == number
        joins_after = place < len(self._starts) and self._starts[place] == number + 1
        if joins_before and joins_after:
            self._ends[place - 1] = self._ends[place]
            del self._starts[place], self._ends[place]
        elif joins_before:
            self._ends[place - 1] = number + 1
        elif joins_after:
            self._starts[place] = number
        else:
            self._starts.insert(place, number)
            self._ends.insert(place, number + 1)
        return True

    def __contains__(self, number: int) -> bool:
        place = bisect_right(self._starts, number)
        return place > 0 and number < self._ends[place - 1]

    @property
    def end(self) -> int:
        """The one after the highest; 0 when there is none."""
        return self._ends[-1] if self._ends else 0

    def missing(self, first: int, end: int) -> Iterator[Range]:
        """The ranges of [first, end) that are not there, in order."""
        for start, stop in zip(self._starts, self._ends, strict=True):
            if start >= end or first >= end:
                break
            if start > first:
                yield first, start
            first = max(first, stop)
        if first < end:
            yield first, end
