"""A real PostgreSQL of one's own: a cluster in a temporary folder, on a socket in it, stopped by its own process."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aboard.bench.play import BenchFailed

READY = "database system is ready to accept connections"
WAIT_S = 60
ANYBODY = ("postgres", "nobody")  # PostgreSQL refuses to run as root; the first of these that the machine has


def find_postgres() -> Path | None:
    """The folder of `initdb` and `postgres`: on the PATH, else where Debian puts it (newest first)."""
    on_path = shutil.which("postgres")
    folders = [Path(on_path).resolve().parent] if on_path else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((folder for folder in folders if (folder / "initdb").exists()), None)


@dataclass(slots=True)
class Cluster:
    """A cluster in `folder` that is started and stopped, also as if the machine had failed."""

    programs: Path
    folder: Path
    _who: dict[str, Any] = field(default_factory=dict)
    _server: subprocess.Popen[str] | None = None

    def make(self) -> None:
        self._who = _somebody(self.folder)
        words = [self.programs / "initdb", "-D", self.folder / "cluster", "-U", "aboard", "-A", "trust"]
        subprocess.run(
            [*words, "--encoding=UTF8", "--locale=C"], check=True, capture_output=True, timeout=WAIT_S, cwd=self.folder,
            **self._who,
        )  # fmt: skip

    @property
    def url(self) -> str:
        return f"postgresql://aboard@/postgres?host={self.folder}"

    def start(self) -> None:
        """Ready when it returns. Raises BenchFailed."""
        words = [self.programs / "postgres", "-D", self.folder / "cluster", "-k", self.folder]
        self._server = subprocess.Popen(
            [*words, "-c", "listen_addresses=", "-c", "fsync=on"], stderr=subprocess.PIPE, text=True, cwd=self.folder,
            **self._who,
        )  # fmt: skip
        _until_ready(self._server)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """SIGINT: connections are ended, everything is written; SIGQUIT: at once, it recovers at its next start."""
        if self._server is not None:
            self._server.send_signal(how)
            self._server.communicate(timeout=WAIT_S)
            self._server = None


@contextlib.contextmanager
def postgres_cluster(programs: Path) -> Iterator[Cluster]:
    """A cluster that was made and runs; gone with the block."""
    folder = Path(tempfile.mkdtemp(prefix="aboard-pg-"))
    cluster = Cluster(programs, folder)
    try:
        cluster.make()
        try:
            cluster.start()
            yield cluster
        finally:
            cluster.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def running_postgres(programs: Path) -> Iterator[str]:
    """A URL for asyncpg, good while the block runs. Raises BenchFailed when the server does not start."""
    with postgres_cluster(programs) as cluster:
        yield cluster.url


def _until_ready(server: subprocess.Popen[str]) -> None:
    assert server.stderr is not None
    told = []
    for line in server.stderr:
        told.append(line)
        if READY in line:
            return
    raise BenchFailed(what="postgres", why="".join(told).strip()[-600:])


def _somebody(folder: Path) -> dict[str, Any]:
    """How to start a program as somebody who is not root, to whom the folder then belongs."""
    if os.geteuid() != 0:
        return {}
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    entry = next(known[name] for name in ANYBODY if name in known)
    os.chown(folder, entry.pw_uid, entry.pw_gid)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
