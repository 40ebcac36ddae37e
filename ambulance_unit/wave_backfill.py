"""Send the hub what it misses of the waves, from the ring, so slowly that nothing live is kept waiting.

The hub says what is missing; a request that breaks off costs nothing but its last packet. A packet goes at a
time, at most `RATE_BPS`, and of a slower link at most a quarter of the time is used. Keeping is `wave_ring`'s.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import time
from collections.abc import AsyncIterator, Callable, Sequence

import httpx

from ambulance_unit.wave_ring import WaveRing
from media.wave_file import How, framed
from media.waveforms import PACKET_MS

log = logging.getLogger(__name__)

PREFIX = "/api/v1/waves"
PIECE_PACKETS = 36  # about 1.5 s of waves, 32 kB
RATE_BPS = 1_000_000
REST_TIMES = 3  # a piece that took a second is followed by a rest of three
MISSING_LOOK_S, COMPLETE_LOOK_S, DOWN_LOOK_S = 1.0, 10.0, 5.0
LATE_S = 2.0  # what is younger may still come live
LATE_PACKETS = round(LATE_S * 1000 / PACKET_MS)


class BackFill:
    """`client` brings the hub's base URL and the vehicle's token; `wall_s` is a monotonic clock."""

    def __init__(
        self, client: httpx.AsyncClient, unit: str, ring: WaveRing, *, wall_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._client, self._unit, self.ring, self._wall_s = client, unit, ring, wall_s
        self.sent = 0
        self._grew_to, self._grew_s = (0, 0), wall_s()  # the newest run and how far it went, and since when

    async def run(self) -> None:
        """Look and send until cancelled; a hub that does not answer is asked again."""
        while True:
            try:
                wait_s = COMPLETE_LOOK_S if await self.once() else MISSING_LOOK_S
            except (httpx.HTTPError, OSError, ValueError, KeyError) as why:
                log.debug("back-fill of %s: %s", self._unit, why)
                wait_s = DOWN_LOOK_S
            await asyncio.sleep(wait_s)

    async def once(self) -> bool:
        """Ask for each run what is missing and send a piece of it; True when the hub has all.

        Raises httpx.HTTPError when the hub is silent or refuses.
        """
        runs = await asyncio.to_thread(self.ring.runs)
        complete = True
        for place, (run, (kept_from, made)) in enumerate(runs.items()):
            newest = place == len(runs) - 1
            settled = self._settled(run, kept_from, made) if newest else made
            wanted = await self._ask(run, kept_from, settled)
            if wanted:
                await self._send(run, wanted)
                complete = False
            elif not newest:
                await asyncio.to_thread(self.ring.forget, run)
        return complete

    def _settled(self, run: int, kept_from: int, made: int) -> int:
        """How far nothing comes live any more: once the monitor is off, to the last packet."""
        now_s = self._wall_s()
        if (run, made) != self._grew_to:
            self._grew_to, self._grew_s = (run, made), now_s
        return made if now_s - self._grew_s >= LATE_S else max(kept_from, made - LATE_PACKETS)

    async def _ask(self, run: int, kept_from: int, made: int) -> list[tuple[int, int]]:
        answer = await self._client.post(
            f"{PREFIX}/{self._unit}/{run:08x}/missing", json={"made": made, "kept_from": kept_from}
        )
        answer.raise_for_status()
        return [(int(first), int(end)) for first, end in answer.json()["missing"]]

    async def _send(self, run: int, wanted: list[tuple[int, int]]) -> None:
        packets = (framed(one.message, How.BACK_FILLED) for one in self.ring.read(run, wanted))
        while piece := await asyncio.to_thread(lambda: list(itertools.islice(packets, PIECE_PACKETS))):
            began_s = asyncio.get_running_loop().time()
            answer = await self._client.post(
                f"{PREFIX}/{self._unit}/{run:08x}",
                content=_spread(piece),
                headers={"Content-Type": "application/octet-stream"},
            )
            answer.raise_for_status()
            self.sent += int(answer.json()["taken"])
            took_s = asyncio.get_running_loop().time() - began_s
            await asyncio.sleep(REST_TIMES * max(0.0, took_s - sum(map(_spread_s, piece))))


async def _spread(piece: Sequence[bytes]) -> AsyncIterator[bytes]:
    """One packet after another, none sooner than `RATE_BPS` allows: a whole piece at once would be 130 ms of a line of
    2 Mbit/s, for which the live waves would wait."""
    for packet in piece:
        yield packet
        await asyncio.sleep(_spread_s(packet))


def _spread_s(packet: bytes) -> float:
    return len(packet) * 8 / RATE_BPS
