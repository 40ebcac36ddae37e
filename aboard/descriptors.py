"""Let a process have as many connections as its rights allow: each vehicle and each screen is a descriptor.

Many systems start with 1,024, fewer than the vehicles of one city, though a process may take more by itself.
"""

from __future__ import annotations

import contextlib
import resource

MOST = 65_536  # as deploy/systemd/aboard-hub.service has it


def take_descriptors() -> int:
    """Raise the limit of this process up to MOST, as far as it may go by itself; gives what it is then."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST if hard == resource.RLIM_INFINITY else min(MOST, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(ValueError, OSError):  # a system may have a lower one of its own (macOS)
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]
