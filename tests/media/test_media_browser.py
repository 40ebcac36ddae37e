"""A real Chromium shows what a real vehicle sends through the hub, and shows nothing when nothing comes."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from chromium_pages import RTC, page_of
from media_stage import Hub, Running, eventually, wall_ms
from playwright.async_api import Page

from casebook.words import catalogue
from media.camera import Camera, open_camera
from media.sender import VideoPublisher, WavePublisher
from media.stamp import HEIGHT_PX, WIDTH_PX, Stamp, burn
from media.waveforms import ChannelWave, Numerics, WaveKind, WavePacket, encode

pytestmark = [pytest.mark.browser, pytest.mark.sockets]

START = """async ({words, token}) => {
  await import("/media/browser/video_tile.js"); await import("/media/browser/sweep_wave.js");
  const { WaveLink } = await import("/media/browser/wave_link.js");
  const say = (key, facts = {}) => words[key].replace(/{(\\w+)}/g, (_, name) => facts[name]);
  window.tile = document.querySelector("video-tile");
  Object.assign(tile, { token, say });
  tile.unit = "A01";
  window.sweeps = [...document.querySelectorAll("sweep-wave")];
  sweeps.forEach((sweep) => { sweep.say = say; });
  window.waves = new WaveLink({ unit: "A01", token });
  waves.addEventListener("wave", ({detail}) => sweeps.find((sweep) => sweep.kind === detail.kind)?.push(detail));
  waves.addEventListener("numerics", ({detail}) => { window.numerics = detail; });
  waves.start();
}"""
# A pleth wave between -1 and 1, a second at a time as on a busy machine; answers its scale after each.
HEAPS = """async () => { const [sweep, scales] = [sweeps[1], []];
  for (let n = 0; n < 14 * 25; n += 1) {
    const samples = Float32Array.from({ length: 10 }, (_, i) => Math.sin((2 * Math.PI * (10 * n + i)) / 200));
    sweep.push({ kind: "PLETH", rateHz: 250, firstIndex: 10 * n, startMs: 1e6 + 40 * n, samples });
    if (n % 25 < 24) continue;
    await new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)));
    scales.push([sweep.low, sweep.high]);
  }
  return scales; }"""
COUNT_CALLBACKS = """() => {
  window.callbacks = 0;
  const original = HTMLVideoElement.prototype.requestVideoFrameCallback;
  HTMLVideoElement.prototype.requestVideoFrameCallback = function (told) {
    return original.call(this, (...facts) => { window.callbacks += 1; told(...facts); });
  };
}"""
INK = """(n) => { const c = sweeps[n].canvas; const d = c.getContext("2d").getImageData(0, 0, c.width, c.height).data;
  let lit = 0; for (let i = 3; i < d.length; i += 4) lit += d[i] > 0; return lit; }"""


@pytest.fixture
async def page(hub: Hub) -> AsyncIterator[Page]:
    async with page_of(700, 600, *RTC) as opened:
        await opened.goto(hub.url)
        yield opened


class Monitor:
    """Sends ECG II and pleth every 40 ms while it runs; `lead_on` false sends "no signal"."""

    def __init__(self, publisher: WavePublisher) -> None:
        self.publisher, self.lead_on, self.sequence = publisher, True, 0

    async def run(self) -> None:
        while True:
            t = (self.sequence * 10 + np.arange(10)) / 250
            ecg = np.where(t % 0.8 < 0.02, 1.2, 0.1 * np.sin(2 * np.pi * t / 0.8)) if self.lead_on else t * np.nan
            pleth = np.sin(2 * np.pi * t / 0.8) if self.lead_on else t * np.nan
            first, start_ms = self.sequence * 10, int(wall_ms())
            waves = (ChannelWave(WaveKind.ECG_II, 250, first, ecg), ChannelWave(WaveKind.PLETH, 250, first, pleth))
            self.publisher.send(WavePacket(self.sequence, start_ms, waves))
            self.sequence += 1
            await asyncio.sleep(0.04)


@pytest.fixture
def camera() -> Camera:
    return open_camera("scene", wall_ms)


async def start(page, token: str = "board", language: str = "en") -> None:
    await page.evaluate(START, {"words": catalogue(language), "token": token})  # type: ignore[arg-type]


async def shown(page, true: str) -> None:
    await page.wait_for_function(true, timeout=20_000)


async def words_of(page, selector: str) -> str:
    return await page.evaluate(f"document.querySelector('{selector}').shadowRoot.querySelector('p').textContent")


async def test_the_picture_is_live_with_its_latency_and_blank_with_words_when_it_stops(
    hub: Hub, vehicle, running: Running, camera, page
) -> None:
    running(VideoPublisher(vehicle, "A01", camera))
    await start(page)
    await shown(page, "tile.framesShown >= 30 && tile.latencyMs.length >= 30 && tile.state === 'live'")
    assert await page.evaluate("getComputedStyle(tile.video).visibility") == "visible"
    assert await page.evaluate("tile.video.videoWidth") == 640
    assert all(latency >= 0 for latency in await page.evaluate("tile.latencyMs"))
    await running.stop()
    await shown(page, "tile.state === 'no_signal'")
    assert await page.evaluate("getComputedStyle(tile.video).visibility") == "hidden"
    assert (await words_of(page, "video-tile")).startswith("No picture for ")


async def test_the_picture_returns_by_itself_when_the_vehicle_does(
    hub: Hub, vehicle, running: Running, camera, page
) -> None:
    running(VideoPublisher(vehicle, "A01", camera))
    await start(page, language="zh")
    await shown(page, "tile.state === 'live'")
    await running.stop()
    await shown(page, "tile.state === 'no_signal'")
    assert "秒无画面" in await words_of(page, "video-tile")
    running(VideoPublisher(vehicle, "A01", camera))
    await shown(page, "tile.state === 'live'")
    assert await page.evaluate("tile.link.connections") == 1


async def test_the_page_finds_a_hub_that_went_and_returned(hub: Hub, vehicle, running: Running, camera, page) -> None:
    running(VideoPublisher(vehicle, "A01", camera))
    await start(page)
    await shown(page, "tile.state === 'live'")
    await hub.stop()
    await shown(page, "tile.state === 'no_signal'")
    again = Hub(port=hub.port)
    await again.start()
    hub.plane, hub.server, hub.serving = again.plane, again.server, again.serving
    await shown(page, "tile.state === 'live' && tile.link.connections >= 2")


async def test_who_may_not_see_a_camera_is_told(hub: Hub, page) -> None:
    await start(page, token="vehicle")
    await shown(page, "tile.state === 'refused'")
    assert await words_of(page, "video-tile") == catalogue("en")["media.video.refused"]


async def test_black_pictures_of_the_browsers_own_are_not_taken_for_the_camera(hub: Hub, page) -> None:
    await page.evaluate(COUNT_CALLBACKS)
    await start(page, token="vehicle")
    await shown(page, "window.callbacks >= 2")  # Chromium draws a 2 x 2 black picture whenever a track ends
    assert await page.evaluate("[tile.state, tile.framesShown]") == ["refused", 0]


async def test_before_any_signal_there_are_words_and_not_one_drawn_pixel(hub: Hub, page) -> None:
    await start(page)
    await shown(page, "waves.state === 'connected' && sweeps.every((sweep) => sweep.blank)")
    assert await page.evaluate(INK, 0) == 0
    assert await words_of(page, "sweep-wave") == catalogue("en")["media.waves.no_signal"]


async def test_waves_are_drawn_by_sample_time_and_blank_when_cut(
    hub: Hub, vehicle, running: Running, camera, page
) -> None:
    publisher = WavePublisher(vehicle, "A01")
    running(publisher, Monitor(publisher), VideoPublisher(vehicle, "A01", camera))
    await start(page)
    await shown(page, "sweeps.every((sweep) => sweep.samplesDrawn > 900 && !sweep.blank)")
    assert await page.evaluate(INK, 0) > 200 and await page.evaluate(INK, 1) > 200
    assert await page.evaluate("waves.packetsReceived") >= 30 and await page.evaluate("waves.malformed") == 0
    assert await words_of(page, "sweep-wave") == ""
    if folder := os.environ.get("ABOARD_SCREENSHOTS"):
        await page.screenshot(path=Path(folder) / "media.png")
    await running.stop(1)
    await shown(page, "sweeps.every((sweep) => sweep.blank)")
    assert await page.evaluate(INK, 0) == 0
    assert (await words_of(page, "sweep-wave")).startswith("No signal for ")


async def test_a_wave_that_comes_in_heaps_keeps_its_scale(hub: Hub, page) -> None:
    await start(page)
    scales = await page.evaluate(HEAPS)
    assert len(scales) == 14 and scales[2:] == [pytest.approx([-1, 1], abs=0.01)] * 12


async def test_a_lead_that_came_off_draws_nothing_although_packets_come(
    hub: Hub, vehicle, running: Running, page
) -> None:
    publisher = WavePublisher(vehicle, "A01")
    monitor = Monitor(publisher)
    running(publisher, monitor)
    await start(page)
    await shown(page, "sweeps[0].samplesDrawn > 100")
    monitor.lead_on = False
    await shown(page, "sweeps[0].blank")
    received = await page.evaluate("waves.packetsReceived")
    await shown(page, f"waves.packetsReceived > {received + 10}")
    assert await page.evaluate(INK, 0) == 0 and await page.evaluate("sweeps[0].blank")


async def test_numbers_reach_the_page_and_unknown_stays_unknown(hub: Hub, vehicle, running: Running, page) -> None:
    publisher = WavePublisher(vehicle, "A01")
    running(publisher)
    await publisher.link.connected.wait()
    await start(page)
    said = Numerics("c1", 3, datetime(2021, 4, 18, 1, 35, tzinfo=UTC), {"hr_bpm": 118.0, "spo2_pct": None})
    await eventually(lambda: publisher.send_numerics(said), "the numerics channel opens")
    await shown(page, "window.numerics?.seq === 3")
    assert await page.evaluate("numerics.values") == {"hr_bpm": 118, "spo2_pct": None}


async def test_the_browser_reads_packets_and_stamps_as_python_writes_them(hub: Hub, page) -> None:
    wave = ChannelWave(WaveKind.ABP, 125, 4_000_000_000, np.array([80.0, np.nan, 121.5]))
    packet = encode(WavePacket(4_294_967_295, 1_618_709_700_123, (wave,)))
    luma = np.full((HEIGHT_PX, WIDTH_PX), 128, np.uint8)
    burn(luma, Stamp(70_000, 1_618_709_700_123))
    read = await page.evaluate(
        """async ({packet, luma, width, height}) => {
          const { decodeWaves } = await import("/media/browser/waves.js");
          const { findStamp } = await import("/media/browser/stamp.js");
          const data = new Uint8Array(luma.flatMap((level) => [level, level, level, 255]));
          const bytes = new Uint8Array(packet);
          const torn = [];
          for (let n = 0; n < bytes.length; n++) {
            try {
              decodeWaves(bytes.slice(0, n).buffer);
              torn.push(n);
            } catch (why) {
              if (!(why instanceof RangeError)) throw why;
            }
          }
          const { sequence, startMs, channels: [wave] } = decodeWaves(bytes.buffer);
          const samples = [...wave.samples].map((sample) => Number.isNaN(sample) ? null : sample);
          return { sequence, startMs, kind: wave.kind, rate: wave.rateHz, first: wave.firstIndex, samples, torn,
                   stamp: findStamp({ data, width, height }), none: findStamp({ data: data.fill(0), width, height }) };
        }""",
        {"packet": list(packet), "luma": luma.ravel().tolist(), "width": WIDTH_PX, "height": HEIGHT_PX},
    )
    assert (read["sequence"], read["startMs"], read["first"]) == (4_294_967_295, 1_618_709_700_123, 4_000_000_000)
    assert (read["kind"], read["rate"], read["torn"]) == ("ABP", 125, [])
    assert read["samples"] == [pytest.approx(80, abs=0.01), None, pytest.approx(121.5, abs=0.01)]
    assert read["stamp"] == {"frame": 70_000, "wallMs": 1_618_709_700_123} and read["none"] is None


async def test_both_sides_know_the_same_kinds_of_wave_and_have_a_word_for_each(hub: Hub, page) -> None:
    kinds = await page.evaluate("import('/media/browser/waves.js').then(({KINDS}) => JSON.stringify(KINDS))")
    assert {int(number): name for number, name in json.loads(kinds).items()} == {kind: kind.name for kind in WaveKind}
    assert all(f"media.wave.{kind.name}" in catalogue("zh") for kind in WaveKind)
