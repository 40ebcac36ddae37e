"""A network in memory: who listens where, which ways are cut, and requests that arrive late or not at all.

What a connection does is `connections`': disorder and repetition come from several of them, for what a dead one had
sent may arrive behind what its successor sends. Programs call and are called as on a real loop: a vehicle or a screen
dials with the vehicle's own client, and the protocol of the hub's own server answers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import copy_context
from random import Random
from typing import Any

from scenarios.simulator.connections import Connection, Way, Weather
from scenarios.simulator.virtual_loop import OUTSIDE, Process, VirtualLoop

AGAIN_S = 0.5  # seconds after which what a cut holds up is sent again
REQUEST_S = 6.0  # seconds after which somebody who asked asks again
Protocols = Callable[[], asyncio.Protocol]


def address_of(hub: str) -> str:
    return f"http://{hub}"


class Network(Way):
    """`cut` and `heal` between two names; a cut between x and y holds what x and y send each other."""

    def __init__(self, loop: VirtualLoop, rng: Random, weather: Weather) -> None:
        super().__init__(loop, rng, weather)
        self._listening: dict[str, tuple[str, Process, Protocols]] = {}  # by host, while they are up
        self._connections: list[Connection] = []
        self._made = 0
        loop.dial = self._dial

    def listen(self, name: str, process: Process, protocols: Protocols) -> None:
        """A hub takes connections from now on, as often with a new one of its protocols."""
        self._listening[name.lower()] = name, process, protocols

    def cut(self, one: str, other: str) -> None:
        self._cuts.add(frozenset((one, other)))

    def heal(self, one: str, other: str) -> None:
        self._cuts.discard(frozenset((one, other)))
        for connection in self._connections:
            if {one, other} == {connection.caller, connection.hub}:
                connection.thaw()

    def heal_all(self) -> None:
        for one, other in sorted(tuple(sorted(pair)) for pair in self._cuts):
            self.heal(one, other)

    def reset(self, name: str) -> None:
        """All connections of this one break, and what is under way is gone."""
        for connection in self._connections:
            if name in (connection.caller, connection.hub):
                connection.break_off()

    def hang_up(self, name: str) -> None:
        """The process of that name was killed: its machine still sends what it had been given, then says goodbye."""
        self._listening.pop(name.lower(), None)
        for end in [end for connection in self._connections for end in connection.ends if end.name == name]:
            end.vanish()

    async def _dial(self, protocols: Protocols, host: str) -> tuple[asyncio.Transport, asyncio.Protocol]:
        """What the running process gets when it connects. Raises ConnectionRefusedError; for ever where nothing comes
        through."""
        caller = Process.here().name
        while host in self._listening and self.is_cut(caller, self._listening[host][0]):  # noqa: ASYNC110 - as TCP does
            await asyncio.sleep(AGAIN_S)
        await asyncio.sleep(2 * self.drawn_delay_s())
        if host not in self._listening:
            raise ConnectionRefusedError
        hub, process, answering = self._listening[host]
        self._made += 1
        there = process.context()
        connection = Connection(self, self._made, caller, hub, copy_context(), there)
        self._connections = [*(one for one in self._connections if not one.is_over), connection]
        self.loop.call_soon(lambda: connection.server.begin(answering()), context=there)
        protocol = protocols()
        connection.client.begin(protocol)
        return connection.client, protocol

    async def request(self, caller: str, server: str, begin: Callable[[], asyncio.Task[Any] | None]) -> Any:
        """What the server answers, as often as this arrives: `begin` starts the work there (None: nobody listens).

        Raises TimeoutError when no answer came; the request may be done all the same, even later.
        """
        answer: asyncio.Future[Any] = self.loop.create_future()

        def arrive() -> None:
            if self.is_cut(caller, server):
                self.loop.call_later(AGAIN_S, arrive, context=OUTSIDE)
            elif (task := begin()) is not None:
                task.add_done_callback(answered, context=OUTSIDE)

        def answered(task: asyncio.Task[Any]) -> None:
            wrong = None if task.cancelled() else task.exception()  # looked at: it is told, or it is lost on its way
            if not self.is_cut(caller, server) and not task.cancelled():
                self.loop.call_later(self.drawn_delay_s(), _settle, answer, task, wrong, context=OUTSIDE)

        self.loop.call_later(self.drawn_delay_s(), arrive, context=OUTSIDE)
        async with asyncio.timeout(REQUEST_S):
            return await answer


def _settle(answer: asyncio.Future[Any], task: asyncio.Task[Any], wrong: BaseException | None) -> None:
    if answer.done():
        return
    if wrong is not None:
        answer.set_exception(wrong)
    else:
        answer.set_result(task.result())
