"""A hub's health in one place: the pulse, the limits, the figures, the doors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import FastAPI

from aboard.health.doors import add_health, shown
from aboard.health.judging import Concern, Readings, concerns, load_limits
from aboard.health.metrics import HubMetrics, Seen
from aboard.health.pulse import Pulse
from casebook.access import Gate
from casebook.book import Book


class HealthWatch:
    """`seen()` tells what only the hub knows of itself; `standing` is what its start found, told until it ends."""

    def __init__(self, book: Book, seen: Callable[[], Seen]) -> None:
        file = getattr(book.log, "file", None)
        self.pulse = Pulse(book, file.parent if file else None)
        self._limits = load_limits()
        self.standing: list[Concern] = []
        self._metrics = HubMetrics(book, self.pulse, seen, self.judged)

    def judged(self) -> tuple[Readings, list[Concern]]:
        readings = self.pulse.read()
        return readings, [*concerns(readings, self._limits), *self.standing]

    def told(self) -> dict[str, dict[str, Any]]:
        """What the console shows of it."""
        return shown(self.judged()[1])

    def open_doors(self, app: FastAPI, gate: Gate) -> None:
        add_health(app, gate, self._metrics, lambda: self.judged()[1])
