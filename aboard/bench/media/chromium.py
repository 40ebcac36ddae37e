"""What a real Chromium sees of itself: as the publisher of its (fake) camera through our hub, and as a viewer of it.

The camera gives 1280 x 720 at 30 a second, a picture that is easy to encode; both pages tell by getStats. A publisher's
rate is what the hub's feedback lets it send: without one that Chromium's own estimate understands it stays where it
began.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence
from typing import Any

import httpx

from aboard.bench.figures import Case, once, ours_of
from aboard.bench.media.extent import Extent
from aboard.bench.media.post import posts
from aboard.bench.media.stage import LOOPBACK
from aboard.bench.media.thin_link import ThinLink, Way
from aboard.bench.play import BenchFailed
from aboard.bench.tile import FLAGS, PATIENCE_MS, find_chromium
from media.signalling import PREFIX, SDP_TYPE

CAMERA = ("--use-fake-device-for-media-stream=fps=30", "--use-fake-ui-for-media-stream")  # its own default is 20
STREAM = "C01"
COUNTED = 0.5  # the last half of a run: what comes before is the climb
STOCK_KBPS = 410.0  # Chromium publishing to stock aiortc, measured once on this kind of machine
LINKS = {"chromium": Way(delay_s=0.005), "chromium_thin": Way(delay_s=0.03, rate_bps=600_000)}
SET_UP = """async (send) => {
  const pc = (window.pc = new RTCPeerConnection());
  if (send) {
    const camera = { width: 1280, height: 720, frameRate: 30 };
    const media = await navigator.mediaDevices.getUserMedia({ video: camera });
    pc.addTransceiver(media.getVideoTracks()[0], { direction: "sendonly", streams: [media] });
  } else {
    const screen = Object.assign(document.createElement("video"), { muted: true, autoplay: true });
    document.body.append(screen);
    pc.ontrack = ({ track }) => (screen.srcObject = new MediaStream([track]));
    pc.addTransceiver("video", { direction: "recvonly" });
  }
  await pc.setLocalDescription();
  while (pc.iceGatheringState !== "complete") await new Promise((go) => setTimeout(go, 20));
  return pc.localDescription.sdp;
}"""
TAKE = "(sdp) => pc.setRemoteDescription({ type: 'answer', sdp })"
LOOK = """async () => {
  const all = [...(await pc.getStats()).values()];
  const of = (type) => all.find((one) => one.type === type) ?? {};
  const pair = all.find((one) => one.type === "candidate-pair" && one.nominated) ?? {};
  return { out: of("outbound-rtp"), in: of("inbound-rtp"), pair };
}"""
Row = dict[str, dict[str, Any]]


async def chromium(extent: Extent) -> list[Case]:
    """Nothing where there is no Chromium."""
    path = find_chromium()
    if path is None:
        extent.said("chromium: not installed")
        return []
    cases: list[Case] = []
    for name, up in list(LINKS.items())[: 1 if extent.quick else None]:
        extent.said(name)
        cases += chromium_cases(name, *await watch(path, up, extent.either(16, 12)), up.rate_bps)
    return cases


async def watch(path: str, up: Way, seconds: float) -> tuple[list[Row], list[Row]]:
    """What publisher and viewer told, once a second; `up`: the publisher's way to the hub."""
    from playwright.async_api import async_playwright

    sent, shown = list[Row](), list[Row]()
    async with posts("hub") as (hub,), async_playwright() as playwright:
        url = (await hub.begin({"engine": "forwarder", "address": LOOPBACK}))["url"]
        behind = ThinLink(up, Way(delay_s=up.delay_s))
        browser = await playwright.chromium.launch(executable_path=path, args=[*FLAGS, *CAMERA])
        async with httpx.AsyncClient(base_url=url, transport=behind) as thin, httpx.AsyncClient(base_url=url) as wide:
            try:
                pages = [await browser.new_page() for _ in range(2)]
                for page, way, client in zip(pages, ("whip", "whep"), (thin, wide), strict=True):
                    await page.goto(f"{url}{PREFIX}/ice", timeout=PATIENCE_MS)
                    await _connect(page, f"{PREFIX}/{way}/{STREAM}", client)
                for _ in range(round(seconds)):
                    await asyncio.sleep(1.0)
                    for page, rows in zip(pages, (sent, shown), strict=True):
                        rows.append(await page.evaluate(LOOK))
            finally:
                await browser.close()
    return sent, shown


async def _connect(page: Any, path: str, client: httpx.AsyncClient) -> None:
    """The page makes the offer; it is handed on here, so that its media may pass the relay. Raises BenchFailed."""
    offer = await page.evaluate(SET_UP, "/whip/" in path)
    answer = await client.post(path, content=offer, headers={"Content-Type": SDP_TYPE})
    if answer.status_code != 201:
        raise BenchFailed(what="chromium", why=f"{answer.status_code} {answer.text[:200]}")
    await page.evaluate(TAKE, answer.text)


def chromium_cases(name: str, sent: Sequence[Row], shown: Sequence[Row], rate_bps: float | None) -> list[Case]:
    """Of the last half of the seconds. `rate_bps`: what the link carries, None for more than Chromium asks. Pure."""
    late = [row["out"] for row in sent[round(COUNTED * len(sent)) :]]
    seen = [row["in"] for row in shown[round(COUNTED * len(shown)) :]]
    steps = itertools.pairwise(late)
    kbps = [8 * (after["bytesSent"] - before["bytesSent"]) / 1000 for before, after in steps]
    frozen = once(seen[-1].get("totalFreezesDuration") if seen else None)
    stock = {} if rate_bps else {"stock_aiortc": STOCK_KBPS}
    return [
        Case(f"{name}_sent", "kbps", ours_of(kbps), stock),
        Case(f"{name}_height", "picture_rows", ours_of([row.get("frameHeight", 0) for row in late])),
        Case(f"{name}_fps", "pictures_per_s", ours_of([row.get("framesPerSecond", 0) for row in late])),
        Case(f"{name}_shown", "pictures_per_s", ours_of([row.get("framesPerSecond", 0) for row in seen])),
        Case(f"{name}_frozen", "s", frozen),
    ]
