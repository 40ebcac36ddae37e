"""Look at this machine and say, line by line, what is fine, what limits, what is missing, and how to mend it.

Each check returns one Finding and changes nothing; the sentences are in the catalogues. Setting things up is the
starter's business.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import re
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from aboard.front.language import spoken
from casebook.clock import Clock, WallClock
from casebook.words import say

State = Literal["ok", "warn", "fail"]
REPO = Path(__file__).resolve().parent.parent.parent
HUB_FOLDER, HUB_PORT = Path("aboard-hub"), 8300  # as `aboard hub` has them unless told otherwise
TRIED_PYTHONS = ((3, 11), (3, 13))  # oldest needed, newest that the tests were run on
OLDEST_SQLITE = (3, 37, 0)  # the first with STRICT tables; WAL and synchronous=FULL are far older
FREE_MB_NEEDED, FREE_MB_COMFORTABLE = 200, 2000  # a drill writes some MB; recordings about 0.5 GB an hour and camera
VANISHING = {"tmpfs", "ramfs", "overlay"}  # file systems that do not outlive a power cut or a container
REMOTE = {
    "nfs",
    "nfs4",
    "cifs",
    "smb3",
    "fuse.sshfs",
    "9p",
}  # SQLite's write-ahead log needs shared memory of one machine
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "microsoft-edge")
BROWSERS_ELSEWHERE = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor's: `key` names the sentence (``doctor.<key>``), `facts` fill it."""

    state: State
    key: str
    facts: dict[str, Any]


def found(state: State, key: str, **facts: Any) -> Finding:
    return Finding(state, key, facts)


def doctor(
    folder: Annotated[
        Path, typer.Option(envvar="ABOARD_FOLDER", help=say("doctor.option.folder", spoken()))
    ] = HUB_FOLDER,
    port: Annotated[int, typer.Option(envvar="ABOARD_PORT", help=say("doctor.option.port", spoken()))] = HUB_PORT,
    tls_cert: Annotated[
        Path | None, typer.Option(envvar="ABOARD_TLS_CERT", help=say("doctor.option.tls_cert", spoken()))
    ] = None,
) -> int:
    """Print a line per check and a summary; returns 1 where something must be mended, else 0."""
    findings = list(examine(folder, port, tls_cert or folder / "tls" / "hub.crt", WallClock()))
    for finding in findings:
        typer.echo(line(finding))
    worst = [sum(finding.state == state for finding in findings) for state in ("warn", "fail")]
    typer.echo(say("doctor.summary", spoken(), warnings=worst[0], failures=worst[1]))
    return 1 if worst[1] else 0


def line(finding: Finding) -> str:
    """``[ok] sentence`` in the user's language."""
    language = spoken()
    return (
        f"[{say(f'doctor.state.{finding.state}', language)}] {say(f'doctor.{finding.key}', language, **finding.facts)}"
    )


def examine(folder: Path, port: int, cert: Path, clock: Clock) -> Iterator[Finding]:
    """Every check, in the order in which they matter."""
    from aboard.front.doctor_bus import check_bus  # it needs what is found here

    yield check_python(sys.version_info[:2])
    yield check_packages(importlib.metadata.requires("aboard") or [])
    yield check_browser_libraries(REPO)
    yield check_sqlite(sqlite3.sqlite_version_info)
    yield check_store(folder)
    yield check_file_system(folder, Path("/proc/mounts"))
    yield check_disk(shutil.disk_usage(nearest_existing(folder)).free // 1_000_000)
    yield check_bus(os.environ.get("ABOARD_BUS", ""), shared=bool(os.environ.get("ABOARD_STORE")))
    yield check_port(port)
    yield check_tls(cert, clock)
    yield check_browser(find_browser())
    yield check_fonts(list_chinese_fonts)
    yield check_sample_data(Path(os.environ.get("ABOARD_SHARED_DATA", REPO.parent / "shared" / "data")))


def check_python(version: tuple[int, int]) -> Finding:
    spelled = ".".join(map(str, version))
    if version < TRIED_PYTHONS[0]:
        return found("fail", "python.old", version=spelled)
    return (
        found("warn", "python.new", version=spelled)
        if version > TRIED_PYTHONS[1]
        else found("ok", "python", version=spelled)
    )


def check_packages(required: list[str]) -> Finding:
    """`required` as in the package's own metadata: ``name>=1.2; marker``. Packages of an extra may be missing."""
    names = [match[0] for line in required if "extra ==" not in line and (match := re.match(r"[\w.-]+", line))]
    missing = [name for name in names if not _is_installed(name)]
    return (
        found("fail", "packages.missing", names=", ".join(missing))
        if missing
        else found("ok", "packages", count=len(names))
    )


def _is_installed(name: str) -> bool:
    try:
        importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def check_browser_libraries(repo: Path) -> Finding:
    """What package.json asks for against what lies in node_modules."""
    wanted = json.loads((repo / "package.json").read_text())["dependencies"] if (repo / "package.json").exists() else {}
    wrong = [name for name, version in wanted.items() if _version_in(repo / "node_modules" / name) != version]
    return (
        found("fail", "libraries.missing", names=", ".join(wrong))
        if wrong
        else found("ok", "libraries", count=len(wanted))
    )


def _version_in(package: Path) -> str | None:
    try:
        return json.loads((package / "package.json").read_text())["version"]
    except (OSError, ValueError, KeyError):
        return None


def check_sqlite(version: tuple[int, ...]) -> Finding:
    spelled = ".".join(map(str, version))
    return (
        found("fail", "sqlite.old", version=spelled)
        if version < OLDEST_SQLITE
        else found("ok", "sqlite", version=spelled)
    )


def check_store(folder: Path) -> Finding:
    """Whether a log in `folder` really gets a write-ahead log that is flushed to the disk at every commit."""
    try:
        with tempfile.TemporaryDirectory(dir=nearest_existing(folder)) as place:
            book = sqlite3.connect(Path(place) / "try.db")
            journal = book.execute("PRAGMA journal_mode=WAL").fetchone()[0]
            book.execute("PRAGMA synchronous=FULL")
            flushed = book.execute("PRAGMA synchronous").fetchone()[0] >= 2  # 2 = FULL, 3 = EXTRA
            book.execute("CREATE TABLE try (at TEXT)")
            book.commit()
            book.close()
    except (OSError, sqlite3.Error) as error:
        return found("fail", "store.unwritable", folder=folder.absolute(), why=error)
    return (
        found("ok", "store", folder=folder.absolute())
        if journal == "wal" and flushed
        else found("fail", "store.lax", folder=folder.absolute(), journal=journal)
    )


def check_file_system(folder: Path, mounts: Path) -> Finding:
    """Whether the data folder lies where it survives a power cut. Known on Linux only (`mounts` is its table)."""
    kind = file_system_of(nearest_existing(folder).resolve(), mounts)
    if kind is None:
        return found("ok", "files.unknown")
    if kind in VANISHING:
        return found("warn", "files.vanishing", folder=folder.absolute(), kind=kind)
    if kind in REMOTE:
        return found("warn", "files.remote", folder=folder.absolute(), kind=kind)
    return found("ok", "files", kind=kind)


def file_system_of(folder: Path, mounts: Path) -> str | None:
    """The kind of the deepest mount that holds `folder`; None where the system does not tell."""
    try:
        rows = [row.split()[:3] for row in mounts.read_text().splitlines()]
    except OSError:
        return None
    holding = [(len(point), kind) for _, point, kind in rows if folder.is_relative_to(point.replace("\\040", " "))]
    return max(holding)[1] if holding else None


def nearest_existing(folder: Path) -> Path:
    folder = folder.absolute()
    return next(place for place in (folder, *folder.parents) if place.exists())


def check_disk(free_mb: int) -> Finding:
    if free_mb < FREE_MB_NEEDED:
        return found("fail", "disk.full", free_mb=free_mb, needed_mb=FREE_MB_NEEDED)
    return found(
        "ok" if free_mb >= FREE_MB_COMFORTABLE else "warn",
        "disk" if free_mb >= FREE_MB_COMFORTABLE else "disk.short",
        free_mb=free_mb,
    )


def check_port(port: int, host: str = "127.0.0.1") -> Finding:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return found("warn", "port.taken", port=port)
    return found("ok", "port", port=port)


def check_tls(cert: Path, clock: Clock) -> Finding:
    """The hub's own certificate, where there is one; none is needed as long as it listens on loopback."""
    from aboard.front.tls import RENEW_BEFORE, days_left  # here, so that a missing package is told and not tripped over

    if not cert.exists():
        return found("ok", "tls.none")
    try:
        days = days_left(cert, clock.now())
    except (OSError, ValueError) as error:
        return found("fail", "tls.unreadable", cert=cert, why=error)
    state: State = "fail" if days < 0 else "warn" if days < RENEW_BEFORE.days else "ok"
    return found(state, "tls" if state == "ok" else "tls.ending", cert=cert, days=days)


def find_browser() -> str | None:
    """A Chromium of this machine: ABOARD_CHROMIUM, the PATH, the usual places of macOS; None where there is none."""
    named = os.environ.get("ABOARD_CHROMIUM")
    found_on_path = (shutil.which(name) for name in ((named,) if named else BROWSERS))
    return next(filter(None, found_on_path), None) or next(
        (place for place in BROWSERS_ELSEWHERE if Path(place).exists()), None
    )


def check_browser(browser: str | None) -> Finding:
    return found("ok", "browser", browser=browser) if browser else found("warn", "browser.none")


def list_chinese_fonts() -> list[str] | None:
    """Fonts with Chinese glyphs as fontconfig tells; None where it is missing (macOS and Windows bring such fonts)."""
    if not shutil.which("fc-list"):
        return None
    told = subprocess.run(
        ["fc-list", ":lang=zh", "family"], capture_output=True, text=True, timeout=20, check=False
    ).stdout
    return sorted({name.split(",")[0].strip() for name in told.splitlines() if name.strip()})


def check_fonts(fonts: Callable[[], list[str] | None]) -> Finding:
    names = fonts()
    if names is None and sys.platform.startswith("linux"):
        return found("warn", "fonts.unknown")
    if names == []:
        return found("warn", "fonts.none")
    return found("ok", "fonts", name=(names or [sys.platform])[0])


def check_sample_data(folder: Path) -> Finding:
    return found("ok", "sample" if folder.is_dir() else "sample.none", folder=folder)
