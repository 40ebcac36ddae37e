"""Where a vehicle finds its hubs: the addresses of its enrolment, then those that a hub told it of. Pure state."""

from __future__ import annotations

from collections.abc import Sequence

MAX_TOLD = 16  # addresses taken from one hub's word


class Addresses:
    """Goes round: after the last comes the first again."""

    def __init__(self, *enrolled: str) -> None:
        self._enrolled = tuple(dict.fromkeys(enrolled))
        self._known, self.current = self._enrolled, enrolled[0]

    def __len__(self) -> int:
        return len(self._known)

    def move_on(self) -> str:
        """Take the next address: the present one did not serve."""
        self.current = self._known[(self._known.index(self.current) + 1) % len(self._known)]
        return self.current

    def hear(self, told: Sequence[str]) -> None:
        """The hub that we talk to says where its likes are. What it told before and does not tell now is forgotten."""
        self._known = tuple(dict.fromkeys((*self._enrolled, self.current, *told[:MAX_TOLD])))


def link_of(hub: str) -> str:
    """The vehicles' door of a hub: ``https://host:port`` -> ``wss://host:port/api/v1/unit``."""
    return f"{hub.rstrip('/').replace('http', 'ws', 1)}/api/v1/unit"


def hub_of(link: str) -> str:
    """The hub of a vehicles' door."""
    return link.removesuffix("/api/v1/unit").replace("ws", "http", 1)
