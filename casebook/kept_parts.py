"""Parts of a screen's view, kept by id and remade only when what they are made of is another object.

A city has hundreds of cases, and between two looks at them a few have changed. States of the picture are never changed
in place, so the same objects mean the same part, until time alone changes it. What a part says is the view's affair.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from casebook.live import PlainView, plain, same


@dataclass(frozen=True, slots=True)
class _Part:
    made_of: tuple[Any, ...]
    told: Any
    since: datetime | None
    until: datetime | None

    def holds(self, made_of: tuple[Any, ...], now: datetime | None) -> bool:
        if not same(self.made_of, made_of):
            return False
        if now is None or self.since is None:
            return True
        return self.since <= now and (self.until is None or now < self.until)


class KeptParts:
    """Parts of one kind by id."""

    def __init__(self) -> None:
        self._parts: dict[str, _Part] = {}

    def get(self, id: str, made_of: tuple[Any, ...], make: Callable[[], Any]) -> Any:
        """The part without the unknown, made anew where it is made of other objects."""
        kept = self._parts.get(id)
        return kept.told if kept is not None and kept.holds(made_of, None) else self.keep(id, made_of, make())

    def find(self, id: str, made_of: tuple[Any, ...], now: datetime) -> Any:
        """The part as it was kept, if it still stands at `now`; else None."""
        kept = self._parts.get(id)
        return kept.told if kept is not None and kept.holds(made_of, now) else None

    def keep(
        self, id: str, made_of: tuple[Any, ...], told: Any, since: datetime | None = None, until: datetime | None = None
    ) -> Any:
        """Keep a part without the unknown, as the old object where it says the same, and give it.

        `until`: when time alone may change it; None: never.
        """
        part = plain(told)
        part = PlainView(part) if type(part) is dict else part
        before = self._parts.get(id)
        if before is not None and before.told == part:
            part = before.told
        self._parts[id] = _Part(made_of, part, since, until)
        return part

    def forget_but(self, ids: Mapping[str, Any]) -> None:
        """Those that are no more take no room."""
        if len(self._parts) > len(ids):
            self._parts = {id: part for id, part in self._parts.items() if id in ids}
