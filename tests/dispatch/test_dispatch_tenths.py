"""Rounding to tenths by hand is `round`, bit for bit."""

import math
import struct

from hypothesis import example, given
from hypothesis import strategies as st

from dispatch.tenths import tenth, thousandth

NUMBERS = st.floats(width=64) | st.floats(0, 1e6) | st.integers(0, 10**8).map(lambda half: half / 20)


def _bits(value: float) -> bytes:
    return struct.pack("d", value)


@given(NUMBERS)
@example(0.25)
@example(0.35)  # a little below the tie in binary
@example(-0.0)
@example(2.675)
@example(999_999_999.95)
@example(math.inf)
@example(math.nan)
def test_a_number_is_rounded_to_the_float_that_round_gives(value: float) -> None:
    if math.isnan(value):
        assert math.isnan(tenth(value)) and math.isnan(thousandth(value))
        return
    assert _bits(tenth(value)) == _bits(round(value, 1))
    assert _bits(thousandth(value)) == _bits(round(value, 3))


@given(st.integers(0, 10**10), st.integers(-3, 3))
def test_beside_the_middle_of_two_tenths_no_other_is_chosen(tenths: int, ulps: int) -> None:
    value = tenths / 10 + 0.05
    for _ in range(abs(ulps)):
        value = math.nextafter(value, math.inf if ulps > 0 else 0.0)
    assert _bits(tenth(value)) == _bits(round(value, 1))
