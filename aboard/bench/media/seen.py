"""What a viewer saw of one stream, and what follows from it: ages, freezes, collapse, the return after an outage. Pure.

Times are of the machine's monotonic clock, which all its processes share.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from aboard.bench.figures import ranked
from media.receiver import FREEZE_MORE_S, FREEZE_TIMES, MEAN_OF

LIVE_MS, STALE_MS = 500.0, 1000.0  # a picture of that age is live; one older, shown, is the past
COLLAPSED_MS, COLLAPSED_SHARE = 1000.0, 0.5  # of the last half of a run: its middle older, or half of it frozen


@dataclass(frozen=True, slots=True)
class Seen:
    """Pictures of one stream in the order shown: when, how old (None: no readable stamp)."""

    at_s: Sequence[float]
    age_ms: Sequence[float | None]

    @property
    def ages_ms(self) -> list[float]:
        return [age for age in self.age_ms if age is not None]

    @property
    def broken(self) -> int:
        """Pictures with a damaged stamp. Says nothing of aiortc's encoder, whose noise filter leaves old blocks."""
        return sum(age is None for age in self.age_ms)

    def between(self, first_s: float, end_s: float) -> Seen:
        kept = [(at, age) for at, age in zip(self.at_s, self.age_ms, strict=True) if first_s <= at < end_s]
        return Seen([at for at, _ in kept], [age for _, age in kept])


def frozen_s(at_s: Sequence[float], end_s: float) -> float:
    """Seconds in gaps longer than three times the mean of the last 30, and 150 ms more than it (W3C freezeCount).

    The time from the last picture to `end_s` counts as a gap like any other.
    """
    frozen, gaps = 0.0, list[float]()
    for before, after in zip(at_s, [*at_s[1:], end_s], strict=True):
        gap = after - before
        recent = gaps[-MEAN_OF:]
        mean = sum(recent) / len(recent) if recent else gap
        if gap > max(FREEZE_TIMES * mean, mean + FREEZE_MORE_S):
            frozen += gap
        gaps.append(gap)
    return frozen


def collapsed(seen: Seen, first_s: float, end_s: float) -> bool:
    """Whether the link has won by the last half of `first_s` to `end_s`."""
    half_s = (first_s + end_s) / 2
    late = seen.between(half_s, end_s)
    middle = ranked(late.ages_ms, 50)
    if middle is None or middle > COLLAPSED_MS:
        return True
    return frozen_s([half_s, *late.at_s], end_s) > COLLAPSED_SHARE * (end_s - half_s)


def live_again_s(seen: Seen, returned_s: float) -> float | None:
    """From the network's return to the first live picture; None when there was none."""
    found = (
        at for at, age in zip(seen.at_s, seen.age_ms, strict=True)
        if at >= returned_s and age is not None and age <= LIVE_MS
    )  # fmt: skip
    first = next(found, None)
    return None if first is None else first - returned_s


def stale(seen: Seen, from_s: float) -> int:
    """Pictures shown from then on that were the past."""
    return sum(
        at >= from_s and age is not None and age > STALE_MS for at, age in zip(seen.at_s, seen.age_ms, strict=True)
    )
