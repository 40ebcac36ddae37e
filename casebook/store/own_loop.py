"""An event loop in a thread of its own, for a keeper that speaks asyncio behind an interface that does not."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

Told = TypeVar("Told")


class OwnLoop:
    """`run` and `begin` may be called from any thread but the loop's own. `close` ends the thread."""

    def __init__(self, name: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=name, daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, Told]) -> Told:
        """Wait for the work's end; its error rises here."""
        return self.begin(work).result()

    def begin(self, work: Coroutine[Any, Any, Told]) -> Future[Told]:
        """Answered when it has ended."""
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    @property
    def closed(self) -> bool:
        return self._loop.is_closed()

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
