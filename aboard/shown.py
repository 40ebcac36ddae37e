"""Which recorded vitals reached which screen, as the screens say themselves."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Shown:
    """(screen, unit, epoch) -> sequence numbers."""

    rows: dict[tuple[str, str, str], set[int]] = field(default_factory=lambda: defaultdict(set))

    def hear(self, screen: str, message: dict[str, Any]) -> None:
        if message.get("t") != "shown":
            return
        for row in message.get("rows", [])[:1000]:
            match row:
                case [str(unit), str(epoch), int(seq)]:
                    self.rows[(screen, unit, epoch)].add(seq)

    def counts(self) -> list[dict[str, Any]]:
        return [
            {"screen": screen, "unit": unit, "epoch": epoch, "shown": len(rows)}
            for (screen, unit, epoch), rows in sorted(self.rows.items())
        ]
