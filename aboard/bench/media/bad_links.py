"""On a vehicle's bad uplink: how old pictures get, how long they stand still, and whether the link ever wins.

Every link has 30 ms each way and a queue of 300 ms, and is a user-space UDP relay that repeats itself by its seed
(`thin_link`). 640 x 360 at 15 pictures a second from vehicle to hub to viewer; the peer is aiortc's own sending and
receiving over the same link, one hop, without the hub. Five vehicles at a time, each with its own seed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aboard.bench.figures import Case, Ours, Which, once, ours_of, peers_of, ranked
from aboard.bench.media.extent import Extent
from aboard.bench.media.seen import Seen, collapsed, frozen_s
from aboard.bench.media.stage import Play, Played, play

DELAY_S = 0.030
AT_ONCE = 5
STOCK_SEEDS = 5
P95_MS, SENT_TIMES = 400.0, 1.2
AGE_SHARE, FROZEN_SHARE = 0.6, 0.5  # of stock aiortc's
WIDE_BPS, THIN_BPS, NARROW_S, WIDE_AGAIN_S = 2_000_000, 300_000, 6.0, 16.0
Stretch = tuple[float, float]  # seconds after the vehicles began


@dataclass(frozen=True, slots=True)
class Link:
    """`up` and `down` as words of a `Way`, without seeds. `thin`: when the link carries `thin_bps` and no more."""

    up: Mapping[str, Any]
    down: Mapping[str, Any]
    changes: Sequence[Mapping[str, Any]] = ()
    thin: Stretch | None = None
    thin_bps: float = THIN_BPS


@dataclass(frozen=True, slots=True)
class Told:
    """What became of one seed."""

    seen: Seen
    frozen_s: float
    collapsed: bool
    sent_times: float | None  # bits offered to the link while it was thin, through what it carries
    steps: int

    @property
    def p95_ms(self) -> float | None:
        return ranked(self.seen.ages_ms, 95)


LOSS5 = Link({"delay_s": DELAY_S, "loss": 0.05}, {"delay_s": DELAY_S, "loss": 0.05})
BURSTS = Link({"delay_s": DELAY_S, "burst": (0.01, 0.30)}, {"delay_s": DELAY_S})
CAP = Link(
    {"delay_s": DELAY_S, "rate_bps": WIDE_BPS}, {"delay_s": DELAY_S},
    ({"at_s": NARROW_S, "rate_bps": THIN_BPS}, {"at_s": WIDE_AGAIN_S, "rate_bps": WIDE_BPS}),
    (NARROW_S, WIDE_AGAIN_S),
)  # fmt: skip


def thin_link(rate_bps: float) -> Link:
    """A link that is always thin; what was sent counts from the tenth second on."""
    return Link({"delay_s": DELAY_S, "rate_bps": rate_bps}, {"delay_s": DELAY_S}, (), (10.0, 10_000.0), rate_bps)


async def loss5(extent: Extent) -> list[Case]:
    """5 % lost both ways."""
    seconds = extent.either(16, 6)
    ours = await over(extent, "loss5", LOSS5, min(extent.seeds, AT_ONCE), seconds)
    stock = await over(extent, "loss5", LOSS5, min(extent.seeds, AT_ONCE), seconds, stock=True)
    return loss_cases(ours, stock)


def loss_cases(ours: Sequence[Told], stock: Sequence[Told]) -> list[Case]:
    """Pure."""
    theirs = [age for told in stock for age in told.seen.ages_ms]
    slow_ms = ranked(theirs, 99)
    frozen = ranked([told.frozen_s for told in stock], 50)
    goal: dict[Which, float] = {"p99": round(AGE_SHARE * slow_ms, 3)} if slow_ms is not None else {}
    still: dict[Which, float] = {"p50": round(FROZEN_SHARE * frozen, 3)} if frozen is not None else {}
    ages = ours_of([age for told in ours for age in told.seen.ages_ms])
    return [
        Case("loss5_age", "ms", ages, peers_of("stock_aiortc", theirs), goal),
        Case("loss5_frozen", "s", ours_of([told.frozen_s for told in ours]),
             peers_of("stock_aiortc", [told.frozen_s for told in stock]), still),
        Case("loss5_broken", "pictures", once(sum(told.seen.broken for told in ours)), {}, {"p99": 0}),
    ]  # fmt: skip


async def bursts(extent: Extent) -> list[Case]:
    """Runs of losses: one begins with 1 % of the packets and ends with 30 %."""
    return await _held(extent, "bursts", BURSTS, extent.either(16, 8))


async def cap(extent: Extent) -> list[Case]:
    """2 Mbit/s, from the sixth second 300 kbit/s, from the sixteenth 2 Mbit/s again."""
    return await _held(extent, "cap", CAP, 22.0)


async def thin600(extent: Extent) -> list[Case]:
    """600 kbit/s."""
    return await _held(extent, "thin600", thin_link(600_000), extent.either(17, 12))


async def thin300(extent: Extent) -> list[Case]:
    """300 kbit/s."""
    return await _held(extent, "thin300", thin_link(300_000), extent.either(17, 12))


async def _held(extent: Extent, name: str, link: Link, seconds: float) -> list[Case]:
    ours = await over(extent, name, link, extent.seeds, seconds)
    stock = await over(extent, name, link, min(extent.seeds, STOCK_SEEDS), seconds, stock=True)
    return held_cases(name, ours, stock)


def held_cases(name: str, ours: Sequence[Told], stock: Sequence[Told]) -> list[Case]:
    """Whether the link won, the slow end of each seed, what was sent against what it carries, and the steps. Pure."""
    cases = [
        Case(f"{name}_collapsed", "pct", _collapsed_pct(ours),
             {"stock_aiortc": lost} if (lost := _collapsed_pct(stock).p50) is not None else {}, {"p99": 0}),
        Case(f"{name}_p95", "ms", ours_of(_known(told.p95_ms for told in ours)),
             peers_of("stock_aiortc", _known(told.p95_ms for told in stock)), {"p99": P95_MS}),
        Case(f"{name}_frozen", "s", ours_of([told.frozen_s for told in ours]),
             peers_of("stock_aiortc", [told.frozen_s for told in stock])),
    ]  # fmt: skip
    if sent := _known(told.sent_times for told in ours):
        theirs = peers_of("stock_aiortc", _known(told.sent_times for told in stock))
        cases += [
            Case(f"{name}_sent", "times", ours_of(sent), theirs, {"p99": SENT_TIMES}),
            Case(f"{name}_steps", "steps", ours_of([told.steps for told in ours])),
        ]
    return cases


def _collapsed_pct(told: Sequence[Told]) -> Ours:
    """The share of the seeds on which the link has won; `n` is their number."""
    share = 100 * sum(one.collapsed for one in told) / len(told) if told else None
    return Ours(share, share, len(told))


def _known(values: Any) -> list[float]:
    return [value for value in values if value is not None]


async def over(extent: Extent, name: str, link: Link, seeds: int, seconds: float, *, stock: bool = False) -> list[Told]:
    """So many vehicles over links of this kind, a few at a time."""
    told: list[Told] = []
    for first in range(0, seeds, AT_ONCE):
        numbers = range(first, min(seeds, first + AT_ONCE))
        extent.said(f"{name}, {'stock aiortc' if stock else 'ours'}, {numbers[0] + 1}-{numbers[-1] + 1}")
        vehicles = [vehicle_over(link, seed) for seed in numbers]
        played = await play(Play(vehicles, seconds, engine=None if stock else "forwarder", stock=stock))
        told += [told_of(played, vehicle["name"], link) for vehicle in vehicles]
    return told


def vehicle_over(link: Link, seed: int) -> dict[str, Any]:
    """A vehicle named after its seed, as `vehicles` takes it."""
    up, down = {"seed": 2 * seed + 1, **link.up}, {"seed": 2 * seed + 2, **link.down}
    return {"name": f"S{seed + 1}", "up": up, "down": down, "changes": list(link.changes)}


def told_of(played: Played, name: str, link: Link) -> Told:
    """What became of one stream. Pure."""
    seen, sent = played.seen[name], played.sent[name]
    lost = collapsed(seen, played.began_s, played.end_s)
    times = None
    if link.thin:
        first_s = max(played.began_s, played.vehicles_s + link.thin[0])
        end_s = min(played.end_s, played.vehicles_s + link.thin[1])
        lost = lost or collapsed(seen.between(first_s, end_s), first_s, end_s)
        times = offered_bytes(sent["bytes"], first_s, end_s) * 8 / (link.thin_bps * (end_s - first_s))
    still_s = frozen_s([played.began_s, *seen.at_s], played.end_s)
    return Told(seen, still_s, lost, times, max(0, len(sent["steps"]) - 1))


def offered_bytes(rows: Sequence[tuple[float, int, int]], first_s: float, end_s: float) -> int:
    """What was offered to the link in this time, from rows of (when, so far, passed so far). Pure."""
    inside = [row for row in rows if first_s <= row[0] <= end_s]
    return inside[-1][1] - inside[0][1] if inside else 0
