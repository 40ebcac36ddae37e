"""What is installed and what is shipped: pins with hashes, no registry address, and a wheel with everything in it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from tree import REPO, of_rooms, spelled

PROJECT = tomllib.loads((REPO / "pyproject.toml").read_text())["project"]
REQUIREMENTS = (REPO / "requirements.txt").read_text().splitlines()
LOCK = json.loads((REPO / "package-lock.json").read_text())
PACKAGE = json.loads((REPO / "package.json").read_text())


def name_of(requirement: str) -> str:
    match = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert match
    return re.sub(r"[._-]+", "-", match[0]).lower()


def test_every_python_package_is_pinned_with_its_hashes() -> None:
    blocks = re.split(r"\n(?=[a-z0-9])", "\n".join(line for line in REQUIREMENTS if not line.startswith("#")))
    assert len(blocks) > 50
    assert not [block.splitlines()[0] for block in blocks if "==" not in block or "--hash=sha256:" not in block]


def test_every_dependency_of_the_project_is_among_the_pins() -> None:
    wanted = [
        *PROJECT["dependencies"],
        *(line for extra in PROJECT["optional-dependencies"].values() for line in extra),
    ]
    pinned = {name_of(line) for line in REQUIREMENTS if re.match(r"[a-z0-9]", line)}
    assert {name_of(line) for line in wanted} <= pinned


def test_no_line_of_the_pins_names_an_index() -> None:
    assert not [line for line in REQUIREMENTS if re.match(r"\s*-(?!-hash)", line) or "://" in line]


def test_the_npm_lock_has_hashes_and_no_addresses() -> None:
    packages = {name: entry for name, entry in LOCK["packages"].items() if name}
    assert not [name for name, entry in packages.items() if "resolved" in entry]
    assert not [name for name, entry in packages.items() if "integrity" not in entry]


@pytest.mark.parametrize("kind", ["dependencies", "devDependencies"])
def test_browser_libraries_are_exact_and_locked(kind: str) -> None:
    for name, version in PACKAGE[kind].items():
        assert re.fullmatch(r"\d+\.\d+\.\d+", version), f"{name} is not exact"
        assert LOCK["packages"][f"node_modules/{name}"]["version"] == version


def test_every_shipped_browser_library_has_a_licence_we_may_ship() -> None:
    may = {"MIT", "ISC", "BSD-2-Clause", "BSD-3-Clause", "Apache-2.0", "MPL-2.0", "(MIT OR Apache-2.0)"}
    assert not {
        name: entry.get("license") for name, entry in LOCK["packages"].items() if entry.get("license") not in may
    }


def test_every_browser_library_is_used_by_a_screen_or_a_test() -> None:
    sources = "\n".join(path.read_text(encoding="utf-8") for path in of_rooms(".js", ".py"))
    assert not [name for name in PACKAGE["dependencies"] if not re.search(rf"['\"]{re.escape(name)}['\"/]", sources)]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the tree as it is and unpacked."""
    place = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(place)]
    subprocess.run(command, cwd=REPO, check=True, capture_output=True, timeout=300)
    (built,) = place.glob("*.whl")
    with zipfile.ZipFile(built) as archive:
        archive.extractall(place / "unpacked")
    return place / "unpacked"


def test_the_wheel_carries_every_file_of_every_room(wheel: Path) -> None:
    carried = {path.relative_to(wheel).as_posix() for path in wheel.rglob("*") if path.is_file()}
    assert {spelled(path) for path in of_rooms()} <= carried
    kinds = {Path(name).suffix for name in carried}
    assert {".py", ".js", ".css", ".json"} <= kinds, "screens, words and tables travel with the code"


def test_the_wheel_carries_nothing_else(wheel: Path) -> None:
    ours = {spelled(path) for path in of_rooms()}
    carried = {path.relative_to(wheel).as_posix() for path in wheel.rglob("*") if path.is_file()}
    assert not [name for name in carried - ours if not re.match(r"aboard-[\d.]+\.dist-info/", name)]


def test_the_wheel_has_the_command_and_the_licence(wheel: Path) -> None:
    (about,) = wheel.glob("aboard-*.dist-info")
    assert "aboard = aboard.cli:main" in (about / "entry_points.txt").read_text()
    assert "Apache License" in (about / "licenses" / "LICENSE").read_text()
    assert (about / "licenses" / "NOTICE").exists()


def test_the_wheels_command_line_speaks(wheel: Path) -> None:
    script = (
        f"import sys; sys.path.insert(0, {str(wheel)!r}); from aboard import cli; print(cli.__file__); cli.main([])"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", script], cwd=wheel, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.startswith(str(wheel))
    assert "doctor" in done.stdout
