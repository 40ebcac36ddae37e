"""Start and end the processes of a drill: each says that it is ready by a file, and is ended by its own id only."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from casebook.errors import CoordinationError

READY_S = 60.0  # wall seconds a process may take to be ready
ORPHAN_LOOK_S = 1.0  # wall seconds between looks at whether the drill that started us is still there
END_S = 8.0  # wall seconds it may take to end when asked
STARTER = os.getppid()  # read at once: who started us may be gone before we are ready


class ChildFailed(CoordinationError):
    """A process of the drill ended before it was ready; what it said last is in `why`."""

    key = "child_failed"


@dataclass(slots=True)
class Child:
    """One process: `name` for people, `folder` for its files (`ready.json`, `said.log`); `env` None: our own."""

    name: str
    words: Sequence[str]
    folder: Path
    env: Mapping[str, str] | None = None
    _process: asyncio.subprocess.Process | None = field(default=None)

    async def start(self) -> dict[str, Any]:
        """Start it and wait until it is ready; gives what it wrote to its ready file. Raises ChildFailed."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._ready.unlink(missing_ok=True)
        with self._said.open("ab") as said:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "aboard", *self.words, "--ready", str(self._ready),
                stdin=asyncio.subprocess.DEVNULL, stdout=said, stderr=said, start_new_session=True, env=self.env,
            )  # fmt: skip
        return await self._until_ready()

    @property
    def _ready(self) -> Path:
        return self.folder / "ready.json"

    @property
    def _said(self) -> Path:
        return self.folder / "said.log"

    async def _until_ready(self) -> dict[str, Any]:
        assert self._process is not None
        for _ in range(int(READY_S / 0.02)):
            if self._ready.exists():
                return msgspec.json.decode(self._ready.read_bytes())
            if self._process.returncode is not None:
                break
            await asyncio.sleep(0.02)
        await self.end()
        raise ChildFailed(name=self.name, why=self._said.read_text(errors="replace").strip()[-600:])

    async def kill(self) -> None:
        """End it at once, as a power cut would."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    async def end(self) -> None:
        """Ask it to end, and after END_S make it."""
        if self._process is None or self._process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(END_S):
                await self._process.wait()
        except TimeoutError:
            await self.kill()

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process and self._process.returncode is None else None


def resident_mb(pids: Sequence[int | None]) -> float | None:
    """Resident memory of these processes in MB (10^6 bytes); None where the system does not tell (no /proc)."""
    page = os.sysconf("SC_PAGE_SIZE")
    total = 0
    for pid in (pid for pid in pids if pid is not None):
        try:
            total += int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * page
        except (OSError, IndexError, ValueError):
            return None
    return total / 1e6


def tell_ready(file: Path | None, told: dict[str, Any]) -> None:
    """What a child does when it is ready."""
    if file is None:
        return
    draft = file.with_suffix(".new")
    draft.write_bytes(msgspec.json.encode(told))
    draft.replace(file)


async def until_told(stop: asyncio.Event, ready: Path | None) -> None:
    """Wait for the end: told by a signal, or, as a process of a drill, when the drill itself is gone."""
    while not stop.is_set():
        if ready is not None and os.getppid() != STARTER:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(ORPHAN_LOOK_S):
                await stop.wait()
