"""Count on where a counter of so many bits wraps round.

RTP numbers packets in 16 bits and time in 32; everything in this room orders by whole numbers that never wrap.
"""

from __future__ import annotations

SEQ_BITS, TIMESTAMP_BITS = 16, 32  # RFC 3550 section 5.1


def unwrapped(number: int, near: int, bits: int) -> int:
    """The whole number that ends in `number` (modulo 2**bits) and lies nearest to `near`."""
    half = 1 << (bits - 1)
    return near + (number - near + half) % (1 << bits) - half
