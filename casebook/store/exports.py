"""A book as lines of JSON: every entry as it was hashed, then the checkpoints; read back, cut at a point in time.

Where the lines come from and go to is the caller's; whether they hold together is casebook/store/seals.py's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import takewhile
from pathlib import Path

import msgspec

from casebook.clock import SHANGHAI
from casebook.errors import RefusedInput
from casebook.log import Checkpoint, Entry


@dataclass(frozen=True, slots=True)
class Signed:
    """The line of a checkpoint."""

    checkpoint: Checkpoint


@dataclass(frozen=True, slots=True)
class Until:
    """How far a book is wanted: through entry `seq`, or what was recorded up to `at`; whole where neither is given."""

    seq: int | None = None
    at: datetime | None = None

    def cut(self, entries: Iterable[Entry]) -> Iterator[Entry]:
        """A batch is recorded at one instant, so a cut by time never parts one."""
        return takewhile(lambda entry: self._within(entry.seq, entry.recorded_at), entries)

    def _within(self, seq: int, at: datetime) -> bool:
        return (self.seq is None or seq <= self.seq) and (self.at is None or at <= self.at)


def read_instant(text: str) -> datetime:
    """ISO 8601; without an offset it is Shanghai's time. Raises RefusedInput (`log_instant`)."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError as wrong:
        raise RefusedInput("log_instant", text=text) from wrong
    return at if at.tzinfo else at.replace(tzinfo=SHANGHAI)


def lines_of(entries: Iterable[Entry], checkpoints: Iterable[Checkpoint]) -> Iterator[str]:
    for entry in entries:
        yield msgspec.json.encode(entry, order="sorted").decode() + "\n"
    for one in checkpoints:
        yield msgspec.json.encode(Signed(one), order="sorted").decode() + "\n"


def read_export(file: Path) -> tuple[list[Entry], list[Checkpoint]]:
    """Raises RefusedInput (`export_line`) naming the first line that is neither an entry nor a checkpoint."""
    entries, checkpoints = [], []
    with file.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                if line.startswith(b'{"checkpoint":'):
                    checkpoints.append(msgspec.json.decode(line, type=Signed).checkpoint)
                elif line.strip():
                    entries.append(msgspec.json.decode(line, type=Entry))
            except (msgspec.DecodeError, RecursionError) as wrong:
                raise RefusedInput("export_line", file=file.name, line=number, why=str(wrong)) from wrong
    return entries, checkpoints
