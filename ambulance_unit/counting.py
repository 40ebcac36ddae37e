"""Count what became of the samples of whoever the monitor is on, and tell it as a fact, for the ledger.

Told when the monitor comes off and every few minutes; a crash in between costs the count since then, not the samples.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from casebook import events as e

TELL_EVERY = timedelta(minutes=5)


@dataclass(slots=True)
class Stretch:
    """One casualty at the monitor, from when it came on."""

    casualty: str
    since: datetime
    missed_before: int
    until: datetime
    told_at: datetime
    sampled: int = 0
    unstored: int = 0

    def lose(self) -> None:
        """The disk did not take one of them."""
        self.unstored += 1


class Counting:
    """`tell(at, fact)` stores the fact; `missed()` and `waiting()` give the vehicle's own counts."""

    def __init__(
        self,
        unit: str,
        tell: Callable[[datetime, e.SamplesCounted], None],
        *,
        missed: Callable[[], int],
        waiting: Callable[[], int],
    ) -> None:
        self._unit, self._tell, self._missed, self._waiting = unit, tell, missed, waiting
        self._stretch: Stretch | None = None

    def take(self, casualty: str, at: datetime) -> Stretch:
        """One more sample, before it is stored. A sample of somebody else begins another count."""
        stretch = self._stretch
        if stretch is None or stretch.casualty != casualty:
            self.end(at)
            stretch = self._stretch = Stretch(casualty, at, self._missed(), at, at)
        elif at - stretch.told_at >= TELL_EVERY:
            self._tell_of(stretch, at)  # of those before this one: the disk has answered for most of them
        stretch.sampled += 1
        stretch.until = max(stretch.until, at)
        return stretch

    def end(self, at: datetime) -> None:
        """The monitor comes off."""
        if self._stretch is not None:
            self._tell_of(self._stretch, at)
            self._stretch = None

    def _tell_of(self, stretch: Stretch, at: datetime) -> None:
        stretch.told_at = at
        missed = self._missed() - stretch.missed_before
        self._tell(
            at,
            e.SamplesCounted(
                self._unit, stretch.casualty, stretch.since, stretch.until, stretch.sampled, stretch.unstored, missed,
                self._waiting(),
            ),
        )  # fmt: skip
