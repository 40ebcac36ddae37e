"""Write into the book who joined a conversation, who left, and who spoke when; what was said is nowhere kept."""

from __future__ import annotations

from datetime import timedelta

from casebook import events as e
from casebook.book import Book
from casebook.log import By
from media.voice_party import Party
from media.voice_talking import Turn


class VoiceLog:
    """What `media.voice.VoicePlane` tells, as facts whose author is the party."""

    def __init__(self, book: Book) -> None:
        self._book = book

    async def joined(self, party: Party) -> None:
        await self._write(party, e.VoiceJoined(party.unit, party.id))

    async def left(self, party: Party, why: str) -> None:
        await self._write(party, e.VoiceLeft(party.unit, party.id, why, round(party.talking.spoken_s)))

    async def spoke(self, party: Party, turn: Turn, ended_ago_s: float) -> None:
        """Lengths are the wall's, also in a drill: people speak at their natural rate."""
        began_ago_s = (turn.lasted_s + ended_ago_s) * self._book.clock.rate
        since = self._book.clock.now() - timedelta(seconds=began_ago_s)
        await self._write(party, e.VoiceSpoke(party.unit, party.id, since, max(1, round(turn.lasted_s))))

    async def _write(self, party: Party, fact: e.Event) -> None:
        await self._book.write(lambda picture: [fact], By(str(party.badge.role), party.badge.who, "voice"))
