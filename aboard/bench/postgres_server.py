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


@contextlib.contextmanager
def running_postgres(programs: Path) -> Iterator[str]:
    """A URL for asyncpg, good while the block runs. Raises BenchFailed when the server does not start."""
    folder = Path(tempfile.mkdtemp(prefix="aboard-pg-"))
    try:
        who = _somebody(folder)
        cluster = folder / "cluster"
        subprocess.run(
            [programs / "initdb", "-D", cluster, "-U", "aboard", "-A", "trust", "--encoding=UTF8", "--locale=C"],
            check=True, capture_output=True, timeout=WAIT_S, cwd=folder, **who,
        )  # fmt: skip
        server = subprocess.Popen(
            [programs / "postgres", "-D", cluster, "-k", folder, "-c", "listen_addresses=", "-c", "fsync=on"],
            stderr=subprocess.PIPE, text=True, cwd=folder, **who,
        )  # fmt: skip
        try:
            _until_ready(server)
            yield f"postgresql://aboard@/postgres?host={folder}"
        finally:
            server.send_signal(signal.SIGINT)  # fast shutdown: connections are ended, everything is written
            server.communicate(timeout=WAIT_S)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


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
