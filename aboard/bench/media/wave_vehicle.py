"""The process of a vehicle's waves: twelve leads and five more channels, kept in the ring, sent live, back-filled.

Run as a module it takes its task from its input (`aboard.bench.media.post`).
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import numpy as np

from aboard.bench.media.engines import wall_ms
from aboard.bench.media.post import work_at_post
from aboard.bench.media.thin_link import ThinLink, Way
from ambulance_unit.wave_backfill import LATE_S, BackFill
from ambulance_unit.wave_ring import WaveRing
from media.aiortc_private import listen_on
from media.sender import WavePublisher
from media.waveforms import ChannelWave, WaveKind, WavePacket, encode

UNIT, RUN, OLD_RUN = "A01", 2, 1
PACKET_S = 0.040
LEADS = [kind for kind in WaveKind if kind <= WaveKind.ECG_V6]
SLOW = (WaveKind.PLETH, WaveKind.CO2, WaveKind.ABP, WaveKind.CVP, WaveKind.PAP)
COMPLETE_S = 30.0


class Task(msgspec.Struct, frozen=True):
    """`old_packets`: of an earlier run, all still to be back-filled while the new one is live."""

    url: str
    address: str
    folder: str
    up: dict[str, Any] = {}
    down: dict[str, Any] = {}
    old_packets: int = 0


def packet(sequence: int, at_ms: float, run: int = RUN) -> WavePacket:
    """40 ms of noise that no two packets share: 12 leads at 500 Hz, five channels at 125 Hz."""
    rng = np.random.default_rng((run, sequence))
    fast = (ChannelWave(kind, 500, sequence * 20, rng.uniform(-2, 2, 20)) for kind in LEADS)
    slow = (ChannelWave(kind, 125, sequence * 5, rng.uniform(0, 1, 5)) for kind in SLOW)
    return WavePacket(sequence, int(at_ms), (*fast, *slow), run)


class Monitor:
    """Makes a packet every 40 ms; keeps it first, then sends it."""

    def __init__(self, publisher: WavePublisher, ring: WaveRing) -> None:
        self._publisher, self._ring = publisher, ring
        self.made, self.hash = 0, hashlib.sha256()

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        while True:
            one = packet(self.made, wall_ms())
            message = encode(one)
            self.hash.update(message)
            self._ring.add(message)
            self._publisher.send(one)
            self.made += 1
            await asyncio.sleep(max(0.0, began_s + self.made * PACKET_S - loop.time()))


async def work(words: dict[str, Any]) -> AsyncGenerator[Any, None]:
    """Says when it sends; at the end what it made and whether the hub has it all."""
    task = msgspec.convert(words, Task)
    listen_on([task.address])
    ring = WaveRing(Path(task.folder))
    for number in range(task.old_packets):
        ring.add(encode(packet(number, 0, OLD_RUN)))
    behind = ThinLink(Way(**task.up), Way(**task.down)) if task.up else None
    async with httpx.AsyncClient(base_url=task.url, transport=behind, trust_env=False, timeout=COMPLETE_S) as client:
        publisher, filling = WavePublisher(client, UNIT), BackFill(client, UNIT, ring)
        monitor = Monitor(publisher, ring)
        sending = asyncio.create_task(publisher.run())
        await publisher.link.connected.wait()
        making = asyncio.create_task(monitor.run())
        uploading = asyncio.create_task(filling.run()) if task.old_packets else None
        yield {}
        for work in (making, uploading):
            if work is not None:
                work.cancel()
        told = {"made": monitor.made, "hash": monitor.hash.hexdigest(), "back_filled": filling.sent}
        if not task.old_packets:
            told["complete"] = await _complete(filling)
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        yield told


async def _complete(filling: BackFill) -> bool:
    """Back-fill the rest, once what is too young to be asked for has become old."""
    with contextlib.suppress(TimeoutError, httpx.HTTPError):
        async with asyncio.timeout(COMPLETE_S):
            await filling.once()
            await asyncio.sleep(LATE_S)
            while not await filling.once():
                pass
            return True
    return False


if __name__ == "__main__":
    work_at_post(work)
