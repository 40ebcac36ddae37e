"""A hub that comes back after a crash has five seconds: it loads nothing that only vehicles or other set-ups need."""

from __future__ import annotations

import subprocess
import sys

NOT_WANTED = ("aboard.unit", "httpx", "media.janus", "media.qos_camara", "redis")
LOOK = f"import sys, aboard.hub_setup, aboard.serving; print([name for name in {NOT_WANTED!r} if name in sys.modules])"


def test_a_hub_that_comes_back_loads_no_vehicle_and_no_web_client():
    done = subprocess.run([sys.executable, "-c", LOOK], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.strip() == "[]"
