"""Keep a fast drill at the pace of its machine: hold the clock while what happened has not arrived yet.

As fast as the sockets allow: a machine with nothing else to do plays at full rate; a busy one plays the same drill,
later. Decisions do not depend on it (docs/decisions), but screens that lag by minutes of the drill would prove nothing.
What a link holds back on purpose is not waited for: the drill goes on in the dark, and the clock is held after it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from casebook.clock import RateClock
from scenarios.player import Player

HOLD_S, GO_S = 0.6, 0.2  # wall seconds behind at which the clock is held, and at which it goes on
LOOK_S = 0.05
LONGEST_HOLD_S = 10.0  # something that never arrives must not hold the drill for ever


async def keep_pace(clock: RateClock, player: Player, is_dark: Callable[[], bool] = lambda: False) -> None:
    """Hold and release the clock until cancelled; never hold it while `is_dark`, nor again for what never arrives."""
    held_s, given_up = 0.0, False
    while True:
        await asyncio.sleep(LOOK_S)
        behind_s = 0.0 if is_dark() else player.behind_s() / clock.rate
        given_up = given_up and behind_s >= GO_S
        if clock.running and behind_s > HOLD_S and not given_up:
            clock.hold()
            held_s = 0.0
        elif not clock.running:
            held_s += LOOK_S
            given_up = held_s > LONGEST_HOLD_S
            if behind_s < GO_S or given_up:
                clock.go()
