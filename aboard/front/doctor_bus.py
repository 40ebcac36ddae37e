"""The doctor's look at the bus between hubs: which one a hub with these settings has, and whether it carries."""

from __future__ import annotations

import asyncio

from aboard.front.doctor import Finding, found
from aboard.front.language import spoken

ANSWER_S = 3.0  # wall seconds for a bus to carry our own beat
NAME = "doctor"  # the book that the doctor pretends to have


def check_bus(setting: str, *, shared: bool) -> Finding:
    """A hub runs without any: what does not answer is a warning, what is no bus at all a failure."""
    from casebook.bus import EMBEDDED, IN_PROCESS, open_bus  # here, so that a missing package is told, not tripped over
    from casebook.errors import CoordinationError

    try:
        bus = open_bus(setting, NAME, shared=shared)
    except CoordinationError as wrong:
        return found("fail", "bus.unknown", why=wrong.said(spoken()))
    if bus.where == IN_PROCESS:
        return found("ok", "bus.none")
    if bus.where.startswith(EMBEDDED):
        return _embedded(bus.where)
    up, trouble = asyncio.run(_carries(setting))
    return found("ok", "bus.up", where=bus.where) if up else found("warn", "bus.down", where=bus.where, why=trouble)


def _embedded(where: str) -> Finding:
    from casebook.bus.embedded import program
    from casebook.errors import FeedLost

    try:
        program()
    except FeedLost as wrong:
        return found("warn", "bus.absent", why=wrong.facts["why"])
    return found("ok", "bus.embedded", where=where)


async def _carries(url: str) -> tuple[bool, str]:
    """Whether we hear ourselves over it, as a hub would; else what is wrong in a word."""
    from casebook.bus.redis_bus import RedisBus, client_for

    bus = RedisBus(client_for(url), NAME, "")
    carrying = asyncio.ensure_future(bus.run())
    try:
        async with asyncio.timeout(ANSWER_S):
            while not bus.is_up:  # noqa: ASYNC110 - a bus tells by a flag only
                await asyncio.sleep(0.02)
        return True, ""
    except TimeoutError:
        return False, bus.trouble or "-"
    finally:
        carrying.cancel()
        await asyncio.gather(carrying, return_exceptions=True)
        await bus.close()
