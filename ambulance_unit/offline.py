"""How long a vehicle can go on without a hub: what a day of its rows takes on the disk, and how much of that is free.

Only the disk is asked; when it is nearly full what is kept for urgent rows is `reserve`'s.
"""

from __future__ import annotations

import os
from pathlib import Path

# Bytes that real rows take in the outbox, pages and all, at their most frequent: a full set of vitals each second, a
# position each 5 s of a drive that never ends. Measured 2026-11-23 with both in one lane, as a vehicle stores them,
# over a whole day, and rounded up: by themselves they fill their pages better. A test measures them again.
VITALS_BYTES = {False: 400, True: 625}  # sealed or not
POSITION_BYTES = {False: 200, True: 315}
DAY_S = 24 * 3600
WAL_BYTES = 4 << 20  # SQLite's log before its rows go into the file: 1,000 pages
ROOM_H_MAX = 72  # more is said as this: a disk that is filled by others should not make the tablet blink
LOW_H = 24  # below, the crew is told


def day_bytes(*, sealed: bool) -> int:
    """What 24 h without a hub take at most."""
    return DAY_S * VITALS_BYTES[sealed] + DAY_S // 5 * POSITION_BYTES[sealed] + WAL_BYTES


def room_h(folder: Path, *, sealed: bool) -> int | None:
    """Whole hours without a hub for which the folder's disk has room, at most ROOM_H_MAX; None: the disk cannot say."""
    try:
        disk = os.statvfs(folder)
    except OSError:
        return None
    free = max(0, disk.f_bavail * disk.f_frsize - WAL_BYTES)
    return min(ROOM_H_MAX, int(24 * free / (day_bytes(sealed=sealed) - WAL_BYTES)))
