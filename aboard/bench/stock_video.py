"""The peer of our video: the same camera through aiortc as it comes, from one process straight to another, no hub.

Its own encoder, pacing and jitter buffer; one hop where ours has two. Measured after ours, so that neither takes the
other's processor. Run as a module it is the sender: an offer on its input, an answer on its output, until input ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys

import av
import msgspec
from aiortc import MediaStreamTrack, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError

from casebook.clock import WallClock
from media.camera import open_camera
from media.receiver import top_luma
from media.stamp import find

READY_S = 30.0


def wall_ms() -> float:
    """The wall's ms since 1970, as the stamps have them."""
    return WallClock().now().timestamp() * 1000


async def stock_latencies_ms(seconds: float) -> list[float]:
    """Stamp to decoded frame for every frame of so many seconds; empty when no picture came."""
    sender = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "aboard.bench.stock_video", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    pc, told = RTCPeerConnection(), list[float]()
    reading: list[asyncio.Task[None]] = []
    pc.addTransceiver("video", direction="recvonly")
    pc.on("track", lambda track: reading.append(asyncio.create_task(_read(track, told))))
    try:
        await _connect(pc, sender)
        await asyncio.sleep(seconds)
    except TimeoutError:
        return []
    finally:
        for task in reading:
            task.cancel()
        await asyncio.gather(*reading, return_exceptions=True)
        await pc.close()
        await _end(sender)
    return told


async def _connect(pc: RTCPeerConnection, sender: asyncio.subprocess.Process) -> None:
    assert sender.stdin is not None and sender.stdout is not None
    await pc.setLocalDescription(await pc.createOffer())
    sender.stdin.write(_written(pc))
    await sender.stdin.drain()
    await pc.setRemoteDescription(_read_description(await asyncio.wait_for(sender.stdout.readline(), READY_S)))


async def _read(track: MediaStreamTrack, told: list[float]) -> None:
    with contextlib.suppress(MediaStreamError):
        while True:
            frame = await track.recv()
            assert isinstance(frame, av.VideoFrame)
            now_ms, stamp = wall_ms(), find(top_luma(frame))
            if stamp is not None:
                told.append(now_ms - stamp.wall_ms)


async def _end(sender: asyncio.subprocess.Process) -> None:
    assert sender.stdin is not None
    sender.stdin.close()
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(sender.wait(), 10)
    if sender.returncode is None:
        sender.kill()
        await sender.wait()


def _written(pc: RTCPeerConnection) -> bytes:
    return msgspec.json.encode({"type": pc.localDescription.type, "sdp": pc.localDescription.sdp}) + b"\n"


def _read_description(line: bytes) -> RTCSessionDescription:
    return RTCSessionDescription(**msgspec.json.decode(line))


async def _send() -> None:
    pc, camera = RTCPeerConnection(), open_camera("scene", wall_ms)
    try:
        await pc.setRemoteDescription(_read_description(await asyncio.to_thread(sys.stdin.buffer.readline)))
        pc.addTrack(camera.track())
        await pc.setLocalDescription(await pc.createAnswer())
        sys.stdout.buffer.write(_written(pc))
        sys.stdout.buffer.flush()
        await asyncio.to_thread(sys.stdin.buffer.read)
    finally:
        await pc.close()
        camera.close()


if __name__ == "__main__":
    asyncio.run(_send())
