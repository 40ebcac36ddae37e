"""The service files are what systemd understands, keep little open, and start what there is."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from tree import REPO

from aboard.cli import WORDS

UNITS = sorted((REPO / "deploy" / "systemd").glob("*.service"))
MOST_EXPOSED = 30  # tenths: systemd's own grade, where a plain service has above 80


@pytest.fixture(params=UNITS, ids=lambda path: path.name)
def unit(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The file as it is, but for the program, which need not be installed here."""
    file = tmp_path / request.param.name.replace("@", "@SJ-01")
    text = request.param.read_text(encoding="utf-8")
    file.write_text(text.replace("/opt/aboard/.venv/bin/aboard", "/bin/true"), encoding="utf-8")
    return file


def analysed(*words: str) -> subprocess.CompletedProcess[str]:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    return subprocess.run(["systemd-analyze", *words], capture_output=True, text=True, timeout=60, check=False)


def test_systemd_understands_every_line(unit: Path):
    checked = analysed("verify", "--man=no", str(unit))
    assert (checked.returncode, checked.stderr) == (0, "")


def test_a_misspelt_line_would_be_found(unit: Path):
    unit.write_text(unit.read_text().replace("ProtectHome=", "ProtectHomes="))
    assert "ProtectHomes" in analysed("verify", "--man=no", str(unit)).stderr


def test_little_is_left_open(unit: Path):
    graded = analysed("security", "--offline=true", f"--threshold={MOST_EXPOSED}", str(unit))
    assert graded.returncode == 0, graded.stdout[-300:]


@pytest.mark.parametrize("file", UNITS, ids=lambda path: path.name)
def test_it_starts_a_command_that_there_is(file: Path):
    (word,) = re.findall(r"^ExecStart=/opt/aboard/\.venv/bin/aboard (\w+)", file.read_text(encoding="utf-8"), re.M)
    assert word in WORDS
