"""Twelve leads over a bad link: what is shown is live, what is recorded is complete, byte for byte as it was made."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from fastapi import Request
from media_stage import Running, eventually
from test_media_wave_record import RUN, full_packet
from voice_stage import Serving

from aboard.bench.media.thin_link import ThinLink, Way
from ambulance_unit.wave_backfill import LATE_PACKETS, LATE_S, BackFill
from ambulance_unit.wave_ring import WaveRing
from casebook.clock import WallClock
from casebook.door import make_app, token_of
from casebook.errors import NotAllowed
from media.aiortc_private import listen_on
from media.forwarder import MediaPlane
from media.receiver import WaveViewer
from media.sender import WavePublisher
from media.signalling import router
from media.wave_door import wave_router
from media.wave_file import read_kept
from media.wave_record import WaveRecords
from media.waveforms import decode

pytestmark = pytest.mark.sockets


class WaveHub:
    """Passes waves on and records them. ``vehicle`` publishes, ``board`` views."""

    def __init__(self, folder: Path) -> None:
        self.records = WaveRecords(folder, WallClock())
        self.plane = MediaPlane(on_waves=self.records.take_live)
        app = make_app("waves")
        app.include_router(router(self.plane, self.who))
        app.include_router(wave_router(self.records, self.who))
        self.serving = Serving(app)

    @staticmethod
    def who(request: Request, action: str, stream: str) -> None:
        if token_of(request) != {"publish": "vehicle", "view": "board"}[action]:
            raise NotAllowed(what=f"{action} {stream}", needs="-")

    def client(self, token: str, transport: httpx.AsyncBaseTransport | None = None) -> httpx.AsyncClient:
        headers = {"Authorization": f"Bearer {token}"}
        return httpx.AsyncClient(base_url=self.serving.url, headers=headers, trust_env=False, transport=transport)


@pytest.fixture
async def hub(tmp_path: Path) -> AsyncIterator[WaveHub]:
    listen_on(["127.0.0.1"])
    serving = WaveHub(tmp_path / "hub")
    await serving.serving.start()
    yield serving
    await serving.plane.close()
    await serving.serving.stop()
    serving.records.close()
    listen_on(None)


class Monitor:
    """Makes a full packet every 40 ms, keeps it in the ring and sends it live."""

    def __init__(self, publisher: WavePublisher, ring: WaveRing) -> None:
        self.publisher, self.ring = publisher, ring
        self.made: list[bytes] = []

    async def run(self) -> None:
        began_s = time.monotonic()
        while True:
            message = full_packet(len(self.made))
            self.made.append(message)
            self.ring.add(message)
            self.publisher.send(decode(message))
            await asyncio.sleep(max(0.0, began_s + 0.04 * len(self.made) - time.monotonic()))


async def test_an_outage_leaves_no_hole_in_the_record_and_nothing_old_on_the_screen(
    hub: WaveHub, tmp_path: Path, running: Running
) -> None:
    up, down = Way(1, loss=0.05, delay_s=0.03, jitter_s=0.05), Way(2, loss=0.05, delay_s=0.03, jitter_s=0.05)
    client = hub.client("vehicle", ThinLink(up, down))
    ring = WaveRing(tmp_path / "ring", segment_packets=100)
    publisher = WavePublisher(client, "A01")
    monitor = Monitor(publisher, ring)
    shown: list[int] = []
    viewer = WaveViewer(hub.client("board"), "A01", on_packet=lambda packet: shown.append(packet.sequence))
    running(publisher, viewer)
    await publisher.link.connected.wait()
    await viewer.link.connected.wait()
    running(monitor)
    await eventually(lambda: len(shown) >= 50, "waves are shown")
    up.silent = down.silent = True
    outage = len(monitor.made)
    await eventually(lambda: len(monitor.made) >= outage + 50, "two seconds pass in the tunnel")
    up.silent = down.silent = False
    before = len(shown)
    await eventually(lambda: len(shown) >= before + 50, "waves are shown again")
    await running.stop(2)
    in_tunnel = [number for number in shown if outage + 5 <= number < outage + 45]
    assert len(in_tunnel) <= 2  # one in the channel's buffer and one on its way, not a queue of the past
    now_s = [0.0]
    back_fill = BackFill(client, "A01", ring, wall_s=lambda: now_s[0])
    await back_fill.once()
    now_s[0] += LATE_S  # nothing comes live any more
    while not await back_fill.once():
        pass
    (ledger,) = (await hub.client("board").get("/api/v1/waves/A01")).json()
    made = len(monitor.made)
    assert (ledger["missing"], ledger["lost"], ledger["live"] + ledger["back_filled"]) == (0, 0, made)
    assert ledger["back_filled"] >= 50
    kept = {one.sequence: one.message for one in read_kept(tmp_path / "hub" / "A01" / f"{RUN:08x}.awr")}
    assert kept == dict(enumerate(monitor.made))


async def test_a_board_may_read_the_record_and_only_the_vehicle_may_write_it(hub: WaveHub, tmp_path: Path) -> None:
    ring = WaveRing(tmp_path / "ring")
    for n in range(LATE_PACKETS + 2):
        ring.add(full_packet(n))
    vehicle, board = hub.client("vehicle"), hub.client("board")
    back_fill = BackFill(vehicle, "A01", ring, wall_s=lambda: 0.0)
    assert not await back_fill.once() and await back_fill.once()
    run = f"/api/v1/waves/A01/{RUN:08x}"
    read = (await board.get(f"{run}/PLETH?first=0&count=12")).json()
    assert (read["rate_hz"], [value is None for value in read["samples"]]) == (125, [False] * 10 + [True] * 2)
    assert (await board.post(run, content=b"")).status_code == 403
    assert (await vehicle.get(f"{run}/PLETH")).status_code == 403
    for path, status in ((f"{run}/TUNE", 404), ("/api/v1/waves/A01/0/PLETH", 404), (f"{run}/PLETH?count=0", 422)):
        assert (await board.get(path)).status_code == status
    for body in (b"{", b'{"made": -1}', b'{"made": 1, "kept_from": 2}', b'{"made": 99999999999}'):
        assert (await vehicle.post(f"{run}/missing", content=body)).status_code == 422
    assert (await vehicle.post(run, content=b"\x00" * 100)).status_code == 422
