"""What of the outbox goes next to the hub: facts in order, then the newest samples, and history a little at a time.

Knows how far each lane was sent on this connection; sending and hearing are `hub_link`'s.
"""

from __future__ import annotations

from functools import partial

from ambulance_unit.outbox import Lane
from ambulance_unit.scribe import Scribe
from casebook.link import MAX_LANES, MAX_ROWS, OutboxRow

IN_FLIGHT_MAX = 4 * MAX_ROWS  # rows of a lane sent and not yet acknowledged
# History goes one message at a time: on 256 kbit/s its bytes keep the live edge waiting for a quarter of a second.
HISTORY_BYTES = 8 << 10
HISTORY_ROWS_S = 200  # at most: ten minutes at 1.2 rows a second in 4 s, and 1,000 vehicles do not flood a hub at once


def pause_after_s(rows: int, took_s: float) -> float:
    """How long history waits after a message: as long as that took, and never more than HISTORY_ROWS_S together."""
    return max(took_s, rows / HISTORY_ROWS_S - took_s)


class Sending:
    """The rows on their way, lane by lane. `ever_sent`: highest row of each epoch that any connection was given."""

    def __init__(self, scribe: Scribe) -> None:
        self._scribe, self._outbox = scribe, scribe.outbox
        self._cursors: dict[str, int] = {}
        lanes = (self._outbox.main, self._outbox.live, *self._outbox.history)
        # What an earlier run of the agent may have sent is not known: all that it left.
        self.ever_sent: dict[str, int] = {lane.epoch: lane.stored for lane in lanes if lane is not None}

    def lanes_to_name(self, *, one_at_a_time: bool) -> list[Lane]:
        """The lanes of a hello: the main one first, then those that have something to send, the live one first.

        One at a time, for a hub that knows one lane: what waits elsewhere, oldest first, and then the main lane.
        """
        outbox = self._outbox
        live = [outbox.live] if outbox.live is not None else []
        if one_at_a_time:
            return [*outbox.history, *(lane for lane in live if lane.waiting), outbox.main][:1]
        return [outbox.main, *live, *outbox.history][:MAX_LANES]

    def begin(self) -> None:
        """A new connection: nothing was sent on it yet."""
        self._cursors.clear()

    def start_after(self, epoch: str, through: int) -> None:
        """The book holds the epoch's rows through this."""
        self._cursors[epoch] = through

    def note(self, epoch: str, seq: int) -> None:
        """Rows through this are given to the connection now."""
        self._cursors[epoch] = seq
        self.ever_sent[epoch] = max(seq, self.ever_sent.get(epoch, 0))

    async def begin_live(self) -> None:
        """A lane for the newest samples, where one is to be begun (`Outbox.begin_live`)."""
        await self._scribe.do(self._begin_live)

    def _begin_live(self) -> None:
        """In one go, also where the connection has ended meanwhile and nobody waits for it any more: of a lane of which
        it is not known that no connection was given any, the newest would not go first after the next outage."""
        if self._outbox.begin_live(self.ever_sent) and (live := self._outbox.live) is not None:
            self.ever_sent.setdefault(live.epoch, 0)

    async def next_rows(self) -> tuple[str, list[OutboxRow]]:
        """What is urgent: of the main lane, and when all of that is sent of the live one; no rows where there is
        nothing or too much in flight."""
        live, main = self._outbox.live, self._outbox.main  # in this order: what a sample is about was stored before it
        if live is None or self._is_unsent(main):
            return main.epoch, await self.rows_of(main.epoch)
        return live.epoch, await self.rows_of(live.epoch, live.stored)

    def _is_unsent(self, lane: Lane) -> bool:
        return self._cursors.get(lane.epoch, 0) < lane.stored

    async def rows_of(self, epoch: str, through: int = 0) -> list[OutboxRow]:
        """The next rows of a lane, at most as far as `through` where that is given."""
        lane = self._outbox.find_lane(epoch)
        cursor = self._cursors.get(epoch, 0)
        if lane is None or cursor >= lane.stored or cursor - lane.acked >= IN_FLIGHT_MAX:
            return []
        limit = min(MAX_ROWS, (through or lane.stored) - cursor)
        return await self._scribe.do(partial(self._outbox.unacknowledged, cursor, limit, epoch=epoch))

    async def next_history(self) -> tuple[str, list[OutboxRow]]:
        """The next little of the oldest outage, when nothing urgent waits to be sent."""
        urgent = (self._outbox.main, self._outbox.live)
        if any(lane is not None and self._is_unsent(lane) for lane in urgent):
            return "", []
        for lane in self._outbox.history:
            after = self._cursors.get(lane.epoch, 0)
            read = partial(self._outbox.unacknowledged, after, MAX_ROWS, epoch=lane.epoch, max_bytes=HISTORY_BYTES)
            if rows := await self._scribe.do(read):
                return lane.epoch, rows
        return "", []
