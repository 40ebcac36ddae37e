"""Say where a work begins and ends (a span), for whoever measures; nobody does unless it was asked for.

Rooms name works and give facts of them: numbers, and words of a closed list. Who hears of them is told once, by a
composition root (aboard/spans.py), which also sees to it that nothing else gets through. While nobody listens a span
is one call that gives back the same object.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Protocol

Fact = int | float | str


class Span(Protocol):
    """A work under way. An error that ends it is part of it, and goes on rising."""

    def __enter__(self) -> Span: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def tell(self, **facts: Fact) -> None:
        """What was learned of it meanwhile."""
        ...


class _Unheard:
    def __enter__(self) -> Span:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return

    def tell(self, **facts: Fact) -> None:
        return


Listener = Callable[[str, Mapping[str, Fact]], Span]
UNHEARD = _Unheard()
_listener: Listener | None = None


def span(work: str, **facts: Fact) -> Span:
    """`with span("commit", entries=3):`, in whatever thread or task; spans within it are its parts."""
    return UNHEARD if _listener is None else _listener(work, facts)


def listen(listener: Listener | None) -> None:
    """From now on, for the whole process; None: nobody any more."""
    global _listener
    _listener = listener
