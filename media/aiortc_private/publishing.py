"""Send a camera's pictures through an encoder of our own: paced, and at the rate that the receiver's reports allow.

In place of aiortc's sending loop. One frame is encoded and sent before the next is taken, so nothing queues: while the
link is busy the camera skips frames. How much and how fast is decided by `media.rate_control` and `media.pacer`.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable
from typing import Protocol

import av
from aiortc import RTCRtpSender
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack
from aiortc.rtcrtpparameters import RTCRtpCodecParameters
from aiortc.rtp import (
    RTCP_PSFB_APP,
    AnyRtcpPacket,
    RtcpPsfbPacket,
    RtcpRrPacket,
    unpack_remb_fci,
)

from media.aiortc_private.names import read
from media.aiortc_private.sending import OutgoingPacket, Outlet
from media.pacer import Pacer
from media.rate_control import RateControl

log = logging.getLogger(__name__)

DRAIN_S = 0.3  # nothing is sent for so long when the link has become thin at once: what jams it passes first
KEY_FRAME_SHARE = 0.5  # of the target: on a jammed link key frames that replace each other would keep it jammed
SEQ_START_MAX = 1 << 15  # a wrap right after the start breaks SRTP's packet index


class Encoder(Protocol):
    """What turns a picture into RTP payloads and a timestamp (90 kHz); called in a worker thread, one at a time."""

    def encode(self, frame: av.VideoFrame, target_bps: int, *, key_frame: bool = False) -> tuple[list[bytes], int]: ...


class CameraSender:
    """Takes over an RTCRtpSender before it starts. `on_report` is called after each report of the receiver."""

    def __init__(
        self,
        sender: RTCRtpSender,
        encoder: Encoder,
        rate: RateControl,
        on_report: Callable[[], None] = lambda: None,
    ) -> None:
        self._sender, self._encoder, self.rate = sender, encoder, rate
        self._on_report = on_report
        self._track: MediaStreamTrack = sender.track
        self._pacer = Pacer()
        self._key_frame_wanted = False
        self._key_frame_from_s = float("-inf")  # the next one is made no sooner
        self._drained_at_s = float("-inf")
        self._seq = random.randrange(SEQ_START_MAX)
        self._timestamp_shift = random.getrandbits(32)
        self._hear_rtcp = sender._handle_rtcp_packet
        self.outlet = Outlet(sender, self._note_sent)
        self.bytes_sent = self.key_frames_sent = 0
        sender._run_rtp = self._run_rtp  # type: ignore[method-assign]
        sender._send_keyframe = self._want_key_frame  # type: ignore[method-assign]
        sender._handle_rtcp_packet = self._hear  # type: ignore[method-assign]

    def _want_key_frame(self) -> None:
        self._key_frame_wanted = True

    def _begin_again(self) -> None:
        """The link has become thin at once: packets are lost, and to repeat them would keep it jammed. Let it drain,
        then go on with a key frame at the rate that it still carries: nobody need ask for it."""
        now_s = asyncio.get_running_loop().time()
        self.outlet.history.forget()
        self._key_frame_wanted = True
        self._drained_at_s = self._key_frame_from_s = now_s + DRAIN_S

    async def _hear(self, packet: AnyRtcpPacket) -> None:
        """Take what a report says about the link, then let aiortc do with it what it does."""
        ssrc = self.outlet.ssrc
        if isinstance(packet, RtcpRrPacket):
            for report in packet.reports:
                if report.ssrc == ssrc:
                    self.rate.reported(report.fraction_lost / 256)
                    self._on_report()
        elif isinstance(packet, RtcpPsfbPacket) and packet.fmt == RTCP_PSFB_APP:
            estimate_bps = _estimate_for(ssrc, packet.fci)
            if estimate_bps is not None:
                if self.rate.estimated(estimate_bps):
                    self._begin_again()
                self._on_report()
        await self._hear_rtcp(packet)

    async def _run_rtp(self, codec: RTCRtpCodecParameters) -> None:
        assert codec.payloadType is not None
        self.outlet.begin()
        read(self._sender, "rtp_started").set()
        try:
            while True:
                await self._send_next(codec.payloadType)
        except (asyncio.CancelledError, ConnectionError, MediaStreamError):
            pass
        except Exception:
            log.exception("media: the camera's sender failed")
        finally:
            self._track.stop()
            read(self._sender, "rtp_exited").set()  # without it closing the connection would wait for ever

    async def _send_next(self, payload_type: int) -> None:
        loop = asyncio.get_running_loop()
        await asyncio.sleep(max(0.0, self._drained_at_s - loop.time()))
        frame = await self._track.recv()
        assert isinstance(frame, av.VideoFrame)
        key_frame = self._key_frame_wanted and loop.time() >= self._key_frame_from_s
        payloads, timestamp = await loop.run_in_executor(None, self._encode, frame, key_frame)
        if key_frame:
            self._key_frame_wanted = False
            self._note_key_frame(sum(map(len, payloads)), loop.time())
        for number, payload in enumerate(payloads, 1):
            if wait_s := self._pacer.wait_s(loop.time()):
                await asyncio.sleep(wait_s)
            shifted = (timestamp + self._timestamp_shift) & 0xFFFFFFFF
            outgoing = OutgoingPacket(self._seq, shifted, int(number == len(payloads)), payload)
            self._seq = (self._seq + 1) & 0xFFFF
            self.outlet.send(outgoing, payload_type)

    def _encode(self, frame: av.VideoFrame, key_frame: bool) -> tuple[list[bytes], int]:
        return self._encoder.encode(frame, self.rate.target_bps, key_frame=key_frame)

    def _note_key_frame(self, size_bytes: int, at_s: float) -> None:
        self.key_frames_sent += 1
        self._key_frame_from_s = at_s + size_bytes * 8 / (KEY_FRAME_SHARE * self.rate.target_bps)

    def _note_sent(self, size_bytes: int) -> None:
        self.bytes_sent += size_bytes
        self._pacer.sent(size_bytes, self.rate.target_bps, asyncio.get_running_loop().time())


def _estimate_for(ssrc: int, fci: bytes) -> int | None:
    """The receiver's estimate (REMB) in bit/s, when it is one and speaks of this stream."""
    try:
        bps, ssrcs = unpack_remb_fci(fci)
    except ValueError:
        return None
    return bps if ssrc in ssrcs else None
