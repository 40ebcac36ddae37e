"""Keep room on the vehicle's disk for what must not be refused: a file of ballast that is thrown off when it is full.

Whoever writes what may be refused asks `intact` first. What must not be refused is `outbox`'s.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

RESERVE_BYTES = 4 << 20  # about 10,000 rows: a mission of taps, and two hours and a half of alarms at one a second
_BLOCK = 1 << 16


class Reserve:
    """`size` bytes in `file`; 0: none is kept. The file is real bytes, not a hole."""

    def __init__(self, file: Path, size: int) -> None:
        self.file, self.size = file, size
        self.intact = size == 0 or self._complete()
        if not self.intact:
            self.restore()

    def _complete(self) -> bool:
        with contextlib.suppress(OSError):
            return self.file.stat().st_size == self.size
        return False

    def release(self) -> bool:
        """Throw the ballast off; whether that has made room."""
        if self.size == 0 or not self.intact:
            return False
        self.intact = False
        try:
            self.file.unlink()
        except OSError:
            return False
        return True

    def restore(self) -> bool:
        """Take ballast on again if there is room for twice as much; whether there is now."""
        if self.intact:
            return True
        try:
            disk = os.statvfs(self.file.parent)
            if disk.f_bavail * disk.f_frsize < 2 * self.size:
                return False
            self._fill()
        except OSError:
            with contextlib.suppress(OSError):
                self.file.unlink()
            return False
        self.intact = True
        return True

    def _fill(self) -> None:
        with self.file.open("wb") as ballast:
            for at in range(0, self.size, _BLOCK):
                ballast.write(os.urandom(min(_BLOCK, self.size - at)))  # a file system may keep zeros as a hole
            ballast.flush()
            os.fsync(ballast.fileno())
