"""A process of a drill ends by itself when the drill that started it is gone."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.sockets
CHILD = """
import asyncio, os, sys, time
from pathlib import Path
from aboard.children import STARTER, until_told
place = Path(sys.argv[1])
(place / "begun").touch()
while os.getppid() == STARTER:
    time.sleep(0.01)
asyncio.run(until_told(asyncio.Event(), place / "ready.json"))
(place / "ended").touch()
"""
STARTER = """
import subprocess, sys, time
from pathlib import Path
subprocess.Popen([sys.executable, "-c", sys.argv[2], sys.argv[1]], start_new_session=True)
while not (Path(sys.argv[1]) / "begun").exists():
    time.sleep(0.01)
"""
BOUND_S = 60.0


def test_a_child_whose_starter_died_before_it_was_ready_ends_too(tmp_path: Path):
    subprocess.run([sys.executable, "-c", STARTER, str(tmp_path), CHILD], check=True, timeout=BOUND_S)
    end_s = time.monotonic() + BOUND_S
    while not (tmp_path / "ended").exists() and time.monotonic() < end_s:
        time.sleep(0.02)
    assert (tmp_path / "ended").exists()
