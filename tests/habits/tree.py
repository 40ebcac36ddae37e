"""The files of the repository as git sees them, and the rooms among them."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
ROOMS = ("casebook", "routing", "media", "dispatch", "ambulance_unit", "hospital_board", "scenarios", "aboard")


@cache
def files(*suffixes: str) -> tuple[Path, ...]:
    """Tracked files and new ones that are not ignored, with one of the suffixes (all without any)."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=REPO,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    paths = (REPO / name for name in sorted(set(listed.split("\0"))) if name)
    return tuple(path for path in paths if path.is_file() and (not suffixes or path.suffix in suffixes))


def of_rooms(*suffixes: str) -> tuple[Path, ...]:
    """The product's own files, without tests and documents."""
    return tuple(path for path in files(*suffixes) if path.relative_to(REPO).parts[0] in ROOMS)


def spelled(path: Path) -> str:
    return path.relative_to(REPO).as_posix()
