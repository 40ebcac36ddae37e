"""The network is gone for 3 s and for 35 s, HTTP with it: how soon the picture is live again, and whether the past is
shown as the present."""

from __future__ import annotations

from collections.abc import Sequence

from aboard.bench.figures import Case, Ours, once, ours_of
from aboard.bench.media.bad_links import DELAY_S, Link, vehicle_over
from aboard.bench.media.extent import Extent
from aboard.bench.media.seen import live_again_s, stale
from aboard.bench.media.stage import Play, Played, play

SHORT_S, LONG_S = 3.0, 35.0
LIVE_S = {SHORT_S: 0.5, LONG_S: 3.0}  # after the network's return
BEGINS_S, AFTER_S = 6.0, 6.0
SEEDS = 5


async def outage(extent: Extent) -> list[Case]:
    """The short one; in the full form the long one beside it."""
    seeds = min(extent.seeds, SEEDS)
    cases: list[Case] = []
    for length_s in (SHORT_S,) if extent.quick else (SHORT_S, LONG_S):
        extent.said(f"outage, {length_s:g} s")
        vehicles = [vehicle_over(silent_for(length_s), seed) for seed in range(seeds)]
        cases += outage_cases(length_s, await play(Play(vehicles, BEGINS_S + length_s + AFTER_S)))
    return cases


def silent_for(length_s: float) -> Link:
    """A link with nothing wrong but that."""
    changes = ({"at_s": BEGINS_S, "silent": True}, {"at_s": BEGINS_S + length_s, "silent": False})
    return Link({"delay_s": DELAY_S}, {"delay_s": DELAY_S}, changes)


def outage_cases(length_s: float, played: Played) -> list[Case]:
    """Pure. A vehicle that did not come back leaves both figures unknown, which is a goal missed."""
    returned_s = played.vehicles_s + BEGINS_S + length_s
    came = [live_again_s(seen, returned_s) for seen in played.seen.values()]
    name = f"outage_{length_s:g}s"
    return [
        Case(f"{name}_live", "s", _all(came), {}, {"p99": LIVE_S[length_s]}),
        Case(f"{name}_stale", "pictures", once(sum(stale(seen, returned_s) for seen in played.seen.values())), {},
             {"p99": 0}),
    ]  # fmt: skip


def _all(values: Sequence[float | None]) -> Ours:
    known = [value for value in values if value is not None]
    return ours_of(known) if len(known) == len(values) else Ours(None, None, len(known))
