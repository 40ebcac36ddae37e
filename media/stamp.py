"""Burn a frame's number and birth time into its picture, and read them back after the codec.

The stamp is 96 bits in two rows of 48 black or white blocks of 8 x 8 pixels in the top left corner of the luma plane:
frame counter (32), wall clock in ms since 1970 (48), CRC-16/CCITT-FALSE of the ten bytes before it (16), big-endian.
Eight pixels are two of VP8's 4 x 4 transforms a side, flat, so that a block survives coarse quantising.
Reading in a browser is `media/browser/stamp.js`; taking the time is the camera's task.
"""

from __future__ import annotations

import binascii
import struct
from dataclasses import dataclass

import numpy as np

BLOCK_PX = 8
COLUMNS, ROWS = 48, 2
WIDTH_PX, HEIGHT_PX = COLUMNS * BLOCK_PX, ROWS * BLOCK_PX  # a picture must be at least this large
DARK, BRIGHT, MIDDLE = 32, 224, 128  # luma, video range 16..235
_EDGE_PX = 2  # ignored on each side of a block: deblocking smears the borders
_CRC_START = 0xFFFF


@dataclass(frozen=True, slots=True)
class Stamp:
    """Which frame this is: its number since the camera started, and when it was made, in ms since 1970."""

    frame: int
    wall_ms: int

    def pack(self) -> bytes:
        body = struct.pack(">I", self.frame & 0xFFFFFFFF) + (self.wall_ms & 0xFFFFFFFFFFFF).to_bytes(6, "big")
        return body + struct.pack(">H", binascii.crc_hqx(body, _CRC_START))


def burn(luma: np.ndarray, stamp: Stamp) -> None:
    """Write `stamp` into the top left corner of a luma plane (uint8, rows x columns), in place."""
    assert luma.shape[0] >= HEIGHT_PX and luma.shape[1] >= WIDTH_PX, "the picture is too small for a stamp"
    bits = np.unpackbits(np.frombuffer(stamp.pack(), np.uint8)).reshape(ROWS, COLUMNS)
    levels = np.where(bits, BRIGHT, DARK).astype(np.uint8)
    luma[:HEIGHT_PX, :WIDTH_PX] = levels.repeat(BLOCK_PX, axis=0).repeat(BLOCK_PX, axis=1)


def find(luma: np.ndarray) -> Stamp | None:
    """The stamp in the top left corner of a luma plane, or None when there is none or it is damaged."""
    if luma.shape[0] < HEIGHT_PX or luma.shape[1] < WIDTH_PX:
        return None
    blocks = luma[:HEIGHT_PX, :WIDTH_PX].reshape(ROWS, BLOCK_PX, COLUMNS, BLOCK_PX)
    inner = blocks[:, _EDGE_PX:-_EDGE_PX, :, _EDGE_PX:-_EDGE_PX]
    packed = np.packbits(inner.mean(axis=(1, 3)) > MIDDLE).tobytes()
    if binascii.crc_hqx(packed[:10], _CRC_START) != int.from_bytes(packed[10:], "big"):
        return None
    return Stamp(frame=int.from_bytes(packed[:4], "big"), wall_ms=int.from_bytes(packed[4:10], "big"))
