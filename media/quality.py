"""Decide what the uplink is used for: voice before vitals before 12-lead before stills before moving pictures.

Pure: the present standing, what the link carries and the time in; the next standing out, with its reason. A thin link
is believed after a second, a better one after five, and each step up that did not hold makes the next one wait longer.
What the rungs need is a dated table (`quality_ladder.json`); measuring the link is `media.rate_control`'s, carrying the
decision out the camera's and the sender's.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

import msgspec

DOWN_AFTER_S = 1.0
UP_AFTER_S, UP_AFTER_S_MAX = 5.0, 60.0
HELD_S = 15.0  # a step up that is undone sooner did not hold
STAY_SHARE = 0.85  # of a rung's own kbit/s: the receiver's estimate falls to so much of what got through (GCC, beta)
UP_SHARE = 1.25  # of the next rung's own


class Rung(msgspec.Struct, frozen=True):
    """One use of the link. `kbps`: of its own; video has the greatest height and frame rate of its pictures."""

    name: str
    kbps: float
    height: int | None = None
    fps: int | None = None

    @property
    def is_video(self) -> bool:
        return self.fps is not None


class _Table(msgspec.Struct, frozen=True):
    valid_from: str
    source: str
    rungs: tuple[Rung, ...]


TABLE = msgspec.json.decode(Path(__file__).with_name("quality_ladder.json").read_bytes(), type=_Table)
RUNGS = TABLE.rungs
FIRST_VIDEO = next(place for place, rung in enumerate(RUNGS) if rung.is_video)
STILLS = next(place for place, rung in enumerate(RUNGS) if rung.name == "stills")
BESIDE_VIDEO_KBPS = sum(rung.kbps for rung in RUNGS if not rung.is_video)


class Why(StrEnum):
    """The reason for the rung in force."""

    START = "start"  # nothing was measured yet
    HOLDS = "holds"  # it was, and the rung of the start is carried
    LINK_THIN = "link_thin"
    LINK_BETTER = "link_better"
    TRIAL = "trial"  # nothing tells what the link carries while no picture is sent: try


@dataclass(frozen=True, slots=True)
class Standing:
    """The rung in force (its place in `RUNGS`), why and since when; the rest is for the next decision."""

    place: int
    why: Why = Why.START
    since_s: float = 0.0
    carries_kbps: float | None = None
    thin_since_s: float | None = None
    better_since_s: float | None = None
    up_after_s: float = UP_AFTER_S

    @property
    def rung(self) -> Rung:
        return RUNGS[self.place]


def needs_kbps(place: int) -> float:
    """What the link must carry for a rung: itself and all that comes before it; of video only the best is sent."""
    rung = RUNGS[place]
    if rung.is_video:
        return BESIDE_VIDEO_KBPS + rung.kbps
    return sum(lower.kbps for lower in RUNGS[: place + 1])


def highest_that_fits(kbps: float, *, top: int = len(RUNGS) - 1) -> int:
    """The place of the best rung that so much carries, at most `top`; the lowest when none does."""
    return max((place for place in range(top + 1) if needs_kbps(place) <= kbps), default=0)


def stand(before: Standing, carries_kbps: float | None, at_s: float, *, top: int = len(RUNGS) - 1) -> Standing:
    """The standing after a look at the link. `carries_kbps`: all of the uplink, None for unknown; `top`: the best rung
    that the camera can give.
    """
    seen = _noted(before, carries_kbps, at_s, top)
    if seen.thin_since_s is not None and at_s - seen.thin_since_s >= DOWN_AFTER_S:
        return _stepped_down(seen, at_s)
    if seen.better_since_s is not None and at_s - seen.better_since_s >= seen.up_after_s:
        why = Why.TRIAL if carries_kbps is None else Why.LINK_BETTER
        return Standing(seen.place + 1, why, at_s, carries_kbps, up_after_s=seen.up_after_s)
    if (
        seen.why is Why.START
        and carries_kbps is not None
        and seen.thin_since_s is None
        and at_s - seen.since_s >= UP_AFTER_S
    ):
        return replace(seen, why=Why.HOLDS)
    return seen


def _noted(before: Standing, carries_kbps: float | None, at_s: float, top: int) -> Standing:
    """`before` with since when the link is too thin for its rung, or good for the next."""
    place, has_next = before.place, before.place < top
    if carries_kbps is None:
        thin, better = False, has_next and place < FIRST_VIDEO
    else:
        thin = place > 0 and carries_kbps < needs_kbps(place) - (1 - STAY_SHARE) * RUNGS[place].kbps
        better = has_next and carries_kbps >= needs_kbps(place + 1) + (UP_SHARE - 1) * RUNGS[place + 1].kbps
    return replace(
        before,
        carries_kbps=carries_kbps,
        thin_since_s=_since(before.thin_since_s, at_s) if thin else None,
        better_since_s=_since(before.better_since_s, at_s) if better else None,
    )


def _since(since_s: float | None, at_s: float) -> float:
    return at_s if since_s is None else since_s


def _stepped_down(seen: Standing, at_s: float) -> Standing:
    assert seen.carries_kbps is not None
    place = min(highest_that_fits(seen.carries_kbps), seen.place - 1)
    undone = seen.why in (Why.LINK_BETTER, Why.TRIAL) and at_s - seen.since_s < HELD_S
    up_after_s = min(UP_AFTER_S_MAX, 2 * seen.up_after_s) if undone else UP_AFTER_S
    return Standing(place, Why.LINK_THIN, at_s, seen.carries_kbps, up_after_s=up_after_s)
