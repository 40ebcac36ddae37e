"""Ask the other hubs whether another device speaks as a vehicle, before it is let in here.

Over the bus, so it may fail: then the device is let in. Hubs tell each other from time to time what they have, so a
twin that came in meanwhile, or at the same moment at two hubs, is found out, and both devices are told. Which of a
hub's own connections counts is casebook/vehicle_links.py's.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Collection, Coroutine
from typing import Any

import msgspec

from casebook.bus import Bus
from casebook.vehicle_links import TWIN_WAIT_S, UNDER_WAY_S, VehicleLinks

TOPIC = "vehicle"
ASK_S = 0.5  # wall seconds in which a hub that lives says whether it has such a device
LISTEN_S = 2 * TWIN_WAIT_S + UNDER_WAY_S  # in which it says whether that device speaks
TELL_S = 10.0  # wall seconds between two tellings of what one has


class Asked(msgspec.Struct, tag="asked", tag_field="t", frozen=True):
    """`hub` is about to let `boot` speak as `unit`."""

    number: str
    hub: str
    unit: str
    boot: str


class Said(msgspec.Struct, tag="said", tag_field="t", frozen=True):
    """What `hub` has: `twin` None while it listens whether the device that it has still speaks."""

    number: str
    hub: str
    twin: bool | None


class Has(msgspec.Struct, tag="has", tag_field="t", frozen=True):
    """The vehicles that have a connection to `hub`, and their devices."""

    hub: str
    boots: dict[str, str]


_words = msgspec.json.Decoder(Asked | Said | Has)


class Elsewhere:
    """`hub`: our name among the others; `others()`: the names of those that are there now."""

    def __init__(self, bus: Bus, hub: str, others: Callable[[], Collection[str]], links: VehicleLinks) -> None:
        self._bus, self._hub, self._others, self._links = bus, hub, others, links
        self._open: dict[str, dict[str, bool | None]] = {}  # by question: what each hub said
        self._news = asyncio.Event()
        self._working: set[asyncio.Future[Any]] = set()
        bus.listen(TOPIC, self._hear)

    async def has_twin(self, unit: str, boot: str) -> bool:
        """Whether a device other than `boot` speaks as this unit at another hub. A connection of `boot` makes way."""
        others = set(self._others()) - {self._hub}
        if not others or not self._bus.is_up:
            return False
        number = secrets.token_hex(8)
        said = self._open[number] = {}
        try:
            self._tell(Asked(number, self._hub, unit, boot))
            await self._until(lambda: others <= said.keys(), ASK_S)
            if None in said.values():
                await self._until(lambda: None not in said.values(), LISTEN_S + ASK_S)
            return True in said.values()
        finally:
            del self._open[number]

    async def tell_now_and_then(self) -> None:
        """Tell the others which vehicles are here; for ever."""
        while True:
            self.tell()
            await asyncio.sleep(TELL_S)

    def tell(self) -> None:
        if boots := self._links.boots:
            self._tell(Has(self._hub, boots))

    async def _until(self, told: Callable[[], bool], within_s: float) -> None:
        try:
            async with asyncio.timeout(within_s):
                while not told():
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            return

    def _tell(self, words: Asked | Said | Has) -> None:
        self._bus.tell(TOPIC, msgspec.json.encode(words))

    def _hear(self, raw: bytes) -> None:
        match _words.decode(raw):
            case Said(number=number) as said if number in self._open:
                self._open[number][said.hub] = said.twin
                self._news.set()
            case Asked(hub=hub) as asked if hub != self._hub:
                self._begin(self._answer(asked))
            case Has(hub=hub, boots=boots) if hub != self._hub:
                for unit, boot in boots.items():
                    if self._links.is_taken(unit, boot):
                        self._begin(self._links.is_held(unit, boot))
            case _:
                pass

    def _begin(self, work: Coroutine[Any, Any, Any]) -> None:
        task = asyncio.ensure_future(work)
        self._working.add(task)
        task.add_done_callback(self._working.discard)

    async def _answer(self, asked: Asked) -> None:
        listening = self._links.is_taken(asked.unit, asked.boot)
        self._tell(Said(asked.number, self._hub, None if listening else False))
        if listening:
            twin = await self._links.is_held(asked.unit, asked.boot)
            self._tell(Said(asked.number, self._hub, twin))
        else:
            self._links.make_way(asked.unit)
