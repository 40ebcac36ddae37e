"""What a vehicle puts into its outbox: a full set of vitals and positions of a drive, in the commits that it makes.

The shapes are the agent's own, instants and values go on from row to row. What is measured with them is `outbox`'s.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from ambulance_unit.monitor import Course, CourseMonitor
from ambulance_unit.outbox import Record
from casebook import events as e

START = datetime(2021, 4, 18, 1, 35, tzinfo=UTC)
UNIT, CASUALTY = "SJ-5G-01", "I1-A"
POSITION_S = 5  # seconds from one position of a drive to the next
BATCH_S = 60  # seconds of a day that are written at once; more, and the write-ahead log is longer than a vehicle has it
FULL_SET = {
    "at": 0, "hr_bpm": 126, "spo2_pct": 84, "sbp_mmhg": 86, "dbp_mmhg": 54, "rr_bpm": 30, "etco2_mmhg": 34,
    "temp_c": 36.2, "glucose_mmol_l": 8.4, "gcs_eye": 3, "gcs_verbal": 4, "gcs_motor": 6,
}  # fmt: skip
MONITOR = CourseMonitor(Course([FULL_SET, {"at": 90_000, "hr_bpm": 100}]), START)


def commits(rows: int, per_commit: int, every_s: float) -> Iterator[list[Record]]:
    """Vitals, one each `every_s`, a list of them for each commit."""
    for first in range(0, rows, per_commit):
        yield [vitals(number * every_s) for number in range(first, min(first + per_commit, rows))]


def without_hub(seconds: int) -> Iterator[list[Record]]:
    """So much of a day: vitals each second and positions in between, in big batches."""
    for first in range(0, seconds, BATCH_S):
        yield [record for second in range(first, min(first + BATCH_S, seconds)) for record in _of_second(second)]


def _of_second(second: int) -> Iterator[Record]:
    yield vitals(second)
    if second % POSITION_S == 0:
        yield position(second)


def vitals(second: float) -> Record:
    at = START + timedelta(seconds=second)
    return _record(at, e.VitalsRecorded(CASUALTY, UNIT, MONITOR.numerics(at).as_dict()), "monitor")


def position(second: float) -> Record:
    """Rounded as `whereabouts` rounds; a day's way is 86 km to the north and back again."""
    north = min(second % 86_400, 86_400 - second % 86_400) * 1.8e-5  # degrees: 2 m in a second
    fix = e.PositionReported(UNIT, round(31.023456 + north, 6), 121.234567, 62.5, round(second / 7 % 360, 1))
    return _record(START + timedelta(seconds=second), fix, "position")


def _record(at: datetime, fact: e.Event, origin: str) -> Record:
    return Record(at, fact.name, e.encode(fact), UNIT, origin, sample=True, spare=True)
