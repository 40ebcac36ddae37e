"""Say what machine this is and how busy it was before the start, so that a figure can be read for what it is."""

from __future__ import annotations

import os
import platform
import sqlite3
from pathlib import Path
from typing import Any


def look() -> dict[str, Any]:
    """System, processor, cores that we may use, memory, versions, load now (mean of a minute). Unknown is None."""
    return {
        "system": f"{platform.system()} {platform.release()}", "processor": _processor(), "cores": _cores(),
        "memory_mb": _memory_mb(), "python": platform.python_version(), "sqlite": sqlite3.sqlite_version,
        "load_before": load_now(),
    }  # fmt: skip


def load_now() -> float | None:
    """Runnable processes, mean of the last minute; None where the system does not tell."""
    try:
        return round(os.getloadavg()[0], 2)
    except (OSError, AttributeError):
        return None


def _cores() -> int | None:
    allowed = getattr(os, "sched_getaffinity", None)  # Linux: what this process may use, not what the machine has
    return len(allowed(0)) if allowed else os.cpu_count()


def _processor() -> str | None:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or None
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or None)


def _memory_mb() -> int | None:
    try:
        return round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e6)
    except (OSError, ValueError, AttributeError):
        return None


def cpu_s(pid: int | None) -> float:
    """Seconds of processor that a process has used (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
