"""A vehicle, put together: outbox, link, monitors, camera, agent, and the tablet's own server.

A composition root: it knows which adapter is real, and wires.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import random
import ssl
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import msgspec

from aboard.links import write_private
from ambulance_unit.addresses import link_of
from ambulance_unit.agent import Agent
from ambulance_unit.app import make_tablet_app
from ambulance_unit.camera import LiveMedia, choose_camera, choose_codec
from ambulance_unit.file_spool import Spool
from ambulance_unit.file_upload import FileUpload, spare_bps
from ambulance_unit.hub_link import HubLink
from ambulance_unit.monitor.feed import Monitor
from ambulance_unit.outbox import open_or_set_aside
from ambulance_unit.position import PositionSource, Receiver, Unknown
from ambulance_unit.reserve import RESERVE_BYTES
from ambulance_unit.scribe import Scribe
from ambulance_unit.told_view import ToldView
from ambulance_unit.wave_backfill import BackFill
from ambulance_unit.wave_ring import WaveRing
from casebook.access import Badge, Gate, Role
from casebook.answers import Answers
from casebook.clock import Clock, RateClock, WallClock
from casebook.errors import RefusedInput
from casebook.place import Place
from media import dscp
from media.kept_certificate import kept_certificate
from scenarios.feeds import Body, monitors

if TYPE_CHECKING:
    from ambulance_unit.guidance import Guide
    from ambulance_unit.thumbnails import ThumbnailSender

log = logging.getLogger(__name__)


class UnitSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A vehicle's enrolment file. `hubs`: further hubs of the same store. `bodies`: for a drill; a live vehicle names
    its `monitor` and `position` instead."""

    unit: str
    hub: str
    token: str
    folder: str
    lat: float
    lon: float
    hubs: tuple[str, ...] = ()
    host: str = "127.0.0.1"
    port: int = 0
    camera: str = "scene"
    live_media: bool = True
    clock: str = ""
    seed: int = 0
    bodies: tuple[Body, ...] = ()
    monitor: str = ""
    position: str = ""
    authority: str = ""
    outbox_key_file: str = ""


def read_settings(file: Path) -> UnitSettings:
    """The enrolment file of a vehicle. Raises RefusedInput naming the field."""
    if not file.is_file():
        raise RefusedInput("enrolment_absent", file=str(file))
    try:
        return msgspec.json.decode(file.read_bytes(), type=UnitSettings)
    except msgspec.DecodeError as wrong:
        raise RefusedInput("bad_json", where=file.name, why=str(wrong)) from wrong


def save_settings(file: Path, settings: UnitSettings) -> None:
    write_private(file, msgspec.json.format(msgspec.json.encode(settings), indent=1))


def read_outbox_key(file: Path) -> bytes:
    """A key of 32 bytes, as they are or as 64 hexadecimal digits. Raises RefusedInput (`outbox_key_unreadable`)."""
    try:
        raw = file.read_bytes()
        key = raw if len(raw) == 32 else bytes.fromhex(raw.decode("ascii").strip())
    except (OSError, ValueError) as wrong:
        raise RefusedInput("outbox_key_unreadable", file=file.name, why=str(wrong)) from wrong
    if len(key) != 32:
        raise RefusedInput("outbox_key_unreadable", file=file.name, why=f"{len(key)} bytes")
    return key


class Vehicle:
    """One vehicle. `async with vehicle.running()` runs its agent; `vehicle.app` is the tablet's server."""

    def __init__(self, settings: UnitSettings, clock: Clock | None = None) -> None:
        self.settings = settings
        self.clock = clock or (RateClock.at_file(Path(settings.clock)) if settings.clock else WallClock())
        folder = Path(settings.folder)
        self._disk_key = read_outbox_key(Path(settings.outbox_key_file)) if settings.outbox_key_file else b""
        outbox, aside = open_or_set_aside(folder / "outbox.sqlite", key=self._disk_key, reserve_bytes=RESERVE_BYTES)
        if aside is not None:
            log.error("the outbox could not be opened; it was set aside as %s", aside.name)
        scribe = Scribe(outbox)
        told = ToldView(folder / "told.json")
        tls = ssl.create_default_context(cafile=settings.authority) if settings.authority else None
        self._hub_client = hub_client(settings, tls)
        link = HubLink(
            link_of(settings.hub), settings.token, settings.unit, scribe, told, self.clock,
            others=[link_of(hub) for hub in settings.hubs], rng=random.Random(settings.seed), tls=tls,
            met=self._follow_with_media,
        )  # fmt: skip
        self.agent = Agent(
            settings.unit, self.clock, scribe, told, link, base=Place(settings.lat, settings.lon),
            monitor_for=self._monitor_for(settings), position=self._position(settings),
            live=self._live(settings), feeds_began_at=self._began_at(),
        )  # fmt: skip
        self.guide = self._guide(settings, tls)
        self._small = self._thumbnails(settings, tls)
        self.files = FileUpload(
            self._hub_client, settings.unit, Spool(folder / "files", self._disk_key), self._spare_bps
        )
        self._back_fill = self._keep_waves(folder / "waves") if settings.live_media else None
        self.gate = Gate(folder / "badges.json")
        self._answers = Answers(self.clock, folder / "answers.sqlite")
        self.app = make_tablet_app(
            self.agent,
            self.gate,
            drill=bool(settings.clock),
            answers=self._answers,
            hub=self._hub_client,
            guide=self.guide,
            files=self.files.spool,
        )

    def _began_at(self) -> datetime:
        return self.clock.start_at if isinstance(self.clock, RateClock) else self.clock.now()

    def _monitor_for(self, settings: UnitSettings) -> Callable[[str], Monitor | None]:
        return monitors(settings.bodies, settings.monitor, self._began_at(), self.clock.rate, settings.seed)

    def _position(self, settings: UnitSettings) -> PositionSource | None:
        """A receiver where there is one; else a drill's vehicle follows its leg by the clock, a live one is unknown."""
        if settings.position:
            return Receiver(Path(settings.position), self.clock)
        return None if settings.clock else Unknown()

    def _keep_waves(self, folder: Path) -> BackFill:
        ring = WaveRing(folder)
        self.agent.waves.keep_in(ring)
        return BackFill(self._hub_client, self.settings.unit, ring)

    def _live(self, settings: UnitSettings) -> LiveMedia | None:
        if not settings.live_media:
            return None
        dscp.switch(on=os.environ.get("ABOARD_DSCP", "") != "off")
        codec = choose_codec(os.environ.get("ABOARD_VIDEO_CODEC", ""))
        camera = choose_camera(settings.camera, seed=settings.seed)
        certificate = kept_certificate(Path(settings.folder) / "media.pem", self._disk_key)
        return LiveMedia(self._hub_client, settings.unit, camera, codec=codec, certificate=certificate)

    def _guide(self, settings: UnitSettings, tls: ssl.SSLContext | None) -> Guide | None:
        """Follows marks where there is a camera to follow them in."""
        camera = self.agent.live.camera if isinstance(self.agent.live, LiveMedia) else None
        if camera is None:
            return None
        from ambulance_unit.guidance import Guide  # OpenCV, which a vehicle without a camera does not need

        hub = f"{settings.hub.replace('http', 'ws', 1)}/api/v1/guidance/{settings.unit}"
        guide = Guide(
            camera, lambda: self.agent.view, hub=hub, token=settings.token, tls=tls, rng=random.Random(settings.seed)
        )
        self.agent.listen(guide.look_at_marks)
        return guide

    def _thumbnails(self, settings: UnitSettings, tls: ssl.SSLContext | None) -> ThumbnailSender | None:
        """Small pictures for the console, where there is a camera."""
        live = self.agent.live if isinstance(self.agent.live, LiveMedia) else None
        if live is None or live.camera is None:
            return None
        from ambulance_unit.thumbnails import ThumbnailSender  # OpenCV, as above

        client, rng = self._hub_client, random.Random(settings.seed)
        return ThumbnailSender(
            live.camera, settings.unit, lambda: str(client.base_url), settings.token, fits=live.stills_fit, tls=tls,
            rng=rng,
        )  # fmt: skip

    def _spare_bps(self) -> int:
        """What files may take of the link now: nothing while it is too thin for stills."""
        video = self.agent.live.video if isinstance(self.agent.live, LiveMedia) else None
        return spare_bps(video.standing.rung.name if video else None)

    def _follow_with_media(self, hub: str) -> None:
        """Live media go to the hub that has the vehicle's link; what was open to another breaks, and begins there."""
        self._hub_client.base_url = hub

    def crew_token(self) -> str:
        """The tablet's token: made once, kept in the vehicle's folder."""
        file = Path(self.settings.folder) / "tablet.token"
        if not file.exists():
            badge = Badge(Role.PARAMEDIC, self.settings.unit, unit=self.settings.unit)
            write_private(file, self.gate.issue(badge).encode())
        return file.read_text()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Vehicle]:
        works = [self.agent.run(), self.files.run(), *([self.guide.run()] if self.guide else [])]
        works += [self._small.run()] if self._small else []
        works += [self._back_fill.run()] if self._back_fill else []
        tasks = [asyncio.create_task(work) for work in works]
        try:
            yield self
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self.agent.close()
            if self._back_fill:
                self._back_fill.ring.close()
            await self._hub_client.aclose()
            self._answers.close()


def hub_client(settings: UnitSettings, tls: ssl.SSLContext | None) -> httpx.AsyncClient:
    """Asks the hub with the vehicle's token; `tls` knows the authority of its certificate."""
    headers = {"Authorization": f"Bearer {settings.token}"}
    return httpx.AsyncClient(base_url=settings.hub, headers=headers, verify=tls or True, timeout=10)
