"""Put vehicles, what is in the middle and viewers on the stage, each in a process of its own, and let them play."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from aboard.bench.media.janus_process import own_address, running_janus
from aboard.bench.media.post import cpu_s, posts
from aboard.bench.media.seen import Seen
from aboard.children import resident_mb

SETTLE_S = 2.0  # after all are connected; nothing before that is counted
LOOK_S = 1.0
LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Picture:
    """What every vehicle of a run sends. `bit_rate`: start, floor, ceiling."""

    width: int = 640
    height: int = 360
    fps: int = 15
    bit_rate: tuple[int, int, int] | None = None


HD = Picture(1280, 720, 30, (1_200_000, 1_200_000, 1_200_000))  # one rate, so that all engines carry the same


@dataclass(frozen=True, slots=True)
class Play:
    """`vehicles`: as `aboard.bench.media.vehicles` takes them. `engine` None: one hop, straight to a screen.

    `stock`: the vehicles' sending is aiortc's own, and with one hop the receiving as well.
    """

    vehicles: Sequence[Mapping[str, Any]]
    seconds: float
    picture: Picture = Picture()
    engine: str | None = "forwarder"
    stock: bool = False
    crowd: int = 0  # viewers of each stream beside the one that shows it


@dataclass(frozen=True, slots=True)
class Played:
    """What was shown from `began_s` to `end_s` (monotonic); the changes of the links are counted from `vehicles_s`.

    `cpu_s` and `resident_mb` (one a second) are those of the process in the middle within that time.
    """

    vehicles_s: float
    began_s: float
    end_s: float
    seen: Mapping[str, Seen]
    sent: Mapping[str, Any]
    cpu_s: float
    resident_mb: Sequence[float]

    @property
    def ages_ms(self) -> list[float]:
        """Of all streams together."""
        return [age for seen in self.seen.values() for age in seen.ages_ms]

    @property
    def frames(self) -> int:
        return sum(len(seen.at_s) for seen in self.seen.values())


async def play(what: Play) -> Played:
    """Raises BenchFailed when a process does not do its part."""
    streams = [vehicle["name"] for vehicle in what.vehicles]
    parts = ["hub", "vehicles", *(["viewers"] if what.engine else []), *(["viewers"] if what.crowd else [])]
    async with _middle(what) as (task, janus_pid), posts(*parts) as (hub, vehicles, *viewers):
        common = {"url": (await hub.begin(task))["url"], "address": task["address"]}
        sending = common | asdict(what.picture) | {"vehicles": what.vehicles, "stock": what.stock}
        vehicles_s = (await vehicles.begin(sending))["began_s"]
        for post, crowd in zip(viewers, (0, what.crowd), strict=False):
            await post.begin(common | {"streams": streams, "crowd": crowd})
        await asyncio.sleep(SETTLE_S)
        middle_pid = janus_pid or hub.pid
        began_s, spent_s = time.monotonic(), cpu_s(middle_pid)
        resident = await _watched_mb(middle_pid, began_s + what.seconds)
        end_s, used_s = time.monotonic(), cpu_s(middle_pid) - spent_s
        shown = (await (viewers[0] if viewers else hub).end())["seen"]
        sent = await vehicles.end()
    seen = {stream: _seen(shown.get(stream, [])).between(began_s, end_s) for stream in streams}
    return Played(vehicles_s, began_s, end_s, seen, sent, used_s, resident)


def _seen(rows: Sequence[Sequence[Any]]) -> Seen:
    return Seen([row[0] for row in rows], [row[1] for row in rows])


async def _watched_mb(pid: int, until_s: float) -> list[float]:
    found = []
    while (left_s := until_s - time.monotonic()) > 0:
        await asyncio.sleep(min(LOOK_S, left_s))
        found.append(resident_mb([pid]) or 0.0)
    return found


@contextlib.asynccontextmanager
async def _middle(what: Play) -> AsyncIterator[tuple[dict[str, Any], int | None]]:
    """The task of the process in the middle; for Janus that of its neighbour, and Janus's own id."""
    if what.engine == "janus":
        address = own_address()
        assert address is not None, "find_janus() says whether there is one"
        async with running_janus(address) as janus:
            yield {"engine": "janus", "address": address, "janus_url": janus.url}, janus.pid
    else:
        yield {"engine": what.engine or ("stock_screen" if what.stock else "screen"), "address": LOOPBACK}, None
