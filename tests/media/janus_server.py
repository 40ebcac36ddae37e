"""A real Janus with the configuration of deploy/janus, on free ports of loopback."""

from __future__ import annotations

import contextlib
import re
import shutil
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

PATIENCE_S = 20.0
CONFIG = Path(__file__).parents[2] / "deploy" / "janus"


def free_port(kind: int = socket.SOCK_STREAM) -> int:
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def own_address() -> str:
    """This machine's own IPv4 address besides loopback, on which Janus never listens. No packet is sent to find it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("198.51.100.1", 9))  # RFC 5737: an address for documents
        except OSError:
            pytest.skip("Janus needs an address besides loopback, and this machine has none")
        return probe.getsockname()[0]


def configured(folder: Path, port: int) -> Path:
    """The files of deploy/janus in `folder`, with one address and `port` for the HTTP API."""
    libraries = next(Path("/usr/lib").glob("*/janus/plugins")).parent
    for file in CONFIG.glob("*.jcfg"):
        text = file.read_text(encoding="utf-8").replace('"/etc/aboard/janus"', f'"{folder}"')
        text = re.sub(r'"/usr/lib/[^"]*/janus', f'"{libraries}', text).replace("port = 8088", f"port = {port}")
        text = text.replace("ice_lite = false", f'ice_lite = false\n\tice_enforce_list = "{own_address()}"')
        (folder / file.name).write_text(text, encoding="utf-8")
    return folder / "janus.jcfg"


@dataclass
class JanusServer:
    """A running server; `stop` and `start` again keep its port."""

    folder: Path
    port: int = 0
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/janus"

    def start(self) -> None:
        binary = shutil.which("janus")
        if binary is None:
            pytest.skip("Janus is not installed (Debian package janus)")
        self.port = self.port or free_port()
        config = configured(self.folder, self.port)
        with (self.folder / "log").open("wb") as log:
            words = [binary, "-F", str(self.folder), "-C", str(config)]
            self.process = subprocess.Popen(words, stdout=log, stderr=log)
        end_s = time.monotonic() + PATIENCE_S
        while time.monotonic() < end_s and self.process.poll() is None:
            with contextlib.suppress(httpx.HTTPError):
                if httpx.get(f"{self.url}/info", trust_env=False).status_code == 200:
                    return
            time.sleep(0.05)
        self.stop()
        pytest.fail(f"Janus did not start: {(self.folder / 'log').read_text(errors='replace')[-500:]}")

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
