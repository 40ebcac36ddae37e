"""`aboard bench live`: a hub and two vehicles as they work, in processes of their own, at the speed of the wall clock.

The cases, each over the whole of one run of so many seconds:

vital_sample_to_board    ms from the instant a monitor was sampled (the sample's own `at`) to its arrival at a wall
                         board's WebSocket; two durable commits lie between. Samples that came with a snapshot or with
                         the trend of somebody newly followed are not counted. Goal: p99 <= 250. Peers: floor.py.
vitals_lost              samples taken by the monitors less samples that reached a board. Goal: 0.
video_stamp_to_viewer    ms from the stamp burnt into a picture to the decoded frame in a viewer in Python, through the
                         hub, 640x360 at 15 frames/s. Goal: p50 <= 150. Peer: stock_video.py.
video_stamp_to_browser   the same to the <video-tile> of a ward's wall in headless Chromium; only where there is one.
                         Peer: the viewer in Python in the same seconds.
capacity_to_console      ms from the ward's request to report a count, to the console's feed showing that count.
                         Goal: p99 <= 2000. Peers: floor.py.
capacity_to_tablet       the same to a vehicle's tablet: by way of the hub, the vehicle's link and its own server.
feed_gaps                messages on either feed whose number did not follow, so that the screen had to start again with
                         a snapshot. Goal: 0, on one machine nothing is lost in between.
capacity_unseen          changes that did not reach both within ten seconds. Goal: 0.
resident_mb              peak of resident memory of the hub, both vehicles and this process, without the browser.
"""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from aboard.bench.changes import Changes, ChangeWatch, Follower
from aboard.bench.figures import Case, once, ours_of, peers_of
from aboard.bench.floor import KINDS, Floor, floor
from aboard.bench.scene import RESOURCE, SETTLED_S, UNITS, WARD, scene
from aboard.bench.stock_video import stock_latencies_ms
from aboard.bench.tile import Wall, find_chromium
from aboard.drill import Drill, Performance
from scenarios.socket_stage import Doorway

RATE = 1.0
STOCK_S = 10.0
CONSOLE, TABLET = "console", "tablet"


@dataclass(slots=True)
class Measured:
    """What one run has seen. Times in ms."""

    performance: Performance
    floor_ms: dict[str, list[float]]
    change_ms: dict[str, list[float]]
    changes: int
    gaps: int
    browser_ms: list[float] | None
    stock_ms: list[float] = field(default_factory=list)


async def bench_live(seconds: float, changes: int, seed: int, *, browser: bool = True) -> list[Case]:
    """Play and measure. `changes`: how many counts the ward reports."""
    with tempfile.TemporaryDirectory(prefix="aboard-bench-") as folder:
        measured = await _measure(Path(folder), seconds, changes, seed, find_chromium() if browser else None)
    measured.stock_ms = await stock_latencies_ms(min(STOCK_S, seconds))
    return cases_of(measured)


async def _measure(folder: Path, seconds: float, changes: int, seed: int, chromium: str | None) -> Measured:
    drill = Drill(scene(seconds, seed), folder / "drill", RATE)
    watches = {screen: ChangeWatch(WARD, RESOURCE) for screen in (CONSOLE, TABLET)}
    async with drill.set_up(), floor() as bare:
        ward = Doorway(drill.urls["hub"], drill.links[f"hospital:{WARD}"])
        every_s = max(0.2, (seconds - SETTLED_S - 2) / max(1, changes))
        work = Changes(ward, WARD, RESOURCE, changes, every_s)
        wall = Wall(chromium, f"{ward.url}/wall?hospital={WARD}#{ward.token}") if chromium else None
        async with _beside(drill, bare, watches, wall) as followers:
            performing = asyncio.create_task(drill.perform())
            await asyncio.sleep(min(SETTLED_S, seconds / 2))
            await work.run(watches)
            if wall:
                await wall.read()
            performance = await performing
    gaps = sum(follower.gaps for follower in followers)
    told = {screen: watch.delays_ms(work.asked_s) for screen, watch in watches.items()}
    return Measured(performance, bare.times_ms, told, len(work.asked_s), gaps, wall.latency_ms if wall else None)


@contextlib.asynccontextmanager
async def _beside(
    drill: Drill, bare: Floor, watches: dict[str, ChangeWatch], wall: Wall | None
) -> AsyncIterator[list[Follower]]:
    """Both screens followed, the floor measured and the wall open while the block runs."""
    followers = [
        Follower(door, path, watch.look)
        for (door, path), watch in zip(_screens(drill), (watches[CONSOLE], watches[TABLET]), strict=True)
    ]
    tasks = [asyncio.create_task(work.run()) for work in (*followers, bare)]
    try:
        if wall:
            await wall.open()
        await asyncio.gather(*(follower.ready.wait() for follower in followers))
        yield followers
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if wall:
            await wall.close()


def _screens(drill: Drill) -> tuple[tuple[Doorway, str], tuple[Doorway, str]]:
    """(door, feed) of the console and of the first vehicle's tablet."""
    unit = next(iter(UNITS))
    token = (drill.folder / unit / "tablet.token").read_text(encoding="utf-8")
    console = Doorway(drill.urls["hub"], drill.links["dispatcher"])
    return (console, "/api/v1/live/console"), (Doorway(drill.urls[unit], token), "/api/v1/live/tablet")


def cases_of(measured: Measured) -> list[Case]:
    """The cases of one run. Pure."""
    watched = measured.performance.watched
    floors = {
        name: peer for kind in KINDS for name, peer in peers_of(f"{kind}_websocket", measured.floor_ms[kind]).items()
    }
    viewer = list(watched.latency_ms)
    unseen = 2 * measured.changes - sum(len(seen) for seen in measured.change_ms.values())
    return [
        Case("vital_sample_to_board", "ms", ours_of([1000 * s for s in watched.delays_s]), floors, {"p99": 250}),
        Case("vitals_lost", "samples", once(watched.sampled - watched.shown), {}, {"p99": 0}),
        Case("video_stamp_to_viewer", "ms", ours_of(viewer), peers_of("stock_aiortc", measured.stock_ms), {"p50": 150}),
        *_browser_case(measured.browser_ms, viewer),
        *(
            Case(f"capacity_to_{screen}", "ms", ours_of(measured.change_ms[screen]), floors, {"p99": 2000})
            for screen in (CONSOLE, TABLET)
        ),
        Case("feed_gaps", "messages", once(measured.gaps), {}, {"p99": 0}),
        Case("capacity_unseen", "changes", once(unseen), {}, {"p99": 0}),
        Case("resident_mb", "MB", once(measured.performance.resident_mb)),
    ]  # fmt: skip


def _browser_case(browser_ms: Sequence[float] | None, viewer_ms: Sequence[float]) -> list[Case]:
    """Nothing where there is no browser; a browser that showed nothing is a case that failed."""
    if browser_ms is None:
        return []
    return [
        Case("video_stamp_to_browser", "ms", ours_of(browser_ms), peers_of("python_viewer", viewer_ms), {"p50": 150})
    ]
