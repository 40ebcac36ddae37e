"""On a clean loopback: how old a picture is after one hop, and what passing it on adds, in time and in processor time.

`hop`: 1280 x 720 at 30 a second and 1.2 Mbit/s VP8, from one process straight to a screen in another; ours and
aiortc's. `forward`: the same through the forwarder, Janus and a relay that decodes, at 1, 4 and 8 viewers; delay is the
median age through it less the median age of one hop. `fleet`: three such vehicles with four viewers each.
"""

from __future__ import annotations

from collections.abc import Sequence

from aboard.bench.figures import Case, once, ours_of, peers_of, ranked
from aboard.bench.media.extent import Extent
from aboard.bench.media.janus_process import find_janus
from aboard.bench.media.stage import HD, Play, Played, play

HOP_P50_SHARE, HOP_P99_SHARE = 0.35, 0.5  # of stock aiortc's
DELAY_MS, JANUS_TIMES, TRANSCODE_SHARE = 3.0, 2.0, 0.15
VIEWERS = (1, 4, 8)
FLEET, FLEET_VIEWERS, FLEET_CORE, GROWTH_PCT = 3, 4, 0.25, 5.0
NOT_SHOWN_PCT = 5.0  # of 30 a second: a fleet that sends little costs little
ONE = ({"name": "A01"},)


async def hop(extent: Extent) -> list[Case]:
    """One hop of ours and of aiortc, and ours through the hub."""
    seconds = extent.either(12, 5)
    extent.said("hop, ours")
    ours = await play(Play(ONE, seconds, HD, engine=None))
    extent.said("hop, stock aiortc")
    stock = await play(Play(ONE, seconds, HD, engine=None, stock=True))
    extent.said("hop, through the hub")
    through = await play(Play(ONE, seconds, HD))
    return hop_cases(ours.ages_ms, stock.ages_ms, through.ages_ms)


def hop_cases(ours: list[float], stock: list[float], through: list[float]) -> list[Case]:
    """Pure."""
    peers, theirs = peers_of("stock_aiortc", stock), ours_of(stock)
    goal = {}
    if theirs.p50 is not None and theirs.p99 is not None:
        goal = {"p50": round(HOP_P50_SHARE * theirs.p50, 3), "p99": round(HOP_P99_SHARE * theirs.p99, 3)}
    return [Case("hop", "ms", ours_of(ours), peers, goal), Case("hop_hub", "ms", ours_of(through), peers)]  # type: ignore[arg-type]


async def forward(extent: Extent) -> list[Case]:
    """Every engine with every number of viewers; Janus where it is installed."""
    seconds = extent.either(6, 4)
    extent.said("forward, one hop")
    direct = _middle_ms(await play(Play(ONE, seconds, HD, engine=None)))
    engines = ["forwarder", *(["janus"] if find_janus() else []), "transcode"]
    cases: list[Case] = []
    for viewers in VIEWERS[:1] if extent.quick else VIEWERS:
        added, cost = dict[str, float | None](), dict[str, float | None]()
        for engine in engines:
            extent.said(f"forward, {engine}, {viewers}")
            played = await play(Play(ONE, seconds, HD, engine=engine, crowd=viewers - 1))
            through = _middle_ms(played)
            added[engine] = None if through is None or direct is None else through - direct
            cost[engine] = 1000 * played.cpu_s / played.frames if played.frames else None
        cases += forward_cases(viewers, added, cost)
    return cases


def _middle_ms(played: Played) -> float | None:
    return ranked(played.ages_ms, 50)


def forward_cases(viewers: int, added: dict[str, float | None], cost: dict[str, float | None]) -> list[Case]:
    """ms by engine; what was not measured bounds nothing. Pure."""
    janus_ms, janus_cost, transcode_cost = added.get("janus"), cost.get("janus"), cost.get("transcode")
    bounds = [JANUS_TIMES * janus_cost] if janus_cost is not None else []
    bounds += [TRANSCODE_SHARE * transcode_cost] if transcode_cost is not None else []
    delay = DELAY_MS if janus_ms is None else max(DELAY_MS, JANUS_TIMES * janus_ms)
    return [
        Case(f"forward_delay_{viewers}", "ms", once(added["forwarder"]), _peers(added), {"p50": round(delay, 3)}),
        Case(
            f"forward_cpu_{viewers}", "ms", once(cost["forwarder"]), _peers(cost),
            {"p50": round(min(bounds), 3)} if bounds else {},
        ),
    ]  # fmt: skip


def _peers(by_engine: dict[str, float | None]) -> dict[str, float]:
    return {name: value for name, value in by_engine.items() if name != "forwarder" and value is not None}


async def fleet(extent: Extent) -> list[Case]:
    """Three vehicles with four viewers each for so long as asked."""
    extent.said("fleet")
    seconds = min(extent.seconds, 10) if extent.quick else extent.seconds
    vehicles = [{"name": f"A{number:02d}"} for number in range(1, FLEET + 1)]
    return fleet_cases(await play(Play(vehicles, seconds, HD, crowd=FLEET_VIEWERS - 1)))


def fleet_cases(played: Played) -> list[Case]:
    """Pure."""
    seconds = played.end_s - played.began_s
    shown = played.frames / (seconds * HD.fps * len(played.seen))
    return [
        Case("fleet_core", "core", once(played.cpu_s / seconds), {}, {"p99": FLEET_CORE}),
        Case("fleet_growth", "pct", once(growth_pct(played.resident_mb)), {}, {"p99": GROWTH_PCT}),
        Case("fleet_age", "ms", ours_of(played.ages_ms)),
        Case("fleet_not_shown", "pct", once(100 * (1 - shown)), {}, {"p99": NOT_SHOWN_PCT}),
    ]


def growth_pct(resident_mb: Sequence[float]) -> float | None:
    """How much more memory the last fifth of a run holds than the second fifth, by their medians. Pure.

    The first fifth is left out: a hub loads what it needs when the first pictures come.
    """
    fifth = len(resident_mb) // 5
    if not fifth:
        return None
    early, late = ranked(resident_mb[fifth : 2 * fifth], 50), ranked(resident_mb[-fifth:], 50)
    return None if not early or late is None else 100 * (late / early - 1)
