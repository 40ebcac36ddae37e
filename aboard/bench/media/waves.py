"""Twelve leads at 500 Hz and five more channels from a vehicle to a viewer beyond the hub: how late, how much live, and
whether the record is whole in the end.

Once behind a relay with 5 % loss and 30 to 80 ms each way; and on a line of 2 Mbit/s for everything, alone and beside
10 MB of an earlier run that are sent after. The line is the kernel's, in a network of the measurement's own; where
there are no rights for that only the first is measured.
"""

from __future__ import annotations

import asyncio
import hashlib
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from aboard.bench.faults.finding import Finding, NotRun
from aboard.bench.faults.lines import in_own_network, must
from aboard.bench.figures import Case, once, ours_of, peers_of, ranked
from aboard.bench.media.engines import wall_ms
from aboard.bench.media.extent import Extent
from aboard.bench.media.post import posts
from aboard.bench.media.stage import LOOPBACK
from aboard.bench.media.wave_vehicle import RUN, UNIT
from media.aiortc_private import listen_on
from media.receiver import WaveViewer
from media.wave_file import read_kept
from media.waveforms import WavePacket

BAD = {"loss": 0.05, "delay_s": 0.030, "jitter_s": 0.050}
AGE_MS, NOT_LIVE_PCT, BESIDE_TIMES = 100.0, 6.0, 1.5
OLD_PACKETS = 11_240  # of 890 bytes: 10 MB
LINE = ("rate", "2mbit", "burst", "5000", "latency", "300ms")
LAST_S = 0.5  # what was made last is on its way


@dataclass(frozen=True, slots=True)
class Came:
    """`ages_ms` of what arrived; `made` and `told` by the vehicle; `kept`: packets in the record, and their hash."""

    ages_ms: Sequence[float]
    made: int
    told: dict[str, Any]
    kept: int
    hash: str


async def waves(extent: Extent) -> list[Case]:
    """The bad link, then the shared line where that can be made."""
    seconds = extent.either(24, 10)
    extent.said("waves, 5 % loss and jitter")
    cases = wave_cases(await send(seconds, {"up": {"seed": 1, **BAD}, "down": {"seed": 2, **BAD}}))
    if extent.quick:
        return cases
    told: list[Came] = []

    async def both() -> Sequence[Finding]:
        must("tc", "qdisc", "add", "dev", "lo", "root", "tbf", *LINE)
        for old_packets in (0, OLD_PACKETS):
            extent.said(f"waves, 2 Mbit/s{', beside 10 MB' if old_packets else ''}")
            told.append(await send(seconds, {"old_packets": old_packets}))
        return ()

    try:
        await in_own_network(both)
    except NotRun as why:
        extent.said(f"waves, 2 Mbit/s: {why}")
        return cases
    return [*cases, *beside_cases(*told)]


async def send(seconds: float, link: dict[str, Any]) -> Came:
    """So many seconds of waves, seen live by a viewer of this process; then the rest is sent after."""
    listen_on([LOOPBACK])
    ages_ms: list[float] = []

    def note(packet: WavePacket) -> None:
        ages_ms.append(wall_ms() - packet.start_ms)

    try:
        with tempfile.TemporaryDirectory(prefix="aboard-bench-") as folder:
            async with posts("hub", "wave_vehicle") as (hub, vehicle):
                task = {"engine": "forwarder", "address": LOOPBACK, "waves": f"{folder}/hub"}
                url = (await hub.begin(task))["url"]
                async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
                    viewer = WaveViewer(client, UNIT, on_packet=note)
                    watching = asyncio.create_task(viewer.run())
                    await asyncio.wait_for(viewer.link.connected.wait(), 30)
                    await vehicle.begin({"url": url, "address": LOOPBACK, "folder": f"{folder}/ring", **link})
                    await asyncio.sleep(seconds)
                    vehicle.finish()
                    await asyncio.sleep(LAST_S)
                    came = list(ages_ms)
                    told = await vehicle.end()
                    watching.cancel()
                    await asyncio.gather(watching, return_exceptions=True)
                await hub.end()
            kept = {one.sequence: one.message for one in read_kept(Path(folder) / "hub" / UNIT / f"{RUN:08x}.awr")}
    finally:
        listen_on(None)
    whole = hashlib.sha256(b"".join(kept[number] for number in sorted(kept) if number < told["made"]))
    return Came(came, told["made"], told, sum(number < told["made"] for number in kept), whole.hexdigest())


def wave_cases(came: Came) -> list[Case]:
    """Pure."""
    not_live = 100 * (1 - len(came.ages_ms) / came.made) if came.made else None
    missing = came.made - came.kept + (came.hash != came.told["hash"])
    return [
        Case("waves_age", "ms", ours_of(came.ages_ms), {}, {"p99": AGE_MS}),
        Case("waves_not_live", "pct", once(not_live), {}, {"p99": NOT_LIVE_PCT}),
        Case("waves_missing", "packets", once(missing), {}, {"p99": 0}),
    ]


def beside_cases(alone: Came, beside: Came) -> list[Case]:
    """Pure."""
    slow_ms = ranked(alone.ages_ms, 99)
    goal = {} if slow_ms is None else {"p99": round(BESIDE_TIMES * slow_ms, 3)}
    return [
        Case("waves_beside", "ms", ours_of(beside.ages_ms), peers_of("alone", alone.ages_ms), goal),  # type: ignore[arg-type]
        Case("waves_sent_after", "packets", once(beside.told["back_filled"])),
    ]
