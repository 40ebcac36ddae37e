"""The stamp survives the codec, and nothing else passes for one."""

from __future__ import annotations

import fractions

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.camera_source import DrawnSource
from media.encoder import Vp8Encoder
from media.rate_control import BitRate
from media.receiver import top_luma
from media.stamp import BLOCK_PX, HEIGHT_PX, WIDTH_PX, Stamp, burn, find

stamps = st.builds(Stamp, st.integers(0, 2**32 - 1), st.integers(0, 2**48 - 1))


@given(stamps)
def test_what_is_burnt_is_read_back(stamp: Stamp) -> None:
    luma = np.full((HEIGHT_PX + 8, WIDTH_PX + 8), 100, np.uint8)
    burn(luma, stamp)
    assert find(luma) == stamp


@given(stamps, st.integers(0, 95))
def test_a_damaged_block_is_noticed(stamp: Stamp, block: int) -> None:
    luma = np.zeros((HEIGHT_PX, WIDTH_PX), np.uint8)
    burn(luma, stamp)
    row, column = divmod(block, WIDTH_PX // BLOCK_PX)
    rows, columns = (slice(n * BLOCK_PX, (n + 1) * BLOCK_PX) for n in (row, column))
    luma[rows, columns] = 255 - luma[rows, columns]
    assert find(luma) is None


@pytest.mark.parametrize("level", [0, 16, 128, 235, 255])
def test_a_plain_picture_carries_no_stamp(level: int) -> None:
    assert find(np.full((HEIGHT_PX, WIDTH_PX), level, np.uint8)) is None


def test_a_picture_too_small_for_a_stamp_carries_none() -> None:
    assert find(np.zeros((HEIGHT_PX - 1, WIDTH_PX), np.uint8)) is None


def test_every_stamp_survives_vp8_at_500_kbit_s() -> None:
    """The drawn scene with its grain, encoded as the sender does it, at the lower end of its rates."""
    source, encoder = DrawnSource(640, 360), Vp8Encoder(BitRate(500_000, 500_000, 500_000))
    decoder = av.CodecContext.create("libvpx", "r")
    for number in range(150):
        planes = source.picture(number / 15)
        stamp = Stamp(number, 1_700_000_000_000 + number * 66)
        burn(planes[:360], stamp)
        frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
        frame.pts, frame.time_base = number * 6000, fractions.Fraction(1, 90_000)
        payloads, _ = encoder.encode(frame, 500_000)
        coded = b"".join(payload[4:] for payload in payloads)  # 4 bytes of payload descriptor with a picture id
        shown = decoder.decode(av.Packet(coded))
        assert [find(top_luma(picture)) for picture in shown] == [stamp]
