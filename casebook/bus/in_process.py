"""A bus for hubs of one process, or for one hub that has nobody to talk to: costs nothing and starts nothing."""

from __future__ import annotations

import asyncio
from collections import defaultdict

from casebook.bus import IN_PROCESS, Hear


class InProcessBus:
    """Told now, heard when the loop comes round."""

    def __init__(self) -> None:
        self.where = IN_PROCESS
        self._hearing: defaultdict[str, list[Hear]] = defaultdict(list)

    @property
    def is_up(self) -> bool:
        return True

    def tell(self, topic: str, words: bytes) -> None:
        for hear in self._hearing[topic]:
            asyncio.get_running_loop().call_soon(hear, words)

    def listen(self, topic: str, hear: Hear) -> None:
        self._hearing[topic].append(hear)

    async def run(self) -> None:
        await asyncio.Event().wait()

    async def close(self) -> None:
        self._hearing.clear()
