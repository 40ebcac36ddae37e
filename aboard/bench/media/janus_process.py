"""A Janus of Debian as a plain process, with the configuration of deploy/janus on free ports of this machine."""

from __future__ import annotations

import asyncio
import contextlib
import re
import shutil
import socket
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import httpx

from aboard.bench.play import BenchFailed
from casebook.screens import REPO

CONFIG = REPO / "deploy" / "janus"
READY_S, END_S = 20.0, 5.0
OUTSIDE = ("198.51.100.1", 9)  # RFC 5737: an address for documents; no packet is sent to it


def find_janus() -> str | None:
    """Janus's path, or None: it is not installed, or this machine has loopback alone, on which Janus never listens."""
    return shutil.which("janus") if own_address() else None


def own_address() -> str | None:
    """This machine's own IPv4 address besides loopback."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(OUTSIDE)
        except OSError:
            return None
        return probe.getsockname()[0]


@dataclass(frozen=True, slots=True)
class Janus:
    """A running one. `url`: of its HTTP API."""

    pid: int
    url: str


@contextlib.asynccontextmanager
async def running_janus(address: str) -> AsyncIterator[Janus]:
    """Run while the block does. Raises BenchFailed where it does not start."""
    binary = find_janus()
    if binary is None:
        raise BenchFailed(what="janus", why="not installed (Debian package janus)")
    with tempfile.TemporaryDirectory(prefix="aboard-bench-") as folder:
        port = _free_port()
        config = _configured(Path(folder), port, address)
        process = await asyncio.create_subprocess_exec(
            binary, "-F", folder, "-C", str(config),
            stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        try:
            janus = Janus(process.pid, f"http://127.0.0.1:{port}/janus")
            await _until_ready(janus.url, process)
            yield janus
        finally:
            await _end(process)


def _configured(folder: Path, port: int, address: str) -> Path:
    """The files of deploy/janus in `folder`, with one address and `port` for the HTTP API."""
    libraries = next(Path("/usr/lib").glob("*/janus/plugins")).parent
    for file in CONFIG.glob("*.jcfg"):
        text = file.read_text(encoding="utf-8").replace('"/etc/aboard/janus"', f'"{folder}"')
        text = re.sub(r'"/usr/lib/[^"]*/janus', f'"{libraries}', text).replace("port = 8088", f"port = {port}")
        text = text.replace("ice_lite = false", f'ice_lite = false\n\tice_enforce_list = "{address}"')
        (folder / file.name).write_text(text, encoding="utf-8")
    return folder / "janus.jcfg"


async def _until_ready(url: str, process: asyncio.subprocess.Process) -> None:
    end_s = time.monotonic() + READY_S
    async with httpx.AsyncClient(trust_env=False) as client:
        while time.monotonic() < end_s and process.returncode is None:
            with contextlib.suppress(httpx.HTTPError):
                if (await client.get(f"{url}/info")).status_code == 200:
                    return
            await asyncio.sleep(0.05)
    raise BenchFailed(what="janus", why=f"not ready within {READY_S:g} s")


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.terminate()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), END_S)
    if process.returncode is None:
        process.kill()
        await process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
