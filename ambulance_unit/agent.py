"""The vehicle's agent: samples the monitor, follows the position, takes the crew's taps, and makes each a durable fact.

Works the same with the hub gone: facts go into the outbox, and the crew sees the last view told with their own facts
over it. The link sends; what a tap means is `crew`'s, what an arrival means `mission`'s, waves are `wave_feed`'s.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from datetime import datetime
from typing import Any, Protocol

from ambulance_unit.counting import Counting, Stretch
from ambulance_unit.crew import CrewDesk
from ambulance_unit.mission import View, arrival_of, with_leg_now
from ambulance_unit.monitor.feed import Monitor
from ambulance_unit.next_step import next_step
from ambulance_unit.offline import LOW_H
from ambulance_unit.outbox import Record
from ambulance_unit.own_facts import OwnFacts
from ambulance_unit.picture_quality import Quality, QualityWatch
from ambulance_unit.position import FollowLeg, PositionSource
from ambulance_unit.sampling import Sample, Sampler
from ambulance_unit.scribe import Scribe
from ambulance_unit.technical import Technical
from ambulance_unit.told_view import ToldView
from ambulance_unit.wave_feed import WaveFeed
from ambulance_unit.whereabouts import Whereabouts
from casebook import events as e
from casebook.asking import Asker
from casebook.clock import Clock
from casebook.errors import CoordinationError, FeedLost
from casebook.place import Place
from casebook.vitals import alarms
from media.waveforms import Numerics, WavePacket

RETRY_S = 5.0  # wall seconds before a feed that failed is tried again
MONITOR_ON = "monitor_on"  # what the outbox's file remembers of it across a restart
SETTLED = ("handed_over", "closed")


class Link(Protocol):
    """The way to the hub: `hub_link.HubLink`, or a stand-in. Calls `changed` when view or counts have changed."""

    changed: Callable[[], None]
    sent: int

    def wake(self) -> None: ...

    def as_view(self) -> dict[str, Any]: ...

    async def run(self) -> None: ...


class Live(Protocol):
    """What goes to the hub without being stored: `camera.LiveMedia`. Light vehicles have none."""

    def start(self) -> None: ...

    async def stop(self) -> None: ...

    def send(self, packet: WavePacket) -> bool: ...

    def send_numerics(self, numerics: Numerics) -> bool: ...

    def look_at_picture(self) -> Quality: ...

    def wrong(self) -> CoordinationError | None: ...

    def counts(self) -> dict[str, Any]: ...


class Agent:
    """One vehicle. `monitor_for(label)` gives the monitor for a casualty; `base` is where it stands by.

    `position` None follows the told leg by the clock, as drills do. `draws_waves`: make wave packets, for `live` and
    for the tablet; `feeds_began_at` is second 0 of the monitors' waves. `wall_s` is a monotonic clock.
    """

    def __init__(
        self,
        unit: str,
        clock: Clock,
        scribe: Scribe,
        told: ToldView,
        link: Link,
        *,
        base: Place,
        monitor_for: Callable[[str], Monitor | None] = lambda label: None,
        position: PositionSource | None = None,
        live: Live | None = None,
        draws_waves: bool = False,
        feeds_began_at: datetime | None = None,
        wall_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self.unit, self.clock, self.link, self.live = unit, clock, link, live
        self._scribe, self._outbox, self._told = scribe, scribe.outbox, told
        self._monitor_for, self._draws_waves = monitor_for, draws_waves or live is not None
        self._listeners: list[Callable[[], None]] = []
        self._pending: set[asyncio.Task[Any]] = set()
        self._monitor_off: str | None = None  # whom the crew took it off
        self.unstored = 0
        self.technical = Technical(self._touch)
        self.own = OwnFacts(scribe.outbox, clock, wall_s)
        source = position or FollowLeg(lambda: self.view, base)
        self.whereabouts = Whereabouts(unit, clock, source, self.technical, self._report, self._arrived)
        sampled = self._outbox.stored_of(e.VitalsRecorded.name)
        self.sampler = Sampler(clock, self.technical, self._choose_monitor, self._store_sample, sampled=sampled)
        self.counting = Counting(
            unit, lambda at, fact: self._put_soon(at, fact, "monitor", spare=True), missed=lambda: self.sampler.missed,
            waiting=lambda: self._outbox.counts.waiting,
        )  # fmt: skip
        self.waves = WaveFeed(clock, feeds_began_at or clock.now(), lambda: self.sampler.monitor)
        self.quality = self._watch_quality(live, wall_s) if live is not None else None
        self.crew = CrewDesk(unit, lambda: self.view, self._record_tap, self.attach_monitor)
        link.changed = self._hear
        if told.unreadable:
            self.technical.note("view", FeedLost("last_view_unreadable", why=told.unreadable), clock.now())
        self.sampler.attach(self._outbox.recall(MONITOR_ON) or None)

    # --- running

    async def run(self) -> None:
        """Work until cancelled; the feeds and the link end with it."""
        self._settle()
        whereabouts = self.whereabouts
        feeds = {"position": whereabouts.source.run, "monitor": self.sampler.run, "outbox": whereabouts.run}
        if self.live is not None:
            self.waves.send_to(self.live.send)
            self.live.start()
        if self.quality is not None:
            feeds["picture"] = self.quality.run
        if self._draws_waves:
            feeds["waves"] = self.waves.run
        works = [self.link.run(), *(self._keep_up(name, work) for name, work in feeds.items())]
        tasks = [asyncio.create_task(work) for work in works]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, *self._pending, return_exceptions=True)
            if self.live is not None:
                await self.live.stop()

    async def close(self) -> None:
        """Finish what is being written and close the outbox."""
        await asyncio.gather(*self._pending, return_exceptions=True)
        await self._scribe.close()

    async def _keep_up(self, name: str, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run a feed; one that fails is told to the crew and tried again, and the vehicle goes on without it."""
        while True:
            try:
                await work()
                return
            except CoordinationError as wrong:
                self.technical.note(name, wrong, self.clock.now())
                await asyncio.sleep(RETRY_S)

    # --- facts

    async def record(
        self, facts: Sequence[e.Event], at: datetime, *, who: str = "", origin: str = "device", asked: str = ""
    ) -> list[int]:
        """Make facts durable, then show them; gives their rows in the outbox.

        Raises FeedLost when the disk does not take them, and then nothing has changed.
        """
        records = [Record(at, fact.name, e.encode(fact), who or self.unit, origin, asked) for fact in facts]
        seqs = await self._scribe.put(records)
        self.own.add(seqs, at, facts, who)
        self.technical.clear("refused")
        self.link.wake()
        self._settle()
        self._touch()
        return seqs

    async def _record_tap(self, facts: Sequence[e.Event], asker: Asker) -> list[int]:
        at = asker.at or self.clock.now()
        seqs = await self.record(facts, at, who=asker.badge.who, origin=asker.origin, asked=asker.key)
        for fact in facts:
            if isinstance(fact, e.UnitAtPatient) and self.sampler.casualty is None:
                await self.attach_monitor(fact.casualty)
        return seqs

    def _report(self, at: datetime, fact: e.PositionReported) -> None:
        self._put_soon(at, fact, "position", spare=True)

    def _watch_quality(self, live: Live, wall_s: Callable[[], float]) -> QualityWatch:
        return QualityWatch(
            self.unit, self.clock, wall_s, look=lambda: self._look_at(live), heard=lambda: "unit" in self.view,
            tell=lambda at, fact: self._put_soon(at, fact, "camera", spare=True), changed=self._touch,
        )  # fmt: skip

    def _look_at(self, live: Live) -> Quality:
        wrong = live.wrong()
        if wrong is None:
            self.technical.clear("media")
        elif "media" not in self.technical.names():
            self.technical.note("media", wrong, self.clock.now())
        return live.look_at_picture()

    async def _arrived(self, at: datetime) -> None:
        fact = arrival_of(self.view)
        if fact is not None:
            await self.record([fact], at, origin="geofence")

    def _put_soon(
        self, at: datetime, fact: e.Event, origin: str, *, spare: bool, stretch: Stretch | None = None
    ) -> None:
        """Store one of a stream without waiting for the disk; what it does not take is counted and told to the crew."""
        record = Record(at, fact.name, e.encode(fact), self.unit, origin, sample=True, spare=spare)
        self._soon(self._scribe.put([record])).add_done_callback(lambda task: self._stored(task, stretch))

    def _soon(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = asyncio.create_task(work)
        self._pending.add(task)
        task.add_done_callback(self._pending.discard)
        return task

    def _stored(self, task: asyncio.Task[Any], stretch: Stretch | None) -> None:
        wrong = asyncio.CancelledError() if task.cancelled() else task.exception()
        if wrong is None:
            self.technical.clear("outbox")
            self.link.wake()
            return
        self.unstored += 1
        if stretch is not None:
            stretch.lose()
        told = wrong if isinstance(wrong, CoordinationError) else FeedLost("outbox_unwritable", file="", why=str(wrong))
        self.technical.note("outbox", told, self.clock.now())

    # --- monitor

    async def attach_monitor(self, casualty: str | None) -> None:
        """Put the monitor on this casualty or, with None, take it off; remembered across a restart."""
        self._monitor_off = None if casualty else self.sampler.casualty
        self._move_monitor(casualty)

    def _move_monitor(self, casualty: str | None) -> None:
        if casualty == self.sampler.casualty:
            return
        self.counting.end(self.clock.now())
        self.sampler.attach(casualty)
        remembering = self._soon(self._scribe.do(lambda: self._outbox.remember(MONITOR_ON, casualty or "")))
        remembering.add_done_callback(lambda done: done.cancelled() or done.exception())  # told with the next fact
        self._touch()

    def _choose_monitor(self, casualty: str) -> Monitor | None:
        known = self.view.get("casualties", {}).get(casualty, {})
        return self._monitor_for(known.get("label", casualty.rpartition("-")[2]))

    def _settle_monitor(self, view: View) -> None:
        """Off whoever is not ours any more; on the one who is aboard, unless the crew took it off them."""
        on = self.sampler.casualty
        casualties, aboard = view.get("casualties", {}), view["unit"].get("aboard", [])
        if on is not None and casualties.get(on, {"stage": "closed"})["stage"] in SETTLED:
            self._move_monitor(None)
        if self.sampler.casualty is None and len(aboard) == 1 and aboard[0] in casualties:
            ours = casualties[aboard[0]]["stage"] not in SETTLED and aboard[0] != self._monitor_off
            self._move_monitor(aboard[0] if ours else None)

    def _store_sample(self, sample: Sample) -> None:
        fact = e.VitalsRecorded(sample.casualty, self.unit, sample.vitals.as_dict())
        stretch = self.counting.take(sample.casualty, sample.at)
        self._put_soon(sample.at, fact, "monitor", spare=not alarms(sample.vitals), stretch=stretch)
        if self.live is not None:
            numbers = {name: value for name, value in sample.vitals.as_dict().items() if isinstance(value, int | float)}
            self.live.send_numerics(Numerics(sample.casualty, self.sampler.sampled, sample.at, numbers))
        self._touch()

    # --- what is seen

    @property
    def view(self) -> View:
        """The last view told, with the crew's own facts over it."""
        return self.own.over(self._told.view)

    def tablet_view(self) -> dict[str, Any]:
        """Everything the tablet shows: the view, and what only the vehicle knows."""
        view, counts, sampler = with_leg_now(self.view), self._outbox.counts, self.sampler
        latest = sampler.latest.as_view() if sampler.latest else None
        channels = list(sampler.monitor.channels) if sampler.monitor else []
        return view | {
            "me": self.unit,
            "told_at": self._told.at,
            "link": self.link.as_view(),
            "outbox": {"waiting": counts.waiting, "corrupt": counts.corrupt, "room_h": self._outbox.room_h},
            "monitor": {"casualty": sampler.casualty, "latest": latest, "channels": channels},
            "position": self.whereabouts.as_view(),
            "technical": self.technical.as_view(),
            "picture": self.quality.as_view() if self.quality else None,
            "next": next_step(view),
        }

    def ledger(self) -> dict[str, Any]:
        """Counts that prove what became of every sample: sampled, stored here, sent, in the hub's book."""
        counts, sampler = self._outbox.counts, self.sampler
        return {
            "unit": self.unit, "epoch": self._outbox.epoch, "sampled": sampler.sampled, "unstored": self.unstored,
            "vitals_stored": self._outbox.stored_of(e.VitalsRecorded.name), "missed": sampler.missed,
            "impossible": sampler.impossible, "stored": counts.stored, "sent": self.link.sent, "acked": counts.acked,
            "waiting": counts.waiting, "corrupt": counts.corrupt, "media": self.live.counts() if self.live else {},
            "waves_made": self.waves.made, "hub_lost_rows": getattr(self.link, "hub_lost_rows", 0),
        }  # fmt: skip

    def listen(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Be told when something that the tablet shows has changed. Returns how to stop."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def find_asked(self, key: str) -> list[int]:
        """Rows that an idempotency key has written."""
        return self._outbox.find_asked(key)

    def _settle(self) -> None:
        """The view may have changed: follow it with the monitor and the leg."""
        view = self.view
        if "unit" in view:
            self._settle_monitor(view)
            self.whereabouts.follow(view)

    def _touch(self) -> None:
        for listener in self._listeners:
            listener()

    def _hear(self) -> None:
        """The link has changed something."""
        for own in self.own.settle(self._told):
            self.technical.note("refused", FeedLost("fact_not_accepted", what=own.fact.name), own.at)
        self._tell_damage()
        self._settle()
        self._touch()

    def _tell_damage(self) -> None:
        corrupt, lost = self._outbox.counts.corrupt, getattr(self.link, "hub_lost_rows", 0)
        if corrupt:
            self.technical.note("damage", FeedLost("outbox_row_damaged", n=corrupt), self.clock.now())
        if lost:
            self.technical.note("hub", FeedLost("hub_lost_rows", n=lost), self.clock.now())
        if (twin_at := getattr(self.link, "twin_at", None)) is not None:
            self.technical.note("twin", FeedLost("vehicle_twin", unit=self.unit), twin_at)
        room = self._outbox.room_h
        if room is not None and room < LOW_H:
            self.technical.note("room", FeedLost("outbox_room_low", hours=room), self.clock.now())
        else:
            self.technical.clear("room")
