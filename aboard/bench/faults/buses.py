"""F3: the live bus is killed and comes back empty. F4: its master dies and Sentinels name another. F5: they are cut
from the master, one hub goes over to another one, the other stays; then they are together again.

Two hubs with one database; boards look at one of them, vehicles and wards talk to the other. Nobody may wait for a bus.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from aboard.bench.faults.finding import Finding, worst
from aboard.bench.faults.hubs import STALE_S, at_two_hubs
from aboard.bench.faults.lines import drop, heal, in_own_network
from aboard.bench.faults.valkeys import (
    MASTER_AT,
    OTHERS_AT,
    Watched,
    ask,
    need_valkey,
    one_server,
    until_told,
    watched,
)
from aboard.bench.faults.world import World

WORK_S = 1.0
CLIENTS = "CLIENT LIST"
TOGETHER_S = 30.0  # a Sentinel looks for 8 s whether a master that is there again is wanted, and asks it each 10 s


async def bus_killed(world: World) -> list[Finding]:
    """`bus_back`: from the server's start, with nothing of what it had, until both hubs hear each other again."""
    need_valkey()
    times, away_s = world.times(1, 5), 10.0 if world.full else 1.0
    back_s: list[float] = []
    with one_server(world.folder / "valkey") as server:
        await server.answers()
        url = f"redis://{server.host}:{server.port}"
        async with at_two_hubs(world.folder, url, seed=world.seed) as at_two:
            for number in range(times):
                await asyncio.sleep(WORK_S)
                server.kill()
                server.wipe()
                await asyncio.sleep(away_s)
                server.start()
                back_s.append(await at_two.bus_up())
                world.said(number + 1, times)
            await asyncio.sleep(WORK_S)
            told = await at_two.told()
    return [
        Finding("bus_kills", "times", times), Finding("down", "s", away_s), *told, worst("bus_back", back_s, STALE_S)
    ]  # fmt: skip


async def bus_failover(world: World) -> list[Finding]:
    """`bus_back`: from the kill of the master until both hubs hear each other by the new one."""
    need_valkey()
    times = world.times(1, 5)
    back_s: list[float] = []
    async with (
        watched(world.folder / "valkey") as group,
        at_two_hubs(world.folder, group.url, seed=world.seed) as at_two,
    ):
        for number in range(times):
            await asyncio.sleep(WORK_S)
            master = await group.named()
            killed_s = time.monotonic()
            master.kill()
            await group.master_is_not(master)
            await at_two.bus_up()
            back_s.append(time.monotonic() - killed_s)
            if number + 1 < times:
                master.start()
                await group.is_whole()
            world.said(number + 1, times)
        await asyncio.sleep(WORK_S)
        told = await at_two.told()
    return [Finding("bus_kills", "times", times), *told, worst("bus_back", back_s, STALE_S)]


async def bus_cut(world: World) -> Sequence[Finding]:
    """In a network of its own: every packet between the master and its replicas and Sentinels is dropped."""
    need_valkey()
    return await in_own_network(lambda: _bus_cut(world))


async def _bus_cut(world: World) -> list[Finding]:
    """`apart`: hubs that were on different masters; `together`: from the healing until both are on the new one."""
    async with (
        watched(world.folder / "valkey") as group,
        at_two_hubs(world.folder, f"{group.url}/0", f"{group.url}/1", seed=world.seed) as at_two,
    ):
        await asyncio.sleep(WORK_S)
        old = group.master
        drop(f"ip saddr {MASTER_AT} ip daddr {OTHERS_AT}")
        drop(f"ip saddr {OTHERS_AT} ip daddr {MASTER_AT}")
        await group.master_is_not(old)
        new = await group.named()
        await _send_away(group, 1)
        await until_told(new.client(), CLIENTS, lambda told: _hubs_of(told) == {1}, "the second hub alone")
        apart = _hubs_of(await ask(old.client(), CLIENTS)) == {0}
        await asyncio.sleep(10.0 if world.full else WORK_S)
        heal()
        healed_s = time.monotonic()
        await until_told(new.client(), CLIENTS, lambda told: _hubs_of(told) == {0, 1}, "both hubs together")
        together_s = time.monotonic() - healed_s
        await asyncio.sleep(WORK_S)
        told = await at_two.told()
    return [
        Finding("hubs_apart", "times", 2 if apart else 0, least=2), *told, worst("together", [together_s], TOGETHER_S)
    ]  # fmt: skip


async def _send_away(group: Watched, number: int) -> None:
    """End the connections of one hub to the old master: it asks the Sentinels anew."""
    for one in await ask(group.master.client(), CLIENTS):
        if int(one["db"]) == number:
            await ask(group.master.client(), f"CLIENT KILL ID {one['id']}")


def _hubs_of(clients: list[dict[str, str]]) -> set[int]:
    """The databases of those that listen: each hub has a number of its own, though what is told goes to all."""
    return {int(one["db"]) for one in clients if int(one["psub"])}
