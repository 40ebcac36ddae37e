"""`aboard bench outbox`: how fast a vehicle keeps its rows on its disk, what a day without a hub takes, how it ends.

One outbox at a time, alone on the machine but for its peers; all rows are full sets of vitals, and of a day positions.
`_sealed`: with a key of 32 bytes. Peers get the very texts in the very commits (outbox_puts.py).

put_ten_hz       microseconds for each row put durably, as a vehicle with ten rows a second flushes them: two a commit.
                 Peers: a bare SQLite file (WAL, synchronous=FULL), and a bare Valkey that flushes before it answers
                 (appendfsync always), where this machine has its program. No goal.
put_one_hz       the same, one a commit.
day_mb           MB on the disk at most, write-ahead log and all, of 86,400 vitals and 17,280 positions: a day.
                 Goal: at most what the tablet says that a day takes (`offline.day_bytes`).
day_opened       seconds until such an outbox is open again, its pages checked. It was closed in order. No goal.
day_read_out     seconds until all of it is read as the link reads it after an outage and acknowledged, message by
                 message. The link itself takes longer: it rests in between, so that the newest comes first. No goal.
rows_gone        rows put and not there: of the days, and of a process killed in the middle of putting, whose file was
                 closed by nobody, after that was opened again. What a power cut takes is the faults'. Goal: 0.
away_newest      seconds from the return after ten minutes, over 256 kbit/s with 2 % of the packets lost, until the
                 newest sample is acknowledged: the fault `long_away`, a real hub and link. Goal: <= 2. Needs root and
                 a network of its own.
away_complete    the same for all samples. Goal: <= 60.
away_lost        samples promised that are not in that hub's log afterwards. Goal: 0.
"""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from aboard.bench.faults.finding import NotRun, Outcome
from aboard.bench.faults.lines import COMPLETE_S, NEWEST_S
from aboard.bench.faults.running import play_all
from aboard.bench.faults.table import chosen
from aboard.bench.faults.valkeys import need_valkey
from aboard.bench.figures import LOAD_MAX, Case, is_loaded, once, ours_of, peers_of
from aboard.bench.machine import load_now
from aboard.bench.outbox_day import Day, measure_day, rows_gone
from aboard.bench.outbox_puts import Put, measure_puts
from aboard.bench.outbox_records import commits
from ambulance_unit.offline import DAY_S, day_bytes
from casebook.errors import RefusedInput

PACES = {"ten_hz": (2, 0.1), "one_hz": (1, 1.0)}  # rows a commit, seconds from row to row
AWAY, AWAY_SEED = "long_away", 1
LeftOut = Callable[[str, str], None]  # (part, why)


@dataclass(frozen=True, slots=True)
class Extent:
    """`rows` put at each pace, `killed_rows` at least until the kill, `day_s` seconds of a day."""

    rows: int = 2000
    killed_rows: int = 2000
    day_s: int = DAY_S


@dataclass(frozen=True, slots=True)
class Away:
    newest_s: float | None
    complete_s: float | None
    lost: float | None


@dataclass(frozen=True, slots=True)
class Measured:
    """`puts` by pace and seal, `days` by whether they are sealed; `gone`: rows of the process that was killed."""

    puts: Mapping[str, Put]
    days: Mapping[bool, Day]
    gone: int
    away: Away | None = None


def bench_outbox(
    extent: Extent = Extent(), *, busy: bool = False, said: Callable[[str], None], left_out: LeftOut
) -> list[Case]:
    """`left_out` is told what this machine cannot do, and why. Raises RefusedInput `bench_busy` unless `busy`,
    BenchFailed, ChildFailed."""
    load = load_now()
    if is_loaded(load) and not busy:
        raise RefusedInput("bench_busy", load="?" if load is None else f"{load:.2f}", most=f"{LOAD_MAX:g}")
    with tempfile.TemporaryDirectory(prefix="aboard-bench-") as folder:
        return cases_of(_measure(Path(folder), extent, said, left_out))


def _measure(folder: Path, extent: Extent, said: Callable[[str], None], left_out: LeftOut) -> Measured:
    key = secrets.token_bytes(32)
    said("puts")
    puts = _puts(folder, extent.rows, key, valkey=_has_valkey(left_out))
    days = {}
    for sealed in (False, True):
        said("day_sealed" if sealed else "day")
        days[sealed] = measure_day(folder / f"day{sealed:d}.sqlite", extent.day_s, key if sealed else b"")
    said("killed")
    gone = rows_gone(folder / "killed.sqlite", extent.killed_rows)
    said("away")
    return Measured(puts, days, gone, measure_away(left_out))


def _has_valkey(left_out: LeftOut) -> bool:
    try:
        need_valkey()
    except NotRun as wrong:
        left_out("bare_valkey", str(wrong.facts["why"]))
        return False
    return True


def _puts(folder: Path, rows: int, key: bytes, *, valkey: bool) -> dict[str, Put]:
    """By name of the case without `put_`; each in a folder of its own."""
    puts = {}
    for pace, (per_commit, every_s) in PACES.items():
        made = list(commits(rows, per_commit, every_s))
        for name, seal in ((pace, b""), (f"{pace}_sealed", key)):
            puts[name] = measure_puts(folder / name, made, seal, valkey=valkey)
    return puts


def measure_away(left_out: LeftOut) -> Away | None:
    """None, and said why, where this machine cannot have such a line."""
    (outcome,) = play_all(chosen([AWAY]), full=False, seed=AWAY_SEED, said=lambda fault, done, of: None)
    if outcome.not_run:
        left_out("away", outcome.not_run)
        return None
    return away_of(outcome)


def away_of(outcome: Outcome) -> Away:
    """What is wanted of what the fault showed; what it could not measure is None. Pure."""
    values = {finding.name: finding.value for finding in outcome.findings}
    return Away(values["newest"], values["complete"], values["lost"])


def cases_of(measured: Measured) -> list[Case]:
    """The cases of one run. Pure."""
    gone = measured.gone + sum(day.gone for day in measured.days.values())
    return [
        *(_put_case(name, put) for name, put in measured.puts.items()),
        *(case for sealed, day in measured.days.items() for case in _day_cases(day, sealed=sealed)),
        Case("rows_gone", "rows", once(gone), {}, {"p99": 0.0}),
        *_away_cases(measured.away),
    ]


def _put_case(name: str, put: Put) -> Case:
    peers = {of: us for peer, values in put.peers_us.items() for of, us in peers_of(peer, values).items()}
    return Case(f"put_{name}", "us", ours_of(put.ours_us), peers)


def _day_cases(day: Day, *, sealed: bool) -> Iterator[Case]:
    ending = "_sealed" if sealed else ""
    yield Case(f"day_mb{ending}", "MB", once(day.mb), {}, {"p99": day_bytes(sealed=sealed) / 1e6})
    yield Case(f"day_opened{ending}", "s", once(day.opened_s))
    yield Case(f"day_read_out{ending}", "s", once(day.read_out_s))


def _away_cases(away: Away | None) -> Iterator[Case]:
    if away is not None:
        yield Case("away_newest", "s", once(away.newest_s), {}, {"p99": NEWEST_S})
        yield Case("away_complete", "s", once(away.complete_s), {}, {"p99": COMPLETE_S})
        yield Case("away_lost", "samples", once(away.lost), {}, {"p99": 0.0})
