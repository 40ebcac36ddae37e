"""Which recorded vitals reached which screen, as the screens say themselves; now and then it is put on record."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from casebook import events as e
from casebook.book import Book
from casebook.ledger import ranges_of
from casebook.log import By

SCREENS = By("desk", "screens", "device")
RECORD_EVERY_S = 300.0  # of the clock; what a hub that is killed had not put on record is unknown, not unshown


@dataclass(slots=True)
class Shown:
    """(screen, unit, epoch) -> sequence numbers."""

    rows: dict[tuple[str, str, str], set[int]] = field(default_factory=lambda: defaultdict(set))
    _untold: dict[tuple[str, str, str], set[int]] = field(default_factory=lambda: defaultdict(set))

    def hear(self, screen: str, message: dict[str, Any]) -> None:
        if message.get("t") != "shown":
            return
        for row in message.get("rows", [])[:1000]:
            match row:
                case [str(unit), str(epoch), int(seq)]:
                    key = (screen, unit, epoch)
                    if seq not in self.rows[key]:
                        self.rows[key].add(seq)
                        self._untold[key].add(seq)

    def take_untold(self) -> list[e.SamplesShown]:
        """What was shown since this was asked last, as facts for the record."""
        untold, self._untold = self._untold, defaultdict(set)
        return [e.SamplesShown(*key, ranges_of(rows)) for key, rows in sorted(untold.items())]

    def counts(self) -> list[dict[str, Any]]:
        return [
            {"screen": screen, "unit": unit, "epoch": epoch, "shown": len(rows)}
            for (screen, unit, epoch), rows in sorted(self.rows.items())
        ]

    async def keep_on_record(self, book: Book) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(RECORD_EVERY_S / book.clock.rate)
            await self.put_on_record(book)

    async def put_on_record(self, book: Book) -> None:
        """What screens have shown since the last time."""
        if facts := self.take_untold():
            await book.write(lambda picture: facts, SCREENS)
