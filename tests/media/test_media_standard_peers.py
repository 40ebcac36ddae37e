"""Peers that are not ours publish by WHIP and view by WHEP: GStreamer and Chromium, by the standards' own steps."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from chromium_pages import RTC, launched
from media_stage import Hub, Running, eventually, wall_ms

from media.camera import open_camera
from media.receiver import VideoViewer
from media.sender import VideoPublisher

pytestmark = pytest.mark.sockets
DEBIAN_PYTHON = "/usr/bin/python3"
PEER = Path(__file__).with_name("gst_peer.py")
CHECK = "import gi; gi.require_version('GstWebRTC', '1.0'); from gi.repository import Gst; Gst.init(None); {}"
FOUND = "assert all(map(Gst.ElementFactory.find, ('webrtcbin', 'vp8enc', 'nicesrc', 'openh264enc')))"


@pytest.fixture(scope="module")
def gstreamer() -> None:
    """Debian's packages with webrtcbin, or the test is skipped; where browsers are required, so is this."""
    there = Path(DEBIAN_PYTHON).exists()
    if not there or subprocess.run([DEBIAN_PYTHON, "-c", CHECK.format(FOUND)], capture_output=True).returncode:
        pytest.skip(
            "GStreamer's webrtcbin is not installed (gstreamer1.0-nice, -plugins-bad, -plugins-good, python3-gi)"
        )


@dataclass
class GstPeer:
    """A running gst_peer.py and what it told."""

    process: asyncio.subprocess.Process
    told: list[dict[str, Any]] = field(default_factory=list)

    def last(self, name: str) -> Any:
        return next((facts[name] for facts in reversed(self.told) if name in facts), None)

    async def listen(self) -> None:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            self.told.append(json.loads(line))

    async def leave(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        await self.process.wait()


Start = Callable[..., Any]


@pytest.fixture
async def gst(hub: Hub, gstreamer: None) -> AsyncIterator[Start]:
    peers: list[tuple[GstPeer, asyncio.Task[None]]] = []

    async def start(way: str, token: str, codec: str = "VP8") -> GstPeer:
        words = [str(PEER), way, f"{hub.url}/api/v1/media/{way}/A01", token, codec]
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(DEBIAN_PYTHON, *words, stdin=pipe, stdout=pipe, limit=2**20)
        peer = GstPeer(process)
        peers.append((peer, asyncio.create_task(peer.listen())))
        return peer

    yield start
    for peer, listening in peers:
        if peer.process.returncode is None:
            await peer.leave()
        await listening


async def test_gstreamer_publishes_with_addresses_told_later_and_a_viewer_of_ours_sees_it(
    hub: Hub, board, running: Running, gst: Start
) -> None:
    viewer = VideoViewer(board, "A01", wall_ms)
    running(viewer)
    peer = await gst("whip", "vehicle")
    await eventually(lambda: viewer.frames_shown >= 20, f"20 pictures from GStreamer {peer.told[-3:]}")
    assert peer.last("status") == 201 and peer.last("patched") == 204
    await peer.leave()
    assert peer.last("deleted") == 200
    await eventually(lambda: ("stopped", "A01") in hub.told, "the stream to stop")


async def test_gstreamer_views_what_a_vehicle_of_ours_sends(hub: Hub, vehicle, running: Running, gst: Start) -> None:
    running(VideoPublisher(vehicle, "A01", open_camera("scene", wall_ms)))
    await eventually(lambda: ("started", "A01") in hub.told, "the stream to start")
    peer = await gst("whep", "board")
    await eventually(lambda: (peer.last("frames") or 0) >= 20, f"20 pictures at GStreamer {peer.told[-3:]}")
    await peer.leave()
    assert peer.last("deleted") == 200 and hub.plane.stats("A01")["viewers"] == []


CAMERA = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
# A client as the standards describe it, for both ways: sound and picture, the offer first and its addresses later.
CLIENT = """async ({ url, token, publish, codec }) => {
  const authorization = `Bearer ${token}`;
  const may = await fetch(url, { method: "OPTIONS" });
  const pc = new RTCPeerConnection({ bundlePolicy: "max-bundle" });
  const found = [];
  let session = null;
  pc.onicecandidate = ({ candidate }) => { if (candidate?.candidate) { found.push(candidate); send(); } };
  const kinds = ["audio", "video"];
  const media = publish ? await navigator.mediaDevices.getUserMedia({ audio: true, video: { width: 640 } }) : null;
  for (const kind of kinds) {
    const track = media?.getTracks().find((one) => one.kind === kind) ?? kind;
    pc.addTransceiver(track, { direction: publish ? "sendonly" : "recvonly" });
  }
  if (codec) {
    const { codecs } = RTCRtpReceiver.getCapabilities("video");
    const chosen = codecs.filter(({ mimeType }) => mimeType === codec || mimeType === "video/rtx");
    pc.getTransceivers()[1].setCodecPreferences(chosen);
  }
  await pc.setLocalDescription();
  const headers = { Authorization: authorization, "Content-Type": "application/sdp" };
  const answer = await fetch(url, { method: "POST", headers, body: pc.localDescription.sdp });
  await pc.setRemoteDescription({ type: "answer", sdp: await answer.text() });
  session = new URL(answer.headers.get("Location"), url).href;
  const etag = answer.headers.get("ETag");
  const patched = [];
  await send();
  async function send() {
    if (!session || !found.length) return;
    const lines = found.splice(0).map((one) => `a=${one.candidate}\\r\\n`);
    const body = `m=audio 9 UDP/TLS/RTP/SAVPF 111\\r\\na=mid:0\\r\\n${lines.join("")}`;
    const headers = { Authorization: authorization, "If-Match": etag };
    headers["Content-Type"] = "application/trickle-ice-sdpfrag";
    patched.push((await fetch(session, { method: "PATCH", headers, body })).status);
  }
  window[publish ? "publisher" : "viewer"] = {
    pc, patched, may: may.status, status: answer.status,
    leave: async () => { pc.close(); return (await fetch(session, { method: "DELETE", headers })).status; },
    stats: async () => [...(await pc.getStats()).values()].find(
      ({ type, kind }) => type === (publish ? "outbound-rtp" : "inbound-rtp") && kind === "video") ?? {},
  };
}"""


@pytest.fixture
async def page(hub: Hub) -> AsyncIterator[Any]:
    """A page of another origin than the hub's, with a fake camera."""
    async with launched(RTC[0], *CAMERA) as browser:
        opened = await browser.new_page()
        errors: list[str] = []
        opened.on("pageerror", lambda error: errors.append(str(error)))
        await opened.goto(hub.url.replace("127.0.0.1", "localhost"))
        yield opened
    assert errors == []


async def client(page: Any, hub: Hub, way: str, token: str, codec: str | None = None) -> None:
    url = f"{hub.url}/api/v1/media/{way}/A01"
    await page.evaluate(CLIENT, {"url": url, "token": token, "publish": way == "whip", "codec": codec})


async def decoded(page: Any, frames: int) -> None:
    """Until the page's viewer has decoded so many. Asked here, again and again: a promise is true before it is kept."""
    async with asyncio.timeout(60):
        while await page.evaluate("viewer.stats().then((told) => told?.framesDecoded ?? 0)") < frames:  # noqa: ASYNC110 - only it knows
            await asyncio.sleep(0.1)


@pytest.mark.browser
async def test_chromium_publishes_and_views_from_a_page_of_another_origin_without_its_sound(
    hub: Hub, board, running: Running, page
) -> None:
    ours = VideoViewer(board, "A01", wall_ms)
    running(ours)
    await client(page, hub, "whip", "vehicle")
    await client(page, hub, "whep", "board")
    await decoded(page, 20)
    await eventually(lambda: ours.frames_shown >= 20, "Chromium's pictures at a viewer of ours")
    for who in ("publisher", "viewer"):
        assert await page.evaluate(f"[{who}.may, {who}.status]") == [200, 201]
        assert set(await page.evaluate(f"{who}.patched")) == {204}
        directions = await page.evaluate(f"{who}.pc.getTransceivers().map((one) => one.currentDirection)")
        assert directions[0] in ("inactive", "stopped") and directions[1] in ("sendonly", "recvonly")
        assert await page.evaluate(f"{who}.leave()") == 200
    await eventually(lambda: ("stopped", "A01") in hub.told, "the stream to stop")
