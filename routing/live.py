"""The traffic that is current: one reference to an immutable version, changed by whoever knows better, read by all.

A batch that is bad as a whole changes nothing and the last good version goes on serving; so does a batch of which no
row can be taken. A hub keeps its traffic in the book instead (dispatch/observed.py) and reads batches the same way.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from routing.roads.roadmap import Roadmap
from routing.traffic import FREE_FLOW, Traffic
from routing.traffic.batch import Report, read_batch


class LiveTraffic:
    """Safe to ask and to change from any thread: readers take the reference, writers take turns."""

    def __init__(self, roadmap: Roadmap, traffic: Traffic = FREE_FLOW) -> None:
        self._roadmap, self._current = roadmap, traffic
        self._writing = threading.Lock()

    @property
    def current(self) -> Traffic:
        """The published version. It never changes: whoever took it answers on it to the end."""
        return self._current

    def change(self, change: Callable[[Traffic], Traffic]) -> Traffic:
        """Publish what `change` makes of the current version; whatever it raises changes nothing."""
        with self._writing:
            before = self._current
            after = change(before)
            if after is not before:
                self._current = replace(after, version=before.version + 1)
            return self._current

    def take(self, raw: bytes, *, shape: str, source: str, now: datetime, whole: bool = False) -> Report:
        """Read a feed's batch and publish what is good of it. Raises RefusedInput as read_batch, changing nothing."""
        with self._writing:
            before = self._current
            batch = read_batch(self._roadmap, before, raw, shape=shape, source=source, now=now, whole=whole)
            after = batch.over(before)
            if after is not before:
                self._current = replace(after, version=before.version + 1)
            return replace(batch.report, version=self._current.version)
