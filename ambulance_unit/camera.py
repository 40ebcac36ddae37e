"""Which camera the vehicle has, by its setting; and its live media: picture, waves and live numbers sent to the hub.

Glue: opening, stamping and sending are media's. A light vehicle has neither.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
from aiortc import RTCCertificate

from ambulance_unit.picture_quality import NO_PICTURE, Quality, quality_of
from casebook.clock import WallClock
from casebook.errors import CoordinationError, FeedLost, RefusedInput
from media.camera import Camera, open_camera
from media.codec import CODECS, Codec, codec_named
from media.quality import STILLS
from media.sender import VideoPublisher, WavePublisher
from media.vehicle_key import WrongKey, short
from media.waveforms import Numerics, WavePacket


def choose_camera(setting: str, *, seed: int = 0, wall_ms: Callable[[], float] | None = None) -> Camera | None:
    """`setting`: ``scene`` (drawn), a file, ``v4l2:/dev/video0`` and the like, or ``none``.

    Raises RefusedInput (`no_camera`) when it cannot be opened.
    """
    if setting == "none":
        return None
    return open_camera(setting, wall_ms or wall_clock_ms, seed=seed)


def wall_clock_ms() -> float:
    """The wall's ms since 1970, for the stamp in the picture: latency is measured on the wall, also in a drill."""
    return WallClock().now().timestamp() * 1000


def choose_codec(setting: str) -> Codec:
    """The codec of the vehicle's picture: ``vp8``, also for an empty setting, or ``h264``. Raises RefusedInput."""
    codec = codec_named(setting or "vp8")
    if codec is None:
        raise RefusedInput("video_codec", codec=setting[:40], known=", ".join(CODECS))
    return codec


class LiveMedia:
    """Everything live that goes to the hub over WebRTC. Without a camera it carries waves and numbers only.

    `client` brings the hub's base URL and the vehicle's token; it is closed with the rest by `stop`. `certificate` is
    the one that the vehicle keeps.
    """

    def __init__(
        self,
        client: httpx.AsyncClient,
        unit: str,
        camera: Camera | None,
        *,
        codec: Codec = "VP8",
        certificate: RTCCertificate | None = None,
    ) -> None:
        self.camera, self._client = camera, client
        self.video = VideoPublisher(client, unit, camera, codec=codec, certificate=certificate) if camera else None
        self.waves = WavePublisher(client, unit, certificate=certificate)
        self._key = certificate.getFingerprints() if certificate else []
        self._tasks: list[asyncio.Task[None]] = []
        self._frames_seen = self._still_looks = 0

    def start(self) -> None:
        publishers = [self.waves, *([self.video] if self.video else [])]
        self._tasks = [asyncio.create_task(publisher.run()) for publisher in publishers]

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self.camera:
            self.camera.close()
        await self._client.aclose()

    def send(self, packet: WavePacket) -> bool:
        return self.waves.send(packet)

    def send_numerics(self, numerics: Numerics) -> bool:
        return self.waves.send_numerics(numerics)

    def look_at_picture(self) -> Quality:
        """How the picture goes out now. To be asked once a second: a camera falls silent without telling."""
        if self.video is None:
            return Quality(NO_PICTURE, "no_camera")
        frames, standing, connected = self.video.frames_sent, self.video.standing, self.video.link.connected.is_set()
        moves = standing.rung.is_video
        self._still_looks = self._still_looks + 1 if moves and connected and frames == self._frames_seen else 0
        self._frames_seen = frames
        return quality_of(
            standing.rung.name, str(standing.why), moves=moves, connected=connected, still_looks=self._still_looks
        )

    def wrong(self) -> CoordinationError | None:
        """What the crew should know of the media's link: the hub holds this vehicle to another key than its own."""
        error = self.waves.link.last_error
        if error is None or error.facts.get("why") != WrongKey.key:
            return None
        own = next((one.value for one in self._key if one.algorithm == "sha-256"), "")
        return FeedLost("media_key_refused", shown=short(own))

    def stills_fit(self) -> bool:
        """Whether the rung in force leaves room for stills."""
        return self.video is not None and self.video.standing.place >= STILLS

    def counts(self) -> dict[str, Any]:
        """What was sent and dropped, for the ledger; and the rung of the quality ladder in force, with its reason."""
        return {
            "frames_sent": self.video.frames_sent if self.video else 0,
            "waves_sent": self.waves.waves_sent,
            "numerics_sent": self.waves.numerics_sent,
            "dropped": self.waves.dropped,
            "video": bool(self.video and self.video.link.connected.is_set()),
            "rung": self.video.standing.rung.name if self.video else None,
            "rung_why": str(self.video.standing.why) if self.video else None,
        }
