"""The vehicle keeps what it made, the newest, never at the cost of the outbox, and sends the hub what it misses."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import numpy as np
import pytest

from ambulance_unit import wave_ring
from ambulance_unit.wave_backfill import LATE_PACKETS, LATE_S, BackFill
from ambulance_unit.wave_ring import FREE_BYTES, WaveRing
from media.wave_file import unframed
from media.waveforms import ChannelWave, WaveKind, WavePacket, encode

RUN = 0x0000BEEF


def packet(sequence: int, run: int = RUN) -> bytes:
    wave = ChannelWave(WaveKind.ECG_II, 500, sequence * 20, np.random.default_rng(sequence).uniform(-1, 1, 20))
    return encode(WavePacket(sequence, 40 * sequence, (wave,), run))


def filled(folder: Path, count: int, run: int = RUN, **how) -> WaveRing:
    ring = WaveRing(folder, segment_packets=10, **how)
    for n in range(count):
        ring.add(packet(n, run))
    return ring


def test_a_range_comes_out_as_it_went_in_over_several_files(tmp_path: Path) -> None:
    ring = filled(tmp_path, 35)
    assert ring.runs() == {RUN: (0, 35)} and len(list(tmp_path.iterdir())) == 4
    read = {kept.sequence: kept.message for kept in ring.read(RUN, [(3, 5), (18, 22), (34, 99)])}
    assert read == {n: packet(n) for n in (3, 4, 18, 19, 20, 21, 34)}
    assert list(ring.read(RUN + 1, [(0, 99)])) == []


def test_the_oldest_go_when_there_are_too_many(tmp_path: Path) -> None:
    ring = filled(tmp_path, 100, size_bytes=30 * 87)
    kept_from, made = ring.runs()[RUN]
    assert made == 100 and 60 <= kept_from <= 80
    assert [kept.sequence for kept in ring.read(RUN, [(0, 100)])] == list(range(kept_from, 100))


def test_when_the_disk_runs_low_old_waves_go_and_at_last_no_new_ones_are_kept(tmp_path: Path) -> None:
    free = [FREE_BYTES]
    ring = WaveRing(tmp_path, segment_packets=10, free_bytes=lambda folder: free[0])
    for n in range(25):
        ring.add(packet(n))
    free[0] -= 1
    for n in range(25, 40):
        ring.add(packet(n))
    assert ring.unkept == 10 and list(tmp_path.iterdir()) == []  # the file that was open was filled first
    free[0] += 1
    ring.add(packet(40))
    assert ring.runs() == {RUN: (40, 41)}


def test_after_a_restart_the_earlier_run_is_still_there_until_the_hub_has_it(tmp_path: Path) -> None:
    filled(tmp_path, 25).close()
    ring = filled(tmp_path, 5, RUN + 1)
    assert ring.runs() == {RUN: (0, 25), RUN + 1: (0, 5)}
    assert [kept.message for kept in ring.read(RUN, [(0, 25)])] == [packet(n) for n in range(25)]
    ring.forget(RUN)
    assert ring.runs() == {RUN + 1: (0, 5)}


class FakeHub(httpx.AsyncBaseTransport):
    """Has what `live` brought; takes `room` more bodies, then breaks off in the middle of one."""

    def __init__(self, live: set[int], breaks: int = 0) -> None:
        self.held: dict[int, dict[int, bytes]] = {}
        self.live, self.breaks = live, breaks
        self.asked: list[dict] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        body = await request.aread()
        run = int(request.url.path.split("/")[5], 16)
        held = self.held.setdefault(run, {})
        if request.url.path.endswith("/missing"):
            said = json.loads(body)
            self.asked.append(said)
            numbers = [n for n in range(said["kept_from"], said["made"]) if n not in held and n not in self.live]
            return httpx.Response(200, json={"missing": [(n, n + 1) for n in numbers][:64]})
        torn = self.breaks > 0
        self.breaks -= torn
        kept = list(unframed(body[: len(body) // 2] if torn else body))
        held |= {one.sequence: one.message for one in kept}
        if torn:
            raise httpx.ReadError("the tunnel")
        return httpx.Response(200, json={"taken": len(kept)})


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ambulance_unit.wave_backfill.RATE_BPS", 1e12)
    monkeypatch.setattr("ambulance_unit.wave_backfill.REST_TIMES", 0)


async def test_a_transfer_that_breaks_goes_on_where_it_stood(tmp_path: Path, quick) -> None:
    made, live = 40 + LATE_PACKETS, set(range(0, 40, 2))
    hub = FakeHub(live, breaks=1)
    client = httpx.AsyncClient(transport=hub, base_url="http://hub")
    back_fill = BackFill(client, "A01", filled(tmp_path, made), wall_s=lambda: 0.0)
    with pytest.raises(httpx.ReadError):
        await back_fill.once()
    half = len(hub.held[RUN])
    assert 0 < half < 20
    assert not await back_fill.once() and await back_fill.once()
    assert back_fill.sent == 20 - half  # nothing twice
    assert hub.held[RUN] == {n: packet(n) for n in range(1, 40, 2)}
    assert hub.asked[-1] == {"made": 40, "kept_from": 0}  # the newest may still come live


async def test_once_the_monitor_is_off_the_last_two_seconds_are_sent_as_well(tmp_path: Path, quick) -> None:
    hub, now_s = FakeHub(set(range(LATE_PACKETS))), [0.0]
    ring, client = filled(tmp_path, LATE_PACKETS + 9), httpx.AsyncClient(transport=hub, base_url="http://hub")
    back_fill = BackFill(client, "A01", ring, wall_s=lambda: now_s[0])
    assert await back_fill.once() and back_fill.sent == 0
    now_s[0] = LATE_S
    assert not await back_fill.once() and await back_fill.once()
    assert set(hub.held[RUN]) == set(range(LATE_PACKETS, LATE_PACKETS + 9))
    ring.add(packet(LATE_PACKETS + 9))
    assert await back_fill.once() and hub.asked[-1]["made"] == 10


async def test_an_earlier_run_is_sent_to_its_end_and_then_forgotten(tmp_path: Path, quick) -> None:
    filled(tmp_path, 12).close()
    ring = filled(tmp_path, 3, RUN + 1)
    hub = FakeHub(set())
    back_fill = BackFill(httpx.AsyncClient(transport=hub, base_url="http://hub"), "A01", ring)
    assert not await back_fill.once() and await back_fill.once()
    assert set(hub.held[RUN]) == set(range(12)) and ring.runs() == {RUN + 1: (0, 3)}


async def test_a_hub_without_room_costs_the_vehicle_nothing(tmp_path: Path, quick) -> None:
    full = httpx.MockTransport(lambda request: httpx.Response(507))
    ring = filled(tmp_path, 200)
    with pytest.raises(httpx.HTTPStatusError):
        await BackFill(httpx.AsyncClient(transport=full, base_url="http://hub"), "A01", ring).once()
    assert ring.runs() == {RUN: (0, 200)}


def test_the_ring_holds_the_hours_that_it_says() -> None:
    assert wave_ring.RING_BYTES / ((890 + 7) * 25 * 3600) > 6
