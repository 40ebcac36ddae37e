"""Number the packets of one talker after another as one Opus stream, so that a listener's line never needs a new offer.

Pure. Which talker a line carries, and the sending, are `media.voice`'s.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from media.numbering import SEQ_BITS, TIMESTAMP_BITS, unwrapped

OPUS_CLOCK_HZ = 48_000  # RTP clock of Opus at every rate (RFC 7587 section 4.1)


@dataclass(slots=True)
class Line:
    """One receiving line of a listener. `source` is the talker it carries, None while nobody has it."""

    source: object = None
    next_seq: int = 0
    _highest_in: tuple[int, int] = field(default=(0, 0))  # of the source: sequence and timestamp, unwrapped
    _first_in_seq: int = 0
    _shifts: tuple[int, int] | None = None
    _highest_timestamp: int = 0
    _last_at_s: float = 0.0

    def carry(self, source: object) -> None:
        """Another talker takes the line, or nobody (None)."""
        self.source, self._shifts = source, None

    def place(self, seq: int, timestamp: int, at_s: float) -> tuple[int, int, bool] | None:
        """Sequence, timestamp and "a new talker begins" of a packet; None for one older than the talker's first here.

        What the source lost stays a hole: the listener's decoder conceals it. The time between two talkers passes.
        """
        begins = self._shifts is None
        if self._shifts is None:
            pause = max(1, round((at_s - self._last_at_s) * OPUS_CLOCK_HZ)) if self._last_at_s else 1
            self._shifts = self.next_seq - seq, self._highest_timestamp + pause - timestamp
            self._highest_in, self._first_in_seq = (seq, timestamp), seq
        near_seq, near_timestamp = self._highest_in
        full_seq = unwrapped(seq, near_seq, SEQ_BITS)
        full_timestamp = unwrapped(timestamp, near_timestamp, TIMESTAMP_BITS)
        if full_seq < self._first_in_seq:
            return None
        self._highest_in = max(near_seq, full_seq), max(near_timestamp, full_timestamp)
        out_seq, out_timestamp = full_seq + self._shifts[0], full_timestamp + self._shifts[1]
        self.next_seq = max(self.next_seq, out_seq + 1)
        self._highest_timestamp = max(self._highest_timestamp, out_timestamp)
        self._last_at_s = at_s
        return out_seq & 0xFFFF, out_timestamp & 0xFFFFFFFF, begins
