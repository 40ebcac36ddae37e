"""Spread a frame's packets over time, so that a large one does not fill the queue of a thin link.

Pure. A bucket that leaks at a multiple of the target rate and lets a usual frame pass at once, whatever the rate: only
key frames and what follows a jam are spread. Waiting and sending are the adapter's.
"""

from __future__ import annotations

PACE = 2.5  # times the target rate; as libwebrtc's default pacing factor
AT_ONCE_S = 0.04  # of sending at that pace goes without waiting: the bytes of 100 ms at the target rate


class Pacer:
    """When the next packet may go. Times are monotonic seconds."""

    def __init__(self) -> None:
        self._clear_at_s = float("-inf")  # when all that was sent has passed at the pace

    def wait_s(self, at_s: float) -> float:
        """Seconds until the next packet may go; 0 now."""
        return max(0.0, self._clear_at_s - AT_ONCE_S - at_s)

    def sent(self, size_bytes: int, rate_bps: int, at_s: float) -> None:
        """Note what went out, repetitions too."""
        self._clear_at_s = max(self._clear_at_s, at_s) + size_bytes * 8 / (PACE * rate_bps)
