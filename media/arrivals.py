"""Tell a sender when each of its packets came, so that it can find out by itself how much the link carries.

Pure: numbers and times in, the bodies of feedback packets out (transport-wide congestion control,
draft-holmer-rmcat-transport-wide-cc-extensions-01 section 3.1). A browser's own estimate lives by this: with nothing
but the receiver's it begins at 300 kbit/s and climbs for half a minute. Sending is the adapter's.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence

from media.numbering import SEQ_BITS, unwrapped

TICK_S = 0.00025  # of arrival times
REFERENCE_TICKS = 256  # the reference time is told in steps of 64 ms
SMALL_MAX, LARGE_MAX = 0xFF, 0x7FFF  # ticks from one packet to the next, in one byte and, signed, in two
RUN_MAX, BITS, PAIRS = 0x1FFF, 14, 7  # packets that one chunk of 16 bits tells of
TOLD_MAX = 1024  # packets in one body: some 2 s of 5 Mbit/s
KEPT_PACKETS = 1024  # told ones that are kept, for the sake of one before them that comes late
JUMP_MAX = 8192  # a number further ahead is not of this stream: begin anew with it

MISSING, SMALL, LARGE = 0, 1, 2  # what a packet's status says


class Arrivals:
    """The packets of one transport by their transport-wide number (16 bits). Times are monotonic seconds."""

    def __init__(self) -> None:
        self._ticks: dict[int, int] = {}  # by unwrapped number
        self._highest: int | None = None
        self._next = 0  # all before it was told
        self._new = False
        self._count = 0

    def arrived(self, number: int, at_s: float) -> None:
        """Note a packet; one that comes a second time changes nothing."""
        placed = number if self._highest is None else unwrapped(number, self._highest, SEQ_BITS)
        if self._highest is None or abs(placed - self._highest) > JUMP_MAX:
            self._ticks.clear()
            self._highest = self._next = placed
        if placed in self._ticks or placed < self._highest - KEPT_PACKETS:
            return
        self._ticks[placed] = round(at_s / TICK_S)
        self._highest = max(self._highest, placed)
        self._next = min(self._next, placed)  # one that was told as missing has come
        self._new = True

    def feedback(self) -> list[bytes]:
        """What follows the two SSRCs, a multiple of 4 bytes, of each packet that tells what is new; maybe none."""
        if not self._new or self._highest is None:
            return []
        bodies = []
        while self._next <= self._highest:
            end, body = self._body(self._next, self._highest + 1)
            bodies.append(body)
            self._next = end
        self._new = False
        for told in [number for number in self._ticks if number < self._highest - KEPT_PACKETS]:
            del self._ticks[told]
        return bodies

    def _body(self, first: int, end: int) -> tuple[int, bytes]:
        """One body from `first` on, and the number that the next one begins with."""
        came = next(number for number in range(first, end) if number in self._ticks)
        first = max(first, came - TOLD_MAX // 2)  # of a hole that is wider nobody asks
        reference = self._ticks[came] // REFERENCE_TICKS
        statuses, deltas, at = list[int](), bytearray(), reference * REFERENCE_TICKS
        for number in range(first, min(end, first + TOLD_MAX)):
            tick = self._ticks.get(number)
            if tick is None:
                statuses.append(MISSING)
                continue
            delta = tick - at
            if not -LARGE_MAX <= delta <= LARGE_MAX:
                break
            statuses.append(SMALL if 0 <= delta <= SMALL_MAX else LARGE)
            deltas += struct.pack("!B" if statuses[-1] == SMALL else "!h", delta)
            at = tick
        head = struct.pack("!HHI", first & 0xFFFF, len(statuses), (reference & 0xFFFFFF) << 8 | self._count)
        self._count = (self._count + 1) & 0xFF
        body = head + b"".join(struct.pack("!H", chunk) for chunk in chunks(statuses)) + deltas
        return first + len(statuses), body + bytes(-len(body) % 4)


def chunks(statuses: Sequence[int]) -> Iterator[int]:
    """The statuses as 16-bit chunks: a run of one status, 14 of one bit, or 7 of two bits, whichever tells most."""
    at = 0
    while at < len(statuses):
        run = _run(statuses, at)
        if run >= BITS or at + run == len(statuses) or (run >= PAIRS and statuses[at] == LARGE):
            yield statuses[at] << 13 | run
            at += run
        elif all(status != LARGE for status in statuses[at : at + BITS]):
            yield 0b10 << 14 | _packed(statuses[at : at + BITS], BITS, 1)
            at += BITS
        else:
            yield 0b11 << 14 | _packed(statuses[at : at + PAIRS], PAIRS, 2)
            at += PAIRS


def _run(statuses: Sequence[int], at: int) -> int:
    end = at
    while end < len(statuses) and statuses[end] == statuses[at] and end - at < RUN_MAX:
        end += 1
    return end - at


def _packed(statuses: Sequence[int], places: int, bits: int) -> int:
    """Left-aligned; places that stay empty are beyond the count that the head tells."""
    packed = 0
    for place in range(places):
        packed = packed << bits | (statuses[place] if place < len(statuses) else MISSING)
    return packed
