"""Say who is decided on again first, and how long the desk rests between two. Pure.

One hospital's new figure concerns everybody under way, and so does a restart: hundreds of decisions, each of which
keeps Python's one lock for some 15 ms from the vehicles and screens beside it. So they are taken one by one with rests
between, and who needs it most comes first. Who asks for the first time never waits here (dispatch/desk.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from casebook.casualty import Category
from casebook.picture import CasualtyState, Picture
from dispatch.switching import is_reopened

SHARE = 0.2  # of the wall's time at most in which the desk thinks again: 400 casualties of 15 ms are done in 30 s
REST_MOST_S = 0.25  # wall seconds; on a machine so loaded that a thought takes longer, the desk gets on all the same
LATEST_S = 60.0  # wall seconds behind after which whoever waits longest is next, whatever others need
URGENCY = (Category.RED, Category.YELLOW, None, Category.GREEN, Category.GREY, Category.BLACK)  # None: nobody has said


@dataclass(frozen=True, slots=True)
class Behind:
    """A casualty whose situation changed, first `since`, last `changed` (None: before a restart, nobody knows when)."""

    since: datetime
    changed: datetime | None

    def again(self, at: datetime) -> Behind:
        """It changed once more, and waits no shorter for that."""
        return Behind(self.since, at)


def in_turn(picture: Picture, behind: Mapping[str, Behind], now: datetime, rate: float = 1.0) -> list[str]:
    """Those behind, whose turn is next first. `rate`: clock seconds in a wall second."""
    late_since = now - timedelta(seconds=LATEST_S * rate)

    def turn(id: str) -> tuple[bool, int, datetime, str]:
        since = behind[id].since
        if since <= late_since:
            return False, 0, since, id
        return True, need_of(picture.casualties[id]), since, id

    return sorted(behind, key=turn)


def need_of(state: CasualtyState) -> int:
    """The less, the sooner: first who waits for somebody's yes, then who has it; of these red first."""
    waits = state.option is None or is_reopened(state)
    return URGENCY.index(state.category) + (0 if waits else len(URGENCY))


def rest_s(took_s: float, rate: float = 1.0) -> float:
    """Wall seconds of rest after so many of thinking. A fast drill hurries here as everywhere."""
    return min(REST_MOST_S, took_s * (1 / SHARE - 1)) / max(1.0, rate)
