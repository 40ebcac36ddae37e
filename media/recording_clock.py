"""Put what each speaker said onto the clock of the pictures. Pure.

A sender's RTP clock is even but begins anywhere; when its packets came is known on our clock, but unevenly: a first key
frame that crept through a thin link came a second after it was made. Of every sender the quickest packet of the last
moments tells what the way itself takes; two senders whose quickest ones came together spoke together.
"""

from __future__ import annotations

from math import inf

from media.numbering import TIMESTAMP_BITS, unwrapped

WINDOW_MS = 1000  # the quickest of the last one to two of these counts
TICKS_PER_MS = 48  # of speech: RFC 7587 section 4.1
FRAME_TICKS = 960  # 20 ms
BACK_TICKS_MAX = 480  # so much earlier at once: no packet is then before the one that went before it
JUMP_MS = 1000.0  # another clock than before: begin anew


class Quickest:
    """The least lateness of late: what the way takes without the queues on it."""

    def __init__(self) -> None:
        self._now = self._before = inf
        self._since_ms = -inf

    @property
    def is_sure(self) -> bool:
        """Whether a whole window is behind."""
        return self._before < inf

    def add(self, came_ms: float, late_ms: float) -> float:
        """The least with this one."""
        if came_ms - self._since_ms >= WINDOW_MS:
            self._before, self._now, self._since_ms = self._now, inf, came_ms
        self._now = min(self._now, late_ms)
        return min(self._now, self._before)

    def shift(self, by_ms: float) -> None:
        """All that was seen is so much later now."""
        self._now, self._before = self._now + by_ms, self._before + by_ms


class VoiceClock:
    """One speaker's RTP clock on that of the pictures: ticks of 1/48000 s since the first picture."""

    def __init__(self) -> None:
        self._newest: int | None = None
        self._ticks = 0
        self._quickest = Quickest()

    def place(self, timestamp: int, at_ms: float) -> int:
        """When this packet was spoken; `at_ms`: when it came, on the clock of the pictures.

        The first one counts as quick. When one comes before its time, all were said earlier; when for a whole window
        all are a frame late or more, they were said later.
        """
        here = timestamp if self._newest is None else unwrapped(timestamp, self._newest, TIMESTAMP_BITS)
        ticks = self._ticks + here - (here if self._newest is None else self._newest)
        late_ms = at_ms - ticks / TICKS_PER_MS
        if self._newest is None or abs(late_ms) > JUMP_MS:
            self._quickest, ticks, late_ms = Quickest(), round(at_ms * TICKS_PER_MS), 0.0
        least_ms = self._quickest.add(at_ms, late_ms)
        by = self._correction(round(least_ms * TICKS_PER_MS))
        self._quickest.shift(-by / TICKS_PER_MS)
        self._newest, self._ticks = here, ticks + by
        return self._ticks

    def _correction(self, least: int) -> int:
        if least < 0:
            return max(least, -BACK_TICKS_MAX)
        return FRAME_TICKS if self._quickest.is_sure and least >= FRAME_TICKS else 0
