"""`aboard bench drill`: the G60 drill, once, as `aboard drill g60_fengjing --fast --headless` plays and reports it.

wall_s               seconds from starting the command to its end, report written. Goal: <= 60.
resident_mb          peak of resident memory over all processes of the drill, as its report has it. Goal: <= 1000.
vital_sample_to_board  ms of the wall from sample to board, as the report has it, at sixty times real time.
vitals_lost          samples that were taken and are not in the book. Goal: 0.
video_stamp_to_viewer  ms from stamp to decoded frame, as the report has it. Goal: p50 <= 150.
steps_failed         expectations and steps of the scenario that failed (the command's own exit code 1). Goal: 0.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from aboard.bench.figures import Case, Ours, once
from casebook.errors import CoordinationError

NAME = "g60_fengjing"
BOUND_S = 300.0  # five times the goal; longer is a failure


class BenchFailed(CoordinationError):
    """What was to be measured did not run to its end; what it said last is in `why`."""

    key = "bench_failed"


def bench_drill(seed: int) -> list[Case]:
    """Play it in a process of its own. Raises BenchFailed when it ends without a report."""
    with tempfile.TemporaryDirectory(prefix="aboard-bench-") as folder:
        out = Path(folder) / "drill"
        words = ["drill", NAME, "--fast", "--headless", "--seed", str(seed), "--out", str(out)]
        wall_s, code, said = timed([sys.executable, "-m", "aboard", *words], BOUND_S)
        report = out / "report.json"
        if code not in (0, 1) or not report.exists():
            raise BenchFailed(what="drill", why=said)
        return cases_of(msgspec.json.decode(report.read_bytes()), wall_s, code)


def cases_of(report: Mapping[str, Any], wall_s: float, code: int) -> list[Case]:
    """The cases of one report.json. Pure."""
    vitals, video = report["vitals"], report["video"]
    return [
        Case("wall_s", "s", once(wall_s), {}, {"p99": 60}),
        Case("resident_mb", "MB", once(report["resident_mb"]), {}, {"p99": 1000}),
        Case("vital_sample_to_board", "ms", _told(vitals["delay_ms"], vitals["shown"])),
        Case("vitals_lost", "samples", once(vitals["lost"]), {}, {"p99": 0}),
        Case("video_stamp_to_viewer", "ms", _told(video["latency_ms"], video["frames_shown"]), {}, {"p50": 150}),
        Case("steps_failed", "steps", once(code), {}, {"p99": 0}),
    ]


def _told(percentiles: Mapping[str, float | None], count: int) -> Ours:
    return Ours(percentiles["p50"], percentiles["p99"], count)


def timed(
    command: list[str], bound_s: float, *, folder: Path | None = None, environment: Mapping[str, str] | None = None
) -> tuple[float, int, str]:
    """(seconds, exit code, the last that was said) of a command. Raises BenchFailed when it takes longer than that."""
    began_s = time.monotonic()
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", check=False,
            timeout=bound_s, cwd=folder, env=environment,
        )  # fmt: skip
    except subprocess.TimeoutExpired as late:
        raise BenchFailed(what=" ".join(command[:4]), why=f"> {bound_s:g} s") from late
    except OSError as wrong:
        raise BenchFailed(what=command[0], why=str(wrong)) from wrong
    return time.monotonic() - began_s, done.returncode, (done.stderr + done.stdout).strip()[-600:]
