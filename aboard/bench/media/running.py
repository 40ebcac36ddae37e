"""Run the cases of `aboard bench media` one after another, and write their figures into a document.

hop        one hop of 720p30 on loopback: p50 <= 0.35 and p99 <= 0.5 of stock aiortc's.
forward    what passing on adds: delay <= max(3 ms, twice Janus's), CPU a frame <= twice Janus's and <= 0.15 of a relay
           that decodes, at 1, 4 and 8 viewers.
fleet      three vehicles, four viewers each: under a quarter of a core, memory that does not grow.
loss5      5 % loss and 30 ms: p99 <= 0.6 and frozen time <= 0.5 of stock's.
bursts, cap, thin600, thin300   no collapse on any seed, p95 <= 400 ms, at most 1.2 times the link is sent.
outage     3 s and 35 s without network: live after 0.5 s and 3 s, nothing of the past shown.
waves      12 leads at 5 % loss and jitter: p99 <= 100 ms, at most 6 % not live, none missing after back-fill; beside
           10 MB sent after, p99 <= 1.5 times that alone.
alarm      to the wall board: p99 <= 0.5 s, with every tenth packet lost 2 s; none lost, none twice.
anchor     a mark on a moving picture: p99 <= 2 % of the width off, CPU <= 5 ms a picture.
encode     CPU of H264 <= 0.35 of aiortc's, at most 1.5 dB lost.
chromium   what a browser sees as publisher and as viewer, on a good uplink and on 600 kbit/s. No goal.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

from aboard.bench.figures import LOAD_MAX, Case, is_loaded
from aboard.bench.machine import load_now
from aboard.bench.media import bad_links, clean
from aboard.bench.media.alarm import alarm
from aboard.bench.media.anchor import anchor
from aboard.bench.media.chromium import chromium
from aboard.bench.media.encode import encode
from aboard.bench.media.extent import Extent
from aboard.bench.media.outage import outage
from aboard.bench.media.waves import waves
from casebook.errors import RefusedInput

Measure = Callable[[Extent], Awaitable[Sequence[Case]]]
CASES: Mapping[str, Measure] = {
    "hop": clean.hop, "forward": clean.forward, "fleet": clean.fleet,
    "loss5": bad_links.loss5, "bursts": bad_links.bursts, "cap": bad_links.cap,
    "thin600": bad_links.thin600, "thin300": bad_links.thin300, "outage": outage,
    "waves": waves, "alarm": alarm, "anchor": anchor, "encode": encode, "chromium": chromium,
}  # fmt: skip
LONG = ("cap", "thin600")


class UnknownCase(RefusedInput):
    """A case that is not among them."""

    key = "bench_unknown_case"


def chosen(only: str, *, quick: bool = False) -> list[str]:
    """The cases named, with commas between; all when none is, but for `LONG` in a quick look. Raises UnknownCase."""
    named = [name.strip() for name in only.split(",") if name.strip()]
    for name in named:
        if name not in CASES:
            raise UnknownCase(asked=name[:40], known=", ".join(CASES))
    return [name for name in CASES if name in named or not (named or (quick and name in LONG))]


def bench_media(only: str, extent: Extent, *, busy: bool = False) -> list[Case]:
    """Raises UnknownCase, BenchFailed, and RefusedInput `bench_busy` on a busy machine unless `busy`."""
    names, load = chosen(only, quick=extent.quick), load_now()
    if is_loaded(load) and not busy:
        raise RefusedInput("bench_busy", load="?" if load is None else f"{load:.2f}", most=f"{LOAD_MAX:g}")
    return asyncio.run(_all(names, extent))


async def _all(names: Sequence[str], extent: Extent) -> list[Case]:
    return [case for name in names for case in await CASES[name](extent)]
