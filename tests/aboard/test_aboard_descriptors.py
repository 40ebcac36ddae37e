"""A hub takes as many descriptors as it may: what a system gives at first is fewer than the vehicles of a city."""

from __future__ import annotations

import subprocess
import sys

from aboard.descriptors import MOST

LOOK = """
import resource
from aboard.descriptors import take_descriptors
resource.setrlimit(resource.RLIMIT_NOFILE, ({soft}, {hard}))
print(take_descriptors())
"""


def limit_after(soft: int, hard: int) -> int:
    """In a process of its own, which begins with these limits."""
    code = LOOK.format(soft=soft, hard=hard)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    return int(done.stdout)


def test_a_hub_raises_its_limit_as_far_as_it_may_go_by_itself():
    assert limit_after(256, 3000) == 3000


def test_a_limit_that_is_as_high_as_it_may_be_stays():
    assert limit_after(512, 512) == 512 and MOST > 3000
