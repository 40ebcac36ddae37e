"""The vehicle's side: publish the camera and the live waves to the hub, and publish again whenever the link was lost.

What is captured comes from the camera and the monitor; the durable record of vital signs is the outbox's. Counters tell
what was sent and what was dropped because nobody could take it.
"""

from __future__ import annotations

import asyncio
import logging
import random

import httpx
from aiortc import RTCCertificate, RTCDataChannel, RTCPeerConnection

from media.aiortc_private import CameraSender
from media.camera import Camera, CameraTrack
from media.codec import Codec, capabilities
from media.dscp import Mark
from media.encoder import encoder_for
from media.link import Link
from media.quality import BESIDE_VIDEO_KBPS, RUNGS, Standing, highest_that_fits, stand
from media.rate_control import BitRate, RateControl
from media.signalling import WAVES_SUFFIX
from media.wave_stream import NUMERICS_BACKLOG_BYTES, offer_live, open_wave_channels
from media.waveforms import Numerics, WavePacket, encode, encode_numerics

log = logging.getLogger(__name__)


class VideoPublisher:
    """Publishes `camera` as stream `unit`. `client` brings the hub's base URL and the vehicle's token.

    `standing` tells the rung of the quality ladder in force, why and since when; without connection the last one.
    """

    def __init__(
        self,
        client: httpx.AsyncClient,
        unit: str,
        camera: Camera,
        *,
        bit_rate: BitRate | None = None,
        codec: Codec = "VP8",
        certificate: RTCCertificate | None = None,
        rng: random.Random | None = None,
    ) -> None:
        self.codec: Codec = codec
        self._unit, self._camera, self._bit_rate = unit, camera, bit_rate or BitRate()
        self._top = best_rung(camera.height, camera.fps)
        self.standing = Standing(self._top)
        self._tracks: list[CameraTrack] = []
        self._sent_before = 0
        self.sending: CameraSender | None = None  # of the present connection: its target and what it sent
        self.link = Link(
            client, f"whip/{unit}", self._prepare, spent=self._camera_ended, certificate=certificate,
            marked=Mark.PICTURE, rng=rng,
        )  # fmt: skip

    @property
    def frames_sent(self) -> int:
        """Frames given to the encoder on any connection so far."""
        return self._sent_before + sum(track.frames_sent for track in self._tracks)

    async def run(self) -> None:
        """Publish until cancelled."""
        await self.link.run()

    def _camera_ended(self) -> bool:
        return any(track.lost is not None for track in self._tracks)

    def _prepare(self, pc: RTCPeerConnection) -> None:
        self._sent_before, track = self.frames_sent, self._camera.track()
        self._tracks = [track]
        transceiver = pc.addTransceiver(track, direction="sendonly")
        transceiver.setCodecPreferences(capabilities(self.codec))
        rate = RateControl(self._bit_rate)
        self.standing = self._first_standing()
        self._carry_out(track)
        self.sending = CameraSender(
            transceiver.sender, encoder_for(self.codec, self._bit_rate), rate, on_report=lambda: self._look(rate, track)
        )

    def _first_standing(self) -> Standing:
        carried_kbps = BESIDE_VIDEO_KBPS + self._bit_rate.start_bps / 1000
        return Standing(highest_that_fits(carried_kbps, top=self._top), since_s=_now_s())

    def _look(self, rate: RateControl, track: CameraTrack) -> None:
        """A report came: stay on the rung or change it. Waves and numbers go beside the video that is measured."""
        before = self.standing
        if not before.rung.is_video:
            rate.rest()
        carries_kbps = None if rate.carries_bps is None else BESIDE_VIDEO_KBPS + rate.carries_bps / 1000
        self.standing = stand(before, carries_kbps, _now_s(), top=self._top)
        if self.standing.place != before.place:
            log.info("video of %s: %s, %s", self._unit, self.standing.rung.name, self.standing.why)
            self._carry_out(track)

    def _carry_out(self, track: CameraTrack) -> None:
        track.fit(self.standing.rung.height, self.standing.rung.fps)


def _now_s() -> float:
    return asyncio.get_running_loop().time()


def best_rung(height: int, fps: int) -> int:
    """The place of the first rung that asks no less of a camera than it has: a better one would show nothing more."""
    fits = (
        place
        for place, rung in enumerate(RUNGS)
        if rung.height and rung.fps and rung.height >= height and rung.fps >= fps
    )
    return next(fits, len(RUNGS) - 1)


class WavePublisher:
    """Publishes live waves and numerics of `unit` on a connection of their own, so that video cannot delay them."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        unit: str,
        *,
        certificate: RTCCertificate | None = None,
        rng: random.Random | None = None,
    ) -> None:
        self._waves: RTCDataChannel | None = None
        self._numerics: RTCDataChannel | None = None
        self.waves_sent = self.numerics_sent = self.dropped = 0
        self.link = Link(
            client, f"whip/{unit}{WAVES_SUFFIX}", self._prepare, certificate=certificate, marked=Mark.WAVES, rng=rng
        )

    async def run(self) -> None:
        """Stay connected until cancelled."""
        await self.link.run()

    def send(self, packet: WavePacket) -> bool:
        """Send a packet now, or drop it: False when the link is down or still holds an earlier one."""
        if self._waves is not None and offer_live(self._waves, encode(packet)):
            self.waves_sent += 1
            return True
        self.dropped += 1
        return False

    def send_numerics(self, numerics: Numerics) -> bool:
        """Send numbers for the live view; False when the link is down. The record of them goes by the outbox."""
        channel = self._numerics
        if channel is None or channel.readyState != "open" or channel.bufferedAmount > NUMERICS_BACKLOG_BYTES:
            self.dropped += 1
            return False
        channel.send(encode_numerics(numerics))
        self.numerics_sent += 1
        return True

    def _prepare(self, pc: RTCPeerConnection) -> None:
        self._waves, self._numerics = open_wave_channels(pc)
