"""Bound how often one asker may open media sessions, so that a flood of offers leaves room for everybody else.

Pure: who asks and when in, a refusal out. A bucket for each asker: so many at once, so many a second after that.
"""

from __future__ import annotations

from casebook.errors import RefusedInput

BURST = 40  # a console that opens picture and waves of twenty vehicles at once
PER_S = 8.0  # 40 at once and 8/s for the 15 s that an unconnected session lives: at most 160 of the 256 there may be
ASKERS_MAX = 4096


class TooManyOffers(RefusedInput):
    """One asker opens sessions too fast."""

    key = "media_too_many_offers"
    http_status = 429


class OfferLimit:
    """Times are monotonic seconds."""

    def __init__(self, *, burst: int = BURST, per_s: float = PER_S) -> None:
        self._burst, self._per_s = burst, per_s
        self._full_again_at_s: dict[str, float] = {}

    def take(self, asker: str, at_s: float) -> None:
        """Count one offer. Raises TooManyOffers."""
        if len(self._full_again_at_s) >= ASKERS_MAX:
            self._forget(at_s)
        full_at_s = max(self._full_again_at_s.get(asker, at_s), at_s) + 1 / self._per_s
        if full_at_s - at_s > self._burst / self._per_s:
            raise TooManyOffers(limit=self._burst, per_s=self._per_s)
        self._full_again_at_s[asker] = full_at_s

    def _forget(self, at_s: float) -> None:
        """Drop askers whose bucket is full again: they are as if they had never asked."""
        self._full_again_at_s = {who: when for who, when in self._full_again_at_s.items() if when > at_s}
