"""Turn the monitor's live waves into packets, 25 a second of the wall, for the hub and for the crew's own tablet.

Waves keep their natural rate also in a fast drill. They are never queued: who cannot take a packet misses it, and what
the hub missed comes later from the ring (`wave_ring`). Drawing is `media/browser/sweep_wave.js`; the format is
media/waveforms.py.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from ambulance_unit.monitor.feed import Monitor, WaveChunk
from ambulance_unit.wave_ring import WaveRing
from casebook.clock import Clock
from media.waveforms import PACKET_MS, ChannelWave, WaveKind, WavePacket, encode

PACKET_S = PACKET_MS / 1000
BEHIND_S = 1.0  # wall seconds; further behind, go on with now
WAITING_MAX = 10  # packets for one tablet: 0.4 s


class WaveFeed:
    """`began_at`: the clock's instant of the monitor's second 0, so that a restarted vehicle draws on where it was."""

    def __init__(
        self, clock: Clock, began_at: datetime, monitor: Callable[[], Monitor | None], *, run: int | None = None
    ) -> None:
        """`run` names the packets of this start of the vehicle; without it one is drawn."""
        self._clock, self._began_at, self._monitor = clock, began_at, monitor
        self._run = secrets.randbelow((1 << 32) - 1) + 1 if run is None else run
        self._ring: WaveRing | None = None
        self._tablets: set[asyncio.Queue[bytes]] = set()
        self._senders: list[Callable[[WavePacket], object]] = []
        self.made = 0  # packets so far, and the number of the next one

    def send_to(self, sender: Callable[[WavePacket], object]) -> None:
        self._senders.append(sender)

    def keep_in(self, ring: WaveRing) -> None:
        """Keep every packet there, too."""
        self._ring = ring

    @contextlib.contextmanager
    def watched(self) -> Iterator[asyncio.Queue[bytes]]:
        """A queue of encoded packets for one tablet; one that does not keep up misses packets."""
        queue: asyncio.Queue[bytes] = asyncio.Queue(WAITING_MAX)
        self._tablets.add(queue)
        try:
            yield queue
        finally:
            self._tablets.discard(queue)

    async def run(self) -> None:
        """Make a packet every 40 ms until cancelled."""
        number = self._number_now() + 1
        while True:
            if self._number_now() - number > BEHIND_S / PACKET_S:
                number = self._number_now()
            await self._clock.sleep_until(self._due_at(number + 1))  # its last sample is there
            self.pass_on(number)
            number += 1

    def pass_on(self, number: int) -> None:
        """Give packet `number` (counted from the monitor's second 0) to whoever listens."""
        monitor = self._monitor()
        if monitor is None or not (self._senders or self._tablets or self._ring):
            return
        channels = channels_of(monitor.chunk(number * PACKET_S, PACKET_S))
        if not channels:
            return
        start_ms = round(self._began_at.timestamp() * 1000) + number * PACKET_MS
        packet = WavePacket(self.made, start_ms, channels, self._run)
        self.made += 1
        for send in self._senders:
            send(packet)
        if self._tablets or self._ring:
            message = encode(packet)
            self._offer(message)
            if self._ring:
                self._ring.add(message)

    def _offer(self, message: bytes) -> None:
        for queue in self._tablets:
            if not queue.full():
                queue.put_nowait(message)

    def _number_now(self) -> int:
        return int((self._clock.now() - self._began_at).total_seconds() / self._clock.rate / PACKET_S)

    def _due_at(self, number: int) -> datetime:
        return self._began_at + timedelta(seconds=number * PACKET_S * self._clock.rate)


def channels_of(chunks: dict[str, WaveChunk]) -> tuple[ChannelWave, ...]:
    """The monitor's channels under their names on the wire."""
    return tuple(
        ChannelWave(WaveKind[kind.upper()], chunk.rate_hz, chunk.first_index, chunk.samples)
        for kind, chunk in chunks.items()
        if len(chunk.samples)
    )
