"""What is technically wrong on the vehicle now, in words for the crew: a feed lost, a value impossible, a disk full.

A technical state is never a clinical value: it says why a number is not there. Who finds out says so here.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from casebook.errors import CoordinationError


class Technical:
    """States by name; each with its error (key and facts for the catalogues), since when, and how often since."""

    def __init__(self, changed: Callable[[], None] = lambda: None) -> None:
        self._states: dict[str, dict[str, Any]] = {}
        self._changed = changed

    def note(self, name: str, wrong: CoordinationError, at: datetime) -> None:
        """`name` is wrong now. Said again, it keeps the instant at which it began."""
        before = self._states.get(name)
        same = before is not None and before["error"] == wrong.key
        times = before["times"] + 1 if before is not None and same else 1
        since = before["since"] if before is not None and same else at
        self._states[name] = {**wrong.as_answer(), "since": since, "times": times}
        self._changed()

    def clear(self, name: str) -> None:
        if self._states.pop(name, None) is not None:
            self._changed()

    def names(self) -> list[str]:
        return list(self._states)

    def as_view(self) -> dict[str, dict[str, Any]]:
        return dict(self._states)
