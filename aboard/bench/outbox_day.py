"""A day without a hub: what it takes on the disk, how soon it is opened again, how long until all is handed over.

And what a vehicle that was killed in the middle of its writing still has. The network and the hub take part in neither.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from aboard.bench.outbox_records import commits, without_hub
from aboard.bench.play import BenchFailed
from ambulance_unit.outbox import CORRUPT, Outbox
from ambulance_unit.reserve import RESERVE_BYTES
from ambulance_unit.scribe import Scribe
from ambulance_unit.sending import Sending
from casebook.link import OutboxRow

CHILD_ROWS = 1_000_000  # more than any kill waits for
Mark = tuple[int, str]  # number of a row in its lane, instant


@dataclass(frozen=True, slots=True)
class Day:
    """`mb` on the disk at most, with its log, the reserve left out; `gone`: rows put and not read out whole."""

    rows: int
    mb: float
    opened_s: float
    read_out_s: float
    gone: int


def measure_day(file: Path, seconds: int, key: bytes = b"") -> Day:
    """So many seconds of a day."""
    rows, mb = write_day(file, seconds, key)
    began_s = time.perf_counter()
    box = Outbox(file, key=key, reserve_bytes=RESERVE_BYTES)
    opened_s = time.perf_counter() - began_s
    found = list[int]()
    began_s = time.perf_counter()
    asyncio.run(read_out(box, lambda told: found.append(sum(row.kind != CORRUPT for row in told))))
    return Day(rows, mb, opened_s, time.perf_counter() - began_s, rows - sum(found))


def write_day(file: Path, seconds: int, key: bytes) -> tuple[int, float]:
    """(rows, MB of the file with all of them, and of the write-ahead log as long as it was at last)."""
    rows, log = 0, file.with_name(f"{file.name}-wal")
    with closing(Outbox(file, key=key, reserve_bytes=RESERVE_BYTES)) as box:
        box.begin_live({})
        for batch in without_hub(seconds):
            rows += len(box.put(batch))
        log_bytes = log.stat().st_size  # it is never shortened, and gone when the file is closed
    return rows, (file.stat().st_size + log_bytes) / 1e6


async def read_out(box: Outbox, hear: Callable[[Sequence[OutboxRow]], object]) -> None:
    """Everything as the link reads it after an outage, each message acknowledged before the next; then it is closed.

    The link rests between two messages of history (`sending.pause_after_s`); here nobody does.
    """
    scribe = Scribe(box)
    sending = Sending(scribe)
    try:
        await sending.begin_live()
        while True:
            epoch, rows = await sending.next_rows()
            if not rows:
                epoch, rows = await sending.next_history()
            if not rows:
                return
            hear(rows)
            sending.note(epoch, rows[-1].seq)
            await scribe.do(partial(box.acknowledge, epoch, rows[-1].seq))
    finally:
        await scribe.close()


# --- killed


def rows_gone(file: Path, rows: int) -> int:
    """A process of its own puts at least so many and is killed in the middle of it: how many of those put are gone."""
    return len(promised_until_killed(file, rows) - marks_in(file))


def promised_until_killed(file: Path, rows: int) -> set[Mark]:
    """What it said was put. Nothing was closed: the newest stands in the write-ahead log alone. Raises BenchFailed."""
    words = [sys.executable, "-m", "aboard.bench.outbox_day", str(file)]
    told = set[Mark]()
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None and child.stderr is not None
        try:
            for line in child.stdout:
                told |= _marks(line)
                if len(told) >= rows:
                    break
            child.kill()
            told |= {mark for line in child.stdout for mark in _marks(line)}
        finally:
            child.kill()
        if len(told) < rows:
            raise BenchFailed(what="rows_gone", why=child.stderr.read().strip()[-600:])
    return told


def _marks(line: str) -> set[Mark]:
    """Of one commit; a line that the kill has cut promises nothing."""
    return {(seq, at) for seq, at in json.loads(line)} if line.endswith("\n") else set()


def marks_in(file: Path) -> set[Mark]:
    """Whole rows that an outbox still has when it is opened again."""
    found = set[Mark]()

    def hear(rows: Iterable[OutboxRow]) -> None:
        found.update((row.seq, row.at.isoformat()) for row in rows if row.kind != CORRUPT)

    asyncio.run(read_out(Outbox(file), hear))
    return found


def put_until_killed(file: Path) -> None:
    """Two rows a commit; each commit told on the output once it is done."""
    box = Outbox(file)
    box.begin_live({})
    for commit in commits(CHILD_ROWS, 2, 0.1):
        seqs = box.put(commit)
        told = [(seq, record.at.isoformat()) for seq, record in zip(seqs, commit, strict=True)]
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    put_until_killed(Path(sys.argv[1]))
