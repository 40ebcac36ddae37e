"""`aboard bench setup`: what a newcomer waits for, from a fresh clone in a folder of its own with empty package caches.

cold_set_up_s      seconds of the first `./run --version`: Python packages, browser libraries, and the word itself, with
                   the caches of uv, pip and npm empty, so all comes over the network. Goal: <= 60. Peer: the second.
warm_set_up_s      the same in a second clone, with the caches that the first one filled.
start_overhead_ms  what `./run` adds to a word once all is set up: `./run --version` less the environment's own
                   `aboard --version`, each the fastest of several.

The clone has what is committed; changes that are not are not measured.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from aboard.bench.figures import Case, once
from aboard.bench.play import BenchFailed, timed
from casebook.errors import RefusedInput
from casebook.screens import REPO

BOUND_S = 600.0
STARTS = 5
CACHES = {"UV_CACHE_DIR": "uv", "PIP_CACHE_DIR": "pip", "npm_config_cache": "npm"}
OURS = (
    "VIRTUAL_ENV",
    "PYTHONPATH",
    "PYTHONHOME",
    "ABOARD_PYTHON",
    "UV_PROJECT_ENVIRONMENT",
)  # of the run that measures


def bench_setup() -> list[Case]:
    """Clone, set up twice, start. Raises RefusedInput (`bench_no_clone`) where there is nothing to clone."""
    if shutil.which("git") is None or not (REPO / ".git").exists():
        raise RefusedInput("bench_no_clone", folder=REPO.name)
    with tempfile.TemporaryDirectory(prefix="aboard-bench-") as folder:
        environment = clean_environment(os.environ, Path(folder))
        cold_s = _set_up(Path(folder) / "cold", environment)
        warm_s = _set_up(Path(folder) / "warm", environment)
        through, straight = _starts(Path(folder) / "warm", environment)
    return [
        Case("cold_set_up_s", "s", once(cold_s), {"warm_caches": warm_s}, {"p99": 60}),
        Case("warm_set_up_s", "s", once(warm_s)),
        Case("start_overhead_ms", "ms", once(1000 * (through - straight)), {"bare_start": 1000 * straight}),
    ]


def clean_environment(given: Mapping[str, str], folder: Path) -> dict[str, str]:
    """The environment of a newcomer: nothing of ours, and caches of its own in `folder`."""
    inside = str(REPO / ".venv")
    paths = [path for path in given.get("PATH", "").split(os.pathsep) if not path.startswith(inside)]
    kept = {name: value for name, value in given.items() if name not in OURS}
    return kept | {"PATH": os.pathsep.join(paths)} | {name: str(folder / kind) for name, kind in CACHES.items()}


def _set_up(clone: Path, environment: Mapping[str, str]) -> float:
    _must(["git", "clone", "--quiet", "--no-hardlinks", str(REPO), str(clone)], clone.parent, environment)
    return _must(["./run", "--version"], clone, environment)


def _starts(clone: Path, environment: Mapping[str, str]) -> tuple[float, float]:
    """Seconds of one word through `./run` and straight, the fastest of each."""
    straight = [str(clone / ".venv" / "bin" / "python"), "-m", "aboard", "--version"]
    pairs = [
        (_must(["./run", "--version"], clone, environment), _must(straight, clone, environment)) for _ in range(STARTS)
    ]
    return min(through for through, _ in pairs), min(alone for _, alone in pairs)


def _must(command: list[str], folder: Path, environment: Mapping[str, str]) -> float:
    took_s, code, said = timed(command, BOUND_S, folder=folder, environment=environment)
    if code != 0:
        raise BenchFailed(what=" ".join(command[:3]), why=said)
    return took_s
