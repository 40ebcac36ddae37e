"""The hub, put together: one book, the desks, the media plane, the feeds of every screen, on one port.

A composition root: it knows which adapter is real, and wires; what is decided is decided in the rooms.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request, WebSocket

from aboard.carrying import Behind, Carrying
from aboard.health.metrics import Seen
from aboard.health.watch import HealthWatch
from aboard.hub_reading import open_reading
from aboard.in_step import InStep
from aboard.media_engine import ice_for, known_keys, media_engine
from aboard.shown import Shown
from aboard.tailing import tail
from ambulance_unit.fleet_views import FleetViews
from casebook import events as e
from casebook.access import Badge, Gate, Role, need, need_hospital, need_unit
from casebook.answers import Answers
from casebook.asking import Ask
from casebook.book import Book
from casebook.concerned import need_concerned, need_talk
from casebook.desks import do_due
from casebook.door import add_asks, admit_socket, badge_of, make_app, serve_feed
from casebook.errors import CoordinationError, NotFound
from casebook.holds.watch import HoldWatch
from casebook.ledger_now import LedgerNow
from casebook.live import Feed, PlainView, plain
from casebook.log import By, Entry
from casebook.looking import Looking
from casebook.picture import Picture
from casebook.screens import REPO, add_screen, add_shared
from casebook.vehicle_door import serve_vehicle
from casebook.vehicle_links import VehicleLinks
from dispatch.app import DispatchRoom
from hospital_board.app import HospitalRoom
from media.guidance.door import serve_guidance
from media.guidance.relay import GuidanceRelay
from media.signalling import router as media_router
from media.viewing_log import ViewingLog
from media.voice import VoicePlane
from media.voice_door import voice_router
from media.voice_log import VoiceLog
from media.wave_door import wave_router
from media.wave_record import WaveRecords

log = logging.getLogger(__name__)
# They change a view only by numbers and a dot, or not at all.
STREAMING = frozenset(
    {"vitals_recorded", "position_reported", "samples_counted", "samples_shown", "picture_opened", "picture_closed"}
)
# Wall seconds between looks at views that show what streams of everybody (the console's) while nothing else arrives.
STREAM_LOOK_S = 0.2
LOOK_S = 0.5  # how often the desks look by themselves for what is due


class Hub:
    """One hub on one log. Make it, `async with hub.running()`, serve `hub.app`.

    `in_step`: with the other hubs of its store, where that may have several. `waves`: the folder in which the vehicles'
    waves are kept; without it they are only passed on.
    """

    def __init__(
        self,
        book: Book,
        gate: Gate,
        dispatch: DispatchRoom,
        ward: HospitalRoom,
        *,
        drill: bool,
        answers: Answers | None = None,
        waves: Path | None = None,
        in_step: InStep | None = None,
        ledger: LedgerNow | None = None,
    ) -> None:
        self.book, self.clock, self.gate, self.drill = book, book.clock, gate, drill
        self.holds = HoldWatch(book, book.holds) if book.holds is not None else None
        self.dispatch, self.ward = dispatch, ward
        self.shown, self.ledger = Shown(), ledger or LedgerNow()
        self.links = VehicleLinks(self.clock)
        self.answers, self.in_step = answers or Answers(self.clock), in_step
        self.vehicles = 0  # whose link is open
        self.health = HealthWatch(book, self._seen)
        self.health.pulse.twins = self.links.lately_twins
        self.carrying: Carrying | None = None
        self.behind: Behind | None = None
        if in_step is not None:
            in_step.watch_twins(self.links)
        self._fresh: list[Entry] = []
        self._changed = asyncio.Event()
        self._feeds: dict[str, Feed] = {}
        self._following: list[Feed] = []  # of these, those that samples may concern: not the vehicles'
        self._fleet_views = FleetViews()
        self._looking = Looking()
        self._notes: set[asyncio.Future[Any]] = set()
        self.waves = WaveRecords(waves, self.clock, began=self._waves_began) if waves is not None else None
        on_waves = self.waves.take_live if self.waves is not None else None
        self.plane = media_engine(self._video_started, self._video_stopped, on_waves)
        self.voice = VoicePlane(self._may_talk, VoiceLog(book))
        self.guidance = GuidanceRelay(time.monotonic)
        self.viewings = ViewingLog(book, self.plane.find, lambda request: badge_of(gate, request))
        self.works: list[Callable[[], Coroutine[Any, Any, None]]] = [self.viewings.run]  # beside the hub's own
        book.listen(self._hear)
        self.app = make_app("Aboard hub")
        self._open_doors()

    # --- running

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Hub]:
        works = (self._keep_screens_fresh, self._do_what_is_due, self._think, self.health.pulse.run, self._keep_ledger)
        works += self.in_step.works if self.in_step else ()
        works += (*((self.waves.run,) if self.waves is not None else ()), *self.works)
        tasks = [asyncio.create_task(going_on(work, self.health.pulse.failed)) for work in works]
        try:
            yield self
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            with contextlib.suppress(CoordinationError):  # the store may be what ended us
                await self.shown.put_on_record(self.book)
            await self.voice.close()
            await self.plane.close()
            if self.waves is not None:
                self.waves.close()
            if self.in_step is not None:
                await self.in_step.leave()
            if self.book.holds is not None:
                await self.book.holds.store.close()
            self.book.log.close()
            self.answers.close()

    def _hear(self, entries: Sequence[Entry]) -> None:
        self._fresh += entries
        self._changed.set()

    async def _keep_screens_fresh(self) -> None:
        """Tell every watched screen what changed: its samples at once, its view in its turn. After that gather for a
        moment (casebook/looking.py)."""
        looked_s = 0.0
        while True:
            if not self._looking.owing:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(1.0):  # not wait_for: before Python 3.12 it may swallow a cancellation
                        await self._changed.wait()
            await asyncio.sleep(self._looking.due_in_s)
            self._changed.clear()
            fresh, self._fresh = self._fresh, []
            now_s = asyncio.get_running_loop().time()
            streamed = all(entry.kind in STREAMING for entry in fresh)
            anew = not streamed or now_s - looked_s >= STREAM_LOOK_S
            looked_s = now_s if anew else looked_s
            feeds = list(self._feeds.values() if anew else self._following)
            await self._looking.tell(feeds, self.book.picture, fresh, anew=anew, streamed=streamed)

    async def _keep_ledger(self) -> None:
        await self.shown.keep_on_record(self.book)

    async def _do_what_is_due(self) -> None:
        """Let each desk do what is its own to do, a few times a second."""
        while True:
            for room in (self.dispatch, self.ward):
                await do_due(self.book, room)
            await asyncio.sleep(min(LOOK_S, 2 * LOOK_S / self.clock.rate))

    async def _think(self) -> None:
        """Let dispatch answer who asked; routes take time, and nothing else waits for them. One hub does it."""
        while True:
            owing = False
            if self.in_step is None or self.in_step.peers.leads:
                await self.dispatch.react()
                owing = self.dispatch.owing
            if self.holds is not None:
                await self.holds.react()
            await asyncio.sleep(0.0 if owing else min(LOOK_S, 2 * LOOK_S / self.clock.rate))

    def _video_started(self, stream: str) -> None:
        self._note_video(e.VideoStarted(stream.split(".")[0], stream))

    def _video_stopped(self, stream: str) -> None:
        self._note_video(e.VideoStopped(stream.split(".")[0], stream))

    def _waves_began(self, unit: str, record: str) -> None:
        self._note_video(e.WaveRecordBegun(unit, record))

    def _note_video(self, fact: e.Event) -> None:
        task = asyncio.ensure_future(self.book.write(lambda picture: [fact], By("desk", "media", "device")))
        self._notes.add(task)
        task.add_done_callback(self._notes.discard)

    def _seen(self) -> Seen:
        screens = {name: feed.watchers for name, feed in self._feeds.items()}
        media = {stream: self.plane.stats(stream) for stream in self.plane.streams()}
        kept = self.carrying.kept if self.carrying else 0
        unchecked = self.behind.left if self.behind else 0
        return Seen(screens, self.vehicles, media, self.in_step.seen() if self.in_step else None, kept, unchecked)

    def addresses(self) -> list[str]:
        """Where the hubs of this book are reached, this one first; empty where it is alone."""
        return list(self.in_step.peers.addresses) if self.in_step else []

    # --- doors

    def asks(self) -> list[Ask]:
        return [*self.dispatch.asks(), *self.ward.asks()]

    def _open_doors(self) -> None:
        app = self.app
        done_before = self.book.log.find_asked
        add_asks(app, self.asks(), self.gate, drill=self.drill, done_before=done_before, answers=self.answers)
        ice, known = ice_for(self.gate), known_keys(self.book)
        app.include_router(media_router(self.plane, self._who_may_see, ice, known, self.viewings.came))
        app.include_router(voice_router(self.voice, self._who_talks))
        if self.waves is not None:
            app.include_router(wave_router(self.waves, self._who_may_see))
        add_shared(app, ("media", REPO / "media" / "browser"))
        add_screen(app, "console", REPO / "dispatch" / "console")
        add_screen(app, "wall", REPO / "hospital_board" / "wall")
        add_screen(app, "replay", REPO / "hospital_board" / "replay")
        self.health.open_doors(app, self.gate)
        open_reading(self)
        self._open_sockets(app)

    def _open_sockets(self, app: FastAPI) -> None:
        @app.websocket("/api/v1/live/console")
        async def console(socket: WebSocket) -> None:
            if badge := await admit_socket(socket, self.gate):
                await self._serve(socket, badge, "console", Role.DISPATCHER)

        @app.websocket("/api/v1/live/wall/{hospital}")
        async def wall(socket: WebSocket, hospital: str) -> None:
            if badge := await admit_socket(socket, self.gate):
                await self._serve(socket, badge, f"wall/{hospital}", Role.ED, hospital)

        @app.websocket("/api/v1/unit")
        async def unit(socket: WebSocket) -> None:
            if badge := await admit_socket(socket, self.gate):
                screen = self._feed(f"unit/{badge.unit}").subscribe()
                self.vehicles += 1
                try:
                    await serve_vehicle(
                        socket, badge, self.book, screen, drill=self.drill, links=self.links, hubs=self.addresses()
                    )
                finally:
                    self.vehicles -= 1

        @app.websocket("/api/v1/guidance/{unit}")
        async def guidance(socket: WebSocket, unit: str) -> None:
            if badge := await admit_socket(socket, self.gate):
                await self._guide(socket, badge, unit)

        @app.websocket("/api/v1/entries")
        async def entries(socket: WebSocket, after: int = 0) -> None:
            if badge := await admit_socket(socket, self.gate):
                need(badge, what="entries")
                await tail(socket, self.book, after)

    async def _serve(self, socket: WebSocket, badge: Badge, name: str, role: Role, hospital: str = "") -> None:
        try:
            need(badge, role, what=name)
            need_hospital(badge, hospital, name)
            if hospital:
                self.book.picture.get_hospital(hospital)
        except CoordinationError:
            await socket.close(4403)
            return
        screen = self._feed(name).subscribe()
        await serve_feed(socket, screen, lambda message: self.shown.hear(name, message))

    async def _guide(self, socket: WebSocket, badge: Badge, unit: str) -> None:
        """The vehicle itself, or whoever may see its picture."""
        is_vehicle = badge.role is Role.PARAMEDIC
        await serve_guidance(
            socket, self.guidance, unit, badge.who, is_vehicle=is_vehicle, check=lambda: self._may_talk(badge, unit)
        )

    def _look_at_console(self, picture: Picture, now: datetime) -> PlainView:
        return PlainView(self.dispatch.console_view(picture, now) | plain({"health": self.health.told()}))

    def _feed(self, name: str) -> Feed:
        """The feed of that name, made when first watched, looking at the newest picture."""
        if name not in self._feeds:
            kind, _, id = name.partition("/")
            self._feeds[name] = made = self._make_feed(kind, id)
            self._following += [made] if made.follows_somebody else []
        feed = self._feeds[name]
        if not feed.watched:
            feed.refresh(self.book.picture)
        return feed

    def _make_feed(self, kind: str, id: str) -> Feed:
        match kind:
            case "console":
                return Feed(self._look_at_console, self.clock)
            case "wall":
                look, follows = self.ward.look(id, self.ledger.view), self.ward.follows(id)
                return Feed(look, self.clock, follows, still=True)
            case "unit":
                views = self._fleet_views
                return Feed(
                    lambda picture, now: views.look(picture, id, now), self.clock, None,
                    lambda picture, now: views.made_of(picture, id, now), still=True,
                )  # fmt: skip
            case _:
                raise NotFound(what="feed", id=kind)

    def _who_may_see(self, request: Request, action: str, stream: str) -> None:
        """A vehicle publishes its own streams; a ward views those of the vehicles bound for it."""
        badge = badge_of(self.gate, request)
        unit = stream.split(".")[0]
        if action == "publish":
            need(badge, Role.PARAMEDIC, what=f"publish {stream}")
            need_unit(badge, unit, f"publish {stream}")
        else:
            need_concerned(self.book.picture, badge, unit, f"view {stream}")

    def _who_talks(self, request: Request, unit: str) -> Badge:
        badge = badge_of(self.gate, request)
        self._may_talk(badge, unit)
        return badge

    def _may_talk(self, badge: Badge, unit: str) -> None:
        need_talk(self.book.picture, badge, unit)


async def going_on(work: Callable[[], Coroutine[Any, Any, None]], failed: Callable[[str], None]) -> None:
    """Run a work for ever: one that fails is told to the engineers at once and taken up again."""
    while True:
        try:
            await work()
        except Exception:  # whatever it was, screens and desks must not stop silently
            log.exception("%s failed and is taken up again", work.__name__)
            failed(work.__name__.strip("_"))
            await asyncio.sleep(1.0)
