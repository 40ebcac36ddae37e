"""Keep what was sent lately and decide whether a request to send it again is granted.

Pure. A request that comes within half a round trip of the last answer is not granted (it left before that came), nor
one for a packet that nobody can still be waiting for, nor more than a quarter of what is sent anyway: on a thin link
lost packets and their repetition would otherwise crowd out the stream itself. Sending is the adapter's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

KEPT_PACKETS = 512  # a power of two, so that wrapped numbers keep their place; 6 s at 700 kbit/s
KEPT_S = 1.0  # a receiver of ours waits 0.2 s; a browser's up to about this
BUDGET_SHARE = 0.25  # of the bytes sent
BUDGET_BYTES_MAX = 24_000  # what a quiet time may save up: one large key frame
BUDGET_BYTES_AT_START = 6_000
RTT_UNKNOWN_S = 0.030  # until the first report; short, so that a good link is not made to wait

Packet = TypeVar("Packet")


@dataclass(slots=True)
class _Sent(Generic[Packet]):
    seq: int
    packet: Packet
    size_bytes: int
    at_s: float
    again_at_s: float = float("-inf")


class Retransmission(Generic[Packet]):
    """The newest packets of one outgoing stream by their 16-bit number. Times are monotonic seconds."""

    def __init__(self) -> None:
        self._sent: dict[int, _Sent[Packet]] = {}
        self._budget_bytes: float = BUDGET_BYTES_AT_START
        self.granted = self.refused = 0

    def sent(self, seq: int, packet: Packet, size_bytes: int, at_s: float) -> None:
        """Note a packet that was sent for the first time."""
        self._sent[seq % KEPT_PACKETS] = _Sent(seq, packet, size_bytes, at_s)
        self._budget_bytes = min(BUDGET_BYTES_MAX, self._budget_bytes + BUDGET_SHARE * size_bytes)

    def grant(self, seq: int, at_s: float, rtt_s: float | None) -> Packet | None:
        """The packet to send again, or None when it is gone, on its way, or one too many."""
        kept = self._sent.get(seq % KEPT_PACKETS)
        if kept is None or kept.seq != seq or not self._worth_it(kept, at_s, rtt_s):
            self.refused += 1
            return None
        kept.again_at_s = at_s
        self._budget_bytes -= kept.size_bytes
        self.granted += 1
        return kept.packet

    def forget(self) -> None:
        """Nothing that was sent so far is needed any more."""
        self._sent.clear()

    def _worth_it(self, kept: _Sent[Packet], at_s: float, rtt_s: float | None) -> bool:
        on_its_way = at_s - kept.again_at_s < (RTT_UNKNOWN_S if rtt_s is None else rtt_s) / 2
        return at_s - kept.at_s <= KEPT_S and not on_its_way and kept.size_bytes <= self._budget_bytes
